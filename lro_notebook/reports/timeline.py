"""When operations ran, as a chart. matplotlib is optional, and loaded nowhere else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lro_notebook.errors import ConfigError
from lro_notebook.operations.resource import operation_id
from lro_notebook.reports.frames import operations_frame

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd
    from matplotlib.axes import Axes

    from lro_notebook.operations.operation import Operation

#: A colour for each state; those of the Okabe-Ito palette, which is also told apart without colour vision.
_COLOURS: Mapping[str, str] = {
    "PENDING": "#999999",
    "RUNNING": "#0072b2",
    "CANCELLING": "#e69f00",
    "SUCCEEDED": "#009e73",
    "FAILED": "#d55e00",
    "CANCELLED": "#666666",
}
_LABELLED = 40  # rows that are labelled one by one
_ROW, _LEAST, _MOST = 0.3, 2.0, 12.0  # inches
_ROOM = 4  # rows that the least height has room for; fewer stand in its middle, and are as thin


def timeline(operations: Iterable[Operation], *, ax: Axes | None = None, now: datetime | None = None) -> Axes:
    """Draw a bar for each operation, the earliest at the top; those that run end now.

    One whose metadata tells no start, or that has ended without telling when, is left out.
    """
    try:
        from matplotlib import dates
        from matplotlib import pyplot as plt
    except ImportError as error:
        raise ConfigError("lro.timeline draws with matplotlib: pip install matplotlib") from error
    frame = operations_frame(operations, now=now)
    frame = frame.dropna(subset=["created", "elapsed"]).sort_values("created", kind="stable")
    if ax is None:
        height = min(_MOST, max(_LEAST, 0.9 + _ROW * len(frame)))
        _, ax = plt.subplots(figsize=(8.0, height), layout="constrained")
    starts = [dates.date2num(created) for created in frame["created"]]
    days = frame["elapsed"].dt.total_seconds() / 86_400
    for state, colour in _COLOURS.items():
        rows = [row for row, its in enumerate(frame["state"]) if its == state]
        if rows:
            lengths, left = [days.iloc[row] for row in rows], [starts[row] for row in rows]
            bars = ax.barh(rows, lengths, left=left, height=0.7, color=colour, label=state.lower())
            if len(frame) <= _LABELLED:  # colour alone tells nobody
                ax.bar_label(bars, [state.lower()] * len(rows), padding=3, fontsize="small")
    _name_rows(ax, frame)
    locator = dates.AutoDateLocator(tz=UTC)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator, tz=UTC))
    ax.margins(x=0.15)
    ax.set_xlabel("time (UTC)")
    beside = max(0, _ROOM - len(frame)) / 2
    ax.set_ylim(len(frame) - 0.5 + beside, -0.5 - beside)
    return ax


def _name_rows(ax: Axes, frame: pd.DataFrame) -> None:
    """Name each row; of many, only say what the colours mean."""
    if len(frame) > _LABELLED:
        ax.legend(fontsize="small")
        ax.set_ylabel(f"{len(frame):,} operations")
        ax.set_yticks([])
        return
    rows = frame[["method", "target", "name"]].fillna("").itertuples(index=False)
    names = [f"{method.rpartition('.')[2]} {operation_id(target or name)}" for method, target, name in rows]
    ax.set_yticks(range(len(frame)), [name.strip() for name in names], fontsize="small")
