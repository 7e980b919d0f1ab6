"""Google's own clients whose server goes away or hangs: told, waited for, and seen to the end."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from google_rows.clients import async_client, start, started
from google_rows.seen import SOON, wait_for
from google_rows.table import ROWS
from imitation import Imitation

import lro_notebook as lro
from lro_notebook.jupyter.card_model import card_of
from lro_notebook.operations.adapters import api_core as foreign

if TYPE_CHECKING:
    from google_rows.row import Row

LIGHT = ("speech_v1.long_running_recognize", "documentai_v1.batch_process_documents")
CASES = [
    pytest.param(row, over, id=f"{row.id}-{over}")
    for row in ROWS
    if row.id in LIGHT
    for over in ("grpc", "rest")
]


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign, "_TIMEOUT", 0.3)


@pytest.mark.parametrize(("row", "over"), CASES)
def test_a_server_that_goes_away_is_trouble_and_its_return_is_seen(row: Row, over: str) -> None:
    with started(row, over) as (operation, server):
        server.close()
        wait_for(lambda: bool(operation.trouble))
        assert "retrying" in operation.trouble
        assert "retrying" in card_of(operation, datetime.now(UTC)).trouble
        assert operation.state in ("PENDING", "RUNNING")
        server.operations[row.operation].end = row.script.end
        server.open()
        assert operation.wait(SOON).state == "SUCCEEDED"
        assert operation.trouble == ""


@pytest.mark.parametrize(("row", "over"), CASES)
def test_a_server_that_hangs_is_trouble_and_its_next_answer_is_seen(row: Row, over: str) -> None:
    with started(row, over) as (operation, server):
        server.answers.clear()
        wait_for(lambda: bool(operation.trouble))
        assert "retrying" in operation.trouble
        server.operations[row.operation].end = row.script.end
        server.answers.set()
        assert operation.wait(SOON).state == "SUCCEEDED"


@pytest.mark.parametrize("row", [row for row in ROWS if row.id in LIGHT], ids=lambda row: row.id)
def test_an_asynchronous_client_whose_server_hangs_and_comes_back(row: Row) -> None:
    async def follow(server: Imitation) -> None:
        async with async_client(row, server) as asking:
            operation = lro.watch(await start(row, asking))
            server.answers.clear()
            await asyncio.to_thread(wait_for, lambda: bool(operation.trouble))
            server.operations[row.operation].end = row.script.end
            server.answers.set()
            await operation
            assert operation.state == "SUCCEEDED"

    with Imitation(lambda _: row.script) as server:
        asyncio.run(asyncio.wait_for(follow(server), SOON))
