from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from systems import has_mode

import lro_notebook as lro
from lro_notebook.operations.journal import Journal, StartRecord

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 3, 4, 9, tzinfo=UTC)


def record(**fields: object) -> StartRecord:
    base = {"service": "https://x", "method": "fhirStores.export", "target": "projects/p", "requested": NOW}
    return StartRecord(**{**base, **fields})  # type: ignore[arg-type]  # fields of a test


def test_an_intent_is_unknown_until_it_is_answered_and_then_found_by_name() -> None:
    journal = Journal()
    row = journal.intend(
        record(destination="gs://b/x", types=("Patient", "Encounter"), since="2026-01-01T00:00:00Z")
    )
    assert [entry.state for entry in journal.all()] == ["UNKNOWN"]
    journal.answered(row, "operations/1")
    found = journal.find("operations/1", service="https://x")
    assert found is not None
    assert (found.destination, found.types, found.state) == ("gs://b/x", ("Patient", "Encounter"), "PENDING")
    assert found.requested == NOW
    assert journal.find("operations/1", service="https://other") is None


def test_on_loopback_an_operation_is_found_whatever_the_port() -> None:
    journal = Journal()
    for service, name in (("local:/data", "operations/1"), ("http://127.0.0.1:1", "operations/2")):
        journal.answered(journal.intend(record(service=service)), name)
        assert journal.find(name, service="http://127.0.0.1:2", loopback=True) is not None
        assert journal.find(name, service="https://x") is None


def test_a_refused_start_leaves_no_row() -> None:
    journal = Journal()
    journal.refused(journal.intend(record()))
    assert journal.all() == []


def test_the_end_is_noted() -> None:
    journal = Journal()
    journal.answered(journal.intend(record()), "operations/1")
    journal.ended("operations/1", "SUCCEEDED", NOW, service="https://x")
    assert [(entry.state, entry.ended) for entry in journal.all()] == [("SUCCEEDED", NOW)]


def test_started_is_a_typed_frame_also_when_there_is_no_journal_yet() -> None:
    empty = lro.started()
    Journal().intend(record(source="gs://b/in"))
    full = lro.started()
    assert list(empty.columns) == list(full.columns)
    assert empty.dtypes.equals(full.dtypes)
    assert list(full["state"]) == ["UNKNOWN"]
    assert full["name"].isna().all()


def test_what_was_started_begins_with_the_id_that_brings_it_back() -> None:
    journal = Journal()
    journal.answered(journal.intend(record()), "projects/p/locations/l/datasets/d/operations/1795")
    journal.intend(record())
    started = lro.started()
    assert started.columns[0] == "id"
    assert started["id"].tolist() == ["1795", pd.NA]
    assert started["id"].dtype == "string"


def test_the_file_is_private(state_dir: Path) -> None:
    Journal().intend(record())
    assert has_mode(state_dir / "journal.sqlite3", 0o600)


def test_the_journal_uses_no_write_ahead_log(state_dir: Path) -> None:
    Journal().intend(record())
    assert [path.name for path in state_dir.iterdir()] == ["journal.sqlite3"]


@pytest.mark.parametrize("spoil", ["directory is a file", "file is no database"])
def test_a_journal_that_cannot_be_used_warns_once_and_fails_nothing(spoil: str, state_dir: Path) -> None:
    if spoil == "directory is a file":
        state_dir.write_text("in the way")
    else:
        state_dir.mkdir()
        (state_dir / "journal.sqlite3").write_bytes(b"no database" * 100)
    journal = Journal()
    with pytest.warns(lro.LroWarning, match="LRO_NOTEBOOK_STATE_DIR") as caught:
        row = journal.intend(record())
        journal.answered(row, "operations/1")
        journal.ended("operations/1", "SUCCEEDED", NOW, service="https://x")
        assert journal.all() == []
    assert row is None
    assert len(caught) == 1


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_state_directory_that_is_read_only_warns(state_dir: Path) -> None:
    state_dir.mkdir(mode=0o500)
    with pytest.warns(lro.LroWarning, match="operations go on"):
        assert Journal().intend(record()) is None


def test_several_processes_may_write_at_once(tmp_path: Path) -> None:
    import subprocess

    program = (
        "from datetime import UTC, datetime\n"
        "from lro_notebook.operations.journal import Journal, StartRecord\n"
        "for n in range(20):\n"
        "    Journal().intend(StartRecord('s', 'm', 't', datetime.now(UTC)))\n"
    )
    path = tmp_path / "shared"
    env = {**os.environ, "LRO_NOTEBOOK_STATE_DIR": str(path)}
    writers = [subprocess.Popen([sys.executable, "-c", program], env=env) for _ in range(3)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    assert len(Journal(path / "journal.sqlite3").all()) == 60
