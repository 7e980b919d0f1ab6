"""JSON Lines: an object of anything on each line."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from lro_notebook.results.arrow.encodings import Utf8, encoding_of
from lro_notebook.results.arrow.lines import DAMAGED, Block, blocks, decompressed
from lro_notebook.results.formats.format import Format
from lro_notebook.results.formats.json.blocks import read_objects
from lro_notebook.results.formats.json.documents import JSON_DOCUMENTS
from lro_notebook.results.formats.json.layout import is_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO

    from lro_notebook.results.arrow.batch import Advance, Batch, Options
    from lro_notebook.results.limits import Limits
    from lro_notebook.results.shards import Shard
    from lro_notebook.results.sources.source import Streams


def read_lines(
    source: Streams, shards: Sequence[Shard], options: Options, advance: Advance
) -> Iterator[Batch]:
    """Yield the objects of `shards`; see `Format.read`."""
    return read_objects(source, shards, options, advance, _blocks)


def _blocks(file: BinaryIO, limits: Limits) -> Iterator[Block]:
    """Yield the lines of a file; another encoding is known by its byte order mark."""
    is_utf8 = encoding_of(decompressed(file).read(4)) == "utf-8"
    file.seek(0)
    if is_utf8:
        yield from blocks(file, limits)
        return
    text, line = Utf8(file), 1
    for block in blocks(cast("BinaryIO", text), limits):
        yield block
        line = block.line + block.data.count(b"\n") + bool(block.fault)
    if text.damaged:
        yield Block(b"", line, fault=DAMAGED)


JSON_LINES = Format(
    "JSON Lines",
    read_lines,
    suffixes=frozenset({"jsonl", "ndjson"}),
    looks=is_lines,
    general=JSON_DOCUMENTS,
    tells_files=True,
)
