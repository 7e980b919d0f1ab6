"""Files of JSON as a table, for the tests of the formats that nobody looks up yet."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import LroWarning
from lro_notebook.results.formats.json.documents import JSON_DOCUMENTS
from lro_notebook.results.load_place import options_of
from lro_notebook.results.location import locate
from lro_notebook.results.results import Results
from lro_notebook.results.shards import Shard
from lro_notebook.results.sources.files import Files

if TYPE_CHECKING:
    from pathlib import Path

    from lro_notebook.results.formats.format import Format


def results_of(
    folder: Path, *files: bytes | str, reading: Format = JSON_DOCUMENTS, table: str = "T", **options: Any
) -> Results:
    """Write files and return them as a table, unread."""
    shards = []
    for number, content in enumerate(files):
        path = folder / f"f{number:03d}.json"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        shards.append(Shard(str(path), str(path), table, path.stat().st_size, format=reading))
    return Results(Files(locate(folder)), shards, options_of(**options))


def quietly(results: Results) -> Results:
    """Read the table without warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LroWarning)
        list(results.bad_lines["file"])
    return results


def rows(results: Results) -> list[dict[str, Any]]:
    """Return the rows of the table, without the fields that are null in them."""
    table = quietly(results).arrow(next(iter(results))).to_pylist()
    return [{name: value for name, value in row.items() if value is not None} for row in table]


def bad(results: Results) -> list[tuple[str, int | None, str]]:
    """Return the number of the file, the line and the reason of each bad line."""
    frame = quietly(results).bad_lines
    files = [file[-8:-5] for file in frame["file"]]
    lines = [int(line) for line in frame["line"]]
    return list(zip(files, lines, frame["reason"], strict=True))
