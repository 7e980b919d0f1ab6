"""The same two rows in each format that any API may write, and a place to load them from."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from results import avros

from lro_notebook.errors import LroWarning
from lro_notebook.results.load_place import read

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lro_notebook.results.results import Results

ROWS: dict[str, list[Any]] = {"id": [1, 2], "name": ["x", "y"]}
CSV = "id,name\n1,x\n2,y\n"
LINES = '{"id":1,"name":"x"}\n{"id":2,"name":"y"}\n'


def _parquet() -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(ROWS), out)
    return out.getvalue()


#: By the suffix of each format.
FILES: dict[str, bytes] = {
    "csv": CSV.encode(),
    "tsv": CSV.replace(",", "\t").encode(),
    "jsonl": LINES.encode(),
    "json": b'[{"id":1,"name":"x"},\n {"id":2,"name":"y"}]',
    "parquet": _parquet(),
    "avro": avros.written(
        avros.record(id="long", name="string"), [{"id": 1, "name": "x"}, {"id": 2, "name": "y"}]
    ),
}


def put(folder: Path, **files: bytes | str) -> Path:
    """Write files into a folder, ``__`` in their names standing for a dot; return the folder."""
    return put_named(folder, {name.replace("__", "."): content for name, content in files.items()})


def put_named(folder: Path, files: Mapping[str, bytes | str]) -> Path:
    """Write files into a folder, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def quiet(place: Any, **options: Any) -> Results:
    """Load what is at a place, without warnings, and read all of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LroWarning)
        results = read(place, **options)
        for name in results:
            results[name]
    return results


def columns(results: Results) -> dict[str, dict[str, list[Any]]]:
    """Return the values of each table, by columns."""
    return {name: {str(column): list(results[name][column]) for column in results[name]} for name in results}
