r"""HL7v2 text: where messages and segments begin, which characters separate. Pure.

A message begins with ``MSH``; its fourth character separates fields, the ones behind it components,
repetitions, escapes and subcomponents. Segments end with a carriage return.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from lro_notebook.results.formats.hl7v2.escapes import Encoding, escape
from lro_notebook.results.formats.hl7v2.field_names import number_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lro_notebook.results.limits import Limits

NO_HEADER = "not HL7v2: no MSH segment at its start"
LINE_FEEDS = "segments end with line feeds, not carriage returns; read all the same"
NO_NAME = "a segment has no name; it was left out"
PADDED = "blanks stand around the names of segments; read all the same"
WRITTEN_OUT = "segments end with characters that stand for carriage returns; read all the same"

_NAME = re.compile(r"[A-Z][A-Z0-9]{2}")
_FRAME = "\x0b\x1c\r\n \t\ufeff"  # MLLP puts a message between \x0b and \x1c\r
_POSITION = re.compile(r"(?:[A-Z][A-Z0-9]*[._-])?(\d{1,9})(?:\[(\d{1,9})\])?", re.ASCII)
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)
_LAST_NUMBER = re.compile(r"(?<!\d)\d{1,9}\Z", re.ASCII)
#: What programs write where they show a carriage return, or cannot keep one.
_SHOWN = r"\\r(?:\\n)?|\\n|<CR>(?:<LF>)?|\\X0D(?:0A)?\\|\\x0[dD]"
_SECOND = "EVN|PID|MSA|ERR|SFT|UAC|QRD|QPD|ORC|OBR|OBX|NTE|PV1|SCH|TXA|MFI|DSC|FT1|STF"
_GAPS = 100  # places without a value that a message may have for each value
_DIGITS = 10  # characters in which the number at the end of a name is seen


class Message(NamedTuple):
    """A message: its segments as text, how it is encoded, and what is wrong with it."""

    segments: Sequence[str]
    encoding: Encoding
    faults: Sequence[str]


def parse(text: str, codecs: tuple[str, ...] = ()) -> Message | None:
    """Return the message in `text`, whose hexadecimal bytes are in `codecs`; None where it is none.

    A line feed is text, unless a segment follows that has the separator of this message.
    """
    text = text.strip(_FRAME)
    if not text.startswith("MSH") or len(text) < len("MSH|^") or text[3].isalnum() or text[3].isspace():
        return None
    faults: list[str] = []
    if "\n" in text:
        text = text.replace("\r\n", "\r")
        if text.count("\n\r") == text.count("\r"):  # each segment ends so
            text = text.replace("\n\r", "\r")
        lost = _lost_break(text[3])
        if lost.search(text):
            faults.append(LINE_FEEDS)
            text = lost.sub("\r", text)
    encoding = _encoding_of(text, codecs)
    if shown := _shown_break(text, encoding):
        faults.append(WRITTEN_OUT)
        text = shown.sub("\r", text)
    segments = _segments(text, encoding.field, faults)
    return Message(segments, encoding, faults)


def _segments(text: str, field: str, faults: list[str]) -> list[str]:
    """Return the segments of a message; what is wrong with them is added to `faults`."""
    segments: list[str] = []
    for line in text.split("\r"):
        segment = line.lstrip("\n \t")
        if segment[3:4] in (" ", "\t") and segment[3:].lstrip(" \t").startswith(field):
            segment = segment[:3] + segment[3:].lstrip(" \t")
        if is_name(segment[:3]) and segment[3:4] in ("", field):
            segments.append(segment)
            if not line.lstrip("\n").startswith(segment[:4]) and PADDED not in faults:
                faults.append(PADDED)
        elif segment.strip() and NO_NAME not in faults:
            faults.append(NO_NAME)
    return segments


@lru_cache(maxsize=100)
def _lost_break(field: str) -> re.Pattern[str]:
    """Return the pattern of a line feed where a carriage return should be."""
    return re.compile(rf"\n(?=[ \t]*[A-Z][A-Z0-9]{{2}} *{re.escape(field)})")


def _shown_break(text: str, encoding: Encoding) -> re.Pattern[str] | None:
    """Return the pattern of what stands for carriage returns in `text`; None where nothing does.

    That is looked for in a message of one line, and at the end of the first of several.
    """
    first, found, _ = text.partition("\r")
    if found:
        match = re.search(rf"(?:{_SHOWN})\Z", first)
        return re.compile(rf"{re.escape(match[0])}(?=\r|\Z)") if match else None
    marks = re.escape("".join(encoding[:5]))
    field = re.escape(encoding.field)
    match = re.search(rf"({_SHOWN}|[^A-Za-z0-9\s{marks}]{{1,4}})(?:{_SECOND}){field}", text)
    if match is None:
        return None
    return re.compile(rf"{re.escape(match[1])}(?:(?=[A-Z][A-Z0-9]{{2}}{field})|\Z)")


@lru_cache(maxsize=1000)
def is_name(name: str) -> bool:
    """Tell whether this is a name for a segment: three characters, the first one a capital letter."""
    return _NAME.fullmatch(name) is not None


def _encoding_of(header: str, codecs: tuple[str, ...]) -> Encoding:
    given = header[4:].split(header[3], maxsplit=1)[0]
    usual = Encoding()
    component, repetition, escape, subcomponent = (
        given[place : place + 1] or mark for place, mark in enumerate(usual.second)
    )
    return Encoding(header[3], component, repetition, escape, subcomponent, codecs or usual.codecs)


def is_crowded(message: Message, limits: Limits) -> bool:
    """Tell whether a segment of `message` would make too many columns."""
    field, component, repetition, _, subcomponent, _ = message.encoding
    for segment in message.segments:
        values = segment.count(field) + segment.count(component) + segment.count(subcomponent)
        if values <= limits.positions:
            continue
        fields = segment.split(field)
        firsts = [text.partition(repetition)[0] for text in fields]
        parts = segment.replace(repetition, field).split(field)
        if (
            len(fields) > limits.positions
            or max(part.count(component) for part in parts) >= limits.positions
            or max(part.count(subcomponent) for part in parts) >= limits.positions
            or sum(1 + part.count(component) + part.count(subcomponent) for part in firsts) * 2
            > limits.columns
        ):
            return True
    return False


def from_parsed(segments: Sequence[Mapping[str, Any]]) -> Message:
    """Return the message of ``parsedData.segments``, whose fields are keyed ``3[0].1``."""
    trees = []
    for segment in segments:
        tree: dict[int, Any] = {}
        for key, value in (segment.get("fields") or {}).items():
            _put(tree, key, str(value))
        name = str(segment.get("segmentId") or (segment.get("fields") or {}).get("0") or "")
        if is_name(name):
            trees.append((name, tree))
    texts = _texts_of(trees)
    return Message(texts, Encoding(), [] if len(texts) == len(segments) else [NO_NAME])


def _put(tree: dict[int, Any], key: str, value: str) -> None:
    """Put a value into field -> repetition -> component -> subcomponent."""
    head, *rest = key.split(".")
    match = _POSITION.fullmatch(head)
    if match is None or not all(map(_NUMBER.fullmatch, rest)) or match[1] == "0":
        return
    places = [int(match[1]), int(match[2] or 0), *(int(part) - 1 for part in rest)]
    places += [0] * (4 - len(places))
    for place in places[:3]:
        tree = tree.setdefault(place, {})
    tree[places[3]] = value


def from_schematized(data: Any) -> Message | None:
    """Return the message of ``schematizedData.data``: groups of segments, each with its fields.

    The form is not documented in full: segments are found by their names at any depth, fields by position
    (``3``, ``PID.3``) or by the names of the standard. None where nothing like a segment is in it.
    """
    texts = _texts_of([(name, _tree_of(name, body)) for name, body in _segments_in(data)])
    texts.sort(key=lambda segment: not segment.startswith("MSH"))
    return Message(texts, Encoding(), []) if texts else None


def _segments_in(value: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(value, list):
        for part in value:
            yield from _segments_in(part)
    if not isinstance(value, dict):
        return
    for key, part in value.items():
        bodies = part if isinstance(part, list) else [part]
        if is_name(key) and all(isinstance(body, dict) for body in bodies):
            yield from ((key, body) for body in bodies)
        else:
            yield from _segments_in(part)


def _tree_of(segment: str, body: Mapping[str, Any]) -> dict[int, Any]:
    tree: dict[int, Any] = {}
    for key, value in body.items():
        match = _POSITION.fullmatch(key)
        number = int(match[1]) if match else number_of(segment, key)
        if number:
            values = value if isinstance(value, list) else [value]
            tree[number] = {place: _numbered(part, 2) for place, part in enumerate(values)}
    return tree


def _numbered(value: Any, levels: int) -> Any:
    """Return components as position from 0 -> value; names that carry no number count in their order."""
    while isinstance(value, list):
        value = value[0] if value else ""
    if levels == 0:
        return "" if value is None else str(value)
    parts = value if isinstance(value, dict) else {"1": value}
    numbered = {}
    for order, (key, part) in enumerate(parts.items()):
        match = _LAST_NUMBER.search(key, max(len(key) - _DIGITS, 0))
        numbered[int(match[0]) - 1 if match else order] = _numbered(part, levels - 1)
    return numbered


def _texts_of(trees: Sequence[tuple[str, Mapping[int, Any]]]) -> list[str]:
    """Return segments as text, where their positions are not far from each other.

    Raises
    ------
    ValueError
        They are: a number would make the text much longer than its values.
    """
    values = gaps = 0
    stack: list[Any] = [tree for _, tree in trees]
    while stack:
        node = stack.pop()
        values += 1
        if isinstance(node, dict):
            gaps += max(node, default=-1) + 1 - len(node)
            stack.extend(node.values())
    if gaps > _GAPS * (values + _GAPS):
        message = "positions without values between them"
        raise ValueError(message)
    return [_text_of(name, tree) for name, tree in trees]


def _text_of(name: str, tree: Mapping[int, Any]) -> str:
    """Return a segment as text, from its values by field, repetition, component and subcomponent."""
    usual = Encoding()
    separators = (usual.field, usual.repetition, usual.component, usual.subcomponent)

    def text(level: int, node: Any) -> str:
        if level == len(separators):
            return escape(str(node), usual)
        first = 1 if level == 0 else 0  # fields count from 1
        places = range(first, max(node, default=-1) + 1)
        return separators[level].join(text(level + 1, node[n]) if n in node else "" for n in places)

    if name != "MSH":
        return f"{name}{usual.field}{text(0, tree)}"
    rest = text(0, {number - 2: node for number, node in tree.items() if number > 2})  # noqa: PLR2004 - MSH-1, MSH-2
    return usual.field.join((name, usual.second, rest))
