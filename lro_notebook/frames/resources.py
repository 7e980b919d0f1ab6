"""NDJSON files of FHIR resources as a source: a table of resources, and the tables of their lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lro_notebook.frames.blocks import DamagedFileError, blocks
from lro_notebook.frames.chunks import BadLine, Chunk
from lro_notebook.frames.fhir import flatten
from lro_notebook.frames.ndjson import Parsed, Reader
from lro_notebook.frames.storage import opened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lro_notebook.frames.chunks import Advance, Options
    from lro_notebook.frames.files import Shard
    from lro_notebook.frames.storage import Location

DAMAGED = "not readable: the compressed data is damaged from here on"


def read_resources(
    location: Location, shards: Sequence[Shard], options: Options, advance: Advance
) -> Iterator[Chunk]:
    """Yield the resources of `shards`; a `chunks.Source`."""
    name = shards[0].table
    columns = options.columns_of(name, name)
    wanted = None if columns is None else _Wanted(columns)
    reader = Reader(options.decimals, wanted.columns if wanted and options.lists != "explode" else None)
    rows = 0
    for shard in shards:
        for table, faults in _parsed(location, shard, reader, advance):
            bad = [BadLine(shard.uri, line, reason) for line, reason in faults]
            if table is None:
                yield Chunk({}, bad)
                continue
            flat = flatten(table, lists=options.lists, wanted=wanted, offset=rows)
            rows += table.num_rows
            tables = {name: flat.table, **{f"{name}.{path}": child for path, child in flat.children.items()}}
            truncated = {f"{name}.{path}": count for path, count in flat.truncated.items()}
            yield Chunk(tables, bad, truncated, list(wanted.seen) if wanted else ())


class _Wanted:
    """Tells which columns are asked for, and remembers which there are."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = frozenset(columns)
        self.seen: dict[str, None] = {}

    def __call__(self, name: str) -> bool:
        self.seen[name] = None
        return name in self.columns


def _parsed(location: Location, shard: Shard, reader: Reader, advance: Advance) -> Iterator[Parsed]:
    with opened(location, shard) as file:
        place = 0
        try:
            for block in blocks(file):
                yield reader.read(block)
                advance(file.tell() - place)
                place = file.tell()
        except DamagedFileError as error:
            yield Parsed(None, [(error.line, DAMAGED)])
