r"""HL7v2 text: where messages and segments begin, which characters separate, what escapes mean. Pure.

A message begins with ``MSH``; its fourth character separates fields, the ones behind it components,
repetitions, escapes and subcomponents. Segments end with a carriage return.
"""

from __future__ import annotations

import codecs
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from lro_notebook.results.formats.hl7v2_names import number_of
from lro_notebook.results.limits import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from lro_notebook.results.limits import Limits

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
#: Codecs of Python that messages cannot be in: slow or strange ones.
_NO_CHARACTER_SETS = {"idna", "mbcs", "oem", "punycode", "raw_unicode_escape", "undefined", "unicode_escape"}
_NAME = re.compile(r"[A-Z][A-Z0-9]{2}")
_LOST_BREAK = re.compile(r"\n(?=[A-Z][A-Z0-9]{2}[^A-Za-z0-9\s])")
_START = re.compile(r"(?:^|(?<=[\r\n\x0b]))(?=MSH[^A-Za-z0-9\s])")
_FRAME = "\x0b\x1c\r\n \ufeff"  # MLLP puts a message between \x0b and \x1c\r
_POSITION = re.compile(r"(?:[A-Z][A-Z0-9]*[._-])?(\d{1,9})(?:\[(\d{1,9})\])?", re.ASCII)
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)
_LAST_NUMBER = re.compile(r"(?<!\d)\d{1,9}\Z", re.ASCII)
_BREAK = re.compile(r"\r\n|\r|\n")
_SPACES = re.compile(r"\.sp ?\+?(\d{1,9})", re.ASCII)
_GAPS = 100  # places without a value that a message may have for each value
_OVERLAP = 8  # characters in which the start of a message is seen


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
        strange = not known or codecs.lookup(known).name.replace("-", "_") in _NO_CHARACTER_SETS
        return None if strange else data.decode(known)
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

    Text before the first message is yielded too, unless it is a batch header.
    """
    places = [match.start() for match in _START.finditer(text)]
    head = text[: places[0]] if places else text
    if head.strip(_FRAME) and not head.strip(_FRAME).startswith(("FHS", "BHS")):
        yield 1, head
    line = 1 + len(_BREAK.findall(head)) if places else 1
    for start, end in zip(places, [*places[1:], len(text)], strict=True):
        message = text[start:end]
        yield line, re.split(r"(?<=[\r\n])(?:BTS|FTS|BHS|FHS)[^A-Za-z0-9]", message)[0]
        line += len(_BREAK.findall(message))


def split_pieces(pieces: Iterable[str], most: int) -> Iterator[tuple[int, str | None]]:
    """Yield what `split_messages` does of a text that comes in `pieces`, as soon as each message is whole.

    A message of more than `most` characters is None. Never holds more than one beside a piece.
    """
    carry, line, skipping = "", 1, False
    for piece in pieces:
        carry += piece
        if skipping:
            start = _START.search(carry, 1)
            cut = start.start() if start else max(len(carry) - _OVERLAP, 0)
            line, carry, skipping = line + _breaks(carry, cut), carry[cut:], start is None
        cut = 0 if skipping else _last_start(carry)
        for number, message in split_messages(carry[:cut]) if cut else ():
            yield line + number - 1, None if len(message) > most else message
        line, carry = line + _breaks(carry, cut), carry[cut:]
        if len(carry) > most and not skipping:
            yield line, None
            cut = len(carry) - _OVERLAP
            line, carry, skipping = line + _breaks(carry, cut), carry[cut:], True
    for number, message in () if skipping else split_messages(carry):
        yield line + number - 1, None if len(message) > most else message


def _last_start(text: str) -> int:
    """Return where the last message in `text` begins; 0 where none does behind its start."""
    place = text.rfind("MSH")
    while place > 0 and not _START.match(text, place):
        place = text.rfind("MSH", 0, place)
    return max(place, 0)


def _breaks(text: str, end: int) -> int:
    """Return how many lines end before `end`; one whose break is cut there ends behind it."""
    count = len(_BREAK.findall(text, 0, end))
    return count - (text[end - 1 : end] == "\r" and text[end : end + 1] == "\n") if end else 0


def is_crowded(message: Message, limits: Limits) -> bool:
    """Tell whether a segment of `message` would make too many columns."""
    field, component, repetition, _, subcomponent = message.encoding
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


def unescape(text: str, encoding: Encoding, spaces: int = DEFAULT.spaces) -> str:
    r"""Return `text` without its escapes: ``\F\`` and its like, ``\.br\``, ``\X0D\``; others stay.

    So does a ``\.sp`` that skips more lines than `spaces`.
    """
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
            number = _SPACES.fullmatch(word)
            count = int(number[1]) if number else 0 if any(map(str.isdigit, word)) else 1
            return "\n" * count if 0 < count <= spaces else match[0] if number or not count else ""
        if re.fullmatch(r"X(?:[0-9A-Fa-f]{2})+", word):
            return bytes.fromhex(word[1:]).decode("utf-8", "replace")
        return match[0]

    quoted = re.escape(mark)
    return re.sub(rf"{quoted}([^{quoted}]*){quoted}", replace, text)


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
        match = _LAST_NUMBER.search(key, max(len(key) - _OVERLAP - 2, 0))
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
