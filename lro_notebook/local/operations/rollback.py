"""The fields that the rollbacks of FHIR and HL7v2 stores have in common, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import Code
from lro_notebook.local.core import names
from lro_notebook.local.core.service_errors import ServiceError, invalid
from lro_notebook.local.operations import arguments

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lro_notebook.local.core.buckets import Location
    from lro_notebook.local.operations.work import Context, Job

_CHANGES = ("ALL", "CREATE", "UPDATE", "DELETE")


@dataclass(frozen=True, slots=True)
class Rollback:
    """What to go back to, and which changes count.

    Attributes
    ----------
    moment : int
        The time to go back to, in microseconds since 1970.
    results : Location
        Where the list of what is rolled back goes.
    change : str
        Kind of change that counts, or ``ALL``.
    operations : frozenset of int
        Operations whose changes count; empty is all.
    listed : Location or None
        The object that names what is rolled back; None is all.
    exclude_rollbacks, force : bool
        Leave earlier rollbacks alone; do it rather than list it.
    """

    moment: int
    results: Location
    change: str
    operations: frozenset[int]
    listed: Location | None
    exclude_rollbacks: bool
    force: bool

    def folder(self, job: Job) -> Path:
        """Return the folder of the list; its bucket must exist."""
        bucket = job.buckets.folder(self.results.bucket)
        return bucket / self.results.path / "rollback_resources" / str(job.operation)


def parse(context: Context, body: Mapping[str, Any]) -> Rollback:
    """Check the body of a rollback."""
    moment = arguments.moment(body, "rollbackTime")
    if moment is None:
        raise invalid("rollbackTime: say the time to go back to")
    results = arguments.folder(context.buckets, _as_uri(body.get("resultGcsBucket")), "resultGcsBucket")
    listed = body.get("inputGcsObject") or None
    return Rollback(
        moment,
        results,
        arguments.choice(body, "changeType", _CHANGES),
        _operations(arguments.message(body, "filteringFields")),
        listed and arguments.object_(context.buckets, _as_uri(listed), "inputGcsObject"),
        arguments.flag(body, "excludeRollbacks"),
        arguments.flag(body, "force"),
    )


def _operations(fields: Mapping[str, Any]) -> frozenset[int]:
    """Return the numbers of operations, which are named by their ids or in full."""
    if fields.get("metadataFilter"):
        raise ServiceError(
            Code.UNIMPLEMENTED, "filteringFields.metadataFilter is not part of the local service"
        )
    identifiers = fields.get("operationIds") or []
    listed = identifiers if isinstance(identifiers, list) else [None]
    numbers = [names.whole_number(str(identifier).rpartition("/")[2]) for identifier in listed]
    if None in numbers:
        raise invalid('filteringFields.operationIds: expected the ids of operations, such as ["1234"]')
    return frozenset(number for number in numbers if number is not None)


def _as_uri(text: object) -> object:
    """Return a bucket or object as an address; the API writes these with or without ``gs://``."""
    return f"gs://{text}" if isinstance(text, str) and text and "://" not in text else text
