"""The fields of a ViewDefinition's JSON, each checked as it is taken, and its constants. Pure."""

from __future__ import annotations

import difflib
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import ConfigError
from lro_notebook.fhirpath.dialect import VIEWS
from lro_notebook.fhirpath.fhir_types import PRIMITIVES
from lro_notebook.fhirpath.syntax import Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)
_CONSTANT_TYPES = {
    "value" + kind[0].upper() + kind[1:]: kind for kind in PRIMITIVES if kind not in ("markdown", "xhtml")
}


def object_of(value: object, where: str, keys: frozenset[str]) -> dict[str, Any]:
    """Return `value`, which must be an object; a key that looks like a misspelt one is an error."""
    if not isinstance(value, dict):
        raise ConfigError(f"{where} must be a JSON object, not {word(value)}")
    for key in value:
        known = key in keys or str(key).startswith("_")  # "_name" is an extension of the name
        near = [] if known else difflib.get_close_matches(str(key), keys, n=1, cutoff=0.8)
        if near:
            raise ConfigError(f"{where} has {key!r}; did you mean {near[0]!r}?")
    return value


def word(value: object) -> str:
    """Return what kind of JSON `value` is, in words."""
    words = {list: "a list", str: "text", bool: "true or false", int: "a number", float: "a number"}
    return words.get(type(value), "null" if value is None else type(value).__name__)


def list_of(fields: Mapping[str, Any], key: str, where: str) -> list[Any]:
    """Return the list that is at `key`, empty if there is none."""
    value = fields.get(key, [])
    if not isinstance(value, list):
        raise ConfigError(f"{where}{key} must be a list, not {word(value)}")
    return value


def text_of(fields: Mapping[str, Any], key: str, where: str) -> str:
    """Return the text that must be at `key`."""
    value = fields.get(key)
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(f'{where} needs "{key}", as text')
    return value


def check_name(name: object, where: str) -> str:
    """Return `name`, which must be one that databases take."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigError(
            f"{where} must be letters, digits and underscores, and begin with a letter; it is {name!r}"
        )
    return name


def constants_of(fields: Mapping[str, Any]) -> dict[str, Literal]:
    """Return the constants of a view by their names."""
    constants: dict[str, Literal] = {}
    for number, element in enumerate(list_of(fields, "constant", "")):
        where = f"constant[{number}]"
        constant = object_of(element, where, frozenset({"name"}))
        name = check_name(text_of(constant, "name", where), f"{where}.name")
        if name in constants or name in VIEWS.variables:
            raise ConfigError(f"{where}: %{name} is defined already")
        values = [key for key in constant if key.startswith("value")]
        if len(values) != 1 or values[0] not in _CONSTANT_TYPES:
            raise ConfigError(
                f"{where} needs one value of a primitive type, such as valueString or valueInteger"
            )
        constants[name] = _constant(constant[values[0]], _CONSTANT_TYPES[values[0]], f"{where}.{values[0]}")
    return constants


def _constant(value: object, kind: str, where: str) -> Literal:
    wanted = PRIMITIVES[kind]
    if kind == "integer64" and isinstance(value, str) and re.fullmatch(r"[+-]?\d+", value, re.ASCII):
        return Literal(int(value), kind)  # JSON has no integers of that size, so FHIR writes them as text
    if wanted == "decimal" and isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return Literal(Decimal(str(value)), kind)
    if wanted == "boolean" and isinstance(value, bool):
        return Literal(value, kind)
    if wanted == "integer" and isinstance(value, int) and not isinstance(value, bool):
        return Literal(value, kind)
    if wanted == "text" and isinstance(value, str):
        return Literal(value, kind)
    raise ConfigError(f"{where} is {word(value)}, which is no FHIR {kind}")
