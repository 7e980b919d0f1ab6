"""Files of formats that declare their types, read as results; and a place far away that holds them."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO

from lro_notebook.errors import LroWarning
from lro_notebook.results.load_place import options_of
from lro_notebook.results.location import locate
from lro_notebook.results.results import Results
from lro_notebook.results.shards import Shard
from lro_notebook.results.sources.files import Files
from lro_notebook.results.sources.source import Streams

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lro_notebook.results.formats.format import Format

Row = dict[str, Any]


def results_of(folder: Path, reading: Format, **options: Any) -> Results:
    """Return the files of a folder as the table ``T``."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    shards = [Shard(str(path), str(path), "T", path.stat().st_size, format=reading) for path in files]
    return Results(Files(locate(folder)), shards, options_of(**options))


def rows_of(folder: Path, reading: Format, **options: Any) -> list[Row]:
    """Return the rows of a folder, in which nothing is wrong."""
    rows, bad = rows_and_bad(folder, reading, **options)
    assert bad == []
    return rows


def rows_and_bad(folder: Path, reading: Format, **options: Any) -> tuple[list[Row], list[tuple[str, str]]]:
    """Return the rows of a folder, and what is wrong: names of files and reasons, each for a whole file."""
    results = results_of(folder, reading, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LroWarning)
        rows: list[Row] = results.arrow("T").to_pylist()
        bad = results.bad_lines
    assert bad["line"].isna().all()
    names = [file.rpartition("/")[2] for file in bad["file"]]
    return rows, list(zip(names, bad["reason"], strict=True))


class Far(Streams):
    """Forward streams, as a remote place gives them: a seek works near the start only."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.largest = 0

    @contextmanager
    def open(self, shard: Shard, *, block_size: int | None = None) -> Iterator[BinaryIO]:
        del block_size
        far, data = self, self.files[shard.path]

        class Forward(BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                assert size is not None
                assert size >= 0, "all at once"
                far.largest = max(far.largest, size)
                return super().read(size)

            def seek(self, place: int, whence: int = 0) -> int:
                assert (place, whence) == (0, 0)
                assert self.tell() <= 8192
                return super().seek(place)

        yield Forward(data)

    def shards(self, reading: Format) -> list[Shard]:
        """Return the files."""
        return [Shard(name, name, "T", len(data), format=reading) for name, data in self.files.items()]
