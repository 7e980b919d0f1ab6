"""Text to times, a whole column at once: dates and instants as UTC timestamps, times of day. Pure.

What cannot be a time stays text, with all of its column. The same on every version of pandas: none is used.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Callable

    Numbers = np.ndarray[Any, np.dtype[np.int64]]
    #: Returns the values of a column as times, null for those that are none.
    Parse = Callable[[pa.ChunkedArray], pa.Array]
    #: Says how the values of a column are read as times, by its name; None where that does not say it.
    Look = Callable[[str], Parse | None]

INSTANT, TIME = pa.timestamp("us", "UTC"), pa.time64("us")

_SECOND = 1_000_000  # microseconds
_MINUTE, _HOUR, _DAY = 60 * _SECOND, 3600 * _SECOND, 24 * 3600 * _SECOND
_PLACES = 6  # digits of a second that are kept
#: The first and the last instant that Python has.
_FIRST, _LAST = -62_135_596_800 * _SECOND, 253_402_300_800 * _SECOND - 1
_SAMPLE = 64  # values that tell whether all should be looked at
_ZONE = r"(?: ?(?:[Zz]|UTC)|(?P<sign>[+-])(?P<off>[01]\d|2[0-3])(?::?(?P<shift>[0-5]\d))?)?"
_CLOCK = rf"[Tt ](?P<hour>\d\d)(?::(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?)?{_ZONE}"
#: The last segments of paths that FHIR R4 gives to date, dateTime and instant elements.
_NAME = re.compile(
    r".*(?:Date|DateTime|Instant)|date|issued|authored|authoredOn|sent|received|recorded|created|"
    r"lastUpdated|lastModified|timestamp|when|start|end"
)


@dataclass(frozen=True, slots=True)
class Form:
    """How times are written, as a function from a column to its times.

    Attributes
    ----------
    pattern : str
        A regular expression, in RE2, for a whole value. Its groups are digits: ``year``, ``month``, ``day``,
        ``hour``, ``minute``, ``second``, ``fraction`` (of a second), and of the zone ``sign``, ``off``
        (hours) and ``shift`` (minutes). What is not there is the start of its period, in UTC. Without
        a year they are times of day.
    is_iso : bool
        Whether most are what Arrow reads by itself, which is faster.
    """

    pattern: str
    is_iso: bool = False

    def matches(self, values: pa.ChunkedArray) -> pa.ChunkedArray:
        """Tell of each value whether it looks like a time."""
        return pc.match_substring_regex(values, f"^(?:{self.pattern})$")

    def __call__(self, column: pa.ChunkedArray) -> pa.Array:
        """Return the times of `column`, null for what is none."""
        times = self._cast(column) if self.is_iso else None
        if times is not None:
            return times
        text = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
        split = pc.extract_regex(text, f"^(?:{self.pattern})$")
        parts = {part.name: split.field(place) for place, part in enumerate(split.type)}
        there = split.is_valid().to_numpy(zero_copy_only=False)
        clock, is_clock = _clock(parts, len(text))
        if "year" not in parts:
            return pa.array(clock, pa.int64(), mask=~(there & is_clock & (clock < _DAY))).cast(TIME)
        days, is_day = _days(parts, len(text))
        instants = days * _DAY + clock - _zone(parts, len(text))
        good = there & is_clock & is_day & (instants >= _FIRST) & (instants <= _LAST)
        return pa.array(instants, pa.int64(), mask=~good).cast(INSTANT)

    def _cast(self, column: pa.ChunkedArray) -> pa.Array | None:
        """Return what Arrow makes of `column`, None where there may be more in it than that."""
        if not pc.all(self.matches(column), min_count=0).as_py():
            return None
        for dtype in (INSTANT, pa.timestamp("us")):  # all with a zone, or none
            try:
                times = column.cast(dtype).cast(INSTANT)
            except pa.ArrowInvalid:
                continue
            ends = pc.min_max(times.cast(pa.int64())).as_py()
            if ends["min"] is None or (ends["min"] >= _FIRST and ends["max"] <= _LAST):
                return times.combine_chunks() if times.num_chunks != 1 else times.chunk(0)
        return None


#: A whole date, or an instant.
FULL = Form(rf"(?P<year>\d{{4}})-(?P<month>\d\d)-(?P<day>\d\d)(?:{_CLOCK})?", is_iso=True)
#: The same, or a year or month alone, which stand for their start.
PARTIAL = Form(
    rf"(?P<year>\d{{4}})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)(?:{_CLOCK})?)?)?",
    is_iso=True,
)


def _numbers(parts: dict[str, pa.Array], name: str, rows: int, default: int = 0) -> Numbers:
    """Return the group `name` as numbers; the default where it is not there."""
    if name not in parts:
        return np.full(rows, default, np.int64)
    digits = pc.fill_null(parts[name], "")
    if name == "fraction":
        digits = pc.utf8_rpad(pc.utf8_slice_codeunits(digits, 0, _PLACES), _PLACES, "0")
    numbers = pc.if_else(pc.equal(digits, ""), str(default), digits).cast(pa.int64())
    found: Numbers = numbers.to_numpy(zero_copy_only=False)
    return found


def _clock(parts: dict[str, pa.Array], rows: int) -> tuple[Numbers, np.ndarray[Any, np.dtype[np.bool_]]]:
    """Return the microseconds since midnight, and which of them are right.

    24:00 is the end of the day, and a leap second the start of the next minute, as in POSIX.
    """
    names = ("hour", "minute", "second", "fraction")
    hour, minute, second, fraction = (_numbers(parts, name, rows) for name in names)
    micros = hour * _HOUR + minute * _MINUTE + second * _SECOND + fraction
    is_end = (hour == 24) & (minute == 0) & (second == 0) & (fraction == 0)  # noqa: PLR2004 - hours
    return micros, is_end | ((hour < 24) & (minute < 60) & (second <= 60))  # noqa: PLR2004 - of a clock


def _days(parts: dict[str, pa.Array], rows: int) -> tuple[Numbers, np.ndarray[Any, np.dtype[np.bool_]]]:
    """Return the days since 1970, and which of them are in the calendar."""
    year, month, day = (_numbers(parts, name, rows, 1) for name in ("year", "month", "day"))
    months = (year - 1970) * 12 + month - 1
    start, end = (
        each.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) for each in (months, months + 1)
    )
    days = start + day - 1
    return days, (year > 0) & (month > 0) & (month <= 12) & (day > 0) & (days < end)  # noqa: PLR2004


def _zone(parts: dict[str, pa.Array], rows: int) -> Numbers:
    """Return the microseconds by which clocks are ahead of UTC."""
    ahead = _numbers(parts, "off", rows) * _HOUR + _numbers(parts, "shift", rows) * _MINUTE
    if "sign" not in parts:
        return ahead
    is_west = pc.equal(parts["sign"], "-").fill_null(False).to_numpy(zero_copy_only=False)  # noqa: FBT003
    return np.where(is_west, -ahead, ahead)


def is_date_name(name: str) -> bool:
    """Tell whether FHIR has dates in columns of this name."""
    return _NAME.fullmatch(name.rpartition(".")[2]) is not None


def by_name(name: str) -> Parse | None:
    """Return how the dates of FHIR are read, for the columns that it has them in; see `Look`."""
    return PARTIAL if is_date_name(name) else None


@dataclass(slots=True)
class _Column:
    """What was seen of a column: how many values are times, how many are none, and what they become."""

    parse: Parse
    is_named: bool
    good: int = 0
    bad: int = 0
    is_out: bool = False
    dtype: pa.DataType = INSTANT


class Times:
    """Which columns of text become times: those where every value is one. `add` all tables first.

    Parameters
    ----------
    look : callable
        See `Look`. Other columns become times where all of their values are whole dates or instants.
    """

    def __init__(self, look: Look = by_name) -> None:
        self._look = look
        self._columns: dict[str, _Column] = {}

    def add(self, name: str, column: pa.ChunkedArray) -> None:
        """Take the values of a column into account."""
        count = len(column) - column.null_count
        known = self._columns.get(name)
        if known is None:
            parse = self._look(name)
            known = self._columns[name] = _Column(parse or FULL, parse is not None)
        if not count or known.is_out:
            return
        if not pa.types.is_string(column.type):
            known.is_out = True
            return
        if not (known.is_named or known.good or _looks_full(column)):
            known.is_out = True
            return
        times = known.parse(column)
        good = len(times) - times.null_count
        known.good, known.bad, known.dtype = known.good + good, known.bad + count - good, times.type
        known.is_out = not known.is_named and known.good <= known.bad

    def dtype(self, name: str) -> pa.DataType | None:
        """Return the type of the times in column `name`; None if it stays text."""
        known = self._columns.get(name)
        return known.dtype if known and known.good and not (known.bad or known.is_out) else None

    def parsed(self, name: str, column: pa.ChunkedArray) -> pa.Array:
        """Return the times of column `name`, of which a part is `column`."""
        return self._columns[name].parse(column)

    def unparsed(self) -> dict[str, int]:
        """Return, for each column of times that stays text, how many of its values are no times."""
        return {name: known.bad for name, known in self._columns.items() if known.bad and not known.is_out}


def _looks_full(column: pa.ChunkedArray) -> bool:
    """Tell whether some of the first values are whole dates or instants."""
    start = column.slice(0, _SAMPLE)
    start = (column if start.null_count == len(start) else start).drop_null().slice(0, _SAMPLE)
    return bool(pc.any(FULL.matches(start)).as_py())
