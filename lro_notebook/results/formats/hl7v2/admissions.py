"""The visits that ADT messages tell of, a row for each: who, when, where, with whom. Opens no files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from lro_notebook.results.arrow.dates import INSTANT
from lro_notebook.results.formats.hl7v2.times import FORM

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Column of a message -> where it stands: of several places, the first that has a value counts.
_PLACES: dict[str, dict[str, tuple[str, ...]]] = {
    "MSH": {"sent": ("MSH.7.1", "MSH.7"), "code": ("MSH.9.1",), "event": ("MSH.9.2",)},
    "EVN": {"recorded": ("EVN.2.1", "EVN.2"), "occurred": ("EVN.6.1", "EVN.6")},
    "PID": {"patient": ("PID.3.1", "PID.3")},
    "PV1": {
        "visit": ("PV1.19.1", "PV1.19"),
        "class": ("PV1.2.1", "PV1.2"),
        "ward": ("PV1.3.1", "PV1.3"),
        "room": ("PV1.3.2",),
        "bed": ("PV1.3.3",),
        "facility": ("PV1.3.4",),
        "doctor_id": ("PV1.7.1", "PV1.7"),
        "doctor_family": ("PV1.7.2.1", "PV1.7.2"),
        "doctor_given": ("PV1.7.3",),
        "service": ("PV1.10.1", "PV1.10"),
        "source": ("PV1.14.1", "PV1.14"),
        "disposition": ("PV1.36.1", "PV1.36"),
        "admitted": ("PV1.44.1", "PV1.44"),
        "discharged": ("PV1.45.1", "PV1.45"),
    },
}
#: The table that the segments are read with.
MESSAGES = "messages"
#: The segments that are looked at.
SEGMENTS = tuple(_PLACES)
_TIMES = ("sent", "recorded", "occurred", "admitted", "discharged")
_STATES = (
    "class",
    "ward",
    "room",
    "bed",
    "facility",
    "doctor_id",
    "doctor_family",
    "doctor_given",
    "service",
    "source",
    "disposition",
)
_ADMITS, _PLANS, _DISCHARGES = ("A01", "A04", "A06", "A07"), ("A05", "A14"), ("A03",)
#: A message that takes another back -> which.
_CANCELS = {"A11": _ADMITS, "A13": _DISCHARGES, "A38": _PLANS, "A27": _PLANS}

SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("patient", "visit", "status")),
        *((name, INSTANT) for name in ("admitted", "discharged")),
        *((name, pa.string()) for name in (*_STATES, "events")),
        ("messages", pa.int64()),
        ("last_message", INSTANT),
    ]
)


def admissions(segments: Mapping[str, pa.Table]) -> pd.DataFrame:
    """Return the visits of the tables of segments, in the order of their first messages.

    A visit without a number is known by its patient and the time of admission, else by its one message.
    """
    messages = _messages(segments)
    moments = messages["occurred"].fillna(messages["recorded"]).fillna(messages["sent"])
    messages["begun"] = moments.where(messages["event"].isin(_ADMITS))
    messages["ended"] = moments.where(messages["event"].isin(_DISCHARGES))
    groups = messages.groupby(["patient", "key"], sort=False, dropna=False)
    found = (
        groups[["visit", "admitted", "begun", "discharged", "ended", *_STATES, "sent"]].last().reset_index()
    )
    events = groups["event"].agg(lambda values: [one for one in values if one is not None]).tolist()
    statuses = [_status(its) for its in events]
    is_begun, is_ended = (np.array([status[place] for status in statuses], bool) for place in (1, 2))
    columns = {
        **{name: found[name] for name in ("patient", "visit", *_STATES)},
        "status": [status for status, _, _ in statuses],
        "admitted": found["admitted"].fillna(found["begun"]).where(is_begun),
        "discharged": found["discharged"].fillna(found["ended"]).where(is_ended),
        "events": [" ".join(its) for its in events],
        "messages": groups.size().to_numpy(),
        "last_message": found["sent"],
    }
    arrays = [pa.array(columns[part.name], part.type, from_pandas=True) for part in SCHEMA]
    table = pa.Table.from_arrays(arrays, schema=SCHEMA)
    frame: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype)
    return frame


def _messages(segments: Mapping[str, pa.Table]) -> pd.DataFrame:
    """Return a row for each ADT message that has a visit, with the columns of `_PLACES`, by time."""
    frames = [_segment(segments.get(name), places) for name, places in _PLACES.items()]
    whole = frames[0]
    for frame in frames[1:]:
        whole = whole.join(frame, how="left")
    told = whole["visit"].notna() | whole["class"].notna() | whole["admitted"].notna()
    whole = whole[(whole["code"] == "ADT") & told].reset_index()
    times = whole["admitted"].map(str).where(whole["admitted"].notna(), None)
    whole["key"] = whole["visit"].fillna(times).fillna(whole["message"])
    return whole.sort_values("sent", kind="stable", na_position="first")


def _segment(table: pa.Table | None, places: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Return the first segment of each message."""
    columns: dict[str, Any] = {"message": [] if table is None else table["message"].to_pandas()}
    for name, there in places.items():
        found = pd.Series(None, index=range(len(columns["message"])), dtype=object)
        for place in there:
            if table is not None and place in table.column_names:
                found = found.where(found.notna(), _values(table[place], is_time=name in _TIMES))
        columns[name] = found
    frame = pd.DataFrame(columns).drop_duplicates("message").set_index("message")
    return frame.astype({name: "datetime64[us, UTC]" for name in places if name in _TIMES})


def _values(column: pa.ChunkedArray, *, is_time: bool) -> pd.Series[Any]:
    if not is_time:
        text: pd.Series[Any] = column.cast(pa.string()).to_pandas().astype(object)
        return text
    times = (
        column if pa.types.is_timestamp(column.type) else pa.chunked_array([FORM(column.cast(pa.string()))])
    )
    instants: pd.Series[Any] = times.cast(INSTANT).to_pandas().astype(object)
    return instants


def _status(events: Sequence[str]) -> tuple[str, bool, bool]:
    """Return how a visit stands after `events`, whether it was begun, and whether it has ended."""
    kept: list[str] = []
    for event in events:
        taken_back = _CANCELS.get(event)
        kept = [one for one in kept if one not in taken_back] if taken_back else [*kept, event]
    if any(event in _DISCHARGES for event in kept):
        return "finished", True, True
    if any(event in _ADMITS for event in kept):
        return "in-progress", True, False
    if any(event in _CANCELS and event != "A13" for event in events):
        return "cancelled", False, False
    return ("planned", False, False) if any(event in _PLANS for event in kept) else ("unknown", True, True)
