"""Partial dates and times of FHIR: parsing, comparing, and the bounds of what they can mean.

Text to text. A part that is not written is unknown, so the result of a comparison can be unknown too (None).
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache

_CLOCK = r"(?P<hour>[01]\d|2[0-3])(:(?P<minute>[0-5]\d)(:(?P<second>[0-5]\d|60)(\.(?P<fraction>\d+))?)?)?"
_DATE = r"(?P<year>\d{4})(-(?P<month>0[1-9]|1[0-2])(-(?P<day>0[1-9]|[12]\d|3[01]))?)?"
_MOMENT = re.compile(_DATE + rf"(T({_CLOCK})?(?P<zone>Z|[+-]\d\d:\d\d)?)?", re.ASCII)
_TIME = re.compile(_CLOCK, re.ASCII)
_PARTS = ("year", "month", "day", "hour", "minute")
#: Number of parts in a date with a day.
FULL_DATE = 3
_TO_MINUTES = 5
#: Precision in digits -> number of parts of a date and time, or of a time, that it keeps.
_MOMENT_DIGITS = {4: 1, 6: 2, 8: 3, 10: 4, 12: 5, 14: 6, 17: 7}
_TIME_DIGITS = {2: 1, 4: 2, 6: 3, 9: 4}
_DATE_DIGITS = 8


@dataclass(frozen=True, slots=True)
class Moment:
    """A date, a date and time, or a time of day (`parts` then begin with the hour).

    `parts` has only the parts that are written; the seconds include their fraction.
    """

    parts: tuple[Decimal, ...]
    zone: str | None
    is_time: bool

    @classmethod
    @lru_cache(maxsize=4096)  # an expression compares many values with the same literal
    def of(cls, text: str) -> Moment | None:
        """Return the moment that `text` is; None if it is not a date, date and time, or time."""
        match = _MOMENT.fullmatch(text)
        is_time = match is None
        if match is None:
            match = _TIME.fullmatch(text)
        if match is None:
            return None
        found = match.groupdict()
        parts = [Decimal(found[name]) for name in _PARTS if found.get(name)]
        if found["second"]:
            parts.append(Decimal(f"{found['second']}.{found['fraction'] or 0}"))
        return cls(tuple(parts), found.get("zone"), is_time)

    def in_utc(self) -> Moment:
        """Return the same moment in UTC, if it has a time zone and a time."""
        if self.zone in (None, "Z") or len(self.parts) < _TO_MINUTES:
            return self
        hours, minutes = (int(part) for part in self.zone[1:].split(":"))
        sign = -1 if self.zone[0] == "-" else 1
        zone = timezone(sign * timedelta(hours=hours, minutes=minutes))
        try:
            year, month, day, hour, minute = (int(part) for part in self.parts[:_TO_MINUTES])
            there = datetime(year, month, day, hour, minute, tzinfo=zone).astimezone(UTC)
        except (ValueError, OverflowError):  # 30 February, or before year 1: nothing to convert
            return self
        whole = (there.year, there.month, there.day, there.hour, there.minute)
        return Moment((*map(Decimal, whole), *self.parts[_TO_MINUTES:]), "Z", is_time=False)


def compare(left: str, right: str) -> int | None:
    """Return -1, 0 or 1 if `left` is before, equal to or after `right`; None if that is unknown."""
    first, second = Moment.of(left), Moment.of(right)
    if first is None or second is None or first.is_time != second.is_time:
        return None
    timed = min(len(first.parts), len(second.parts)) > FULL_DATE and not first.is_time
    if timed and (first.zone is None) != (second.zone is None):
        return None
    first, second = first.in_utc(), second.in_utc()
    for one, other in zip(first.parts, second.parts, strict=False):
        if one != other:
            return -1 if one < other else 1
    return 0 if len(first.parts) == len(second.parts) else None


def looks_like_moment(text: str) -> bool:
    """Tell whether `text` is a full date, with or without a time; such text is compared as a date."""
    moment = Moment.of(text)
    return moment is not None and not moment.is_time and len(moment.parts) >= FULL_DATE


def boundary(text: str, type_: str, *, high: bool, precision: int | None = None) -> str | None:
    """Return the first or, with `high`, the last moment that `text` can mean.

    Parameters
    ----------
    text : str
        A date, date and time or time of day.
    type_ : str
        Its type: ``date`` or ``time``; any other means a date and time.
    high : bool
        Return the last moment.
    precision : int, optional
        Digits of the result as FHIRPath counts them: 8 for a day, 17 for a millisecond. The default is the
        maximum of the type. Returns None for a precision that the type does not have.
    """
    moment = Moment.of(text)
    if moment is None:
        return None
    if moment.is_time:
        kept = _TIME_DIGITS.get(9 if precision is None else precision)
        return None if kept is None else _clock(_filled(moment.parts, high=high), kept)
    most = _DATE_DIGITS if type_.lower() == "date" else 17
    digits = most if precision is None else precision
    kept = _MOMENT_DIGITS.get(digits) if digits <= most else None
    if kept is None:
        return None
    parts = _dated(moment.parts, high=high)
    date = f"{int(parts[0]):04d}" + "".join(f"-{int(part):02d}" for part in parts[1 : min(kept, FULL_DATE)])
    if kept <= FULL_DATE:
        return date
    zone = moment.zone or ("-12:00" if high else "+14:00")  # the extreme time zones
    return f"{date}T{_clock(parts[FULL_DATE:], kept - FULL_DATE)}{zone}"


def _dated(parts: tuple[Decimal, ...], *, high: bool) -> tuple[Decimal, ...]:
    year, *rest = parts
    month = rest[0] if rest else Decimal(12 if high else 1)
    last = monthrange(max(int(year), 1), int(month))[1]
    day = rest[1] if len(rest) > 1 else Decimal(last if high else 1)
    return (year, month, day, *_filled(parts[FULL_DATE:], high=high))


def _filled(clock: tuple[Decimal, ...], *, high: bool) -> tuple[Decimal, ...]:
    """Return hour, minute and second; missing ones are the lowest or highest possible."""
    ends = [Decimal(23), Decimal(59), Decimal("59.999")] if high else [Decimal(0)] * 3
    filled = [*clock, *ends[len(clock) :]]
    if len(clock) == len(ends) and high and clock[-1] == clock[-1].to_integral_value():
        filled[-1] += Decimal("0.999")  # a second lasts until the next
    return tuple(filled)


def _clock(clock: tuple[Decimal, ...], kept: int) -> str:
    hour, minute, second = clock
    whole = int(second)
    texts = [f"{int(hour):02d}", f"{int(minute):02d}", f"{whole:02d}"]
    text = ":".join(texts[:kept])
    return f"{text}.{int((second - whole) * 1000):03d}" if kept > len(texts) else text
