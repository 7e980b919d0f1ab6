"""Files as a source: on this machine, or in any file system that fsspec knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lro_notebook.results.sources.source import Streams
from lro_notebook.results.storage import Location, opened

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from typing import BinaryIO

    from lro_notebook.results.discover import Shard


@dataclass(frozen=True, slots=True)
class Files(Streams):
    """The files of a file system.

    Attributes
    ----------
    location : Location
        The file system, and the place in it that was asked for.
    """

    location: Location

    def open(self, shard: Shard, *, block_size: int | None = None) -> AbstractContextManager[BinaryIO]:
        """Open a file; an error while it is read becomes a `ResultError`."""
        return opened(self.location, shard, **({} if block_size is None else {"block_size": block_size}))

    def label(self, shard: Shard) -> str:
        """Return the path of a file below the place that was asked for."""
        return self.location.within(shard.path)

    @property
    def is_remote(self) -> bool:
        """Whether the file system is not this machine's."""
        return "file" not in self.location.fs.protocol

    def beside(self, uri: str) -> Location | None:
        """Return the place `uri` if it is in this file system."""
        return self.location.beside(uri)
