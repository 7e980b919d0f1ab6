"""The most that a load takes of what it finds in files. Pure.

Files come from anybody: no number, length or depth in them may decide how much memory or time they cost.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Self

from lro_notebook.errors import ConfigError, ResultError

if TYPE_CHECKING:
    from collections.abc import Mapping


#: Levels of objects and lists that a line may nest. No setting: json of Python 3.11 to 3.14 reads and writes
#: as many with room to spare, but not many hundred more.
MAX_NESTING = 400
TOO_DEEP = f"nested too deep: more than {MAX_NESTING} levels"


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a load; ``limits={"line": 500_000_000}`` of `read_results` and `op.load` raises one.

    Attributes
    ----------
    line : int
        Bytes of a line, of a message in HL7v2 text, or of DICOM JSON that is one array; decompressed.
    inflated : int
        Bytes of a deflated DICOM object that are inflated: its attributes should be in them, not its pixels.
    columns : int
        Columns of a table; different keys of a line, attributes of a DICOM object.
    all_columns : int
        Columns of all tables of HL7v2 segments that a block of some MB becomes.
    cells : int
        Rows or elements times columns that a block of some MB becomes.
    parts : int
        Elements, items of sequences and values of a DICOM object, all together.
    positions : int
        Fields of an HL7v2 segment, components of a field, subcomponents of a component.
    spaces : int
        Lines that one ``.sp`` escape of HL7v2 skips.
    bad_lines : int
        Bad lines of a table that are listed; the others are counted.
    fetched : int
        Bytes of remote files on their way, or waiting to be parsed; a quarter of the free memory at most.
    """

    line: int = 64_000_000
    inflated: int = 32_000_000
    columns: int = 5_000
    all_columns: int = 20_000
    cells: int = 100_000_000
    parts: int = 200_000
    positions: int = 1_000
    spaces: int = 100
    bad_lines: int = 10_000
    fetched: int = 256_000_000

    @classmethod
    def of(cls, given: Mapping[str, int] | Limits | None) -> Self:
        """Return the defaults with what is `given` in their place.

        Raises
        ------
        ConfigError
            There is no such limit, or its value is not a whole number of at least 1.
        """
        if isinstance(given, cls):
            return given
        names = [part.name for part in fields(cls)]
        for name, value in (given or {}).items():  # type: ignore[union-attr]
            if name not in names:
                raise ConfigError(f"limits: {name!r} is not known; there are {', '.join(names)}")
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ConfigError(f"limits: {name}={value!r} is not a whole number of at least 1")
        return cls(**(given or {}))  # type: ignore[arg-type]

    def over(self, name: str, what: str) -> str:
        """Return why something is not read: `what` it has more than, and the limit `name` that says so."""
        return f"more than {getattr(self, name):,} {what} (limits: {name})"

    def allow(self, columns: int, rows: int) -> bool:
        """Tell whether a table, or a piece of it with this many `rows`, is not too wide."""
        return columns <= self.columns and columns * rows <= self.cells

    def check_width(self, table: str, columns: int, rows: int) -> None:
        """Raise `ResultError` where a table, or a piece of it with this many `rows`, gets too wide."""
        if self.allow(columns, rows):
            return
        name = "columns" if columns > self.columns else "cells"
        has = f"{columns:,} columns" if name == "columns" else f"{columns:,} columns by {rows:,} rows"
        raise ResultError(
            f"table {table} would have {has}: {self.over(name, name)}. Are ids its keys? "
            f'limits={{"{name}": …}} of read_results and op.load raises that'
        )

    def check_rows(self, rows: int, columns: int) -> None:
        """Raise `ResultError` where the selections of a view would make too many rows of one block."""
        if rows * max(columns, 1) > self.cells:
            raise ResultError(
                f"the selections of the view make {rows:,} rows by {columns:,} columns of one block: "
                f"{self.over('cells', 'cells')}. Do two forEach multiply? "
                'limits={"cells": …} of read_results and op.load raises that'
            )


DEFAULT = Limits()
