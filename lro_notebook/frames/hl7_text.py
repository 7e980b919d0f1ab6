r"""HL7v2 text: where messages and segments begin, which characters separate, what escapes mean. Pure.

A message begins with ``MSH``; its fourth character separates fields, the ones behind it components,
repetitions, escapes and subcomponents. Segments end with a carriage return.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from lro_notebook.frames.segments import number_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

NO_HEADER = "not HL7v2: no MSH segment at its start"
LINE_FEEDS = "segments end with line feeds, not carriage returns; read all the same"
NO_NAME = "a segment has no name; it was left out"
NOT_TEXT = "not in the character set that it names"

#: MSH-18 (HL7 table 0211) -> Python's name; others are tried as they are.
_CHARACTER_SETS = {
    "ASCII": "ascii",
    "UNICODE UTF-8": "utf-8",
    "UNICODE": "utf-8",
    "ISO IR14": "shift_jis",
    "ISO IR87": "iso2022_jp",
    "ISO IR159": "iso2022_jp_1",
    "GB 18030-2000": "gb18030",
    "KS X 1001": "euc_kr",
    "BIG-5": "big5",
}
_CHARACTER_SET = 17  # the place of MSH-18 behind the name of the segment and its first separator
_NAME = re.compile(r"[A-Z][A-Z0-9]{2}")
_LOST_BREAK = re.compile(r"\n(?=[A-Z][A-Z0-9]{2}[^A-Za-z0-9\s])")
_START = re.compile(r"(?:^|(?<=[\r\n\x0b]))(?=MSH[^A-Za-z0-9\s])")
_FRAME = "\x0b\x1c\r\n \ufeff"  # MLLP puts a message between \x0b and \x1c\r
_POSITION = re.compile(r"(?:[A-Z][A-Z0-9]*[._-])?(\d+)(?:\[(\d+)\])?")


class Encoding(NamedTuple):
    """The characters that separate, as MSH-1 and MSH-2 of a message give them."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"


class Message(NamedTuple):
    """A message: its segments as text, how it is encoded, and what is wrong with it."""

    segments: Sequence[str]
    encoding: Encoding
    faults: Sequence[str]


def decoded(data: bytes) -> str | None:
    """Return the text of a message in the character set that it names (MSH-18), else in UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        pass
    fields = data.lstrip(_FRAME.encode())[:2000].split(b"\r")[0].split(b"\n")[0]
    parts = fields.split(fields[3:4]) if len(fields) > len("MSH|") else []
    named = parts[17].split(b"~")[0].decode("ascii", "replace").strip() if len(parts) > 17 else ""  # noqa: PLR2004 - MSH-18
    known = _CHARACTER_SETS.get(
        named, f"iso{named.replace('/', '_')}" if named.startswith("8859/") else named
    )
    try:
        return data.decode(known) if known else None
    except (LookupError, UnicodeDecodeError):
        return None


def parse(text: str) -> Message | None:
    """Return the message in `text`, None where it is none."""
    text = text.strip(_FRAME)
    if not text.startswith("MSH") or len(text) < len("MSH|^") or text[3].isalnum() or text[3].isspace():
        return None
    faults: list[str] = []
    if "\n" in text and _LOST_BREAK.search(text):
        if "\r" not in text or _LOST_BREAK.search(text.replace("\r\n", "\r")):
            faults.append(LINE_FEEDS)
        text = _LOST_BREAK.sub("\r", text)
    encoding = _encoding_of(text)
    segments: list[str] = []
    for line in text.split("\r"):
        segment = line.strip("\n")
        if is_name(segment[:3]) and segment[3:4] in ("", encoding.field):
            segments.append(segment)
        elif segment.strip() and NO_NAME not in faults:
            faults.append(NO_NAME)
    return Message(segments, encoding, faults)


@lru_cache(maxsize=1000)
def is_name(name: str) -> bool:
    """Tell whether this is a name for a segment: three characters, the first one a capital letter."""
    return _NAME.fullmatch(name) is not None


def _encoding_of(header: str) -> Encoding:
    given = header[4:].split(header[3], maxsplit=1)[0]
    usual = Encoding()
    return Encoding(header[3], *(given[n : n + 1] or usual[n + 1] for n in range(len(usual) - 1)))


def split_messages(text: str) -> Iterator[tuple[int, str]]:
    """Yield line number, from 1, and text of each message of a file; batch headers are left out.

    Text before the first message is yielded too, where it is no batch header.
    """
    places = [match.start() for match in _START.finditer(text)]
    head = text[: places[0]] if places else text
    if head.strip(_FRAME) and not head.strip(_FRAME).startswith(("FHS", "BHS")):
        yield 1, head
    line = 1 + len(re.findall(r"\r\n|\r|\n", head)) if places else 1
    for start, end in zip(places, [*places[1:], len(text)], strict=True):
        message = text[start:end]
        yield line, re.split(r"(?<=[\r\n])(?:BTS|FTS|BHS|FHS)[^A-Za-z0-9]", message)[0]
        line += len(re.findall(r"\r\n|\r|\n", message))


def unescape(text: str, encoding: Encoding) -> str:
    r"""Return `text` without its escapes: ``\F\`` and its like, ``\.br\``, ``\X0D\``; others stay."""
    mark = encoding.escape
    plain = {
        "F": encoding.field,
        "S": encoding.component,
        "T": encoding.subcomponent,
        "R": encoding.repetition,
        "E": mark,
        "H": "",  # highlighting on and off
        "N": "",
    }

    def replace(match: re.Match[str]) -> str:
        word = match[1]
        if word in plain:
            return plain[word]
        if word.startswith(".br"):
            return "\n"
        if word.startswith(".sp"):
            return "\n" * int(word[3:].lstrip("+ ") or 1) if word[3:].lstrip("+ ").isdigit() else "\n"
        if re.fullmatch(r"X(?:[0-9A-Fa-f]{2})+", word):
            return bytes.fromhex(word[1:]).decode("utf-8", "replace")
        return match[0]

    quoted = re.escape(mark)
    return re.sub(rf"{quoted}([^{quoted}]*){quoted}", replace, text)


def from_parsed(segments: Sequence[Mapping[str, Any]]) -> Message:
    """Return the message of ``parsedData.segments``, whose fields are keyed ``3[0].1``."""
    found = []
    for segment in segments:
        tree: dict[int, Any] = {}
        for key, value in (segment.get("fields") or {}).items():
            _put(tree, key, str(value))
        name = str(segment.get("segmentId") or (segment.get("fields") or {}).get("0") or "")
        if is_name(name):
            found.append(_text_of(name, tree))
    return Message(found, Encoding(), [] if len(found) == len(segments) else [NO_NAME])


def _put(tree: dict[int, Any], key: str, value: str) -> None:
    """Put a value into field -> repetition -> component -> subcomponent."""
    head, *rest = key.split(".")
    match = _POSITION.fullmatch(head)
    if match is None or not all(part.isdigit() for part in rest) or match[1] == "0":
        return
    places = [int(match[1]), int(match[2] or 0), *(int(part) - 1 for part in rest)]
    places += [0] * (4 - len(places))
    for place in places[:3]:
        tree = tree.setdefault(place, {})
    tree[places[3]] = value


def from_schematized(data: Any) -> Message | None:  # noqa: ANN401 - any JSON value
    """Return the message of ``schematizedData.data``: groups of segments, each with its fields.

    The form is not documented in full: segments are found by their names at any depth, fields by position
    (``3``, ``PID.3``) or by the names of the standard. None where nothing like a segment is in it.
    """
    found = [_text_of(name, _tree_of(name, body)) for name, body in _segments_in(data)]
    found.sort(key=lambda segment: not segment.startswith("MSH"))
    return Message(found, Encoding(), []) if found else None


def _segments_in(value: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:  # noqa: ANN401 - any JSON value
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


def _numbered(value: Any, levels: int) -> Any:  # noqa: ANN401 - any JSON value
    """Return components as position from 0 -> value; names that carry no number count in their order."""
    while isinstance(value, list):
        value = value[0] if value else ""
    if levels == 0:
        return "" if value is None else str(value)
    parts = value if isinstance(value, dict) else {"1": value}
    numbered = {}
    for order, (key, part) in enumerate(parts.items()):
        match = re.search(r"(?<!\d)(\d+)$", key)
        numbered[int(match[1]) - 1 if match else order] = _numbered(part, levels - 1)
    return numbered


def _text_of(name: str, tree: Mapping[int, Any]) -> str:
    """Return a segment as text, from its values by field, repetition, component and subcomponent."""
    usual = Encoding()
    separators = (usual.field, usual.repetition, usual.component, usual.subcomponent)

    def text(level: int, node: Any) -> str:  # noqa: ANN401 - a tree or a leaf
        if level == len(separators):
            return escape(str(node), usual)
        first = 1 if level == 0 else 0  # fields count from 1
        places = range(first, max(node, default=-1) + 1)
        return separators[level].join(text(level + 1, node[n]) if n in node else "" for n in places)

    if name != "MSH":
        return f"{name}{usual.field}{text(0, tree)}"
    rest = text(0, {number - 2: node for number, node in tree.items() if number > 2})  # noqa: PLR2004 - MSH-1, MSH-2
    return usual.field.join((name, "".join(usual[1:]), rest))


def escape(text: str, encoding: Encoding) -> str:
    """Return `text` with the characters that separate as escapes."""
    names = {
        encoding.field: "F",
        encoding.component: "S",
        encoding.subcomponent: "T",
        encoding.repetition: "R",
        encoding.escape: "E",
    }
    mark = encoding.escape
    return "".join(f"{mark}{names[letter]}{mark}" if letter in names else letter for letter in text)
