"""How fast an 8-column view of Observation is, next to `orjson.loads` on every line, and to fhirpathpy.

Run: ``python benchmarks/views.py [MEGABYTES]``. All sides run in one go on the same synthetic file, so the
ratios mean something where the figures alone do not. fhirpathpy, the interpreter that other Python
packages for views are built on, takes part where it is installed; it works a small part of the file.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pandas as pd
import pyarrow as pa
from measured import record

from lro_notebook import View
from lro_notebook.local.sample.generate import write
from lro_notebook.results.arrow.memory_pool import POOL
from lro_notebook.results.load_place import read
from lro_notebook.views.export import Scan

if TYPE_CHECKING:
    from collections.abc import Callable

    from lro_notebook.views.rows import Runner

_COLUMNS = {
    "id": ("getResourceKey()", "id"),
    "patient_id": ("subject.getReferenceKey(Patient)", "id"),
    "status": ("status", "code"),
    "code": ("code.coding.first().code", "code"),
    "display": ("code.coding.first().display", "string"),
    "effective": ("effective.ofType(dateTime)", "dateTime"),
    "value": ("value.ofType(Quantity).value", "decimal"),
    "unit": ("value.ofType(Quantity).unit", "string"),
}
_VIEW = {
    "resource": "Observation",
    "select": [
        {"column": [{"name": name, "path": path, "type": kind} for name, (path, kind) in _COLUMNS.items()]}
    ],
}
#: What fhirpathpy knows: it has no keys, and without a model no ofType() of choice elements.
_PLAIN = (
    "id",
    "subject.reference",
    "status",
    "code.coding.first().code",
    "code.coding.first().display",
    "effectiveDateTime",
    "valueQuantity.value",
    "valueQuantity.unit",
)
_SMALL = 1_000


class _Interpreted(Scan):
    """The view without what was compiled."""

    def _runner(self) -> Runner:
        runner = super()._runner()
        runner.prepared.plans.clear()
        return runner


def main(megabytes: int) -> None:
    """Print the speeds and their ratios."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        lines = _lines(folder)
        copies = max(1, megabytes * 1_000_000 // sum(map(len, lines)))
        big = _file(folder / "big", b"".join(lines) * copies)
        small = _file(folder / "small", b"".join(lines[:_SMALL]))
        view = View(_VIEW)
        loads = _speed(big, lambda: _loads(big))
        arrow = _speed(big, lambda: read(big.parent).view(view))
        python = _speed(small, lambda: _interpret(small, view), rounds=1)
        size = big.stat().st_size / 1e6
        print(f"file                       {size:>8.0f} MB, {len(lines) * copies:,} resources")
        print(f"orjson.loads, every line   {loads:>8.0f} MB/s")
        print(
            f"view, compiled             {arrow:>8.0f} MB/s   {arrow / loads:.2f} of orjson.loads (aim 1.0)"
        )
        cpu = _processor(big, view)
        print(f"    by processor time      {cpu:>8.2f} of orjson.loads, whatever else runs")
        print(f"view, interpreted          {python:>8.1f} MB/s   {arrow / python:.0f} times slower")
        values: dict[str, Any] = {
            "mb": size,
            "mb_a_second": arrow,
            "of_loads": arrow / loads,
            "cpu_of_loads": cpu,
            "times_interpreted": arrow / python,
        }
        if importlib.util.find_spec("fhirpathpy") is None:
            print("fhirpathpy                 not installed")
        else:
            other = _speed(small, lambda: _fhirpathpy(small), rounds=1)
            print(
                f"fhirpathpy                 {other:>8.1f} MB/s   {arrow / other:.0f} times slower (aim 20)"
            )
            values["times_fhirpathpy"] = arrow / other
        values["parquet_peak_mb"] = _parquet_peak(big, view) / 1e6
        print(f"to Parquet, peak memory    {values['parquet_peak_mb']:>8.0f} MB of Python and Arrow")
        record("views", values, libraries=("fhirpathpy",))


def _parquet_peak(path: Path, view: View) -> int:
    """Return the most bytes that Python and, sampled at each block, Arrow hold while it is written."""
    arrays: list[int] = []

    class Watched(Scan):
        def _fitted(self, table: pa.Table, schema: pa.Schema) -> pa.Table:
            arrays.append(_allocated())
            return super()._fitted(table, schema)

    scan = read(path.parent).scan(view)
    before = _allocated()
    tracemalloc.start()
    parts = scan._view, scan._source, scan._shards, scan._options  # noqa: SLF001 - measures its inside
    Watched(*parts).to_parquet(path.with_suffix(".parquet"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return int(peak + max(arrays) - before)


def _allocated() -> int:
    """Return the bytes that Arrow holds, in all of its pools that are used here."""
    return int(pa.total_allocated_bytes() + POOL.bytes_allocated())


def _lines(folder: Path) -> list[bytes]:
    write(folder / "sample", patients=60, seed=7)
    source = folder / "sample" / "Observation.ndjson"
    return source.read_bytes().splitlines(keepends=True)


def _file(folder: Path, data: bytes) -> Path:
    folder.mkdir()
    path = folder / "Observation.000.ndjson"
    path.write_bytes(data)
    return path


def _speed(path: Path, run: Callable[[], object], *, rounds: int = 3) -> float:
    """Return the best speed of some rounds, in MB/s."""
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
    return path.stat().st_size / best / 1e6


def _processor(path: Path, view: View) -> float:
    """Return the processor time of `orjson.loads` over that of the view, all threads included."""
    start = time.process_time()
    _loads(path)
    middle = time.process_time()
    read(path.parent).view(view)
    return (middle - start) / (time.process_time() - middle)


def _loads(path: Path) -> None:
    with path.open("rb") as file:
        for line in file:
            orjson.loads(line)


def _interpret(path: Path, view: View) -> pd.DataFrame:
    scan = read(path.parent).scan(view)
    parts = scan._view, scan._source, scan._shards, scan._options  # noqa: SLF001 - measures its inside
    return _Interpreted(*parts).to_pandas()


def _fhirpathpy(path: Path) -> pd.DataFrame:
    import fhirpathpy  # type: ignore[import-not-found,unused-ignore]

    columns: list[Any] = [fhirpathpy.compile(text) for text in _PLAIN]
    with path.open("rb") as file:
        rows = [[column(resource) for column in columns] for resource in map(orjson.loads, file)]
    return pd.DataFrame(rows, columns=list(_COLUMNS))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
