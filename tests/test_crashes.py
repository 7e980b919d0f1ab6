"""Nothing is lost when the service, or the program that uses it, is killed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from typing import IO, TYPE_CHECKING

import psutil
import pytest
from fakes import rounds
from patience import GIVE_UP
from services import start_warm
from warm import Program

import lro_notebook as lro
from lro_notebook import local

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from warm import Process, Warm

    Python = Callable[[str], tuple[Process | subprocess.Popen[bytes], IO[str]]]

pytestmark = [
    pytest.mark.service,
    pytest.mark.spread,
    # The sample has patients with several names; tests/results shows the warning.
    pytest.mark.filterwarnings("ignore::lro_notebook.errors.TruncatedListsWarning"),
]

PROGRAM = """
import lro_notebook as lro, sys
from lro_notebook import local
store = lro.connect().fhir_store("killed").create()
local.set_pace(1_000)
op = store.import_from("gs://lro-sample/fhir/*.ndjson")
print(op.name, flush=True)
op.wait()
"""
BUSY = """
import itertools, os
import lro_notebook as lro
store = lro.connect().fhir_store("busy").create(exist_ok=True)
print("ready", flush=True)
for number in itertools.count():
    first = store.import_from("gs://lro-sample/fhir/Patient.ndjson")
    second = store.export_to(f"gs://demo-out/{os.getpid()}-{number}", types="Patient")
    first.progress
    second.load()
    store.import_from("gs://lro-sample/fhir/*.ndjson").cancel()
    first.result()
"""
KERNEL = """
import lro_notebook as lro
ds = lro.connect()
print(ds.client.endpoint, len(ds.operations()), flush=True)
"""


def services(data: Path) -> list[psutil.Process]:
    """Return the running services of a data directory."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if {"lro_notebook.local", str(data)} <= set(process.info["cmdline"] or [])
    ]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warm: Warm | None) -> Iterator[Path]:
    start_warm(monkeypatch, warm)
    folder = tmp_path / "data"
    yield folder
    local.stop(folder)


def kill(service: Path) -> None:
    pid = json.loads((service / "service.json").read_text())["pid"]
    process = psutil.Process(pid)
    os.kill(pid, signal.SIGKILL)
    process.wait(GIVE_UP)


@pytest.fixture
def python(warm: Warm | None) -> Python:
    """Return a function that starts a program, and gives it and what it prints."""

    def start(program: str) -> tuple[Process | subprocess.Popen[bytes], IO[str]]:
        process: Process | subprocess.Popen[bytes]
        reads, writes = os.pipe()
        if warm is None:
            process = subprocess.Popen([sys.executable, "-c", program], stdout=writes)
        else:
            process = warm.start(Program("-c", program, []), writes, 2)
        os.close(writes)
        return process, os.fdopen(reads)

    return start


def test_a_killed_service_comes_back_with_its_data_and_tells_the_end_of_what_ran(
    data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    dataset = lro.connect(data_dir=data)
    store = dataset.fhir_store("s").create()
    local.set_pace(2_000, data)
    op = store.import_from("gs://lro-sample/fhir/*.ndjson")
    while not op.progress.completed:
        op.refresh()
    kill(data)
    with pytest.warns(lro.OperationFailedWarning, match="ABORTED"):
        assert op.wait(60).state == "FAILED"
    assert op.error is not None
    assert op.error.name == "ABORTED"
    assert "runs again, with its data" in caplog.text
    exported = store.export_to("gs://demo-out/after").load()
    assert sum(len(exported.arrow(name)) for name in exported) == op.progress.completed


def test_a_start_on_a_service_that_is_gone_is_sent_once_it_is_back(data: Path) -> None:
    store = lro.connect(data_dir=data).fhir_store("s").create()
    kill(data)
    op = store.import_from("gs://lro-sample/fhir/Patient.ndjson")
    assert op.wait(60).progress.completed == 100
    assert len(lro.started()) == 1


def test_a_token_that_has_changed_is_read_again(data: Path) -> None:
    dataset = lro.connect(data_dir=data)
    local.stop(data)
    (data / "token").unlink()
    assert dataset.exists()


def test_a_killed_program_loses_nothing(data: Path, python: Python) -> None:
    program, output = python(PROGRAM)
    with output:
        name = output.readline().strip()
        program.kill()
        program.wait(GIVE_UP)
    started = lro.started()
    assert list(started["name"]) == [name]
    dataset = lro.connect()
    service = dataset.client.local()
    assert service is not None
    assert service.data_dir == data
    local.set_pace(None)
    op = dataset.operation(name)
    assert op.wait(60).state == "SUCCEEDED"
    assert op.source == "gs://lro-sample/fhir/*.ndjson"
    assert list(lro.started()["state"]) == ["SUCCEEDED"]


def test_a_program_killed_at_any_moment_leaves_every_operation_to_be_followed_and_loaded(
    data: Path, python: Python
) -> None:
    choice = random.Random(4)  # noqa: S311 - the same moments in each run
    dataset = lro.connect(data_dir=data)
    for _ in range(rounds(4, 50)):
        program, output = python(BUSY)
        with output:
            assert output.readline() == "ready\n"
            time.sleep(choice.uniform(0.0, 0.5))
            program.kill()
            program.wait(GIVE_UP)
    rows = lro.started()
    unknown = rows["name"].isna()
    assert set(rows["state"][unknown]) <= {"UNKNOWN"}
    there = {op.name for op in dataset.operations()}
    known = set(rows["name"][~unknown])
    assert known <= there
    assert len(there - known) <= unknown.sum()  # what runs although the answer was lost has its row
    for name in known:
        op = dataset.operation(name).wait(60)
        assert op.state in {"SUCCEEDED", "CANCELLED"}
        if op.method == "fhirStores.export" and op.progress.completed:
            assert list(op.load()) == ["Patient"]


def test_a_service_killed_at_any_moment_of_an_import_keeps_whole_resources_and_true_counts(
    data: Path,
) -> None:
    choice = random.Random(5)  # noqa: S311 - the same moments in each run
    dataset = lro.connect(data_dir=data)
    local.set_pace(8_000, data)
    for number in range(rounds(2, 20)):
        store = dataset.fhir_store(f"s{number}").create()
        op = store.import_from("gs://lro-sample/fhir/*.ndjson")
        time.sleep(choice.uniform(0.0, 0.4))
        kill(data)
        op.exception(60)
        assert op.state in {"FAILED", "SUCCEEDED"}
        exported = store.export_to(f"gs://demo-out/after-{number}").wait(60)
        assert exported.progress.completed == op.progress.completed


def test_two_programs_on_one_data_directory_share_one_service(data: Path, python: Python) -> None:
    answers = set()
    for program, output in [python(KERNEL), python(KERNEL)]:
        with output:
            answers.add(output.read())
        assert program.wait(GIVE_UP) == 0
    assert len(answers) == 1
    assert len(services(data)) == 1


def test_the_service_ends_by_itself_when_nobody_needs_it(data: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "lro_notebook.local",
        "--port",
        "0",
        "--data-dir",
        str(data),
        "--idle-exit",
        "1",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as service:
        assert service.stdout is not None
        first = json.loads(service.stdout.readline())
        assert set(first) == {"endpoint", "token_file", "dataset"}
        began = time.monotonic()
        assert service.wait(GIVE_UP) == 0
        assert time.monotonic() - began < GIVE_UP / 2
