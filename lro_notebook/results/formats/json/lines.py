"""JSON Lines: an object of anything on each line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lro_notebook.results.arrow.encodings import text_blocks
from lro_notebook.results.formats.format import Format
from lro_notebook.results.formats.json.blocks import read_objects
from lro_notebook.results.formats.json.documents import JSON_DOCUMENTS
from lro_notebook.results.formats.json.layout import is_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lro_notebook.results.arrow.batch import Advance, Batch, Options
    from lro_notebook.results.shards import Shard
    from lro_notebook.results.sources.source import Streams


def read_lines(
    source: Streams, shards: Sequence[Shard], options: Options, advance: Advance
) -> Iterator[Batch]:
    """Yield the objects of `shards`; see `Format.read`."""
    return read_objects(source, shards, options, advance, text_blocks)


JSON_LINES = Format(
    "JSON Lines",
    read_lines,
    suffixes=frozenset({"jsonl", "ndjson"}),
    looks=is_lines,
    general=JSON_DOCUMENTS,
    tells_files=True,
)
