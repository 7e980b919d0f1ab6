"""The resources of a table, block by block: as Arrow has them, with the lines at hand for Python.

Only the fields that a view reads are parsed. What they look like is learned from whole blocks: the first
one, and each that holds something at those fields that was not expected.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from lro_notebook.results.arrow.infer_schema import join
from lro_notebook.results.arrow.json_lines import REFUSED, Parsed, Reader, parse_json, sound
from lro_notebook.results.arrow.line_blocks import count_objects, sort_lines
from lro_notebook.results.arrow.parser_guards import may_hold_no_numbers, may_nest_deep
from lro_notebook.results.formats.json.blocks import parsed_blocks
from lro_notebook.results.limits import DEFAULT
from lro_notebook.views.elements import Resources
from lro_notebook.views.needed_fields import prune, unseen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from lro_notebook.results.arrow.batch import Advance, BadLine
    from lro_notebook.results.arrow.line_blocks import Block
    from lro_notebook.results.limits import Limits
    from lro_notebook.results.shards import Shard
    from lro_notebook.results.sources.source import Streams
    from lro_notebook.views.needed_fields import Needs

_DIGITS = 1_000  # Python refuses to read much longer integers


def _integer(words: str) -> int | Decimal:
    return int(words) if len(words) <= _DIGITS else Decimal(words)


#: As lenient as pyarrow's parser with what is in fields that a view does not read.
_DECODER = json.JSONDecoder(
    parse_float=Decimal, parse_int=_integer, parse_constant=lambda _: None, strict=False
)


def resources(
    source: Streams, shards: Sequence[Shard], reader: NarrowReader, advance: Advance = lambda _: None
) -> Iterator[tuple[Resources, list[BadLine]]]:
    """Yield the resources of `shards`, a block at a time, and the lines of it that could not be read."""
    with source.reading(shards) as streams:
        for (reading, table), group in groupby(shards, lambda shard: (shard.format, shard.table)):
            if reading is None or reading.resources is None:
                raise TypeError(f"{table} holds no FHIR resources")
            read = parsed_blocks(
                streams, list(group), reader, advance, reader.limits, cut=reading.resources(table)
            )
            for block, _, parsed, bad in read:
                yield resources_of(block, parsed), bad


def resources_of(block: Block, parsed: Parsed) -> Resources:
    """Return the resources of a block."""
    table = parsed.table
    rows = 0 if table is None else table.num_rows

    @cache
    def lines() -> list[bytes]:
        every = block.data.removesuffix(b"\n").split(b"\n")
        return every if len(every) == rows else [line for _, line in sort_lines(block)[0]]

    def decode(wanted: Iterable[int]) -> list[dict[str, Any]]:
        return [_DECODER.decode(lines()[row].decode()) for row in wanted]

    if table is None or parsed.mixed or not table.num_columns:
        return Resources(None, rows, decode)
    columns = [column.combine_chunks() for column in table.columns]
    return Resources(pa.StructArray.from_arrays(columns, fields=list(table.schema)), rows, decode)


class NarrowReader:
    """Parses blocks, and of them what is needed only, where that is safe.

    Parameters
    ----------
    needs : Needs
        The fields that are read.
    decimals : {"float", "exact", "text"}
        As of `Reader`; the words of numbers are in the lines, so "text" is read as floats.
    limits : Limits
        What is too much.
    name : str
        The table, for what is said of it.
    """

    def __init__(self, needs: Needs, decimals: str, *, limits: Limits = DEFAULT, name: str = "") -> None:
        self._needs, self.limits = needs, limits
        self._whole = Reader("exact" if decimals == "exact" else "float", limits=limits, name=name)
        self._known = pa.struct([])
        self._narrow: _Narrow | None = None

    def job(self, block: Block) -> Callable[[], Parsed]:
        """Return what parses `block` with what is known now; to be called in any thread."""
        narrow, whole = self._narrow, self._whole.job(block)

        def parsed() -> Parsed:
            table = None if narrow is None else narrow.parsed(block.data)
            return whole() if table is None else Parsed(table, [])

        return parsed

    def learn(self, parsed: Parsed) -> None:
        """Use what a block taught for those to come."""
        self._whole.learn(parsed)
        if parsed.seen is not None:
            self._known = join(self._known, parsed.seen)
            self._narrow = _Narrow(self._known, self._needs)


class _Narrow:
    """What is needed of the fields that are known."""

    def __init__(self, known: pa.DataType, needs: Needs) -> None:
        self._schema = prune(known, needs)
        self._choices = {begin: re.compile(pattern) for begin, pattern in unseen(known, needs).items()}

    def parsed(self, data: bytes) -> pa.Table | None:
        """Return what is needed of the objects of `data`; None where it may hold something else there."""
        rows = count_objects(data)
        if not rows or self._surprises(data) or may_nest_deep(data):
            return None
        try:
            table = parse_json(data, self._schema, unexpected="ignore")
        except REFUSED:
            return None
        return table if table.num_rows == rows and sound(table) else None

    def _surprises(self, data: bytes) -> bool:
        """Tell whether `data` may hold what is not JSON, or a choice element of a type not seen yet."""
        if may_hold_no_numbers(data):  # pyarrow accepts them in fields that it leaves out
            return True
        return any(begin in data and choice.search(data) for begin, choice in self._choices.items())
