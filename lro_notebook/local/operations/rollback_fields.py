"""The request fields that the rollbacks of FHIR and HL7v2 stores share, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import Code
from lro_notebook.local.core import resource_names
from lro_notebook.local.core.service_errors import ServiceError, invalid_argument
from lro_notebook.local.operations import request_fields

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lro_notebook.local.core.buckets import Location
    from lro_notebook.local.operations.method import Context, Job

_CHANGES = ("ALL", "CREATE", "UPDATE", "DELETE")


@dataclass(frozen=True, slots=True)
class RollbackFields:
    """The time to go back to, and which changes to undo.

    Attributes
    ----------
    moment : int
        The time to go back to, in microseconds since 1970.
    results : Location
        Where to write the list of what is rolled back.
    change : str
        ``CREATE``, ``UPDATE``, ``DELETE`` or ``ALL``: which changes to undo.
    operations : frozenset of int
        Undo only the changes of these operations; empty is all.
    listed : Location or None
        The object that lists what to roll back; None is everything.
    exclude_rollbacks : bool
        Leave the changes of earlier rollbacks alone.
    force : bool
        Change the store; without it the run only lists what it would do.
    """

    moment: int
    results: Location
    change: str
    operations: frozenset[int]
    listed: Location | None
    exclude_rollbacks: bool
    force: bool

    def folder(self, job: Job) -> Path:
        """Return the folder for the list; its bucket must exist."""
        return job.buckets.destination(self.results) / "rollback_resources" / str(job.operation)


def parse(context: Context, body: Mapping[str, Any]) -> RollbackFields:
    """Check the body of a rollback."""
    moment = request_fields.moment(body, "rollbackTime")
    if moment is None:
        raise invalid_argument("rollbackTime: give the time to go back to")
    results = request_fields.folder(context.buckets, _as_uri(body.get("resultGcsBucket")), "resultGcsBucket")
    listed = body.get("inputGcsObject") or None
    return RollbackFields(
        moment,
        results,
        request_fields.choice(body, "changeType", _CHANGES),
        _operations(request_fields.json_object(body, "filteringFields")),
        listed and request_fields.one_object(context.buckets, _as_uri(listed), "inputGcsObject"),
        request_fields.flag(body, "excludeRollbacks"),
        request_fields.flag(body, "force"),
    )


def _operations(fields: Mapping[str, Any]) -> frozenset[int]:
    """Return the numbers of operations; a request names them by id or by full name."""
    if fields.get("metadataFilter"):
        raise ServiceError(
            Code.UNIMPLEMENTED, "filteringFields.metadataFilter is not part of the local service"
        )
    identifiers = fields.get("operationIds") or []
    listed = identifiers if isinstance(identifiers, list) else [None]
    numbers = [resource_names.whole_number(str(identifier).rpartition("/")[2]) for identifier in listed]
    if None in numbers:
        raise invalid_argument(
            'filteringFields.operationIds: expected the ids of operations, such as ["1234"]'
        )
    return frozenset(number for number in numbers if number is not None)


def _as_uri(text: object) -> object:
    """Return a bucket or object as a ``gs://`` address; requests may leave ``gs://`` out."""
    return f"gs://{text}" if isinstance(text, str) and text and "://" not in text else text
