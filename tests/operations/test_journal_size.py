"""A journal of many rows, and of long ago: what is shown, what is found, what is removed."""

from __future__ import annotations

import gc
import sqlite3
import warnings
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

import lro_notebook as lro
from lro_notebook.operations import journal as module
from lro_notebook.operations.journal import KEPT_FOR, Journal, StartRecord
from lro_notebook.operations.resource import format_timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

NOW = datetime(2026, 3, 4, 9, tzinfo=UTC)
#: As the first versions made it: without the index.
OLD_SCHEMA = """
CREATE TABLE started (id INTEGER PRIMARY KEY, service TEXT NOT NULL, method TEXT NOT NULL,
    target TEXT NOT NULL, source TEXT, destination TEXT, types TEXT, since TEXT,
    requested TEXT NOT NULL, name TEXT, state TEXT NOT NULL, ended TEXT);
"""


def record(requested: datetime = NOW) -> StartRecord:
    return StartRecord("https://x", "fhirStores.export", "projects/p", requested)


def filled(path: Path, rows: Iterable[tuple[str, datetime, datetime | None]]) -> None:
    """Write rows of (name, requested, ended) as an earlier version did."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(OLD_SCHEMA)
        connection.executemany(
            "INSERT INTO started (service, method, target, requested, name, state, ended) "
            "VALUES ('https://x', 'm', 't', ?, ?, 'PENDING', ?)",
            [
                (format_timestamp(asked), name, None if ended is None else format_timestamp(ended))
                for name, asked, ended in rows
            ],
        )


def many(state_dir: Path, count: int) -> None:
    filled(
        state_dir / "journal.sqlite3", ((f"operations/{n}", NOW + timedelta(n), None) for n in range(count))
    )


def test_the_newest_rows_are_shown_and_a_warning_says_that_there_are_more(state_dir: Path) -> None:
    many(state_dir, 2500)
    with pytest.warns(lro.LroWarning, match=r"newest 1,000 of 2,500 .* lro\.started\(limit=None\) shows all"):
        frame = lro.started()
    assert list(frame["name"]) == [f"operations/{n}" for n in range(1500, 2500)]
    assert frame.attrs["more"] == 1500


@pytest.mark.parametrize(
    ("limit", "shown", "more"),
    [(None, 2500, 0), (2500, 2500, 0), (2499, 2499, 1), (9999, 2500, 0), (3, 3, 2497), (0, 0, 2500)],
)
def test_who_says_how_many_gets_as_many_and_no_warning(
    state_dir: Path, limit: int | None, shown: int, more: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAGE", 1000)
    many(state_dir, 2500)
    frame = lro.started(limit)
    assert list(frame["name"]) == [f"operations/{n}" for n in range(2500 - shown, 2500)]
    assert list(frame.index) == list(range(shown))
    assert frame.attrs["more"] == more
    assert frame.dtypes.equals(lro.started(limit=0).dtypes)


def test_no_warning_where_all_are_shown(state_dir: Path) -> None:
    many(state_dir, 1000)
    assert lro.started().attrs["more"] == 0


@pytest.mark.parametrize("limit", [-1, 2.5, "10"])
def test_a_limit_is_a_number_of_rows(limit: object) -> None:
    with pytest.raises(lro.ConfigError, match="number of rows"):
        lro.started(limit)  # type: ignore[arg-type]  # what is tested


def test_a_moment_that_cannot_be_read_is_unknown(state_dir: Path) -> None:
    many(state_dir, 2)
    with closing(sqlite3.connect(state_dir / "journal.sqlite3")) as connection, connection:
        connection.execute("UPDATE started SET requested = 'some day' WHERE id = 1")
    frame = lro.started()
    assert list(frame["requested"].isna()) == [True, False]
    assert frame["requested"].dtype == "datetime64[us, UTC]"


def test_values_of_any_kind_are_shown_as_text_and_hide_no_other_row(state_dir: Path) -> None:
    many(state_dir, 3)
    with closing(sqlite3.connect(state_dir / "journal.sqlite3")) as connection, connection:
        connection.execute("UPDATE started SET types = 5, state = 1.5, method = x'ff41' WHERE id = 2")
    frame = lro.started()
    assert list(frame["method"]) == ["m", "\N{REPLACEMENT CHARACTER}A", "m"]
    assert list(frame["state"]) == ["PENDING", "1.5", "PENDING"]
    found = Journal().find("operations/1", service="https://x")
    assert found is not None
    assert found.types == ("5",)


def test_a_schema_that_is_garbage_is_a_journal_that_cannot_be_used(state_dir: Path) -> None:
    many(state_dir, 3)
    path = state_dir / "journal.sqlite3"
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE started", b"CREATE \xf2\xff\xb0\x87E started"))
    with pytest.warns(lro.LroWarning, match="cannot be used"):
        assert Journal().intend(record()) is None


def test_a_file_of_an_earlier_version_is_read_as_it_is_and_gets_its_index_with_the_next_start(
    state_dir: Path,
) -> None:
    many(state_dir, 3)
    path = state_dir / "journal.sqlite3"
    before = path.read_bytes()
    assert len(lro.started()) == 3
    found = Journal().find("operations/1", service="https://x")
    assert found is not None
    assert path.read_bytes() == before  # so that a file that is read-only will do
    Journal().intend(record())
    assert len(lro.started()) == 4
    with closing(sqlite3.connect(path)) as connection:
        plan = connection.execute(
            "EXPLAIN QUERY PLAN SELECT id FROM started WHERE name = 'a' AND (service = 'b' OR "
            "service LIKE 'local:%' OR service LIKE 'http://%') ORDER BY id DESC LIMIT 1"
        ).fetchall()
    assert [row[3] for row in plan] == ["SEARCH started USING INDEX started_name (name=?)"]


def test_an_empty_file_is_an_empty_journal(state_dir: Path) -> None:
    state_dir.mkdir()
    (state_dir / "journal.sqlite3").touch()
    assert len(lro.started()) == 0
    assert Journal().find("operations/1", service="https://x") is None


class TestPruning:
    """The newest rows stay whatever their age, and young rows whatever their number."""

    @pytest.fixture(autouse=True)
    def small(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "KEPT", 50)
        monkeypatch.setattr(module, "PRUNE_EVERY", 10)
        monkeypatch.setattr(module, "PRUNE_MOST", 20)

    old, older = NOW - KEPT_FOR - timedelta(days=1), NOW - 2 * KEPT_FOR

    def start(self, count: int) -> list[str]:
        """Start so many operations now, and return the names of the earlier ones that are left."""
        journal = Journal()
        for _ in range(count):
            journal.intend(record())
        return [row.name for row in journal.all() if row.name]

    def test_old_rows_go_at_starts_a_few_at_a_time(self, state_dir: Path) -> None:
        filled(state_dir / "journal.sqlite3", ((f"operations/{n}", self.older, self.old) for n in range(100)))
        assert len(self.start(9)) == 100
        assert self.start(1) == [f"operations/{n}" for n in range(20, 100)]
        assert self.start(10) == [f"operations/{n}" for n in range(40, 100)]
        assert self.start(30) == []  # 50 have come since, which are the newest 50

    def test_the_newest_stay_however_old(self, state_dir: Path) -> None:
        filled(state_dir / "journal.sqlite3", ((f"operations/{n}", self.older, self.old) for n in range(40)))
        assert len(self.start(10)) == 40

    def test_what_ended_late_or_never_did_stays_while_it_is_young(self, state_dir: Path) -> None:
        young = NOW - KEPT_FOR + timedelta(days=1)
        rows = [("late", self.older, young), ("running", young, None), ("lost", self.older, None)]
        filled(
            state_dir / "journal.sqlite3",
            rows + [(f"operations/{n}", self.old, self.old) for n in range(37)],
        )
        assert self.start(60) == ["late", "running"]

    def test_a_row_that_was_just_written_is_never_removed(self, state_dir: Path) -> None:
        filled(state_dir / "journal.sqlite3", ((f"operations/{n}", self.older, None) for n in range(99)))
        journal = Journal()
        journal.answered(journal.intend(record(self.older)), "mine")
        assert journal.find("mine", service="https://x") is not None


@pytest.mark.parametrize("use", ["read", "write", "find"])
def test_a_journal_that_cannot_be_used_leaves_no_connection_open(state_dir: Path, use: str) -> None:
    state_dir.mkdir()
    (state_dir / "journal.sqlite3").write_bytes(b"no database" * 100)
    journal, opened = Journal(), list[sqlite3.Connection]()
    connect = sqlite3.connect

    def noted(*arguments: object, **options: object) -> sqlite3.Connection:
        opened.append(connect(*arguments, **options))  # type: ignore[call-overload]  # as they came
        return opened[-1]

    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        patch.setattr(sqlite3, "connect", noted)
        warnings.simplefilter("error", ResourceWarning)  # Python 3.13 and later warn by themselves
        with pytest.warns(lro.LroWarning, match="cannot be used"):
            if use == "read":
                journal.all()
            elif use == "write":
                journal.intend(record())
            else:
                journal.find("operations/1", service="https://x")
    assert len(opened) == 1
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        opened[0].execute("SELECT 1")
    opened.clear()
    gc.collect()
