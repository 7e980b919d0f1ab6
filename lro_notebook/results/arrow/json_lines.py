"""Newline-delimited JSON to Arrow: pyarrow's parser with a schema that grows, and guards around it.

A block that passes the guards costs no Python per row. Only one that does not is sorted line by line.
Does not flatten, and knows no FHIR.

The parser of arrow-rs (arro3-io 0.9.1) is 1.8 times as fast, but drops keys that the schema lacks, cuts
fractions off integers, takes text for numbers and passes over commas. With what makes it exact, a judge of
JSON and a count of all quotes, a third of the parse is won on plain text, and nothing where there are
backslashes.
"""

from __future__ import annotations

import re
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeGuard

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from lro_notebook.errors import ResultError
from lro_notebook.results.arrow import json_fallback
from lro_notebook.results.arrow.infer_schema import (
    DECIMAL,
    depth,
    holds_decimals,
    join,
    leaves,
    pruned,
    rows_of,
    settled,
    widest,
    without_integers,
)
from lro_notebook.results.arrow.line_blocks import MAX_DEPTH, Block, count_objects, sort_lines
from lro_notebook.results.arrow.list_levels import holds_bare_lists
from lro_notebook.results.arrow.memory_pool import POOL
from lro_notebook.results.arrow.parser_guards import check_keys, may_hold_no_numbers, may_nest_deep
from lro_notebook.results.limits import DEFAULT, Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

_SAFE = 2.0**53
_SMALLEST = 3  # bytes of an object in a list
#: Numbers with exponents of three digits below zero; each pattern begins as `re` finds it fast.
_TINY = (re.compile(rb"e-(?<=\de-)\d\d\d+[\s,}\]]"), re.compile(rb"E-(?<=\dE-)\d\d\d+[\s,}\]]"))
#: What the parser raises for what it does not take.
REFUSED = (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowKeyError)


class Parsed(NamedTuple):
    """The lines of a block.

    Attributes
    ----------
    table : pyarrow.Table or None
        One row per good line; None where there is none.
    bad : list
        Line number and reason of each of the others.
    seen : pyarrow.StructType or None
        The schema of the block, None where it has nothing to teach.
    mixed : bool
        Values of different types at one path were made one type; without a table: parse the files apart.
    shape : pyarrow.StructType or None
        The schema of the block with the lists that hold nothing, None where `table` has all there is.
    """

    table: pa.Table | None
    bad: list[tuple[int, str]]
    seen: pa.DataType | None = None
    mixed: bool = False
    shape: pa.DataType | None = None

    @property
    def is_refused(self) -> bool:
        """Whether the files of a block are to be parsed apart."""
        return self.mixed and self.table is None


class Reader:
    """Parses the blocks of one table; what it learns of the schema from one helps with the next.

    Parameters
    ----------
    decimals : {"float", "exact", "text"}
        What numbers with a fraction become. A path where all numbers are integers is int64, unless
        "text" asks for the words that were there (which costs a Python call per line).
    wanted : collection of str, optional
        The dotted columns that are needed. Others may be left out as soon as all of these have been seen.
    limits : Limits
        What is too much.
    name : str
        The table, for what is said of it.
    bare : bool
        Whether lists in which no value was seen are kept, as lists of nulls.
    """

    def __init__(
        self,
        decimals: str = "float",
        wanted: Collection[str] | None = None,
        *,
        limits: Limits = DEFAULT,
        name: str = "",
        bare: bool = False,
    ) -> None:
        self._bare = bare
        self._decimals, self._wanted, self._limits, self._name = decimals, wanted, limits, name
        self._number = DECIMAL if decimals == "exact" else pa.float64()
        self._known = pa.struct([])

    def job(self, block: Block) -> Callable[[], Parsed]:
        """Return what parses `block` with what is known now; to be called in any thread."""
        return partial(self.parser(), block)

    def parser(self) -> Callable[[Block], Parsed]:
        """Return what parses any block with what is known now; to be called in any thread."""
        return partial(self._parsed, known=self._known)

    def learn(self, parsed: Parsed) -> None:
        """Use what a block taught for those to come."""
        if parsed.seen is not None:
            self._known = join(self._known, parsed.seen)

    def _parsed(self, block: Block, known: pa.DataType) -> Parsed:
        if self._decimals != "text":
            fast = self._fast(block.data, known)
            if self._serves(fast):
                return fast
        good, bad = sort_lines(block)
        if not good:
            return Parsed(None, bad)
        lines = [json_fallback.requote(line) if self._decimals == "text" else line for _, line in good]
        data = b"\n".join(lines) + b"\n"
        check_keys(data, self._limits, self._name)
        fast = self._fast(data, known)
        if not self._serves(fast):
            if block.joined:  # what one file has of another type is no reason to make text of the others
                return Parsed(None, bad, mixed=True)
            table, shape = json_fallback.table_of_lines(
                lines, self._decimals, limits=self._limits, name=self._name, bare=self._bare
            )
            return Parsed(table, bad, mixed=True, shape=shape)
        return fast._replace(bad=bad)

    def _serves(self, fast: Parsed | None) -> TypeGuard[Parsed]:
        """Tell whether the parser gave all that is asked for."""
        if fast is None:
            return False
        return not self._bare or fast.shape is None or not holds_bare_lists(fast.shape)

    def _fast(self, data: bytes, known: pa.DataType) -> Parsed | None:
        """Return the table and schema of `data`; None if the parser cannot be trusted with it."""
        rows = count_objects(data)
        if not rows:
            return None
        table = self._needed_columns(data, known)
        if table is not None and table.num_rows == rows:
            return Parsed(table, [])
        columns = widest(known)
        if columns * len(data) > _SMALLEST * self._limits.cells:
            self._limits.check_width(self._name, columns, data.count(b"{"))
        try:
            parsed = self._parse(data, known)
        except (*REFUSED, ResultError):
            return None
        table = parsed.table
        return parsed if table is not None and table.num_rows == rows and sound(table) else None

    def _needed_columns(self, data: bytes, known: pa.DataType) -> pa.Table | None:
        """Parse only the columns that are wanted, if all of them are known; None if that did not go well."""
        if self._wanted is None or may_hold_no_numbers(data):
            return None
        needed, there = pruned(known, self._wanted)
        if needed is None or len(there) < len(self._wanted) or may_nest_deep(data):
            return None
        try:
            table = parse_json(data, needed, unexpected="ignore")
        except REFUSED:
            return None
        return table if sound(table) else None

    def _parse(self, data: bytes, known: pa.DataType) -> Parsed:
        """Parse `data` with the schema `known`; with a better one, if it teaches something.

        pyarrow loses the nulls at the start of a list whose type it has to infer (apache/arrow#51305),
        and infers times from text: so a table is used only if each of its types was given beforehand.
        What has keys that are new is looked at before the parser makes a column of each.
        """
        if known.num_fields:
            with suppress(*REFUSED):
                return Parsed(parse_json(data, known, unexpected="error"), [], known)
        check_keys(data, self._limits, self._name)
        try:
            table = parse_json(data, known)
        except pa.ArrowInvalid as error:
            if "to int64" not in str(error):
                raise
            table = parse_json(data, without_integers(known))
        seen = pa.struct(list(table.schema))
        if depth(seen) > MAX_DEPTH:
            message = "nested too deep to be flattened"
            raise pa.ArrowInvalid(message)
        self._limits.check_width(self._name, leaves(seen), 1)
        better = join(known, settled(seen, self._number))
        if better.equals(seen) and better.equals(known):
            return Parsed(table, [], known)
        if not better.num_fields:  # no line holds a value; without a schema the parser would infer again
            return Parsed(rows_of({}, table.num_rows), [], better, shape=seen)
        return Parsed(parse_json(data, better, unexpected="ignore"), [], better, shape=seen)


def sound(column: pa.Table | pa.Array) -> bool:
    """Tell whether no double in `column` may stand for something else.

    pyarrow reads ``NaN`` and infinities, which are not JSON, and integers that a double cannot hold.
    """
    if isinstance(column, pa.Table):
        return all(sound(batch) for part in column.columns for batch in part.chunks)
    dtype = column.type
    if pa.types.is_floating(dtype):
        return pc.all(pc.less(pc.abs(column), _SAFE)).as_py() is not False
    if pa.types.is_struct(dtype):
        return all(sound(column.field(number)) for number in range(dtype.num_fields))
    return sound(column.values) if pa.types.is_list(dtype) else True


def parse_json(data: bytes, known: pa.DataType, *, unexpected: str = "infer") -> pa.Table:
    """Return the objects of `data`, with the fields of `known`; of others as `unexpected` says.

    Uses the thread of the caller alone, and gives columns of one batch. A decimal of an exponent such as
    -999999999 is refused here, since pyarrow looks it up behind the end of a table.
    """
    if holds_decimals(known) and any(pattern.search(data) for pattern in _TINY):
        message = "a number is too small for a decimal"
        raise pa.ArrowInvalid(message)
    return pj.read_json(
        pa.BufferReader(data),
        read_options=pj.ReadOptions(block_size=len(data) + 1, use_threads=False),
        parse_options=pj.ParseOptions(
            explicit_schema=pa.schema(list(known)) if known.num_fields else None,
            unexpected_field_behavior=unexpected,
        ),
        memory_pool=POOL,
    )
