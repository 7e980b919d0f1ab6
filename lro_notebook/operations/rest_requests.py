"""The service's side over REST: one operation, their list, and what the embedded service says of itself."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lro_notebook.errors import ApiError, Code, ConfigError, LroError, StartUnknown
from lro_notebook.http import addresses
from lro_notebook.http.paging import paginate
from lro_notebook.http.responses import NoResponse, ResponseLost
from lro_notebook.operations.adapters import jobs
from lro_notebook.operations.progress import Progress
from lro_notebook.operations.resource import OperationResource, listing_parent, operation_id, operation_parent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from lro_notebook.http.session import Session
    from lro_notebook.operations.journal import StartRecord

#: Clocks of two machines differ; operations created this much before a lost start still count as candidates.
_SKEW = timedelta(seconds=30)
PAGE_SIZE = 1000  # operations that a page is asked to hold; services give fewer as they like
_log = logging.getLogger(__name__)


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
    """One operation at its service; a `poller.Source`."""

    def __init__(self, session: Session, path: str, not_found_hint: str) -> None:
        self._session, self._path, self._not_found_hint = session, path, not_found_hint

    @property
    def lane(self) -> str:
        """The host that is asked."""
        return self._session.endpoint

    @property
    def version(self) -> str:
        """The API version that it is read with."""
        return self._session.version_of(self._path)

    def poll(self) -> OperationResource:
        """Read it with a single request."""
        return self._it(
            self._session.call("GET", self._path, role="poll", not_found_hint=self._not_found_hint)
        )

    def get(self) -> OperationResource:
        """Read it, trying again through passing failures."""
        return self._it(
            self._session.call("GET", self._path, role="read", not_found_hint=self._not_found_hint)
        )

    def wait(self, seconds: float) -> OperationResource | None:
        """Have the service wait for the end, at most so many seconds; None where it does not offer that."""
        body = {"timeout": f"{max(0.0, seconds):.3f}s"}
        try:
            answer = self._session.call("POST", f"{self._path}:wait", role="poll", json=body)
        except ApiError as error:
            if error.code in (Code.UNIMPLEMENTED, Code.NOT_FOUND, Code.INVALID_ARGUMENT):
                return None
            raise
        return self._it(answer)

    def cancel(self) -> None:
        """Ask for its cancellation."""
        self._session.call(
            "POST", f"{self._path}:cancel", role="read", json={}, not_found_hint=self._not_found_hint
        )

    def _it(self, answer: dict[str, Any]) -> OperationResource:
        """Return the operation in an answer; what is none, or another one, is as passing as no JSON."""
        url = str(self._session.url(self._path))
        try:
            resource = jobs.read(answer)
        except ConfigError as error:
            raise NoResponse("the answer is no operation", url=url) from error
        # Of the name only the id has to be the same: many services put the number of a project for its id.
        if operation_id(resource.name) != operation_id(self._path):
            raise NoResponse("the answer is another operation", url=url)
        return resource


class RemoteListing:
    """The operations of one parent at their service; a `batch_poller.Listing`."""

    def __init__(self, session: Session, path: str) -> None:
        self._session, self._path = session, path

    @property
    def lane(self) -> str:
        """The host that is asked."""
        return self._session.endpoint

    def __call__(self) -> Iterator[Sequence[dict[str, Any]]]:
        """Iterate over the pages, with one single request for each."""
        return pages(self._session, self._path, role="poll", page_size=PAGE_SIZE)


def pages(
    session: Session,
    path: str,
    *,
    role: Literal["read", "poll"],
    page_size: int | None = None,
    filter_: str | None = None,
) -> Iterator[Sequence[dict[str, Any]]]:
    """Iterate over the pages of ``GET {path}``, a list of operations, as JSON objects."""
    params: dict[str, str | int] = {"filter": filter_} if filter_ else {}
    if page_size:
        params["pageSize"] = page_size

    def fetch(token: str | None) -> dict[str, Any]:
        return session.call(
            "GET", path, role=role, params={**params, **({"pageToken": token} if token else {})}
        )

    return paginate(fetch, "operations", where=str(session.url(path)))


def ask_local(session: Session) -> LocalService | None:
    """Ask a service on loopback whether it is the embedded one."""
    try:
        answer = session.call("GET", ".lro-local", role="poll")
    except LroError:
        return None
    if answer.get("service") != "lro-notebook-local":
        return None
    places = answer.get("dataDir"), answer.get("buckets")
    if not all(isinstance(place, str) for place in places):
        return None
    return LocalService(*(Path(str(place)) for place in places))


def read_operation(session: Session, name: str, not_found_hint: str = "") -> tuple[OperationResource, str]:
    """Return an operation, as it is now, and the API version that it was read with.

    Raises
    ------
    ConfigError
        `name`, or the one in the answer, can be no name of an operation.
    """
    name = addresses.operation(name)
    source = RemoteOperation(session, name, not_found_hint or listing_hint(name))
    resource = source.get()
    addresses.operation(resource.name)
    return resource, source.version


#: What may be where an operation is not found.
KEPT = "Records of ended operations are kept for a limited time (about 30 days at Cloud Healthcare)."


def listing_hint(name: str) -> str:
    """Return what to do next where operation `name` is not found by a `Client`."""
    parent = operation_parent(name)
    where = parent or "this service"
    return f"The operations under {where} are listed by client.list({parent!r}). {KEPT}"


def begun(answer: dict[str, Any]) -> OperationResource:
    """Return the operation in the answer to a start request; an answer without one counts as lost."""
    try:
        resource = OperationResource.from_dict(answer)
        addresses.operation(resource.name)
    except ConfigError as error:
        raise ResponseLost(f"the answer is no operation ({error})") from error
    return resource


def operations_of(items: Iterable[Mapping[str, Any]]) -> Iterator[OperationResource]:
    """Yield the operations in a page; an item that is none is left out, with a warning in the log."""
    for item in items:
        try:
            yield jobs.read(item)
        except ConfigError:
            _log.warning("an item in a list of operations is no operation and was left out")


def start_unknown(session: Session, record: StartRecord, lost: ResponseLost) -> StartUnknown:
    """Return the error for a start whose answer was lost, with what was created since."""
    parent = listing_parent(record.target)
    candidates: list[str] = []
    try:
        for page in pages(session, f"{parent}/operations", role="read"):
            candidates += [
                item.name for item in operations_of(page) if _created_since(item, record.requested - _SKEW)
            ]
        outcome = "Since then no operation was created there; it may still appear."
        if candidates:
            ids = ", ".join(map(operation_id, candidates))
            outcome = f"Created since then: {ids}; one of them may be yours."
    except LroError as error:
        outcome = f"Which operations were created since cannot be listed ({type(error).__name__})."
    return StartUnknown(
        f"{record.method} on {record.target} was sent, but {lost}; it may or may not run. {outcome} "
        "It was not sent again. Look at the operations there before you start it once more.",
        candidates=candidates,
    )


def _created_since(resource: OperationResource, moment: datetime) -> bool:
    progress = Progress.from_resource(resource)
    created = progress.created or progress.began
    return created is not None and created >= moment
