"""What is wrong with a request, in the words of Google's front end, and the error that says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from lro_notebook.errors import Code
from lro_notebook.local.core.service_errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Violations that an error lists; a body of a million unknown fields needs no more.
_SHOWN = 50
#: Characters of a name or value that a message repeats.
_QUOTED = 60


class Violation(NamedTuple):
    """A field that is wrong: its path in snake_case, and what is wrong with it."""

    field: str
    description: str


def error_of(violations: Sequence[Violation]) -> ServiceError:
    """Return the error for a request (HTTP 400) with at least one violation."""
    shown = violations[:_SHOWN]
    listed = [
        {"field": field, "description": said} if field else {"description": said} for field, said in shown
    ]
    return ServiceError(
        Code.INVALID_ARGUMENT,
        "\n".join(violation.description for violation in shown),
        details=[{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": listed}],
    )


def unknown_name(name: str, path: str, why: str = "Cannot find field.") -> Violation:
    """Return the violation of a name that the message at `path` does not have."""
    place = f" at '{path}'" if path else ""
    return Violation(path, f'Invalid JSON payload received. Unknown name "{name[:_QUOTED]}"{place}: {why}')


def invalid_value(path: str, type_: str, said: str = "") -> Violation:
    """Return the violation of a value at `path` that is not of its type."""
    return Violation(path, f"Invalid value at '{path}' ({type_})" + (f", {said}" if said else ""))


def missing(path: str) -> Violation:
    """Return the violation of a required field that is not set."""
    return Violation(path, f"Invalid value at '{path}': the field is required, and is not set")


def quoted(value: Any) -> str:
    """Return a value for a message, with quotes if it is text; cut short."""
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value[:_QUOTED]}"' if isinstance(value, str) else str(value)[:_QUOTED]
