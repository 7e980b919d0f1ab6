"""How fast finished exports become frames, and in how much memory, next to other libraries.

Run: ``python benchmarks/frames.py``. Each reading is a fresh process, all in one go on the same machine, so
the ratios mean something where the figures alone do not. The data are synthetic FHIR Observations (60 MB)
and Patients, and HL7v2 messages. Ours flattens through lists to dotted columns and keeps ids and dates as
text; the others leave lists nested.
"""

from __future__ import annotations

import base64
import importlib.util
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lro_notebook.local.sample.generate import write

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENTS = 790  # of about 76 kB of Observations each
COPIES = 12  # of the Observations, for what is larger than memory
MESSAGES = 5_000
ROUNDS = 2
MB = 1 << 20
KEPT = ["id", "subject.reference", "code.coding.code", "effectiveDateTime", "valueQuantity.value"]


def ours(folder: Path, **options: Any) -> int:  # noqa: ANN401 - as read_results
    """Return the rows of both tables, as `lro.read_results` loads them."""
    import lro_notebook as lro  # noqa: PLC0415 - measured

    results = lro.read_results(folder, **options)
    return sum(len(results[name]) for name in ("Observation", "Patient"))


def ours_to_parquet(folder: Path) -> int:
    """Return the rows written of an export of many shards."""
    import lro_notebook as lro  # noqa: PLC0415 - measured

    with tempfile.TemporaryDirectory() as target:
        written = lro.read_results(folder / "large").to_parquet(target)
    return int(written["rows"].sum())


def with_pandas(folder: Path) -> int:
    """Read in the usual way: a JSON column per field, then `json_normalize`."""
    import pandas as pd  # noqa: PLC0415 - measured

    total = 0
    for path in sorted(folder.glob("*.ndjson")):
        records: Any = pd.read_json(path, lines=True).to_dict("records")
        total += len(pd.json_normalize(records))
    return total


def with_pyarrow(folder: Path) -> int:
    """Read with pyarrow's own reader and its defaults, to Arrow-backed frames."""
    import pandas as pd  # noqa: PLC0415 - measured
    import pyarrow.json as pj  # noqa: PLC0415 - measured

    tables = (pj.read_json(path) for path in sorted(folder.glob("*.ndjson")))
    return sum(len(table.to_pandas(types_mapper=pd.ArrowDtype)) for table in tables)


def with_polars(folder: Path) -> int:
    """Read with polars and its defaults."""
    import polars as pl  # noqa: PLC0415 - measured

    return sum(pl.read_ndjson(path).height for path in sorted(folder.glob("*.ndjson")))


def with_duckdb(folder: Path) -> int:
    """Read with duckdb and its defaults, to Arrow."""
    import duckdb  # noqa: PLC0415 - measured

    connection = duckdb.connect()
    paths = sorted(folder.glob("*.ndjson"))
    queries = (f"SELECT * FROM read_ndjson('{path}')" for path in paths)  # noqa: S608 - our own paths
    tables: list[Any] = [connection.execute(query).to_arrow_table() for query in queries]
    return sum(table.num_rows for table in tables)


def messages(folder: Path) -> int:
    """Return the rows of the segments of an HL7v2 export."""
    import lro_notebook as lro  # noqa: PLC0415 - measured

    results = lro.read_results(folder / "hl7")
    return sum(len(results[name]) for name in results)


def messages_with_hl7(folder: Path) -> int:
    """Parse the same messages with the `hl7` library, and make no table."""
    import hl7  # noqa: PLC0415 - measured

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
    "ours to Parquet": ours_to_parquet,
    "HL7v2, ours": messages,
    "HL7v2, hl7 alone": messages_with_hl7,
}
NEEDS = {"duckdb": "duckdb", "polars": "polars", "HL7v2, hl7 alone": "hl7"}
TWICE = {"ours", "ours, exact decimals", "pyarrow.json"}  # what ratios are made of; the rest takes long


def measure(way: str, folder: Path) -> None:
    """Print seconds, CPU seconds and MB of memory that one reading takes, and its rows."""
    import pandas  # noqa: F401, ICN001, PLC0415 - the imports are not what is measured
    import pyarrow.json  # noqa: F401, PLC0415

    import lro_notebook.frames.read  # noqa: F401, PLC0415

    warnings.simplefilter("ignore")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start, cpu = time.perf_counter(), time.process_time()
    rows = WAYS[way](folder)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    sys.stdout.write(f"{seconds} {cpu} {peak} {rows}\n")


def run(way: str, folder: Path) -> tuple[float, float, float, int]:
    """Return what `measure` says of one reading in a fresh process."""
    command = [sys.executable, __file__, way, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - this program
    seconds, cpu, peak, rows = done.stdout.split()
    return float(seconds), float(cpu), float(peak), int(rows)


def prepare(folder: Path) -> None:
    """Write the data: the Observations, the Patients twenty times, and the export of many shards."""
    write(folder / "sample", patients=PATIENTS)
    (folder / "sample" / "Observation.ndjson").rename(folder / "Observation.ndjson")
    patients = (folder / "sample" / "Patient.ndjson").read_bytes()
    (folder / "Patient.ndjson").write_bytes(patients * 20)
    _prepare_messages(folder / "hl7")
    (folder / "large").mkdir()
    for number in range(COPIES):  # one file under many names takes no more room
        os.link(folder / "Observation.ndjson", folder / "large" / f"1_Observation-{number}-of-{COPIES}")


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
        found: dict[str, list[tuple[float, float, float, int]]] = {}
        for attempt in range(ROUNDS):
            for way in WAYS:
                missing = way in NEEDS and importlib.util.find_spec(NEEDS[way]) is None
                if not missing and (attempt == 0 or way in TWICE):
                    found.setdefault(way, []).append(run(way, folder))
    print(f"{'':24}{'seconds':>9}{'CPU':>9}{'peak MB':>9}{'rows':>10}")
    for way in WAYS:
        if way not in found:
            print(f"{way:24}{'not installed':>17}")
            continue
        seconds, cpu, peak = (statistics.median(column) for column in list(zip(*found[way], strict=True))[:3])
        print(f"{way:24}{seconds:9.2f}{cpu:9.2f}{peak:9.0f}{found[way][0][3]:10,}")
    report({way: statistics.median(run[0] for run in runs) for way, runs in found.items()}, found)


def report(seconds: dict[str, float], found: dict[str, list[tuple[float, float, float, int]]]) -> None:
    """Print the ratios that are aimed at."""
    cpu = {way: statistics.median(run[1] for run in runs) for way, runs in found.items()}
    own, peak = seconds["ours"], {way: max(run[2] for run in runs) for way, runs in found.items()}
    print(f"faster than pandas          {seconds['pandas'] / own:6.1f}   (aim: at least 12)")
    print(f"less CPU than pandas        {cpu['pandas'] / cpu['ours']:6.1f}")
    print(f"time beside pyarrow.json    {own / seconds['pyarrow.json']:6.2f}   (aim: at most 1.6)")
    print(f"time of exact decimals      {seconds['ours, exact decimals'] / own:6.2f}   (aim: at most 1.4)")
    print(f"memory beside pandas        {peak['ours'] / peak['pandas']:6.2f}   (aim: at most 0.35)")
    if "HL7v2, hl7 alone" in seconds:
        print(f"faster than hl7 alone       {seconds['HL7v2, hl7 alone'] / seconds['HL7v2, ours']:6.1f}")
    print(f"memory of Parquet, MB       {peak['ours to Parquet']:6.0f}   (aim: under 400)")


if __name__ == "__main__":
    if len(sys.argv) == 3:  # noqa: PLR2004 - way and folder
        measure(sys.argv[1], Path(sys.argv[2]))
    else:
        main()
