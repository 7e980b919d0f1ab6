"""Changes of resources within one transaction: create, update, patch, delete, by id and by conditions.

References are held against the store once all changes of a transaction are made, so that resources of one
Bundle can refer to each other.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from lro_notebook.errors import Code
from lro_notebook.local.core import nesting, rawjson, resource_names
from lro_notebook.local.core.service_errors import ServiceError, invalid_argument, not_found
from lro_notebook.local.fhir import rows
from lro_notebook.local.fhir.imports import read_resource
from lro_notebook.local.fhir.interactions import integrity, patches
from lro_notebook.local.fhir.search.conditional_search import matching
from lro_notebook.local.fhir.structure.validation import findings
from lro_notebook.local.operations.records import Failure

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from lro_notebook.local.fhir.interactions.store_settings import Settings
    from lro_notebook.local.fhir.rows import Incoming, Stored

_CREATED, _OK, _NO_CONTENT, _PRECONDITION = 201, 200, 204, 412
_DELETED_DEFAULT, _DELETED_MAX = 100, 1000
_SHOWN = 5


class Result(NamedTuple):
    """What a change has led to; `stored` is None for a deletion."""

    status: int
    type: str
    stored: Stored | None = None


@dataclass(slots=True)
class Changes:
    """The changes of one transaction; call `settle` after the last one.

    Parameters
    ----------
    connection : sqlite3.Connection
        In a transaction that may write.
    settings : Settings
        Those of the store.
    new_id : callable
        Makes the ids that the service assigns.
    """

    connection: sqlite3.Connection
    settings: Settings
    new_id: Callable[[], str] = lambda: str(uuid.uuid4())
    _written: dict[str, Any] = field(default_factory=dict)
    _deleted: set[str] = field(default_factory=set)

    def create(
        self, type_: str, text: bytes, *, if_none_exist: str | None = None, identifier: str = ""
    ) -> Result:
        """Create a resource; with criteria, return what already meets them instead."""
        if if_none_exist is not None:
            found = self.one(type_, if_none_exist)
            if found is not None:
                return Result(_OK, type_, found)
        identifier = identifier or self.new_id()
        return self._put(self._read(text, type_, identifier, own_id=False))

    def update(
        self,
        type_: str,
        identifier: str,
        text: bytes,
        *,
        expected: int | None = None,
        only_new: bool = False,
    ) -> Result:
        """Store a new version, or a new resource where the store allows that.

        `expected` is the version in ``If-Match``; with `only_new`, ``If-None-Match: *``, none may exist.
        """
        incoming = self._read(text, type_, identifier, own_id=True)
        current = self._current(type_, identifier)
        self._check_version(type_, identifier, current, expected)
        if only_new and current is not None:
            raise _precondition(f"{type_}/{identifier} exists, and If-None-Match says that it must not")
        if current is None and not self.settings.update_creates:
            raise _no_update_create(type_, identifier)
        return self._put(incoming)

    def update_where(self, type_: str, criteria: str, text: bytes) -> Result:
        """Update the one resource that meets criteria, or create one."""
        found = self.one(type_, criteria)
        document = _document(text, type_)
        given = document.get("id")
        if found is not None:
            check_id(type_, given, found.id)
            return self._put(self._read(text, type_, found.id, own_id=False))
        if given is None:
            return self.create(type_, text)
        identifier = resource_names.fhir_id(str(given))
        if not self.settings.update_creates:
            raise _no_update_create(type_, identifier)
        if self._current(type_, identifier) is not None:
            raise ServiceError(
                Code.ALREADY_EXISTS, f"{type_}/{identifier} exists, and does not meet the criteria"
            )
        return self._put(self._read(text, type_, identifier, own_id=True))

    def patch(self, type_: str, identifier: str, patch: bytes, *, expected: int | None = None) -> Result:
        """Apply a JSON Patch."""
        current = self._current(type_, identifier)
        self._check_version(type_, identifier, current, expected)
        if current is None or current.body is None:
            raise not_found(f"{type_}/{identifier} does not exist in {self.settings.store.name}")
        return self._put(self._read(patches.apply(current.body, patch), type_, identifier, own_id=True))

    def patch_where(self, type_: str, criteria: str, patch: bytes) -> Result:
        """Apply a JSON Patch to the one resource that meets criteria."""
        found = self.one(type_, criteria)
        if found is None:
            raise not_found(f"no {type_} meets the criteria")
        return self.patch(type_, found.id, patch)

    def delete(self, type_: str, identifier: str, *, expected: int | None = None) -> Result:
        """Delete a resource; one that does not exist stays so."""
        current = self._current(type_, identifier)
        self._check_version(type_, identifier, current, expected)
        if current is not None:
            rows.delete(self.connection, self.settings.store.key, type_, identifier)
            if not self.settings.has_versions:
                rows.purge(
                    self.connection, self.settings.store.key, (type_, identifier), until=None, current=False
                )
            self._written.pop(f"{type_}/{identifier}", None)
            self._deleted.add(f"{type_}/{identifier}")
        return Result(_NO_CONTENT, type_)

    def delete_where(self, type_: str, criteria: str, *, count: str = "") -> Result:
        """Delete the resources that meet criteria, 100 of them unless `count` says otherwise."""
        _check_criteria(type_, criteria)
        number = resource_names.whole_number(count) if count else _DELETED_DEFAULT
        if number is None:
            raise invalid_argument(f"_count: expected a number from 0 to {_DELETED_MAX}")
        limit = min(number, _DELETED_MAX)
        for found in matching(self.connection, self.settings.store, type_, criteria, limit=limit):
            self.delete(type_, found.id)
        return Result(_NO_CONTENT, type_)

    def one(self, type_: str, criteria: str) -> Stored | None:
        """Return the one resource that meets criteria, or None; raise if there are several."""
        _check_criteria(type_, criteria)
        found = matching(self.connection, self.settings.store, type_, criteria, limit=2)
        if len(found) > 1:
            raise _precondition(f"several resources of the type {type_} meet the criteria; narrow them")
        return found[0] if found else None

    def settle(self) -> None:
        """Raise if a reference leads nowhere after these changes, which must not be committed then."""
        if not self.settings.is_integral:
            return
        lacking = integrity.missing(self.connection, self.settings, self._written.values())
        if lacking:
            shown = ", ".join(f"{each.type}/{each.id}" for each in lacking[:_SHOWN])
            raise invalid_argument(
                f"the references to {shown} lead to resources that the store does not have; create these "
                "first, or use a store with disableReferentialIntegrity"
            )
        gone = {name for name in self._deleted if name not in self._written}
        referring = integrity.referring(self.connection, self.settings, gone) if gone else iter(())
        for type_, identifier, _ in referring:
            raise ServiceError(
                Code.ALREADY_EXISTS,
                f"{type_}/{identifier} refers to {_referred(gone)}; delete or change it first, "
                "or use a store with disableReferentialIntegrity",
            )

    def _current(self, type_: str, identifier: str) -> Stored | None:
        """Return the current version of a resource; None if it does not exist or was deleted."""
        stored = rows.read(self.connection, self.settings.store.key, type_, identifier)
        return None if stored is None or stored.body is None else stored

    def _put(self, incoming: Incoming) -> Result:
        key = self.settings.store.key
        before = self._current(incoming.type, incoming.id)
        rows.put_many(self.connection, key, [incoming], keeps_old=self.settings.has_versions)
        self._written[f"{incoming.type}/{incoming.id}"] = incoming.document
        stored = rows.read(self.connection, key, incoming.type, incoming.id)
        return Result(_CREATED if before is None else _OK, incoming.type, stored)

    def _read(self, text: bytes, type_: str, identifier: str, *, own_id: bool) -> Incoming:
        """Return the resource in a text, checked; with `own_id` it must have its id."""
        document = _document(text, type_)
        if own_id and document.get("id") != identifier:
            raise invalid_argument(f"expected a resource whose id is {identifier}, as in the address")
        text = _stripped(text)
        read = read_resource(text if own_id else rawjson.with_id(text, identifier), "the request body")
        if isinstance(read, Failure):
            raise invalid_argument(f"the resource cannot be stored: {read.message}")
        if self.settings.rules is not None:
            found = findings(read.document, self.settings.rules)
            if found:
                shown = "; ".join(f"{each.path}: {each.message}" for each in found[:_SHOWN])
                raise invalid_argument(f"the resource is not as FHIR says: {shown}")
        return read

    def _check_version(
        self, type_: str, identifier: str, current: Stored | None, expected: int | None
    ) -> None:
        if expected is not None and (current is None or current.version != expected):
            raise _precondition(f"{type_}/{identifier} is not at the version in If-Match; read it again")


def check_id(type_: str, given: object, found: str) -> None:
    """Raise if a resource has another id than the one that meets the criteria of its update."""
    if given not in (None, found):
        raise invalid_argument(
            f"the resource in the request has another id than the {type_} that meets the criteria"
        )


def _stripped(text: bytes) -> bytes:
    return text.removeprefix(b"\xef\xbb\xbf").strip()


def _document(text: bytes, type_: str) -> dict[str, Any]:
    try:
        document = nesting.loads(_stripped(text))
    except nesting.Unreadable as error:
        raise invalid_argument(f"the resource cannot be read: {error}") from error
    if not isinstance(document, dict) or document.get("resourceType") != type_:
        raise invalid_argument(f"expected a JSON object whose resourceType is {type_}, as in the address")
    return document


def _check_criteria(type_: str, criteria: str) -> None:
    if not criteria.strip("?&"):
        raise invalid_argument(f"say which {type_} is meant, with search parameters")


def _referred(gone: set[str]) -> str:
    return next(iter(gone)) if len(gone) == 1 else "a resource that would be deleted"


def _precondition(message: str) -> ServiceError:
    return ServiceError(Code.FAILED_PRECONDITION, message, status=_PRECONDITION)


def _no_update_create(type_: str, identifier: str) -> ServiceError:
    return ServiceError(
        Code.FAILED_PRECONDITION,
        f"{type_}/{identifier} does not exist, and this store assigns the ids; create it with POST "
        f"fhir/{type_}, or set enableUpdateCreate with fhirStores.patch",
        status=405,
    )
