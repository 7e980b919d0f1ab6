"""What to say when a file cannot be read to its end: which one, how far it came, why, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lro_notebook.errors import ResultError
from lro_notebook.results.location import faults, kind_of
from lro_notebook.results.remote.retried_calls import StalledError, TruncatedError, is_forbidden, status_of
from lro_notebook.results.remote.versions import Version

if TYPE_CHECKING:
    from lro_notebook.results.remote.retried_calls import Call, Calls
    from lro_notebook.results.shards import Shard

_GONE = {404, 410}
_TELLING = {*_GONE, 412, 416}  # the file may be another one now


class Reached(NamedTuple):
    """How far a reading came.

    Attributes
    ----------
    place : int
        Bytes of the file that were read.
    size : int or None
        All of them.
    files, of : int
        Files that were read to their end, and all.
    tries : int
        How often the request was made.
    timeout : float
        Seconds that each was waited for.
    """

    place: int
    size: int | None
    files: int
    of: int
    tries: int = 1
    timeout: float = 0

    def __str__(self) -> str:
        size = "" if self.size is None else f" of {self.size:,}"
        return f"{self.place:,}{size} bytes of it and {self.files:,} of {self.of:,} files were read"


def changed(uri: str) -> ResultError:
    """Return the error for a file that is not what was listed any more."""
    return ResultError(f"{uri} changed while it was being read; load again. Nothing of it was kept")


def failure(
    calls: Calls, shard: Shard, version: Version, error: BaseException, reached: Reached
) -> ResultError:
    """Return what to raise for `error`; asks the file system what has become of the file."""
    is_gone = isinstance(error, FileNotFoundError) or status_of(error) in _GONE
    if is_gone or isinstance(error, TruncatedError) or status_of(error) in _TELLING:
        now = _now(calls, shard)
        if now is not None and version.differs(now):
            return changed(shard.uri)
    kind = kind_of(error)
    if isinstance(error, StalledError):
        why = f"{reached.tries} times there was no answer within {reached.timeout:g} seconds"
        todo = "see that the network is up, and load again; on a slow line with streams=4"
    elif is_gone:
        why = f"{kind}: it was deleted, or access to it was taken away"
        todo = "load again to read what is there now"
    elif is_forbidden(error):
        why = f"{kind}: permission to read it is missing, or was taken away"
        todo = "ask for it (storage.objects.get on Cloud Storage) or sign in again, then load again"
    elif isinstance(error, TruncatedError):
        why = f"{reached.tries} times the answer ended too early ({error})"
        todo = "load again; if it stays so, download the file and read it from there"
    else:
        status = status_of(error)
        why = f"{kind}{f' {status}' if status else ''}, {reached.tries} times"
        todo = "load again; fewer requests at once, as with streams=4, help where they are too many"
    return ResultError(f"{shard.uri} cannot be read: {why}. {reached}; {todo}. Tables that were loaded stay")


def _now(calls: Calls, shard: Shard) -> Version | None:
    """Return in which state a file is now; None if that cannot be told."""
    call: Call[Version] = calls.begin("info", shard.path, Version.of)
    try:
        return call.result()
    except faults():  # `StalledError` is one of them
        return None
