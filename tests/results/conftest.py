"""What the loader tests share: files written by the test, read as a user reads them."""

from __future__ import annotations

import warnings
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from results.far_places import made

from lro_notebook.errors import LroWarning
from lro_notebook.results.arrow.coalesce import coalesced
from lro_notebook.results.load_place import read
from lro_notebook.results.remote import retried_calls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from results.far_places import Place

    from lro_notebook.results.results import Results


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Results]:
    """Return a function that writes its arguments as shards of ``T``, and loads them without warnings."""

    def run(*files: bytes | str, **options: Any) -> Results:
        folder = tmp_path / "out"
        folder.mkdir(exist_ok=True)
        for number, content in enumerate(files):
            data = content.encode() if isinstance(content, str) else content
            (folder / f"T.{number:03d}.ndjson").write_bytes(data)
        results = read(folder, **options)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LroWarning)
            results["T"]
        return results

    return run


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep small files in pieces of their own, as large files are."""
    alone = partial(coalesced, first=1, size=1)
    monkeypatch.setattr("lro_notebook.results.formats.json.blocks.coalesced", alone)


@pytest.fixture(params=["together", "apart"])
def together_and_apart(request: pytest.FixtureRequest) -> None:
    """Read small files in both ways."""
    if request.param == "apart":
        request.getfixturevalue("apart")


@pytest.fixture(params=["loop", "threaded"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """A bucket far away, behind a file system of each kind."""
    with made(request.param) as place:
        yield place


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once."""
    monkeypatch.setattr(retried_calls, "_LONGEST_WAIT", 0.0)


@pytest.fixture
def quiet_pydicom() -> Iterator[None]:
    """Let pydicom warn of odd objects without an error."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="pydicom")
        yield
