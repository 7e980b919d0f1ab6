"""Where objects and lists of JSON begin and end in bytes, in some passes without Python per byte. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from lro_notebook.results.arrow.line_blocks import Codes

    Numbers = np.ndarray[Any, np.dtype[np.int64]]

_QUOTE, _ESCAPE, _FEED, _SPACE, _OPEN, _CLOSE = b'"\\\n {}'
_NEVER = 1  # no JSON has this byte in a string
_ALL = np.uint64(2**64 - 1)
#: What JSON has between its words.
BLANKS = b" \t\r\n"


class State(NamedTuple):
    """What the bytes before a place leave open: objects and lists, a string, an escape in it."""

    depth: int = 0
    inside: bool = False
    escaped: bool = False


START = State()


class Marks(NamedTuple):
    """What stands where in a piece of JSON.

    Attributes
    ----------
    text : bytes
        The piece on one line: a space for each line feed; in a string, where none may be, what is no JSON.
    places : array of int
        Where the brackets are that are in no string.
    depths : array of int
        How many brackets are open on the outer side of each.
    feeds : array of int
        Where line feeds are.
    state : State
        What the piece leaves open.
    """

    text: bytes
    places: Numbers
    depths: Numbers
    feeds: Numbers
    state: State

    def at(self, depth: int, start: int = 0, end: int | None = None) -> list[int]:
        """Return where objects and lists of this depth begin and end, of the brackets `start` to `end`."""
        chosen = self.depths[start:end] == depth
        places: list[int] = self.places[start:end][chosen].tolist()
        return places

    def lines(self, places: list[int], first: int) -> list[int]:
        """Return the line of each place, where the piece begins in line `first`."""
        lines: list[int] = (np.searchsorted(self.feeds, places) + first).tolist()
        return lines


def marks(data: bytes, state: State = START) -> Marks:
    """Return what stands where in `data`, which follows bytes that left `state` open."""
    codes = np.frombuffer(data, np.uint8)
    quotes = codes == _QUOTE
    escaped = False
    if state.escaped or b"\\" in data:
        places = _escaped(codes, carried=state.escaped)
        escaped = bool(len(places)) and int(places[-1]) == len(codes)
        quotes[places[:-1] if escaped else places] = False
    inside = _inside(quotes, opened=state.inside)
    folded = codes | 0x20  # "[" and "{" differ in this bit only, as do "]" and "}"
    brackets = np.flatnonzero((folded == _OPEN) | (folded == _CLOSE))
    brackets = brackets[~_bits(inside, brackets)]
    opening = folded[brackets] == _OPEN
    depths = state.depth + np.cumsum(np.where(opening, 1, -1))
    feeds = np.flatnonzero(codes == _FEED)
    after = State(
        int(depths[-1]) if len(depths) else state.depth,
        bool(_bits(inside, np.array([len(codes) - 1]))[0]) if len(codes) else state.inside,
        escaped,
    )
    return Marks(_on_one_line(data, feeds, inside), brackets, depths - opening, feeds, after)


def _on_one_line(data: bytes, feeds: Numbers, inside: Codes) -> bytes:
    text = data.replace(b"\n", b" ")
    broken = feeds[_bits(inside, feeds)]
    if not len(broken):
        return text
    codes = np.frombuffer(text, np.uint8).copy()
    codes[broken] = _NEVER
    return codes.tobytes()


def _escaped(codes: Codes, *, carried: bool) -> Numbers:
    """Return the places behind an odd number of backslashes; the end of the bytes may be one."""
    places = np.flatnonzero(codes == _ESCAPE)
    firsts = np.flatnonzero(np.diff(places, prepend=-2) != 1)
    lengths = np.diff(firsts, append=len(places))
    starts = places[firsts]
    odd = (lengths & 1).astype(bool)
    if carried and len(starts) and not starts[0]:
        odd[0] = not odd[0]
    ends = (starts + lengths)[odd]
    is_open = carried and not (len(starts) and not starts[0])
    return np.concatenate(([0], ends)) if is_open else ends


def _inside(quotes: np.ndarray[Any, np.dtype[np.bool_]], *, opened: bool) -> Codes:
    """Return a bit for each byte: whether it is in a string, the quote at its start too."""
    packed = np.packbits(quotes, bitorder="little")
    words = np.zeros(len(packed) // 8 + 1, "<u8")
    words.view(np.uint8)[: len(packed)] = packed
    for shift in (1, 2, 4, 8, 16, 32):
        words ^= words << np.uint64(shift)
    odd = (words >> np.uint64(63)).astype(np.uint8)
    before = np.bitwise_xor.accumulate(np.concatenate(([np.uint8(opened)], odd[:-1])))
    words[before.astype(bool)] ^= _ALL
    return words.view(np.uint8)


def _bits(packed: Codes, places: Numbers) -> np.ndarray[Any, np.dtype[np.bool_]]:
    shifts = (places & 7).astype(np.uint8)
    bits: np.ndarray[Any, np.dtype[np.bool_]] = ((packed[places >> 3] >> shifts) & 1).astype(bool)
    return bits
