"""The course of one patient as a chart: what happened, and what was measured most. matplotlib is optional."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

from pandas.plotting import PlotAccessor

from lro_notebook.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_NEEDED = {"time", "patient", "table", "code", "text", "value", "unit"}
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # Okabe-Ito
_WIDTH, _ROW, _PANEL = 9.0, 0.32, 1.2  # inches
_LONG = 64  # characters of a label, which has the width of the chart


class Course(PlotAccessor):
    """Draws a frame of events; with any argument of pandas, as pandas does."""

    def __call__(self, *args: Any, measurements: int = 5, **kwargs: Any) -> Any:
        """Draw the course of one patient: a dot for each event, and a line for what was measured most.

        Parameters
        ----------
        measurements : int
            How many kinds of numbers to draw.
        *args, **kwargs
            As of ``DataFrame.plot``, which draws then.

        Returns
        -------
        list of matplotlib.axes.Axes
            That of the events, then one for each kind of numbers.

        Raises
        ------
        ConfigError
            There are events of several patients, or matplotlib is not installed.
        """
        frame: pd.DataFrame = self._parent  # type: ignore[attr-defined]
        if args or kwargs or not set(frame.columns) >= _NEEDED:
            return super().__call__(*args, **kwargs)
        return _draw(frame, measurements)


def _draw(frame: pd.DataFrame, measurements: int) -> list[Axes]:
    try:
        from matplotlib import dates
        from matplotlib import pyplot as plt
    except ImportError as error:
        raise ConfigError("events are drawn with matplotlib: pip install matplotlib") from error
    patients = frame["patient"].nunique()
    if patients > 1:
        raise ConfigError(
            f"there are events of {patients:,} patients; draw those of one: results.events(patient).plot()"
        )
    kinds = _measured(frame, measurements)
    names = list(dict.fromkeys(frame.sort_values("time", kind="stable")["table"]))
    heights = [max(1.0, _ROW * len(names)), *[_PANEL] * len(kinds)]
    figure, grid = plt.subplots(
        len(heights),
        1,
        sharex=True,
        squeeze=False,
        figsize=(_WIDTH, sum(heights) + 0.8),
        height_ratios=heights,
        layout="constrained",
    )
    axes: list[Axes] = list(grid[:, 0])
    for row, name in enumerate(names):
        times = _times(frame[frame["table"] == name])
        axes[0].plot(times, [row] * len(times), "o", markersize=4, alpha=0.6, color=_COLOURS[0])
    axes[0].set_yticks(range(len(names)), names, fontsize="small")
    axes[0].set_ylim(max(len(names), 1) - 0.5, -0.5)
    for number, (ax, (label, rows)) in enumerate(zip(axes[1:], kinds, strict=True)):
        ax.plot(
            _times(rows),
            rows["value"].to_numpy(dtype=float),
            marker="o",
            markersize=3,
            color=_COLOURS[number % len(_COLOURS)],
        )
        ax.set_title(label, fontsize="small", loc="left")
        ax.tick_params(labelsize="small")
    locator = dates.AutoDateLocator(tz=UTC)
    axes[-1].xaxis.set_major_locator(locator)
    axes[-1].xaxis.set_major_formatter(dates.ConciseDateFormatter(locator, tz=UTC))
    axes[-1].set_xlabel("time (UTC)")
    figure.align_ylabels(axes)
    return axes


def _measured(frame: pd.DataFrame, most: int) -> list[tuple[str, pd.DataFrame]]:
    """Return what was measured most often, each with its unit, at more than one time."""
    observed = frame[(frame["table"] == "Observation") & frame["value"].notna()]
    groups = observed.groupby(["code", "unit"], dropna=False, sort=False)
    found = [rows.sort_values("time") for _, rows in groups if len(rows["time"].unique()) > 1]
    found.sort(key=len, reverse=True)
    return [(_label(rows), rows) for rows in found[:most]]


def _label(rows: pd.DataFrame) -> str:
    first = rows.iloc[0]
    text = next((str(first[name]) for name in ("text", "code") if isinstance(first[name], str)), "")
    text = text if len(text) <= _LONG else f"{text[: _LONG - 1]}…"
    return f"{text} ({first['unit']})" if isinstance(first["unit"], str) else text


def _times(rows: pd.DataFrame) -> list[Any]:  # datetimes, which matplotlib takes and its types do not name
    return [time.to_pydatetime() for time in rows["time"]]
