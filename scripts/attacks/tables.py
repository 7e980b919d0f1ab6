"""Any tables: joined as a plain loop joins them, and in SQLite what they are in memory."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pyarrow as pa

from lro_notebook.results.databases.sqlite import opened
from lro_notebook.results.joins.join import Side, join
from lro_notebook.results.table_stream import Stream

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

_SECONDS = 12.0  # after which a loop ends by itself
_SERVER = "https://a.example/fhir/"
_LETTERS = ["a", "A", '"', "'", ";", "--", " ", "\x00", "ß", "é", "\U0001f600", "%", "[", "]", "DROP TABLE x"]


def joins(rng: random.Random) -> tuple[int, int]:
    """Join random references to random ids, in each way."""
    tried = held = 0
    end = time.monotonic() + _SECONDS
    while tried < 400 and time.monotonic() < end:  # noqa: PLR2004 - enough
        tried += 1
        ids = [str(number) for number in range(rng.randrange(8))]
        forms = ["Patient/{}", "Patient/{}/_history/2", _SERVER + "Patient/{}", "urn:uuid:{}", "#{}"]
        forms.append("Device/{}")
        written = [
            (rng.choice(forms), str(rng.randrange(9))) if rng.random() < 0.9 else None  # noqa: PLR2004
            for _ in range(rng.randrange(12))
        ]
        written.append(("Patient/{}", "8"))  # one at least is to a patient
        texts = [one and one[0].format(one[1]) for one in written]
        keys = [one[1] if one and not one[0].startswith(("#", "Device")) else None for one in written]
        left = pa.table({"id": range(len(texts)), "subject.reference": pa.array(texts, pa.string())})
        right = pa.table({"id": pa.array(ids, pa.string())})
        how = rng.choice(["left", "inner", "right", "outer"])
        expected: list[tuple[int | None, str | None]] = [
            (row, key if key in ids else None)
            for row, key in enumerate(keys)
            if key in ids or how in ("left", "outer")
        ]
        expected += [(None, one) for one in ids if one not in keys and how in ("right", "outer")]
        table, _ = join(Side("Condition", left), Side("Patient", right), "subject", how, None)
        found = list(zip(table["id"].to_pylist(), table["Patient.id"].to_pylist(), strict=True))
        held += sorted(found, key=str) == sorted(expected, key=str)
    return tried, held


def databases(rng: random.Random) -> tuple[int, int]:
    """Write tables with any names and values to SQLite, and read them again."""
    tried = held = 0
    end = time.monotonic() + _SECONDS
    with closing(sqlite3.connect(":memory:")) as connection:
        while tried < 300 and time.monotonic() < end:  # noqa: PLR2004 - enough
            tried += 1
            rows = rng.randrange(5)
            names = ["".join(rng.choices(_LETTERS, k=rng.randrange(4))) for _ in range(rng.randrange(1, 6))]
            columns = [_values(rng, rows) for _ in names]
            table = pa.Table.from_arrays(columns, names=names)
            with opened(connection) as database:
                database.write(f"t{names[0]}".replace("\x00", ""), Stream.of(table))
            (name,) = connection.execute("SELECT name FROM sqlite_master").fetchone()
            quoted = '"' + name.replace('"', '""') + '"'
            found = connection.execute(f"SELECT * FROM {quoted}").fetchall()  # noqa: S608 - quoted
            held += found == list(zip(*(column.to_pylist() for column in columns), strict=True))
            connection.execute(f"DROP TABLE {quoted}")
            connection.commit()
    return tried, held


def _values(rng: random.Random, rows: int) -> pa.Array:
    made: dict[pa.DataType, Callable[[], object]] = {
        pa.string(): lambda: "".join(rng.choices(_LETTERS, k=3)),
        pa.int64(): lambda: rng.randrange(-(2**63), 2**63),
        pa.float64(): lambda: rng.uniform(-1e300, 1e300),
        pa.binary(): lambda: rng.randbytes(4),
        pa.bool_(): lambda: rng.random() < 0.5,  # noqa: PLR2004 - half
    }
    dtype = rng.choice(list(made))
    values = [None if rng.random() < 0.2 else made[dtype]() for _ in range(rows)]  # noqa: PLR2004 - some
    return pa.array(values, dtype)


ATTACKS = [
    ("references of every form, joined in every way", joins),
    ("tables with any names and values, in SQLite", databases),
]
