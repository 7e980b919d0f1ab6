"""Which columns of HL7v2 tables hold times, and how they are written: TS, DTM and DT, TM. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lro_notebook.results.arrow.dates import Form, by_name
from lro_notebook.results.formats.hl7v2.field_names import field_of

if TYPE_CHECKING:
    from lro_notebook.results.arrow.dates import Parse

_ZONE = r"(?:[Zz]|(?P<sign>[+-])(?P<off>[01]\d|2[0-3])(?P<shift>[0-5]\d)?)?"
#: YYYY[MM[DD[HH[MM[SS[.S[S[S[S]]]]]]]]][+/-ZZZZ]; some systems give more digits of a second.
FORM = Form(
    r"(?P<year>\d{4})(?:(?P<month>\d\d)(?:(?P<day>\d\d)(?:(?P<hour>\d\d)(?:(?P<minute>\d\d)"
    rf"(?:(?P<second>\d\d)(?:\.(?P<fraction>\d+))?)?)?)?)?)?{_ZONE}"
)
_COLUMN = re.compile(r"([A-Z][A-Z0-9]{2})\.(\d{1,4})(?:\.(\d{1,4}))?")
#: Names of the standard for what is of type TS, DTM or DT.
_WORD = re.compile(r"(?:.*_)?date(?:_time)?(?:_.*)?|event_occurred")


def times(table: str, column: str) -> Parse | None:
    """Return how the values of a column are read as times, where it holds some; see `Format.times`."""
    if not re.fullmatch(r"[A-Z][A-Z0-9]{2}", table):
        return by_name(column)
    match = _COLUMN.fullmatch(column)
    if match is None:
        name = column.rpartition(".")[2]
    else:
        field = field_of(match[1], int(match[2]))
        place = int(match[3] or 0)
        if place and field.components:
            name = field.components[place - 1] if place <= len(field.components) else ""
        else:  # the first component of TS is its time
            name = field.name if place <= 1 and not field.components else ""
    return FORM if _WORD.fullmatch(name) else None
