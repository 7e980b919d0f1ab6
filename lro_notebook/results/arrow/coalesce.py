"""Blocks of many small files as few, since each block costs as much as some hundred lines. Opens no file.

No object can go over the seam of two files: see `lines.count_objects`. So the lines of several files are
parsed as those of one, and each is known by its own file and number.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import pairwise
from operator import attrgetter
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from lro_notebook.results.arrow.line_blocks import BLOCK, FIRST_BLOCK, Block, sort_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_FULL = 0.75  # a block of so much of its size does not wait for more

Origin = TypeVar("Origin")


class Piece(NamedTuple, Generic[Origin]):
    """The lines of one file in a block.

    Attributes
    ----------
    origin : object
        The file.
    first : int
        The number that the first of the lines has in the block.
    block : Block
        The lines, with their numbers in the file.
    """

    origin: Origin
    first: int
    block: Block


Pieces = list[Piece[Origin]]


def coalesced(
    blocks: Iterable[tuple[Origin, Block]], *, first: int = FIRST_BLOCK, size: int = BLOCK
) -> Iterator[tuple[Block, Pieces[Origin]]]:
    """Yield the `blocks`, those of small files joined to blocks of up to about `size` bytes, in their order.

    Two blocks of one file are joined only where the second is its last line, without a line feed. A fault
    stays a block by itself.

    Parameters
    ----------
    blocks : iterable of (object, Block)
        Files and their blocks.
    first : int
        Bytes of the first block.
    size : int
        Bytes of the others.
    """
    held: list[tuple[Origin, Block]] = []
    total, most = 0, first
    for origin, block in blocks:
        if held and not (total + len(block.data) <= most and _continues(held[-1][0], origin, block)):
            yield _joined(held)
            held, total, most = [], 0, size
        held.append((origin, block))
        total += len(block.data)
        if block.fault or total >= most * _FULL:
            yield _joined(held)
            held, total, most = [], 0, size
    if held:
        yield _joined(held)


def place(pieces: Sequence[Piece[Origin]], line: int) -> tuple[Origin, int]:
    """Return the file and the number in it of the line that has the number `line` in a block."""
    piece = pieces[bisect_right(pieces, line, key=attrgetter("first")) - 1]
    index, numbers = line - piece.first, piece.block.numbers
    return piece.origin, int(numbers[index]) if index < len(numbers) else index + piece.block.line


def shares(block: Block, pieces: Sequence[Piece[Origin]], rows: int) -> list[tuple[Origin, int]]:
    """Return how many of the `rows` that a block became are of each file, in their order."""
    if len(pieces) == 1:
        return [(pieces[0].origin, rows)]
    lines = block.data.count(b"\n")
    starts = [piece.first for piece in pieces[1:]]
    if rows == lines:
        places = [start - 1 for start in starts]
    else:  # some lines became none
        numbers = [number for number, _ in sort_lines(block)[0]]
        places = [bisect_left(numbers, start) for start in starts]
    return [
        (piece.origin, end - start)
        for piece, (start, end) in zip(pieces, pairwise([0, *places, rows]), strict=True)
    ]


def _continues(before: object, origin: object, block: Block) -> bool:
    """Tell whether a block may be joined with those before it."""
    return not block.fault and (origin is not before or not block.data.endswith(b"\n"))


def _joined(held: Sequence[tuple[Origin, Block]]) -> tuple[Block, Pieces[Origin]]:
    if len(held) == 1:
        ((origin, block),) = held
        return block, [Piece(origin, block.line, block)]
    number, parts, pieces = 1, [], []
    for origin, block in held:
        pieces.append(Piece(origin, number, block))
        parts.append(block.data)
        number += block.data.count(b"\n")
        if not block.data.endswith(b"\n"):
            parts.append(b"\n")
            number += 1
    taken = sum(block.taken for _, block in held)
    return Block(b"".join(parts), 1, taken, limits=held[0][1].limits, joined=True), pieces
