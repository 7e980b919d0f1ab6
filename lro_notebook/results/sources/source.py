"""What a source is: where the tables of results come from, and what gives their batches."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import nullcontext
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from typing import BinaryIO

    from lro_notebook.results.arrow.batch import Advance, Batch, Options
    from lro_notebook.results.location import Location
    from lro_notebook.results.shards import Shard


class Source(Protocol):
    """Where the shards of some tables are, and how they are read."""

    def batches(self, shards: Sequence[Shard], options: Options, advance: Advance) -> Iterator[Batch]:
        """Yield the shards of one main table, piece by piece; `advance` is told how many bytes were read.

        Raises
        ------
        ResultError
            A shard cannot be read.
        """
        ...

    def beside(self, uri: str) -> Location | None:
        """Return the place `uri` as the credentials of this source reach it; None if they do not."""
        ...


class Streams(ABC):
    """A source that opens its shards as streams of bytes, each in the `Format` that its shard names.

    Formats open nothing themselves: what is done with the bytes on their way, such as fetching ahead, goes
    into `open` and `reading`.
    """

    @abstractmethod
    def open(self, shard: Shard, *, block_size: int | None = None) -> AbstractContextManager[BinaryIO]:
        """Open a shard for reading; ``seek(0)`` works until more than some KB were read.

        Parameters
        ----------
        shard : Shard
            One of this source.
        block_size : int, optional
            How many bytes to ask of a remote file at once, where few are needed.
        """

    def reading(self, shards: Sequence[Shard]) -> AbstractContextManager[Streams]:
        """Return what opens `shards`, in this order, for one reading; it may fetch ahead until that ends.

        Raises
        ------
        ResultError
            At the end: a shard is not what was listed any more.
        """
        del shards
        return nullcontext(self)

    def stop(self) -> None:  # noqa: B027 - most have nothing on its way
        """Have all that is on its way given up, and who waits for it told: something went wrong."""

    def label(self, shard: Shard) -> str:
        """Return a name for `shard` that rows may carry."""
        return shard.uri

    @property
    def is_remote(self) -> bool:
        """Whether to open a shard takes a trip over the network."""
        return True

    def beside(self, uri: str) -> Location | None:
        """Return the place `uri` as the credentials of this source reach it; None if they do not."""
        del uri
        return None

    def batches(self, shards: Sequence[Shard], options: Options, advance: Advance) -> Iterator[Batch]:
        """Yield the shards of one main table, as their format reads them."""
        reading = shards[0].format
        if reading is None:
            raise TypeError(f"{shards[0].uri} is a stream of bytes, and has no format")
        with self.reading(shards) as streams:
            yield from reading.read(streams, shards, options, advance)
