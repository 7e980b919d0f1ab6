"""The embedded service as a program on a data directory of its own, and a small client for it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from patience import GIVE_UP
from places import SHARED
from warm import Program as WarmProgram

from lro_notebook.local.fhir.interactions.store_settings import LENIENT_LABEL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from warm import Process, Warm

DATASET = "projects/local/locations/local/datasets/demo"


class Program:
    """A running service; `get`, `post` and so on take paths below the demo dataset."""

    def __init__(self, data_dir: Path, *options: str, warm: Warm | None = None) -> None:
        self.data_dir = data_dir
        arguments = ["--port", "0", "--data-dir", str(data_dir), "--sample-patients", "0", *options]
        self.command = [sys.executable, "-m", "lro_notebook.local", *arguments]
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - `end` closes it
        self.process: subprocess.Popen[bytes] | Process
        reads, writes = os.pipe()
        try:
            if warm is None:
                self.process = subprocess.Popen(self.command, stdout=writes, stderr=self._errors)
            else:
                program = WarmProgram("-m", "lro_notebook.local", arguments)
                self.process = warm.start(program, writes, self._errors.fileno())
        finally:
            os.close(writes)
        with os.fdopen(reads, "rb") as output:
            self.announcement: dict[str, str] = json.loads(output.readline())
        self.endpoint = self.announcement["endpoint"]
        self.token = Path(self.announcement["token_file"]).read_text()
        self.buckets = data_dir / "buckets"
        self.client = httpx.Client(
            base_url=f"{self.endpoint}/v1/{DATASET}/",
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=GIVE_UP,
            trust_env=False,
        )

    def store(self, name: str, **fields: Any) -> str:
        """Create a FHIR store and return its path; without fields, one that takes anything."""
        anything = {
            "enableUpdateCreate": True,
            "enableHistoryModifications": True,
            "labels": {LENIENT_LABEL: "true"},
        }
        url = f"{self.endpoint}/v1beta1/{DATASET}/fhirStores"
        body = {"version": "R4", **(fields or anything)}
        self.client.post(url, params={"fhirStoreId": name}, json=body).raise_for_status()
        return f"fhirStores/{name}"

    def put_lines(self, name: str, lines: Iterable[bytes | str]) -> str:
        """Write an object ``bucket/path`` of lines and return its address."""
        path = self.buckets / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(
            b"".join((line.encode() if isinstance(line, str) else line) + b"\n" for line in lines)
        )
        return f"gs://{name}"

    def start(self, path: str, body: dict[str, Any]) -> str:
        """Start an operation and return its path."""
        answer = self.client.post(path, json=body)
        assert answer.status_code == 200, answer.text
        assert list(answer.json()) == ["name"]
        return str(answer.json()["name"]).removeprefix(f"{DATASET}/")

    def start_import(self, store: str, uri: str, structure: str = "RESOURCE") -> str:
        return self.start(f"{store}:import", {"contentStructure": structure, "gcsSource": {"uri": uri}})

    def start_export(self, store: str, uri: str, **more: str) -> str:
        return self.start(f"{store}:export", {"gcsDestination": {"uriPrefix": uri}, **more})

    def operation(self, path: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.client.get(path).raise_for_status().json()
        return answer

    def until(self, path: str, holds: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """Poll an operation until `holds` is true of it."""
        deadline = time.monotonic() + GIVE_UP
        while not holds(operation := self.operation(path)):
            assert time.monotonic() < deadline, operation
            time.sleep(0.01)
        return operation

    def ended(self, path: str) -> dict[str, Any]:
        return self.until(path, lambda operation: operation.get("done"))

    def imported(self, store: str, uri: str, structure: str = "RESOURCE") -> dict[str, Any]:
        return self.ended(self.start_import(store, uri, structure))

    def reset(self) -> None:
        """End all operations, and forget all data, faults and the pace."""
        self.client.post(f"{self.endpoint}/.lro-local/reset", json={}).raise_for_status()

    def pace(self, rate: float | None) -> None:
        self.client.patch(f"{self.endpoint}/.lro-local", json={"pace": rate}).raise_for_status()

    def total(self, store: str, type_: str) -> int:
        """Return how many resources of a type a store has."""
        answer = self.client.get(f"{store}/fhir/{type_}", params={"_count": "0"}).raise_for_status()
        return int(answer.json()["total"])

    def kill(self) -> tuple[int, str]:
        """End the program at once, as every system can; return the same as `end`."""
        self.process.kill()
        return self._ended()

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """End the program; return its exit code and what it wrote to stderr."""
        is_told = sys.platform == "win32" and number == signal.SIGTERM  # which would kill it there
        if is_told:
            self.client.post(f"{self.endpoint}/.lro-local/stop").raise_for_status()
        elif self.process.poll() is None:
            os.kill(self.process.pid, number)
        return self._ended()

    def _ended(self) -> tuple[int, str]:
        self.client.close()
        code = self.process.wait(GIVE_UP)
        with self._errors as errors:
            errors.seek(0)
            return code, errors.read().decode()


@pytest.fixture(scope="session")
def data() -> Path:
    """Real data beside the checkout, where there is any."""
    path = SHARED / "data"
    if not path.is_dir():
        pytest.skip("the real data of ../shared/data is not here")
    return path


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory, warm: Warm | None) -> Iterator[Program]:
    """The program that `service` gives to one module after another."""
    program = Program(tmp_path_factory.mktemp("program") / "data", warm=warm)
    yield program
    assert program.end() == (0, "")


@pytest.fixture(scope="module")
def service(program: Program) -> Program:
    """One service for a module, as new; who needs options, or ends it, has `launch`."""
    program.reset()
    return program


@pytest.fixture
def launch(tmp_path: Path, warm: Warm | None) -> Iterator[Callable[..., Program]]:
    """Start services on one data directory; what still runs at the end is killed."""
    programs: list[Program] = []

    def start(*options: str) -> Program:
        programs.append(Program(tmp_path / "data", *options, warm=warm))
        return programs[-1]

    yield start
    for program in programs:
        if program.process.returncode is None:
            program.kill()


@pytest.fixture
def patients() -> Callable[..., list[str]]:
    """Lines of small Patient resources."""

    def lines(count: int, *, start: int = 0) -> list[str]:
        return [f'{{"resourceType":"Patient","id":"p{n}"}}' for n in range(start, start + count)]

    return lines
