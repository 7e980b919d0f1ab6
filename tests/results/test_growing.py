"""More files and more bytes: as many more steps and requests, and no more memory. Counted, not timed."""

from __future__ import annotations

import gc
import json
import sys
import threading
import tracemalloc
import warnings
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from slow_storage import Repeated, SlowStorage

from lro_notebook.errors import LroWarning
from lro_notebook.results.arrow import coalesce, line_blocks
from lro_notebook.results.export import parquet
from lro_notebook.results.load_place import read
from lro_notebook.results.remote import fetching

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lro_notebook.results.results import Results

    Use = Callable[[Results, Path], object]

VIEW = {"resource": "Patient", "select": [{"column": [{"name": "id", "path": "id", "type": "string"}]}]}
USES: dict[str, Use] = {
    "listing": lambda results, _: results.summary,
    "a table": lambda results, _: results["Patient"],
    "bad lines": lambda results, _: results.bad_lines,
    "Parquet": lambda results, folder: results.to_parquet(folder),
    "Dask": lambda results, _: results.dask("Patient"),
    "a view": lambda results, _: results.view(VIEW),
    "a view to Parquet": lambda results, folder: results.scan(VIEW).to_parquet(folder / "view.parquet"),
}


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LroWarning)
        yield


def patient(number: int) -> bytes:
    row = {
        "resourceType": "Patient",
        "id": str(number),
        "name": [{"family": "A", "given": ["B"]}],
        "n": number,
    }
    return json.dumps(row).encode() + b"\n"


def steps(run: Callable[[], object]) -> int:
    """Return how many calls of functions `run` makes, in all threads; what others left is collected later."""
    count = 0

    def profile(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    gc.disable()
    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        run()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
        gc.enable()
    return count


@pytest.mark.parametrize("lists", ["first", "explode"])
@pytest.mark.parametrize("use", USES)
def test_the_steps_grow_with_the_files(use: str, lists: str, tmp_path: Path) -> None:
    if use == "Dask":
        pytest.importorskip("dask.dataframe", reason="dask is not installed")
    counts: list[int] = []
    for size in (5, 5, 20, 80):  # the first one imports
        folder = tmp_path / f"{len(counts)}"
        folder.mkdir()
        for number in range(size):
            (folder / f"9_Patient-{number}-of-{size}").write_bytes(patient(number))

        def run(folder: Path = folder) -> None:
            USES[use](read(folder, lists=lists), folder / "out")

        counts.append(steps(run))
    _, few, more, most = counts
    assert most - more < 4.1 * (more - few)


@pytest.mark.parametrize("use", [use for use in USES if use != "Dask"])
def test_the_requests_grow_with_the_files(use: str, tmp_path: Path) -> None:
    counts: list[tuple[int, int, int]] = []
    for size in (20, 80):
        with SlowStorage(latency=0, bandwidth=None, page=10) as storage:
            for number in range(size):
                storage.put(f"out/9_Patient-{number}-of-{size}", patient(number))
            results = read(storage.uri("out"))
            if "Parquet" in use and "view" not in use:
                results.to_parquet(storage.uri("pq"))
            else:
                USES[use](results, tmp_path)
            counts.append((storage.count("list"), storage.count("read", "out/*"), storage.count()))
    (few_pages, few_reads, few), (pages, reads, every) = counts
    assert few_reads in (0, 20)
    assert reads == 4 * few_reads
    assert pages <= 4 * few_pages
    assert every <= 4 * few


def test_ten_thousand_names_are_listed_page_by_page() -> None:
    with SlowStorage(latency=0, bandwidth=None, page=1_000) as storage:
        for number in range(10_000):
            storage.put(f"out/9_Patient-{number}-of-10000", b"{}")
        results = read(storage.uri("out"))
        assert results.summary["files"].tolist() == [10_000]
        assert storage.count("list") <= 12
        assert storage.count() <= 16


def peak_of(run: Callable[[], object]) -> tuple[int, int]:
    """Return the most memory that Arrow and Python took for `run`, beyond what they had."""
    gc.collect()
    pool, before = pa.proxy_memory_pool(pa.default_memory_pool()), pa.default_memory_pool()
    pa.set_memory_pool(pool)
    tracemalloc.start()
    try:
        run()
        return pool.max_memory(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        pa.set_memory_pool(before)


@pytest.mark.parametrize("use", ["Parquet", "Dask", "a view to Parquet"])
@pytest.mark.parametrize(("files", "times"), [(1, 1), (8, 8)])
def test_the_memory_does_not_grow_with_the_bytes(
    use: str, files: int, times: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if use == "Dask":
        pytest.importorskip("dask.dataframe", reason="dask is not installed")
    monkeypatch.setattr(line_blocks.blocks, "__kwdefaults__", {"first": 50_000, "size": 50_000})
    monkeypatch.setattr(coalesce.coalesced, "__kwdefaults__", {"first": 50_000, "size": 50_000})
    monkeypatch.setattr(parquet, "_HELD", 200_000)
    monkeypatch.setattr(fetching, "SMALLEST", 50_000)
    monkeypatch.setattr(fetching, "LARGEST", 50_000)
    block = b"".join(map(patient, range(1_000)))  # of about 90 kB

    def run(repeats: int) -> None:
        with SlowStorage(latency=0, bandwidth=None) as storage:
            for number in range(files):
                storage.put(f"out/9_Patient-{number}-of-{files}", Repeated(block, repeats // files))
            results = read(storage.uri("out"), limits={"fetched": 500_000})
            USES[use](results, tmp_path / f"{repeats}")

    run(8 * times)  # imports, caches
    small, large = peak_of(partial(run, 16)), peak_of(partial(run, 96))
    assert large[0] < 1.5 * small[0] + 500_000
    assert large[1] < 1.5 * small[1] + 1_000_000
