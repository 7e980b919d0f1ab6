"""Holds resources against the structure of FHIR R4: elements, lists, forms of values, codes. Pure.

Profiles, invariants, slices, and codes that only a terminology server knows are not checked. What is found
names the place and what is expected there, and never the value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from lro_notebook.local.fhir.search import date_ranges
from lro_notebook.local.fhir.search.parameter_expressions import target_of
from lro_notebook.local.fhir.structure.elements import Field, is_known_type, resource_types, structure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: A resource with more mistakes is not worth a longer list.
FINDINGS_MAX = 20
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)
_INTEGERS = {"integer": -(2**31), "unsignedInt": 0, "positiveInt": 1}
_INTEGER_MAX = 2**31 - 1
_UNSPACED = r"\S*"
#: http://hl7.org/fhir/R4/datatypes.html
_FORMS: Mapping[str, re.Pattern[str]] = {
    name: re.compile(form, re.ASCII)
    for name, form in {
        "base64Binary": r"[\sA-Za-z0-9+/=]*",
        "canonical": _UNSPACED,
        "code": r"[^\s]+(?:\s[^\s]+)*",
        "date": r"\d{4}(?:-\d\d(?:-\d\d)?)?",
        "dateTime": r"\d{4}(?:-\d\d(?:-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d))?)?)?",
        "id": r"[A-Za-z0-9.-]{1,64}",
        "instant": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)",
        "oid": r"urn:oid:[0-2](?:\.(?:0|[1-9]\d*))+",
        "time": r"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?",
        "uri": _UNSPACED,
        "url": _UNSPACED,
        "uuid": r"urn:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    }.items()
}
_DATES = frozenset({"date", "dateTime", "instant"})


class Finding(NamedTuple):
    """What is wrong at a place, such as ``Patient.contact[0].gender``; `code` is a FHIR issue type."""

    path: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Rules:
    """What a store checks of its resources, as its ``validationConfig`` says."""

    version: str = "R4"
    required: bool = True
    reference_types: bool = True


def findings(document: Mapping[str, Any], rules: Rules) -> list[Finding]:
    """Return what is wrong with a resource, up to `FINDINGS_MAX`; of other versions, with its type alone."""
    found: list[Finding] = []
    for each in _Check(rules).resource(document, ""):
        found.append(each)
        if len(found) == FINDINGS_MAX:
            break
    return found


class _Check:
    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    def resource(self, document: Any, path: str) -> Iterator[Finding]:
        """Yield what is wrong with a resource, which may be within another."""
        type_ = document.get("resourceType") if isinstance(document, dict) else None
        if not isinstance(type_, str) or not is_known_type(type_, self._rules.version):
            place = path or "resourceType"
            shown = f" {type_}" if isinstance(type_, str) and _NAME.fullmatch(type_) else ""
            yield Finding(place, "structure", f"FHIR {self._rules.version} has no resource type{shown}")
        elif self._rules.version == "R4" and type_ in resource_types():
            yield from self._object(document, type_, path or type_, {"resourceType"})

    def _object(
        self, value: Mapping[str, Any], name: str, path: str, known: frozenset[str] | set[str] = frozenset()
    ) -> Iterator[Finding]:
        described = structure(name)
        chosen: dict[str, str] = {}
        for key, each in value.items():
            if key in known:
                continue
            plain = key.removeprefix("_")
            field = described.fields.get(plain)
            if field is None or (plain != key and not field.is_primitive):
                shown = key if _NAME.fullmatch(key) else "with a name that FHIR does not allow"
                yield Finding(path, "structure", f"{name} has no element {shown}")
                continue
            if field.element.endswith("[x]") and chosen.setdefault(field.element, plain) != plain:
                yield Finding(path, "structure", f"{field.element} has values of two types")
            place = f"{path}.{plain}"
            yield from self._extras(each, field, place) if plain != key else self._value(each, field, place)
        if self._rules.required:
            for element, keys in described.required.items():
                if not any(key in value or f"_{key}" in value for key in keys):
                    yield Finding(f"{path}.{element}", "required", "the element is required")

    def _value(self, value: Any, field: Field, path: str) -> Iterator[Finding]:
        if isinstance(value, list) != field.many:
            yield Finding(path, "structure", "expected a list" if field.many else "expected one value")
            return
        if not field.many:
            yield from self._single(value, field, path)
            return
        if not value:
            yield Finding(path, "structure", "a list has at least one value")
        for number, each in enumerate(value):
            if each is not None or not field.is_primitive:
                yield from self._single(each, field, f"{path}[{number}]")

    def _single(self, value: Any, field: Field, path: str) -> Iterator[Finding]:
        if field.is_primitive:
            said = why_wrong(value, field)
            if said:
                yield Finding(path, "code-invalid" if field.codes else "value", said)
        elif field.type == "Resource":
            yield from self.resource(value, path)
        elif not isinstance(value, dict):
            yield Finding(path, "structure", f"expected an object of the type {field.type}")
        elif not value:
            yield Finding(path, "structure", "an object has at least one element")
        else:
            yield from self._object(value, field.type, path)
            if field.type == "Reference" and field.targets and self._rules.reference_types:
                yield from _leads_wrong(value.get("reference"), field, path)

    def _extras(self, value: Any, field: Field, path: str) -> Iterator[Finding]:
        """Yield what is wrong with the id and the extensions of primitive values."""
        values = value if field.many and isinstance(value, list) else [value]
        for each in values:
            if isinstance(each, dict):
                yield from self._object(each, "Element", path)
            elif each is not None or not field.many:
                yield Finding(path, "structure", "expected an object with id or extension")


def _leads_wrong(reference: Any, field: Field, path: str) -> Iterator[Finding]:
    target = target_of(reference) if isinstance(reference, str) and ":" not in reference else None
    if target is not None and target[0] not in field.targets:
        expected = " or ".join(field.targets)
        yield Finding(path, "structure", f"the reference must lead to {expected}")


def why_wrong(value: Any, field: Field) -> str:  # noqa: PLR0911 - one for each kind
    """Return what is wrong with a primitive value; empty if nothing is."""
    type_ = field.type
    if type_ == "boolean":
        return "" if isinstance(value, bool) else "expected true or false"
    if type_ in _INTEGERS:
        whole = isinstance(value, int) and not isinstance(value, bool)
        return "" if whole and _INTEGERS[type_] <= value <= _INTEGER_MAX else f"expected a number ({type_})"
    if type_ == "decimal":
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return "" if number else "expected a number"
    if not isinstance(value, str) or not value:
        return f"expected a text ({type_}) that is not empty"
    form = _FORMS.get(type_)
    if form is not None and form.fullmatch(value) is None:
        return f"expected a {type_}, see http://hl7.org/fhir/R4/datatypes.html#{type_}"
    if type_ in _DATES and date_ranges.span(value) is None:
        return f"expected a {type_} that the calendar has"
    if field.codes and value not in field.codes:
        return f"expected one of {', '.join(sorted(field.codes))}"
    return ""
