"""What an export has to know of what this machine did before: since when, and what is being imported.

The journal knows what was started, the service how it ended and when, by its own clock.
"""

from __future__ import annotations

import logging
import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from lro_notebook.errors import ApiError, Code, ConfigError, LroError, LroWarning, warn_caller
from lro_notebook.healthcare import requests
from lro_notebook.operations.resource import format_timestamp, parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lro_notebook.operations.client import Client
    from lro_notebook.operations.journal import StartRecord
    from lro_notebook.operations.operation import Operation

Since = str | date | datetime | timedelta | None
LAST = "last"
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_LOOKED_AT = 100  # earlier exports of a store, at most
_IMPORTS, _RECENT = 3, timedelta(days=1)  # unfinished imports that are asked for, and how old they may be
#: Clocks may differ: where only this machine's time is known, so much is taken twice.
_SKEW = timedelta(minutes=10)
_log = logging.getLogger(__name__)


def since_text(
    value: Since, last: Callable[[], datetime | None], *, now: datetime | None = None
) -> str | None:
    """Return the time that `value` means as RFC 3339 text, None for no limit.

    Parameters
    ----------
    value : str, date, datetime, timedelta or None
        RFC 3339 text; a date, or the text of one, which means its beginning in UTC; a datetime with a time
        zone; how long before now; or ``"last"``.
    last : callable
        Returns what ``"last"`` means, None where there was nothing before.
    now : datetime, optional
        For tests.

    Raises
    ------
    ConfigError
        It is none of these.
    """
    if value == LAST:
        moment = last()
        return None if moment is None else format_timestamp(moment)
    if isinstance(value, timedelta):
        if value <= timedelta(0):
            raise ConfigError(f"since: {value!r} is not how long before now; give a positive timedelta")
        try:
            return format_timestamp((now or datetime.now(UTC)) - value)
        except OverflowError:
            raise ConfigError(f"since: {value!r} before now is no time any more; leave since= out") from None
    if isinstance(value, date) and not isinstance(value, datetime):
        return format_timestamp(datetime(value.year, value.month, value.day, tzinfo=UTC))
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return since_text(date.fromisoformat(value), last)
        except ValueError:
            raise ConfigError(f"since: {value!r} is no date: {_FORMS}") from None
    if value is not None and not isinstance(value, str | datetime):
        raise ConfigError(f"since: {type(value).__name__} is no time: {_FORMS}")
    try:
        return requests.timestamp(value, "since")
    except ConfigError as error:
        raise ConfigError(f"{error}; since= takes {_FORMS}") from None


_FORMS = (
    "RFC 3339 text, a date such as '2026-11-01' (from its beginning, UTC), a datetime with a time zone, a "
    "timedelta before now, or 'last'"
)


def last_success(
    client: Client,
    store: str,
    method: str,
    types: Iterable[str],
    attach: Callable[[str], Operation],
) -> datetime | None:
    """Return when the last export of a store that holds all of `types` and went well was made, None if none.

    By the clock of the service: when it took the request. Where it has no record of that export any more,
    by this machine's, some minutes earlier. One in which resources failed is not counted.

    Parameters
    ----------
    client : Client
        Whose journal knows the exports.
    store, method : str
        The resource name, and the method as the journal has it.
    types : iterable of str
        What is wanted now; empty for all types.
    attach : callable
        Returns the operation of a name, read now.
    """
    wanted = set(types)
    for record in client.journal.started_on(store, [method], service=client.service, limit=_LOOKED_AT):
        if holds(record, wanted) and record.state not in ("FAILED", "CANCELLED"):
            moment = _made(record, attach)
            if moment is not None:
                return moment
    what = f" of {', '.join(sorted(wanted))}" if wanted else ""
    warn_caller(
        f"since='last': this machine has made no export{what} of {store} yet that went well, so all is "
        "exported",
        LroWarning,
    )
    return None


def holds(record: StartRecord, wanted: set[str]) -> bool:
    """Tell whether an export was of all the `wanted` types; none wanted means all there are."""
    return not record.types or (bool(wanted) and wanted <= set(record.types))


def _made(record: StartRecord, attach: Callable[[str], Operation]) -> datetime | None:
    """Return the time up to which an export has what changed; None where it did not go well."""
    try:
        operation = attach(record.name or "")
    except ApiError as error:
        if error.code is not Code.NOT_FOUND:
            raise
        return record.requested - _SKEW if record.state == "SUCCEEDED" else None
    snapshot = operation.snapshot
    if snapshot.state != "SUCCEEDED" or snapshot.progress.failed:
        return None
    told = (snapshot.resource.response or {}).get("transactionTime")  # of a bulk export
    if isinstance(told, str) and (moment := parse_timestamp(told)) is not None:
        return moment
    created = snapshot.progress.created if snapshot.progress.created_from == "service" else None
    return created or record.requested - _SKEW


def warn_of_imports(client: Client, store: str, *, now: datetime | None = None) -> None:
    """Warn if an import into a store that this machine has started still runs: its rest would be missed."""
    collection = store.split("/")[-2]
    methods = [f"{collection}.import", f"{collection}.importHistory"]
    oldest = (now or datetime.now(UTC)) - _RECENT
    for record in client.journal.started_on(store, methods, service=client.service, limit=_IMPORTS):
        if record.ended is None and record.requested > oldest and _runs(client, record.name or ""):
            warn_caller(
                f"import {(record.name or '').rpartition('/')[2]} into {store} still runs: this export has "
                "only what is there by now. Wait for the import first (op.wait()), then export",
                LroWarning,
            )
            return


def _runs(client: Client, name: str) -> bool:
    try:
        return not client.get(name).resource.done
    except LroError as error:  # the export is what was asked for: it says what is wrong with the service
        _log.info("whether import %s still runs cannot be told: %s", name, type(error).__name__)
        return False
