"""Scalar values of proto JSON: what each type accepts, and the form in which the service keeps it.

A value of text or bytes is never repeated in a message, since it may be somebody's data.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lro_notebook.local.discovery.violations import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lro_notebook.local.discovery.document import Field

_TIME = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d{1,9})?(?:Z|[+-]([01]\d|2[0-3]):[0-5]\d)", re.ASCII
)
_DURATION = re.compile(r"-?\d{1,12}(?:\.\d{1,9})?s", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d{1,20}", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,400}(?:\.\d{1,400})?(?:[eE][+-]?\d{1,4})?", re.ASCII)
_EXACT = 2**53
_NOT_FINITE = ("NaN", "Infinity", "-Infinity")
_RANGES = {
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint64": (0, 2**64 - 1),
}
_WEB_SAFE = bytes.maketrans(b"-_", b"+/")


class RefusedError(ValueError):
    """A value is not of its type; the message is what Google's error says after the type."""


def read(field: Field, value: Any) -> Any:
    """Return a value of a scalar field in the form to keep; raise `RefusedError` if it is not of its type."""
    return _READERS[field.type](field, value)


def type_name(field: Field) -> str:
    """Return the name of a scalar type in errors, such as ``TYPE_BOOL``; of an enum see `messages`."""
    return _NAMES.get(field.type) or f"TYPE_{field.type.upper()}"


def _text(_: Field, value: Any) -> str:
    if not isinstance(value, str):
        raise RefusedError
    return value


def _boolean(_: Field, value: Any) -> bool:
    if not isinstance(value, bool):
        raise RefusedError(quoted(value))
    return value


def _bytes(_: Field, value: Any) -> str:
    if not isinstance(value, str):
        raise RefusedError
    try:
        text = value.encode("ascii").translate(_WEB_SAFE).rstrip(b"=")
        data = base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise RefusedError("Base64 decoding failed") from error
    return base64.b64encode(data).decode()


def _integer(field: Field, value: Any) -> int | str:
    number: int | None = None
    # A float beyond 2**53 may stand for another number than the one that was written.
    is_whole = isinstance(value, float) and abs(value) < _EXACT and value.is_integer()
    is_number = isinstance(value, int) and not isinstance(value, bool)
    if is_whole or is_number or (isinstance(value, str) and _INTEGER.fullmatch(value)):
        number = int(value)
    low, high = _RANGES[field.type]
    if number is None or not low <= number <= high:
        raise RefusedError(quoted(value))
    return number if field.type == "int32" else str(number)


def _double(_: Field, value: Any) -> float | str:
    if value in _NOT_FINITE:
        return str(value)
    if isinstance(value, str):
        value = float(value) if _NUMBER.fullmatch(value) else value
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise RefusedError(quoted(value))
    return value


def _enum(field: Field, value: Any) -> str:
    """Return the name of an enum's value, which may be given as its number."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(field.values):
        return field.values[value]
    if not isinstance(value, str) or value not in field.values:
        raise RefusedError(quoted(value))
    return value


def _time(field: Field, value: Any) -> str:
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None or not _is_date(match[1]):
        raise RefusedError(
            f"Field '{field.name}', Illegal timestamp format; timestamps must end with 'Z' or have a valid "
            "timezone offset."
        )
    return str(value)


def _is_date(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _duration(field: Field, value: Any) -> str:
    if not isinstance(value, str) or _DURATION.fullmatch(value) is None:
        raise RefusedError(f"Field '{field.name}', Illegal duration format; duration must end with 's'")
    return value


def _any(_: Field, value: Any) -> Any:
    return value


_READERS: Mapping[str, Callable[[Field, Any], Any]] = {
    "any": _any,
    "boolean": _boolean,
    "bytes": _bytes,
    "double": _double,
    "duration": _duration,
    "enum": _enum,
    "int32": _integer,
    "int64": _integer,
    "uint64": _integer,
    "mask": _text,
    "string": _text,
    "time": _time,
}
_NAMES = {
    "boolean": "TYPE_BOOL",
    "duration": "type.googleapis.com/google.protobuf.Duration",
    "mask": "type.googleapis.com/google.protobuf.FieldMask",
    "time": "type.googleapis.com/google.protobuf.Timestamp",
}
