"""The far end: one operation at its service over REST, and what the embedded service says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lro_notebook.answers import NoAnswer
from lro_notebook.errors import ConfigError, LroError
from lro_notebook.resource import OperationResource, operation_parent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lro_notebook.rest import Rest

PAGE_SIZE = 1000  # operations that a page is asked to hold; services give fewer as they like


@dataclass(frozen=True, slots=True)
class LocalService:
    """What the embedded service says of itself.

    Attributes
    ----------
    data_dir : Path
        Its folder.
    buckets : Path
        The folder whose sub-folders are the ``gs://`` buckets.
    """

    data_dir: Path
    buckets: Path


class RemoteOperation:
    """One operation at its service; a `following.Source`."""

    def __init__(self, rest: Rest, path: str, missing: str) -> None:
        self._rest, self._path, self._missing = rest, path, missing

    @property
    def version(self) -> str:
        """The API version that it is read with."""
        return self._rest.version_of(self._path)

    def poll(self) -> OperationResource:
        """Read it with a single request."""
        answer = self._rest.call("GET", self._path, role="poll", missing=self._missing)
        try:
            return OperationResource.from_dict(answer)
        except ConfigError as error:  # as passing as an answer that is no JSON
            raise NoAnswer("the answer is no operation", url=str(self._rest.url(self._path))) from error

    def get(self) -> OperationResource:
        """Read it, trying again through passing failures."""
        return OperationResource.from_dict(
            self._rest.call("GET", self._path, role="read", missing=self._missing)
        )

    def cancel(self) -> None:
        """Ask for its cancellation."""
        self._rest.call("POST", f"{self._path}:cancel", role="read", json={}, missing=self._missing)


class RemoteListing:
    """The operations of one parent at their service; a `flock.Listing`."""

    def __init__(self, rest: Rest, path: str) -> None:
        self._rest, self._path = rest, path

    def __call__(self) -> Iterator[Sequence[dict[str, Any]]]:
        """Iterate over the pages, with one single request for each."""
        return pages(self._rest, self._path, role="poll", page_size=PAGE_SIZE)


def pages(
    rest: Rest,
    path: str,
    *,
    role: Literal["read", "poll"],
    page_size: int | None = None,
    filter_: str | None = None,
) -> Iterator[Sequence[dict[str, Any]]]:
    """Iterate over the pages of ``GET {path}``, a list of operations, as JSON (AIP-158)."""
    params: dict[str, str | int] = {"filter": filter_} if filter_ else {}
    if page_size:
        params["pageSize"] = page_size
    while True:
        page = rest.call("GET", path, role=role, params=params)
        yield page.get("operations") or ()
        token = page.get("nextPageToken")
        if not token or token == params.get("pageToken"):
            return
        params["pageToken"] = token


def ask_local(rest: Rest) -> LocalService | None:
    """Ask a service on loopback whether it is the embedded one."""
    try:
        answer = rest.call("GET", ".lro-local", role="poll")
    except LroError:
        return None
    if answer.get("service") != "lro-notebook-local":
        return None
    return LocalService(data_dir=Path(answer["dataDir"]), buckets=Path(answer["buckets"]))


def missing_hint(name: str) -> str:
    """Return what to do next where operation `name` is not found."""
    parent = operation_parent(name)
    return (
        f"The operations under {parent or 'this service'} are listed by client.list({parent!r}); "
        "records of ended operations are kept for a limited time (about 30 days at Cloud Healthcare)."
    )
