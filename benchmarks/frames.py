"""How fast finished exports become frames, and in how much memory, next to other libraries.

Run: ``python benchmarks/frames.py``. Each reading is a fresh process. What ratios are made of is read several
times in turns, and the least time of each counts, so that whatever else runs on the machine weighs little.
All but pandas and hl7 use every processor, as they do by default. The data are synthetic FHIR Observations
(60 MB) and Patients, and HL7v2 messages. Ours flattens through lists to dotted columns and keeps ids and
dates as text; the others leave lists nested.
"""

from __future__ import annotations

import base64
import importlib.util
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from measured import record

from lro_notebook.local.sample.generate import write

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENTS = 790  # of about 76 kB of Observations each
COPIES = 12  # of the Observations, for what is larger than memory
MESSAGES = 3_000
SMALL = 200  # files that share what one other file has
SMALL_MB = 23
MB = 1 << 20
KEPT = ["id", "subject.reference", "code.coding.code", "effectiveDateTime", "valueQuantity.value"]


def ours(folder: Path, **options: Any) -> int:
    """Return the rows of both tables, as `lro.read_results` loads them."""
    import lro_notebook as lro

    results = lro.read_results(folder, **options)
    return sum(len(results[name]) for name in ("Observation", "Patient"))


def ours_to_parquet(folder: Path) -> int:
    """Return the rows written of an export of many shards."""
    import lro_notebook as lro

    with tempfile.TemporaryDirectory() as target:
        written = lro.read_results(folder / "large").to_parquet(target)
    return int(written["rows"].sum())


def observations(folder: Path) -> int:
    """Return the rows of one table."""
    import lro_notebook as lro

    return len(lro.read_results(folder)["Observation"])


def with_pandas(folder: Path) -> int:
    """Read in the usual way: a JSON column per field, then `json_normalize`."""
    import pandas as pd

    total = 0
    for path in sorted(folder.glob("*.ndjson")):
        records: Any = pd.read_json(path, lines=True).to_dict("records")
        total += len(pd.json_normalize(records))
    return total


def with_pyarrow(folder: Path) -> int:
    """Read with pyarrow's own reader and its defaults, to Arrow-backed frames."""
    import pandas as pd
    import pyarrow.json as pj

    tables = (pj.read_json(path) for path in sorted(folder.glob("*.ndjson")))
    return sum(len(table.to_pandas(types_mapper=pd.ArrowDtype)) for table in tables)


def with_polars(folder: Path) -> int:
    """Read with polars and its defaults."""
    import polars as pl

    return sum(pl.read_ndjson(path).height for path in sorted(folder.glob("*.ndjson")))


def with_duckdb(folder: Path) -> int:
    """Read with duckdb and its defaults, to Arrow."""
    import duckdb

    connection = duckdb.connect()
    paths = sorted(folder.glob("*.ndjson"))
    queries = (f"SELECT * FROM read_ndjson('{path}')" for path in paths)  # noqa: S608 - our own paths
    tables: list[Any] = [connection.execute(query).to_arrow_table() for query in queries]
    return sum(table.num_rows for table in tables)


def messages(folder: Path) -> int:
    """Return the rows of the segments of an HL7v2 export."""
    import lro_notebook as lro

    results = lro.read_results(folder / "hl7")
    return sum(len(results[name]) for name in results)


def messages_with_hl7(folder: Path) -> int:
    """Parse the same messages with the `hl7` library, and make no table."""
    import hl7

    with (folder / "hl7" / "messages-0-of-1").open(encoding="utf-8") as lines:
        texts = (base64.b64decode(json.loads(line)["data"]).decode() for line in lines)
        return sum(len(hl7.parse(text)) for text in texts)


WAYS: dict[str, Callable[[Path], int]] = {
    "ours": ours,
    "ours, exact decimals": lambda folder: ours(folder, decimals="exact"),
    "ours, five columns": lambda folder: ours(folder, columns={"Observation": KEPT, "Patient": ["id"]}),
    "pyarrow.json": with_pyarrow,
    "duckdb": with_duckdb,
    "polars": with_polars,
    "pandas": with_pandas,
    "ours, 200 small files": lambda folder: observations(folder / "small"),
    "ours, the same in one": lambda folder: observations(folder / "whole"),
    "ours to Parquet": ours_to_parquet,
    "HL7v2, ours": messages,
    "HL7v2, hl7 alone": messages_with_hl7,
}
NEEDS = {"duckdb": "duckdb", "polars": "polars", "HL7v2, hl7 alone": "hl7"}
#: How often each is read, in turns; once if not said. More of pandas and of Parquet would take long.
ROUNDS = {
    "ours": 4,
    "ours, exact decimals": 4,
    "ours, five columns": 2,
    "ours, 200 small files": 4,
    "ours, the same in one": 4,
    "pyarrow.json": 4,
    "pandas": 2,
    "HL7v2, ours": 3,
}


class Reading(NamedTuple):
    """What a reading takes: seconds, those of all processors together, MB of memory; and its rows."""

    seconds: float
    cpu: float
    peak: float
    rows: int


def measure(way: str, folder: Path) -> None:
    """Print what one reading takes."""
    import fsspec.implementations.local  # noqa: F401 - the imports are not what is measured
    import pandas  # noqa: F401, ICN001
    import pyarrow.json  # noqa: F401

    import lro_notebook.results.load_place  # noqa: F401

    warnings.simplefilter("ignore")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start, cpu = time.perf_counter(), time.process_time()
    rows = WAYS[way](folder)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    sys.stdout.write(f"{seconds} {cpu} {peak} {rows}\n")


def run(way: str, folder: Path) -> Reading:
    """Return what `measure` says of one reading in a fresh process."""
    command = [sys.executable, __file__, way, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - this program
    seconds, cpu, peak, rows = done.stdout.split()
    return Reading(float(seconds), float(cpu), float(peak), int(rows))


def run_all(folder: Path) -> dict[str, Reading]:
    """Return the least time and the most memory of the readings of each way that is installed."""
    ways = [way for way in WAYS if way not in NEEDS or importlib.util.find_spec(NEEDS[way])]
    found: dict[str, list[Reading]] = {way: [] for way in ways}
    for attempt in range(max(ROUNDS.values())):
        for way in ways:
            if attempt < ROUNDS.get(way, 1):
                found[way].append(run(way, folder))
    columns = {way: list(zip(*readings, strict=True)) for way, readings in found.items()}
    return {
        way: Reading(min(seconds), min(cpu), max(peak), rows[0])
        for way, (seconds, cpu, peak, rows) in columns.items()
    }


def prepare(folder: Path) -> None:
    """Write the data: the Observations, the Patients twenty times, and the export of many shards."""
    write(folder / "sample", patients=PATIENTS)
    (folder / "sample" / "Observation.ndjson").rename(folder / "Observation.ndjson")
    patients = (folder / "sample" / "Patient.ndjson").read_bytes()
    (folder / "Patient.ndjson").write_bytes(patients * 20)
    _prepare_messages(folder / "hl7")
    _prepare_small(folder)
    (folder / "large").mkdir()
    for number in range(COPIES):  # one file under many names takes no more room
        os.link(folder / "Observation.ndjson", folder / "large" / f"1_Observation-{number}-of-{COPIES}")


def _prepare_small(folder: Path) -> None:
    """Write some of the Observations to one file, and to many small ones."""
    lines = (
        (folder / "Observation.ndjson").read_bytes()[: SMALL_MB * 1_000_000].splitlines(keepends=True)[:-1]
    )
    (folder / "whole").mkdir()
    (folder / "whole" / "Observation.000.ndjson").write_bytes(b"".join(lines))
    (folder / "small").mkdir()
    for number in range(SMALL):
        part = lines[number * len(lines) // SMALL : (number + 1) * len(lines) // SMALL]
        (folder / "small" / f"Observation.{number:03d}.ndjson").write_bytes(b"".join(part))


def _prepare_messages(folder: Path) -> None:
    """Write results of a laboratory, twelve segments each."""
    folder.mkdir()
    observations = "".join(
        f"OBX|{n}|NM|{n}-7^Glucose^LN||5.4|mmol/L|3-6|N|||F|||20260101\r" for n in range(1, 9)
    )
    text = (
        "MSH|^~\\&|LAB|NORTH|EHR|WARD|20260101081500||ORU^R01^ORU_R01|{n}|P|2.5.1\r"
        "PID|1||{n}^^^NORTH&1.2&ISO^MR~99^^^SS||DOE^JANE^Q||19700102|F|||1 Main St^^Town^CO^02139\r"
        "PV1|1|I|2000^2012^01||||4777^ATTEND^AARON|||SUR\rOBR|1|||24323-8^Panel^LN\r" + observations
    )
    with (folder / "messages-0-of-1").open("w", encoding="utf-8") as file:
        for n in range(MESSAGES):
            data = base64.b64encode(text.replace("{n}", str(n)).encode()).decode()
            file.write(json.dumps({"name": f"messages/{n}", "data": data}) + "\n")


def main() -> None:
    """Print a line per way, and the ratios with their aims."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        size = sum(path.stat().st_size for path in folder.glob("*.ndjson"))
        print(f"{size / MB:.0f} MB of Observations and Patients; {COPIES} such shards for Parquet")
        found = run_all(folder)
    print(f"{'':24}{'seconds':>9}{'CPU':>9}{'peak MB':>9}{'rows':>10}")
    for way in WAYS:
        if way in found:
            seconds, cpu, peak, rows = found[way]
            print(f"{way:24}{seconds:9.2f}{cpu:9.2f}{peak:9.0f}{rows:10,}")
        else:
            print(f"{way:24}{'not installed':>17}")
    report(found, megabytes=size / MB)


def report(found: dict[str, Reading], *, megabytes: float) -> None:
    """Print the ratios that are aimed at."""
    own, plain, pandas, exact = (
        found[way] for way in ("ours", "pyarrow.json", "pandas", "ours, exact decimals")
    )
    print(f"faster than pandas          {pandas.seconds / own.seconds:6.1f}   (aim: at least 12)")
    print(f"    by processor time       {pandas.cpu / own.cpu:6.1f}")
    print(f"time beside pyarrow.json    {own.seconds / plain.seconds:6.2f}   (aim: at most 1.0)")
    print(f"    by processor time       {own.cpu / plain.cpu:6.2f}   (aim: at most 1.2)")
    print(f"time of exact decimals      {exact.seconds / own.seconds:6.2f}   (aim: at most 1.4)")
    print(f"memory beside pandas        {own.peak / pandas.peak:6.2f}   (aim: at most 0.3)")
    small, whole = found["ours, 200 small files"], found["ours, the same in one"]
    print(f"200 files beside one        {small.seconds / whole.seconds:6.2f}   (aim: at most 1.3)")
    print(f"    by processor time       {small.cpu / whole.cpu:6.2f}")
    if "HL7v2, hl7 alone" in found:
        ratio = found["HL7v2, hl7 alone"].seconds / found["HL7v2, ours"].seconds
        print(f"faster than hl7 alone       {ratio:6.1f}")
    parquet = found["ours to Parquet"].peak
    print(f"memory of Parquet, MB       {parquet:6.0f}   (aim: under 400)")
    record(
        "frames",
        {
            "mb": megabytes,
            "parquet_mb": megabytes * COPIES,
            "parquet_peak_mb": parquet,
            "times_pandas": pandas.seconds / own.seconds,
            "cpu_times_pandas": pandas.cpu / own.cpu,
            "memory_of_pandas": own.peak / pandas.peak,
            "time_of_pyarrow": own.seconds / plain.seconds,
            "cpu_of_pyarrow": own.cpu / plain.cpu,
            "exact_decimals": exact.seconds / own.seconds,
            "small_files": small.seconds / whole.seconds,
            "ways": {way: reading._asdict() for way, reading in found.items()},
        },
        libraries=("duckdb", "polars", "hl7"),
    )


if __name__ == "__main__":
    if len(sys.argv) == 3:  # noqa: PLR2004 - way and folder
        measure(sys.argv[1], Path(sys.argv[2]))
    else:
        main()
