"""NDJSON of FHIR resources: a table for each type, and the tables of its lists.

Names of exports: ``{operation}_{Type}``, ``{operation}_{Type}-{i}-of-{n}``, ``{operation}_history_{Type}…``,
``{operation}_{Type}.ndjson`` of ``$export``, and the bulk-data layout ``Type.000.ndjson``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lro_notebook.results.arrow.encodings import encoding_of
from lro_notebook.results.arrow.lines import blocks, sort_lines
from lro_notebook.results.formats.fhir.json import BUNDLE, FHIR_JSON, types_at
from lro_notebook.results.formats.format import Format
from lro_notebook.results.formats.json.blocks import read_objects
from lro_notebook.results.formats.json.kinds import resource_type
from lro_notebook.results.formats.json.layout import layout_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lro_notebook.results.arrow.batch import Advance, Batch, Options
    from lro_notebook.results.arrow.lines import Block
    from lro_notebook.results.formats.format import Cut
    from lro_notebook.results.shards import Shard
    from lro_notebook.results.sources.source import Streams

OTHER_TYPE = "a resource of another type than this table has"

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
    belonging = None if shards[0].history else OfType(shards[0].table.partition("_")[0])
    return read_objects(source, shards, options, advance, belonging=belonging)


class OfType:
    """Tells which lines hold resources of another type; a line that says no type stays.

    It costs a comparison with the column that says the type, and more only where there are such lines.
    """

    column = "resourceType"

    def __init__(self, wanted: str) -> None:
        self._wanted = wanted

    def others(self, table: pa.Table, block: Block) -> dict[int, str]:
        """Return the lines of other types; see `Belonging.others`."""
        if self.column not in table.column_names or not pa.types.is_string(table[self.column].type):
            return {}
        types = table[self.column]
        if pc.all(pc.equal(types, self._wanted)).as_py() is not False:
            return {}
        others = pc.not_equal(pc.utf8_lower(types), self._wanted.lower()).fill_null(False)  # noqa: FBT003 - a value
        lines = block.data.removesuffix(b"\n").count(b"\n") + 1
        numbers = (
            range(block.line, block.line + lines)
            if lines == table.num_rows
            else [number for number, _ in sort_lines(block)[0]]
        )
        return {numbers[row]: OTHER_TYPE for row in np.flatnonzero(others.to_numpy()).tolist()}


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
