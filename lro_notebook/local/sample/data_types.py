"""FHIR data types as JSON: codings, references, quantities, times, ids. Pure; knows no patient."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from lro_notebook.local.sample.names_and_codes import SYNTHETIC, TERMINOLOGY, UCUM

if TYPE_CHECKING:
    from random import Random

    from lro_notebook.local.sample.names_and_codes import Measure

Resource = dict[str, Any]
Code = tuple[str, str, str]

# The same offset all year keeps times easy to compare.
ZONE = timezone(timedelta(hours=-5))


def new_id(rng: Random) -> str:
    """Return an id in the form of a random UUID."""
    return str(UUID(int=rng.getrandbits(128), version=4))


def resource(type_: str, identity: str) -> Resource:
    """Return the start of every resource: type, id and the tag that says it is synthetic."""
    return {
        "resourceType": type_,
        "id": identity,
        "meta": {"tag": [{"system": f"{SYNTHETIC}/tag", "code": "synthetic"}]},
    }


def reference(type_: str, identity: str) -> Resource:
    """Return a reference to a resource of the same store."""
    return {"reference": f"{type_}/{identity}"}


def concept(*codes: Code, text: str | None = None) -> Resource:
    """Return a CodeableConcept; its text is the first display unless given."""
    return {
        "coding": [{"system": system, "code": code, "display": display} for system, code, display in codes],
        "text": text or codes[0][2],
    }


def status(system: str, code: str) -> Resource:
    """Return a CodeableConcept of one of HL7's own code systems, without a display."""
    return {"coding": [{"system": f"{TERMINOLOGY}/{system}", "code": code}]}


def quantity(measure: Measure, value: Decimal | float) -> Resource:
    """Return a Quantity in the unit of `measure`."""
    return {"value": value, "unit": measure.unit, "system": UCUM, "code": measure.ucum}


def rounded(value: float, digits: int) -> Decimal:
    """Return `value` as reported: with `digits` decimal places, including trailing zeros."""
    return Decimal(f"{value:.{digits}f}")


def stamp(moment: datetime) -> str:
    """Return a FHIR dateTime with its offset."""
    return moment.isoformat(timespec="seconds")
