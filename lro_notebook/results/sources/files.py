"""Files as a source: on this machine, or in any file system that fsspec knows."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lro_notebook.results.file_systems import is_serial
from lro_notebook.results.location import Location, opened
from lro_notebook.results.remote.fetching import Fetching
from lro_notebook.results.remote.retried_calls import USUAL, Fetch
from lro_notebook.results.sources.source import Streams

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO

    from lro_notebook.results.shards import Shard


@dataclass(frozen=True, slots=True)
class Files(Streams):
    """The files of a file system.

    Attributes
    ----------
    location : Location
        The file system, and the place in it that was asked for.
    fetch : Fetch
        How much is fetched at once from a remote one.
    """

    location: Location
    fetch: Fetch = USUAL

    @contextmanager
    def open(self, shard: Shard, *, block_size: int | None = None) -> Iterator[BinaryIO]:
        """Open a file; an error while it is read becomes a `ResultError`."""
        if self._is_fetched:
            with self._fetching([shard], block_size or 0) as one, one.open(shard) as file:
                yield file
            return
        with opened(
            self.location, shard, **({} if block_size is None else {"block_size": block_size})
        ) as file:
            yield file

    @contextmanager
    def reading(self, shards: Sequence[Shard]) -> Iterator[Streams]:
        """Return what opens `shards` in this order: from a remote place they are fetched ahead."""
        if not self._is_fetched:
            yield self
            return
        reading = shards[0].format if shards else None
        with self._fetching(shards, reading.head if reading else 0) as fetching:
            yield fetching
            fetching.check()

    def label(self, shard: Shard) -> str:
        """Return the path of a file below the place that was asked for."""
        return self.location.within(shard.path)

    @property
    def is_remote(self) -> bool:
        """Whether the file system is not this machine's."""
        return self.location.is_remote

    def beside(self, uri: str) -> Location | None:
        """Return the place `uri` if it is in this file system."""
        return self.location.beside(uri)

    @property
    def _is_fetched(self) -> bool:
        return self.location.is_remote and not is_serial(self.location.given)

    def _fetching(self, shards: Sequence[Shard], head: int) -> Fetching:
        return Fetching(self.location, shards, self.fetch, head=head, label=self.label)
