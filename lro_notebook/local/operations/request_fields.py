"""Fields that requests of several methods have: read and checked; errors name the field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lro_notebook.errors import Code
from lro_notebook.local.core import buckets, resource_names
from lro_notebook.local.core.service_errors import ServiceError, invalid_argument
from lro_notebook.operations.resource import parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lro_notebook.local.core.buckets import Buckets, Location

#: Characters in a filter or other expression; the limit of Cloud Logging filters.
EXPRESSION_LIMIT = 20_000


def refuse_bigquery(body: Mapping[str, Any]) -> None:
    """Raise if the destination is BigQuery, which the local service does not have."""
    if "bigqueryDestination" in body:
        raise ServiceError(
            Code.UNIMPLEMENTED,
            "bigqueryDestination: the local service has no BigQuery; export to gcsDestination, "
            "such as gs://demo-out/run-1",
        )


def destination(folders: Buckets, body: Mapping[str, Any], field: str = "gcsDestination") -> Location:
    """Return the folder that ``{field}.uriPrefix`` names."""
    value = body.get(field)
    if not isinstance(value, dict):
        raise invalid_argument(f'{field}: expected an object such as {{"uriPrefix": "gs://demo-out/run-1"}}')
    return folder(folders, value.get("uriPrefix"), f"{field}.uriPrefix")


def folder(folders: Buckets, uri: object, field: str) -> Location:
    """Return the folder that `uri` names, without wildcards and within the buckets."""
    location = buckets.parse(uri, field=field)
    if any(mark in location.path for mark in "*?"):
        raise invalid_argument(f"{field}: a destination cannot have wildcards")
    folders.check(location, field=field)
    return location


def source(folders: Buckets, body: Mapping[str, Any], field: str = "gcsSource") -> Location:
    """Return the objects that ``{field}.uri`` names."""
    value = body.get(field)
    if not isinstance(value, dict):
        raise invalid_argument(f'{field}: expected an object such as {{"uri": "gs://bucket/folder/**"}}')
    return object_pattern(folders, value.get("uri"), f"{field}.uri")


def object_pattern(folders: Buckets, uri: object, field: str) -> Location:
    """Return the objects that `uri` names; it may have wildcards."""
    location = buckets.parse_pattern(uri, field=field)
    folders.check(location, field=field)
    return location


def one_object(folders: Buckets, uri: object, field: str) -> Location:
    """Return the one object that `uri` names."""
    location = object_pattern(folders, uri, field)
    if any(mark in location.path for mark in "*?"):
        raise invalid_argument(f"{field}: name one object, without wildcards")
    return location


def types(value: object, field: str) -> frozenset[str] | None:
    """Return resource types from a list or comma-separated text; None for all."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise invalid_argument(f"{field}: expected resource types, such as Patient,Observation")
    return frozenset(resource_names.resource_type(part.strip()) for part in parts if part.strip()) or None


def moment(body: Mapping[str, Any], field: str) -> int | None:
    """Return a time in microseconds since 1970; None if the field is absent."""
    text = body.get(field)
    if text in (None, ""):
        return None
    time = parse_timestamp(text)
    if time is None:
        raise invalid_argument(
            f"{field}: expected a time with seconds and time zone, such as 2026-01-31T00:00:00Z"
        )
    return round(time.timestamp() * 1_000_000)


def expression(value: object, field: str, example: str) -> str:
    """Return a filter, rule or path of a request; raise if it is not text or too long."""
    if not isinstance(value, str):
        raise invalid_argument(f"{field}: expected text such as {example}")
    if len(value) > EXPRESSION_LIMIT:
        raise invalid_argument(f"{field}: longer than the limit of {EXPRESSION_LIMIT} characters")
    return value


def flag(body: Mapping[str, Any], field: str) -> bool:
    """Return a boolean; False if the field is absent."""
    value = body.get(field, False)
    if not isinstance(value, bool):
        raise invalid_argument(f"{field}: expected true or false")
    return value


def choice(body: Mapping[str, Any], field: str, allowed: Sequence[str]) -> str:
    """Return one of `allowed`; the first if the field is absent or ``…_UNSPECIFIED``."""
    value = body.get(field, allowed[0])
    if isinstance(value, str) and value.endswith("_UNSPECIFIED"):
        return allowed[0]
    if value not in allowed:
        raise invalid_argument(f"{field}: expected one of {', '.join(allowed)}")
    return str(value)


def int64(body: Mapping[str, Any], field: str, default: int) -> int:
    """Return a 64-bit integer, which JSON carries as text or as a number."""
    value = body.get(field, default)
    try:
        number = int(value) if isinstance(value, str | int) and not isinstance(value, bool) else None
    except ValueError:
        number = None
    if number is None or not -(2**63) <= number < 2**63:
        raise invalid_argument(f"{field}: expected a whole number")
    return number


def texts(body: Mapping[str, Any], field: str) -> list[str]:
    """Return a list of strings; empty if the field is absent."""
    value = body.get(field)
    value = [] if value is None else value
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise invalid_argument(f"{field}: expected a list of strings")
    return value


def json_objects(body: Mapping[str, Any], field: str) -> list[Mapping[str, Any]]:
    """Return a list of JSON objects; empty if the field is absent."""
    value = body.get(field)
    value = [] if value is None else value
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise invalid_argument(f"{field}: expected a list of objects")
    return value


def json_object(body: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    """Return a JSON object; empty if the field is absent."""
    value = body.get(field)
    value = {} if value is None else value
    if not isinstance(value, dict):
        raise invalid_argument(f"{field}: expected an object")
    return value
