"""Files that are JSON values: a document, some documents one after the other, or a list of objects.

The elements of a list are rows, and so is a document. But where each document of a table is an envelope, with
one list of objects in it, the elements of that are the rows, and its other fields stand beside them.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from lro_notebook.results.arrow.json_values import value_blocks
from lro_notebook.results.formats.format import Format
from lro_notebook.results.formats.json_blocks import read_objects
from lro_notebook.results.formats.json_envelopes import envelope_of
from lro_notebook.results.formats.json_kinds import name_hint
from lro_notebook.results.formats.json_lines import is_document

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO

    from lro_notebook.results.arrow.batch import Advance, Batch, Options
    from lro_notebook.results.arrow.lines import Block
    from lro_notebook.results.formats.json_envelopes import Envelope
    from lro_notebook.results.limits import Limits
    from lro_notebook.results.shards import Shard
    from lro_notebook.results.sources.source import Streams


def decided(source: Streams, shards: Sequence[Shard], options: Options) -> Options:
    """Return the options with what the rows of all `shards` are; see `Format.decide`."""
    if options.envelope is not None:
        return options
    opened = [partial(source.open, shard) for shard in shards]
    return replace(options, envelope=envelope_of(opened, options.limits))


def read_documents(
    source: Streams, shards: Sequence[Shard], options: Options, advance: Advance
) -> Iterator[Batch]:
    """Yield the rows of `shards`; see `Format.read`."""
    options = decided(source, shards, options)
    cut = partial(_rows, options.envelope)
    yield from read_objects(source, shards, options, advance, cut)


def _rows(envelope: Envelope | None, file: BinaryIO, limits: Limits) -> Iterator[Block]:
    return value_blocks(file, limits, envelope.splits(limits) if envelope else None)


JSON_DOCUMENTS = Format(
    "JSON documents",
    read_documents,
    decide=decided,
    looks=is_document,
    table_in=name_hint,
    tells_files=True,
    suffixes=frozenset({"json", "geojson"}),
)
