"""Resource names and identifiers: what a path may contain, and how names are built.

Pure; every check raises a `ServiceError` that names the value and what is allowed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lro_notebook.local.core.service_errors import invalid_argument, not_found

if TYPE_CHECKING:
    from lro_notebook.local.core.service_errors import ServiceError

#: The dataset that exists from the first start.
DEMO_DATASET = "projects/local/locations/local/datasets/demo"

_INT64_MAX = 2**63 - 1
_PLACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9:._-]{0,127}", re.ASCII)
_DATASET = re.compile(r"projects/([^/]+)/locations/([^/]+)/datasets/([^/]+)")
_ID = re.compile(r"(?!\.+\Z)[A-Za-z0-9_.-]{1,256}", re.ASCII)
_DIGITS = re.compile(r"\d{1,19}", re.ASCII)
_TYPE = re.compile(r"[A-Z][A-Za-z]{0,63}", re.ASCII)
_FHIR_ID = re.compile(r"[A-Za-z0-9.-]{1,64}", re.ASCII)

#: True for a FHIR resource type, such as ``Patient``.
is_resource_type = _TYPE.fullmatch
#: True for a FHIR id (http://hl7.org/fhir/R4/datatypes.html#id).
is_fhir_id = _FHIR_ID.fullmatch


def location_name(project: str, location: str) -> str:
    """Return ``projects/P/locations/L``."""
    for what, value in (("project", project), ("location", location)):
        if _PLACE.fullmatch(value) is None:
            raise invalid_argument(
                f"{what} id {value[:80]!r}: use 1 to 128 letters, digits, '.', ':', '_' or '-'"
            )
    return f"projects/{project}/locations/{location}"


def dataset_name(value: object, field: str) -> str:
    """Return `value` if it is the full name of a dataset; `field` is what the request calls it."""
    match = _DATASET.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise invalid_argument(f"{field}: expected a name such as projects/P/locations/L/datasets/D")
    project, location, identifier = match.groups()
    return f"{location_name(project, location)}/datasets/{new_id(field, identifier)}"


def new_id(parameter: str, value: str) -> str:
    """Return `value` if it may name a new dataset or store; `parameter` is what the request calls it."""
    if _ID.fullmatch(value) is None:
        raise invalid_argument(f"{parameter} {value[:80]!r}: use 1 to 256 letters, digits, '.', '_' or '-'")
    return value


def whole_number(text: str) -> int | None:
    """Return `text` as a positive 64-bit number; None for anything else."""
    number = int(text) if _DIGITS.fullmatch(text) else -1
    return number if 0 <= number <= _INT64_MAX else None


def operation_number(text: str, *, dataset: str) -> int:
    """Return the number in an operation id; an impossible id is reported as one that does not exist."""
    number = whole_number(text)
    if number is None:
        raise operation_not_found(dataset, text)
    return number


def operation_not_found(dataset: str, operation: object) -> ServiceError:
    """Return the error for an operation that does not exist."""
    return not_found(
        f"operation {dataset}/operations/{str(operation)[:80]} does not exist; "
        f"list the operations with GET {dataset}/operations"
    )


def resource_type(value: str) -> str:
    """Return `value` if it is a FHIR resource type."""
    if not is_resource_type(value):
        raise invalid_argument(f"{value[:80]!r} is not a FHIR resource type; expected one such as Patient")
    return value


def fhir_id(value: str) -> str:
    """Return `value` if it is a FHIR id."""
    if not is_fhir_id(value):
        raise invalid_argument(f"{value[:80]!r} is not a FHIR id; use 1 to 64 letters, digits, '-' or '.'")
    return value
