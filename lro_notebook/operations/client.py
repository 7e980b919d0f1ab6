"""`Client`: the operations of any Google API, from the start request to the handle that follows them.

It joins HTTP, the journal and the pollers; it knows no particular API.
"""

from __future__ import annotations

import atexit
import time
import weakref
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Self

from lro_notebook import forking
from lro_notebook.errors import LroError
from lro_notebook.http import addresses
from lro_notebook.http.responses import CLOSED, MOST, ResponseLost
from lro_notebook.operations.handles import Handles
from lro_notebook.operations.journal import Journal, StartRecord
from lro_notebook.operations.resource import method_title, project_of, target_of
from lro_notebook.operations.rest_requests import (
    LocalService,
    RemoteOperation,
    ask_local,
    begun,
    listing_hint,
    operations_of,
    pages,
    read_operation,
    start_unknown,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import httpx

    from lro_notebook.http.session import Session
    from lro_notebook.operations.operation import Operation
    from lro_notebook.operations.polling_policy import PollPolicy
    from lro_notebook.operations.resource import OperationResource
    from lro_notebook.operations.scheduler import Scheduler

HEALTHCARE = "https://healthcare.googleapis.com"
_PATIENCE = 0.7  # of the time that a request may take: how long the service may wait in it


class Client:
    """Starts, reads, lists and cancels the operations of one Google API.

    May be used from any thread; a context manager that closes it at the end.

    Parameters
    ----------
    endpoint : str
        Such as ``https://healthcare.googleapis.com`` or ``https://vision.googleapis.com/v1p1beta1``.
        Without a version, ``v1`` is meant; a path that starts with a version uses that one.
    credentials : google.auth.credentials.Credentials, str or None
        A credentials object, a bearer token, or None: application-default credentials for Google's
        hosts, none elsewhere. They go to this endpoint only.
    timeout : float
        Seconds that one request may take without progress; in all it may take twice as long, and a second
        more for every 100 kB of its body and its answer.
    max_answer : int
        Bytes that one answer may have, decoded.
    transport : httpx.BaseTransport, optional
        What carries the requests; for tests and proxies.
    revive : callable, optional
        Restarts a local service and returns its (endpoint, token); see `http.session`.
    local : LocalService, optional
        The embedded service, if the caller knows that it talks to it.
    journal, scheduler : optional
        Where starts are recorded, and what polls; for tests.
    policy : PollPolicy, optional
        When its operations are polled.

    Examples
    --------
    >>> client = ds.client
    >>> body = {"gcsDestination": {"uriPrefix": "gs://demo-out/by-client"}}
    >>> client.start("POST", f"{store.name}:export", body).wait().state
    'SUCCEEDED'
    >>> [each.done() for each in client.list(ds.name) if each.id == op.id]
    [True]
    """

    borrowed: ClassVar[bool] = False  # of a client that stands for one of another library
    _open: ClassVar[weakref.WeakSet[Client]] = weakref.WeakSet()

    def __init__(
        self,
        endpoint: str = HEALTHCARE,
        *,
        credentials: Any = None,
        timeout: float = 30.0,
        max_answer: int = MOST,
        transport: httpx.BaseTransport | None = None,
        revive: Callable[[], tuple[str, str]] | None = None,
        local: LocalService | None = None,
        journal: Journal | None = None,
        scheduler: Scheduler | None = None,
        policy: PollPolicy | None = None,
    ) -> None:
        from lro_notebook.http.session import Session  # httpx, which costs as much as all the rest

        self._session = Session(
            endpoint,
            credentials=credentials,
            timeout=timeout,
            transport=transport,
            revive=revive,
            max_answer=max_answer,
        )
        self._journal = journal or Journal()
        self._handles = Handles(scheduler=scheduler, policy=policy)
        self._local, self._timeout = local, timeout
        Client._open.add(self)

    @classmethod
    def only_open(cls) -> Client | None:
        """Return the one client that is open, None if there are none or several.

        Those that stand for a client of another library do not count.
        """
        clients = cls.all_open()
        return clients[0] if len(clients) == 1 else None

    @classmethod
    def all_open(cls) -> list[Client]:
        """Return the clients that are open, without those that stand for a client of another library."""
        return [client for client in list(cls._open) if not client.borrowed]

    @classmethod
    def all_known(cls) -> list[Operation]:
        """Return the operations of all open clients that somebody holds, by name."""
        handles = [operation for client in list(cls._open) for operation in client.known()]
        return sorted(handles, key=lambda operation: operation.name)

    def known(self) -> list[Operation]:
        """Return the operations of this client that somebody holds."""
        return self._handles.all()

    @property
    def session(self) -> Session:
        """The HTTP side, for calls that are no operations."""
        return self._session

    @property
    def endpoint(self) -> str:
        """The address of the service."""
        return self._session.endpoint

    @property
    def journal(self) -> Journal:
        """Where the operations that it starts are recorded."""
        return self._journal

    @property
    def is_local(self) -> bool:
        """Whether it is known to talk to the embedded service; sends no request."""
        return self._local is not None

    def local(self) -> LocalService | None:
        """Return what the service says of itself if it is the embedded one, else None.

        Calls ``GET /.lro-local``, on loopback only, and only until it is known.
        """
        if self._local is None and self._session.loopback:
            self._local = ask_local(self._session)
        return self._local

    @property
    def service(self) -> str:
        """What the journal calls this service: it stays the same when the embedded one changes its port."""
        return f"local:{self._local.data_dir}" if self._local else self.endpoint

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self not in Client._open

    def storage_options(self) -> dict[str, Any]:
        """Return the fsspec options that read ``gs://`` with this client's credentials."""
        return self._session.storage_options()

    def __repr__(self) -> str:
        return f"<Client {self.endpoint}{' (local, synthetic)' if self.is_local else ''}>"

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError(f"{self!r} cannot be pickled or copied. Make it where it is used, in each process")

    def start(
        self,
        method: str,
        path: str,
        json: Any = None,
        *,
        params: Mapping[str, str | int] | None = None,
        title: str | None = None,
        source: str | None = None,
        destination: str | None = None,
        types: tuple[str, ...] = (),
        since: str | None = None,
        not_found_hint: str = "",
        show: bool | None = None,
    ) -> Operation:
        """Send the request that starts an operation, and return its handle at once.

        The request is never sent twice when the service may have accepted it.

        Parameters
        ----------
        method : str
            HTTP method.
        path : str
            Such as ``projects/…/fhirStores/s:export``, with or without a version before it.
        json : object, optional
            The request body. It is not stored anywhere, but for the places that it names for output.
        params : mapping, optional
            The query, such as ``{"datasetId": "d"}``.
        title : str, optional
            What it does, in people's words; by default the custom method of `path`.
        source, destination, types, since
            What the journal keeps of the request, so that the output can be found later.
        not_found_hint : str
            What to do next when the answer is 404.
        show : bool, optional
            Show the live card: True yes, False no, None in a notebook.

        Raises
        ------
        ConfigError
            `path` would not be asked for as it is written; nothing was sent.
        ApiError, AuthError
            The service refused the request: nothing was started.
        StartUnknown
            The request was sent and its answer never came.
        """
        with forking.undivided():
            from lro_notebook.jupyter import auto_display
            from lro_notebook.results.places import found_in

        path, params = addresses.request(path, params)
        places = found_in(json, "request", project=project_of(path))
        record = StartRecord(
            service=self.service,
            method=title or method_title(method, path),
            target=target_of(path),
            requested=datetime.now(UTC),
            source=source,
            destination=destination,
            types=types,
            since=since,
            outputs=tuple((each.uri, each.role, each.field, each.format) for each in places),
        )
        row = self._journal.intend(record)
        try:
            answer = self._session.call(
                method, path, role="start", json=json, params=params, not_found_hint=not_found_hint
            )
            resource = begun(answer)
        except ResponseLost as lost:
            raise start_unknown(self._session, record, lost) from lost
        except LroError:
            self._journal.refused(row)
            raise
        self._journal.answered(row, resource.name)
        operation = self._handles.of(self, resource, self._session.version_of(path), record)
        operation.poller.follow()
        auto_display.show(operation, show)
        return operation

    def get(self, name: str, *, not_found_hint: str = "") -> Operation:
        """Read an operation and return its handle. Calls ``GET {name}``.

        Parameters
        ----------
        name : str
            Full name, with or without a version before it.
        not_found_hint : str
            What to do next when there is no such operation.

        Raises
        ------
        ApiError
            There is no such operation; records are kept for a limited time.
        """
        return self._handles.of(self, *read_operation(self._session, name, not_found_hint))

    def attach(self, resource: OperationResource) -> Operation:
        """Return the handle of an operation that somebody else has read; sends no request yet."""
        addresses.operation(resource.name)
        return self._handles.of(self, resource, self._session.version)

    def wait(self, name: str, *, timeout: float | None = None) -> Operation:
        """Wait for an operation to end, on the service's side as far as it offers that (AIP-151).

        Calls ``GET {name}`` and ``POST {name}:wait``; where that is not offered, it looks.

        Parameters
        ----------
        timeout : float or None
            Seconds; None means no limit.

        Raises
        ------
        ApiError
            There is no such operation.
        WaitTimeout
            The time is over; the operation goes on.
        """
        operation, began = self.get(name), time.monotonic()
        if not operation.resource.done:
            longest = _PATIENCE * self._timeout
            patience = longest if timeout is None else min(timeout, longest)
            seen = RemoteOperation(self._session, name, listing_hint(name)).wait(patience)
            operation.poller.update(seen or operation.resource)
        return operation.wait(None if timeout is None else max(0.0, timeout - (time.monotonic() - began)))

    def list(
        self,
        parent: str,
        *,
        filter: str | None = None,  # noqa: A002 - the name of the API's field
        page_size: int | None = None,
    ) -> Iterator[Operation]:
        """Iterate over the operations under `parent`, page after page. Calls ``GET {parent}/operations``.

        Parameters
        ----------
        parent : str
            Such as ``projects/p/locations/l/datasets/d``; empty for APIs with plain ``operations/…`` names.
        filter : str, optional
            Passed on as it is; its grammar is the service's.
        page_size : int, optional
            Operations per request.
        """
        path = addresses.operations(parent)
        version = self._session.version_of(path)
        for page in pages(self._session, path, role="read", filter_=filter, page_size=page_size):
            for resource in operations_of(page):
                yield self._handles.of(self, resource, version)

    def cancel(self, name: str) -> bool:
        """Ask for the cancellation of an operation; False when it had ended before.

        Calls ``GET {name}`` and ``POST {name}:cancel``.
        """
        return self.get(name).cancel()

    def delete(self, name: str) -> None:
        """Remove the record of an operation, where the service can; it is not cancelled.

        Calls ``DELETE {name}``; a name of anything but an operation is refused.
        """
        self._session.call("DELETE", addresses.record(name), role="read", not_found_hint=listing_hint(name))

    def close(self) -> None:
        """Stop following its operations and close the connections; the operations go on."""
        Client._open.discard(self)
        self._handles.lose_all(LroError(CLOSED))
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@atexit.register
def _close_all() -> None:
    """Stop following everything when the program ends."""
    for client in list(Client._open):  # noqa: SLF001 - its own module
        client.close()
