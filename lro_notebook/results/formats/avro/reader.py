"""Avro files: one table, in the types of their schema, block by block. Needs fastavro."""

from __future__ import annotations

import json
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from lro_notebook.errors import ConfigError
from lro_notebook.results.arrow.batch import BadLine, Batch
from lro_notebook.results.arrow.infer_schema import path_of
from lro_notebook.results.arrow.line_blocks import nests_deeper
from lro_notebook.results.arrow.normalize_types import Plain
from lro_notebook.results.formats.avro.container import (
    DAMAGED_PART,
    MAGIC,
    AvroError,
    Container,
)
from lro_notebook.results.formats.avro.types import TOO_DEEP, UNKNOWN, Node, Types, bare
from lro_notebook.results.formats.flat_pieces import Batches, flat_rows
from lro_notebook.results.formats.format import Format
from lro_notebook.results.limits import MAX_NESTING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lro_notebook.results.arrow.batch import Advance, Options
    from lro_notebook.results.formats.avro.container import Block
    from lro_notebook.results.shards import Shard
    from lro_notebook.results.sources.source import Streams

VALUE = "value"  # the column of rows that are no records
_PIECE = 4 << 20  # bytes of rows, as Avro has them, that become a piece
_SCHEMA_FAULTS = (AttributeError, LookupError, TypeError, ValueError, RecursionError)
#: What fastavro raises for bytes that are not what the schema says.
_ROW_FAULTS = (ArithmeticError, AttributeError, EOFError, LookupError, MemoryError, TypeError, ValueError)


def read_avro(
    source: Streams, shards: Sequence[Shard], options: Options, advance: Advance
) -> Iterator[Batch]:
    """Yield the rows of `shards`; see `Format.read`."""
    try:
        import fastavro  # noqa: F401 - optional
    except ImportError as error:
        raise ConfigError("Avro files need fastavro, which is not installed: pip install fastavro") from error
    batches = Batches(shards[0], options)
    for shard in shards:
        left, reasons = shard.size, dict[str, None]()
        with source.open(shard) as file:
            try:
                rows = _Rows(Container(file, options.limits), options, shards[0].table)
                for table, taken in rows.tables(reasons):
                    flat = flat_rows(table, shards[0].table, options)
                    seen = dict.fromkeys((*flat.seen, *rows.unread)) if flat.seen else flat.seen
                    yield batches.of(flat._replace(seen=seen), (), [(shard, table.num_rows)])
                    advance(min(taken, left))
                    left -= min(taken, left)
            except AvroError as error:
                reasons[str(error)] = None
        if reasons:
            yield Batch({}, [BadLine(shard.uri, None, reason) for reason in reasons])
        advance(left)


class _Schema(NamedTuple):
    """What is needed to decode rows: the schema of the file, of what is wanted of it, and its types."""

    written: Any
    wanted: Any
    node: Node
    unread: list[str]


class _Rows:
    """The rows of one file.

    Attributes
    ----------
    unread : list of str
        Columns that were not asked for, and are left out.
    """

    def __init__(self, container: Container, options: Options, table: str) -> None:
        self._container, self._options = container, options
        try:
            self._schema = _schema(container.schema, options, table)
        except _SCHEMA_FAULTS as error:
            raise AvroError(UNKNOWN) from error
        self.unread = self._schema.unread
        self._plain = Plain(options.decimals)
        self._rows: list[Any] = []

    def tables(self, reasons: dict[str, None]) -> Iterator[tuple[pa.Table, int]]:
        """Yield pieces of rows, nested, and how many bytes of the file they took; notes what was wrong."""
        size = taken = 0
        is_first = True
        for block in self._container.blocks():
            taken += block.taken
            for count in self._decoded(block, reasons):
                size += count
                if size >= _PIECE:
                    yield self._table(), taken
                    size = taken = 0
                    is_first = False
        if self._rows or is_first:
            yield self._table(), taken
        reasons.update(self._plain.faults)

    def _decoded(self, block: Block, reasons: dict[str, None]) -> Iterator[int]:
        """Decode the rows of a block; yield how many more bytes that took, before there are too many rows."""
        from fastavro import schemaless_reader

        if block.reason:
            reasons[block.reason] = None
        data, written, wanted = BytesIO(block.data), self._schema.written, self._schema.wanted
        least = self._schema.node.least
        if block.rows > (len(block.data) // least if least else self._options.limits.cells):
            reasons[block.reason or DAMAGED_PART] = None
            if not least:
                return
        before = 0
        for _ in range(min(block.rows, len(block.data) // least) if least else block.rows):
            try:
                self._rows.append(schemaless_reader(data, written, wanted))
            except _ROW_FAULTS:
                reasons[block.reason or DAMAGED_PART] = None
                return
            if (place := data.tell()) - before >= _PIECE:
                yield place - before
                before = place
        if data.tell() < len(block.data) and not block.reason:
            reasons[DAMAGED_PART] = None
        yield data.tell() - before

    def _table(self) -> pa.Table:
        node, rows = self._schema.node, self._rows
        self._rows = []
        if node.fit:
            rows = [None if row is None else node.fit(row) for row in rows]
        array = pa.array(rows, node.raw)
        if node.dress:
            array = node.dress(array, self._plain)
        if not pa.types.is_struct(array.type):
            return self._plain.table(pa.table({VALUE: array}))
        columns = array.flatten()
        if not columns:
            return pa.Table.from_batches([pa.RecordBatch.from_struct_array(array)])
        return self._plain.table(pa.Table.from_arrays(columns, names=[part.name for part in array.type]))


def _schema(text: bytes, options: Options, table: str) -> _Schema:
    from fastavro import parse_schema
    from fastavro.schema import SchemaParseException, UnknownType

    if nests_deeper(text, MAX_NESTING):
        raise AvroError(TOO_DEEP)
    given = json.loads(text)
    named: dict[str, Any] = {}
    try:
        whole = parse_schema(given, named_schemas=named)
        written = parse_schema(bare(given))
        wanted, unread = _pruned(given, options, table)
        read = written if wanted is None else parse_schema(bare(wanted))
        shown = whole if wanted is None else parse_schema(wanted, named_schemas=(chosen := dict[str, Any]()))
    except (SchemaParseException, UnknownType) as error:
        raise AvroError(UNKNOWN) from error
    names = named if wanted is None else chosen
    node = Types(names, options.limits, options.decimals).node(shown)
    return _Schema(written, None if wanted is None else read, node, unread)


def _pruned(schema: Any, options: Options, table: str) -> tuple[Any, list[str]]:
    """Return the schema without the fields that were not asked for, None if all were; and their columns.

    A field may have the first use of a type that another one names: such a schema is read as it is.
    """
    asked = options.columns_of(table, table)
    if asked is None or options.explodes or not isinstance(schema, dict) or schema.get("type") != "record":
        return None, []
    heads = {name: str(path_of(None, str(name))) for name in (field["name"] for field in schema["fields"])}
    chosen = {
        name
        for name, path in heads.items()
        if any(column == path or column.startswith(f"{path}.") for column in asked)
    }
    kept = [field for field in schema["fields"] if field["name"] in chosen] or schema["fields"][:1]
    if len(kept) == len(schema["fields"]) or not _stand_alone(kept):
        return None, []
    return {**schema, "fields": kept}, [path for name, path in heads.items() if name not in chosen]


def _stand_alone(fields: Sequence[Any]) -> bool:
    from fastavro import parse_schema
    from fastavro.schema import UnknownType

    try:
        parse_schema({"type": "record", "name": "a", "fields": list(fields)})
    except UnknownType:
        return False
    return True


def looks_like_avro(name: str, start: bytes) -> bool:
    """Tell whether a file that begins with `start` is Avro's; its name says nothing."""
    del name
    return start.startswith(MAGIC)


AVRO = Format("Avro", read_avro, looks=looks_like_avro, tells_files=True, suffixes=frozenset({"avro"}))
