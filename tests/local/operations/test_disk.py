"""The service on disks that are full, read-only, of several file systems, or full of odd files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from patience import GIVE_UP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from local.conftest import Program

pytestmark = [
    pytest.mark.service,
    pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes"),
]


class Mounts:
    """Small file systems in memory, where this test run may make them."""

    def __init__(self) -> None:
        self._made: list[Path] = []

    def make(self, place: Path, size: str) -> None:
        """Mount one of `size` at `place`, or skip the test."""
        place.mkdir(parents=True, exist_ok=True)
        if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("mount") is None:
            pytest.skip("only root on Linux can mount a small disk")
        command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", str(place)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("this system lets no disk be mounted")
        self._made.append(place)

    def remount(self, place: Path, options: str) -> None:
        command = ["mount", "-o", f"remount,{options}", str(place)]
        subprocess.run(command, capture_output=True, check=True)

    def clear(self) -> None:
        for place in reversed(self._made):
            command = ["umount", "-l", str(place)]
            subprocess.run(command, capture_output=True, check=True)


@pytest.fixture
def mounts() -> Iterator[Mounts]:
    made = Mounts()
    yield made
    made.clear()


def counter(operation: dict[str, Any]) -> dict[str, int]:
    found = operation["metadata"].get("counter", {})
    return {name: int(value) for name, value in found.items()}


def failures(program: Program, path: str) -> dict[str, str]:
    rows = program.client.get(f"{path}:failures").raise_for_status().json().get("failures", [])
    return {row["source"].rpartition("/")[2]: row["message"] for row in rows}


def litter(folder: Path) -> None:
    """Make what a disk may hold beside files."""
    folder.mkdir(parents=True, exist_ok=True)
    os.mkfifo(folder / "pipe.ndjson")
    (folder / "circle.ndjson").symlink_to("circle.ndjson")
    (folder / "dangling.ndjson").symlink_to("nothing")
    (folder / "outside.ndjson").symlink_to("/etc/hostname")
    (folder / os.fsdecode(b"caf\xe9.ndjson")).write_text("{}")
    (folder / "folder.ndjson").mkdir()


LITTER = ["caf\\xe9.ndjson", "circle.ndjson", "dangling.ndjson", "outside.ndjson", "pipe.ndjson"]


def test_every_import_counts_odd_files_as_failures_of_their_own(
    launch: Callable[..., Program], patients: Callable[..., list[str]]
) -> None:
    program = launch()
    store = program.store("s")
    program.put_lines("demo-out/in/good.ndjson", patients(5))
    litter(program.buckets / "demo-out" / "in")
    ended = program.imported(store, "gs://demo-out/in/*")
    assert counter(ended) == {"success": 5, "failure": 5}
    told = failures(program, ended["name"].partition("demo/")[2])
    assert sorted(told) == LITTER
    assert told["pipe.ndjson"] == "no object: it is a named pipe"
    program.client.post("hl7V2Stores", params={"hl7V2StoreId": "h"}, json={}).raise_for_status()
    messages = program.start("hl7V2Stores/h:import", {"gcsSource": {"uri": "gs://demo-out/in/*"}})
    assert counter(program.ended(messages)) == {"failure": 10}
    pretty = program.imported(store, "gs://demo-out/in/*", "RESOURCE_PRETTY")
    assert counter(pretty) == {"failure": 6}
    begun = time.monotonic()
    code, errors = program.end()
    assert code == 0
    assert time.monotonic() - begun < GIVE_UP / 2
    assert "gs://demo-out/in/pipe.ndjson is left out: it is a named pipe" in errors


def test_a_pipe_by_its_name_fails_at_once_and_the_service_goes_on(
    launch: Callable[..., Program], patients: Callable[..., list[str]]
) -> None:
    program = launch()
    store = program.store("s")
    litter(program.buckets / "demo-out" / "in")
    for name in ("pipe", "circle", "dangling", "folder"):
        ended = program.imported(store, f"gs://demo-out/in/{name}.ndjson")
        assert ended["error"]["code"] == 5, ended
        assert "no object matches" in ended["error"]["message"]
    listing = program.client.get(f"{program.endpoint}/storage/v1/b/demo-out/o").json()
    assert "items" not in listing
    for name in ("pipe", "circle", "dangling", "outside", "folder", "caf%E9"):
        place = f"{program.endpoint}/storage/v1/b/demo-out/o/in%2F{name}.ndjson"
        assert program.client.get(place, params={"alt": "media"}).status_code in (400, 404)
    deleted = program.start(f"{store}:bulkDelete", {"gcsSource": {"uri": "gs://demo-out/in/*"}})
    assert program.ended(deleted)["error"]["code"] == 5
    answer = program.client.post(
        f"{store}:deidentify",
        json={"destinationStore": f"{program.announcement['dataset']}/{store}", "gcsConfigUri": "gs://demo-out/in/pipe.ndjson"},
    )  # fmt: skip
    assert answer.status_code in (400, 404)
    assert counter(program.imported(store, program.put_lines("demo-out/a", patients(3)))) == {"success": 3}


def test_files_of_any_time_are_listed(launch: Callable[..., Program]) -> None:
    program = launch()
    for number, moment in enumerate([-(2**33), 0, 2**36, 2**40]):
        program.put_lines(f"demo-out/t{number}", [b"x"])
        os.utime(program.buckets / "demo-out" / f"t{number}", (moment, moment))
    answer = program.client.get(f"{program.endpoint}/storage/v1/b/demo-out/o")
    assert len(answer.raise_for_status().json()["items"]) == 4


def test_a_bucket_on_another_disk_takes_every_export(
    launch: Callable[..., Program], patients: Callable[..., list[str]], mounts: Mounts
) -> None:
    program = launch("--shard-bytes", "20000")
    mounts.make(program.buckets / "other", "4m")
    store = program.store("s")
    assert counter(program.imported(store, program.put_lines("other/in", patients(2_000)))) == {
        "success": 2000
    }
    ended = program.ended(program.start_export(store, "gs://other/deep/out"))
    assert "error" not in ended, ended
    files = sorted((program.buckets / "other/deep/out").iterdir())
    assert len(files) > 2
    assert sum(len(file.read_bytes().splitlines()) for file in files) == 2000
    assert not [file for file in files if file.name.startswith(".")]
    assert list((program.buckets / ".partial").iterdir()) == []


def test_an_export_to_a_small_disk_fails_leaves_nothing_and_works_with_room(
    launch: Callable[..., Program], patients: Callable[..., list[str]], mounts: Mounts
) -> None:
    program = launch("--shard-bytes", "40000")
    mounts.make(program.buckets / "small", "64k")
    store = program.store("s")
    program.imported(store, program.put_lines("demo-out/in", patients(3_000)))
    ended = program.ended(program.start_export(store, "gs://small/out"))
    assert ended["error"]["code"] == 8
    assert "No space left" in ended["error"]["message"]
    assert list((program.buckets / "small/out").iterdir()) == []
    mounts.remount(program.buckets / "small", "size=4m")
    assert "error" not in program.ended(program.start_export(store, "gs://small/out"))


def test_a_read_only_bucket_is_one_sentence(
    launch: Callable[..., Program], patients: Callable[..., list[str]], mounts: Mounts
) -> None:
    program = launch()
    mounts.make(program.buckets / "fixed", "4m")
    store = program.store("s")
    uri = program.put_lines("fixed/in", patients(10))
    mounts.remount(program.buckets / "fixed", "ro")
    assert counter(program.imported(store, uri)) == {"success": 10}
    ended = program.ended(program.start_export(store, "gs://fixed/out"))
    assert ended["error"]["code"] == 7
    assert "Read-only file system" in ended["error"]["message"]


def test_a_full_disk_of_the_service_ends_what_runs_and_it_works_again_with_room(
    launch: Callable[..., Program], patients: Callable[..., list[str]], mounts: Mounts, tmp_path: Path
) -> None:
    mounts.make(tmp_path / "data", "24m")
    program = launch()
    store, other = program.store("s"), program.store("t")
    uri = program.put_lines("demo-out/in", patients(20_000))
    program.imported(store, program.put_lines("demo-out/few", patients(100)))
    program.pace(1)
    running = program.start_import(other, uri)
    waiting = program.start_import(other, uri)
    program.until(running, lambda found: counter(found).get("success"))
    with (tmp_path / "data" / "filler").open("wb", buffering=0) as filler:
        for size in (1 << 20, 4096, 1):
            with suppress(OSError):
                while True:
                    filler.write(b"x" * size)
    program.pace(None)
    ended = program.ended(running)
    assert ended["error"]["code"] == 8, ended
    assert "make room" in ended["error"]["message"]
    assert "pending" not in counter(ended)
    program.client.post(f"{waiting}:cancel").raise_for_status()
    assert program.ended(waiting)["error"]["code"] in (1, 8)
    listed = program.client.get("operations", params={"filter": "done=true"}).json()["operations"]
    assert running.rpartition("/")[2] in [item["name"].rpartition("/")[2] for item in listed]
    assert "operations" not in program.client.get("operations", params={"filter": "done=false"}).json()
    exported = program.client.post(
        f"{store}:export", json={"gcsDestination": {"uriPrefix": "gs://demo-out/out"}}
    )
    assert exported.status_code in (200, 429)
    if exported.status_code == 200:
        program.ended(exported.json()["name"].partition("demo/")[2])
    assert program.client.get(f"{store}/fhir/Patient/p1").status_code == 200
    (tmp_path / "data" / "filler").unlink()
    assert counter(program.imported(other, uri)) == {"success": 20_000}
    assert "error" not in program.ended(program.start_export(store, "gs://demo-out/again"))
    assert program.operation(running)["error"] == ended["error"]
    assert program.end()[0] == 0
    again = launch()
    assert again.operation(running)["error"] == ended["error"]
    assert again.operation(running)["metadata"]["endTime"] == ended["metadata"]["endTime"]


@pytest.mark.parametrize("obstacle", ["file", "folder", "pipe", "circle"])
def test_what_stands_in_the_way_of_an_export_is_one_sentence_if_it_is_no_object_or_folder(
    launch: Callable[..., Program], patients: Callable[..., list[str]], obstacle: str
) -> None:
    program = launch()
    store = program.store("s")
    program.imported(store, program.put_lines("demo-out/in", patients(10)))
    place = program.buckets / "demo-out" / "out"
    if obstacle == "file":
        place.write_text("x")
    elif obstacle == "pipe":
        os.mkfifo(place)
    elif obstacle == "circle":
        place.symlink_to("out")
    program.pace(1)
    if obstacle == "folder":
        place.mkdir()
    answer = program.client.post(
        f"{store}:export", json={"gcsDestination": {"uriPrefix": "gs://demo-out/out/deep"}}
    )
    if answer.status_code != 200:
        assert answer.status_code == 400
        return
    path = answer.json()["name"].partition("demo/")[2]
    if obstacle == "folder":
        (place / "deep" / f"{path.rpartition('/')[2]}_Patient").mkdir(parents=True)
    program.pace(None)
    ended = program.ended(path)
    assert list((program.buckets / ".partial").iterdir()) == []
    if obstacle in ("file", "folder"):  # an object of the name of a folder is kept in that
        assert counter(ended) == {"success": 10}
        place = place if obstacle == "file" else place / "deep" / f"{path.rpartition('/')[2]}_Patient"
        assert (place / ".lro-object").read_text().count("\n") == (0 if obstacle == "file" else 10)
        return
    assert ended["error"]["code"] == 9, ended
    assert ended["error"]["message"].startswith("A file of a bucket could not be read or written: ")


def test_files_that_change_between_listing_and_reading_are_counted(
    launch: Callable[..., Program], patients: Callable[..., list[str]]
) -> None:
    program = launch()
    store = program.store("s")
    folder = program.buckets / "demo-out" / "in"
    for number in range(5):
        program.put_lines(f"demo-out/in/{number}", patients(400, start=number * 400))
    program.pace(200)
    running = program.start_import(store, "gs://demo-out/in/*")
    program.until(running, lambda found: counter(found).get("success"))
    (folder / "1").unlink()
    (folder / "2").unlink()
    os.mkfifo(folder / "2")
    (folder / "3").write_bytes(b"")
    program.put_lines("demo-out/in/4", patients(500, start=1600))
    program.pace(None)
    ended = program.ended(running)
    assert "error" not in ended
    assert counter(ended) == {"success": 900, "failure": 2}
    assert sorted(failures(program, running)) == ["1", "2"]


def test_what_a_file_manager_leaves_stops_no_start(launch: Callable[..., Program]) -> None:
    program = launch()
    program.end()
    (program.buckets / ".partial" / ".DS_Store").write_bytes(b"\0")
    again = launch()
    assert list((again.buckets / ".partial").iterdir()) == []


def test_a_copy_to_another_disk_is_gone_after_a_kill(launch: Callable[..., Program], mounts: Mounts) -> None:
    program = launch()
    mounts.make(program.buckets / "other", "4m")
    program.kill()
    drafts = program.buckets / ".partial" / "7"
    drafts.mkdir()
    (program.buckets / "other" / ".partial-0a").write_text("half")
    (drafts / "0.copied-to").write_text(str(program.buckets / "other" / ".partial-0a"))
    again = launch()
    assert list((again.buckets / "other").iterdir()) == []


def test_the_sample_comes_to_a_bucket_on_another_disk(
    launch: Callable[..., Program], mounts: Mounts, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir(mode=0o700)
    mounts.make(tmp_path / "data" / "buckets" / "lro-sample", "16m")
    half = tmp_path / "data" / "buckets" / "lro-sample" / ".partial-fhir"
    half.mkdir()
    (half / "half").write_text("of a killed service")
    program = launch("--sample-patients", "2")
    ended = program.imported(program.store("s"), "gs://lro-sample/fhir/Patient.ndjson")
    assert counter(ended)["success"] == 2
    names = [path.name for path in (program.buckets / "lro-sample").iterdir()]
    assert not [name for name in names if name.startswith(".")]
