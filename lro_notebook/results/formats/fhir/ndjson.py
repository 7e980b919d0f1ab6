"""NDJSON of FHIR resources: a table for each type, and the tables of its lists.

Names of exports: ``{operation}_{Type}``, ``{operation}_{Type}-{i}-of-{n}``, ``{operation}_history_{Type}…``,
``{operation}_{Type}.ndjson`` of ``$export``, and the bulk-data layout ``Type.000.ndjson``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lro_notebook.results.arrow.encodings import encoding_of
from lro_notebook.results.arrow.line_blocks import blocks
from lro_notebook.results.formats.fhir.json import BUNDLE, FHIR_JSON, types_at
from lro_notebook.results.formats.fhir.resource_type import of_type
from lro_notebook.results.formats.format import Format
from lro_notebook.results.formats.json.blocks import read_objects
from lro_notebook.results.formats.json.google_documents import resource_type
from lro_notebook.results.formats.json.layout import layout_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lro_notebook.results.arrow.batch import Advance, Batch, Options
    from lro_notebook.results.formats.format import Cut
    from lro_notebook.results.shards import Shard
    from lro_notebook.results.sources.source import Streams

_EXPORT = re.compile(
    r"(?P<op>[^._/][^_/]*)_(?P<hist>history_)?(?P<type>[A-Z][A-Za-z]*)"
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


def looks(name: str, start: bytes) -> bool:
    """Tell whether a file holds resources, one a line, whatever it is called; see `Format.looks`."""
    types = types_at(start)
    if len(types) != 1 or BUNDLE in types or encoding_of(start[:4]) != "utf-8":
        return False
    layout = layout_of(name, start)
    if layout is None:  # a line behind the first one is broken
        layout = layout_of(name, start.lstrip().partition(b"\n")[0])
    return layout == "lines"


def read_lines(
    source: Streams, shards: Sequence[Shard], options: Options, advance: Advance
) -> Iterator[Batch]:
    """Yield the resources of `shards`; those that are not of the type of their table are bad lines.

    The lines of a history are Bundles.
    """
    return read_objects(source, shards, options, advance, belonging=of_type(shards))


def lines_of(_: str) -> Cut:
    """Return what cuts a file into its lines, which are of the type of its table."""
    return blocks


FHIR_NDJSON = Format(
    "FHIR NDJSON",
    read_lines,
    of_name=parse_name,
    looks=looks,
    table_in=resource_type,
    resources=lines_of,
    general=FHIR_JSON,
    tells_files=True,
)
