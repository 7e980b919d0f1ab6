"""What is asked of a remote place, whatever is made of its files: each byte of them once."""

from __future__ import annotations

import gc
import json
import pickle
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from slow_storage import SlowStorage
from systems import is_private

from lro_notebook.errors import LroWarning, ResultError
from lro_notebook.results.arrow.coalesce import coalesced
from lro_notebook.results.export import dask, parquet
from lro_notebook.results.load_place import read
from lro_notebook.results.sources import spool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lro_notebook.results.results import Results

VIEW = {"resource": "Patient", "select": [{"column": [{"name": "id", "path": "id"}]}]}
SHARDS: list[list[dict[str, Any]]] = [
    [{"id": "1", "n": 1, "list": [{"x": 1}, {"x": 2}]}, {"id": "2"}],
    [{"id": "3", "n": 1.5, "late": {"key": "v"}}],
    [],
    [{"id": "4", "list": {"x": 3}}, {"id": "5", "list": []}],
]
MESSAGES = "MSH|^~\\&|A|B|C|D|20260101||ADT^A01|{n}|P|2.5\rPID|1||{n}\rOBX|1|NM|1||5\r"


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LroWarning)
        yield


@pytest.fixture
def storage() -> Iterator[SlowStorage]:
    with SlowStorage(latency=0, bandwidth=None) as made:
        for number, rows in enumerate(SHARDS):
            text = "".join(json.dumps({"resourceType": "Patient", **row}) + "\n" for row in rows)
            made.put(f"out/9_Patient-{number}-of-{len(SHARDS)}", (text + "broken\n" * (number == 1)).encode())
        yield made


def stored(storage: SlowStorage, folder: str) -> int:
    return sum(len(storage.content(path)) for path in storage.paths() if path.startswith(f"{folder}/"))


def dask_twice(results: Results, names: tuple[str, ...] = ("Patient",)) -> list[int]:
    pytest.importorskip("dask.dataframe", reason="dask is not installed")
    rows = []
    for name in names:
        frame = results.dask(name)
        rows += [len(frame.compute(scheduler="sync")), len(frame.compute(scheduler="threads"))]
    return rows


CONSUMERS: dict[str, Callable[[Results, Path], object]] = {
    "a table": lambda results, _: results["Patient"],
    "its bad lines": lambda results, _: (results["Patient"], results.bad_lines, results.truncated),
    "bad lines first": lambda results, _: (results.bad_lines, results["Patient"]),
    "what is known": lambda results, _: (results["Patient"], results.summary, repr(results)),
    "Parquet": lambda results, folder: results.to_parquet(folder),
    "Parquet, then bad lines": lambda results, folder: (results.to_parquet(folder), results.bad_lines),
    "Dask": lambda results, _: dask_twice(results),
    "Dask, then bad lines": lambda results, _: (dask_twice(results), results.bad_lines),
    "a view": lambda results, _: results.view(VIEW),
    "a view to Parquet": lambda results, folder: results.scan(VIEW).to_parquet(folder / "view.parquet"),
}


@pytest.mark.parametrize("lists", ["first", "nested", "explode"])
@pytest.mark.parametrize("consumer", CONSUMERS)
def test_each_byte_is_fetched_once(storage: SlowStorage, tmp_path: Path, consumer: str, lists: str) -> None:
    results = read(storage.uri("out"), lists=lists)
    storage.reset()
    CONSUMERS[consumer](results, tmp_path)
    assert storage.sent == stored(storage, "out")
    assert storage.count("read") <= len(SHARDS)


@pytest.mark.parametrize("names", [("messages",), ("messages", "OBX", "PID")])
def test_segments_are_fetched_with_their_messages(storage: SlowStorage, names: tuple[str, ...]) -> None:
    for number in range(3):
        storage.put(f"hl7/{number}.hl7", MESSAGES.format(n=number).encode())
    results = read(storage.uri("hl7"))
    storage.reset()
    dask_twice(results, names)
    assert storage.sent == stored(storage, "hl7")


def test_a_second_reading_of_uneven_lists_gives_what_local_files_give(
    storage: SlowStorage, tmp_path: Path
) -> None:
    for path in storage.paths():
        (tmp_path / path.partition("/")[2]).write_bytes(storage.content(path))
    near = read(tmp_path, lists="explode")
    far = read(storage.uri("out"), lists="explode")
    assert list(near) == list(far) == ["Patient", "Patient.list"]
    for name in near:
        assert near.arrow(name).equals(far.arrow(name))


def test_what_is_kept_for_dask_goes_with_it(storage: SlowStorage) -> None:
    pytest.importorskip("dask.dataframe", reason="dask is not installed")
    results = read(storage.uri("out"))
    frame = results.dask("Patient")
    folder = Path(results._plans["Patient"].kept.folder)
    assert len(list(folder.rglob("*.parquet"))) == len(SHARDS)
    assert is_private(folder)
    del results
    gc.collect()
    assert frame["id"].compute(scheduler="sync").tolist() == ["1", "2", "3", "4", "5"]
    del frame
    gc.collect()
    assert not folder.exists()


def test_a_worker_elsewhere_reads_the_files_itself(storage: SlowStorage) -> None:
    pytest.importorskip("dask.dataframe", reason="dask is not installed")
    results = read(storage.uri("out"), lists="explode")
    frame = results.dask("Patient")
    here = frame.compute(scheduler="sync")
    folder = results._plans["Patient"].kept.folder
    sent = pickle.loads(pickle.dumps(dask.Kept(folder)))  # noqa: S301 - made here
    assert sent.folder == folder
    dask._remove(folder, -1)
    assert Path(folder).exists()  # of a forked process it is not
    storage.reset()
    results._plans.clear()
    for path in Path(folder).rglob("*.parquet"):
        path.unlink()
    there = frame.compute(scheduler="sync")
    assert there.equals(here)
    assert storage.sent == stored(storage, "out")


def test_without_room_for_what_dask_keeps_nothing_is_left(
    storage: SlowStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("dask.dataframe", reason="dask is not installed")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(spool, "_SPARE", 10**18)
    with pytest.raises(ResultError, match=r"the disk of .* is full.*TMPDIR"):
        read(storage.uri("out")).dask("Patient")
    with pytest.raises(ResultError, match=r"the disk of .* is full.*TMPDIR"):
        read(storage.uri("out"), lists="explode")["Patient"]
    gc.collect()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("held", [0, 10**9])
@pytest.mark.parametrize("lists", ["first", "explode"])
def test_a_file_that_goes_away_midway_leaves_nothing(
    storage: SlowStorage, lists: str, held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "_HELD", held)
    results = read(storage.uri("out"), lists=lists)
    results.to_parquet(storage.uri("pq"))
    before = {path: storage.content(path) for path in storage.paths()}
    storage.fail("out/9_Patient-3-of-4", FileNotFoundError)
    with pytest.raises(ResultError, match="9_Patient-3-of-4"):
        results.to_parquet(storage.uri("pq"))
    assert {path: storage.content(path) for path in storage.paths()} == before


def test_a_target_that_fails_midway_keeps_no_drafts(
    storage: SlowStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "_HELD", 0)
    monkeypatch.setattr(coalesced, "__kwdefaults__", {"first": 1, "size": 1})
    results = read(storage.uri("out"))
    results.to_parquet(storage.uri("pq"))
    writes = storage.count("write")
    assert writes > 2 * len(SHARDS)  # drafts, drafts anew, moves
    for after in range(writes):
        fault = storage.fail("pq/*", PermissionError, after=after, times=1, on=frozenset({"write"}))
        with pytest.raises(ResultError, match="pq cannot be written"):
            results.to_parquet(storage.uri("pq"))
        assert fault.times == 0
        assert [path for path in storage.paths() if path.endswith(".partial")] == []


def test_parts_at_a_remote_place_cost_few_requests(storage: SlowStorage) -> None:
    for number in range(40):
        storage.put(f"many/9_T-{number}-of-40", b'{"id":"1","k%d":1}\n' % number)
    results = read(storage.uri("many"))
    storage.reset()
    results.to_parquet(storage.uri("pq"))
    assert storage.count("read", "many/*") == 40
    assert storage.count() <= 40 * 6
    assert len([path for path in storage.paths() if path.startswith("pq/T/part-")]) == 40
    assert storage.most > 1


def test_parquet_is_the_same_however_early_it_is_written(
    storage: SlowStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for held in (0, 10**9):
        monkeypatch.setattr(parquet, "_HELD", held)
        read(storage.uri("out")).to_parquet(tmp_path / str(held))
    early, late = (sorted((tmp_path / str(held) / "Patient").iterdir()) for held in (0, 10**9))
    assert [path.name for path in early] == [path.name for path in late]
    for one, other in zip(early, late, strict=True):
        assert pq.read_table(one).equals(pq.read_table(other))
