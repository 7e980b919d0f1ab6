"""Files that are JSON values: a document, some documents one after the other, or a list of objects.

The elements of a list are rows, and so is a document. But where each document of a table is an envelope, with
one list of objects in it, the elements of that are the rows, and its other fields stand beside them. What is
in lines beside them has a row on each line.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from lro_notebook.results.formats.format import Format
from lro_notebook.results.formats.json.blocks import read_objects
from lro_notebook.results.formats.json.envelopes import Envelope, envelope_of
from lro_notebook.results.formats.json.google_documents import name_hint
from lro_notebook.results.formats.json.large_envelopes import rows_of
from lro_notebook.results.formats.json.layout import is_document

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lro_notebook.results.arrow.batch import Advance, Batch, Options
    from lro_notebook.results.shards import Shard
    from lro_notebook.results.sources.source import Streams


def decided(source: Streams, shards: Sequence[Shard], options: Options) -> Options:
    """Return the options with what the rows of all `shards` are; see `Format.decide`."""
    if options.envelope is not None:
        return options
    opened = [partial(source.open, shard) for shard in shards if not shard.in_lines]
    return replace(options, envelope=envelope_of(opened, options.limits))


def read_documents(
    source: Streams, shards: Sequence[Shard], options: Options, advance: Advance
) -> Iterator[Batch]:
    """Yield the rows of `shards`; see `Format.read`."""
    options = decided(source, shards, options)
    cut = partial(rows_of, options.envelope or Envelope())
    yield from read_objects(source, shards, options, advance, cut)


JSON_DOCUMENTS = Format(
    "JSON documents",
    read_documents,
    decide=decided,
    suffixes=frozenset({"json", "geojson"}),
    looks=is_document,
    table_in=name_hint,
    tells_files=True,
)
