"""A second answer behind the one to a request: on a kept connection it would be taken for that to the next.

httpcore closes an idle connection whose socket has bytes to read. It does not see those that came together
with an answer and were read with it; for these it has no public name, so what is private is looked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

#: From the body of an `httpx.HTTPTransport`'s response to the HTTP/1.1 parser of its connection.
_TO_PARSER = ("_httpcore_stream", "_stream", "_connection", "_h11_state")


def drop_spoiled(response: httpx.Response) -> bool:
    """Close the connection of a response, read to its end, where more than it came; tell whether it was so.

    The pool drops a connection that is closed, and opens another one for the next request.
    """
    connection: Any = response.extensions.get("network_stream")
    if connection is None or not (_unparsed(response) or _undecrypted(connection)):
        return False
    connection.close()
    return True


def _unparsed(response: httpx.Response) -> bool:
    found: Any = response.stream
    for name in _TO_PARSER:
        found = getattr(found, name, None)
    return bool(getattr(found, "trailing_data", (b"", False))[0])


def _undecrypted(connection: Any) -> bool:
    """Tell whether TLS holds bytes that its socket has no more."""
    pending = getattr(connection.get_extra_info("ssl_object"), "pending", None)
    return pending is not None and pending() > 0
