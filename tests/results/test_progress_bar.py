"""The bar of whatever reads files: the bytes of the listing, as they become rows, and full at the end."""

from __future__ import annotations

import gzip
import json
import warnings
from typing import TYPE_CHECKING, Any, Self

import pytest
import tqdm
from results.dicoms import element, made
from slow_storage import SlowStorage

from lro_notebook.errors import LroWarning, ResultError
from lro_notebook.results import progress_bar
from lro_notebook.results.arrow import line_blocks
from lro_notebook.results.load_place import read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lro_notebook.results.results import Results

    Consumer = Callable[[Results, Path], object]

VIEW = {"resource": "Patient", "select": [{"column": [{"name": "id", "path": "id", "type": "string"}]}]}
ROWS = 400


class Bar:
    """Takes the place of tqdm's bar."""

    made: list[Bar] = []  # noqa: RUF012 - emptied by each test

    def __init__(self, *, total: int, desc: str, **how: Any) -> None:
        self.total, self.label, self.how = total, desc, how
        self.n = 0
        self.steps: list[int] = []
        Bar.made.append(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None: ...

    def update(self, count: int) -> None:
        self.n += count
        self.steps.append(count)


@pytest.fixture(autouse=True)
def bars(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Bar]]:
    monkeypatch.setenv("LRO_NOTEBOOK_PROGRESS", "1")
    monkeypatch.setattr(progress_bar, "_FROM", 1)
    monkeypatch.setattr(tqdm, "tqdm", Bar)
    monkeypatch.setattr(line_blocks.blocks, "__kwdefaults__", {"first": 500, "size": 1_000})
    Bar.made.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LroWarning)
        yield Bar.made


def resources(*, compressed: bool = False) -> dict[str, bytes]:
    text = "".join(json.dumps({"resourceType": "Patient", "id": str(row)}) + "\n" for row in range(ROWS))
    data = gzip.compress(text.encode()) if compressed else text.encode()
    return {f"Patient.{number:03d}.ndjson{'.gz' * compressed}": data for number in range(3)}


def messages() -> dict[str, bytes]:
    text = "MSH|^~\\&|A|B|C|D|20260101||ADT^A01|1|P|2.5\rPID|1||7\r"
    return {f"{number}.hl7": (text * 50).encode() for number in range(3)}


def objects() -> dict[str, bytes]:
    pixels = element(0x7FE0, 0x0010, "OB", bytes(300_000))
    return {f"study/series/{number}.dcm": made() + pixels for number in range(5)}


def damaged() -> dict[str, bytes]:
    whole = resources(compressed=True)["Patient.000.ndjson.gz"]
    return {"Patient.000.ndjson.gz": whole[: len(whole) // 2] + bytes(5_000)}


FILES: dict[str, Callable[[], dict[str, bytes]]] = {
    "FHIR": resources,
    "gzip": lambda: resources(compressed=True),
    "damaged gzip": damaged,
    "HL7v2": messages,
    "DICOM": objects,
}
CONSUMERS: dict[str, Consumer] = {
    "a table": lambda results, _: results[results.summary["table"][0]],
    "Parquet": lambda results, folder: results.to_parquet(folder / "pq"),
    "Dask": lambda results, _: results.dask(results.summary["table"][0]),
    "a view": lambda results, _: results.view(VIEW),
    "a view to Parquet": lambda results, folder: results.scan(VIEW).to_parquet(folder / "view.parquet"),
    "bad lines": lambda results, _: results.bad_lines,
}


@pytest.mark.parametrize("place", ["here", "far"])
@pytest.mark.parametrize(
    ("files", "consumer"),
    [
        (files, use)
        for files in FILES
        for use in CONSUMERS
        if files not in ("HL7v2", "DICOM") or "view" not in use
    ],
)
def test_the_bar_has_the_bytes_of_the_listing_and_is_full_at_the_end(
    files: str, consumer: str, place: str, tmp_path: Path, bars: list[Bar]
) -> None:
    if consumer == "Dask":
        pytest.importorskip("dask.dataframe", reason="dask is not installed")
    written = FILES[files]()
    with SlowStorage(latency=0, bandwidth=None) as storage:
        for name, data in written.items():
            path = tmp_path / "out" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            storage.put(f"out/{name}", data)
        CONSUMERS[consumer](read(tmp_path / "out" if place == "here" else storage.uri("out")), tmp_path)
    (bar,) = bars
    assert bar.total == sum(map(len, written.values()))
    assert bar.label.endswith(f", {len(written)} files" if len(written) > 1 else "")
    assert bar.how["unit"] == "B"
    assert bar.how["unit_scale"]
    assert min(bar.steps) >= 0
    assert bar.n == bar.total
    assert len([step for step in bar.steps if step]) >= len(written) or files == "HL7v2"


def test_what_is_fetched_but_not_parsed_is_not_shown(bars: list[Bar]) -> None:
    with SlowStorage(latency=0, bandwidth=None) as storage:
        for name, data in resources().items():
            storage.put(f"out/{name}", data)
        results = read(storage.uri("out"), errors="raise")
        storage.put("out/Patient.001.ndjson", b"broken\n" + resources()["Patient.001.ndjson"][7:])
        results = read(storage.uri("out"), errors="raise")
        with pytest.raises(ResultError, match=r"Patient\.001\.ndjson line 1"):
            results["Patient"]
    (bar,) = bars
    first = len(resources()["Patient.000.ndjson"])
    assert 0 < bar.n <= first + 1_000  # and it does not jump to its end


def test_a_size_that_the_source_guessed_too_small_or_large_ends_at_the_end(bars: list[Bar]) -> None:
    with progress_bar.byte_bar("T", 100) as advance:
        for _ in range(5):
            advance(30)
            assert bars[0].n <= 100
    with progress_bar.byte_bar("T", 100) as advance:
        advance(30)
    assert [bar.n for bar in bars] == [100, 100]
