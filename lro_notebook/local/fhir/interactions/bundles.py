"""``fhir.executeBundle``: a transaction, all or nothing, or a batch of requests, each for itself."""

from __future__ import annotations

import re
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route

from lro_notebook.errors import Code
from lro_notebook.local.core import rawjson, resource_names
from lro_notebook.local.core.service_errors import ServiceError, error_response, invalid_argument, not_found
from lro_notebook.local.fhir import rows
from lro_notebook.local.fhir.interactions.bundle_entries import ORDER, absolute, placed, read, rewritten
from lro_notebook.local.fhir.interactions.change_routes import made, version_in
from lro_notebook.local.fhir.interactions.changes import Changes, Result, check_id
from lro_notebook.local.fhir.interactions.history import history_entry
from lro_notebook.local.fhir.interactions.responses import (
    FHIR_PATH,
    MEDIA_TYPE,
    Address,
    base_of,
    bundle,
    existing,
)
from lro_notebook.local.fhir.interactions.store_settings import settings_of
from lro_notebook.local.http.service import read_body, service_of, store_of
from lro_notebook.local.operations.records import timestamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from lro_notebook.local.fhir.interactions.bundle_entries import Entry

_T = TypeVar("_T")
_CONDITIONAL = re.compile(r"([A-Z][A-Za-z]{0,63})\?(.+)", re.DOTALL)
_HISTORY_MAX = 1000


async def execute(request: Request) -> Response:
    """``fhir.executeBundle``."""
    return await run_in_threadpool(_execute, request, await read_body(request))


def _execute(request: Request, body: bytes) -> Response:
    with service_of(request).database.read() as connection:
        store = store_of(request, connection, "fhirStores")
        takes_history = settings_of(connection, store).takes_history
    base = base_of(request, store)
    type_, entries = read(body, base)
    if type_ == "history" and not takes_history:
        raise ServiceError(
            Code.FAILED_PRECONDITION, "the store takes no histories: enableHistoryModifications is not set"
        )
    if type_ == "history":
        raise ServiceError(
            Code.UNIMPLEMENTED, "the local service takes histories through fhirStores.importHistory"
        )
    if type_ == "batch":
        done = [_alone(request, base, entry) for entry in entries]
    else:
        _, done = made(request, lambda changes: Transaction(changes, base).run(entries))
    return Response(bundle(f"{type_}-response", done), media_type=MEDIA_TYPE)


def _alone(request: Request, base: str, entry: Entry) -> bytes:
    """Execute an entry of a batch, and return its response or its error."""
    try:
        _, done = made(request, lambda changes: _done(changes, entry, base))
    except ServiceError as error:
        outcome = orjson.loads(error_response(error, request.scope["path"]).body)
        return orjson.dumps({"response": {"status": _status(error.status), "outcome": outcome}})
    return done


class Transaction:
    """The entries of a transaction: what they are called, and what they lead to."""

    def __init__(self, changes: Changes, base: str) -> None:
        self._changes = changes
        self._base = base
        self._names: dict[str, str] = {}
        self._found: dict[int, Result] = {}

    def run(self, entries: list[Entry]) -> list[bytes]:
        """Execute the entries in FHIR's order; return their responses in the order of the Bundle."""
        done: dict[int, bytes] = {}
        chosen: list[Entry] = []
        for entry in sorted(entries, key=lambda one: ORDER.index(one.method)):
            if entry.method == "DELETE":
                done[entry.number] = self._execute(entry)
            else:
                chosen.append(self._placed(entry, self._identified))
        self._check_distinct(chosen)
        for entry in chosen:
            done[entry.number] = self._execute(entry)
        return [done[number] for number in sorted(done)]

    def _identified(self, entry: Entry) -> Entry:
        """Return an entry with the id that its resource has or will have."""
        found = None if entry.criteria is None else self._changes.one(entry.type, entry.criteria)
        if entry.method == "POST":
            if found is not None:
                self._found[entry.number] = Result(200, entry.type, found)
            entry = entry._replace(id=found.id if found is not None else self._changes.new_id())
        elif entry.criteria is not None:
            entry = self._chosen(entry, None if found is None else found.id)
        entry = entry._replace(criteria=None)
        if entry.full_url and entry.method != "GET":
            self._names[entry.full_url] = f"{entry.type}/{entry.id}"
        return entry

    def _chosen(self, entry: Entry, found: str | None) -> Entry:
        """Return a conditional update or patch as one of the resource that it is for, or as its creation."""
        if entry.method == "PATCH":
            if found is None:
                raise not_found(f"no {entry.type} meets the criteria")
            return entry._replace(id=found)
        given = orjson.loads(entry.text).get("id")
        if found is not None:
            check_id(entry.type, given, found)
            return entry._replace(id=found, text=rawjson.with_id(entry.text, found))
        if given is None:
            return entry._replace(method="POST", id=self._changes.new_id())
        return entry._replace(id=resource_names.fhir_id(str(given)))

    def _check_distinct(self, chosen: list[Entry]) -> None:
        changed: set[tuple[str, str]] = set()
        for entry in chosen:
            key = (entry.type, entry.id)
            if entry.method != "GET" and entry.number not in self._found:
                if key in changed:
                    raise placed(
                        invalid_argument(f"the transaction changes {entry.type}/{entry.id} twice"),
                        entry.number,
                    )
                changed.add(key)

    def _execute(self, entry: Entry) -> bytes:
        return self._placed(entry, self._executed)

    def _executed(self, entry: Entry) -> bytes:
        found = self._found.get(entry.number)
        if found is not None:
            return _response(found, self._base)
        if entry.method in ("POST", "PUT"):
            entry = entry._replace(text=rewritten(entry.text, partial(self._resolve, entry.full_url)))
        return _done(self._changes, entry, self._base)

    def _resolve(self, full_url: str, reference: str) -> str | None:
        for name in absolute(reference, full_url):
            if name in self._names:
                return self._names[name]
        conditional = _CONDITIONAL.fullmatch(reference)
        if conditional is None:
            return None
        found = self._changes.one(conditional[1], conditional[2])
        if found is None:
            raise ServiceError(
                Code.FAILED_PRECONDITION,
                f"no {conditional[1]} meets the criteria of a conditional reference",
                status=412,
            )
        return f"{conditional[1]}/{found.id}"

    def _placed(self, entry: Entry, do: Callable[[Entry], _T]) -> _T:
        try:
            return do(entry)
        except ServiceError as error:
            raise placed(error, entry.number) from error


def _done(changes: Changes, entry: Entry, base: str) -> bytes:
    """Execute an entry and return its response; a POST with an id has been given that one."""
    expected = version_in(entry.headers.get("ifMatch"))
    if entry.method == "GET":
        return _read(changes, entry, base)
    if entry.method == "POST":
        result = changes.create(entry.type, entry.text, if_none_exist=entry.criteria, identifier=entry.id)
    elif entry.criteria is not None:
        result = _where(changes, entry)
    elif entry.method == "PUT":
        only_new = entry.headers.get("ifNoneMatch") == "*"
        result = changes.update(entry.type, entry.id, entry.text, expected=expected, only_new=only_new)
    elif entry.method == "PATCH":
        result = changes.patch(entry.type, entry.id, entry.text, expected=expected)
    else:
        result = changes.delete(entry.type, entry.id, expected=expected)
    return _response(result, base)


def _where(changes: Changes, entry: Entry) -> Result:
    criteria = entry.criteria or ""
    if entry.method == "PUT":
        return changes.update_where(entry.type, criteria, entry.text)
    if entry.method == "PATCH":
        return changes.patch_where(entry.type, criteria, entry.text)
    return changes.delete_where(entry.type, criteria)


def _read(changes: Changes, entry: Entry, base: str) -> bytes:
    """Read a resource, a version or a history."""
    key = (changes.settings.store.key, entry.type, entry.id)
    address = Address(changes.settings.store, entry.type, entry.id, f"{base}/{entry.type}/{entry.id}")
    if entry.rest == "_history":
        versions = rows.versions(changes.connection, *key, limit=_HISTORY_MAX)
        if not versions:
            existing(None, address)
        text = bundle("history", [history_entry(each, address) for each in versions])
        return b'{"resource":%b,"response":{"status":"200 OK"}}' % text
    if entry.rest:
        number = resource_names.whole_number(entry.rest.removeprefix("_history/"))
        stored = None if number is None else rows.read_version(changes.connection, *key, min(number, 2**62))
        if stored is None:
            raise not_found(f"{entry.type}/{entry.id} has no such version")
    else:
        stored = rows.read(changes.connection, *key)
    stored = existing(stored, address)
    return _response(Result(200, entry.type, stored), base, shows=True)


def _response(result: Result, base: str, *, shows: bool = False) -> bytes:
    """Return the entry that says what has become of a request."""
    response: dict[str, Any] = {"status": _status(result.status)}
    stored = result.stored
    if stored is not None:
        response |= {"etag": f'W/"{stored.version}"', "lastModified": timestamp(stored.updated)}
        if not shows:
            response["location"] = f"{base}/{result.type}/{stored.id}/_history/{stored.version}"
    head = orjson.dumps({"response": response})
    if not shows or stored is None or stored.body is None:
        return head
    return b'{"resource":%b,%b' % (stored.body, head[1:])


def _status(status: int) -> str:
    return f"{status} {HTTPStatus(status).phrase}"


ROUTES = [
    Route(FHIR_PATH, execute, methods=["POST"]),
    Route(FHIR_PATH + "/", execute, methods=["POST"]),
]
