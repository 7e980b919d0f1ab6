"""A service may say as much as it likes: what is shown of it has a bound everywhere."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from fakes import NAME, Clock, ManualScheduler, operation

from lro_notebook import Operation, OperationResource
from lro_notebook.errors import ApiError, Code, shortened
from lro_notebook.jupyter import card_html, table_html, terminal
from lro_notebook.jupyter.card_model import card_of
from lro_notebook.operations.poller import OperationPoller

NOW = datetime(2026, 3, 4, 9, 3, 10, tzinfo=UTC)
LONG = "STATE_<b>é" * 2_500


class Silent:
    def poll(self) -> OperationResource:
        raise AssertionError

    get = poll

    def cancel(self) -> None: ...


def handle(**fields: Any) -> Operation:
    metadata = {
        "apiMethodName": f"x.{LONG}",
        "verb": LONG,
        "target": LONG,
        "state": LONG,
        "status": LONG,
        "statusMessage": LONG,
        "logsUrl": f"https://x/{LONG}",
        "@type": LONG,
        "createTime": "2026-03-04T09:00:00Z",
        "counter": {"success": "9" * 18, LONG: LONG},
    }
    resource = OperationResource.from_dict(operation(metadata=metadata, **fields))
    return Operation(OperationPoller(Silent(), resource, scheduler=ManualScheduler(Clock())))


@pytest.mark.parametrize(
    "fields",
    [{}, {"done": True}, {"done": True, "error": {"code": 10**300, "message": LONG, "details": [LONG] * 9}}],
)
def test_cards_tables_terminals_and_reprs_show_a_part(
    fields: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    op = handle(**fields)
    card = card_of(op, NOW)
    shown = [
        card_html.saved_card(card),
        card_html.live_lines(card),
        card_html.card_text(card),
        table_html.live_table([card], NOW),
        table_html.saved_table([card], NOW),
        table_html.table_text([card], NOW),
    ]
    shown = [re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL) for text in shown]
    assert [len(text) for text in shown if len(text) > 5_000] == []
    assert not any("<b>" in text for text in shown if text.startswith("<"))
    assert len(repr(op)) < 200
    monkeypatch.setenv(terminal.SWITCH, "1")
    with terminal.watching([op]):
        pass
    assert len(capsys.readouterr().err.rpartition("\r")[2]) < 200


@pytest.mark.parametrize("name", ["x.y\x1b[31m", "x.a\nb", "x." + "a" * 81, 5, ["x"], {"a": LONG}])
def test_a_method_that_is_no_name_is_none(name: object) -> None:
    resource = OperationResource.from_dict(operation(metadata={"apiMethodName": name}))
    op = Operation(OperationPoller(Silent(), resource, scheduler=ManualScheduler(Clock())))
    assert op.method in ("", "5", "['x']")


def test_errors_say_the_beginning_and_carry_the_whole() -> None:
    op = handle(done=True, error={"code": 5, "message": LONG})
    error = op.exception()
    assert error is not None
    assert op.error is not None
    assert op.error.message == LONG
    assert len(str(error)) < 2_500
    assert "25,000 characters in all" in str(error)
    refused = ApiError(LONG, status=404, code=Code.NOT_FOUND, url=f"https://x/v1/{NAME}")
    assert refused.message == LONG
    assert len(str(refused)) < 2_500


def test_what_is_short_stays_as_it_is() -> None:
    assert shortened("a" * 2_000) == "a" * 2_000
    assert shortened("a" * 2_001).startswith("a" * 2_000 + "…")
