r"""Text that switches between character sets: ISO 2022, by ESC or by ``\C..\`` and ``\M..\`` of HL7. Pure.

A switch names a set for the low half of bytes, or for the high half, until the next switch or the end of
the segment. Bytes in a set of two bytes may look like characters that separate, so this comes before them.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

#: What is wrong with a switch to a set that is not known.
UNKNOWN_SWITCH = "an escape sequence names a character set that is not known; it was left as it is"

_HEX = rb"(?:[0-9A-Fa-f]{2})"
_ROMAN, _KATAKANA = b"(J", b"(I"
#: Sets of two bytes in the low half -> the codec that knows them, and the escape sequence that it knows.
_LOW = {
    b"$@": ("iso2022_jp_2", b"$@"),
    b"$B": ("iso2022_jp_2", b"$B"),
    b"$(@": ("iso2022_jp_2", b"$@"),
    b"$(B": ("iso2022_jp_2", b"$B"),
    b"$(D": ("iso2022_jp_2", b"$(D"),
    b"$A": ("iso2022_jp_2", b"$A"),
    b"$(A": ("iso2022_jp_2", b"$A"),
    b"$(C": ("iso2022_jp_2", b"$(C"),
    b"$(O": ("iso2022_jp_3", b"$(O"),
    b"$(P": ("iso2022_jp_2004", b"$(P"),
    b"$(Q": ("iso2022_jp_2004", b"$(Q"),
}
#: Sets in the high half -> the codec that reads them there, with ASCII in the low half.
_HIGH = {
    b")I": "shift_jis",
    b"$)A": "gb18030",
    b"$)C": "euc_kr",
    b"-A": "iso8859_1",
    b"-B": "iso8859_2",
    b"-C": "iso8859_3",
    b"-D": "iso8859_4",
    b"-F": "iso8859_7",
    b"-G": "iso8859_6",
    b"-H": "iso8859_8",
    b"-L": "iso8859_5",
    b"-M": "iso8859_9",
    b"-T": "iso8859_11",
    b"-V": "iso8859_10",
    b"-Y": "iso8859_13",
    b"-_": "iso8859_14",
    b"-b": "iso8859_15",
    b"-f": "iso8859_16",
}
_ROWS, _DELETE = 0x1F, 0x7F  # what Shift JIS leaves out: lead bytes from 0xA0 on, and trail bytes of 0x7F
_GRAPHIC = re.compile(rb"([\x21-\x7e]+)")


class Marks(NamedTuple):
    """The characters that separate, each a byte, as MSH-1 and MSH-2 give them."""

    field: bytes
    component: bytes
    repetition: bytes
    escape: bytes
    subcomponent: bytes

    def escaped(self, text: str) -> str:
        """Return text that stood as hexadecimal digits, safe to be divided by these characters."""
        names = {mark.decode("latin-1"): name for mark, name in zip(self, "FSRET", strict=True) if mark}
        names |= {"\r": "X0D", "\n": "X0A"}
        mark = self.escape.decode("latin-1")
        return "".join(f"{mark}{names[letter]}{mark}" if letter in names else letter for letter in text)


def has_switches(data: bytes, escape: bytes) -> bool:
    """Tell whether some of `data` may be in another set than the first."""
    if b"\x1b" in data:
        return True
    if not escape or (escape + b"C" not in data and escape + b"M" not in data):
        return False
    return re.search(_switch(escape), data) is not None


def switched(data: bytes, initial: Callable[[bytes], str], marks: Marks) -> tuple[str, bool]:
    """Return the text of a message, and whether all its switches are known; those that are not stay.

    Parameters
    ----------
    data : bytes
        A message, from its first segment.
    initial : callable
        Reads bytes in the set that is in use before the first switch of a segment.
    marks : Marks
        The characters that separate.

    Raises
    ------
    UnicodeDecodeError
        Bytes are not in the set that is in use.
    """
    state = _State(initial, marks)
    known, place, parts = True, 0, []
    for token in _tokens(marks.escape).finditer(data):
        parts.append(state.text(data[place : token.start()]))
        place = token.end()
        if token["hex"]:
            if state.is_initial:
                parts.append(token[0].decode("ascii"))
            else:
                digits = re.sub(rb"[^0-9A-Fa-f]+", b"", token["hex"])
                parts.append(marks.escaped(state.text(bytes.fromhex(digits.decode("ascii")))))
        elif token["esc"] or token["switch"]:
            name = token["esc"] or bytes.fromhex(token["switch"].decode("ascii"))
            if not state.switch(name):
                known = False
                parts.append(token[0].decode("ascii"))
        else:  # the end of a segment
            state.reset()
            parts.append(token[0].decode("ascii"))
    parts.append(state.text(data[place:]))
    return "".join(parts), known


def _switch(escape: bytes) -> bytes:
    mark = re.escape(escape)
    return rb"%b[CM](?P<switch>%b{2,3})%b" % (mark, _HEX, mark)


@lru_cache(maxsize=100)
def _tokens(escape: bytes) -> re.Pattern[bytes]:
    """Return the pattern of switches, of hexadecimal bytes, and of the ends of segments."""
    found = [rb"\x1b(?P<esc>[\x20-\x2f]{1,3}[\x30-\x7e])", rb"[\r\n]"]
    mark = re.escape(escape)
    if escape:
        found.append(_switch(escape))
        found.append(rb"(?P<hex>(?:%bX%b+%b)+)" % (mark, _HEX, mark))
    else:
        found.append(rb"(?P<switch>(?!))(?P<hex>(?!))")
    return re.compile(rb"|".join(found))


class _State:
    """Which sets are in use."""

    def __init__(self, initial: Callable[[bytes], str], marks: Marks) -> None:
        self._initial, self._marks = initial, marks
        self._low, self._high = b"", ""

    @property
    def is_initial(self) -> bool:
        """Whether no other set than the first is in use."""
        return not self._low and not self._high

    def reset(self) -> None:
        """Go back to the first set."""
        self._low, self._high = b"", ""

    def switch(self, name: bytes) -> bool:
        """Take the set of this name into use; return whether it is known."""
        if name == b"(B":
            self._low = b""
        elif name in _LOW or name in (_ROMAN, _KATAKANA):
            self._low = name
        elif name in _HIGH:
            self._high = _HIGH[name]
        else:
            return False
        return True

    def text(self, data: bytes) -> str:
        """Return bytes without a switch as text."""
        if not self._low:
            return self._others(data)
        parts = _GRAPHIC.split(data)
        return "".join(self._lower(part) if n % 2 else self._others(part) for n, part in enumerate(parts))

    def _others(self, data: bytes) -> str:
        return data.decode(self._high) if self._high else self._initial(data)

    def _lower(self, data: bytes) -> str:
        if self._low == _KATAKANA:
            return bytes(code | 0x80 for code in data).decode("shift_jis")
        if self._low == _ROMAN:
            text = data.decode("ascii")
            # Some systems go back to this set instead of ASCII, and mean ASCII.
            divided = any(mark in data for mark in (self._marks.field, self._marks.component) if mark)
            return text if divided else text.replace("\\", "\u00a5").replace("~", "\u203e")
        codec, name = _LOW[self._low]
        try:
            return (b"\x1b" + name + data).decode(codec)
        except UnicodeDecodeError:
            if name != b"$B" or len(data) % 2:
                raise
            return _shifted(data).decode("cp932")  # characters that Windows adds to the set


def _shifted(data: bytes) -> bytes:
    """Return JIS X 0208 in two bytes as Shift JIS."""
    pairs = bytearray()
    for row, cell in zip(data[::2], data[1::2], strict=True):
        half, odd = divmod(row - 0x21, 2)
        pairs.append(half + (0x81 if half < _ROWS else 0xC1))
        pairs.append(cell + (0x7E if odd else 0x1F if cell < _DELETE - 0x1F else 0x20))
    return bytes(pairs)
