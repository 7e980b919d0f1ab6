"""NDJSON of FHIR resources: a table for each type, and the tables of its lists.

Names of exports: ``{operation}_{Type}``, ``{operation}_{Type}-{i}-of-{n}``, ``{operation}_history_{Type}…``,
``{operation}_{Type}.ndjson`` of ``$export``, and the bulk-data layout ``Type.000.ndjson``.
"""

from __future__ import annotations

import re
from typing import Any

from lro_notebook.results.formats.format import Format
from lro_notebook.results.formats.json_blocks import read_objects
from lro_notebook.results.formats.json_kinds import resource_type
from lro_notebook.results.formats.json_lines import is_lines

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


def looks(name: str, start: bytes) -> bool:
    """Tell whether a file holds resources, one a line, whatever it is called; see `Format.looks`."""
    return resource_type(start) is not None and is_lines(name, start)


FHIR_NDJSON = Format(
    "FHIR NDJSON",
    read_objects,
    of_name=parse_name,
    looks=looks,
    table_in=resource_type,
    holds_resources=True,
    tells_files=True,
)
