"""The chart of when operations ran."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import matplotlib as mpl
import pytest
from fakes import operation
from handles import handle
from matplotlib import dates
from matplotlib import pyplot as plt

import lro_notebook as lro
from lro_notebook.reports.timeline import timeline

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def drawn_nowhere() -> Iterator[None]:
    backend = mpl.get_backend()
    mpl.use("agg")
    yield
    plt.close("all")
    mpl.use(backend)


def ran(number: int, begin: str, end: str | None = None, **fields: object) -> lro.Operation:
    times = {"createTime": f"2026-03-04T{begin}Z", **({"endTime": f"2026-03-04T{end}Z"} if end else {})}
    metadata = {**times, "apiMethodName": "x.ImportResources"}
    return handle(operation(name=f"operations/{number}", done=end is not None, metadata=metadata, **fields))


def test_a_bar_tells_when_an_operation_ran_and_a_word_tells_its_state() -> None:
    failed = ran(1, "09:10:00", "09:15:00", error={"code": 5})
    axes = timeline([failed, ran(2, "09:00:00")], now=NOW)
    bars = {str(found.get_label()): found.patches[0] for found in axes.containers}  # type: ignore[attr-defined]  # bars
    assert set(bars) == {"failed", "running"}
    begins = {state: dates.num2date(bar.get_x()) for state, bar in bars.items()}
    assert begins["failed"] == datetime(2026, 3, 4, 9, 10, tzinfo=UTC)
    minutes = {state: round(bar.get_width() * 1440) for state, bar in bars.items()}
    assert minutes == {"failed": 5, "running": 30}
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "ImportResources 2",
        "ImportResources 1",
    ]
    assert {text.get_text() for text in axes.texts} == {"failed", "running"}
    assert axes.get_xlabel() == "time (UTC)"


@pytest.mark.parametrize("count", [1, 2, 9])
def test_a_bar_is_as_thin_alone_as_beside_others(count: int) -> None:
    axes = timeline([ran(number, "09:00:00", "09:30:00") for number in range(count)])
    low, high = axes.get_ylim()
    assert low - high == max(4, count)
    assert (low + high) / 2 == (count - 1) / 2  # in the middle


def test_the_axis_is_in_utc_and_the_chart_can_be_drawn(tmp_path: Path) -> None:
    axes = lro.timeline([ran(1, "09:00:00", "09:30:00")])
    plt.gcf().savefig(tmp_path / "x.png")
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert "09:00" in labels


def test_operations_without_times_are_left_out_and_none_at_all_is_an_empty_chart() -> None:
    assert lro.timeline([]).containers == []
    lost = handle(operation(done=True))
    assert lro.timeline([lost, ran(1, "09:00:00", "09:01:00")]).containers[0].patches  # type: ignore[attr-defined]  # bars
    assert lro.timeline(lost).containers == []


def test_many_operations_get_no_labels_of_their_own_and_a_given_axes_is_drawn_on() -> None:
    _, axes = plt.subplots()
    many = [ran(number, "09:00:00", "09:10:00") for number in range(300)]
    assert lro.timeline(many, ax=axes) is axes
    assert axes.get_ylabel() == "300 operations"
    assert not axes.texts


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(lro.ConfigError, match="pip install matplotlib"):
        lro.timeline([])
