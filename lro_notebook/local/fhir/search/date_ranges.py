"""Dates and times as ranges of microseconds since 1970; a date without a time zone is one of UTC. Pure."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

#: The ends of time.
EARLIEST, LATEST = -(2**62), 2**62
_MOMENT = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?:T(?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d+))?)?"
    r"(?P<zone>Z|[+-]\d\d:\d\d)?)?)?)?",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SECOND, _MINUTE, _DAY = 1_000_000, 60_000_000, 86_400_000_000
_DECEMBER = 12
_FIRST_DAY = _EPOCH.toordinal()
#: Lengths of the usual forms.
_DATED = len("2026-03-01")
_TIMED = (len("2026-03-01T09:00:00Z"), len("2026-03-01T09:00:00+01:00"))


class Span(NamedTuple):
    """A range of time: from `low` up to, and without, `high`."""

    low: int
    high: int


def span(text: object) -> Span | None:
    """Return what a date of any precision can mean: ``2026-03`` is all of March. None if it is no date."""
    usual = _usual(text) if isinstance(text, str) else None
    if usual is not None:
        return usual
    match = _MOMENT.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    part = match.groupdict()
    try:
        low = _microseconds(
            *(int(part[name] or low) for name, low in (("year", 1), ("month", 1), ("day", 1)))
        )
        if part["hour"] is not None:
            return _in_day(low, part)
        if part["day"] is not None:
            return Span(low, low + _DAY)
        return Span(low, _following(int(part["year"]), part["month"]))
    except (ValueError, OverflowError):  # 30 February, 25 o'clock, the year 0
        return None


def period(start: object, end: object) -> Span | None:
    """Return the range of a Period, which may be open; None if it has neither end."""
    first, last = span(start), span(end)
    if first is None and last is None:
        return None
    return Span(EARLIEST if first is None else first.low, LATEST if last is None else last.high)


def _usual(text: str) -> Span | None:
    """Return what a full date, or one with whole seconds and a zone, means; None for any other."""
    length = len(text)
    try:
        if length == _DATED and text[4] == "-" and text[7] == "-":
            low = (date.fromisoformat(text).toordinal() - _FIRST_DAY) * _DAY
            return Span(low, low + _DAY)
        if length in _TIMED and text[10] == "T" and text[19] in "Z+-":
            low = int(datetime.fromisoformat(text).timestamp()) * _SECOND
            return Span(low, low + _SECOND)
    except ValueError:  # the year 0, a leap second, or no date at all
        return None
    return None


def _microseconds(year: int, month: int, day: int) -> int:
    return (datetime(year, month, day, tzinfo=UTC) - _EPOCH) // _MICROSECOND


def _following(year: int, month: str | None) -> int:
    """Return the start of the next month, or year."""
    if month is None or int(month) == _DECEMBER:
        last = _microseconds(year, _DECEMBER, 31)
        return last + _DAY
    return _microseconds(year, int(month) + 1, 1)


def _in_day(day: int, part: dict[str, str | None]) -> Span:
    hour, minute, second = (int(part[name] or 0) for name in ("hour", "minute", "second"))
    if hour > 23 or minute > 59 or second > 60:  # noqa: PLR2004 - the clock's; 60 is a leap second
        raise ValueError(part)
    low = day + (hour * 60 + minute) * _MINUTE + second * _SECOND
    zone = part["zone"]
    if zone not in (None, "Z"):
        offset = (int(zone[1:3]) * 60 + int(zone[4:6])) * _MINUTE
        low += offset if zone[0] == "-" else -offset
    if part["fraction"] is not None:
        digits = part["fraction"][:6]
        width = 10 ** (6 - len(digits))
        low += int(digits) * width
        return Span(low, low + width)
    return Span(low, low + (_MINUTE if part["second"] is None else _SECOND))
