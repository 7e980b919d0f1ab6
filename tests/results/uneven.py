"""Four shards of a table: columns and types differ from one to the next, one has a bad line, one no line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

SHARDS: list[list[dict[str, Any]]] = [
    [
        {"id": "1", "n": 1, "big": 2**63, "list": [{"x": 1}, {"x": 2}], "birthDate": "1970"},
        {"id": "2", "n": 2},
    ],
    [{"id": "3", "n": 1.5, "late": {"key": "v"}, "big": 1, "birthDate": "1970-03-01"}],
    [],
    [{"id": "4", "n": 7, "list": [{"x": "text", "y": True}], "mixed": 5}, {"id": "5", "mixed": {"a": "b"}}],
]


def write_uneven(folder: Path) -> None:
    """Write the shards of the table T as an export does."""
    for number, rows in enumerate(SHARDS):
        text = "".join(json.dumps(row) + "\n" for row in rows) + ("broken\n" if number == 1 else "")
        (folder / f"9_T-{number}-of-{len(SHARDS)}").write_text(text)
