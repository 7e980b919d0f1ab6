"""Parsing HL7 version 2 messages: segments, fields, and header. Pure.

Error messages never hold the content of a message.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo

    from lro_notebook.local.hl7v2.message_schema import Schema

_HEADER = "MSH"
#: The last field of the header that holds separators, and so is not split.
_SEPARATORS_FIELD = 2
_SEGMENT_ID = re.compile(r"[A-Z][A-Z0-9]{2}", re.ASCII)
_TIME = re.compile(
    r"(\d{4})(\d{2})?(\d{2})?(\d{2})?(\d{2})?(\d{2})?(\.\d{1,6})?([+-][01]\d[0-5]\d)?", re.ASCII
)
#: Segments whose first field numbers the segments of the same id (HL7 2.5.1, "Set ID").
_NUMBERED = frozenset(
    "AL1 DG1 FT1 GT1 IN1 NK1 NTE OBR OBX PID PR1 PV1 RXA SPM TXA AIS AIG AIL AIP ARV ROL".split()  # noqa: SIM905 - reads better
)
#: PID fields that hold identifiers of the patient.
_PATIENT_FIELDS = (2, 3, 4)


class ParseError(ValueError):
    """Why a message cannot be read."""


class Separators(NamedTuple):
    """The separator characters of a message."""

    field: str
    component: str
    repetition: str
    escape: str
    subcomponent: str


class Parser(NamedTuple):
    """How a store reads its messages: its checked ``parserConfig``, and the dataset's time zone."""

    version: str = "V1"
    terminator: bytes = b"\r"
    null_header: bool = False
    zone: tzinfo = UTC
    schema: Schema | None = None


class Segment(NamedTuple):
    """A segment; ``fields[n]`` is the text of field n, ``fields[0]`` the id of the segment."""

    id: str
    fields: list[str]


class Reading(NamedTuple):
    """What the header and PID segments of a message say; `sent` is in microseconds since 1970."""

    facility: str
    type: str
    sent: int | None
    patients: list[dict[str, str]]


def segments(raw: bytes, parser: Parser) -> tuple[list[Segment], Separators | None]:
    """Return the segments of a message and its separators; None if it has no header and needs none.

    Raises
    ------
    ParseError
        It is not a message.
    """
    text = _decoded(raw)
    lines = [line.strip("\n") for line in text.split(parser.terminator.decode("latin-1"))]
    lines = [line for line in lines if line]
    if not lines:
        raise ParseError("the message is empty")
    if not lines[0].startswith(_HEADER):
        if parser.null_header:
            return [], None
        raise ParseError("the message does not begin with an MSH segment")
    if len(lines) == 1 and "\n" in lines[0]:
        raise ParseError(
            "the segments end with line feeds; end them with carriage returns, "
            "or set parserConfig.segmentTerminator of the store to Cg=="
        )
    marks = _separators(lines[0])
    return [_segment(line, number, marks) for number, line in enumerate(lines, 1)], marks


def read(raw: bytes, parser: Parser) -> Reading:
    """Return what the header and the PID segments of a message say.

    Raises
    ------
    ParseError
        It is not a message.
    """
    parts, marks = segments(raw, parser)
    if marks is None:
        return Reading("", "", None, [])
    header = parts[0]
    return Reading(
        facility=_component(header, 4, 1, marks),
        type=_component(header, 9, 1, marks),
        sent=_microseconds(field_of(header, 7).partition(marks.component)[0], parser.zone),
        patients=list(_patients(parts, marks)),
    )


def parsed(raw: bytes, parser: Parser) -> dict[str, Any]:
    """Return the ``parsedData`` of a message: its values that are not empty, by place."""
    parts, marks = segments(raw, parser)
    if marks is None:
        return {"segments": []}
    return {"segments": [_shown(segment, marks, parser.version) for segment in parts]}


def control_id(raw: bytes, parser: Parser) -> str:
    """Return the control id (MSH-10) of a message."""
    parts, _ = segments(raw, parser)
    return field_of(parts[0], 10) if parts else ""


def acknowledgement(
    raw: bytes,
    parser: Parser,
    *,
    moment: datetime,
    identifier: str,
    code: str = "AA",
    text: str = "",
) -> bytes:
    """Return the ACK of a message: sender and receiver swapped, its control id in MSA-2.

    With another code than ``AA`` it is a NACK, and `text` says why; bytes that are no message get one without
    names and control id.
    """
    try:
        parts, marks = segments(raw, parser)
    except ParseError:
        parts, marks = [], None
    if marks is None:
        header, control, line = Segment(_HEADER, []), "", "^~\\&"
        bar, arrow = "|", "^"
    else:
        header, control, line = parts[0], control_id(raw, parser), field_of(parts[0], 2)
        bar, arrow = marks.field, marks.component
    names = [field_of(header, number) for number in (5, 6, 3, 4)]
    version = field_of(header, 12) or "2.5.1"
    first = [
        _HEADER, line, *names, moment.strftime("%Y%m%d%H%M%S"), "", f"ACK{arrow}ACK", identifier, "T", version
    ]  # fmt: skip
    status = [code, control, text] if text else [code, control]
    return f"{bar.join(first)}\rMSA{bar}{bar.join(status)}\r".encode()


def _decoded(raw: bytes) -> str:
    """Return the text of a message: UTF-8, or else Latin-1, which accepts any bytes."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _separators(header: str) -> Separators:
    marks = header[3:8]
    if (
        len(marks) < len(Separators._fields)
        or len(set(marks)) != len(marks)
        or any(mark.isalnum() or mark.isspace() for mark in marks)
    ):
        raise ParseError("the MSH segment does not name five different separators, such as |^~\\&")
    return Separators(*marks)


def _segment(line: str, number: int, marks: Separators) -> Segment:
    identifier, *fields = line.split(marks.field)
    if _SEGMENT_ID.fullmatch(identifier) is None:
        raise ParseError(f"segment {number} does not begin with a segment id, such as PID")
    # MSH-1 is the separator itself.
    return Segment(
        identifier, [identifier, marks.field, *fields] if identifier == _HEADER else [identifier, *fields]
    )


def places(segment: Segment, marks: Separators, version: str) -> dict[str, str]:
    """Return the values of a segment that are not empty, by place, such as ``3[0].1``."""
    header = segment.id == _HEADER
    # Version 1 of Google's parser omits MSH-1 and numbers the other fields one lower.
    shift = 1 if header and version == "V1" else 0
    values = {"0": segment.id}
    for number, text in enumerate(segment.fields[1 + shift :], 1):
        if not text:
            continue
        whole = header and number + shift <= _SEPARATORS_FIELD
        if whole or (
            marks.repetition not in text and marks.component not in text and marks.subcomponent not in text
        ):
            values[str(number)] = text  # most fields have a single value
        else:
            values.update(_values(str(number), text, marks))
    if version == "V3":
        values = {key: unescaped(value, marks) for key, value in values.items()}
    return values


def unescaped(text: str, marks: Separators) -> str:
    """Return a text with its escaped separators replaced."""
    if marks.escape not in text:
        return text
    letters = {
        "F": marks.field,
        "S": marks.component,
        "T": marks.subcomponent,
        "R": marks.repetition,
        "E": marks.escape,
        "P": "#",
    }
    escape = re.escape(marks.escape)
    return re.sub(f"{escape}([FSTREP]){escape}", lambda match: letters[match[1]], text)


def _shown(segment: Segment, marks: Separators, version: str) -> dict[str, Any]:
    fields = places(segment, marks, version)
    shown: dict[str, Any] = {"segmentId": segment.id}
    if segment.id in _NUMBERED and "1" in fields:
        shown["setId"] = fields["1"]
    return {**shown, "fields": fields}


def _values(key: str, text: str, marks: Separators) -> Iterator[tuple[str, str]]:
    """Yield place and value of each part of a field, such as ``("3[0].1", "11111111")``."""
    repetitions = text.split(marks.repetition)
    for index, repetition in enumerate(repetitions):
        place = f"{key}[{index}]" if len(repetitions) > 1 else key
        components = repetition.split(marks.component)
        deep = len(components) > 1 or marks.subcomponent in repetition
        for number, component in enumerate(components, 1):
            spot = f"{place}.{number}" if deep else place
            parts = component.split(marks.subcomponent)
            filled = ((position, part) for position, part in enumerate(parts, 1) if part)
            for position, part in filled:
                yield (f"{spot}.{position}" if len(parts) > 1 else spot), part


def _patients(parts: list[Segment], marks: Separators) -> Iterator[dict[str, str]]:
    """Yield the identifiers in PID-2, PID-3 and PID-4: component 1, with its type in component 5."""
    persons = [segment for segment in parts if segment.id == "PID"]
    for text in (field_of(segment, number) for segment in persons for number in _PATIENT_FIELDS):
        for repetition in text.split(marks.repetition):
            value, *rest = repetition.split(marks.component)
            if value:
                id_type = rest[3] if len(rest) > 3 else ""  # noqa: PLR2004 - component 5
                yield {"value": value, "type": id_type} if id_type else {"value": value}


def field_of(segment: Segment, number: int) -> str:
    """Return the text of a field; empty if the segment does not have it."""
    return segment.fields[number] if number < len(segment.fields) else ""


def _component(segment: Segment, number: int, component: int, marks: Separators) -> str:
    parts = field_of(segment, number).partition(marks.repetition)[0].split(marks.component)
    return parts[component - 1].partition(marks.subcomponent)[0] if component <= len(parts) else ""


def _microseconds(text: str, zone: tzinfo) -> int | None:
    """Return an HL7 timestamp as microseconds since 1970; None if it is not one."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    if offset:
        away = timedelta(hours=int(offset[1:3]), minutes=int(offset[3:]))
        zone = timezone(-away if offset[0] == "-" else away)
    try:
        moment = datetime(
            int(year),
            int(month or 1),
            int(day or 1),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            tzinfo=zone,
        )
        return round((moment.timestamp() + float(fraction or 0)) * 1_000_000)
    except (ValueError, OverflowError):
        return None
