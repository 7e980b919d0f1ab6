"""The runner of ``fhirStores.export``: current resources -> newline-delimited JSON in a bucket.

Files are written under a hidden name and renamed whole, all files of a resource type at its end. An
export that stops early leaves the finished types and nothing else.
"""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import IO, TYPE_CHECKING, Any, Self

from lro_notebook.errors import Code
from lro_notebook.local import buckets, names, resources, stores
from lro_notebook.local.refusal import Refusal, invalid
from lro_notebook.local.work import Kind, Step
from lro_notebook.resource import parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from lro_notebook.local.buckets import Location
    from lro_notebook.local.stores import Store
    from lro_notebook.local.work import Context, Job, Steps

_BUFFER = 1 << 20


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """A checked export; `types` None is every type, `since` is in microseconds since 1970."""

    store: Store
    destination: Location
    types: frozenset[str] | None
    since: int | None


def parse(context: Context, store: Store, body: Mapping[str, Any]) -> ExportRequest:
    """Check the body of ``fhirStores.export``."""
    if "bigqueryDestination" in body:
        raise Refusal(
            Code.UNIMPLEMENTED,
            "bigqueryDestination: the local service has no BigQuery; export to gcsDestination, "
            "such as gs://demo-out/run-1",
        )
    destination = body.get("gcsDestination")
    if not isinstance(destination, dict):
        raise invalid('gcsDestination: expected an object such as {"uriPrefix": "gs://demo-out/run-1"}')
    location = buckets.parse(destination.get("uriPrefix"), field="gcsDestination.uriPrefix")
    if any(mark in location.path for mark in "*?"):
        raise invalid("gcsDestination.uriPrefix: a destination has no wildcards")
    context.buckets.check(location, field="gcsDestination.uriPrefix")
    return ExportRequest(store, location, _types(body.get("_type", "")), _since(body.get("_since", "")))


def run(job: Job, request: ExportRequest) -> Steps:
    """Write one unchanging state of the store, type by type, and yield a step per batch."""
    folder = job.buckets.folder(request.destination.bucket) / request.destination.path
    with job.database.read() as connection, workspace(job) as drafts:
        stores.require_store(connection, request.store)
        counts = resources.counts(connection, request.store.key, since=request.since)
        wanted = [type_ for type_ in counts if request.types is None or type_ in request.types]
        yield Step(sized=sum(counts[type_] for type_ in wanted))
        for type_ in wanted:
            rows = resources.bodies(connection, request.store.key, type_, since=request.since)
            shards = Shards(drafts, f"{job.operation}_{type_}", job.shard_bytes)
            with shards:
                while batch := [body for (body,) in islice(rows, job.batch())]:
                    shards.write(batch)
                    yield Step(success=len(batch))
            shards.publish(folder)
    return {}


class Shards:
    """The output files of one resource type, in a folder of their own until they are published.

    Parameters
    ----------
    workspace : Path
        Existing folder, on the file system of the destination.
    name : str
        Name of the output; several files add ``-{i}-of-{n}``.
    limit : int
        Bytes at which the next file begins; a line is never split.
    """

    def __init__(self, workspace: Path, name: str, limit: int) -> None:
        self._workspace = workspace
        self._name = name
        self._limit = limit
        self._file: IO[bytes] | None = None
        self._size = 0
        self._paths: list[Path] = []

    def __enter__(self) -> Self:
        """Return the shards; leaving the block closes the last file."""
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, lines: list[bytes]) -> None:
        """Append resources, one on each line."""
        for line in lines:
            file = self._file
            if file is None or self._size + len(line) + 1 > self._limit:
                file = self._next_file()
            self._size += file.write(line + b"\n")

    def publish(self, folder: Path) -> list[str]:
        """Move the closed files to `folder` under their final names, and return these."""
        if self._paths:
            folder.mkdir(parents=True, exist_ok=True)
        total = len(self._paths)
        names = []
        for index, path in enumerate(self._paths):
            name = self._name if total == 1 else f"{self._name}-{index:05d}-of-{total:05d}"
            os.replace(path, folder / name)  # noqa: PTH105 - Path.replace says less of what matters: atomic
            names.append(name)
        return names

    def _next_file(self) -> IO[bytes]:
        if self._file is not None:
            self._file.close()
        path = self._workspace / f"{self._name}-{len(self._paths)}"
        self._file = path.open("wb", buffering=_BUFFER)
        self._size = 0
        self._paths.append(path)
        return self._file


@contextmanager
def workspace(job: Job) -> Iterator[Path]:
    """Make the folder of this operation's unfinished files, and remove it at the end."""
    folder = job.buckets.partial / str(job.operation)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _types(text: object) -> frozenset[str] | None:
    if not isinstance(text, str):
        raise invalid("_type: expected resource types with commas between them, such as Patient,Observation")
    types = [part.strip() for part in text.split(",") if part.strip()]
    return frozenset(names.resource_type(type_) for type_ in types) or None


def _since(text: object) -> int | None:
    if not text:
        return None
    moment = parse_timestamp(text)
    if moment is None:
        raise invalid("_since: expected a time with seconds and time zone, such as 2026-01-31T00:00:00Z")
    return round(moment.timestamp() * 1_000_000)


KIND = Kind(
    "fhir.FhirService.ExportResources",
    "fhir.rest.ExportResourcesResponse",
    parse,
    run,
    log="ExportFhirLogEntry",
)
