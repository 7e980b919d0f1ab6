"""How many elements and items a DICOM object has: counted while pydicom reads it, up to a bound.

Used on both sides, by the formats of results and by the local service. pydicom is loaded when it is needed.
"""

from __future__ import annotations

from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

_HEADER = 8  # bytes of the header of an element or item; pydicom reads each of them at once
_ITEMS = (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")  # the tag of an item, in both orders of bytes
_MAYBE = {None, "SQ", "UN"}  # value representations that pydicom may take for sequences

_DEEPEST = 200  # sequences in sequences
#: Value representations of binary numbers -> their bytes.
_NUMBERS = {"US": 2, "SS": 2, "UL": 4, "SL": 4, "FL": 4, "AT": 4, "FD": 8, "SV": 8, "UV": 8}


class TooManyPartsError(Exception):
    """An object has more elements and items than is allowed."""


class Budget:
    """How many more elements, items and values an object may have."""

    def __init__(self, most: int) -> None:
        self._left = most

    def spend(self, count: int) -> None:
        """Take so many off.

        Raises
        ------
        TooManyPartsError
            There are not so many left.
        """
        self._left -= count
        self.check()

    def check(self) -> None:
        """Raise `TooManyPartsError` where too much was spent: pydicom may have made another error of it."""
        if self._left < 0:
            raise TooManyPartsError


@contextmanager
def within(budget: Budget) -> Iterator[None]:
    """Raise `TooManyPartsError` in place of what pydicom makes of it."""
    try:
        yield
    except Exception:
        budget.check()
        raise


class Counted:
    """A file that counts the headers that are read from it, so that pydicom makes no more of them."""

    def __init__(self, file: BinaryIO, budget: Budget) -> None:
        self._file, self._budget = file, budget
        self.seek, self.tell, self.close = file.seek, file.tell, file.close

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes."""
        if size == _HEADER:
            self._budget.spend(1)
        return self._file.read(size)


def check_parts(dataset: Any, budget: Budget, level: int = 0) -> None:
    """Go through what pydicom has read but not yet made objects of, in all sequences.

    Raises
    ------
    TooManyPartsError
        It would become more than `budget` has.
    """
    from pydicom.dataelem import RawDataElement
    from pydicom.filereader import read_sequence

    for element in map(dataset.get_item, dataset.keys()):
        items: Any = ()
        if not isinstance(element, RawDataElement):
            items = element.value if element.VR == "SQ" else ()
        elif isinstance(element.value, bytes):
            budget.spend(element.value.count(b"\\"))
            if element.VR in _NUMBERS:
                budget.spend(len(element.value) // _NUMBERS[element.VR])
            if element.VR in _MAYBE and any(tag in element.value for tag in _ITEMS):
                file: Any = Counted(BytesIO(element.value), budget)
                try:
                    items = read_sequence(
                        file, element.is_implicit_VR, element.is_little_endian, len(element.value), "latin_1"
                    )
                except Exception:  # noqa: BLE001 - no sequence, or a broken one: who reads it says so
                    budget.check()
        for item in items if level < _DEEPEST else ():
            check_parts(item, budget, level + 1)
