"""Manifests of bulk exports that are not as the standard has them, beside files that hold anything.

An attempt held if it ended in results or in an error of ours, and nothing outside of the folder was read.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import LroError
from lro_notebook.results.load_place import read

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

_TRIES = 400
_SECRET = "s3cr3t"  # noqa: S105 - no secret of anybody
_ISSUE = {"severity": "error", "code": "exception", "diagnostics": "left out", "expression": ["Patient/1"]}
_ENTRY = {"request": {"method": "DELETE", "url": "Patient/1"}}
_LINES = [
    {"resourceType": "Patient", "id": "p"},
    {"resourceType": "OperationOutcome", "issue": [_ISSUE]},
    {"resourceType": "OperationOutcome", "issue": [None, 5, {"details": {"coding": [7]}}]},
    {"resourceType": "Bundle", "entry": [_ENTRY, None, {"request": "x"}]},
    {"resourceType": "Bundle", "entry": {}},
]
_ODD: list[Any] = [None, True, -1, 2.5, "x", "3", 10**30, [], {}, [1], {"url": "a.ndjson"}, [[]]]
_PLACES = [
    "a.ndjson",
    "b.ndjson",
    "gone.ndjson",
    "../secret.ndjson",
    "/etc/passwd",
    "",
    "http://127.0.0.1:1/x",
]


def _text(draw: random.Random) -> str:
    lines = [json.dumps(draw.choice(_LINES)) for _ in range(draw.randint(0, 4))]
    if draw.random() < 1 / 3:
        lines.insert(0, draw.choice(["{", "[" * 2000, "null", "\ufffd", '{"resourceType": "Bundle"']))
    return "\n".join(lines)


def _entries(draw: random.Random) -> Any:
    if draw.random() < 1 / 4:
        return draw.choice(_ODD)
    return [
        draw.choice(
            [
                draw.choice(_ODD),
                {"type": "Patient", "url": draw.choice(_PLACES), "count": draw.choice([1, 2, *_ODD])},
                {"type": "Patient", "url": draw.choice(_PLACES)},
            ]
        )
        for _ in range(draw.randint(0, 3))
    ]


def manifests(draw: random.Random) -> tuple[int, int]:
    """Read manifests, every table and every list of what went wrong."""
    held = 0
    with tempfile.TemporaryDirectory() as parent, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder = Path(parent, "export")
        folder.mkdir()
        secret = {"resourceType": "Patient", "id": _SECRET, "issue": [{"diagnostics": _SECRET}]}
        Path(parent, "secret.ndjson").write_text(json.dumps(secret))
        for _ in range(_TRIES):
            for name in ("a", "b"):
                (folder / f"{name}.ndjson").write_text(_text(draw))
            output = [{"type": "Patient", "url": "a.ndjson"}] if draw.random() < 1 / 2 else _entries(draw)
            words = {word: _entries(draw) for word in ("error", "deleted", "link")}
            place = folder / "manifest.json"
            place.write_text(
                json.dumps({"transactionTime": "2026-01-01T00:00:00Z", "output": output, **words})
            )
            try:
                results = read(
                    place,
                    lists=draw.choice(["first", "explode"]),
                    errors=draw.choice(["report", "raise"]),
                )
                tables = [results[name] for name in results]
                said = [results.failures, results.bad_lines, *tables]
                held += not any(_SECRET in frame.to_csv() for frame in said)
            except LroError as error:
                held += _SECRET not in str(error)
    return _TRIES, held


ATTACKS: list[tuple[str, Callable[[random.Random], tuple[int, int]]]] = [
    ("manifests of bulk exports that are odd", manifests)
]
