"""The fields of one JSON object, whole or cut off, as text: nothing below them is parsed. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from lro_notebook.results.arrow.json_structure import BLANKS, marks

if TYPE_CHECKING:
    from lro_notebook.results.arrow.json_structure import Marks

_TRIES = 50  # commas at which an object that is cut off may end


class Member(NamedTuple):
    """A field.

    Attributes
    ----------
    key : str
        Its name.
    text : bytes
        Its value, on one line.
    start : int
        Where an object or a list begins in the text; -1 for other values.
    whole : bool
        Whether the value ends in the text.
    """

    key: str
    text: bytes
    start: int = -1
    whole: bool = True

    @property
    def is_list(self) -> bool:
        """Whether the value is a list."""
        return self.start >= 0 and self.text.startswith(b"[")

    @property
    def holds_objects(self) -> bool:
        """Whether the value is a list whose first element is an object."""
        return self.is_list and self.text[1:].lstrip(BLANKS).startswith(b"{")

    @property
    def is_empty(self) -> bool:
        """Whether the value is a list of nothing."""
        return self.is_list and self.text[1:].lstrip(BLANKS).startswith(b"]")


class _Words(str):
    """A number in the words that were there."""

    __slots__ = ()


def members(data: bytes, here: Marks | None = None) -> list[Member] | None:
    """Return the fields of the object at the start of `data`, in their order; None where it is no JSON.

    Of an object that does not end there, these are the fields up to there.
    """
    here = here or marks(data)
    if not data.startswith(b"{"):
        return None
    ends = here.at(0)
    end = ends[1] + 1 if len(ends) > 1 else len(data)
    places = [place for place in here.at(1) if place < end]
    starts, stops = places[::2], [place + 1 for place in places[1::2]]
    whole = len(ends) > 1
    is_open = len(starts) > len(stops)
    stops += [end] if is_open else []
    parts, place = [], 0
    for number, (start, stop) in enumerate(zip(starts, stops, strict=True)):
        parts += [here.text[place:start], b"[%d]" % number]
        place = stop
    bones = b"".join((*parts, here.text[place:end]))
    pairs = _pairs(bones) if whole else _pairs_so_far(bones)
    if pairs is None:
        return None
    found = []
    for key, value in pairs:
        if isinstance(value, list):
            number = int(value[0])
            start, stop = starts[number], stops[number]
            open_end = is_open and number == len(starts) - 1
            found.append(Member(key, here.text[start:stop], start, not open_end))
        else:
            text = value if isinstance(value, _Words) else json.dumps(value)
            found.append(Member(key, text.encode()))
    return found


def _refuse(constant: str) -> NoReturn:
    message = f"{constant} is not JSON"
    raise ValueError(message)


_DECODER = json.JSONDecoder(
    object_pairs_hook=tuple, parse_float=_Words, parse_int=_Words, parse_constant=_refuse
)


def _pairs(bones: bytes) -> tuple[tuple[str, object], ...] | None:
    """Return the names and values of an object in which each inner one is a list of its number."""
    try:
        pairs: tuple[tuple[str, object], ...] = _DECODER.decode(bones.decode())
    except ValueError:
        return None
    return pairs


def _pairs_so_far(bones: bytes) -> tuple[tuple[str, object], ...] | None:
    end = len(bones)
    for _ in range(_TRIES):
        pairs = _pairs(bones[:end] + b"}")
        if pairs is not None:
            return pairs
        end = bones.rfind(b",", 0, end)
        if end < 0:
            break
    return ()
