"""What goes wrong on the way from afar: asked for again, told with its file, and never mixed."""

from __future__ import annotations

import re
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from results.far import Request
from results.far_places import Place, lines, names, shards_of

from lro_notebook.errors import ResultError
from lro_notebook.results.load_place import read
from lro_notebook.results.remote.retried_calls import Call, Fetch, StalledError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("quick_retries")


def _cut(request: Request, data: bytes) -> bytes:
    return data[:-1] if request.start else data


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
