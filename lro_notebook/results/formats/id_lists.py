"""Files with an id per line as a source: ``data_ids`` of a consent query, ``resource_ids`` of a rollback."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pyarrow as pa

from lro_notebook.results.arrow.batch import BadLine, Batch
from lro_notebook.results.arrow.lines import blocks, is_utf8
from lro_notebook.results.storage import opened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lro_notebook.results.arrow.batch import Advance, Options
    from lro_notebook.results.arrow.lines import Block
    from lro_notebook.results.discover import Shard
    from lro_notebook.results.storage import Location

DATA_IDS = "data_ids"
_RESOURCE = re.compile(r"([A-Za-z]+)/([A-Za-z0-9.\-]{1,64})")


def read_ids(
    location: Location, shards: Sequence[Shard], options: Options, advance: Advance
) -> Iterator[Batch]:
    """Yield the ids in `shards`; a `batches.Source`."""
    for shard in shards:
        with opened(location, shard) as file:
            for block in blocks(file, options.limits):
                yield _batch(shard, block)
                advance(block.taken)


def _batch(shard: Shard, block: Block) -> Batch:
    found: list[str] = []
    bad = [BadLine(shard.uri, block.line, block.fault)] if block.fault else []
    for number, line in enumerate(block.data.split(b"\n"), block.line):
        text = line.strip().strip(b'"')
        if text and is_utf8(text):
            found.append(text.decode())
        elif text:
            bad.append(BadLine(shard.uri, number, "not valid UTF-8"))
    if shard.table == DATA_IDS:
        return Batch({DATA_IDS: pa.table({"data_id": pa.array(found, pa.string())})}, bad)
    parts = [_RESOURCE.fullmatch(text) for text in found]
    columns = {
        "resource": pa.array(found, pa.string()),
        "resourceType": pa.array([part and part[1] for part in parts], pa.string()),
        "id": pa.array([part and part[2] for part in parts], pa.string()),
    }
    return Batch({shard.table: pa.table(columns)}, bad)
