"""Files that declare their types, damaged at random.

An attempt held if the file becomes rows or words of what is wrong, and the good one beside it is whole.
"""

from __future__ import annotations

import io
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq

from lro_notebook.errors import LroWarning, ResultError
from lro_notebook.results.formats.avro.reader import AVRO
from lro_notebook.results.formats.parquet.reader import PARQUET
from lro_notebook.results.formats.unsupported import why_unread
from lro_notebook.results.load_place import options_of
from lro_notebook.results.location import locate
from lro_notebook.results.results import Results
from lro_notebook.results.shards import Shard
from lro_notebook.results.sources.files import Files

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from lro_notebook.results.formats.format import Format

_SECONDS = 15.0
_ROWS = 60
_SCHEMA = {
    "type": "record",
    "name": "R",
    "fields": [
        {"name": "x", "type": "long"},
        {"name": "s", "type": ["null", "string"]},
        {"name": "l", "type": {"type": "array", "items": "int"}},
        {"name": "d", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
        {"name": "t", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    ],
}


def _rows() -> list[dict[str, Any]]:
    return [{"x": n, "s": str(n) if n % 3 else None, "l": list(range(n % 4))} for n in range(_ROWS)]


def _parquet(draw: random.Random) -> bytes:
    out = io.BytesIO()
    how = {
        "compression": draw.choice(["none", "snappy", "zstd"]),
        "use_dictionary": draw.random() < 0.5,  # noqa: PLR2004 - a coin
        "row_group_size": draw.choice([7, 60]),
        "data_page_version": draw.choice(["1.0", "2.0"]),
    }
    pq.write_table(pa.Table.from_pylist(_rows()), out, **how)
    return out.getvalue()


def _avro(draw: random.Random) -> bytes:
    out = io.BytesIO()
    rows = [{**row, "d": b"\x01", "t": 0} for row in _rows()]
    schema = fastavro.parse_schema(_SCHEMA)
    fastavro.writer(out, schema, rows, codec=draw.choice(["null", "deflate"]), sync_interval=200)
    return out.getvalue()


def _damaged(data: bytes, draw: random.Random) -> bytes:
    """Return `data` with some bytes changed, cut out, doubled or cut off."""
    changed = bytearray(data)
    for _ in range(draw.randint(1, 4)):
        place = draw.randrange(len(changed)) if changed else 0
        kind = draw.randrange(6)
        if kind < 3 and changed:  # noqa: PLR2004 - half of them
            changed[place] = draw.choice([0, 1, 127, 128, 255, draw.randrange(256)])
        elif kind == 3:  # noqa: PLR2004
            del changed[place : place + draw.randint(1, 20)]
        elif kind == 4:  # noqa: PLR2004
            changed[place:place] = changed[place : place + draw.randint(1, 20)]
        elif draw.random() < 0.3:  # noqa: PLR2004
            del changed[place:]
    return bytes(changed)


def _held(folder: Path, reading: Format, draw: random.Random) -> bool:
    """Tell whether a damaged file ends with rows or words, and the good one beside it is whole."""
    lists = draw.choice(["first", "nested", "explode"])
    files = sorted(folder.iterdir())
    shards = [Shard(str(path), str(path), "T", path.stat().st_size, format=reading) for path in files]
    results = Results(Files(locate(folder)), shards, options_of(lists=lists))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LroWarning)
        try:
            table, bad = results.arrow("T"), results.bad_lines
        except ResultError:
            return False
    good = set(bad["file"]) <= {str(files[0])}
    return good and "x" in table.column_names and table.num_rows >= _ROWS


def _against(
    make: Callable[[random.Random], bytes], reading: Format
) -> Callable[[random.Random], tuple[int, int]]:
    def run(draw: random.Random) -> tuple[int, int]:
        tried = held = 0
        until = time.monotonic() + _SECONDS
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "b").write_bytes(make(draw))
            while tried < 400 and time.monotonic() < until:  # noqa: PLR2004
                (folder / "a").write_bytes(_damaged(make(draw), draw))
                tried += 1
                held += _held(folder, reading, draw)
        return tried, held

    return run


def unread(draw: random.Random) -> tuple[int, int]:
    """Ask of random bytes what they are: in words that repeat none of them, or not at all."""
    tried = held = 0
    for _ in range(2000):
        start = draw.randbytes(draw.randint(0, 200))
        if draw.random() < 0.3:  # noqa: PLR2004
            start = draw.choice([b"WEBVTT", b"-- dump", b"<", b"PK\x03\x04", b"ORC", b"REDIS0009"]) + start
        reason = why_unread(draw.choice(["a", "output-0", "x.sql", "t.shp"]), start)
        tried += 1
        held += reason is None or (reason.isprintable() and len(reason) < 300)  # noqa: PLR2004
    return tried, held


ATTACKS: list[tuple[str, Callable[[random.Random], tuple[int, int]]]] = [
    ("Parquet files damaged at random, beside a good one", _against(_parquet, PARQUET)),
    ("Avro files damaged at random, beside a good one", _against(_avro, AVRO)),
    ("random bytes asked for what they are", unread),
]
