"""Small files that are parsed together: what one of them holds must not show in another."""

from __future__ import annotations

import gzip
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import LroWarning
from lro_notebook.results.read import read

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

_TRIES = 150
_SECONDS = 15.0
_MARK = b"\xef\xbb\xbf"
_LINES = [
    b'{"id":"a","n":1,"l":["x"]}',
    b'{"id":"b","n":2,"l":["y",null]}',
    b'{"id":"c","late":{"k":"v"}}',
    b'{"id":"d","n":2.50}',
    b'{"id":"e","n":"text"}',
    b'{"id":"f","n":{"o":1}}',
    b'{"id":"g","l":"z"}',
    b'{"id":"h","n":12345678901234567890}',
    b'{"id":"\xc3\xa9"}',
    b'{"id":"i"}\r',
    b'  {"id":"j"} ',
    _MARK + b'{"id":"k"}',
    b'{"id":"l"}{"id":"m"}',
    b'{"id":"n","n":NaN}',
    b'{"id":"o"',
    b',"n":1}',
    b'{"id":"',
    b'"}',
    b'"',
    b"\\",
    b"null",
    b"[" * 500,
    b"\xff",
    b"\xc3",
    b"",
    b" ",
]

Seen = tuple[list[dict[str, Any]], list[tuple[str, int, str]]]


def _file(dice: random.Random) -> bytes:
    data = b"\n".join(dice.choices(_LINES, k=dice.randrange(9))) + dice.choice([b"", b"\n", b"\n\n"])
    data = dice.choice([b"", b"", _MARK]) + data
    if dice.randrange(5) == 0:
        data = gzip.compress(data, mtime=0)
        return data[: dice.randrange(3, len(data))] if dice.randrange(3) == 0 else data
    return data


def _rows(folder: Path, lists: str) -> Seen:
    """Return the rows that have an id, with what is there as text, and the bad lines."""
    results = read(folder, lists=lists)
    rows = results.arrow("T").to_pylist()
    bad = results.bad_lines
    named = zip((file.rpartition("/")[2] for file in bad["file"]), bad["line"], bad["reason"], strict=True)
    return [{key: row[key] for key in sorted(row) if row[key] is not None} for row in rows], list(named)


def _one_by_one(files: list[bytes], lists: str) -> Seen:
    rows: list[dict[str, Any]] = []
    bad: list[tuple[str, int, str]] = []
    for number, data in enumerate(files):
        with tempfile.TemporaryDirectory() as name:
            _put(Path(name), [data], number)
            more, worse = _rows(Path(name), lists)
        rows += more
        bad += worse
    return rows, bad


def _put(folder: Path, files: list[bytes], first: int = 0) -> None:
    for number, data in enumerate(files, first):
        (folder / f"T.{number:03d}.ndjson").write_bytes(data)


def _attack(lists: str) -> Callable[[random.Random], tuple[int, int]]:
    """Return an attack that reads files together, and each alone, and compares what is told of them."""

    def run(dice: random.Random) -> tuple[int, int]:
        tried = held = 0
        end = time.monotonic() + _SECONDS
        while tried < _TRIES and time.monotonic() < end:
            tried += 1
            files = [_file(dice) for _ in range(dice.randrange(2, 9))]
            with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
                warnings.simplefilter("ignore", LroWarning)
                _put(Path(name), files)
                (rows, bad), (alone, alone_bad) = _rows(Path(name), lists), _one_by_one(files, lists)
            held += bad == alone_bad and [row.get("id") for row in rows] == [row.get("id") for row in alone]
        return tried, held

    return run


ATTACKS: list[tuple[str, Callable[[random.Random], tuple[int, int]]]] = [
    ("nasty small files read together", _attack("first")),
    ("nasty small files read together, their lists exploded", _attack("explode")),
]
