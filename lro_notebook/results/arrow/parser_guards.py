"""What is looked for in a block before a parser may have it, each in one pass without Python per line. Pure.

Masks are made of a stretch at a time, so that they stay in the processor's cache.
"""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Any

import numpy as np

from lro_notebook.results.arrow.line_blocks import LONG, keys_of
from lro_notebook.results.limits import MAX_NESTING

if TYPE_CHECKING:
    from lro_notebook.results.arrow.line_blocks import Codes
    from lro_notebook.results.limits import Limits

    Numbers = np.ndarray[Any, np.dtype[np.int64]]

_QUOTE, _COLON, _ESCAPE, _FEED, _OPEN = b'":\\\n{'
_BLANKS = np.isin(np.arange(256), list(b" \t\r\n"))
_STRETCH = 1 << 18
_WINDOW = 1 << 10
#: Of so many brackets in a window there are no more, or some line may nest too deep: it is in five at most.
_CROWDED = MAX_NESTING * _WINDOW // (LONG + _WINDOW)
_WORD = 8
_LONGEST = 256  # bytes of a key that is looked at without a Python call
_FACTOR = np.uint64(secrets.randbits(64) | 1)  # not known to those who write the files
_SHIFT = np.uint64(29)
#: What pyarrow takes for a number beside those of JSON. `re` finds a word faster than `in` does.
_NO_NUMBERS = (re.compile(rb"NaN"), re.compile(rb"Inf"))


def may_hold_no_numbers(data: bytes) -> bool:
    """Tell whether words in `data` may be numbers to pyarrow that JSON does not have."""
    return any(word.search(data) for word in _NO_NUMBERS)


def may_nest_deep(data: bytes) -> bool:
    """Tell whether a line of `data` has so many brackets that it may nest too deep to be read.

    For those who leave out what they do not need: to them such a line looks like any other. `count_objects`
    judges the longer lines.
    """
    codes = np.frombuffer(data, np.uint8)
    if not any(_is_crowded(codes[start : start + _STRETCH]) for start in range(0, len(codes), _STRETCH)):
        return False
    opening = np.flatnonzero((codes | 0x20) == _OPEN)
    starts = np.searchsorted(opening, np.flatnonzero(codes == _FEED))
    return bool(np.diff(starts, prepend=0, append=len(opening)).max() > MAX_NESTING)


def _is_crowded(codes: Codes) -> bool:
    """Tell whether a window of a stretch has many opening brackets."""
    opening = ((codes | 0x20) == _OPEN).view(np.uint8)  # "[" and "{" differ in this bit only
    whole = len(codes) - len(codes) % _WINDOW
    counts = np.add.reduce(opening[:whole].reshape(-1, _WINDOW), axis=1, dtype=np.uint16)
    return bool(counts.max(initial=0) > _CROWDED or np.count_nonzero(opening[whole:]) > _CROWDED)


def check_keys(data: bytes, limits: Limits, table: str) -> None:
    """Raise `ResultError` where the objects of `data` have too many different keys to be a table."""
    most, objects = data.count(b":"), data.count(b"{")
    if limits.allow(most, objects):
        return
    about = _about_keys(data)
    if about is None or not limits.allow(about, objects):
        limits.check_width(table, keys_of(data), objects)


def _about_keys(data: bytes) -> int | None:
    """Return how many different keys there are, five times as fast as `keys_of`; None if it cannot tell."""
    seen: set[int] = set()
    start = 0
    while start < len(data):
        end = data.find(b"\n", start + _STRETCH) + 1 or len(data)
        found = _fingerprints(data[start:end])
        if found is None:
            return None
        seen.update(found)
        start = end
    return len(seen)


def _fingerprints(lines: bytes) -> list[int] | None:
    """Return a number for each different key; None where a key is long, has escapes or blanks behind it."""
    codes = np.frombuffer(lines + bytes(_WORD), np.uint8)
    quotes = np.flatnonzero(codes == _QUOTE)
    after = codes[quotes + 1]
    beyond = codes[quotes[_BLANKS[after]] + 2]
    if (_BLANKS[beyond] | (beyond == _COLON)).any():
        return None
    number = np.flatnonzero(after[1:] == _COLON) + 1
    starts = quotes[number - 1] + 1
    lengths = quotes[number] - starts
    if (codes[starts - 2] == _ESCAPE).any() or lengths.max(initial=0) > _LONGEST:
        return None
    found: list[int] = np.unique(_hashed(codes, starts, lengths)).tolist()
    return found


def _hashed(codes: Codes, starts: Numbers, lengths: Numbers) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """Return a number for the text of each start and length; there are some bytes behind the last."""
    words = np.ndarray(len(codes) - _WORD + 1, np.uint64, codes, strides=(1,))
    hashes, rows, left = lengths.astype(np.uint64), np.arange(len(starts)), lengths
    for place in range(0, _LONGEST, _WORD):
        spare = 8 * np.clip(_WORD - left, 0, _WORD - 1)
        word = words[starts[rows] + place] << spare.astype(np.uint64)
        mixed = (hashes[rows] ^ word) * _FACTOR
        hashes[rows] = mixed ^ (mixed >> _SHIFT)
        more = left > _WORD
        rows, left = rows[more], left[more] - _WORD
        if not rows.size:
            break
    return hashes
