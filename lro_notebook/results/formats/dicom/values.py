"""Values of DICOM as tables have them, from objects and from DICOM JSON alike. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lro_notebook.results.arrow.infer_schema import SCALAR
from lro_notebook.results.arrow.json_fallback import Number

if TYPE_CHECKING:
    from lro_notebook.results.arrow.batch import Options

Row = dict[str, Any]

#: Value representations of bytes, which are left out.
BINARY = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
#: Those of numbers in words, and of binary ones.
WORDS = frozenset({"DS", "IS"})
NUMBERS = frozenset({"US", "SS", "UL", "SL", "UV", "SV", "FL", "FD"})
#: The attribute that says where the clocks of an object were.
ZONE = 0x00080201
#: Sequences in sequences; the standard has a handful.
DEEPEST = 50
NO_VALUE = "has no value of its kind; the rest was read"
TOO_LONG = "has a number of more than 64 characters; it was kept as text"

_LONGEST = 64  # characters of a number; the standard has 16, not all files keep to it
_ZONE = re.compile(r"[+-]\d{4}\Z")


@dataclass(slots=True)
class Reading:
    """How one object is read, and what is wrong in it.

    Attributes
    ----------
    options : Options
        How to load.
    zone : str
        Its offset from UTC, for the instants in it that name none.
    wrong : list of str
        What is wrong, in fixed words.
    """

    options: Options
    zone: str = ""
    wrong: list[str] = field(default_factory=list)

    @property
    def decimals(self) -> str:
        """What numbers become."""
        return self.options.decimals

    def take_zone(self, value: Any) -> None:
        """Take the object's Timezone Offset From UTC, if it is one."""
        found = _ZONE.fullmatch(value.strip()) if isinstance(value, str) else None
        self.zone = found[0] if found else ""

    def dated(self, text: str) -> str:
        """Return the text of an instant, with the zone of its object where it is to be understood."""
        plain = text.rstrip()
        is_told = not self.options.parse_dates or _ZONE.search(plain) is not None
        return text if is_told else plain + self.zone


def too_deep(name: str) -> str:
    """Return what is wrong with a sequence that is inside too many."""
    return f"{name} is inside more than {DEEPEST} sequences; it was left out"


def too_long(values: list[Any]) -> bool:
    """Tell whether one of the numbers is longer than what is made a number."""
    return any(len(str(value)) > _LONGEST for value in values)


def number(words: str, decimals: str) -> str | int | None:
    """Return a number that stands as text, in the words that were there where that is asked."""
    text = words.strip()
    if decimals == "text" or not text.isascii() or len(text) > _LONGEST:
        return text or None
    if not Number.matches(text):
        return text or None
    return int(text) if text.lstrip("+-").isdigit() else Number(text)


def person(alphabetic: str, ideographic: str, phonetic: str) -> Any:
    """Return a person's name: its alphabetic form, with the others beside it where there are any."""
    if not ideographic and not phonetic:
        return alphabetic
    return {SCALAR: alphabetic or None, "Ideographic": ideographic or None, "Phonetic": phonetic or None}
