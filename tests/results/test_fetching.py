"""Remote files are fetched ahead: in order, bounded, each range for itself, and nothing is left behind."""

from __future__ import annotations

import gc
import gzip
import json
import pickle
import random
import weakref
from typing import TYPE_CHECKING, Any, cast

import fsspec
import pytest
from children import forks, in_child
from results.far import in_thread
from results.far_places import MB, Place, lines, names, shards_of, threads

from lro_notebook.errors import ConfigError, ResultError
from lro_notebook.results.load_place import read
from lro_notebook.results.remote import fetching
from lro_notebook.results.remote.retried_calls import Fetch

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from lro_notebook.results.arrow.batch import Batch
    from lro_notebook.results.results import Results

pytestmark = pytest.mark.usefixtures("quick_retries")


def test_the_rows_are_those_of_the_files_in_their_order(place: Place) -> None:
    place.fill(shards_of(40))
    place.fill({"Patient.100.ndjson": lines(900, 120, 10_000)})  # in ranges
    results = place.read()
    place.bucket.requests.clear()
    assert names(results) == [f"p{n}" for n in range(1020)]
    reads = place.bucket.of("cat_file")
    small = [read.path for read in reads if "100" not in read.path]
    if place.kind == "threaded":  # threads begin in any order
        small.sort()
    assert small == [f"b/out/Patient.{n:03d}.ndjson" for n in range(40)]
    ranges = sorted((r.start, r.stop) for r in reads if "100" in r.path)
    assert len(ranges) > 1
    assert [stop for _, stop in ranges[:-1]] == [start for start, _ in ranges[1:]]


@pytest.mark.parametrize("streams", [1, 5, 16])
def test_so_many_requests_are_made_at_once_and_no_more(place: Place, streams: int) -> None:
    place.fill(shards_of(60))
    results = place.read(streams=streams)
    place.bucket.held.clear()
    table = in_thread(lambda: names(results))
    place.bucket.until(lambda: place.bucket.flying == streams)
    place.bucket.held.set()
    assert len(table.result(20)) == 180
    assert place.bucket.most == streams


@pytest.mark.parametrize("streams", [0, -1, 1.5, True, "4"])
def test_streams_are_a_whole_number(streams: Any) -> None:
    with pytest.raises(ConfigError, match="streams="):
        read("memory://x", streams=streams)


def test_who_stops_reading_lets_nothing_grow(place: Place) -> None:
    place.fill({f"Patient.{n:03d}.ndjson": lines(1, n, 1000) for n in range(50)})
    files, shards = place.files(Fetch(memory=10_000))
    with files.reading(shards) as streams:
        place.bucket.until(lambda: len(place.bucket.of("cat_file")) >= 9 and not place.bucket.flying)
        assert len(place.bucket.of("cat_file")) == 9  # of some 1,040 bytes each
        got = b""
        for shard in shards:
            with streams.open(shard) as file:
                got += file.read()
            place.bucket.until(lambda: not place.bucket.flying)
    assert got == b"".join(place.bucket.objects.values())
    assert len(place.bucket.of("cat_file")) == 50


def test_the_range_that_is_read_next_comes_whatever_the_bounds_are(place: Place) -> None:
    place.fill({"Patient.000.ndjson": lines(300, width=10_000)})
    assert len(names(place.read(limits={"fetched": 1}))) == 300
    assert place.bucket.most == 1


def test_files_that_are_opened_in_another_order_come_too(place: Place) -> None:
    place.fill(shards_of(30))
    files, shards = place.files(Fetch(memory=1, streams=2))
    with files.reading(shards) as streams:
        for shard in reversed(shards):
            with streams.open(shard) as file:
                assert file.read() == place.bucket.objects[shard.path]


def test_an_interrupt_gives_up_what_is_on_its_way(place: Place) -> None:
    place.fill(shards_of(40))
    files, shards = place.files()
    place.bucket.held.clear()

    def interrupted() -> None:
        with files.reading(shards):
            place.bucket.until(lambda: place.bucket.flying == 16)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    if place.kind == "loop":
        place.bucket.until(lambda: place.bucket.cancelled == 16)
    else:
        assert all(thread.daemon for thread in threads())
        place.bucket.held.set()
    place.bucket.until(lambda: not place.bucket.flying and not threads())
    assert len(place.bucket.of("cat_file")) == 16


def test_a_generator_that_is_closed_leaves_nothing(place: Place) -> None:
    place.fill(
        {
            "Patient.000.ndjson": lines(3000, width=10_000),
            **{f"Patient.{n:03d}.ndjson": lines(1) for n in range(1, 90)},
        }
    )
    results = place.read(limits={"fetched": 1})
    (main,) = results._tables.values()
    batches = cast("Generator[Batch]", main.batches())
    next(batches)
    batches.close()
    place.bucket.until(lambda: not threads())
    assert len(place.bucket.of("cat_file")) < 40


@forks
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_of_a_fork_reads_for_itself(place: Place) -> None:
    place.fill({**shards_of(40), "Patient.000.ndjson": lines(3, width=MB)})
    files, shards = place.files(Fetch(streams=2, memory=1))
    results = place.read()
    with files.reading(shards) as streams, streams.open(shards[0]) as file:
        file.read(10)

        def child() -> None:
            with pytest.raises(ResultError, match="ask again here"):
                file.read(10_000_000)
            with pytest.raises(ResultError, match="ask again here"), streams.open(shards[1]):
                pass
            assert len(names(results)) == 120

        in_child(child)
        assert file.read() == place.bucket.objects[shards[0].path][10:]


def test_gzip_members_are_read_through_ranges(place: Place) -> None:
    noise = random.Random(1).randbytes  # noqa: S311 - no secret
    members = [
        gzip.compress(b'{"id":"p%d","x":"%s"}\n' % (n, noise(300_000).hex().encode())) for n in range(12)
    ]
    place.fill({"Patient.000.ndjson.gz": b"".join(members)})
    assert names(place.read()) == [f"p{n}" for n in range(12)]
    assert len(place.bucket.of("cat_file")) > 1


def test_local_files_are_opened_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Patient.000.ndjson").write_bytes(lines(3))
    monkeypatch.setattr(fetching.Fetching, "__init__", None)
    assert names(read(tmp_path)) == ["p0", "p1", "p2"]


def test_first_bytes_of_many_files_are_looked_at_at_once(place: Place) -> None:
    place.fill({f"out-{n:04d}.json": b'"Patient/%d"\n' % n for n in range(200)})
    place.bucket.held.clear()
    results = in_thread(place.read)
    place.bucket.until(lambda: place.bucket.flying == 16)
    place.bucket.held.set()
    assert len(results.result(20)["resource_ids"]) == 200
    first = place.bucket.of("cat_file")[:200]
    assert {(r.start, r.stop) for r in first} == {(0, 8192)}
    assert place.bucket.most == 16


def test_files_of_a_manifest_are_asked_for_at_once(place: Place) -> None:
    place.fill(shards_of(30))
    urls = [f"{place.kind}://b/out/Patient.{n:03d}.ndjson" for n in range(30)]
    manifest = {"transactionTime": "x", "output": [{"url": url, "type": "Patient"} for url in urls]}
    place.fill({"manifest.json": json.dumps(manifest).encode()})
    place.bucket.meet = lambda request: request.method == "info" and "Patient" in request.path  # or it hangs
    results = place.read("b/out/manifest.json")
    assert len(names(results)) == 90
    results = place.read("b/out/manifest.json")
    place.bucket.put("b/out/Patient.007.ndjson", lines(4, 21))
    with pytest.raises(ResultError, match=r"007.ndjson changed while it was being read"):
        names(results)


def test_every_reader_comes_through_the_same_door(place: Place, tmp_path: Path) -> None:
    place.fill(shards_of(30))
    readers: list[Callable[[Results], object]] = [
        lambda results: results["Patient"],
        lambda results: results.scan("Patient").to_pandas(),
        lambda results: results.bad_lines,
    ]
    for consume in readers:
        results = place.read()
        place.bucket.most, place.bucket.meet = 0, lambda request: request.method == "cat_file"  # or it hangs
        consume(results)
    place.bucket.meet = lambda _: False
    place.read().to_parquet(tmp_path / "pq")
    assert len(place.read().dask("Patient").compute()) == 90


def test_a_location_goes_to_another_process_with_a_file_system_of_its_own(place: Place) -> None:
    place.fill(shards_of(2))
    files, shards = place.files()
    other = pickle.loads(pickle.dumps(files))  # noqa: S301 - our own
    assert other.location.fs is not files.location.fs
    place.fill(shards_of(3))
    assert len(other.location.fs.ls("b/out")) == 3
    with other.reading(shards) as streams, streams.open(shards[0]) as file:
        assert file.read() == place.bucket.objects[shards[0].path]


def test_listings_are_made_anew_and_those_of_others_are_left_alone(place: Place) -> None:
    theirs: Any = cast("Any", fsspec).filesystem(place.kind, bucket=place.name)
    place.fill(shards_of(1))
    assert len(theirs.ls("b/out")) == 1
    assert len(names(place.read())) == 3
    place.fill(shards_of(2, each=2))
    assert len(names(place.read())) == 4
    if place.kind == "loop":
        assert len(theirs.ls("b/out")) == 1
    files, _ = place.files()
    assert theirs is not files.location.fs
    beside = files.beside(f"{place.kind}://b/out")
    assert beside is not None
    assert len(beside.fs.ls("b/out")) == 2
    place.fill(shards_of(3))
    assert len(beside.fs.ls("b/out")) == 3


def test_bytes_are_let_go_of_once_they_are_read(place: Place) -> None:
    place.fill(shards_of(3))
    files, shards = place.files()
    gc.disable()
    try:
        with files.reading(shards) as streams:
            assert isinstance(streams, fetching.Fetching)
            place.bucket.until(lambda: not place.bucket.flying)
            ranges = [weakref.ref(each) for several in streams._ranges for each in several]
            assert len(ranges) == 3
            for shard in shards:
                with streams.open(shard) as file:
                    file.read()
            del file
            place.bucket.until(lambda: not any(each() for each in ranges))  # a thread may be about to let go
    finally:
        gc.enable()


def test_listing_many_objects_takes_few_requests(place: Place) -> None:
    place.fill({f"Patient.{n:05d}.ndjson": b"" for n in range(3000)})
    results = place.read()
    assert len(place.bucket.requests) <= 3
    assert results.summary["files"].tolist() == [3000]
