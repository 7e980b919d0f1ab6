"""Schematized parsing of HL7v2 messages: groups and segments according to the schema of a store. Pure.

The input follows ``parserConfig.schema``. The shape of the result is our guess: groups and segments under
their names, as lists if the schema allows repetition, fields under their numbers or the names in their
types.
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
    """A segment (without `members`) or group of a schema; `high` 0 means no upper limit."""

    name: str
    low: int
    high: int
    members: tuple[Member, ...] | None = None
    choice: bool = False


class Schema(NamedTuple):
    """A checked ``SchemaPackage``; the last configurations and types come first."""

    messages: tuple[tuple[Mapping[str, str], Mapping[str, Member]], ...]
    types: tuple[tuple[Mapping[str, str], Mapping[str, Any]], ...]
    hard: bool
    unexpected: str
    lenient: bool


def schema_of(package: Mapping[str, Any]) -> Schema:
    """Return the schema in a ``parserConfig.schema``, or raise."""
    try:
        schema = _schema(package)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # The code above assumes the types of all fields; a wrong type ends here.
        raise invalid_argument(
            "parserConfig.schema: a field does not have the type that SchemaPackage defines"
        ) from error
    if not schema.messages:
        raise ServiceError(
            Code.UNIMPLEMENTED,
            "parserConfig.schema: the local service has no default schema; give schemas with "
            "messageSchemaConfigs",
        )
    return schema


def schematized(segments: Sequence[Segment], marks: Separators, schema: Schema) -> dict[str, Any]:
    """Return a message in the structure of its schema, under its type such as ``ADT_A01``.

    Raises
    ------
    ParseError
        It does not match its schema, or has none.
    """
    header = places(segments[0], marks, "V2")
    message_type = "_".join(header[place] for place in ("9.1", "9.2") if place in header) or header.get(
        "9", ""
    )
    configs = [config for sources, config in schema.messages if _matches(sources, header)]
    root = next((config[message_type] for config in configs if message_type in config), None)
    if root is None:
        raise ParseError("the store has no schema for the type of the message")
    types: dict[str, Any] = {}
    for sources, defined in reversed(schema.types):
        if _matches(sources, header):
            types.update(defined)
    parsing = _Parsing(_expected(segments, root, schema), marks, types, lenient=schema.lenient)
    groups, at = parsing.group(root, 0)
    if at < len(parsing.segments):
        if schema.unexpected != "PARSE":
            raise ParseError(f"segment {parsing.segments[at].id} is not expected there by the schema")
        for segment in parsing.segments[at:]:
            groups.setdefault(segment.id, []).append(parsing.fields(segment))
    return {message_type: groups}


class _Parsing:
    """The parsing of one message."""

    def __init__(
        self, segments: Sequence[Segment], marks: Separators, types: Mapping[str, Any], *, lenient: bool
    ) -> None:
        self.segments, self._marks, self._types, self._lenient = segments, marks, types, lenient

    def group(self, group: Member, at: int) -> tuple[dict[str, Any], int]:
        """Return the content of the group that begins at segment `at`, and where it ends."""
        content: dict[str, Any] = {}
        for member in group.members or ():
            items, at = self._repeated(member, at)
            if items:
                content[member.name] = items[0] if member.high == 1 else items
                if group.choice:
                    break
            if len(items) < member.low and not (self._lenient or group.choice):
                raise ParseError(f"{member.name} is missing in {group.name}")
        return content, at

    def fields(self, segment: Segment) -> dict[str, Any]:
        """Return the fields of a segment by the names in its type, or else by number."""
        known = (self._types.get(segment.id) or {}).get("fields") or []
        fields = {}
        for number in range(1, len(segment.fields)):
            text = field_of(segment, number)
            field = known[number - 1] if number <= len(known) else {}
            if text:
                whole = segment.id == "MSH" and number <= 2  # noqa: PLR2004 - these name the separators
                name = field.get("name") or str(number)
                fields[name] = text if whole else self._field(text, field)
        for number, field in enumerate(known, 1):
            if int(field.get("minOccurs", 0)) and not field_of(segment, number) and not self._lenient:
                raise ParseError(f"field {number} of a segment {segment.id} is missing")
        return fields

    def _field(self, text: str, field: Mapping[str, Any]) -> Any:
        high = int(field.get("maxOccurs", 1 if not field else 0))
        parts = text.split(self._marks.repetition)
        if high and len(parts) > high and field:
            raise ParseError("a field occurs more often than its type allows")
        levels = (self._marks.component, self._marks.subcomponent)
        values = [self._value(part, str(field.get("type", "")), levels) for part in parts]
        return values if len(values) > 1 or (field and high != 1) else values[0]

    def _value(self, text: str, type_name: str, levels: Sequence[str]) -> Any:
        definition = self._types.get(type_name) or {}
        if definition.get("primitive") == "UNESCAPED_STRING":
            return unescaped(text, self._marks)
        known = definition.get("fields") or []
        if definition.get("primitive") == "STRING" or not levels or (levels[0] not in text and not known):
            return text
        parts = {}
        for number, part in enumerate(text.split(levels[0]), 1):
            field = known[number - 1] if number <= len(known) else {}
            if part:
                value = self._value(part, str(field.get("type", "")), levels[1:])
                parts[str(field.get("name") or number)] = value
        return parts

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
    """Return the segments; unexpected ones are skipped, put last or an error, as the schema says."""
    known = set(_names(root))
    if schema.unexpected == "SKIP":
        return [segment for segment in segments if segment.id in known]
    unexpected = next((segment.id for segment in segments if segment.id not in known), None)
    if unexpected is not None and schema.unexpected == "FAIL":
        raise ParseError(f"segment {unexpected} is not in the schema of the message")
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
        (_sources(item), {each["name"]: each for each in item.get("type") or ()})
        for item in package.get("types") or ()
    ]
    for _, defined in types:
        for definition in defined.values():
            for field in definition.get("fields") or ():
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
    """Return the minimum and maximum number of occurrences; a maximum of 0 means no limit."""
    return int(item.get("minOccurs", 0)), max(0, int(item.get("maxOccurs", 0)))
