"""The tables that people want to compare: of results, frames, operations, places."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import pandas as pd
import pyarrow as pa

from lro_notebook.errors import ConfigError
from lro_notebook.operations.operation import Operation
from lro_notebook.results.arrow.batch import Options
from lro_notebook.results.load_operation import read_for, reader_of
from lro_notebook.results.load_report import Report
from lro_notebook.results.load_table import Loaded
from lro_notebook.results.tables import Tables

#: What a frame is called that has no name.
ALONE = "table"


def tables_of(given: Any) -> Tables:
    """Return the tables of results or frames, or of what is read first: an operation or a place.

    Raises
    ------
    ConfigError
        It is nothing of these, or two columns of a frame have one name.
    ResultError
        It cannot be read.
    """
    if isinstance(given, Tables):
        return given
    if isinstance(given, Operation):
        return given.load()
    if isinstance(given, (str, os.PathLike)):
        place = os.fspath(given)
        return read_for(reader_of(place, given=False), place)
    frames = {ALONE: given} if isinstance(given, (pd.DataFrame, pa.Table)) else given
    if not isinstance(frames, Mapping):
        raise ConfigError(
            f"{type(given).__name__} cannot be compared; give results, an operation, a place or DataFrames"
        )
    tables = Tables(None, (), Options())
    tables.know({str(name): Loaded(_arrow(str(name), frame), Report()) for name, frame in frames.items()})
    return tables


def _arrow(name: str, frame: Any) -> pa.Table:
    if isinstance(frame, pa.Table):
        table = frame
    elif isinstance(frame, pd.DataFrame):
        columns = [_column(frame.iloc[:, place]) for place in range(frame.shape[1])]
        table = pa.Table.from_arrays(columns, names=[str(column) for column in frame.columns])
    else:
        raise ConfigError(f"{name} is a {type(frame).__name__}; tables to compare are DataFrames")
    twice = {column for column in table.column_names if table.column_names.count(column) > 1}
    if twice:
        raise ConfigError(f"{name} has several columns of one name: {', '.join(sorted(twice))}")
    return table


def _as_text(column: pd.Series[Any]) -> pa.Array | pa.ChunkedArray:
    texts = [
        None if is_missing else str(value).encode(errors="backslashreplace").decode()
        for value, is_missing in zip(column, column.isna(), strict=True)
    ]
    return pa.array(texts, pa.string())


def _column(column: pd.Series[Any]) -> pa.ChunkedArray:
    """Return a column as Arrow has it; as text, where Arrow does not have its values."""
    values = column.astype(column.dtype.subtype) if isinstance(column.dtype, pd.SparseDtype) else column
    try:
        found = pa.Array.from_pandas(values)
    except (pa.ArrowException, OverflowError, UnicodeEncodeError):  # their messages would show values
        found = _as_text(values)
    if isinstance(found.type, pa.BaseExtensionType):  # periods and intervals of pandas
        found = _as_text(values)
    return found if isinstance(found, pa.ChunkedArray) else pa.chunked_array([found])
