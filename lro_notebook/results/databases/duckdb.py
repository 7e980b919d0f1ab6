"""Tables to DuckDB: types stay what they are, lists and objects too."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from lro_notebook.errors import ConfigError, ResultError
from lro_notebook.results.arrow.unify import text_of
from lro_notebook.results.databases.naming import distinct, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from lro_notebook.results.table_stream import Stream

_DIGITS = 38  # of a decimal, the most that DuckDB has
_ROWS = "lro_notebook_rows"


class DuckDB:
    """A connection that tables are written to.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Open.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def write(self, name: str, stream: Stream) -> int:
        """Write a table in the place of any other of that name, and return how many rows it has."""
        names = distinct(stream.schema.names) or ["row"]
        types = [_type(dtype) for dtype in stream.schema.types] or [pa.int64()]
        schema = pa.schema(list(zip(names, types, strict=True)))
        rows = 0

        def batches() -> Iterator[pa.RecordBatch]:
            nonlocal rows
            for piece in stream.pieces():
                columns = [_cast(column, kind) for column, kind in zip(piece.columns, types, strict=False)]
                numbers = pa.array(range(rows, rows + len(piece)), pa.int64())
                columns = columns or [pa.chunked_array([numbers])]
                rows += len(piece)
                yield from pa.Table.from_arrays(columns, schema=schema).to_batches()

        reader = pa.RecordBatchReader.from_batches(schema, batches())
        self._connection.register(_ROWS, reader)
        try:
            create = f"CREATE OR REPLACE TABLE {quoted(name)} AS SELECT * FROM {_ROWS}"  # noqa: S608 - quoted
            self._connection.execute(create)
        finally:
            self._connection.unregister(_ROWS)
        return rows


@contextmanager
def opened(target: Any) -> Iterator[DuckDB]:
    """Give the database for writing, a path or an open connection; after an error, it is as it was before.

    Raises
    ------
    ConfigError
        DuckDB is not installed, or the connection is in a transaction.
    ResultError
        It cannot be opened or written to.
    """
    duckdb = _duckdb()
    if isinstance(target, duckdb.DuckDBPyConnection):
        with _whole(duckdb, target, "the connection"):
            yield DuckDB(target)
        return
    path = os.fspath(target)
    is_new = not os.path.lexists(path)
    try:
        connection = duckdb.connect(path)
    except duckdb.Error as error:
        raise _unwritten(path, error) from error
    try:
        try:
            with _whole(duckdb, connection, path):
                yield DuckDB(connection)
        finally:
            connection.close()
    except BaseException:
        for part in (path, f"{path}.wal") if is_new else ():
            if os.path.lexists(part):
                os.remove(part)  # noqa: PTH107 - a path as it was given
        raise


@contextmanager
def _whole(duckdb: ModuleType, connection: Any, where: str) -> Iterator[None]:
    """Keep what is written only when all of it is."""
    try:
        try:
            connection.begin()
        except duckdb.TransactionException as error:
            raise ConfigError(
                "the connection is in a transaction, which DuckDB cannot nest; commit it first"
            ) from error
        try:
            yield
            connection.commit()
        except BaseException:
            _roll_back(duckdb, connection)
            raise
    except duckdb.Error as error:
        raise _unwritten(where, error) from error


def _roll_back(duckdb: ModuleType, connection: Any) -> None:
    """Take back what was written; an error that ended the transaction did so already."""
    try:
        connection.rollback()
    except duckdb.TransactionException:
        return


def _duckdb() -> ModuleType:
    try:
        import duckdb
    except ImportError as error:
        raise ConfigError(
            "results.to_duckdb needs DuckDB, which is not installed: pip install duckdb; "
            "results.to_sqlite needs nothing"
        ) from error
    module: ModuleType = duckdb
    return module


def _unwritten(where: str, error: Exception) -> ResultError:
    kind = type(error).__name__
    told = kind in ("IOException", "CatalogException", "OutOfMemoryException")  # others can quote values
    why = f": {str(error).strip().splitlines()[0]}" if told and str(error).strip() else ""
    return ResultError(f"{where}: DuckDB cannot write there ({kind}{why}); nothing was changed")


def _type(dtype: pa.DataType) -> pa.DataType:
    """Return the type that DuckDB takes for `dtype`: decimals of more digits than it has are text."""
    if pa.types.is_null(dtype):
        return pa.string()
    if pa.types.is_decimal(dtype):
        return pa.decimal128(dtype.precision, dtype.scale) if dtype.precision <= _DIGITS else pa.string()
    if pa.types.is_dictionary(dtype):
        return _type(dtype.value_type)
    if pa.types.is_list(dtype):
        return pa.list_(_type(dtype.value_type))
    if pa.types.is_struct(dtype) and dtype.num_fields:
        return pa.struct([pa.field(part.name, _type(part.type)) for part in dtype])
    return pa.string() if pa.types.is_struct(dtype) or pa.types.is_float16(dtype) else dtype


def _cast(column: pa.ChunkedArray, dtype: pa.DataType) -> pa.ChunkedArray:
    if column.type.equals(dtype):
        return column
    return text_of(column) if pa.types.is_string(dtype) else column.cast(dtype)
