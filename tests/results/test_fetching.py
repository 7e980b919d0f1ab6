"""Remote files are fetched ahead: in order, bounded, each range for itself, and nothing is left behind."""

from __future__ import annotations

import gc
import gzip
import io
import json
import pickle
import random
import re
import threading
import uuid
import weakref
from concurrent.futures import CancelledError
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, cast

import fsspec
import pydicom
import pydicom.data
import pytest
from children import forks, in_child
from results.far import BUCKETS, Bucket, Request, in_thread, register

from lro_notebook.errors import ConfigError, ResultError
from lro_notebook.results.load_place import read
from lro_notebook.results.remote import fetching, retried_calls
from lro_notebook.results.remote.fetching import Plan, end_of, next_size
from lro_notebook.results.remote.retried_calls import Call, Fetch, StalledError
from lro_notebook.results.remote.versions import Version
from lro_notebook.results.sources.files import Files

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    from lro_notebook.results.arrow.batch import Batch
    from lro_notebook.results.results import Results
    from lro_notebook.results.shards import Shard

register()
MB = 1_000_000


class Place:
    """A bucket behind a file system of one kind."""

    def __init__(self, kind: str) -> None:
        self.kind, self.name = kind, uuid.uuid4().hex
        self.bucket = BUCKETS[self.name] = Bucket()

    def fill(self, files: dict[str, bytes]) -> None:
        for name, data in files.items():
            self.bucket.put(f"b/out/{name}", data)

    def read(self, place: str = "b/out", **options: Any) -> Results:
        return read(f"{self.kind}://{place}", storage_options={"bucket": self.name}, **options)

    def files(self, fetch: Fetch | None = None) -> tuple[Files, list[Shard]]:
        """Return the source of what is there, and its shards in their order."""
        results = self.read()
        self.bucket.requests.clear()  # of the first look
        (main,) = results._tables.values()
        files = main.source
        assert isinstance(files, Files)
        return replace(files, fetch=fetch or files.fetch), list(main.shards)


@pytest.fixture(params=["loop", "threaded"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    _others.clear()
    _others.update(threading.enumerate())
    place = Place(request.param)
    yield place
    place.bucket.held.set()
    del BUCKETS[place.name]
    place.bucket.until(lambda: not threads())


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retried_calls, "_LONGEST_WAIT", 0.0)


#: Threads that were there before the test: the pollers of other tests go on.
_others: weakref.WeakSet[threading.Thread] = weakref.WeakSet()


def threads() -> list[threading.Thread]:
    """Return the threads of the test that run."""
    new = (thread for thread in threading.enumerate() if thread not in _others)
    return [thread for thread in new if thread.name.startswith(("lro-", "test-work"))]


def _cut(request: Request, data: bytes) -> bytes:
    return data[:-1] if request.start else data


def lines(count: int, first: int = 0, width: int = 0) -> bytes:
    return b"".join(
        b'{"resourceType":"Patient","id":"p%d","x":"%s"}\n' % (n, b"x" * width)
        for n in range(first, first + count)
    )


def shards_of(count: int, each: int = 3, width: int = 0) -> dict[str, bytes]:
    return {f"Patient.{n:03d}.ndjson": lines(each, n * each, width) for n in range(count)}


def names(results: Results) -> list[str]:
    return list(results["Patient"]["id"])


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


def test_a_range_that_fails_is_fetched_again_and_no_other(place: Place) -> None:
    place.fill({"Patient.000.ndjson": lines(900, width=10_000)})
    failed: list[Request] = []

    def fault(request: Request, data: bytes) -> bytes:
        if request.start and len(failed) < 3 and (not failed or request == failed[0]):
            failed.append(request)
            raise ConnectionResetError
        return data

    place.bucket.fault = fault
    assert len(names(place.read())) == 900
    reads = place.bucket.of("cat_file")
    assert len(reads) - len(set(reads)) == 3
    assert reads.count(failed[0]) == 4


class Refused(OSError):
    """What gcsfs says where permission lacks."""


FAULTS = {
    "forbidden": (Refused("Forbidden: b/out"), "Refused: permission to read it is missing.*sign in again"),
    "permission": (PermissionError(13, "no"), "PermissionError: permission to read it is missing"),
    "reset": (ConnectionResetError(), "ConnectionResetError, 5 times"),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_file_that_cannot_be_read_is_named_with_how_far_it_came(place: Place, kind: str) -> None:
    error, words = FAULTS[kind]
    place.fill(shards_of(5))
    place.fill({"Encounter.000.ndjson": b'{"resourceType":"Encounter","id":"e"}\n'})

    def fault(request: Request, data: bytes) -> bytes:
        if "003" in request.path:
            raise error
        return data

    place.bucket.fault = fault
    results = place.read()
    assert list(results["Encounter"]["id"]) == ["e"]
    with pytest.raises(ResultError) as caught:
        names(results)
    uri = f"{place.kind}://b/out/Patient.003.ndjson"
    assert str(caught.value).startswith(f"{uri} cannot be read: ")
    assert re.search(words, str(caught.value)), str(caught.value)
    assert re.search("0 of 1.. bytes of it and 3 of 5 files were read", str(caught.value))
    assert caught.value.__cause__ is error
    assert list(results["Encounter"]["id"]) == ["e"]
    tries = [r for r in place.bucket.of("cat_file") if "003" in r.path]
    assert len(tries) == (5 if kind == "reset" else 1)


def test_an_object_that_was_deleted_is_told(place: Place) -> None:
    place.fill(shards_of(5))
    results = place.read()
    del place.bucket.objects["b/out/Patient.002.ndjson"]
    with pytest.raises(ResultError, match=r"002.ndjson cannot be read: FileNotFoundError: it was deleted"):
        names(results)
    assert len(names(place.read())) == 12


@pytest.mark.parametrize(
    "new",
    [lines(3, 6, 10).replace(b"xxx", b"yyy"), lines(50, 6), lines(1, 6)],
    ids=["as long", "longer", "shorter"],
)
@pytest.mark.parametrize("count", [5, 12], ids=["few", "many"])
def test_an_object_that_changed_is_told_and_never_mixed(place: Place, new: bytes, count: int) -> None:
    place.fill(shards_of(count, width=10))
    results = place.read()
    place.bucket.put("b/out/Patient.002.ndjson", new)
    with pytest.raises(ResultError, match=r"002.ndjson changed while it was being read; load again"):
        names(results)
    assert len(names(place.read())) == 3 * (count - 1) + new.count(b"\n")


def test_many_objects_are_checked_with_one_listing(place: Place) -> None:
    place.fill(shards_of(40))
    results = place.read()
    place.bucket.requests.clear()
    assert len(names(results)) == 120
    assert len(place.bucket.of("cat_file")) == 40
    assert {r.method for r in place.bucket.requests} <= {"cat_file", "ls", "info"}
    assert len(place.bucket.of("ls")) + len(place.bucket.of("info")) <= 2


def test_an_answer_that_ends_too_early_is_asked_for_again(place: Place) -> None:
    place.fill({"Patient.000.ndjson": lines(900, width=10_000)})
    cut: list[Request] = []

    def once(request: Request, data: bytes) -> bytes:
        if request.start and not cut:
            cut.append(request)
            return data[:-1]
        return data

    place.bucket.fault = once
    assert len(names(place.read())) == 900
    place.bucket.fault = _cut
    with pytest.raises(ResultError, match=r"000.ndjson cannot be read: 5 times the answer ended too early"):
        names(place.read())


def test_a_server_that_sends_whole_files_is_understood(place: Place) -> None:
    data = lines(300, width=10_000)
    place.fill({"Patient.000.ndjson": data})
    place.bucket.fault = lambda *_: data
    assert len(names(place.read())) == 300


def test_a_web_server_that_sends_whole_files_is_asked_once(tmp_path: Path) -> None:
    data = lines(300, width=10_000)
    (tmp_path / "Patient.000.ndjson").write_bytes(data)
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            asked.append(f"{self.command} {self.headers.get('Range')}")

    handler = partial(Handler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            results = read(f"http://127.0.0.1:{server.server_port}/Patient.000.ndjson")
            asked.clear()
            assert len(names(results)) == 300
            assert asked == ["GET bytes=0-999999", "HEAD None"]
            results = read(f"http://127.0.0.1:{server.server_port}/Patient.000.ndjson")
            (tmp_path / "Patient.000.ndjson").write_bytes(lines(3))
            with pytest.raises(ResultError, match=r"000.ndjson changed while it was being read"):
                names(results)
        finally:
            server.shutdown()
            thread.join()


def test_a_silent_stream_is_asked_again_and_then_told(place: Place) -> None:
    place.fill(shards_of(5))
    end, silent = threading.Event(), list[Request]()

    def fault(request: Request, data: bytes) -> bytes | threading.Event:
        if "003" in request.path and len(silent) < most:
            silent.append(request)
            return end
        return data

    place.bucket.fault = fault
    files, shards = place.files(Fetch(timeout=0.5, tries=3))

    def all_of_it() -> bytes:
        with files.reading(shards) as streams:
            whole = b""
            for shard in shards:
                with streams.open(shard) as file:
                    whole += file.read()
            return whole

    most = 2
    assert all_of_it() == b"".join(place.bucket.objects.values())
    silent.clear()
    most = 100
    words = (
        r"003.ndjson cannot be read: 3 times there was no answer within 0.5 seconds.*3 of 5 files.*streams=4"
    )
    with pytest.raises(ResultError, match=words):
        all_of_it()
    place.bucket.until(lambda: len(silent) == 3)  # a thread may begin late
    end.set()


def test_a_try_that_no_thread_has_taken_up_counts() -> None:
    begun: list[Call[bytes]] = []

    def begin(call: Call[bytes]) -> Callable[[], object]:
        begun.append(call)
        return bool

    call = Call(begin, Fetch(timeout=0.01, tries=3))
    with pytest.raises(StalledError):
        call.result()
    assert len(begun) == call.tries == 3


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


def test_sizes_of_ranges_follow_the_network() -> None:
    assert next_size(MB, 100, 1.0) == MB
    assert next_size(MB, MB, 0.1) == 5 * MB
    assert next_size(8 * MB, 8 * MB, 4.0) == 4 * MB  # a busy processor is no slow network
    assert next_size(4 * MB, 4 * MB, 20.0) == 2 * MB
    assert next_size(8 * MB, 8 * MB, 100.0) == MB
    assert next_size(MB, MB, 0.0) == 8 * MB
    assert end_of(0, 10, 8) == 10
    assert end_of(0, 11, 8) == 8


def test_heads_are_planned_first_and_more_of_a_file_when_it_is_read() -> None:
    plan = Plan([1_000_000, 10, 5_000_000], head=1000)
    due = []
    while (next_one := plan.next()) is not None:
        plan.issue(*next_one)
        due.append(next_one)
    assert due == [(0, 0, 1000), (1, 0, 10), (2, 0, 1000)]
    assert plan.at(2, 1000) == (2, 1000, 2000)
    plan.issue(2, 1000, 8000)
    plan.read(2, 8000)
    ahead = []
    while (next_one := plan.next()) is not None:
        plan.issue(*next_one)
        ahead.append(next_one)
    assert ahead[0] == (2, 8000, 10_000)
    assert 16_000 <= ahead[-1][2] < 20_000
    plan.leave(2)
    assert plan.next() is None


def test_versions_differ_by_the_surest_of_what_both_tell() -> None:
    listed = Version.of({"size": 3, "ETag": '"a"', "mtime": 5.0})
    assert not listed.differs(Version.of({"size": 3, "etag": "a", "mtime": 6.0}))
    assert listed.differs(Version.of({"size": 3, "ETag": "b", "mtime": 5.0}))
    assert listed.differs(Version.of({"size": 3, "mtime": 6.0}))
    assert listed.differs(Version.of({"size": 4}))
    assert not listed.differs(Version.of({}))
    assert Version.of({"generation": 5}).differs(Version.of({"generation": "6", "size": 3}))
    assert Version.of({"Last-Modified": "Sat, 29 Oct 1994 19:43:31 GMT"}).written is not None
    assert Version.of({"Last-Modified": "yesterday"}).written is None


def scan(pixels: int, private: int = 0) -> bytes:
    dataset = pydicom.dcmread(str(pydicom.data.get_testdata_file("CT_small.dcm")))
    dataset.PixelData = bytes(pixels)
    if private:
        dataset.add_new(0x00091002, "UN", bytes(private))
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


def test_only_the_heads_of_dicom_objects_are_fetched_many_at_once(place: Place) -> None:
    image = scan(5_000_000)
    place.fill({f"study/{n:03d}.dcm": image for n in range(40)})
    place.bucket.meet = lambda request: request.method == "cat_file"  # or it hangs
    results = place.read(lists="nested")
    assert len(results["instances"]) == 40
    assert results["instances"]["SOPInstanceUID"].notna().all()
    reads = place.bucket.of("cat_file")
    assert [(read.start, read.stop) for read in reads] == [(0, 65536)] * 40
    assert place.bucket.most == 16


def test_dicom_objects_with_long_headers_are_read_to_their_end(place: Place) -> None:
    place.fill({f"study/{n:03d}.dcm": scan(5_000_000, 400_000) for n in range(5)})
    results = place.read(lists="nested")
    assert results["instances"]["Rows"].notna().all()
    assert results.bad_lines.empty
    fetched = sum((read.stop or 0) - (read.start or 0) for read in place.bucket.of("cat_file"))
    assert 5 * 400_000 < fetched < 5 * 2_000_000


def test_dicom_that_is_json_is_read_to_its_end(place: Place) -> None:
    value = pydicom.dcmread(str(pydicom.data.get_testdata_file("CT_small.dcm")), stop_before_pixels=True)
    line = json.dumps(value.to_json_dict()).encode() + b"\n"
    place.fill({"meta.json": line * (3_000_000 // len(line))})
    assert len(place.read(lists="nested")["instances"]) == 3_000_000 // len(line)
    reads = [(read.start or 0, read.stop or 0) for read in place.bucket.of("cat_file") if read.stop != 8192]
    assert sum(stop - start for start, stop in reads) == len(place.bucket.objects["b/out/meta.json"])
    assert len(reads) < 40


def test_a_dicom_object_that_is_silent_does_not_hold_an_interrupt(place: Place) -> None:
    place.fill({f"study/{n:03d}.dcm": scan(1000, 200_000) for n in range(20)})
    files, shards = place.files()
    wanted, silent = threading.Event(), threading.Event()

    def fault(request: Request, data: bytes) -> bytes | threading.Event:
        if request.start:
            wanted.set()
            return silent
        return data

    place.bucket.fault = fault
    with files.reading(shards) as streams, streams.open(shards[0]) as file:
        file.seek(100_000)
        waiting = in_thread(lambda: file.read(10))
        assert wanted.wait(20)
        streams.stop()
        with pytest.raises(CancelledError):
            waiting.result(20)
    silent.set()


def test_listing_many_objects_takes_few_requests(place: Place) -> None:
    place.fill({f"Patient.{n:05d}.ndjson": b"" for n in range(3000)})
    results = place.read()
    assert len(place.bucket.requests) <= 3
    assert results.summary["files"].tolist() == [3000]
