"""The connections of httpx after a fork: the child lets go of those that are its parent's.

httpx has no public way to do this. A pool that does not have the private attributes it needs is left alone,
and `leave` says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator


def leave(owner: httpx.Client | httpx.BaseTransport) -> bool:
    """Close this process's copies of the sockets of a client or transport, and let its pools begin afresh.

    Nothing is sent, not even the end of a TLS session: the connections go on in the parent.

    Returns
    -------
    bool
        False if a pool is built differently than expected, so it must not be used in this process.
    """
    transports = (
        [owner._transport, *owner._mounts.values()]  # noqa: SLF001 - there is no public name
        if isinstance(owner, httpx.Client)
        else [owner]
    )
    emptied = [_empty(pool) for transport in transports for pool in _pools(transport)]
    return all(emptied)


def _pools(transport: object) -> Iterator[Any]:
    """Iterate over the pools of a transport, and of those that it wraps."""
    if isinstance(transport, httpx.HTTPTransport):
        yield getattr(transport, "_pool", None)
    elif isinstance(transport, httpx.BaseTransport):
        for inner in getattr(transport, "__dict__", {}).values():
            yield from _pools(inner)


def _empty(pool: Any) -> bool:
    lock = getattr(pool, "_optional_thread_lock", None)
    if lock is None or not hasattr(pool, "_connections") or not hasattr(pool, "_requests"):
        return False
    connections, pool._connections, pool._requests = pool._connections, [], []  # noqa: SLF001 - as above
    pool._optional_thread_lock = type(lock)()  # noqa: SLF001
    for connection in connections:
        connection.close()
    return True
