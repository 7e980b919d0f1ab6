"""Which files are an operation's: by their names, a folder, when they were written, else all with a word."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from results.any_files import CSV, put_named

from lro_notebook.errors import ConfigError, LroWarning, ResultError
from lro_notebook.results.discovery.discover import find
from lro_notebook.results.discovery.ownership import Owned, is_named, operations, owned
from lro_notebook.results.load_place import read
from lro_notebook.results.location import locate
from lro_notebook.results.shards import Shard

if TYPE_CHECKING:
    from pathlib import Path

    from lro_notebook.results.shards import Found

START = datetime(2026, 1, 1, 10, tzinfo=UTC)
END = START + timedelta(minutes=5)
SPAN = START, END
OWN, OTHER = "4711471147114711", "9999999999999999"
PLACE = locate("/place/")


def shard(path: str, operation: str | None = None, after: float | None = None) -> Shard:
    written = None if after is None else START + timedelta(seconds=after)
    return Shard(path, f"/place/{path}", "t", 1, operation=operation, written=written)


def told_by(*files: Shard, span: Any = SPAN) -> str | None:
    how: Owned | None = owned(OWN, span, files, PLACE)
    return how.by if how else None


def test_a_name_tells_more_than_a_folder_and_a_folder_more_than_the_time() -> None:
    named, below = shard(f"{OWN}_a.csv", OWN), shard(f"{OWN}/a.csv", after=9_999)
    during = shard("a.csv", after=10)
    assert told_by(named, below, during) == "operation"
    assert told_by(below, during) == "path"
    assert told_by(during) == "time"
    assert told_by(shard("a.csv", after=-60)) is None
    assert told_by() is None


@pytest.mark.parametrize(
    ("after", "span", "within"),
    [
        (0, SPAN, True),
        (-0.9, SPAN, True),  # the clocks of the service and of the storage differ
        (-1.1, SPAN, False),
        (300.9, SPAN, True),
        (301.1, SPAN, False),
        (10, (None, END), True),
        (10, (START, None), True),
        (10, (None, None), False),  # then any file would be
        (None, SPAN, False),
    ],
)
def test_the_window_of_time(after: float | None, span: Any, *, within: bool) -> None:
    assert (told_by(shard("a.csv", after=after), span=span) == "time") is within


def test_a_file_with_the_id_of_another_operation_is_never_taken_by_its_time() -> None:
    theirs, loose = shard(f"{OTHER}_a.csv", OTHER, after=10), shard("a.csv", after=10)
    how = owned(OWN, SPAN, [theirs, loose], PLACE)
    assert how is not None
    assert [how.holds(file, PLACE) for file in (theirs, loose)] == [False, True]


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("77", True),
        ("a/77/b", True),
        ("run-77.csv", True),
        ("a_77_b", True),
        ("177", False),
        ("770/a", False),
        ("", False),
    ],
)
def test_an_id_is_a_word_in_a_path(path: str, *, named: bool) -> None:
    assert is_named("77", path) is named


def test_an_id_with_signs_of_patterns_is_that_text() -> None:
    assert not is_named("a.c", "abc/x")
    assert is_named("(a", "x/(a/y")


def test_the_newest_of_several_operations_is_named_first() -> None:
    files = [
        shard("1", "old", 1),
        shard("2", "new", 5),
        shard("3", "old", 2),
        shard("4"),
        shard("5", "undated"),
    ]
    assert operations(files) == ["new", "old", "undated"]


def write(folder: Path, names: dict[str, float]) -> None:
    """Write files, each so many seconds after the operation began."""
    put_named(folder, dict.fromkeys(names, CSV))
    for name, after in names.items():
        moment = (START + timedelta(seconds=after)).timestamp()
        os.utime(folder / name, (moment, moment))


def found_at(folder: Path, **how: Any) -> Found:
    return find(locate(folder), operation=OWN, span=SPAN, deep=True, **how)


def names(found: Found, folder: Path) -> list[str]:
    return sorted(shard.path.removeprefix(f"{folder}/") for shard in found.shards)


def test_of_a_prefix_that_runs_share_each_takes_its_own(tmp_path: Path) -> None:
    write(tmp_path, {f"{OWN}/a.csv": 10, f"{OTHER}/a.csv": 10, "loose.csv": 10})
    assert names(found_at(tmp_path, own=False), tmp_path) == [f"{OWN}/a.csv"]
    write(tmp_path / "dated", {"a_1.csv": 10, "a_2.csv": 9_999, "b.csv": -9_999})
    assert names(found_at(tmp_path / "dated", own=False), tmp_path / "dated") == ["a_1.csv"]


def test_files_beside_are_told_for_the_own_run_alone(tmp_path: Path) -> None:
    write(tmp_path, {f"{OWN}/a.csv": 10, f"{OWN}/a.pdf": 10, f"{OTHER}/b.pdf": 10})
    found = found_at(tmp_path, own=False)
    assert [each.path.rpartition("/")[2] for each in found.skipped] == ["a.pdf"]


def test_where_nothing_tells_all_are_taken_with_a_word(tmp_path: Path) -> None:
    write(tmp_path, {"a_1.csv": 9_999, "a_2.csv": -9_999})
    found = found_at(tmp_path, own=False)
    assert names(found, tmp_path) == ["a_1.csv", "a_2.csv"]
    assert found.note == (
        f"which of the 2 files at {tmp_path} is of operation {OWN} cannot be told: no name there and no time "
        "says it. All are loaded"
    )
    (tmp_path / "a_2.csv").unlink()
    assert found_at(tmp_path, own=False).note.startswith("whether the file at ")
    with pytest.warns(LroWarning, match=r"cannot be told: .* It is loaded"):
        read(tmp_path, operation=OWN, own=False)


def test_files_that_name_other_operations_are_never_taken(tmp_path: Path) -> None:
    write(tmp_path, {f"{OTHER}_a.csv": 10})
    with pytest.raises(ResultError, match=f"operation {OWN} left no results .*wrote there: {OTHER}"):
        found_at(tmp_path, own=False)


def test_a_place_of_its_own_may_hold_names_with_any_numbers(tmp_path: Path) -> None:
    write(tmp_path, {f"{OTHER}_a.csv": 10, "8888888888888888_a.csv": 10})
    found = find(locate(tmp_path), own=False, deep=True)
    assert len(found.shards) == 2
    with pytest.raises(ConfigError, match="several operations wrote"):
        find(locate(tmp_path), deep=True)
