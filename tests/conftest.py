"""Every test has its own state directory; none touches the user's journal or service.

One embedded service serves all tests of a process: each module that asks for it finds it as new.
"""

from __future__ import annotations

import gc
import os
import re
import sys
import weakref
from itertools import count
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from groups import GroupScheduling, turn_of
from hypothesis import HealthCheck, settings
from places import QUICK
from services import start_warm
from warm import CAN_FORK, Warm

from lro_notebook import api, local
from lro_notebook.local.identity.transport import ProvenTransport
from lro_notebook.operations.client import Client

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from lro_notebook.healthcare.dataset import Dataset

# For this process, and for each Python that a test starts.
sys.path.insert(0, str(QUICK))
if str(QUICK) not in os.environ.get("PYTHONPATH", "").split(os.pathsep):
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(QUICK), os.environ.get("PYTHONPATH")]))
# How fast examples are made says how busy the machine is, and nothing of what is tested.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")
#: Of the folders of this process's tests.
NUMBERS = count()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Leave what collecting makes to no garbage collector: it stays, and each collection would look at it."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Begin each folder elsewhere in each worker: in a fresh clone, each compiles what others need next."""
    report = yield
    worker = getattr(collector.config, "workerinput", None)
    if worker and isinstance(collector, pytest.Dir) and report.result:
        first = len(report.result) * int(worker["workerid"].removeprefix("gw")) // worker["workercount"]
        report.result = report.result[first:] + report.result[:first]
    return report


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    """Begin with the tests that take long; the others come in the order of their files, in each worker."""
    items.sort(key=lambda item: (turn_of(item), item.path))
    return (yield)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> GroupScheduling | None:
    """Keep the tests of a group on one worker."""
    return GroupScheduling(config, log) if config.getoption("dist") == "loadgroup" else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show how long each notebook ran, also in CI."""
    reports = [report for outcome in ("passed", "failed") for report in terminalreporter.getreports(outcome)]
    told = {
        str(value)
        for report in reports
        for name, value in report.user_properties
        if name == "run of a notebook"
    }
    if told:
        terminalreporter.section("runs of the notebooks")
        for line in sorted(told):
            terminalreporter.write_line(line)


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder, as pytest does, without the link to the last of its name, which takes 5 ms to renew."""
    name = re.sub(r"\W", "_", request.node.name)[:30]
    return tmp_path_factory.mktemp(f"{name}-{next(NUMBERS)}", numbered=False)


@pytest.fixture(autouse=True)
def state_dir(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Name folders for the state and the data: in `tmp_path` for a test that has it, else beside it."""
    if "tmp_path" in request.fixturenames:
        folder: Path = request.getfixturevalue("tmp_path")
        state, data = folder / "state", folder / "data"
    else:
        number = next(NUMBERS)
        state, data = (tmp_path_factory.getbasetemp() / f"{name}-{number}" for name in ("state", "data"))
    monkeypatch.setenv("LRO_NOTEBOOK_STATE_DIR", str(state))
    monkeypatch.setenv("LRO_NOTEBOOK_DATA_DIR", str(data))
    monkeypatch.setenv("LRO_NOTEBOOK_PROGRESS", "0")
    return state


def renew(folder: Path) -> None:
    """Let the embedded service of a folder run, and forget all stores, operations, faults and its pace."""
    running = local.ensure(folder)
    with httpx.Client(
        headers={"Authorization": f"Bearer {running.token}"},
        timeout=60,
        trust_env=False,
        transport=ProvenTransport(running.identity),
    ) as client:
        client.post(f"{running.endpoint}/.lro-local/reset", json={}).raise_for_status()


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm | None]:
    """A Python that has imported the service, where one can fork."""
    if not CAN_FORK:
        yield None
        return
    # With what the server takes when it runs.
    served = ("uvicorn.loops.asyncio", "uvicorn.lifespan.off", "uvicorn.protocols.http.h11_impl")
    of_starlette = ("anyio._backends._asyncio", "anyio.streams.memory")
    modules = ("lro_notebook.local.server", "lro_notebook.local.sample", "pydicom.filereader", "argparse")
    warm = Warm(*modules, *served, *of_starlette)
    yield warm
    warm.close()


@pytest.fixture(scope="session")
def fast_kernels() -> Iterator[None]:
    """Kernels that this process starts come from a Python that is warm, where one can fork."""
    if not CAN_FORK:
        yield
        return
    from warm_kernels import warm_kernels  # and jupyter_client: not in each process

    with warm_kernels("matplotlib.pyplot"):
        yield


@pytest.fixture(scope="session")
def service_folder(tmp_path_factory: pytest.TempPathFactory, warm: Warm | None) -> Iterator[Path]:
    """The folder of the one embedded service of this process."""
    folder = tmp_path_factory.mktemp("service")
    with pytest.MonkeyPatch.context() as patched:
        start_warm(patched, warm)
        local.ensure(folder)
    yield folder
    local.stop(folder)


@pytest.fixture(scope="module")
def service(service_folder: Path) -> Iterator[Path]:
    """The embedded service, as new for a module; the value is its folder."""
    renew(service_folder)
    yield service_folder
    # What `connect` shares in this process has learned from this module.
    client = api._embedded.clients.pop(service_folder, None)
    if client is not None:
        client.close()


@pytest.fixture
def no_other_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the clients that other tests have left open: some things are asked of the only one."""
    monkeypatch.setattr(Client, "_open", weakref.WeakSet())


@pytest.fixture
def fresh_service(service: Path) -> Path:
    """The embedded service, as new for a test."""
    renew(service)
    return service


@pytest.fixture
def dataset(service: Path) -> Dataset:
    """The demo dataset of the embedded service."""
    return api.connect(data_dir=service)
