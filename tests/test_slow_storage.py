"""The slow storage of the tests is what it says: late, in pages, stale as gcsfs is, broken by script."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import fsspec
import pytest
from slow_storage import InFile, Repeated, Request, SlowStorage

import lro_notebook as lro

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=[True, False], ids=["async", "sync"])
def storage(request: pytest.FixtureRequest) -> Iterator[SlowStorage]:
    with SlowStorage(latency=0, bandwidth=None, page=3, asynchronous=request.param) as made:
        yield made


def system(storage: SlowStorage, **options: Any) -> Any:
    return fsspec.filesystem(storage.scheme, skip_instance_cache=True, **options)


def test_results_are_read_through_it(storage: SlowStorage) -> None:
    for number in range(5):
        storage.put(f"out/Patient.{number:03d}.ndjson", b'{"resourceType":"Patient","id":"a"}\n')
    assert len(lro.read_results(storage.uri("out"))["Patient"]) == 5
    written = lro.read_results(storage.uri("out")).to_parquet(storage.uri("parquet"))
    assert written["rows"].sum() == 5
    assert len(fsspec.filesystem(storage.scheme).glob(f"{storage.name}/parquet/**/*.parquet")) == 5


def test_listings_come_in_pages_and_are_logged(storage: SlowStorage) -> None:
    for number in range(7):
        storage.put(f"out/{number}", b"x")
    storage.put("out/deep/er/x", b"x")
    fs, root = system(storage), f"{storage.name}/out"
    assert fs.ls(root, detail=False) == [*(f"{root}/{n}" for n in range(7)), f"{root}/deep"]
    assert storage.log == [
        Request("list", "out/", 0, 3),
        Request("list", "out/", 3, 6),
        Request("list", "out/", 6, 9),
    ]
    assert fs.find(root) == [*(f"{root}/{n}" for n in range(7)), f"{root}/deep/er/x"]
    assert fs.isdir(f"{root}/deep/er")
    assert not fs.exists(f"{root}/none")
    assert fs.glob(f"{root}/[12]") == [f"{root}/1", f"{root}/2"]


def test_a_listing_grows_stale_in_one_instance_only(storage: SlowStorage) -> None:
    storage.put("out/a", b"1")
    old, path = system(storage), f"{storage.name}/out"
    assert [each["size"] for each in old.ls(path)] == [1]
    storage.put("out/a", b"22")
    storage.put("out/b", b"1")
    assert [each["size"] for each in old.ls(path)] == [1]
    assert old.info(f"{path}/a")["size"] == 1
    assert [each["size"] for each in old.ls(path, refresh=True)] == [2, 1]
    assert [each["size"] for each in system(storage, use_listings_cache=False).ls(path)] == [2, 1]
    old.invalidate_cache()
    assert old.info(f"{path}/a")["size"] == 2


def test_ranges_and_generations_are_read(storage: SlowStorage, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"0123456789")
    first = storage.put("f", InFile(tmp_path / "f"))
    storage.put("long", Repeated(b"abc", 1_000_000_000))
    fs, path = system(storage), f"{storage.name}/f"
    assert fs.cat_file(path, 2, 5) == b"234"
    assert fs.cat_ranges([path] * 2, [0, 8], [3, 10]) == [b"012", b"89"]
    assert fs.cat_file(f"{storage.name}/long", 2_000_000_000, 2_000_000_004) == b"cabc"
    assert fs.info(f"{storage.name}/long")["size"] == 3_000_000_000
    assert fs.info(path)["generation"] == first
    assert fs.cat_file(path, generation=first) == b"0123456789"
    storage.put("f", b"new")
    assert fs.cat_file(path) == b"new"
    with pytest.raises(FileNotFoundError):
        fs.cat_file(path, generation=first)
    with pytest.raises(FileNotFoundError):
        system(storage, version_aware=True).cat_file(f"{path}#{first}")
    assert storage.sent == 3 + 3 + 2 + 4 + 10 + 3


def test_faults_come_as_they_were_scripted(storage: SlowStorage) -> None:
    fs, path = system(storage), f"{storage.name}/f"
    storage.put("f", b"0123456789")
    storage.fail("f", ConnectionResetError, after=1, times=2)
    assert fs.cat_file(path) == b"0123456789"
    for _ in range(2):
        with pytest.raises(ConnectionResetError):
            fs.cat_file(path)
    assert fs.cat_file(path) == b"0123456789"
    storage.truncate("f", times=1)
    assert [len(fs.cat_file(path)) for _ in range(2)] == [5, 10]
    storage.change("f", b"other", after=1)
    assert [fs.cat_file(path) for _ in range(2)] == [b"0123456789", b"other"]
    storage.fail("*", PermissionError)
    with pytest.raises(PermissionError):
        fs.cat_file(path)
    assert storage.count("read", "f") == 9


def test_a_stalled_request_waits_until_it_is_released(storage: SlowStorage) -> None:
    storage.put("f", b"x")
    fault = storage.stall("f", times=1)
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(system(storage).cat_file, f"{storage.name}/f")
        assert fault.reached.wait(60)
        assert storage.in_flight == 1
        assert not job.done()
        fault.release()
        assert job.result(60) == b"x"
    assert (storage.in_flight, storage.most) == (0, 1)


def test_requests_wait_at_once_and_cost_no_processor_time(storage: SlowStorage) -> None:
    for number in range(8):
        storage.put(f"{number}", b"x" * 100)
    storage.latency, storage.bandwidth = 0.02, 100 / 0.02
    fs, paths = system(storage), [f"{storage.name}/{number}" for number in range(8)]
    begin, cpu = time.perf_counter(), time.thread_time()
    with ThreadPoolExecutor(8) as pool:
        barrier = threading.Barrier(8)
        assert all(pool.map(lambda path: (barrier.wait(60), fs.cat_file(path))[1], paths))
    assert time.perf_counter() - begin >= 0.04
    assert time.thread_time() - cpu < 0.04
    assert storage.most > 1
