"""DICOM attributes and their columns: their names in the dictionary, and which hold times. Needs pydicom."""

from __future__ import annotations

from functools import lru_cache
from string import hexdigits
from typing import TYPE_CHECKING

from lro_notebook.results.arrow.dates import Form

if TYPE_CHECKING:
    from lro_notebook.results.arrow.dates import Parse

_DIGITS = 8  # of a tag
_HALF = 4  # of a group, or of an element in it
_DATE = r"(?P<year>\d{4})[.-]?(?P<month>\d\d)[.-]?(?P<day>\d\d)"
_CLOCK = r"(?P<hour>\d\d)(?::?(?P<minute>\d\d)(?::?(?P<second>\d\d)(?:\.(?P<fraction>\d+))?)?)?"
_ZONE = r"(?:(?P<sign>[+-])(?P<off>[01]\d|2[0-3])(?P<shift>[0-5]\d))?"
#: Value representation -> how its values are read as times (PS3.5 6.2); padding and older forms are allowed.
_FORMS = {
    "DA": Form(rf"{_DATE} *"),
    "TM": Form(rf"{_CLOCK} *"),
    "DT": Form(
        rf"(?P<year>\d{{4}})(?:(?P<month>\d\d)(?:(?P<day>\d\d)(?:{_CLOCK})?)?)?{_ZONE} *",
    ),
}


def is_tag(text: str) -> bool:
    """Tell whether `text` is a tag, as in DICOM JSON."""
    return len(text) == _DIGITS and all(digit in hexdigits for digit in text)


@lru_cache(maxsize=10_000)
def column_of(tag: int) -> tuple[str, bool]:
    """Return the column of a tag, and whether it holds one value at most.

    It is the keyword; of the other tags of a repeating group the keyword and what repeats:
    ``OverlayRows_6002``. Where there is no keyword, it is the tag.
    """
    from pydicom.datadict import dictionary_VM, keyword_for_tag

    keyword = keyword_for_tag(tag)
    if not keyword:
        return f"{tag:08X}", True
    single = dictionary_VM(tag) == "1"
    half = _repeating_half(tag)
    return (f"{keyword}_{half}" if half else keyword), single


def tag_of(column: str) -> int | None:
    """Return the tag of a column; None where it has none."""
    from pydicom.datadict import tag_for_keyword

    if is_tag(column):
        return int(column, 16)
    known = tag_for_keyword(column) if column else None
    if known is not None:
        return known
    keyword, _, half = column.rpartition("_")
    mask = _masks().get(keyword or column)
    if mask is None:
        return None
    first = mask.replace("x", "0")
    digits = first
    if keyword:
        digits = half + first[_HALF:] if "x" in mask[:_HALF] else first[:_HALF] + half
    return int(digits, 16) if is_tag(digits) and column_of(int(digits, 16))[0] == column else None


def vr_of(tag: int) -> str:
    """Return the value representation that the dictionary gives for a tag; empty where it has none."""
    from pydicom.datadict import dictionary_VR

    try:
        return str(dictionary_VR(tag))
    except KeyError:
        return ""


def times(table: str, column: str) -> Parse | None:
    """Return how the values of a column are read as times: those of DA, TM and DT; see `Format.times`."""
    del table
    tag = tag_of(column.rpartition(".")[2])
    return None if tag is None else _FORMS.get(vr_of(tag))


def _repeating_half(tag: int) -> str:
    """Return the group (or element) of a tag that repeats another; empty for all others."""
    from pydicom.datadict import dictionary_has_tag, mask_match

    mask = None if dictionary_has_tag(tag) else mask_match(tag)
    digits = f"{tag:08X}"
    if mask is None or digits == mask.replace("x", "0"):
        return ""
    return digits[:_HALF] if "x" in mask[:_HALF] else digits[_HALF:]


@lru_cache(maxsize=1)
def _masks() -> dict[str, str]:
    """Return the masks of repeating groups (``60xx0010``) by keyword."""
    from pydicom._dicom_dict import RepeatersDictionary

    return {entry[4]: mask for mask, entry in RepeatersDictionary.items()}
