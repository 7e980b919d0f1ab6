"""Output files of an operation: written to a hidden folder, renamed into place when complete."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import islice
from typing import IO, TYPE_CHECKING, Self

from lro_notebook.local.core import objects
from lro_notebook.local.operations.method import Step

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from pathlib import Path

    from lro_notebook.local.operations.method import Job

_BUFFER = 1 << 20


class Shards:
    """The output files of one table, kept in a hidden folder until they are published.

    Parameters
    ----------
    workspace : Path
        An existing folder on the file system of the destination.
    name : str
        Name of the file; with several files, each adds ``-{i}-of-{n}``.
    limit : int
        Size in bytes at which a new file begins; lines are never split.
    suffix : str
        The end of every name.
    """

    def __init__(self, workspace: Path, name: str, limit: int, *, suffix: str = "") -> None:
        self._workspace = workspace
        self._name = name
        self._limit = limit
        self._suffix = suffix
        self._file: IO[bytes] | None = None
        self._size = 0
        self._paths: list[Path] = []

    def __enter__(self) -> Self:
        """Return itself; leaving the block closes the last file."""
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, lines: Iterable[bytes]) -> None:
        """Append lines."""
        for line in lines:
            file = self._file
            if file is None or self._size + len(line) + 1 > self._limit:
                file = self._next_file()
            self._size += file.write(line + b"\n")

    def publish(self, folder: Path) -> list[str]:
        """Move the closed files to `folder` and return their final names."""
        names: list[str] = []
        placed: list[Path] = []
        total = len(self._paths)
        try:
            for index, path in enumerate(self._paths):
                part = "" if total == 1 else f"-{index:05d}-of-{total:05d}"
                name = f"{self._name}{part}{self._suffix}"
                placed.append(objects.place(path, folder / name))
                names.append(name)
        except OSError:
            # An incomplete set of files would look like a complete table.
            for file in placed:
                objects.remove(file)
            raise
        return names

    def _next_file(self) -> IO[bytes]:
        if self._file is not None:
            self._file.close()
        path = self._workspace / f"{self._name}-{len(self._paths)}"
        self._file = path.open("wb", buffering=_BUFFER)
        self._size = 0
        self._paths.append(path)
        return self._file


def write_lines(job: Job, shards: Shards, lines: Iterator[bytes]) -> Iterator[Step]:
    """Write `lines`, one unit each, and yield a step per batch; `place` makes them count."""
    while batch := list(islice(lines, job.batch_size())):
        shards.write(batch)
        yield Step(success=len(batch), is_draft=True)


def place(shards: Iterable[Shards], folder: Path) -> Generator[Step, None, list[str]]:
    """Publish files, and count what is in them for good; return their final names."""
    names = [name for part in shards for name in part.publish(folder)]
    yield Step(places_drafts=True)
    return names


@contextmanager
def workspace(job: Job) -> Iterator[Path]:
    """Create the folder for the operation's unfinished files, and remove it at the end."""
    folder = job.buckets.partial / str(job.operation)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield folder
    finally:
        objects.remove(folder)
