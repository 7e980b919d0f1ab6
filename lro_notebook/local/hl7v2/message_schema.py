"""Schematized parsing of HL7v2 messages: groups and segments by a store's own schema. Pure.

What is accepted follows the fields of ``parserConfig.schema``. The shape of the result is our guess:
groups and segments under their names, lists where a schema lets them repeat, fields under their numbers
or the names that the types give them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from lro_notebook.errors import Code
from lro_notebook.local.core.service_errors import ServiceError, invalid_argument
from lro_notebook.local.hl7v2.message_parser import ParseError, field_of, places, unescaped

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lro_notebook.local.hl7v2.message_parser import Segment, Separators

_HANDLING = ("FAIL", "SKIP", "PARSE")
_PARSING = ("SOFT_FAIL", "HARD_FAIL")


@dataclass(frozen=True, slots=True)
class Member:
    """A segment (without `members`) or a group of a schema; `high` 0 is any number of times."""

    name: str
    low: int
    high: int
    members: tuple[Member, ...] | None = None
    choice: bool = False


class Schema(NamedTuple):
    """A checked ``SchemaPackage``; later configurations and types come first."""

    messages: tuple[tuple[Mapping[str, str], Mapping[str, Member]], ...]
    types: tuple[tuple[Mapping[str, str], Mapping[str, Any]], ...]
    hard: bool
    unexpected: str
    lenient: bool


def schema_of(package: Mapping[str, Any]) -> Schema:
    """Return what a ``parserConfig.schema`` asks for, or refuse what cannot be."""
    try:
        schema = _schema(package)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # It is read as if each field had its kind; one that has not comes to this.
        raise invalid_argument(
            "parserConfig.schema: a field is not of the kind that a SchemaPackage has"
        ) from error
    if not schema.messages:
        raise ServiceError(
            Code.UNIMPLEMENTED,
            "parserConfig.schema: the local service has no default schema; give schemas with "
            "messageSchemaConfigs",
        )
    return schema


def schematized(segments: Sequence[Segment], marks: Separators, schema: Schema) -> dict[str, Any]:
    """Return a message as its schema orders it, under its type such as ``ADT_A01``.

    Raises
    ------
    Flaw
        It does not fit, or there is no schema for it.
    """
    header = places(segments[0], marks, "V2")
    kind = "_".join(header[place] for place in ("9.1", "9.2") if place in header) or header.get("9", "")
    fitting = [found for sources, found in schema.messages if _matches(sources, header)]
    root = next((found[kind] for found in fitting if kind in found), None)
    if root is None:
        raise ParseError("the store has no schema for the type of the message")
    types: dict[str, Any] = {}
    for sources, found in reversed(schema.types):
        if _matches(sources, header):
            types.update(found)
    work = _Work(_expected(segments, root, schema), marks, types, lenient=schema.lenient)
    found_items, at = work.group(root, 0)
    if at < len(work.segments):
        if schema.unexpected != "PARSE":
            raise ParseError(f"segment {work.segments[at].id} stands where the schema does not expect it")
        for segment in work.segments[at:]:
            found_items.setdefault(segment.id, []).append(work.fields(segment))
    return {kind: found_items}


class _Work:
    """The parsing of one message."""

    def __init__(
        self, segments: Sequence[Segment], marks: Separators, types: Mapping[str, Any], *, lenient: bool
    ) -> None:
        self.segments, self._marks, self._types, self._lenient = segments, marks, types, lenient

    def group(self, group: Member, at: int) -> tuple[dict[str, Any], int]:
        """Return what a group holds from segment `at` on, and where it ends."""
        found: dict[str, Any] = {}
        for member in group.members or ():
            items, at = self._repeated(member, at)
            if items:
                found[member.name] = items[0] if member.high == 1 else items
                if group.choice:
                    break
            if len(items) < member.low and not (self._lenient or group.choice):
                raise ParseError(f"{member.name} is missing in {group.name}")
        return found, at

    def fields(self, segment: Segment) -> dict[str, Any]:
        """Return the fields of a segment by its type, or by their numbers where it has none."""
        known = (self._types.get(segment.id) or {}).get("fields") or []
        found = {}
        for number in range(1, len(segment.fields)):
            text = field_of(segment, number)
            field = known[number - 1] if number <= len(known) else {}
            if text:
                whole = segment.id == "MSH" and number <= 2  # noqa: PLR2004 - these name the separators
                name = field.get("name") or str(number)
                found[name] = text if whole else self._field(text, field)
        for number, field in enumerate(known, 1):
            if int(field.get("minOccurs", 0)) and not field_of(segment, number) and not self._lenient:
                raise ParseError(f"field {number} of a segment {segment.id} is missing")
        return found

    def _field(self, text: str, field: Mapping[str, Any]) -> Any:  # noqa: ANN401 - text, object or list
        high = int(field.get("maxOccurs", 1 if not field else 0))
        parts = text.split(self._marks.repetition)
        if high and len(parts) > high and field:
            raise ParseError("a field occurs more often than its type says")
        levels = (self._marks.component, self._marks.subcomponent)
        values = [self._value(part, str(field.get("type", "")), levels) for part in parts]
        return values if len(values) > 1 or (field and high != 1) else values[0]

    def _value(self, text: str, type_name: str, levels: Sequence[str]) -> Any:  # noqa: ANN401 - as above
        kind = self._types.get(type_name) or {}
        if kind.get("primitive") == "UNESCAPED_STRING":
            return unescaped(text, self._marks)
        known = kind.get("fields") or []
        if kind.get("primitive") == "STRING" or not levels or (levels[0] not in text and not known):
            return text
        found = {}
        for number, part in enumerate(text.split(levels[0]), 1):
            field = known[number - 1] if number <= len(known) else {}
            if part:
                value = self._value(part, str(field.get("type", "")), levels[1:])
                found[str(field.get("name") or number)] = value
        return found

    def _repeated(self, member: Member, at: int) -> tuple[list[Any], int]:
        items: list[Any] = []
        while (
            at < len(self.segments)
            and (not member.high or len(items) < member.high)
            and self._begins(member, self.segments[at].id)
        ):
            if member.members is None:
                items.append(self.fields(self.segments[at]))
                at += 1
            else:
                item, at = self.group(member, at)
                items.append(item)
        return items, at

    def _begins(self, member: Member, identifier: str) -> bool:
        """Return whether a segment or group can begin with a segment of this id."""
        if member.members is None:
            return member.name == identifier
        for inner in member.members:
            if self._begins(inner, identifier):
                return True
            if inner.low and not (member.choice or self._lenient):
                return False
        return False


def _expected(segments: Sequence[Segment], root: Member, schema: Schema) -> list[Segment]:
    """Return the segments that the schema knows of, or fail on the others, as it says."""
    known = set(_names(root))
    if schema.unexpected == "SKIP":
        return [segment for segment in segments if segment.id in known]
    strange = next((segment.id for segment in segments if segment.id not in known), None)
    if strange is not None and schema.unexpected == "FAIL":
        raise ParseError(f"segment {strange} is not in the schema of the message")
    kept = [segment for segment in segments if segment.id in known]
    return [*kept, *(segment for segment in segments if segment.id not in known)]


def _names(member: Member) -> Iterable[str]:
    if member.members is None:
        yield member.name
    for inner in member.members or ():
        yield from _names(inner)


def _matches(sources: Mapping[str, str], header: Mapping[str, str]) -> bool:
    return all(header.get(place, header.get(f"{place}.1")) == value for place, value in sources.items())


def _schema(package: Mapping[str, Any]) -> Schema:
    parsing = package.get("schematizedParsingType", _PARSING[0])
    unexpected = package.get("unexpectedSegmentHandling", _HANDLING[0])
    if parsing == "SCHEMATIZED_PARSING_TYPE_UNSPECIFIED":
        parsing = _PARSING[0]
    if unexpected == "UNEXPECTED_SEGMENT_HANDLING_MODE_UNSPECIFIED":
        unexpected = _HANDLING[0]
    if parsing not in _PARSING or unexpected not in _HANDLING:
        raise ValueError
    messages = [
        (_sources(item), {name: _group(group) for name, group in item["messageSchemaConfigs"].items()})
        for item in package.get("schemas") or ()
    ]
    types = [
        (_sources(item), {kind["name"]: kind for kind in item.get("type") or ()})
        for item in package.get("types") or ()
    ]
    for _, found in types:
        for kind in found.values():
            for field in kind.get("fields") or ():
                int(field.get("minOccurs", 0)), int(field.get("maxOccurs", 0))
    lenient = bool(package.get("ignoreMinOccurs", False))
    return Schema(
        tuple(reversed(messages)), tuple(reversed(types)), parsing == "HARD_FAIL", unexpected, lenient
    )


def _sources(item: Mapping[str, Any]) -> dict[str, str]:
    return {source["mshField"]: source["value"] for source in item.get("version") or ()}


def _group(group: Mapping[str, Any]) -> Member:
    members = tuple(
        _group(item["group"]) if "group" in item else _segment(item["segment"])
        for item in group.get("members") or ()
    )
    return Member(str(group.get("name", "")), *_bounds(group), members, bool(group.get("choice", False)))


def _segment(segment: Mapping[str, Any]) -> Member:
    return Member(str(segment["type"]), *_bounds(segment))


def _bounds(item: Mapping[str, Any]) -> tuple[int, int]:
    """Return how often something occurs at least and at most; 0 and -1 are without bound."""
    return int(item.get("minOccurs", 0)), max(0, int(item.get("maxOccurs", 0)))
