"""JSON objects, one a line, to batches: parsed ahead in threads, those of small files together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from lro_notebook.results.arrow.batch import BadLine, Batch
from lro_notebook.results.arrow.coalesce import coalesced, place, shares
from lro_notebook.results.arrow.encodings import text_blocks
from lro_notebook.results.arrow.json_lines import Reader
from lro_notebook.results.arrow.line_blocks import blocks
from lro_notebook.results.formats.flat_pieces import Batches, flat_rows
from lro_notebook.results.prefetch import ahead

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping, Sequence

    import pyarrow as pa

    from lro_notebook.results.arrow.batch import Advance, Options
    from lro_notebook.results.arrow.coalesce import Piece, Pieces
    from lro_notebook.results.arrow.json_lines import Parsed
    from lro_notebook.results.arrow.line_blocks import Block
    from lro_notebook.results.formats.flat_pieces import Rows
    from lro_notebook.results.formats.format import Cut
    from lro_notebook.results.limits import Limits
    from lro_notebook.results.shards import Shard
    from lro_notebook.results.sources.source import Streams


class Belonging(Protocol):
    """Tells which lines do not belong to the table that they are in."""

    column: str

    def others(self, table: pa.Table, block: Block) -> Mapping[int, str]:
        """Return the lines that do not, by number, with why; `table` has `column` if any line has it."""
        ...


def read_objects(
    source: Streams,
    shards: Sequence[Shard],
    options: Options,
    advance: Advance,
    cut: Cut | None = None,
    *,
    belonging: Belonging | None = None,
) -> Iterator[Batch]:
    """Yield the objects of `shards`, one a line unless `cut` says where they are; see `Format.read`.

    Those of a shard that is in lines are one a line whatever `cut` says.

    Lines that do not belong to the table, as `belonging` tells, are bad lines.
    """
    reader = _FlatReader(shards[0].table, options, belonging)
    batches = Batches(shards[0], options)
    for block, pieces, piece, bad in parsed_blocks(source, shards, reader, advance, options.limits, cut=cut):
        if piece.rows is None:
            yield Batch({}, bad)
        else:
            yield batches.of(piece.rows, bad, shares(piece.block or block, pieces, piece.rows.size))


class _Piece(NamedTuple):
    """A block of objects: what was learned of it, and its rows, None where it has none.

    `block` is what was read of it, where that is not all.
    """

    parsed: Parsed
    rows: Rows | None
    block: Block | None = None

    @property
    def bad(self) -> list[tuple[int, str]]:
        return self.parsed.bad

    @property
    def is_refused(self) -> bool:
        return self.parsed.is_refused


class _FlatReader:
    """Parses blocks and makes them flat, both in the thread that is at it."""

    def __init__(self, name: str, options: Options, belonging: Belonging | None) -> None:
        self._name, self._options, self._belonging = name, options, belonging
        some = options.columns_of(name, name) if options.lists != "explode" else None
        if some is not None and belonging is not None:
            some = list(dict.fromkeys([*some, belonging.column]))
        self._reader = Reader(
            options.decimals, some, limits=options.limits, name=name, bare=bool(options.levels)
        )

    def job(self, block: Block) -> Callable[[], _Piece]:
        """Return what reads `block`; see `Reader.job`."""
        parse, belonging = self._reader.parser(), self._belonging

        def run() -> _Piece:
            parsed = parse(block)
            others: Mapping[int, str] = {}
            if belonging is not None and parsed.table is not None:
                others = belonging.others(parsed.table, block)
            if not others:
                return self._piece(parsed)
            kept = _without(block, others)  # read again: so the others add no columns, and change no types
            parsed = parse(kept)
            return self._piece(parsed._replace(bad=sorted([*parsed.bad, *others.items()])), kept)

        return run

    def _piece(self, parsed: Parsed, block: Block | None = None) -> _Piece:
        if parsed.table is None:
            return _Piece(parsed, None, block)
        rows = flat_rows(parsed.table, self._name, self._options, shape=parsed.shape)
        return _Piece(parsed._replace(table=None), rows, block)  # what the flat table does not need may go

    def learn(self, piece: _Piece) -> None:
        """Use what a block taught for those to come."""
        self._reader.learn(piece.parsed)


def _without(block: Block, lines: Container[int]) -> Block:
    """Return a block in which these lines, by number, are empty."""
    kept = [
        b"" if number in lines else line for number, line in enumerate(block.data.split(b"\n"), block.line)
    ]
    return replace(block, data=b"\n".join(kept))


class _Read(Protocol):
    @property
    def bad(self) -> list[tuple[int, str]]: ...

    @property
    def is_refused(self) -> bool: ...


Result = TypeVar("Result", bound=_Read)


class _Reader(Protocol[Result]):
    def job(self, block: Block) -> Callable[[], Result]: ...

    def learn(self, parsed: Result, /) -> None: ...


def parsed_blocks(
    source: Streams,
    shards: Sequence[Shard],
    reader: _Reader[Result],
    advance: Advance,
    limits: Limits,
    *,
    cut: Cut | None = None,
) -> Iterator[tuple[Block, Pieces[Shard], Result, list[BadLine]]]:
    """Yield the blocks of `shards` as `reader` reads them, and the lines that could not be read.

    A block may be of several small files. Where their types do not go together, they are read apart, as large
    files are.
    """
    read = coalesced((shard, block) for shard in shards for block in _blocks(source, shard, limits, cut))
    for (block, pieces), parsed in ahead(lambda pair: reader.job(pair[0]), read):
        if not parsed.is_refused:
            reader.learn(parsed)
            yield block, pieces, parsed, _bad_lines(pieces, parsed)
        else:
            for piece in pieces:
                alone = reader.job(piece.block)()
                reader.learn(alone)
                one = [piece._replace(first=piece.block.line)]
                yield piece.block, one, alone, _bad_lines(one, alone)
        advance(block.taken)


def _bad_lines(pieces: Sequence[Piece[Shard]], parsed: _Read) -> list[BadLine]:
    places = ((*place(pieces, line), reason) for line, reason in parsed.bad)
    return [BadLine(shard.uri, line, reason) for shard, line, reason in places]


def _blocks(source: Streams, shard: Shard, limits: Limits, cut: Cut | None) -> Iterator[Block]:
    with source.open(shard) as file:
        yield from (text_blocks if shard.in_lines else cut or blocks)(file, limits)
