"""Adding durations to dates and times: ``@2020-02-29 + 1 year``. Text to text, with the same precision."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, Decimal

from lro_notebook.fhirpath.temporal import FULL_DATE, Moment

#: Unit of a duration -> how many months, or seconds, it lasts.
_MONTHS = {"year": 12, "month": 1}
_SECONDS = {
    "week": 604_800,
    "day": 86_400,
    "hour": 3_600,
    "minute": 60,
    "second": 1,
    "wk": 604_800,
    "d": 86_400,
    "h": 3_600,
    "min": 60,
    "s": 1,
}
_DAY = 86_400
_DAYS = {1: 365, 2: 30}  # days of a year, and of a month, in a date without a day


def add_duration(text: str, amount: Decimal, unit: str) -> str | None:
    """Return a date, date and time, or time of day plus `amount` of `unit`, with the same precision.

    In a shorter month the day becomes its last one. Returns None if the text is none of these, for a unit
    without a fixed length on the calendar, and outside the years 1 to 9999.
    """
    moment = Moment.of(text)
    if moment is None or not (unit in _MONTHS or unit in _SECONDS):
        return None
    try:
        if moment.is_time:
            return None if unit in _MONTHS else _moved_time(moment, amount * _SECONDS[unit])
        if unit in _MONTHS:
            return _moved_months(moment, int(amount.to_integral_value(ROUND_DOWN)) * _MONTHS[unit])
        return _moved(moment, amount * _SECONDS[unit])
    except (ValueError, OverflowError):  # no such date
        return None


def _moved_time(moment: Moment, seconds: Decimal) -> str:
    hour, minute, second = (*moment.parts, Decimal(0), Decimal(0))[:3]
    total = (hour * 3600 + minute * 60 + second + seconds) % _DAY
    if total < 0:
        total += _DAY
    clock = (total // 3600, total // 60 % 60, total % 60)
    return _written(clock[: len(moment.parts)])


def _moved_months(moment: Moment, months: int) -> str:
    year, month = (*moment.parts, Decimal(1))[:2]
    if len(moment.parts) == 1:
        months = int(months / 12) * 12  # a year without a month changes by whole years
    index = int(year) * 12 + int(month) - 1 + months
    year, month = Decimal(index // 12), Decimal(index % 12 + 1)
    last = monthrange(int(year), int(month))[1]
    rest = [min(part, Decimal(last)) for part in moment.parts[2:3]]
    return _assembled((year, month, *rest, *moment.parts[3:])[: len(moment.parts)], moment.zone)


def _moved(moment: Moment, seconds: Decimal) -> str:
    written = len(moment.parts)
    if written < FULL_DATE:
        periods = int(seconds / _DAY / _DAYS[written])
        return _moved_months(moment, periods * (12 if written == 1 else 1))
    year, month, day, hour, minute, second = (*moment.parts, *[Decimal(0)] * 3)[:6]
    if written == FULL_DATE:
        seconds = seconds // _DAY * _DAY  # a date without a time changes by whole days
    total = hour * 3600 + minute * 60 + second + seconds
    days, rest = divmod(total, _DAY)
    if rest < 0:
        days, rest = days - 1, rest + _DAY
    date = datetime(int(year), int(month), int(day), tzinfo=UTC) + timedelta(days=int(days))
    moved = (*map(Decimal, (date.year, date.month, date.day)), rest // 3600, rest // 60 % 60, rest % 60)
    return _assembled(moved[:written], moment.zone)


def _assembled(parts: tuple[Decimal, ...], zone: str | None) -> str:
    if not 1 <= parts[0] <= 9999:  # noqa: PLR2004 - the years of ISO 8601
        raise ValueError("no such year")
    date = "-".join(f"{int(part):0{width}d}" for part, width in zip(parts, (4, 2, 2), strict=False))
    return f"{date}T{_written(parts[3:])}{zone or ''}" if len(parts) > FULL_DATE else date


def _written(clock: tuple[Decimal, ...]) -> str:
    texts = [f"{int(part):02d}" for part in clock[:2]]
    if len(clock) > 2:  # noqa: PLR2004 - the seconds
        whole, _, fraction = f"{clock[2]:f}".partition(".")
        texts.append(f"{int(whole):02d}{'.' + fraction if fraction.strip('0') else ''}")
    return ":".join(texts)
