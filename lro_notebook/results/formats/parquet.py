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
from lro_notebook.results.arrow.plain import Plain, decoded_bytes, unique
from lro_notebook.results.arrow.schema import path_of
from lro_notebook.results.formats.format import Format
from lro_notebook.results.formats.parquet_claims import (
    DAMAGED,
    DAMAGED_PART,
    ENCRYPTED,
    LOCKED,
    MAGIC,
    Chunk,
    ClaimError,
    check_footer,
    rows_at_once,
)
from lro_notebook.results.formats.rows import Batches, flat_rows
from lro_notebook.results.prefetch import ahead
from lro_notebook.results.sources.copied import NotCopiedError, anywhere

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import BinaryIO

    from lro_notebook.results.arrow.batch import Advance, Options
    from lro_notebook.results.formats.rows import Rows
    from lro_notebook.results.shards import Shard
    from lro_notebook.results.sources.source import Streams

_BUFFER = 1 << 18  # bytes of a column that are read at once
_PIECE = 8 << 20  # bytes that a piece should have, at least
_LARGEST = 64 << 20  # bytes of text that a piece may become
_CONTAINER = 1 << 17  # elements of a list in the footer
#: What pyarrow raises for a damaged file; its OSError has no number.
_FAULTS = (pa.ArrowException, KeyError, MemoryError, OSError, OverflowError, TypeError, ValueError)


class _Item(NamedTuple):
    """Rows of a file, nested, or what is wrong with it; and how many of its bytes are done."""

    shard: Shard
    table: pa.Table | None
    names: Sequence[str] = ()
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
        rows = flat_rows(plain.table(item.table), name, options)
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

    def items(self) -> Iterator[_Item]:
        """Yield the rows; a row group that is damaged is left out."""
        try:
            check_footer(self._file, self._options.limits)
            parquet, leaves = self._opened()
        except _FAULTS as error:
            self._note(error, DAMAGED)
            return
        except ClaimError as error:
            self.reason = str(error)
            return
        yield from self._groups(parquet, leaves)

    def _groups(self, parquet: Any, leaves: _Leaves) -> Iterator[_Item]:
        groups, size = parquet.num_row_groups, self._shard.size
        if not parquet.metadata.num_rows or not groups:
            yield _Item(self._shard, parquet.schema_arrow.empty_table(), leaves.names)
        for group in range(groups):
            try:
                yield from self._pieces(parquet, group, leaves)
            except _FAULTS as error:
                self._note(error, DAMAGED_PART)
            except ClaimError as error:
                self.reason = self.reason or str(error)
            share = size * (group + 1) // groups - size * group // groups
            yield _Item(self._shard, None, taken=share)

    def _opened(self) -> tuple[Any, _Leaves]:
        """Return the file, in which text that has a dictionary is read as one, and what is read of it."""
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
        parquet = pq.ParquetFile(self._file, **how)
        leaves = _Leaves.of(parquet, self._options, self._shard.table)
        if len(leaves.read) > self._options.limits.columns:
            raise ClaimError(f"too wide: {self._options.limits.over('columns', 'columns')}")
        packed = [parquet.schema.column(leaf).path for leaf in leaves.read if _is_packed(parquet, leaf)]
        if packed:
            # A text that is there once may stand in a million rows: it is counted before they are made.
            parquet = pq.ParquetFile(self._file, metadata=parquet.metadata, read_dictionary=packed, **how)
        return parquet, leaves

    def _pieces(self, parquet: Any, group: int, leaves: _Leaves) -> Iterator[_Item]:
        chunks = [Chunk.of(parquet, group, leaf) for leaf in leaves.read]
        rows = rows_at_once(
            self._file, chunks, parquet.metadata.row_group(group).num_rows, self._options.limits
        )
        paths = [parquet.schema.column(leaf).path for leaf in leaves.read]
        read = parquet.iter_batches(rows, row_groups=[group], columns=paths, use_threads=False)
        held: list[pa.RecordBatch] = []
        for batch in read:
            held.append(batch)
            if sum(each.nbytes for each in held) >= _PIECE:
                yield from self._parts(held, leaves)
                held = []
        yield from self._parts(held, leaves)

    def _parts(self, batches: Sequence[pa.RecordBatch], leaves: _Leaves) -> Iterator[_Item]:
        """Yield the rows of `batches`, in parts where their text becomes too much."""
        stack = [pa.Table.from_batches(batches)] if batches else []
        while stack:
            table = stack.pop()
            size = sum(decoded_bytes(chunk) for column in table.columns for chunk in column.chunks)
            if size <= _LARGEST or (table.num_rows == 1 and size <= self._options.limits.line):
                yield _Item(self._shard, table, leaves.names)
            elif table.num_rows > 1:
                half = table.num_rows // 2
                stack += [table.slice(half), table.slice(0, half)]
            else:
                self.reason = self.reason or f"a row has {self._options.limits.over('line', 'bytes')}"

    def _note(self, error: BaseException, reason: str) -> None:
        if isinstance(error, OSError) and error.errno is not None:
            raise error
        words = LOCKED if "crypt" in str(error) else reason
        self.reason = self.reason or words


class _Leaves(NamedTuple):
    """The columns of a file: all of their dotted names, and the numbers of the leaves that are read."""

    names: list[str]
    read: list[int]

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
        everything = list(range(parquet.metadata.num_columns))
        if asked is None or options.explodes or len(leaves) != len(everything):
            return cls(list(nested), everything)
        read = [number for number, paths in enumerate(leaves) if not frozenset(asked).isdisjoint(paths)]
        return cls(list(nested), read or everything[:1])  # one, that tells how many rows there are


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


def _is_packed(parquet: Any, leaf: int) -> bool:
    """Tell whether a column is of text or bytes, and has a dictionary in some row group."""
    if parquet.schema.column(leaf).physical_type != "BYTE_ARRAY":
        return False
    groups = (parquet.metadata.row_group(number) for number in range(parquet.num_row_groups))
    return any(group.column(leaf).has_dictionary_page for group in groups)


def looks_like_parquet(name: str, start: bytes) -> bool:
    """Tell whether a file that begins with `start` is Parquet; its name says nothing."""
    del name
    return start[: len(MAGIC)] in (MAGIC, ENCRYPTED)


PARQUET = Format(
    "Parquet", read_parquet, looks=looks_like_parquet, tells_files=True, suffixes=frozenset({"parquet"})
)
