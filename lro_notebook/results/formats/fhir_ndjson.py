"""NDJSON files of FHIR resources as a source: a table of resources, and the tables of their lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pyarrow as pa

from lro_notebook.results.arrow.batch import BadLine, Batch
from lro_notebook.results.arrow.flatten import flatten
from lro_notebook.results.arrow.json_lines import Reader
from lro_notebook.results.arrow.levels import raised
from lro_notebook.results.arrow.lines import blocks
from lro_notebook.results.prefetch import ahead
from lro_notebook.results.storage import opened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lro_notebook.results.arrow.batch import Advance, Options
    from lro_notebook.results.arrow.json_lines import Parsed
    from lro_notebook.results.arrow.lines import Block
    from lro_notebook.results.discover import Shard
    from lro_notebook.results.limits import Limits
    from lro_notebook.results.storage import Location


def read_resources(
    location: Location, shards: Sequence[Shard], options: Options, advance: Advance
) -> Iterator[Batch]:
    """Yield the resources of `shards`; a `batches.Source`."""
    name = shards[0].table
    columns = options.columns_of(name, name)
    wanted = None if columns is None else _Wanted(columns)
    some = wanted.columns if wanted and options.lists != "explode" else None
    reader = Reader(options.decimals, some, limits=options.limits, name=name, bare=bool(options.levels))
    rows = shards[0].row
    for _, parsed, bad in parsed_blocks(location, shards, reader, advance, options.limits):
        if parsed.table is None:
            yield Batch({}, bad)
            continue
        table = raised(parsed.table, options.levels)
        flat = flatten(table, lists=options.lists, wanted=wanted, offset=rows)
        rows += parsed.table.num_rows
        tables = {name: flat.table, **{f"{name}.{path}": child for path, child in flat.children.items()}}
        truncated = {f"{name}.{path}": count for path, count in flat.truncated.items()}
        shape = None
        if options.explodes:
            shape = pa.struct(list(parsed.table.schema)) if parsed.shape is None else parsed.shape
        yield Batch(tables, bad, truncated, list(wanted.seen) if wanted else (), shape)


class _Wanted:
    """Tells which columns are asked for, and remembers which there are."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = frozenset(columns)
        self.seen: dict[str, None] = {}

    def __call__(self, name: str) -> bool:
        self.seen[name] = None
        return name in self.columns


class _Reader(Protocol):
    def job(self, block: Block) -> Callable[[], Parsed]: ...

    def learn(self, parsed: Parsed) -> None: ...


def parsed_blocks(
    location: Location, shards: Sequence[Shard], reader: _Reader, advance: Advance, limits: Limits
) -> Iterator[tuple[Block, Parsed, list[BadLine]]]:
    """Yield the blocks of `shards` as `reader` parses them, and the lines that could not be read."""
    read = ((shard, block) for shard in shards for block in _blocks(location, shard, limits))
    for (shard, block), parsed in ahead(lambda pair: reader.job(pair[1]), read):
        reader.learn(parsed)
        yield block, parsed, [BadLine(shard.uri, line, reason) for line, reason in parsed.bad]
        advance(block.taken)


def _blocks(location: Location, shard: Shard, limits: Limits) -> Iterator[Block]:
    with opened(location, shard) as file:
        yield from blocks(file, limits)
