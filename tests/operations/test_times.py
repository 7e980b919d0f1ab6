"""Every operation has a running time: told by its service, else by when it was asked for or first seen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from fakes import operation

import lro_notebook as lro
from lro_notebook import OperationResource
from lro_notebook.jupyter import card_html, table_html
from lro_notebook.jupyter.card_model import card_of
from lro_notebook.operations.operation import Operation
from lro_notebook.operations.poller import OperationPoller

NOW = datetime(2026, 3, 4, 9, tzinfo=UTC)


class Silent:
    """A source that is never asked."""

    def poll(self) -> OperationResource:
        raise AssertionError

    get = poll

    def cancel(self) -> None:
        raise AssertionError


def followed(*bodies: dict[str, Any], requested: datetime | None = None) -> Operation:
    """Return an operation that was seen with these bodies, ten seconds apart."""
    clock = iter(NOW + timedelta(seconds=10 * step) for step in range(100))
    first, *rest = (OperationResource.from_dict(operation(**body)) for body in bodies)
    poller = OperationPoller(Silent(), first, requested=requested, now=lambda: next(clock))
    for resource in rest:
        poller.update(resource)
    return Operation(poller)


def test_a_time_of_the_service_is_the_best() -> None:
    times = {"createTime": "2026-03-04T08:00:00Z", "endTime": "2026-03-04T08:30:00Z"}
    progress = followed({}, {"done": True, "metadata": times}).progress
    assert (progress.created_from, progress.ended_from) == ("service", "service")
    assert progress.created == NOW - timedelta(hours=1)


def test_else_it_is_when_the_work_began_or_this_machine_asked_or_first_saw_it() -> None:
    began = {
        "@type": "google.firestore.admin.v1.ExportDocumentsMetadata",
        "startTime": "2026-03-04T08:00:00Z",
    }
    asked = NOW - timedelta(minutes=1)
    found = [
        followed({"metadata": began}, requested=asked).progress,
        followed({}, requested=asked).progress,
        followed({}, {"metadata": {"state": "RUNNING"}}).progress,
    ]
    assert [each.created_from for each in found] == ["work", "request", "seen"]
    assert [each.created for each in found] == [NOW - timedelta(hours=1), asked, NOW]


def test_an_end_that_is_not_told_is_when_it_was_seen_and_unknown_where_it_had_ended_before() -> None:
    seen = followed({}, {}, {"done": True, "response": {}}).progress
    assert (seen.created, seen.ended, seen.ended_from) == (NOW, NOW + timedelta(seconds=20), "seen")
    before = followed({"done": True, "response": {}})
    assert before.progress.ended is None
    assert lro.to_frame(before)["elapsed"].isna().all()
    assert card_of(before, NOW).elapsed is None


def test_the_last_change_of_an_operation_that_has_ended_is_its_end() -> None:
    vertex = {"genericMetadata": {"createTime": "2026-03-04T08:00:00Z", "updateTime": "2026-03-04T08:10:00Z"}}
    frame = lro.to_frame([followed({"metadata": vertex}), followed({"done": True, "metadata": vertex})])
    assert frame["ended"].isna().tolist() == [True, False]
    assert frame["elapsed"][1] == timedelta(minutes=10)
    assert frame["created_from"].tolist() == ["service", "service"]


def test_cards_and_rows_mark_a_time_that_began_with_the_first_look() -> None:
    op = followed({})
    card = card_of(op, NOW + timedelta(seconds=42))
    assert "≥ 0:42 elapsed" in card_html.live_lines(card)
    assert "first seen" in card_html.details(card)
    assert "≥ 0:42" in table_html.live_table([card], NOW + timedelta(seconds=42))
    ended = card_of(followed({}, {"done": True, "response": {}}), NOW)
    assert ended.sentence == "Done in ≥ 0:10."
    assert lro.to_frame(op)["created_from"].tolist() == ["seen"]


def test_every_row_shows_an_id_live_and_saved() -> None:
    card = card_of(followed({}), NOW)
    assert card.operation_id
    for table in (table_html.live_table([card], NOW), table_html.saved_table([card], NOW)):
        assert f"<div>{card.operation_id}</div>" in table
