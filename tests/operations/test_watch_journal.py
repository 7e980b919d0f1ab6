"""What is watched is noted in the journal, and found again after a restart."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime

import pytest
from fakes import Scripted, failed, ok
from operations.speech_client import SPEECH, SpeechClient, message

import lro_notebook as lro
from lro_notebook.operations.adapters import journaling
from lro_notebook.operations.journal import COLUMNS, Journal, StartRecord, default_path

HOST = "https://api.example.com"

pytestmark = pytest.mark.usefixtures("no_other_clients")


def test_what_is_watched_is_noted_and_found_again_by_its_name() -> None:
    client = SpeechClient(message())
    client.transport.host = "127.0.0.1:1"
    op = lro.watch(SPEECH, client=client)
    row = lro.started().iloc[-1]
    assert (row["name"], row["origin"], row["state"]) == (SPEECH, "watched", "PENDING")
    assert row["service"] == "https://127.0.0.1:1"
    lro.watch([SPEECH, op], client=client)
    assert len(lro.started()) == 1
    client.transport.answers = [message(done=True)]
    op.wait(20)
    for _ in range(200):  # the callback comes after the end
        if lro.started()["state"].iloc[-1] == "SUCCEEDED":
            break
        time.sleep(0.02)
    assert lro.started()["state"].iloc[-1] == "SUCCEEDED"


def test_after_a_restart_the_journal_knows_whom_to_ask() -> None:
    transport = Scripted(ok({"name": "operations/1"}))
    with lro.Client(HOST, transport=transport) as client:
        lro.watch("operations/1", client=client)
        assert lro.started()["service"].tolist() == [HOST]
        with lro.Client("https://other.example.com", transport=Scripted(failed(500))):
            lro.watch("operations/1")  # several are open: the one of its service
    assert len(transport.sent) >= 2
    asking = journaling.client_for("operations/1")  # a new one, for that service
    assert asking is not None
    assert asking.endpoint == HOST
    asking.close()
    assert journaling.client_for("operations/2") is None


def test_a_journal_of_an_older_version_is_read_and_gets_the_new_column() -> None:
    path = default_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        columns = [name for name in COLUMNS if name != "origin"]
        connection.execute(f"CREATE TABLE started (id INTEGER PRIMARY KEY, {', '.join(columns)})")
        connection.execute(
            "INSERT INTO started (service, method, target, requested, state) "
            "VALUES ('s', 'm', 't', '2026', 'PENDING')"
        )
        connection.commit()
    assert lro.started()["method"].tolist() == ["m"]
    Journal().watched([StartRecord("s", "w", "t", datetime.now(UTC), name="operations/1", origin="watched")])
    assert [each.origin for each in Journal().all()] == ["started", "watched"]
