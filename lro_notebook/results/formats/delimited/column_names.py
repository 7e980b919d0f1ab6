"""The names of columns of delimited values: whether the first row has them; all made different. Pure."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NO_NAMES = "the columns have no names in the file: they are called column_1, column_2, …"
UNSURE = "the first row is taken for the names of the columns, but it may be data: nothing tells"

SHORT = "the first row has one name fewer than there are columns"
_MANY, _NEARLY_ALL = 3, 0.9
_HEAD = 20  # lines of text above the names of the columns
_FEW = 2
_LONG = 300  # characters that no name has
_KINDS = (
    ("number", re.compile(r"[+-]?(?:\d[\d.,' ]*|\.\d+)(?:[eE][+-]?\d+)?\s?%?")),
    ("date", re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[T ].*)?", re.DOTALL)),
    ("place", re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://.*", re.DOTALL)),
    ("truth", re.compile(r"(?:true|false)", re.IGNORECASE)),
    ("", re.compile(r"\s*")),
)
_TEXT = "text"
_YEAR = re.compile(r"(?:1[89]|2[01])\d\d", re.ASCII)


class Names(NamedTuple):
    """The names of the columns.

    Attributes
    ----------
    names : list of str
        A different one for each column.
    before : int
        How many rows there are up to and with the one that has them: they are no data.
    note : str
        What the user may want to know of this; "" for nothing.
    """

    names: list[str]
    before: int
    note: str = ""


def names_of(rows: Sequence[Sequence[str]]) -> Names:
    """Return the names that the first rows of a file give its columns.

    Without a reason against it the first row has them. A number, date, URI or truth value above others of
    its kind is such a reason, and so is a text that comes again in its column.

    Parameters
    ----------
    rows : sequence of sequence of str
        At least one.
    """
    if short := _short_names(rows):
        return Names(unique(short), 1, SHORT)
    width, start = _width(rows)
    first = rows[start]
    below = [row for row in rows[start + 1 :] if len(row) == width]
    verdict = _has_names(first, below)
    if verdict is False:
        return Names(unique([""] * width), 0, NO_NAMES)
    return Names(unique(_stripped(first)), start + 1, "" if verdict else UNSURE)


def _stripped(names: Sequence[str]) -> Sequence[str]:
    """Return names without the blanks that stand behind each delimiter."""
    is_padded = len(names) > 1 and all(name[:1] == " " for name in names[1:])
    return [name.strip(" ") for name in names] if is_padded else names


def _short_names(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the names of a first row that is short by one: none where it is not.

    R gives no name to the column of row names, which is the first; other programs end each row with a
    delimiter, and so with an empty cell.
    """
    first, below = rows[0], rows[1:]
    if len(below) < _FEW or any(len(row) != len(first) + 1 for row in below):
        return []
    if len(set(first)) < len(first) or any(_kind(cell) != _TEXT for cell in first):
        return []
    if not any(row[-1] for row in below):
        return [*first, ""]
    return [] if len(first) == 1 or _has_names(below[0], below[1:]) else ["", *first]


def unique(names: Iterable[str]) -> list[str]:
    """Return names that all differ: of the second ``a`` ``a_2``, of an empty third one ``column_3``."""
    given = [name or f"column_{number}" for number, name in enumerate(names, 1)]
    taken, counts = set(given), Counter[str]()
    found: list[str] = []
    for name in given:
        counts[name] += 1
        new = name
        if counts[name] > 1:
            new = f"{name}_{counts[name]}"
            while new in taken:
                counts[name] += 1
                new = f"{name}_{counts[name]}"
            taken.add(new)
        found.append(new)
    return found


def _width(rows: Sequence[Sequence[str]]) -> tuple[int, int]:
    """Return how many columns there are, and which row is the first to have as many.

    The first row says it, unless it stands alone above many that all have another number of cells: a title,
    or lines of text without any delimiter do.
    """
    widths = [len(row) for row in rows]
    lines = next((place for place, width in enumerate(widths) if width > 1), 0)
    if 1 < lines <= _HEAD and widths[lines:].count(widths[lines]) >= max(
        _MANY, _NEARLY_ALL * (len(widths) - lines)
    ):
        return widths[lines], lines
    usual, count = Counter(widths[1:]).most_common(1)[0] if widths[1:] else (widths[0], 0)
    if widths[0] in widths[1:] or count < max(_MANY, _NEARLY_ALL * (len(widths) - widths.index(usual))):
        return widths[0], 0
    return usual, widths.index(usual)


def _has_names(first: Sequence[str], below: Sequence[Sequence[str]]) -> bool | None:
    """Tell whether the row `first` has names; None where nothing says so."""
    columns = [[row[place] for row in below] for place in range(len(first))]
    kinds = [_kind(cell) for cell in first]
    if not any(kinds):
        return False
    beneath = [{_kind(cell) for cell in column} - {""} for column in columns]
    if any(kind == "place" or len(cell) > _LONG for kind, cell in zip(kinds, first, strict=True)):
        return False
    alike = [
        place
        for place, kind in enumerate(kinds)
        if kind not in {_TEXT, ""} and (kind in beneath[place] or not beneath[place])
    ]
    if alike and not _are_labels(first, alike, columns):
        return False
    if alike or any(kind and under and kind not in under for kind, under in zip(kinds, beneath, strict=True)):
        return True
    again = any(
        cell and cell in column
        for cell, column in zip(first, columns, strict=True)
        if list(first) not in [list(row) for row in below]
    )
    return False if again else None


def _are_labels(first: Sequence[str], places: Sequence[int], columns: Sequence[Sequence[str]]) -> bool:
    """Tell whether the numbers in the first row are years above other numbers, or pandas' own names."""
    cells = [first[place] for place in places]
    if first[0] == "" and cells == [str(number) for number in range(len(first) - 1)]:
        return True
    if len(set(cells)) < len(cells) or not all(map(_YEAR.fullmatch, cells)):
        return False
    return any(cell and not _YEAR.fullmatch(cell) for place in places for cell in columns[place])


def _kind(cell: str) -> str:
    return next((name for name, pattern in _KINDS if pattern.fullmatch(cell)), _TEXT)
