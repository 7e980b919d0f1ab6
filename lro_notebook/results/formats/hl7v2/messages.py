"""Where HL7v2 messages begin and end in a file of them, read piece by piece. Pure.

A character is a byte here: each message is decoded by itself, in the character set that it names. The bytes
that are looked for stand for themselves in all of those sets.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: MLLP puts a message between \x0b and \x1c\r; byte order marks are left over from files that were joined.
_BOM = "\u00ef\u00bb\u00bf"
_FRAME = "\x0b\x1c\r\n \t" + _BOM
#: What may begin a segment begins a message there; behind a line feed inside of text, only a whole header.
_START = re.compile(
    rf"(?:\A|(?<=[\r\x0b])|(?<=\r\n)|(?<={_BOM}))(?=MSH[^A-Za-z0-9\s])"
    r"|(?<=\n)(?=MSH(?:\||([^A-Za-z0-9\s])(?:(?!\1)[^A-Za-z0-9\s]){1,5}\1))"
)
_HEADER = re.compile(r"MSH([^A-Za-z0-9\s])(?:(?!\1)[^A-Za-z0-9\s]){1,5}\1")
_INDENTED = re.compile(r"(?:\A|[\r\n])[ \t]+\Z")
_LONG = 1 << 20  # characters of a line of a log that are held until its end is seen
_INDENT = 80  # blanks before a header that are looked at
#: The start of a line of a log: a day and a time of day, in brackets or behind a word perhaps.
_STAMP = re.compile(
    r"[^\sA-Za-z0-9|]?(?:[A-Z]+[: ]+)?(?:\d{4}[-/.]?\d\d[-/.]?\d\d"
    r"|\d\d?[-/. ](?:\d\d?|[A-Z][a-z]{2})[-/. ]\d{2,4}|[A-Z][a-z]{2} +\d\d?)[ T,]+\d\d:\d\d"
)
_LOGGED = re.compile(r"[\s:>\]=]\x0b?(?=MSH([^A-Za-z0-9\s])(?:(?!\1)[^A-Za-z0-9\s]){1,5}\1)")
#: The segments around batches.
_BATCHES = ("FHS", "BHS", "BTS", "FTS")
_BATCH = "|".join(_BATCHES)
_BREAK = re.compile(r"\r\n|\r|\n")
_OVERLAP = 16  # characters in which the start of a message is seen


def split_messages(text: str) -> Iterator[tuple[int, str]]:
    """Yield line number, from 1, and text of each message of a file; batch headers are left out.

    Text before the first message is yielded too, unless it is a batch header.
    """
    places = list(_starts(text))
    head = text[: places[0]] if places else text
    if head.strip(_FRAME) and not head.strip(_FRAME).startswith(("FHS", "BHS")):
        yield 1, head
    line = 1 + len(_BREAK.findall(head))
    for start, end in pairwise([*places, len(text)]):
        message = whole = text[start:end]
        if any(name in message for name in _BATCHES):
            message = _batch_end(message[3]).split(message, maxsplit=1)[0]
        yield line, message.removesuffix(_BOM)
        line += len(_BREAK.findall(whole))


def _starts(text: str, place: int = 0) -> Iterator[int]:
    """Yield where messages begin, from `place` on."""
    while (place := text.find("MSH", place)) >= 0:
        if _is_start(text, place):
            yield place
        place += 1


def _is_start(text: str, place: int) -> bool:
    """Tell whether a message begins with the ``MSH`` at `place`; behind blanks only with a whole header."""
    if _START.match(text, place):
        return True
    is_indented = text[place - 1 : place] in (" ", "\t") and _HEADER.match(text, place)
    return bool(is_indented and _INDENTED.search(text[max(place - _INDENT, 0) : place]))


def is_log(start: str) -> bool:
    """Tell whether a file that starts so is a log in which messages stand."""
    return _STAMP.match(start.lstrip("\r\n")) is not None and _LOGGED.search(start) is not None


def without_log(pieces: Iterable[str]) -> Iterator[str]:
    """Yield the text of a log without its own lines: what is before a message on its line, and the others."""
    held, inside = "", False  # of a long line, whose start was seen
    for piece in pieces:
        first, *lines = (held + piece).split("\n")
        held = lines.pop() if lines else ""
        start = first if inside else _without_stamp(first)
        if not lines and "\n" not in piece and not inside and len(first) < _LONG:
            held = first
            continue
        inside = "\n" not in piece
        yield start + ("" if inside else "\n" + "".join(f"{_without_stamp(line)}\n" for line in lines))
    yield held if inside else _without_stamp(held)


def _without_stamp(line: str) -> str:
    if not _STAMP.match(line):
        return line
    found = _LOGGED.search(line)
    return line[found.end() :] if found else ""


@lru_cache(maxsize=100)
def _batch_end(field: str) -> re.Pattern[str]:
    """Return the pattern of what ends a message that is not a message: the segments around batches.

    Behind a line feed inside of text they need the separator of the message.
    """
    return re.compile(
        rf"(?:(?<=\r)|(?<=\r\n))(?:{_BATCH})(?![A-Za-z0-9])"
        rf"|(?<=\n)(?:{_BATCH})(?:{re.escape(field)}|[\r\n]|\Z)"
    )


def split_pieces(pieces: Iterable[str], most: int) -> Iterator[tuple[int, str | None]]:
    """Yield what `split_messages` does of a text that comes in `pieces`, as soon as each message is whole.

    A message of more than `most` characters is None. Never holds more than one beside a piece.
    """
    carry, line, skipping = "", 1, False
    for piece in pieces:
        carry += piece
        if skipping:
            start = next(_starts(carry, 1), 0)
            cut = start or max(len(carry) - _OVERLAP, 0)
            line, carry, skipping = line + _breaks(carry, cut), carry[cut:], not start
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
    while place > 0 and not _is_start(text, place):
        place = text.rfind("MSH", 0, place)
    return max(place, 0)


def _breaks(text: str, end: int) -> int:
    """Return how many lines end before `end`; one whose break is cut there ends behind it."""
    count = len(_BREAK.findall(text, 0, end))
    return count - (text[end - 1 : end] == "\r" and text[end : end + 1] == "\n") if end else 0
