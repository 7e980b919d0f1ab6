"""Small files that are read together: what one of them holds, or is, must not show in another."""

from __future__ import annotations

import gzip
import json
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import LroWarning, ResultError
from lro_notebook.results.load_place import read

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

_TYPED = [b'{"resourceType":"%b","id":"%b"}' % pair for pair in ((b"A", b"p"), (b"A", b"q"), (b"B", b"r"))]
_DOCUMENTS: list[Any] = [
    {"id": "s", "n": {"o": 1}},
    [{"id": "t"}, {"id": "u", "l": ["x"]}],
    {"resourceType": "A", "id": "v"},
    {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": each, "id": each}} for each in "AB"]},
]
_SUFFIXES = [".ndjson", ".jsonl", ".json", ""]

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


def _of_any_kind(dice: random.Random) -> bytes:
    kind = dice.randrange(3)
    if kind == 0:
        return _file(dice)
    if kind == 1:
        return b"\n".join(dice.choices(_LINES + _TYPED * 4, k=dice.randrange(1, 6)))
    values = dice.choices(_DOCUMENTS, k=dice.randrange(1, 3))
    text = b"\n".join(json.dumps(value, indent=dice.choice([None, 1])).encode() for value in values)
    return text[: dice.randrange(len(text))] if dice.randrange(4) == 0 else text


def _all_in(files: dict[str, bytes]) -> tuple[Counter[Any], Counter[Any], set[str]]:
    """Return the ids in all tables, the bad lines, and the files that are told to be in no table."""
    with tempfile.TemporaryDirectory() as name:
        for file, data in files.items():
            (Path(name) / file).write_bytes(data)
        try:
            results = read(name)
        except ResultError:  # it says why none of them is read
            return Counter(), Counter(), set(files)
        ids = Counter(row.get("id") for table in results for row in results.arrow(table).to_pylist())
        bad = results.bad_lines
        places = (file.rpartition("/")[2] for file in bad["file"])
        told = Counter(zip(places, bad["line"], bad["reason"], strict=True))
        return ids, told, {file.rpartition("/")[2] for file in results.skipped["file"]}


def _mixed(dice: random.Random) -> tuple[int, int]:
    """Read files of lines, of documents and of neither under one name, together and alone."""
    tried = held = 0
    end = time.monotonic() + _SECONDS
    while tried < _TRIES and time.monotonic() < end:
        tried += 1
        stem = dice.choice(
            ["out-", "T."]
        )  # no type of a resource: of names that say one, one file is looked at
        files = {
            f"{stem}{number:03d}{dice.choice(_SUFFIXES)}": _of_any_kind(dice)
            for number in range(dice.randrange(2, 5))
        }
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LroWarning)
            together = _all_in(files)
            alone = [_all_in({name: data}) for name, data in files.items()]
        ids, told, left_out = Counter[Any](), Counter[Any](), set[str]()
        for each in alone:
            ids, told, left_out = ids + each[0], told + each[1], left_out | each[2]
        held += together == (ids, told, left_out)
    return tried, held


ATTACKS: list[tuple[str, Callable[[random.Random], tuple[int, int]]]] = [
    ("nasty small files read together", _attack("first")),
    ("nasty small files read together, their lists exploded", _attack("explode")),
    ("files of lines and of documents under one name, read together", _mixed),
]
