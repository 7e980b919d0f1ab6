"""What is watched is noted in the journal, and found there by its name after a restart.

A row says which operation, at which service, and no credentials: who asks again brings their own.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lro_notebook.operations.client import Client
from lro_notebook.operations.journal import Journal, StartRecord

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lro_notebook.operations.operation import Operation

_WATCHED = "watched"
#: Services with a host for each region, and the collection in a name that says which region.
_REGIONAL = {"aiplatform": "locations", "dataproc": "regions", "documentai": "locations"}


def note(operations: Iterable[Operation]) -> None:
    """Write down those that this machine did not start, in one go; their ends are noted when they come."""
    journals: dict[Journal, list[StartRecord]] = {}
    here, ends = Journal(), []
    for operation in operations:
        service = service_of(operation)
        if operation.record is not None or not service:
            continue
        journal = operation.client.journal if isinstance(operation.client, Client) else here
        journals.setdefault(journal, []).append(_record(operation, service))
        if not operation.resource.done:
            ends.append((operation, partial(_ended, operation.name, journal, service)))
    for journal, records in journals.items():
        journal.watched(records)
    for operation, end in ends:
        operation.add_done_callback(end)


def service_of(operation: Operation) -> str:
    """Return the address of the service of an operation, with its version where that is not v1."""
    client = operation.client
    if isinstance(client, Client):
        version = client.session.version
        return client.service if version == "v1" or client.is_local else f"{client.endpoint}/{version}"
    address = str(getattr(operation.poller.source, "service", ""))
    host = urlsplit(address).netloc
    collection, parts = _REGIONAL.get(host.partition(".")[0]), operation.name.split("/")
    if collection in parts[:-1]:
        place = parts[parts.index(collection) + 1]
        address = address if place in ("us", "global") else f"https://{place}-{host}"
    return address


def _record(operation: Operation, service: str) -> StartRecord:
    snapshot = operation.snapshot
    return StartRecord(
        service=service,
        method=operation.method,
        target=operation.target,
        requested=datetime.now(UTC),
        name=operation.name,
        state=snapshot.state,
        ended=snapshot.progress.ended if snapshot.resource.done else None,
        origin=_WATCHED,
    )


def _ended(name: str, journal: Journal, service: str, operation: Operation) -> None:
    ended = operation.snapshot.progress.ended or datetime.now(UTC)
    journal.ended(name, operation.snapshot.state, ended, service=service)


def is_noted(name: str) -> bool:
    """Tell whether this machine has started or watched something of that name."""
    return Journal().whereabouts(name) is not None


def client_for(name: str) -> Client | None:
    """Return who can be asked for `name`: the client of its service in the journal, else the only one open.

    A new one for that service uses application-default credentials, where these may go.
    """
    only = Client.only_open()
    record = Journal().whereabouts(name)
    if record is None or (only is not None and _serves(only, record.service)):
        return only
    if not record.service.startswith(("https://", "http://")):
        return only
    return next((each for each in Client.all_open() if _serves(each, record.service)), None) or Client(
        record.service
    )


def _serves(client: Client, service: str) -> bool:
    loopback = client.session.loopback and service.startswith(("local:", "http://"))
    return loopback or service.startswith((client.service, client.endpoint))
