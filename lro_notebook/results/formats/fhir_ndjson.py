"""NDJSON of FHIR resources: a table for each type, and the tables of its lists.

Names of exports: ``{operation}_{Type}``, ``{operation}_{Type}-{i}-of-{n}``, ``{operation}_history_{Type}…``,
``{operation}_{Type}.ndjson`` of ``$export``, and the bulk-data layout ``Type.000.ndjson``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from lro_notebook.results.arrow.batch import BadLine, Batch
from lro_notebook.results.arrow.coalesce import coalesced, place, shares
from lro_notebook.results.arrow.json_lines import Reader
from lro_notebook.results.arrow.lines import BOM, blocks
from lro_notebook.results.formats.format import Format
from lro_notebook.results.formats.rows import Batches, flat_rows
from lro_notebook.results.prefetch import ahead

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lro_notebook.results.arrow.batch import Advance, Options
    from lro_notebook.results.arrow.coalesce import Piece, Pieces
    from lro_notebook.results.arrow.json_lines import Parsed
    from lro_notebook.results.arrow.lines import Block
    from lro_notebook.results.formats.rows import Rows
    from lro_notebook.results.limits import Limits
    from lro_notebook.results.shards import Shard
    from lro_notebook.results.sources.source import Streams

_EXPORT = re.compile(
    r"(?P<op>[^_/]+)_(?P<hist>history_)?(?P<type>[A-Z][A-Za-z]*)"
    r"(?:-(?P<i>\d+)-of-(?P<n>\d+))?(?:\.ndjson)?(?:\.gz)?",
    re.ASCII,
)
_BULK = re.compile(
    r"(?P<type>[A-Z][A-Za-z]*)(?:-(?P<i>\d+)-of-(?P<n>\d+)|[.-](?P<k>\d+))?\.(?:ndjson|jsonl)(?:\.gz)?",
    re.ASCII,
)
_TYPE = re.compile(rb'"resourceType"\s*:\s*"([A-Z][A-Za-z]{1,63})"')
#: FHIR has no such types: files of these names hold HL7v2 messages.
_NOT_FHIR = {"Message", "Messages"}


def parse_name(name: str) -> dict[str, Any] | None:
    """Return what the name of a file says about it, as fields of `Shard`; None if it is not one of FHIR."""
    match = _EXPORT.fullmatch(name) or _BULK.fullmatch(name)
    if match is None or match["type"] in _NOT_FHIR:
        return None
    parts = match.groupdict()
    index = parts["i"] or parts.get("k")
    return {
        "table": parts["type"] + ("_history" if parts.get("hist") else ""),
        "operation": parts.get("op"),
        "index": int(index) if index else None,
        "total": int(parts["n"]) if parts["n"] else None,
        "history": bool(parts.get("hist")),
    }


def type_in(start: bytes) -> str | None:
    """Return the type of the first resource of a file that begins so; None if it holds none.

    The first line has to be an object whose own ``resourceType`` is a word, as far as it is there.
    """
    line = start.removeprefix(BOM).lstrip().partition(b"\n")[0]
    if not line.startswith(b"{"):
        return None
    match = _TYPE.search(line)
    return (
        match[1].decode()
        if match and line.count(b"{", 0, match.start()) - line.count(b"}", 0, match.start()) == 1
        else None
    )


def read_resources(
    source: Streams, shards: Sequence[Shard], options: Options, advance: Advance
) -> Iterator[Batch]:
    """Yield the resources of `shards`; see `Format.read`."""
    reader = _FlatReader(shards[0].table, options)
    batches = Batches(shards[0], options)
    for block, pieces, piece, bad in parsed_blocks(source, shards, reader, advance, options.limits):
        if piece.rows is None:
            yield Batch({}, bad)
        else:
            yield batches.of(piece.rows, bad, shares(block, pieces, piece.rows.size))


class _Piece(NamedTuple):
    """A block of resources: what was learned of it, and its rows, None where it has none."""

    parsed: Parsed
    rows: Rows | None

    @property
    def bad(self) -> list[tuple[int, str]]:
        return self.parsed.bad

    @property
    def is_refused(self) -> bool:
        return self.parsed.is_refused


class _FlatReader:
    """Parses blocks and makes them flat, both in the thread that is at it."""

    def __init__(self, name: str, options: Options) -> None:
        self._name, self._options = name, options
        some = options.columns_of(name, name) if options.lists != "explode" else None
        self._reader = Reader(
            options.decimals, some, limits=options.limits, name=name, bare=bool(options.levels)
        )

    def job(self, block: Block) -> Callable[[], _Piece]:
        """Return what reads `block`; see `Reader.job`."""
        parse = self._reader.job(block)

        def run() -> _Piece:
            parsed = parse()
            if parsed.table is None:
                return _Piece(parsed, None)
            rows = flat_rows(parsed.table, self._name, self._options, shape=parsed.shape)
            return _Piece(parsed._replace(table=None), rows)  # what the flat table does not need may go

        return run

    def learn(self, piece: _Piece) -> None:
        """Use what a block taught for those to come."""
        self._reader.learn(piece.parsed)


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
    source: Streams, shards: Sequence[Shard], reader: _Reader[Result], advance: Advance, limits: Limits
) -> Iterator[tuple[Block, Pieces[Shard], Result, list[BadLine]]]:
    """Yield the blocks of `shards` as `reader` reads them, and the lines that could not be read.

    A block may be of several small files. Where their types do not go together, they are read apart, as large
    files are.
    """
    read = coalesced((shard, block) for shard in shards for block in _blocks(source, shard, limits))
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


def _blocks(source: Streams, shard: Shard, limits: Limits) -> Iterator[Block]:
    with source.open(shard) as file:
        yield from blocks(file, limits)


FHIR_NDJSON = Format(
    "FHIR NDJSON",
    read_resources,
    of_name=parse_name,
    looks=lambda _, start: type_in(start) is not None,
    table_in=type_in,
    holds_resources=True,
    tells_files=True,
)
