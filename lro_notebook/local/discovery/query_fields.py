"""Fields of a request message that stand in the query instead of the body, such as ``?destinationDataset=…``.

Google's front end takes them where the body is the whole request message, and its samples for Node send them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lro_notebook.local.discovery.document import snake
from lro_notebook.local.discovery.violations import Violation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lro_notebook.local.discovery.document import Document, Field, Method

#: The texts of booleans in a query.
BOOLEANS = {"true": True, "false": False, "1": True, "0": False}


def path_of(document: Document, method: Method, name: str) -> list[Field]:
    """Return the fields that a name such as ``gcsSource.uri`` goes through; none if it leads to no value."""
    schema = method.request if method.request.endswith("Request") else ""
    path: list[Field] = []
    for word in name.split("."):
        field = document.fields(schema).get(word) if schema else None
        if field is None or field.many == "map":
            return []
        path.append(field)
        schema = field.type if field.is_message and not field.many else ""
    return [] if path[-1].is_message or path[-1].type == "any" else path


def bind(message: dict[str, Any], path: Sequence[Field], text: str) -> None:
    """Set the value at a path of fields."""
    *parents, last = path
    for parent in parents:
        message = message.setdefault(parent.name, {})
    value = BOOLEANS.get(text.lower(), text) if last.type == "boolean" else text
    if last.many:
        message.setdefault(last.name, []).append(value)
    else:
        message[last.name] = value


def join(body: dict[str, Any], bound: dict[str, Any], path: str = "") -> list[Violation]:
    """Put what the query has into a body; return the violations of values that the body has otherwise."""
    violations: list[Violation] = []
    for name, value in bound.items():
        key = name if name in body else snake(name)
        there, place = body.get(key), f"{path}{snake(name)}"
        if there is None:
            body.pop(key, None)
            body[name] = value
        elif isinstance(there, dict) and isinstance(value, dict):
            violations += join(there, value, f"{place}.")
        elif isinstance(value, list):
            body[key] = [*(there if isinstance(there, list) else [there]), *value]
        elif there != value:
            said = f"The binding value of the field '{place}' is conflicting with the value in the body."
            violations.append(Violation(place, said))
    return violations
