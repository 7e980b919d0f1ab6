"""Files with an id on each line: ``data_ids`` of a consent query, ``resource_ids`` of a rollback."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pyarrow as pa

from lro_notebook.results.arrow.batch import BadLine, Batch
from lro_notebook.results.arrow.line_blocks import blocks, is_utf8
from lro_notebook.results.formats.format import Format

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lro_notebook.results.arrow.batch import Advance, Options
    from lro_notebook.results.arrow.line_blocks import Block
    from lro_notebook.results.shards import Shard
    from lro_notebook.results.sources.source import Streams

DATA_IDS = "data_ids"
_RESOURCE = re.compile(r"([A-Za-z]+)/([A-Za-z0-9.\-]{1,64})")


def read_ids(source: Streams, shards: Sequence[Shard], options: Options, advance: Advance) -> Iterator[Batch]:
    """Yield the ids in `shards`; see `Format.read`."""
    for shard in shards:
        with source.open(shard) as file:
            for block in blocks(file, options.limits):
                yield _batch(shard, block)
                advance(block.taken)


def _batch(shard: Shard, block: Block) -> Batch:
    ids: list[str] = []
    bad = [BadLine(shard.uri, block.line, block.fault)] if block.fault else []
    for number, line in enumerate(block.data.split(b"\n"), block.line):
        text = line.strip().strip(b'"')
        if text and is_utf8(text):
            ids.append(text.decode())
        elif text:
            bad.append(BadLine(shard.uri, number, "not valid UTF-8"))
    files = [(shard, len(ids))]
    if shard.table == DATA_IDS:
        return Batch({DATA_IDS: pa.table({"data_id": pa.array(ids, pa.string())})}, bad, files=files)
    parts = [_RESOURCE.fullmatch(text) for text in ids]
    columns = {
        "resource": pa.array(ids, pa.string()),
        "resourceType": pa.array([part and part[1] for part in parts], pa.string()),
        "id": pa.array([part and part[2] for part in parts], pa.string()),
    }
    return Batch({shard.table: pa.table(columns)}, bad, files=files)


ID_LISTS = Format(
    "id lists",
    read_ids,
    table="resource_ids",
    start=re.compile(rb'\A\s*"?[A-Z][A-Za-z]+/[A-Za-z0-9.\-]{1,64}"?\s*(?:\n|\Z)'),
    written_by="consentStores",
)
