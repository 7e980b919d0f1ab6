"""What operations say of their output, and what is there: nothing leads elsewhere, nothing is lost untold."""

from __future__ import annotations

import gzip
import os
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import LroError
from lro_notebook.results.allowed_places import Near
from lro_notebook.results.discovery.file_sets import table_names
from lro_notebook.results.load_place import read
from lro_notebook.results.location import locate
from lro_notebook.results.places import places_of

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

_NAMES, _RESPONSES, _PLACES, _FOLDERS = 20_000, 10_000, 20_000, 400
_PIECES = [
    "a",
    "é",
    "-",
    "_",
    ".",
    " ",
    "/",
    "0",
    "17",
    "000000000001",
    "-of-",
    "-to-",
    "errors",
    "csv",
    ".gz",
    "(1)",
]
_KEYS = [
    "output",
    "outputConfig",
    "gcsDestination",
    "uri",
    "input",
    "errors",
    "result",
    "bucket",
    "path",
    "dataset",
    "x",
]
_PARTS = [
    "..",
    ".",
    "b",
    "%2e%2e",
    "u:p@b",
    "::",
    "file:",
    "\\",
    "*",
    "?",
    "#",
    "",
    "x.csv",
    "\u202e",
    "é",
    "etc",
]
_CONTENT: list[bytes] = [
    b"id,name\n1,x\n2,y\n",
    b"id\tname\n1\tx\n",
    b'{"id":1}\n{"id":2}\n',
    b'[{"id":1},{"id":2}]',
    b'{"items":[{"id":1}]}',
    b'{"resourceType":"Patient","id":"1"}\n',
    b"MSH|^~\\&|A\rPID|1||7\r",
    b"PAR1",
    b"Obj\x01",
    b"%PDF-1.7",
    b"",
    b"\xef\xbb\xbf",
    "id,name\n1,é\n".encode("utf-16"),
]


def _text(draw: random.Random, pieces: list[str], most: int) -> str:
    return "".join(draw.choices(pieces, k=draw.randrange(1, most)))


def _names(draw: random.Random) -> tuple[int, int]:
    """Give random names a table each, which does not depend on the number in them."""
    held = 0
    for _ in range(_NAMES):
        paths = [_text(draw, _PIECES, 12) for _ in range(draw.randrange(1, 5))]
        tables = table_names(paths, _text(draw, _PIECES, 4))
        held += len(tables) == len(paths) and all(tables)
    return _NAMES, held


def _value(draw: random.Random, depth: int = 0) -> Any:
    kind = draw.randrange(5 if depth < 5 else 3)  # noqa: PLR2004 - levels
    if kind == 0:
        return draw.choice(["gs://", "bq://", "file://", "http://", "", "projects/p/datasets/"]) + _place(
            draw
        )
    if kind < 3:  # noqa: PLR2004 - one in five
        return draw.choice([None, 1, True, "gs://b/x", "text", "\ud800"])
    if kind == 3:  # noqa: PLR2004 - as above
        return [_value(draw, depth + 1) for _ in range(draw.randrange(4))]
    return {draw.choice(_KEYS): _value(draw, depth + 1) for _ in range(draw.randrange(5))}


def _place(draw: random.Random) -> str:
    return "/".join(draw.choices(_PARTS, k=draw.randrange(1, 5)))


def _responses(draw: random.Random) -> tuple[int, int]:
    """Look for places in random JSON: each is in a bucket or in BigQuery."""
    held = 0
    for _ in range(_RESPONSES):
        found = places_of(*({"output": _value(draw)} for _ in range(3)), project="p")
        held += all(place.uri.startswith(("gs://", "bq://")) for place in found)
    return _RESPONSES, held


def _admitted(draw: random.Random) -> tuple[int, int]:
    """Name random places: what is admitted stays in the folder of the buckets."""
    near, held = Near("gs://"), 0
    with tempfile.TemporaryDirectory() as folder:
        root = os.path.realpath(folder)
        for _ in range(_PLACES):
            uri = near.resolve(draw.choice(["gs://", "gs://b/", "file://", "", "gcs://"]) + _place(draw))
            if uri is None:
                held += 1
                continue
            try:
                held += os.path.realpath(locate(uri, buckets=folder).path).startswith(root)
            except LroError:
                held += 1
    return _PLACES, held


def _damaged(draw: random.Random) -> bytes:
    data = draw.choice(_CONTENT) * draw.choice([1, 1, 40])
    for _ in range(draw.randrange(3)):
        if data:
            place = draw.randrange(len(data))
            data = data[:place] + draw.choice([b"", bytes([draw.randrange(256)])]) + data[place + 1 :]
    return draw.choice([data, gzip.compress(data), gzip.compress(data)[:-3]])


def _folders(draw: random.Random) -> tuple[int, int]:
    """Load folders of random files: each file is in a table or told, and nothing but an `LroError` comes."""
    held = 0
    for _ in range(_FOLDERS):
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            count = draw.randrange(1, 9)
            for number in range(count):
                suffix = draw.choice(
                    ["", ".csv", ".json", ".jsonl", ".parquet", ".avro", ".txt", ".gz", ".dcm"]
                )
                path = Path(folder, draw.choice(["", "deep"]), f"{draw.choice('xyz')}_{number}{suffix}")
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(_damaged(draw))
            held += _is_whole(folder, count, draw.choice(["first", "nested", "explode"]))
    return _FOLDERS, held


def _is_whole(folder: str, count: int, lists: str) -> bool:
    try:
        results = read(folder, lists=lists, deep=True, source_file=True)
        for name in results:
            results.arrow(name)
    except LroError:
        return True
    listed = {uri for name in results for uri in results[name].attrs["files"]}
    return len(listed | set(results.skipped["file"])) == count


ATTACKS: list[tuple[str, Callable[[random.Random], tuple[int, int]]]] = [
    ("random names of files, for a table each", _names),
    ("random responses, searched for places of output", _responses),
    ("random places, which lead out of no bucket", _admitted),
    ("folders of random files in any formats, each in a table or told", _folders),
]
