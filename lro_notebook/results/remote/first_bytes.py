"""First looks at many files at once: their first bytes, and what the file system says of them."""

from __future__ import annotations

import posixpath
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from lro_notebook.errors import ResultError
from lro_notebook.results.file_systems import is_serial, pinned, unbuffered
from lro_notebook.results.location import bare, cause_of, faults, kind_of
from lro_notebook.results.remote.retried_calls import Calls, TruncatedError, in_order
from lro_notebook.results.remote.versions import Version

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence

    from lro_notebook.results.location import Location
    from lro_notebook.results.remote.retried_calls import Fetch
    from lro_notebook.results.shards import Shard


#: Files; so many are asked for one by one.
_MANY = 8


class _Look(NamedTuple):
    """A method of a file system, called for a path, and what takes its result."""

    method: str
    path: str
    how: Mapping[str, Any]
    check: Callable[[Any], Any] | None = None


def starts_of(
    location: Location, infos: Sequence[Mapping[str, Any]], size: int, fetch: Fetch
) -> Generator[bytes]:
    """Yield the first `size` bytes of each file that `infos` tell of, in order, as they were listed.

    Raises
    ------
    ResultError
        One of them cannot be read.
    """
    fs = location.fs

    def look(info: Mapping[str, Any]) -> _Look:
        version = Version.of(info)
        span = {} if version.whole else {"start": 0, "end": size}
        how = {**span, **(pinned(fs, version.generation) or {}), **unbuffered(fs)}
        least = 0 if version.whole else min(size, version.size or 0)
        return _Look("cat_file", info["name"], how, partial(_start, size, least))

    return _seen(location, map(look, infos), fetch)


def infos_of(location: Location, paths: Sequence[str], fetch: Fetch) -> list[Mapping[str, Any]]:
    """Return what the file system says of each file, in order.

    Raises
    ------
    ResultError
        One of them is not there, or cannot be asked for.
    """
    return list(_seen(location, [_Look("info", path, {}) for path in paths], fetch))


def states_of(location: Location, shards: Sequence[Shard], fetch: Fetch) -> list[Version]:
    """Return in which state each file is now, in order: of many, by listing anew what was listed for them.

    Raises
    ------
    ResultError
        One of them is not there any more, or cannot be asked for.
    """
    listed = _listed_again(location, shards, fetch) if len(shards) > _MANY else {}
    unlisted = [shard.path for shard in shards if shard.path not in listed]
    infos = {**listed, **dict(zip(unlisted, infos_of(location, unlisted, fetch), strict=True))}
    return [Version.of(infos[shard.path]) for shard in shards]


def _listed_again(location: Location, shards: Sequence[Shard], fetch: Fetch) -> dict[str, Mapping[str, Any]]:
    """Return what a listing of their folder says of `shards`; nothing where it might be far larger."""
    head, star, _ = location.path.partition("*")
    base = head.rpartition("/")[0] or ("" if star else head)
    parents = {shard.path.rpartition("/")[0] for shard in shards}
    common = posixpath.commonpath(parents) if all(parents) else ""
    if not base or "://" in base or not f"{common}/".startswith(f"{base}/"):
        return {}
    method = "ls" if len(parents) == 1 else "find"
    (found,) = _seen(location, [_Look(method, common, {"detail": True})], fetch)
    return {info["name"]: info for info in (found if method == "ls" else found.values())}


def _start(size: int, least: int, data: bytes) -> bytes:
    if len(data) < least:
        raise TruncatedError(f"{len(data)} of {least} bytes")
    return data[:size]


def _seen(location: Location, looks: Iterable[_Look], fetch: Fetch) -> Generator[Any]:
    fs = location.fs
    if not location.is_remote or is_serial(fs):
        for look in looks:
            with _named(location, look.path):
                result = getattr(fs, look.method)(look.path, **look.how)
            yield result if look.check is None else look.check(result)
        return
    calls = Calls(fs, fetch)

    def begin(look: _Look) -> Any:
        return calls.begin(look.method, look.path, look.check, **look.how)

    try:
        for look, result in in_order(begin, looks, fetch.streams):
            with _named(location, look.path):
                seen = result()
            yield seen
    finally:
        calls.close()


@contextmanager
def _named(location: Location, path: str) -> Iterator[None]:
    try:
        yield
    except faults() as error:
        name = bare(location.uri_of(path))
        raise ResultError(f"{name} cannot be read: {kind_of(error)}") from cause_of(error, path)
