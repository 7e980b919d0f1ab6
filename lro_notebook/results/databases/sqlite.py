"""Tables to SQLite: whole numbers, fractions and text as they are, everything else as text that says it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from lro_notebook.errors import ConfigError, ResultError
from lro_notebook.results.arrow.unify import text_of
from lro_notebook.results.databases.naming import distinct, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lro_notebook.results.table_stream import Stream

_SAVEPOINT = "lro_notebook"


class Sqlite:
    """A connection that tables are written to.

    Parameters
    ----------
    connection : sqlite3.Connection
        Open.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def write(self, name: str, stream: Stream) -> int:
        """Write a table in the place of any other of that name, and return how many rows it has."""
        columns = distinct(stream.schema.names) or ["row"]
        self._check_width(name, len(columns))
        types = [_type(dtype) for dtype in stream.schema.types] or ["INTEGER"]
        declared = ", ".join(f"{quoted(one)} {type_}" for one, type_ in zip(columns, types, strict=True))
        self._connection.execute(f"DROP TABLE IF EXISTS {quoted(name)}")
        self._connection.execute(f"CREATE TABLE {quoted(name)} ({declared})")
        places = ", ".join("?" * len(columns))
        insert = f"INSERT INTO {quoted(name)} VALUES ({places})"  # noqa: S608 - quoted
        rows = 0
        for piece in stream.pieces():
            values = [_values(column) for column in piece.columns] or [list(range(rows, rows + len(piece)))]
            self._connection.executemany(insert, zip(*values, strict=True))
            rows += len(piece)
        return rows

    def _check_width(self, name: str, count: int) -> None:
        most = self._connection.getlimit(sqlite3.SQLITE_LIMIT_COLUMN)
        most = min(most, self._connection.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER))
        if count > most:
            raise ResultError(
                f"table {name} has {count:,} columns, of which SQLite takes {most:,}; load fewer with "
                "columns=[...], or write it with to_duckdb or to_parquet"
            )


@contextmanager
def opened(target: str | os.PathLike[str] | sqlite3.Connection) -> Iterator[Sqlite]:
    """Give the database for writing; after an error, it is as it was before.

    Raises
    ------
    ResultError
        It cannot be opened or written to.
    """
    if isinstance(target, sqlite3.Connection):
        with _whole(target, "the connection"):
            yield Sqlite(target)
        return
    path = os.fspath(target)
    if "://" in path:
        raise ConfigError(f"{path!r} is no place for a SQLite database; give a path on this machine")
    is_new = not os.path.lexists(path)
    try:
        connection = sqlite3.connect(path, isolation_level=None)
    except sqlite3.Error as error:
        raise _unwritten(path, error) from error
    try:
        with closing(connection), _whole(connection, path):
            yield Sqlite(connection)
    except BaseException:
        if is_new and os.path.lexists(path):
            os.remove(path)  # noqa: PTH107 - a path as it was given
        raise


@contextmanager
def _whole(connection: sqlite3.Connection, where: str) -> Iterator[None]:
    """Keep what is written only when all of it is; within a transaction of the user's, it stays a part."""
    try:
        connection.execute(f"SAVEPOINT {_SAVEPOINT}")
        try:
            yield
        except BaseException:
            if connection.in_transaction:  # a full disk has ended it already
                connection.execute(f"ROLLBACK TO {_SAVEPOINT}")
                connection.execute(f"RELEASE {_SAVEPOINT}")
            raise
        connection.execute(f"RELEASE {_SAVEPOINT}")
    except sqlite3.Error as error:
        raise _unwritten(where, error) from error


def _unwritten(where: str, error: sqlite3.Error) -> ResultError:
    kind = getattr(error, "sqlite_errorname", type(error).__name__)
    return ResultError(f"{where}: SQLite cannot write there ({kind}: {error}); nothing was changed")


def _type(dtype: pa.DataType) -> str:
    """Return the type of a column: what SQLite calls its affinity."""
    if pa.types.is_boolean(dtype):
        return "BOOLEAN"
    if pa.types.is_integer(dtype) and dtype != pa.uint64():
        return "INTEGER"
    if pa.types.is_floating(dtype):
        return "REAL"
    return "BLOB" if _is_bytes(dtype) else "TEXT"


def _is_bytes(dtype: pa.DataType) -> bool:
    kinds = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)
    return any(is_kind(dtype) for is_kind in kinds)


def _values(column: pa.ChunkedArray) -> list[Any]:
    dtype = column.type
    if pa.types.is_dictionary(dtype):
        return _values(column.cast(dtype.value_type))
    if pa.types.is_string(dtype) or pa.types.is_large_string(dtype) or _type(dtype) != "TEXT":
        values: list[Any] = column.to_pylist()
        return values
    if pa.types.is_timestamp(dtype):
        return _instants(column)
    if pa.types.is_duration(dtype) or pa.types.is_null(dtype):
        return [None if value is None else str(value) for value in column.to_pylist()]
    texts: list[Any] = text_of(column).to_pylist()
    return texts


def _instants(column: pa.ChunkedArray) -> list[Any]:
    """Return times as ISO 8601 has them, and as the functions of SQLite read them."""
    zone = "Z" if column.type.tz else ""
    utc = column.cast(pa.timestamp("us"), safe=False)
    text = pc.replace_substring_regex(utc.cast(pa.string()), r"\.?0{6}$|(\.\d*?)0+$", r"\1")
    told = pc.binary_join_element_wise(pc.replace_substring(text, " ", "T"), zone, "")
    found: list[Any] = told.to_pylist()
    return found
