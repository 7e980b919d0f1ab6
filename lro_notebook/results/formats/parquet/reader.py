"""Parquet files: one table, in the types that the files declare. Written by `export.parquet`, read here.

Row group by row group, in pieces of some MB, and of the columns that are asked for only.
"""

from __future__ import annotations

import inspect
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from lro_notebook.results.arrow.batch import BadLine, Batch
from lro_notebook.results.arrow.infer_schema import path_of
from lro_notebook.results.arrow.normalize_types import Plain, decoded_bytes, longest_word, unique
from lro_notebook.results.formats.flat_pieces import Batches, flat_rows
from lro_notebook.results.formats.format import Format
from lro_notebook.results.formats.parquet.footer_checks import (
    DAMAGED,
    DAMAGED_PART,
    ENCRYPTED,
    FIXED_LISTS,
    LARGEST,
    LOCKED,
    MAGIC,
    Chunk,
    ClaimError,
    Group,
    checked_footer,
    claim_of,
    groups,
    rows_at_once,
)
from lro_notebook.results.formats.parquet.logical import kinds_of, with_texts
from lro_notebook.results.prefetch import ahead
from lro_notebook.results.sources.seekable import NotCopiedError, anywhere

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import BinaryIO

    from lro_notebook.results.arrow.batch import Advance, Options
    from lro_notebook.results.formats.flat_pieces import Rows
    from lro_notebook.results.shards import Shard
    from lro_notebook.results.sources.source import Streams

_BUFFER = 1 << 18  # bytes of a column that are read at once
_PIECE = 4 << 20  # bytes that a piece should have, at least
_CONTAINER = 1 << 17  # elements of a list in the footer
#: What pyarrow raises for a damaged file; its OSError has no number.
_FAULTS = (pa.ArrowException, LookupError, MemoryError, OSError, OverflowError, TypeError, ValueError)


class _Item(NamedTuple):
    """Rows of a file, nested, or what is wrong with it; and how many of its bytes are done."""

    shard: Shard
    table: pa.Table | None
    names: Sequence[str] = ()
    kinds: Sequence[str] = ()
    reason: str = ""
    taken: int = 0


def read_parquet(
    source: Streams, shards: Sequence[Shard], options: Options, advance: Advance
) -> Iterator[Batch]:
    """Yield the rows of `shards`; see `Format.read`."""
    batches = Batches(shards[0], options)
    told: set[tuple[str, str]] = set()
    items = (item for shard in shards for item in _items(source, shard, options))
    for item, (rows, faults) in ahead(partial(_job, options=options, name=shards[0].table), items):
        fresh = [reason for reason in faults if (item.shard.uri, reason) not in told]
        told.update((item.shard.uri, reason) for reason in fresh)
        bad = [BadLine(item.shard.uri, None, reason) for reason in fresh]
        yield Batch({}, bad) if rows is None else batches.of(rows, bad, [(item.shard, rows.size)])
        advance(item.taken)


def _job(item: _Item, *, options: Options, name: str) -> Callable[[], tuple[Rows | None, list[str]]]:
    def run() -> tuple[Rows | None, list[str]]:
        if item.table is None:
            return None, [item.reason] if item.reason else []
        plain = Plain(options.decimals)
        rows = flat_rows(with_texts(plain.table(item.table), item.kinds, plain), name, options)
        return rows._replace(seen=dict.fromkeys(item.names) if rows.seen else {}), list(plain.faults)

    return run


def _items(source: Streams, shard: Shard, options: Options) -> Iterator[_Item]:
    """Yield the rows of a file, then what is wrong with it."""
    left, reason = shard.size, ""
    try:
        with anywhere(source, shard) as file:
            reading = _Reading(file, shard, options)
            for item in reading.items():
                left -= item.taken
                yield item
            reason = reading.reason
    except NotCopiedError as error:
        reason = str(error)
    yield _Item(shard, None, reason=reason, taken=max(left, 0))


class _Reading:
    """One file, and after its `items` the `reason` why not all of it was read."""

    def __init__(self, file: BinaryIO, shard: Shard, options: Options) -> None:
        self._file, self._shard, self._options = file, shard, options
        self.reason = ""
        self._words: tuple[Sequence[str], Any] | None = None

    def items(self) -> Iterator[_Item]:
        """Yield the rows; a row group that is damaged is left out."""
        try:
            footer = checked_footer(self._file, self._options.limits)
            parquet, leaves = self._opened()
        except _FAULTS as error:
            self._note(error, DAMAGED)
            return
        except ClaimError as error:
            self.reason = str(error)
            return
        yield from self._groups(parquet, leaves, footer)

    def _groups(self, parquet: Any, leaves: _Leaves, footer: bytes) -> Iterator[_Item]:
        count, size = parquet.num_row_groups, self._shard.size
        if not parquet.metadata.num_rows or not count or not leaves.read:
            yield _Item(self._shard, parquet.schema_arrow.empty_table(), leaves.names, leaves.kinds)
            return
        listed = groups(footer)
        for number in range(count):
            try:
                yield from self._pieces(parquet, number, next(listed), leaves)
            except StopIteration:  # none is left where one was damaged
                return
            except _FAULTS as error:
                self._note(error, DAMAGED_PART)
            except ClaimError as error:
                self.reason = self.reason or str(error)
            share = size * (number + 1) // count - size * number // count
            yield _Item(self._shard, None, taken=share)

    def _opened(self) -> tuple[Any, _Leaves]:
        """Return the file, and what is read of it."""
        parquet = pq.ParquetFile(self._file, **self._how())
        leaves = _Leaves.of(parquet, self._options, self._shard.table)
        if len(leaves.read) > self._options.limits.columns:
            raise ClaimError(f"too wide: {self._options.limits.over('columns', 'columns')}")
        return parquet, leaves

    def _how(self) -> dict[str, Any]:
        how: dict[str, Any] = {
            "buffer_size": _BUFFER,
            "pre_buffer": False,
            "coerce_int96_timestamp_unit": "us",
            "page_checksum_verification": True,
            "thrift_container_size_limit": _CONTAINER,
            "thrift_string_size_limit": self._options.limits.line,
        }
        if "arrow_extensions_enabled" in inspect.signature(pq.ParquetFile.__init__).parameters:
            how["arrow_extensions_enabled"] = True
        return how

    def _with_words(self, parquet: Any, paths: Sequence[str]) -> Any:
        """Return the file so that these columns are read as dictionaries: their words are not repeated."""
        if not paths:
            return parquet
        if self._words is None or self._words[0] != paths:
            how = self._how()
            opened = pq.ParquetFile(self._file, metadata=parquet.metadata, read_dictionary=paths, **how)
            self._words = paths, opened
        return self._words[1]

    def _pieces(self, parquet: Any, number: int, group: Group, leaves: _Leaves) -> Iterator[_Item]:
        limits, columns = self._options.limits, {leaf: parquet.schema.column(leaf) for leaf in leaves.read}
        chunks = {column.path: Chunk.of(group, leaf, column) for leaf, column in columns.items()}
        claims = {path: claim_of(self._file, chunk, group.rows, limits) for path, chunk in chunks.items()}
        mixed = [path for path, claim in claims.items() if claim.words == "some"]
        rows = rows_at_once(list(claims.values()), self._longest(parquet, number, mixed), limits)
        packed = [path for path, claim in claims.items() if claim.words == "all"]
        reader = self._with_words(parquet, packed)
        held: list[pa.RecordBatch] = []
        missing = group.rows
        for batch in reader.iter_batches(rows, row_groups=[number], columns=list(chunks), use_threads=False):
            held.append(batch)
            missing -= batch.num_rows
            if sum(each.nbytes for each in held) >= _PIECE:
                yield from self._parts(held, leaves)
                held = []
        yield from self._parts(held, leaves)
        if missing:  # as in files of some versions of Arrow, which lose a last list that is null
            self.reason = self.reason or DAMAGED_PART

    def _longest(self, parquet: Any, group: int, paths: Sequence[str]) -> int:
        """Return how long the longest word is in the dictionaries of columns that have other values too.

        Such columns are read value by value: as dictionaries, each would grow to all that they hold.
        """
        if not paths:
            return 0
        reader = pq.ParquetFile(self._file, metadata=parquet.metadata, read_dictionary=paths, **self._how())
        first = next(reader.iter_batches(1, row_groups=[group], columns=paths, use_threads=False), None)
        return 0 if first is None else max(map(longest_word, first.columns), default=0)

    def _parts(self, batches: Sequence[pa.RecordBatch], leaves: _Leaves) -> Iterator[_Item]:
        """Yield the rows of `batches`, in parts where their text becomes too much."""
        stack = [pa.Table.from_batches(batches)] if batches else []
        while stack:
            table = stack.pop()
            size = sum(decoded_bytes(chunk) for column in table.columns for chunk in column.chunks)
            if size <= LARGEST or (table.num_rows == 1 and size <= self._options.limits.line):
                yield _Item(self._shard, table, leaves.names, [leaves.kinds[leaf] for leaf in leaves.read])
            elif table.num_rows > 1:
                half = table.num_rows // 2
                stack += [table.slice(half), table.slice(0, half)]
            else:
                self.reason = self.reason or f"a row has {self._options.limits.over('line', 'bytes')}"

    def _note(self, error: BaseException, reason: str) -> None:
        if isinstance(error, OSError) and error.errno is not None:
            raise error
        said = str(error)
        if "crypt" in said:
            reason = LOCKED
        elif said.startswith("Expected all lists to be of size"):
            reason = FIXED_LISTS
        self.reason = self.reason or reason


class _Leaves(NamedTuple):
    """The columns of a file: all of their dotted names, the leaves that are read, and what all leaves are."""

    names: list[str]
    read: list[int]
    kinds: list[str]

    @classmethod
    def of(cls, parquet: Any, options: Options, table: str) -> _Leaves:
        """Return those that `options` ask of the main `table`; all where lists are tables of their own."""
        leaves: list[tuple[str, ...]] = []
        nested: dict[str, None] = {}
        for name, field in zip(unique(parquet.schema_arrow.names), parquet.schema_arrow, strict=True):
            _walk(field.type, (str(path_of(None, name)),), leaves)
        for paths in leaves:
            nested[paths[-1]] = None
        asked = options.columns_of(table, table)
        everything, kinds = list(range(parquet.metadata.num_columns)), kinds_of(parquet)
        if asked is None or options.explodes or len(leaves) != len(everything):
            return cls(list(nested), everything, kinds)
        read = [number for number, paths in enumerate(leaves) if not frozenset(asked).isdisjoint(paths)]
        return cls(list(nested), read or everything[:1], kinds)  # one, that tells how many rows there are


def _walk(dtype: pa.DataType, paths: tuple[str, ...], leaves: list[tuple[str, ...]]) -> None:
    """Add the leaves of a column in their order, each as the paths of what it is in and its own."""
    if isinstance(dtype, pa.BaseExtensionType):
        _walk(dtype.storage_type, paths, leaves)
    elif pa.types.is_struct(dtype):
        for name, part in zip(unique(part.name for part in dtype), dtype, strict=True):
            _walk(part.type, (*paths, str(path_of(paths[-1], name))), leaves)
    elif pa.types.is_map(dtype):
        for name, part in (("key", dtype.key_type), ("value", dtype.item_type)):
            _walk(part, (*paths, f"{paths[-1]}.{name}"), leaves)
    elif dtype.num_fields == 1:  # a list of any kind
        _walk(dtype.value_type, paths, leaves)
    else:
        leaves.append(paths)


def looks_like_parquet(name: str, start: bytes) -> bool:
    """Tell whether a file that begins with `start` is Parquet; its name says nothing."""
    del name
    return start[: len(MAGIC)] in (MAGIC, ENCRYPTED)


PARQUET = Format(
    "Parquet", read_parquet, looks=looks_like_parquet, tells_files=True, suffixes=frozenset({"parquet"})
)
