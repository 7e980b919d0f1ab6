"""How fast results behind a network are loaded, next to what cannot be avoided: fetching them, parsing them.

Run: ``python benchmarks/remote.py``. Every request waits 60 ms and every stream sends 60 MB/s, as from a
laptop, by sleeping, so that the network takes no processor time; ``--latency 15 --bandwidth 200`` is about
what a machine in the region of the bucket has. Beside each load stand listing and fetching the same bytes in
16 streams, with nothing done to them, and the same load from the local disk. The last lines go through gcsfs
to the local service, whose answers a proxy delays as much. ``--quick`` shows in seconds that all of it works,
and measures nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import importlib.util
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
os.environ.setdefault(
    "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false"
)  # it would ask over gRPC, which is not here

import fsspec
from measured import record
from slow_proxy import SlowProxy
from slow_storage import BANDWIDTH, LATENCY, SlowStorage

import lro_notebook as lro
from lro_notebook.local.sample.generate import write
from lro_notebook.local.sample.messages import messages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STREAMS = 16
RANGE = 8 << 20  # bytes of a request for a part of a large object
HEAD = 1 << 16  # bytes in which the attributes of a DICOM object end
AIM = 1.5
MB = 1e6
BUCKET = "demo-out"  # of the local service
_VIEW = {
    "resource": "Observation",
    "select": [{"column": [{"name": "id", "path": "id"}, {"name": "status", "path": "status"}]}],
}


class Size(NamedTuple):
    """How much there is, and how slow it is."""

    small: int = 200
    small_bytes: int = 114_000
    large: int = 4
    large_bytes: int = 45_000_000
    objects: int = 500
    pixels: int = 512
    messages: int = 100
    latency: float = LATENCY
    bandwidth: float = BANDWIDTH


QUICK = Size(6, 4_000, 2, 60_000, 6, 16, 3, 0.001, 1e9)


class Case(NamedTuple):
    """What is loaded: the folder, how, the bytes at the beginning of each file that are needed, how often."""

    name: str
    folder: str
    load: Callable[[lro.Results, Path], object]
    head: int | None = None
    rounds: int = 2


class Reading(NamedTuple):
    """Seconds, and those of the processors."""

    seconds: float
    cpu: float


def tables(results: lro.Results, _: Path) -> None:
    """Load every table."""
    for name in results:
        results[name]


CASES = [
    Case("small shards", "small", tables),
    Case("small shards, to Parquet", "small", lambda results, to: results.to_parquet(to), rounds=1),
    Case("small shards, a view", "small", lambda results, _: results.view(_VIEW)),
    Case("small shards, Dask plans", "small", lambda results, _: results.dask("Observation"), rounds=1),
    Case("large shards", "large", tables),
    Case("large shards, to Parquet", "large", lambda results, to: results.to_parquet(to), rounds=1),
    Case("HL7v2 shards", "hl7v2", tables),
    Case("DICOM objects", "dicom", tables, HEAD),
]
IN_GCSFS = [case for case in CASES if case.name in {"small shards", "large shards", "DICOM objects"}]


def prepare(folder: Path, size: Size) -> None:
    """Write what is loaded, from the sample of the package."""
    folder.mkdir()
    write(folder / "sample", patients=60, seed=7)
    lines = (folder / "sample" / "Observation.ndjson").read_bytes().splitlines(keepends=True)
    _shards(folder / "small", "1_Observation", cycle(lines), size.small, size.small_bytes)
    _shards(folder / "large", "1_Observation", cycle(lines), 1, size.large_bytes)
    first = folder / "large" / "1_Observation-0-of-1"
    for number in range(size.large):  # one file under many names takes no more room
        os.link(first, first.with_name(f"1_Observation-{number}-of-{size.large}"))
    first.unlink()
    _shards(folder / "hl7v2", "1_messages", _messages(), size.messages, size.small_bytes)
    _objects(folder / "dicom", size.objects, size.pixels)


def _shards(folder: Path, name: str, lines: Iterator[bytes], count: int, least: int) -> None:
    folder.mkdir()
    for number in range(count):
        with (folder / f"{name}-{number}-of-{count}").open("wb") as file:
            while file.tell() < least:
                file.write(next(lines))


def _messages() -> Iterator[bytes]:
    texts = [base64.b64encode(text).decode() for text in islice(messages(20), 200)]
    for number, data in enumerate(cycle(texts)):
        yield json.dumps({"name": f"messages/{number}", "data": data}).encode() + b"\n"


def _objects(folder: Path, count: int, pixels: int) -> None:
    """Write slices of CT, by study."""
    import pydicom

    from lro_notebook.local.sample.images import write_images

    write_images(folder.with_name("images"))
    images = [pydicom.dcmread(path) for path in sorted(folder.with_name("images").rglob("*.dcm"))]
    for number, image in enumerate(islice(cycle(images), count)):
        name = pydicom.uid.UID(f"2.25.{number + 1}")
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = name
        image.Rows = image.Columns = pixels
        image.PixelData = bytes(2 * pixels * pixels)
        buffer = io.BytesIO()
        image.save_as(buffer, enforce_file_format=True)
        path = folder / image.StudyInstanceUID / image.SeriesInstanceUID / f"{image.SOPInstanceUID}.dcm"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(buffer.getvalue())


@dataclass(frozen=True, slots=True)
class Network:
    """A bucket behind a network; `counted` returns the requests and bytes that passed so far."""

    name: str
    root: str
    options: dict[str, Any]
    counted: Callable[[], tuple[int, int]]

    def fetch(self, case: Case) -> int:
        """List and fetch what `case` needs in `STREAMS` streams; return the bytes."""
        fs, root = fsspec.core.url_to_fs(
            f"{self.root}/{case.folder}", skip_instance_cache=True, **self.options
        )
        return int(fsspec.asyn.sync(fs.loop, _fetch, fs, root, case.head))


async def _fetch(fs: Any, root: str, head: int | None) -> int:
    gate = asyncio.Semaphore(STREAMS)

    async def part(path: str, start: int, end: int) -> int:
        async with gate:
            return len(await fs._cat_file(path, start, end))  # noqa: SLF001 - the hook of fsspec for this

    found = await fs._find(root, detail=True)  # noqa: SLF001 - as above
    parts = [
        part(path, start, min(start + RANGE, end))
        for path, info in found.items()
        for end in [min(info["size"], head or info["size"])]
        for start in range(0, end, RANGE)
    ]
    return sum(await asyncio.gather(*parts))


def load(place: str, case: Case, **options: Any) -> None:
    """Load as users do, from the listing on."""
    with tempfile.TemporaryDirectory() as target:
        case.load(lro.read_results(place, **options), Path(target) / "to")


def timed(run: Callable[[], object]) -> Reading:
    """Return how long `run` takes."""
    begin, cpu = time.perf_counter(), time.process_time()
    run()
    return Reading(time.perf_counter() - begin, time.process_time() - cpu)


def compare(case: Case, folder: Path, network: Network) -> dict[str, float]:
    """Print the least times of some rounds in turns, and the ratio that is aimed at; return them."""
    found: list[list[Reading]] = []
    loads = network.options and {"storage_options": network.options}
    for _ in range(case.rounds):
        found.append([timed(lambda: network.fetch(case))])
        found[-1].append(timed(lambda: load(str(folder / case.folder), case)))
        before = network.counted()
        found[-1].append(timed(lambda: load(f"{network.root}/{case.folder}", case, **loads)))
        requests, sent = (now - then for now, then in zip(network.counted(), before, strict=True))
    fetched, local, remote = (min(readings) for readings in zip(*found, strict=True))
    ratio = remote.seconds / max(fetched.seconds, local.seconds)
    name = network.name + case.name
    print(
        f"{name:26}{fetched.seconds:8.2f}{local.seconds:8.2f}{remote.seconds:8.2f}{ratio:8.2f}"
        f"{local.cpu:8.2f}{remote.cpu:8.2f}{requests:10,}{sent / MB:8.1f}"
    )
    return {
        "requests": requests,
        "mb": sent / MB,
        "fetched": fetched.seconds,
        "local": local.seconds,
        "loaded": remote.seconds,
        "ratio": ratio,
    }


@contextmanager
def slow(folder: Path, size: Size) -> Iterator[Network]:
    """Yield a file system in this process that sleeps."""
    with SlowStorage(latency=size.latency, bandwidth=size.bandwidth) as storage:
        for case in CASES:
            storage.put_folder(folder / case.folder, case.folder)
        yield Network("", storage.uri().rstrip("/"), {}, lambda: (len(storage.log), storage.sent))


@contextmanager
def through_gcsfs(folder: Path, size: Size) -> Iterator[Network]:
    """Yield the local service's buckets through gcsfs and a slow proxy."""
    from google.oauth2.credentials import Credentials

    data = folder / "service"
    command = [sys.executable, "-m", "lro_notebook.local", "--port", "0", "--sample-patients", "0"]
    with subprocess.Popen([*command, "--data-dir", str(data)], stdout=subprocess.PIPE) as program:  # noqa: S603 - this package
        assert program.stdout is not None  # noqa: S101 - for the types
        try:
            announced = json.loads(program.stdout.readline())
            (data / "buckets" / BUCKET).mkdir(parents=True, exist_ok=True)
            for name in dict.fromkeys(case.folder for case in CASES):
                shutil.copytree(folder / name, data / "buckets" / BUCKET / name, copy_function=os.link)
            token = Credentials(Path(announced["token_file"]).read_text())
            with SlowProxy(announced["endpoint"], latency=size.latency, bandwidth=size.bandwidth) as proxy:
                options = {"token": token, "project": "local", "endpoint_url": proxy.endpoint}
                yield Network("gcsfs: ", f"gs://{BUCKET}", options, lambda: (proxy.requests, proxy.sent))
        finally:
            program.terminate()


def main(arguments: list[str] | None = None) -> None:
    """Print a line per case, then those through gcsfs if it is installed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a little of everything, almost without delays")
    parser.add_argument("--only", default="", metavar="TEXT", help="only the cases whose names have TEXT")
    parser.add_argument("--latency", type=float, metavar="MS", help="milliseconds of a request (60)")
    parser.add_argument("--bandwidth", type=float, metavar="MB", help="megabytes a second of a stream (60)")
    given = parser.parse_args(arguments)
    size = QUICK if given.quick else Size()
    if given.latency is not None:
        size = size._replace(latency=given.latency / 1000)
    if given.bandwidth is not None:
        size = size._replace(bandwidth=given.bandwidth * MB)
    warnings.simplefilter("ignore")
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder, quick = Path(name) / "full", Path(name) / "quick"
        prepare(quick, QUICK)
        for case in CASES:  # what is imported and compiled at first is not what is measured
            load(str(quick / case.folder), case)
        prepare(folder, size)
        print(f"{size.small} small and {size.large} large shards of FHIR, {size.messages} of HL7v2, ", end="")
        print(f"{size.objects} DICOM objects; {size.latency * 1000:.0f} ms, {size.bandwidth / MB:.0f} MB/s")
        print(f"{'':26}{'fetch':>8}{'local':>8}{'loaded':>8}{'ratio':>8}", end="")
        print(f"{'CPU loc':>8}{'CPU':>8}{'requests':>10}{'MB':>8}   (ratio: to the larger; aim {AIM})")
        for cases, behind in ((CASES, slow), (IN_GCSFS, through_gcsfs)):
            if cases is IN_GCSFS and importlib.util.find_spec("gcsfs") is None:
                print("gcsfs is not installed")
                continue
            with behind(folder, size) as network:
                for case in cases:
                    if given.only in network.name + case.name:
                        found[network.name + case.name] = compare(case, folder, network)
    if not (given.quick or given.only):
        record("remote", {"size": size._asdict(), "cases": found}, libraries=("gcsfs",))


if __name__ == "__main__":
    main()
