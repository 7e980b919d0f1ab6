"""One Jupyter server and one browser for all browser tests; a notebook opens in a page of an earlier one."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest
import warm_kernels
from warm import CAN_FORK

from browser.browsers import Browser, missing
from browser.lab import FrontEnd, Notebook
from browser.server import LEAN, Server, write_notebook
from lro_notebook import local
from lro_notebook.testing import LroService

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping

#: JupyterLab, whose kernels come from a Python that is warm, where one can fork.
PROGRAM = (sys.executable, *([warm_kernels.__file__] if CAN_FORK else ["-m"]), "jupyterlab")
PICTURES = Path(__file__).parents[2] / "build" / "browser"
_FAILED = pytest.StashKey[bool]()


class Open(Protocol):
    """Opens a notebook; it is closed when the test has ended."""

    def __call__(
        self,
        *cells: str,
        path: Path | None = None,
        front_end: FrontEnd = "lab",
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        size: tuple[int, int] = (1200, 900),
    ) -> Notebook: ...


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if lacking := missing():
        # Where browsers are promised, a skip would hide that nothing was tested.
        (pytest.fail if os.environ.get("LRO_REQUIRE_BROWSER") == "1" else pytest.skip)(lacking)
    with Server(tmp_path_factory.mktemp("jupyter"), PROGRAM, page_config=LEAN) as running:
        local.ensure(running.data_dir)
        yield running
        local.stop(running.data_dir)


@pytest.fixture(scope="package")
def browser(server: Server) -> Iterator[Browser]:
    # Not for the session: while it runs, its thread counts as one with an event loop, where no other can run.
    assert server.url
    with Browser() as running:
        yield running


@pytest.fixture(scope="package")
def embedded(server: Server) -> Iterator[LroService]:
    """The embedded service of the kernels."""
    with LroService(server.data_dir) as service:
        yield service


@pytest.fixture
def pace(server: Server, embedded: LroService) -> Iterator[Callable[[float | None], None]]:
    """Set the speed of the embedded service in resources a second, for this test."""
    yield lambda speed: local.set_pace(speed, server.data_dir)
    embedded.reset()  # the work that is left, too: it would take place beside the next test


@pytest.fixture
def open_notebook(
    server: Server, browser: Browser, pace: object, request: pytest.FixtureRequest
) -> Iterator[Open]:
    assert pace  # it is reset when the kernels have ended
    with ExitStack() as stack:
        opened: list[Notebook] = []

        def open_(*cells: str, path: Path | None = None, **options: Any) -> Notebook:
            name = f"{request.node.name.replace('[', '-').strip(']')}-{len(opened)}.ipynb"
            path = path or write_notebook(server.root / name, cells)
            opened.append(stack.enter_context(Notebook(server, browser, path, **options)))
            return opened[-1]

        yield open_
        _photograph(request, *opened)


@pytest.fixture
def photographed(request: pytest.FixtureRequest) -> Iterator[Callable[[Notebook], Notebook]]:
    """Take a picture of a notebook that tests share, where this one fails."""
    shared: list[Notebook] = []

    def photographed(notebook: Notebook) -> Notebook:
        shared.append(notebook)
        return notebook

    yield photographed
    _photograph(request, *shared)


def _photograph(request: pytest.FixtureRequest, *notebooks: Notebook) -> None:
    if _FAILED in request.node.stash:
        PICTURES.mkdir(parents=True, exist_ok=True)
        for notebook in notebooks:
            notebook.reusable = False
            notebook.page.screenshot(path=PICTURES / f"{request.node.name}-{notebook.path.stem}.png")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember a failure, so that a picture is taken before the page is closed."""
    report = yield
    if report.when == "call" and report.failed:
        item.stash[_FAILED] = True
    return report
