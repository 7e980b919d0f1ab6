"""How time and memory grow with the files and with the bytes of an export in object storage.

Usage: python benchmarks/many_shards.py [--whole]

The storage is one in memory that answers at once (`tests/slow_storage.py`); its large objects are one real
block of Observations again and again, so that they take no room. Each reading is a fresh process. By default
10 to 1,000 files, and 10 to 100 MB, in well under a minute; ``--whole`` goes on to 10,000 files and to 10 GB.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from measured import record

if TYPE_CHECKING:
    from collections.abc import Callable

FILES, MORE_FILES = (10, 100, 1_000), (10_000,)
MEGABYTES, MORE_MEGABYTES = (10, 30, 100), (1_000, 10_000)
ROWS = 3  # Observations in each of many files
SHARDS = 4  # files of many bytes
VIEW = {"resource": "Observation", "select": [{"column": [{"name": "id", "path": "id", "type": "string"}]}]}
MB = 1_000_000
AHEAD = 64 * MB  # fetched and not parsed yet; 256 MB by default
HEADS = "   seconds     CPU{:>11}  peak MB  requests"

USES: dict[str, Callable[[Any, Path], object]] = {
    "listing": lambda results, _: results.summary,
    "table": lambda results, _: results.arrow("Observation"),
    "view": lambda results, _: results.view(VIEW),
    "Parquet": lambda results, folder: results.to_parquet(folder),
    "view to Parquet": lambda results, folder: results.scan(VIEW).to_parquet(folder / "view.parquet"),
}
#: What keeps all rows in memory, which 10 GB would not fit.
BY_FILES, BY_BYTES = ("listing", "table", "view", "Parquet"), ("Parquet", "view to Parquet")


class Reading(NamedTuple):
    """What a reading takes: seconds, those of all processors, MB of memory beyond the start, requests."""

    seconds: float
    cpu: float
    peak: float
    requests: int


def measure(use: str, files: int, size: int, folder: Path) -> Reading:
    """Take one reading of so many `files` of Observations; of `size` bytes together, a few each if 0."""
    sys.path.append(str(Path(__file__).parents[1] / "tests"))
    import pyarrow.json
    import pyarrow.parquet  # noqa: F401 - the imports are not what is measured
    from slow_storage import Repeated, SlowStorage

    import lro_notebook.views.export  # noqa: F401
    from lro_notebook.results.load_place import read

    warnings.simplefilter("ignore")
    lines = (folder / "Observation.ndjson").read_bytes().splitlines(keepends=True)
    block = b"".join(lines[: 2 * MB // len(lines[0])])
    with SlowStorage(latency=0, bandwidth=None) as storage:
        for number in range(files):
            few = b"".join(lines[(number * ROWS + row) % len(lines)] for row in range(ROWS))
            content = Repeated(block, max(1, size // len(block) // files)) if size else few
            storage.put(f"out/9_Observation-{number}-of-{files}", content)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start, cpu = time.perf_counter(), time.process_time()
        USES[use](read(storage.uri("out"), limits={"fetched": AHEAD}), folder / "out")
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
        peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        return Reading(seconds, cpu, peak, storage.count())


def run(use: str, files: int, size: int, folder: Path) -> Reading:
    """Return one reading of a fresh process."""
    given = json.dumps([use, files, size, str(folder)])
    command = [sys.executable, __file__, "--measure", given]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - this program
    return Reading(*json.loads(done.stdout))


def main(*, whole: bool) -> None:
    """Print a row for each reading."""
    from lro_notebook.local.sample.generate import write

    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, patients=60)
        for use in BY_FILES:
            print(f"\n{use:16}{'files':>9}" + HEADS.format("ms a file"))
            for files in FILES + (MORE_FILES if whole else ()):
                seconds, cpu, peak, requests = run(use, files, 0, folder)
                each = 1000 * cpu / files
                found.setdefault(f"{use}, by files", {})[str(files)] = {
                    "cpu_ms_a_file": each,
                    "peak_mb": peak,
                }
                print(f"{'':16}{files:9,}{seconds:10.2f}{cpu:8.2f}{each:11.2f}{peak:9.0f}{requests:10,}")
        for use in BY_BYTES:
            print(f"\n{use:16}{'MB':>9}" + HEADS.format("MB a CPU s"))
            for megabytes in MEGABYTES + (MORE_MEGABYTES if whole else ()):
                seconds, cpu, peak, requests = run(use, SHARDS, megabytes * MB, folder)
                rate = megabytes / cpu
                found.setdefault(f"{use}, by MB", {})[str(megabytes)] = {"mb_a_cpu_s": rate, "peak_mb": peak}
                print(f"{'':16}{megabytes:9,}{seconds:10.2f}{cpu:8.2f}{rate:11.0f}{peak:9.0f}{requests:10,}")
    record("many_shards", found)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        use_, files_, size_, folder_ = json.loads(sys.argv[2])
        sys.stdout.write(json.dumps(measure(use_, files_, size_, Path(folder_))))
    else:
        main(whole="--whole" in sys.argv[1:])
