"""Attacks on the reading of delimited values: random bytes, quotes without an end, random tables."""

from __future__ import annotations

import csv
import io
import tempfile
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lro_notebook.errors import LroWarning, ResultError
from lro_notebook.results.arrow.batch import Options
from lro_notebook.results.formats.delimited.reader import DELIMITED
from lro_notebook.results.limits import DEFAULT
from lro_notebook.results.location import locate
from lro_notebook.results.results import Results
from lro_notebook.results.shards import Shard
from lro_notebook.results.sources.files import Files

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

_SECONDS = 15
_PARTS = [
    b'"',
    b'""',
    b",",
    b"\t",
    b";",
    b"\n",
    b"\r\n",
    b"\r",
    b"a",
    b"1",
    b"1.5",
    b"\xff",
    b"\0",
    b"\xef\xbb\xbf",
    b'\\"',
    b', "',
    b"sep=;\n",
    b"\xfc",
    b"\x01",
]


def _load(folder: Path, data: bytes, options: Options) -> Results:
    path = folder / "t.csv"
    path.write_bytes(data)
    shard = Shard(str(path), str(path), "t", len(data), format=DELIMITED)
    return Results(Files(locate(folder)), [shard], options)


def _many(draw: random.Random, attempt: Callable[[random.Random, Path], bool]) -> tuple[int, int]:
    tried = held = 0
    end = time.monotonic() + _SECONDS
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", LroWarning)
        while tried < 2_000 and time.monotonic() < end:  # noqa: PLR2004 - as many as are tried
            tried += 1
            held += attempt(draw, Path(folder))
    return tried, held


def broken(draw: random.Random) -> tuple[int, int]:
    """Read random pieces of dialects: a table or a `ResultError`, and nothing beyond the limit of a line."""

    def attempt(draw: random.Random, folder: Path) -> bool:
        data = b"".join(draw.choices(_PARTS, k=draw.randrange(200)))
        limits = replace(DEFAULT, line=draw.choice([20, 10**6]), columns=draw.choice([3, 5_000]))
        results = _load(folder, data, Options(limits=limits, decimals="text"))
        try:
            table = results.arrow("t")
        except ResultError:
            return False
        cells = [cell for row in table.to_pylist() for cell in row.values() if cell]
        return table.num_columns <= limits.columns and all(len(cell) <= limits.line for cell in cells)

    return _many(draw, attempt)


def tables(draw: random.Random) -> tuple[int, int]:
    """Write random tables in random dialects, and read them back."""

    def attempt(draw: random.Random, folder: Path) -> bool:
        width = draw.randint(2, 5)
        names = [f"name {place}" for place in range(width)]
        rows = [
            ["".join(draw.choices("ab1\"',;\n\ré€", k=draw.randrange(8))) for _ in names]
            for _ in range(draw.randrange(20))
        ]
        text = io.StringIO()
        line_end = draw.choice(["\n", "\r\n", "\r"])
        # With other line ends the writer quotes no carriage returns, and nobody could tell what they are.
        writer = csv.writer(
            text,
            delimiter=draw.choice(",\t;|"),
            lineterminator=line_end,
            quoting=csv.QUOTE_MINIMAL if line_end == "\r\n" else csv.QUOTE_ALL,
        )
        writer.writerows([names, *rows])
        data = text.getvalue().encode(draw.choice(["utf-8", "utf-8-sig", "utf-16", "utf-32"]))
        results = _load(folder, data, Options(decimals="text"))
        found = [list(row.values()) for row in results.arrow("t").to_pylist()]
        return found == [[cell or None for cell in row] for row in rows] and results.bad_lines.empty

    return _many(draw, attempt)


ATTACKS: list[tuple[str, Callable[[random.Random], tuple[int, int]]]] = [
    ("broken delimited values", broken),
    ("tables in random dialects", tables),
]
