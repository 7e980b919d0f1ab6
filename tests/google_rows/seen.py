"""What must be seen of an operation of the bench: in its handle, in tables and on its card."""

from __future__ import annotations

import html
import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import lro_notebook as lro
from lro_notebook.jupyter.card_model import card_of, duration

if TYPE_CHECKING:
    from collections.abc import Callable

    from google_rows.row import Row, Step
    from imitation import Running

SOON = 60.0  # seconds, on a busy machine
_LOOKS = 5  # at one step: a look from before it may come after it


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON
    while not what():
        assert time.monotonic() < deadline, "it has not come"
        time.sleep(0.02)


def moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def reading(operation: lro.Operation) -> tuple[float | None, int | None, int | None]:
    progress = operation.snapshot.progress
    fraction = None if progress.fraction is None else round(progress.fraction, 6)
    return fraction, progress.completed, progress.total


def text_of(operation: lro.Operation) -> str:
    """Return the words of its card, as it is saved."""
    return html.unescape(re.sub(r"<[^>]*>", "", operation._repr_html_()))


def check_step(operation: lro.Operation, running: Running, number: int, step: Step) -> None:
    """Let an operation come to a step, and look at its progress."""
    running.step = number
    wanted = (step.fraction, *step.counts)
    for _ in range(_LOOKS):
        if reading(operation.refresh()) == wanted:
            break
    assert reading(operation) == wanted, f"step {number}"
    assert operation.snapshot.state in ("PENDING", "RUNNING")


def check_naming(operation: lro.Operation, row: Row) -> None:
    """Look at what is said of it as soon as it runs: what, on what, since when."""
    assert operation.target == row.target
    progress = operation.snapshot.progress
    assert progress.created is not None
    assert (progress.created_from == "seen") is (row.created is None)
    assert row.created is None or progress.created == moment(row.created)
    table = lro.to_frame(operation).iloc[0]
    assert table["method"] == operation.method
    assert table["target"] == row.target
    assert table["elapsed"].total_seconds() >= 0
    card = card_of(operation, datetime.now(UTC))
    assert card.elapsed is not None
    assert card.title == row.title
    shown = text_of(operation)
    assert row.title in shown
    assert card.target in shown
    assert operation.id[-12:] in shown
    assert duration(card.elapsed) in shown or not operation.resource.done
    assert re.search(r"\d:\d\d", shown)


def check_success(operation: lro.Operation, row: Row) -> None:
    """Look at what is said of it once it has ended."""
    progress, last = operation.snapshot.progress, row.steps[-1]
    assert operation.state == "SUCCEEDED"
    assert operation.response is not None
    assert operation.response.get("@type", row.response["@type"]) == row.response["@type"]
    assert (progress.failed or 0) == row.failed
    assert progress.ended is not None
    assert (progress.ended_from == "seen") is (row.ended is None)
    assert row.ended is None or progress.ended == moment(row.ended)
    if last.counts[0] is not None:
        assert progress.completed == last.counts[0]
        assert progress.fraction == 1.0
    table = lro.to_frame(operation).iloc[0]
    assert bool(table["done"])
    assert table["state"] == "SUCCEEDED"
    shown = text_of(operation)
    assert "Succeeded" in shown
    assert row.title in shown
