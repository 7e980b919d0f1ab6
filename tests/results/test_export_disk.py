"""Parquet on a disk that is full, read-only, or has something else in that place: whole files or none."""

from __future__ import annotations

import json
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from lro_notebook.errors import ResultError
from lro_notebook.results.load_place import read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

resource = pytest.importorskip("resource", reason="Windows has no limits on files")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a limit on the size of files is Linux's")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "out"
    place.mkdir()
    for number, size in enumerate([1, 20_000]):
        lines = (json.dumps({"id": str(row), "text": f"{row * 7919 % 104729:x}"}) for row in range(size))
        (place / f"9_T-{number}-of-2").write_text("\n".join(lines))
    return place


@contextmanager
def small_disk(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond `size` bytes, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def files(place: Path) -> list[str]:
    return sorted(str(path.relative_to(place)) for path in place.rglob("*") if path.is_file())


@pytest.mark.parametrize("is_loaded", [False, True])
@pytest.mark.parametrize("size", [0, 1, 5_000, 40_000])
def test_a_full_disk_leaves_no_part(folder: Path, tmp_path: Path, size: int, is_loaded: bool) -> None:  # noqa: FBT001
    results = read(str(folder))
    if is_loaded:
        results["T"]
    place = tmp_path / "parquet"
    with small_disk(size), pytest.raises(ResultError, match="cannot be written: File too large") as caught:
        results.to_parquet(place)
    assert str(place) in str(caught.value)
    assert files(place) == []
    assert results.to_parquet(place)["rows"].sum() == 20_001


def test_what_an_earlier_call_wrote_stays_when_the_disk_is_full(folder: Path, tmp_path: Path) -> None:
    results = read(str(folder))
    place = tmp_path / "parquet"
    results.to_parquet(place)
    before = {name: (place / name).read_bytes() for name in files(place)}
    with small_disk(5_000), pytest.raises(ResultError):
        results.to_parquet(place)
    assert {name: (place / name).read_bytes() for name in files(place)} == before
    assert len(pd.read_parquet(place / "T")) == 20_001


@pytest.mark.parametrize("obstacle", ["", "T", "T/part-00000.parquet"])
def test_something_else_in_that_place_is_one_sentence(folder: Path, tmp_path: Path, obstacle: str) -> None:
    place = tmp_path / "parquet"
    blocked = place / obstacle if obstacle else place
    if obstacle.endswith(".parquet"):
        blocked.mkdir(parents=True)
    else:
        blocked.parent.mkdir(exist_ok=True)
        blocked.write_text("mine")
    with pytest.raises(ResultError, match="cannot be written"):
        read(str(folder)).to_parquet(place)
    assert blocked.exists()
    assert [name for name in files(tmp_path) if name.endswith(".partial")] == []


@pytest.mark.parametrize("size", [0, 1, 5_000])
def test_a_view_leaves_no_part_either(tmp_path: Path, size: int) -> None:
    lines = (
        json.dumps({"resourceType": "Patient", "id": f"{row * 7919 % 104729:x}"}) for row in range(20_000)
    )
    (tmp_path / "9_Patient").write_text("\n".join(lines))
    scan = read(str(tmp_path / "9_Patient")).scan(
        {"resource": "Patient", "select": [{"column": [{"name": "id", "path": "id", "type": "string"}]}]}
    )
    place = tmp_path / "deep" / "patients.parquet"
    with small_disk(size), pytest.raises(ResultError, match="cannot be written"):
        scan.to_parquet(place)
    assert files(place.parent) == []
    assert len(pd.read_parquet(scan.to_parquet(place))) == 20_000
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ResultError, match="cannot be written"):
        scan.to_parquet(tmp_path / "file" / "patients.parquet")
