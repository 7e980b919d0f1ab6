"""The far end: one operation at its service over REST, and what the embedded service says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lro_notebook.errors import LroError
from lro_notebook.resource import OperationResource, operation_parent

if TYPE_CHECKING:
    from lro_notebook.rest import Rest


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
        return OperationResource.from_dict(
            self._rest.call("GET", self._path, role="poll", missing=self._missing)
        )

    def get(self) -> OperationResource:
        """Read it, trying again through passing failures."""
        return OperationResource.from_dict(
            self._rest.call("GET", self._path, role="read", missing=self._missing)
        )

    def cancel(self) -> None:
        """Ask for its cancellation."""
        self._rest.call("POST", f"{self._path}:cancel", role="read", json={}, missing=self._missing)


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
