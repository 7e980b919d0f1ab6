"""`Handles`: the one handle that a client has of each operation, and what looks at their operations."""

from __future__ import annotations

import threading
import weakref
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from lro_notebook import forking
from lro_notebook.operations.batch_poller import BatchPoller
from lro_notebook.operations.operation import Operation
from lro_notebook.operations.poller import OperationPoller
from lro_notebook.operations.resource import operation_parent, operation_path
from lro_notebook.operations.rest_requests import RemoteListing, RemoteOperation, listing_hint
from lro_notebook.operations.scheduler import Budget

if TYPE_CHECKING:
    from lro_notebook.errors import LroError
    from lro_notebook.http.session import Session
    from lro_notebook.operations.client import Client
    from lro_notebook.operations.journal import Journal, StartRecord
    from lro_notebook.operations.polling_policy import PollPolicy
    from lro_notebook.operations.resource import OperationResource
    from lro_notebook.operations.scheduler import Scheduler
    from lro_notebook.operations.snapshot import Snapshot


class Handles:
    """The handles of one client that somebody holds. May be used from any thread.

    It does not hold the client: a client that nobody holds any more is gone at once, and no longer open.

    Parameters
    ----------
    scheduler, policy : optional
        Who runs the looks, and when.
    """

    def __init__(self, *, scheduler: Scheduler | None = None, policy: PollPolicy | None = None) -> None:
        self._scheduler, self._policy = scheduler, policy
        self._handles: weakref.WeakValueDictionary[str, Operation] = weakref.WeakValueDictionary()
        self._pollers: weakref.WeakSet[OperationPoller] = weakref.WeakSet()
        self._budget, self._batch_pollers = Budget(), dict[str, BatchPoller]()
        self._lock = threading.Lock()
        forking.bind(self)

    def after_fork_in_child(self) -> None:
        """Have a lock that no thread of the parent holds."""
        self._lock = threading.Lock()

    def all(self) -> list[Operation]:
        """Return them."""
        with self._lock:
            return list(self._handles.values())

    def of(
        self, client: Client, resource: OperationResource, version: str, record: StartRecord | None = None
    ) -> Operation:
        """Return the one handle of an operation, brought up to date.

        Parameters
        ----------
        client : Client
            Whose it is.
        resource : OperationResource
            What the service said last.
        version : str
            The API version to read it with.
        record : StartRecord, optional
            What was asked for, where it was started just now; else the journal may know it.
        """
        with self._lock:
            known = self._handles.get(resource.name)
            if known is None:
                known = self._handles[resource.name] = self._new(client, resource, version, record)
                return known
        known.poller.update(resource)
        return known

    def lose_all(self, reason: LroError) -> None:
        """Stop following; who waits gets `reason`."""
        for poller in list(self._pollers):
            poller.lose(reason)

    def _new(
        self, client: Client, resource: OperationResource, version: str, record: StartRecord | None
    ) -> Operation:
        name, session, journal = resource.name, client.session, client.journal
        record = record or journal.find(name, service=client.service, loopback=session.loopback)
        listed = "operations" in operation_path(name).split("/")
        poller = OperationPoller(
            RemoteOperation(session, f"{version}/{operation_path(name)}", listing_hint(name)),
            resource,
            on_end=partial(_note_end, journal, record) if record and record.ended is None else None,
            requested=record.requested if record and record.origin == "started" else None,
            seen=record.requested if record and record.origin == "watched" else None,
            scheduler=self._batch_poller(session, version, operation_parent(name))
            if listed
            else self._scheduler,
            policy=self._policy,
        )
        self._pollers.add(poller)
        return Operation(poller, client=client, record=record)

    def _batch_poller(self, session: Session, version: str, parent: str) -> BatchPoller:
        """Return what looks at the operations under `parent`."""
        path = "/".join(part for part in (version, parent, "operations") if part)
        if path not in self._batch_pollers:
            listing = RemoteListing(session, path)
            self._batch_pollers[path] = BatchPoller(listing, self._budget, scheduler=self._scheduler)
        return self._batch_pollers[path]


def _note_end(journal: Journal, record: StartRecord, last: Snapshot) -> None:
    moment = last.progress.ended or datetime.now(UTC)
    journal.ended(last.resource.name, last.state, moment, service=record.service)
