"""Bodies of requests as proto JSON: checked by the schema, and brought to one form.

The form has the JSON names (camelCase) of fields, 64-bit numbers as text and enum values by name; null is as
if not there, and what only the service sets is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from lro_notebook.local.discovery import scalars
from lro_notebook.local.discovery.document import snake
from lro_notebook.local.discovery.violations import SHOWN, Violation, invalid_value, unknown_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lro_notebook.local.discovery.document import Document, Field


class Read(NamedTuple):
    """A message in one form, what is wrong with it, and the paths of required fields that are not set."""

    message: dict[str, Any]
    violations: list[Violation]
    missing: list[str]


def read(document: Document, schema: str, body: Mapping[str, Any]) -> Read:
    """Read the body of a request, which is a message of `schema`."""
    reader = _Reader(document)
    message = reader.message(schema, body, root_of(schema))
    return Read(message, reader.violations, reader.missing)


def root_of(schema: str) -> str:
    """Return the path of a request's body: ``fhir_store`` for a resource, none for a request message."""
    return "" if schema.endswith("Request") else snake(schema)


def type_name(document: Document, field: Field, schema: str) -> str:
    """Return the name of a field's type in errors."""
    package = f"type.googleapis.com/google.cloud.healthcare.{document.version}"
    if field.is_message:
        return f"{package}.{field.type}"
    if field.type == "enum":
        name = f"{field.name[0].upper()}{field.name[1:]}"
        return f"{package}.{schema}.{name}" if schema else f"{package}.{name}"
    return scalars.type_name(field)


class _Reader:
    def __init__(self, document: Document) -> None:
        self._document = document
        self.violations: list[Violation] = []  # the first of them; an error lists no more
        self.missing: list[str] = []

    def message(self, schema: str, value: Mapping[str, Any], path: str) -> dict[str, Any]:
        fields = self._document.fields(schema)
        message: dict[str, Any] = {}
        taken = set[str]()
        for name, item in value.items():
            field = fields.get(name)
            if field is None:
                self._refuse(unknown_name(name, path))
            elif field.name in taken:
                self._refuse(unknown_name(name, path, "The field is there twice, in two spellings."))
            elif item is not None:
                taken.add(field.name)
                found = self._field(schema, field, item, path)
                if not field.is_output:
                    message[field.name] = found
        for name, field in fields.items():
            is_listed = name == field.name and len(self.missing) < SHOWN
            if is_listed and field.is_required and is_unset(field, message.get(name)):
                self.missing.append(below(path, name))
        return message

    def _refuse(self, violation: Violation) -> None:
        if len(self.violations) < SHOWN:
            self.violations.append(violation)

    def _field(self, schema: str, field: Field, value: Any, path: str) -> Any:
        if field.many == "repeated":
            # A single value counts as a list of one, as in Google's parser.
            items = value if isinstance(value, list) else [value]
            place = below(path, field.name)
            return [self._one(schema, field, item, f"{place}[{n}]", path) for n, item in enumerate(items)]
        if isinstance(value, list):
            why = "Proto field is not repeating, cannot start list."
            self._refuse(unknown_name(field.name, path, why))
            return None
        if field.many == "map":
            return self._map(schema, field, value, path)
        return self._one(schema, field, value, below(path, field.name), path)

    def _map(self, schema: str, field: Field, value: Any, path: str) -> Any:
        place = below(path, field.name)
        if not isinstance(value, dict):
            self._refuse(invalid_value(place, "Map", "Expected an object"))
            return None
        return {
            key: self._one(schema, field, item, f"{place}[{n}].value", path)
            for n, (key, item) in enumerate(value.items())
        }

    def _one(self, schema: str, field: Field, value: Any, path: str, parent: str) -> Any:
        if field.is_message:
            if isinstance(value, dict):
                return self.message(field.type, value, path)
            self._refuse(invalid_value(path, type_name(self._document, field, schema)))
            return None
        if isinstance(value, dict) and field.type != "any":
            why = "Starting an object on a scalar field"
            self._refuse(invalid_value(parent, snake(field.name), why))
            return None
        try:
            return scalars.read(field, value)
        except scalars.RefusedError as error:
            type_ = type_name(self._document, field, schema)
            self._refuse(invalid_value(path, type_, str(error)))
            return None


def below(path: str, name: str) -> str:
    """Return the path of a field, in snake_case."""
    return f"{path}.{snake(name)}" if path else snake(name)


def is_unset(field: Field, value: Any) -> bool:
    """Return whether a value counts as not set: empty, or the unspecified value of an enum."""
    if field.type == "enum" and not field.many:
        return value is None or (value == field.values[0] and value.endswith("_UNSPECIFIED"))
    if field.is_message and not field.many:
        return value is None
    return value is None or (isinstance(value, str | list | dict) and not value)
