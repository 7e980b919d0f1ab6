"""Shards that can be read from any place, for formats that say at their end what is where.

A file of this machine is opened as it is. Any other is a forward stream, which is copied into a temporary
file without a name first: as fast as its ranges are fetched ahead, and in the memory of one piece.
"""

from __future__ import annotations

import tempfile
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from lro_notebook.results.sources.spool import check_room, no_room

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lro_notebook.results.shards import Shard
    from lro_notebook.results.sources.source import Streams

GZIP = b"\x1f\x8b"
_PIECE = 1 << 20
_COMPRESSED = 1 << 14  # bytes of a gzip file that are read at once; they may become a thousand times more
_GROWTH = 100  # times its size that gzip may become: columns are packed already
_SMALL = 64_000_000  # bytes that it may become anyway


class NotCopiedError(Exception):
    """What a shard holds cannot be read from any place; the message says why, in fixed words."""


@contextmanager
def anywhere(source: Streams, shard: Shard) -> Iterator[BinaryIO]:
    """Open a shard so that it can be read from any place; gzip is decompressed.

    Raises
    ------
    NotCopiedError
        Its compressed data is damaged, or becomes far too much.
    ResultError
        It cannot be read, or the disk for temporary files is full.
    """
    with source.open(shard) as stream:
        if not source.is_remote and not _is_packed(stream):
            yield stream
            return
        with _temporary() as file:
            for piece in pieces(stream):
                _keep(file, piece)
            file.seek(0)
            yield file


def pieces(stream: BinaryIO) -> Iterator[bytes]:
    """Yield what a stream holds, some MB at most at once; gzip is decompressed.

    Raises
    ------
    NotCopiedError
        The compressed data is damaged, or becomes far too much; what comes before was yielded.
    """
    yield from _unpacked(stream) if _is_packed(stream) else iter(lambda: stream.read(_PIECE), b"")


def _is_packed(stream: BinaryIO) -> bool:
    start = stream.read(len(GZIP))
    stream.seek(0)
    return start == GZIP


@contextmanager
def _temporary() -> Iterator[BinaryIO]:
    try:
        file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed below
    except OSError as error:
        raise no_room(tempfile.gettempdir()) from error
    with file:
        yield file


def _keep(file: BinaryIO, piece: bytes) -> None:
    check_room(tempfile.gettempdir())
    view = memoryview(piece)
    try:
        while view:
            view = view[file.write(view) :]
    except OSError as error:
        raise no_room(tempfile.gettempdir()) from error


def _unpacked(stream: BinaryIO) -> Iterator[bytes]:
    """Yield what gzip holds, all of its members; ends with an error where it is damaged."""
    taken, given, member = 0, 0, zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    while data := stream.read(_COMPRESSED):
        taken += len(data)
        while data:
            if member.eof:
                if not data.strip(b"\0"):  # padding
                    break
                member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
            try:
                piece = member.decompress(data, _PIECE)
            except zlib.error as error:
                raise NotCopiedError("not readable: the compressed data is damaged") from error
            data = member.unconsumed_tail or member.unused_data
            given += len(piece)
            if given > max(_SMALL, taken * _GROWTH):
                raise NotCopiedError(
                    f"not read: the compressed data becomes more than {_GROWTH} times its size"
                )
            yield piece
    if not member.eof:
        raise NotCopiedError("not readable: the compressed data is cut off")
