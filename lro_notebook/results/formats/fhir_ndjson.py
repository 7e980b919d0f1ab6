"""NDJSON of FHIR resources: a table for each type, and the tables of its lists.

Names of exports: ``{operation}_{Type}``, ``{operation}_{Type}-{i}-of-{n}``, ``{operation}_history_{Type}…``,
``{operation}_{Type}.ndjson`` of ``$export``, and the bulk-data layout ``Type.000.ndjson``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from lro_notebook.results.arrow.batch import BadLine, Batch
from lro_notebook.results.arrow.flatten import flatten
from lro_notebook.results.arrow.json_lines import Reader
from lro_notebook.results.arrow.levels import raised
from lro_notebook.results.arrow.lines import blocks
from lro_notebook.results.formats.format import Format
from lro_notebook.results.prefetch import ahead

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lro_notebook.results.arrow.batch import Advance, Options
    from lro_notebook.results.arrow.json_lines import Parsed
    from lro_notebook.results.arrow.lines import Block
    from lro_notebook.results.discover import Shard
    from lro_notebook.results.limits import Limits
    from lro_notebook.results.sources.source import Streams

_EXPORT = re.compile(
    r"(?P<op>[^_/]+)_(?P<hist>history_)?(?P<type>[A-Z][A-Za-z]*)"
    r"(?:-(?P<i>\d+)-of-(?P<n>\d+))?(?:\.ndjson)?(?:\.gz)?",
    re.ASCII,
)
_BULK = re.compile(
    r"(?P<type>[A-Z][A-Za-z]*)(?:-(?P<i>\d+)-of-(?P<n>\d+)|[.-](?P<k>\d+))?\.(?:ndjson|jsonl)(?:\.gz)?",
    re.ASCII,
)
#: FHIR has no such types: files of these names hold HL7v2 messages.
_NOT_FHIR = {"Message", "Messages"}


def parse_name(name: str) -> dict[str, Any] | None:
    """Return what the name of a file says about it, as fields of `Shard`; None if it is not one of FHIR."""
    match = _EXPORT.fullmatch(name) or _BULK.fullmatch(name)
    if match is None or match["type"] in _NOT_FHIR:
        return None
    parts = match.groupdict()
    index = parts["i"] or parts.get("k")
    return {
        "table": parts["type"] + ("_history" if parts.get("hist") else ""),
        "operation": parts.get("op"),
        "index": int(index) if index else None,
        "total": int(parts["n"]) if parts["n"] else None,
        "history": bool(parts.get("hist")),
    }


def read_resources(
    source: Streams, shards: Sequence[Shard], options: Options, advance: Advance
) -> Iterator[Batch]:
    """Yield the resources of `shards`; see `Format.read`."""
    name = shards[0].table
    columns = options.columns_of(name, name)
    wanted = None if columns is None else _Wanted(columns)
    some = wanted.columns if wanted and options.lists != "explode" else None
    reader = Reader(options.decimals, some, limits=options.limits, name=name, bare=bool(options.levels))
    rows = shards[0].row
    for _, parsed, bad in parsed_blocks(source, shards, reader, advance, options.limits):
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
    source: Streams, shards: Sequence[Shard], reader: _Reader, advance: Advance, limits: Limits
) -> Iterator[tuple[Block, Parsed, list[BadLine]]]:
    """Yield the blocks of `shards` as `reader` parses them, and the lines that could not be read."""
    read = ((shard, block) for shard in shards for block in _blocks(source, shard, limits))
    for (shard, block), parsed in ahead(lambda pair: reader.job(pair[1]), read):
        reader.learn(parsed)
        yield block, parsed, [BadLine(shard.uri, line, reason) for line, reason in parsed.bad]
        advance(block.taken)


def _blocks(source: Streams, shard: Shard, limits: Limits) -> Iterator[Block]:
    with source.open(shard) as file:
        yield from blocks(file, limits)


FHIR_NDJSON = Format("FHIR NDJSON", read_resources, of_name=parse_name, holds_resources=True)
