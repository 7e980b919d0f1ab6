"""Newline-delimited JSON to Arrow: pyarrow's parser with a schema that grows, and guards around it.

A block that passes the guards costs no Python per row. Only one that does not is sorted line by line.
Does not flatten, and knows no FHIR.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from lro_notebook.frames import exact
from lro_notebook.frames.blocks import MAX_DEPTH, Block, count_objects, sort_lines
from lro_notebook.frames.schema import DECIMAL, depth, join, pruned, rows_of, settled, without_integers

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_PARSER_BLOCK = 1 << 20
_SAFE = 2.0**53
_NO_NUMBER = re.compile(rb"NaN|Inf")  # what pyarrow takes for a number beside those of JSON
_REFUSED = (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowKeyError)


class Parsed(NamedTuple):
    """A table with one row per good line, and (line number, reason) of the bad ones."""

    table: pa.Table | None
    bad: list[tuple[int, str]]


class Reader:
    """Parses the blocks of one table, one after the other; what it learns of the schema it keeps.

    Parameters
    ----------
    decimals : {"float", "exact", "text"}
        What numbers with a fraction become. A path where all numbers are integers is int64, unless
        "text" asks for the words that were there (which costs a Python call per line).
    wanted : collection of str, optional
        The dotted columns that are needed. Others may be left out, as soon as all of these were seen.

    Attributes
    ----------
    mixed : bool
        In the last block, values of different types at one path were made one type.
    """

    def __init__(self, decimals: str = "float", wanted: Collection[str] | None = None) -> None:
        self._decimals, self._wanted = decimals, wanted
        self._number = DECIMAL if decimals == "exact" else pa.float64()
        self._known = pa.struct([])
        self.mixed = False

    def read(self, block: Block) -> Parsed:
        """Return the objects of `block` as a table."""
        self.mixed = False
        if self._decimals != "text":
            table = self._fast(block.data)
            if table is not None:
                return Parsed(table, [])
        good, bad = sort_lines(block)
        return Parsed(self._careful([line for _, line in good]) if good else None, bad)

    def _careful(self, lines: Sequence[bytes]) -> pa.Table:
        if self._decimals == "text":
            lines = [exact.requote(line) for line in lines]
        table = self._fast(b"\n".join(lines) + b"\n")
        self.mixed = table is None
        return exact.table_of_lines(lines, self._decimals) if table is None else table

    def _fast(self, data: bytes) -> pa.Table | None:
        rows = count_objects(data)
        if not rows:
            return None
        table = self._needed_columns(data)
        if table is None or table.num_rows != rows:
            try:
                table, known = self._parse(data)
            except _REFUSED:
                return None
            if table.num_rows != rows or not sound(table):
                return None
            self._known = known
        return table

    def _needed_columns(self, data: bytes) -> pa.Table | None:
        """Parse only the columns that are wanted, if all of them are known; None if that did not go well."""
        if self._wanted is None or _NO_NUMBER.search(data):
            return None
        needed, found = pruned(self._known, self._wanted)
        if needed is None or len(found) < len(self._wanted):
            return None
        try:
            table = parse_json(data, needed, unexpected="ignore")
        except _REFUSED:
            return None
        return table if sound(table) else None

    def _parse(self, data: bytes) -> tuple[pa.Table, pa.DataType]:
        """Parse `data` with the known schema; with a better one, also returned, if it taught something.

        pyarrow loses the nulls at the start of a list whose type it has to infer (apache/arrow#51305),
        and infers times from text: so a table is used only if each of its types was given beforehand.
        """
        try:
            table = parse_json(data, self._known)
        except pa.ArrowInvalid as error:
            if "to int64" not in str(error):
                raise
            table = parse_json(data, without_integers(self._known))
        seen = pa.struct(list(table.schema))
        if depth(seen) > MAX_DEPTH:
            message = "nested too deep to be flattened"
            raise pa.ArrowInvalid(message)
        known = join(self._known, settled(seen, self._number))
        if known.equals(seen) and known.equals(self._known):
            return table, known
        if not known.num_fields:  # no line holds a value; without a schema the parser would infer again
            return rows_of({}, table.num_rows), known
        return parse_json(data, known, unexpected="ignore"), known


def sound(column: pa.Table | pa.ChunkedArray | pa.Array) -> bool:
    """Tell whether no double in `column` may stand for something else.

    pyarrow reads ``NaN`` and infinities, which are no JSON, and integers that a double cannot hold.
    """
    if isinstance(column, pa.Table):
        return all(map(sound, column.columns))
    kind = column.type
    if pa.types.is_floating(kind):
        return pc.all(pc.less(pc.abs(column), _SAFE)).as_py() is not False
    if pa.types.is_struct(kind):
        return all(map(sound, column.flatten()))
    return sound(pc.list_flatten(column)) if pa.types.is_list(kind) else True


def parse_json(data: bytes, known: pa.DataType, *, unexpected: str = "infer") -> pa.Table:
    """Return the objects of `data`, with the fields of `known`; of others as `unexpected` says."""
    options = pj.ParseOptions(
        explicit_schema=pa.schema(list(known)) if known.num_fields else None,
        unexpected_field_behavior=unexpected,
    )
    try:
        return pj.read_json(
            pa.BufferReader(data),
            read_options=pj.ReadOptions(block_size=_PARSER_BLOCK),
            parse_options=options,
        )
    except pa.ArrowInvalid as error:
        if "straddling" not in str(error):
            raise
    whole = pj.ReadOptions(block_size=len(data) + 1)
    return pj.read_json(pa.BufferReader(data), read_options=whole, parse_options=options)
