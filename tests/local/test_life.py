"""The life of the program: start, stop, crash and restart, and its neighbours."""

from __future__ import annotations

import json
import multiprocessing
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import httpx
import psutil
import pytest
from filelock import FileLock
from patience import GIVE_UP
from services import start_warm

from lro_notebook import local
from lro_notebook.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from local.conftest import Program
    from warm import Warm

if not hasattr(signal, "SIGKILL"):
    pytest.skip("the program is ended by POSIX signals", allow_module_level=True)
pytestmark = pytest.mark.service


def _aborted(operation: dict[str, Any]) -> bool:
    return bool(operation["error"]["code"] == 10 and operation["metadata"]["endTime"])


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_an_import_that_the_service_leaves_ends_as_aborted_with_true_counters(
    launch: Callable[..., Program], patients: Callable[..., list[str]], number: int
) -> None:
    program = launch("--pace", "3000")
    store = program.store("s")
    files = [
        program.put_lines(f"demo-out/{n}.ndjson", ["bad line", *patients(9000, start=n * 9000)])
        for n in range(6)
    ]
    started = [program.start_import(store, uri) for uri in files]
    program.until(started[0], lambda found: int(found["metadata"].get("counter", {}).get("success", 0)) > 500)
    code, _ = program.end(number)
    assert code == (-signal.SIGKILL if number == signal.SIGKILL else 0)
    again = launch()
    operations = [again.operation(path) for path in started]
    assert all(_aborted(operation) for operation in operations)
    counters = [operation["metadata"].get("counter", {}) for operation in operations]
    assert counters[-1] == {}  # it was queued
    assert not any("pending" in counter for counter in counters)
    assert again.total(store, "Patient") == sum(int(counter.get("success", 0)) for counter in counters) > 500
    assert again.client.get(f"{started[0]}:failures").json()["failures"][0]["source"] == f"{files[0]}:1"
    later = again.start_import(store, files[0])
    assert int(later.rpartition("/")[2]) > max(int(path.rpartition("/")[2]) for path in started)
    assert again.ended(later)["metadata"]["counter"] == {"success": "9000", "failure": "1"}


def test_an_export_that_is_killed_leaves_only_whole_files(
    launch: Callable[..., Program], patients: Callable[..., list[str]]
) -> None:
    program = launch()
    store = program.store("s")
    groups = [f'{{"resourceType":"Group","id":"g{n}"}}' for n in range(20)]
    program.imported(store, program.put_lines("demo-out/in.ndjson", [*groups, *patients(2000)]))
    program.pace(500)
    export = program.start_export(store, "gs://demo-out/out")
    program.until(export, lambda found: int(found["metadata"].get("counter", {}).get("success", 0)) > 100)
    assert list((program.buckets / ".partial").iterdir())
    program.kill()
    again = launch()
    assert _aborted(again.operation(export))
    assert list((again.buckets / ".partial").iterdir()) == []
    (file,) = (again.buckets / "demo-out" / "out").iterdir()
    assert file.name.endswith("_Group")
    assert len(file.read_text().splitlines()) == 20
    assert again.total(store, "Patient") == 2000


def test_a_clean_stop_leaves_everything_for_the_next_start(launch: Callable[..., Program]) -> None:
    program = launch()
    program.store("kept")
    assert set(program.announcement) == {"endpoint", "token_file", "dataset"}
    about = json.loads((program.data_dir / "service.json").read_bytes())
    assert (about["endpoint"], about["pid"]) == (program.endpoint, program.process.pid)
    assert program.end() == (0, "")
    assert not (program.data_dir / "service.json").exists()
    again = launch()
    assert again.token != program.token
    assert again.client.get("fhirStores/kept").status_code == 200


def test_a_second_program_on_the_same_data_says_so_and_ends(launch: Callable[..., Program]) -> None:
    program = launch()
    second = subprocess.run(program.command, capture_output=True, text=True, timeout=GIVE_UP, check=False)
    assert second.returncode == 3
    assert second.stdout == ""
    assert len(second.stderr.strip().splitlines()) == 1
    assert str(program.data_dir) in second.stderr
    assert program.client.get("operations").status_code == 200


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [
            sys.executable,
            "-m",
            "lro_notebook.local",
            "--port",
            port,
            "--data-dir",
            str(tmp_path / "d"),
        ]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=GIVE_UP, check=False)
    assert ended.returncode == 2
    assert len(ended.stderr.strip().splitlines()) == 1
    assert port in ended.stderr


@pytest.mark.parametrize("option", [["--port", "x"], ["--port", "70000"], ["--port", "0", "--pace", "0"]])
def test_an_option_that_cannot_be_is_refused(tmp_path: Path, option: list[str]) -> None:
    command = [sys.executable, "-m", "lro_notebook.local", "--data-dir", str(tmp_path), *option]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=GIVE_UP, check=False)
    assert ended.returncode == 2
    assert option[-2] in ended.stderr


def test_help_says_where_buckets_live() -> None:
    command = [sys.executable, "-m", "lro_notebook.local", "--help"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=GIVE_UP, check=True).stdout
    assert "buckets/NAME/" in said
    assert "gs://NAME" in said


def test_a_service_that_nobody_needs_ends_but_not_under_an_operation(
    launch: Callable[..., Program], patients: Callable[..., list[str]]
) -> None:
    for idle in (0.3, 1.0, 3.0, 9.0):  # seconds in which the service must hear of the operation
        program = launch("--idle-exit", f"{idle}", "--pace", f"{30 / idle}")
        try:
            store = program.store(f"s{idle}")
            uri = program.put_lines("demo-out/in.ndjson", patients(100))
            asked = time.monotonic()
            program.start_import(store, uri)
        except httpx.TransportError:  # on a busy machine it may end before
            assert program.process.wait(GIVE_UP) == 0
            assert program.end() == (0, "")
            continue
        assert program.process.wait(GIVE_UP) == 0
        assert time.monotonic() - asked > 3 * idle
        assert program.end() == (0, "")
        break
    else:
        pytest.fail("no service heard of an operation in time")


def test_the_sample_is_written_at_the_first_start_and_imports_wait_for_it(
    launch: Callable[..., Program],
) -> None:
    program = launch("--sample-patients", "3")
    store = program.store("s")
    done = program.imported(store, "gs://lro-sample/fhir/*.ndjson")
    assert "error" not in done
    assert "failure" not in done["metadata"]["counter"]
    assert program.total(store, "Patient") == 3
    before = (program.buckets / "lro-sample" / "fhir").stat().st_mtime_ns
    program.end()
    again = launch("--sample-patients", "5")
    assert again.imported(store, "gs://lro-sample/fhir/Patient.ndjson")["metadata"]["counter"] == {
        "success": "3"
    }
    assert (again.buckets / "lro-sample" / "fhir").stat().st_mtime_ns == before


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warm: Warm | None) -> Iterator[Path]:
    """A data directory whose service is stopped at the end; what this process starts has a small sample."""
    start_warm(monkeypatch, warm, "--sample-patients", "3")
    path = tmp_path / "ensured"
    yield path
    local.stop(path)


def _programs(path: Path) -> list[int]:
    """Return the processes that serve a data directory, or try to."""
    found = psutil.process_iter(["cmdline", "status"])
    return [
        process.pid
        for process in found
        if str(path) in (process.info["cmdline"] or []) and process.info["status"] != psutil.STATUS_ZOMBIE
    ]


def _ensure(path: Path) -> tuple[str, int]:
    running = local.ensure(path)
    return running.endpoint, len(running.token)


def test_two_programs_that_ensure_at_once_share_one_service(data_dir: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        first, second = pool.map(_ensure, [data_dir, data_dir])
    assert first == second
    assert _programs(data_dir) == [json.loads((data_dir / "service.json").read_bytes())["pid"]]


def test_who_waits_for_the_start_of_another_program_in_vain_is_told_where_to_look(tmp_path: Path) -> None:
    with FileLock(tmp_path / "start.lock"), pytest.raises(ConfigError, match=r"0\.01 s; see .*service\.log"):
        local.ensure(tmp_path, timeout=0.01)
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be used"):
        local.ensure(tmp_path / "file")


def test_ensure_reuses_and_stop_ends_and_the_next_ensure_starts_again(data_dir: Path) -> None:
    running = local.ensure(data_dir)
    assert local.ensure(data_dir) == running
    assert running.data_dir == data_dir
    assert (running.buckets / "demo-out").is_dir()
    assert running.token not in repr(running)
    assert local.stop(data_dir) is True
    assert local.stop(data_dir) is False
    again = local.ensure(data_dir)
    assert again.token != running.token
    about = httpx.get(f"{again.endpoint}/.lro-local", headers={"Authorization": f"Bearer {again.token}"})
    assert about.json()["dataDir"] == str(data_dir)


def test_files_left_by_a_killed_service_do_not_mislead(data_dir: Path) -> None:
    local.ensure(data_dir)
    pid = json.loads((data_dir / "service.json").read_bytes())["pid"]
    psutil.Process(pid).kill()
    deadline = time.monotonic() + GIVE_UP
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert (data_dir / "service.json").exists()
    assert local.stop(data_dir) is False
    local.ensure(data_dir)
    assert json.loads((data_dir / "service.json").read_bytes())["pid"] != pid


@pytest.mark.parametrize("left", ["{", "[]", '{"endpoint": 1}', '{"endpoint": "http://example.com"}'])
def test_a_broken_service_file_counts_as_none(tmp_path: Path, left: str) -> None:
    (tmp_path / "service.json").write_text(left)
    (tmp_path / "token").write_text("t")
    assert local.stop(tmp_path) is False


def test_the_pace_of_a_running_service_can_be_changed(data_dir: Path) -> None:
    with pytest.raises(ConfigError, match="ensure"):
        local.set_pace(5, data_dir)
    running = local.ensure(data_dir)
    local.set_pace(5, data_dir)
    about = httpx.get(f"{running.endpoint}/.lro-local", headers={"Authorization": f"Bearer {running.token}"})
    assert about.json()["pace"] == 5
    with pytest.raises(ConfigError, match="positive"):
        local.set_pace(-1, data_dir)


def test_a_program_that_cannot_start_is_explained_in_its_words(tmp_path: Path) -> None:
    (tmp_path / "service.sqlite3").write_text("something else, long enough for a header" * 20)
    with pytest.raises(ConfigError, match=r"did not start: .*service\.sqlite3 cannot be used"):
        local.ensure(tmp_path)


def test_an_empty_token_file_is_no_token(launch: Callable[..., Program], tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "token").touch()
    assert len(launch().token) > 30


def test_the_default_data_directory_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, data_dir: Path
) -> None:
    monkeypatch.setenv("LRO_NOTEBOOK_DATA_DIR", str(data_dir))
    assert local.ensure().data_dir == data_dir


def test_the_client_side_imports_no_server(tmp_path: Path) -> None:
    code = (
        "import sys, lro_notebook.local\n"
        "heavy = {'starlette', 'uvicorn', 'pandas', 'pyarrow', 'filelock', 'lro_notebook.local.server'}\n"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")
