"""Which rows of two tables are the same thing, before and after: by ids, where these have survived."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lro_notebook.results.arrow.flatten import INDEX
from lro_notebook.results.comparison.hashes import NOTHING, columns_of, together, words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lro_notebook.results.comparison.hashes import Hashes
    from lro_notebook.results.table_stream import Stream

    Rows = np.ndarray[tuple[int], np.dtype[np.intp]]

#: What identifies a row: of FHIR and of any table that has it, of HL7v2, of DICOM.
IDS = ("id", "message", "SOPInstanceUID")
#: Messages get another id when their text changes; the sender's own number of the message stays.
_MESSAGE, _HEADER, _CONTROL_ID = "message", "MSH", "MSH.10"


class Matched(NamedTuple):
    """The rows that were matched, by number, and by which columns."""

    by: tuple[str, ...]
    before: Rows
    after: Rows


class Numbers(NamedTuple):
    """The control ids of messages, as hashes by those of their ids in the store."""

    message: Hashes
    control_id: Hashes

    @classmethod
    def of(cls, tables: Mapping[str, Stream], salt: str) -> Numbers | None:
        """Return those of the messages in `tables`; None where there are none."""
        header = tables.get(_HEADER)
        names = [_MESSAGE, _CONTROL_ID]
        if header is None or not set(names) <= set(header.schema.names):
            return None
        told = [words(header.schema.field(name).type, None) for name in names]
        message, control_id = columns_of(header, names, told, salt)
        _, alone = _once(control_id)
        messages, rows = _once(message[alone])
        return cls(messages, control_id[alone][rows])

    def of_messages(self, message: Hashes) -> Hashes:
        """Return the control id of each message; 0 where it has none."""
        if not len(self.message):
            return np.full(len(message), NOTHING)
        places = np.searchsorted(self.message, message).clip(max=len(self.message) - 1)
        return np.where(self.message[places] == message, self.control_id[places], NOTHING)


def matched(
    before: Stream,
    after: Stream,
    on: Sequence[str],
    numbers: tuple[Numbers | None, Numbers | None],
    salt: str,
) -> Matched | None:
    """Return the rows of two tables that have the same key; None where none do.

    Parameters
    ----------
    before, after : Stream
        The tables.
    on : sequence of str
        The key; by default the columns that identify a row.
    numbers : tuple of Numbers or None
        The control ids of the messages that the rows are of, before and after.
    salt : str
        Of the hashes.
    """
    key = list(on) or key_of(before.schema.names, after.schema.names)
    if not key:
        return None
    sides = [together(side, key, salt) for side in (before, after)]
    found = _pairs(tuple(key), *sides)
    if not on and key[0] == _MESSAGE and numbers[0] is not None and numbers[1] is not None:
        told = [
            _by_number(side, key[1:], number, salt)
            for side, number in zip((before, after), (numbers[0], numbers[1]), strict=True)
        ]
        found = max(found, _pairs((_CONTROL_ID, *key[1:]), *told), key=lambda pairs: len(pairs.before))
    return found if len(found.before) else None


def key_of(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """Return the columns that identify a row of both tables; of a list, also the place in it."""
    identity = next((name for name in IDS if name in before and name in after), None)
    if identity is None:
        return []
    places = takewhile(_is_place, before[before.index(identity) + 1 :])
    return [identity, *(name for name in places if name in after)]


def _is_place(name: str) -> bool:
    return name in (INDEX, "field") or name.endswith(f".{INDEX}")


def _by_number(side: Stream, places: Sequence[str], numbers: Numbers, salt: str) -> Hashes:
    """Return the keys of rows by the control id of their message."""
    keys = numbers.of_messages(together(side, [_MESSAGE], salt))
    if not places:
        return keys
    within = together(side, places, salt)
    mixed = keys * np.uint64(0x9E3779B97F4A7C15) ^ within
    return np.where((keys == NOTHING) | (within == NOTHING), NOTHING, mixed)


def _pairs(by: tuple[str, ...], before: Hashes, after: Hashes) -> Matched:
    """Return the rows with keys that both sides have, each once."""
    firsts, first_rows = _once(before)
    seconds, second_rows = _once(after)
    _, places, others = np.intersect1d(firsts, seconds, assume_unique=True, return_indices=True)
    return Matched(by, first_rows[places], second_rows[others])


def _once(keys: Hashes) -> tuple[Hashes, Rows]:
    """Return the keys that are there once, sorted, and their rows."""
    unique, rows, counts = np.unique(keys, return_index=True, return_counts=True)
    is_one = (counts == 1) & (unique != NOTHING)
    return unique[is_one], rows[is_one]
