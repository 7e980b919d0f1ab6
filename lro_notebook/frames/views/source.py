"""The resources of a table, block by block: as Arrow has them, with the lines at hand for Python.

Only the fields that a view reads are parsed. What they look like is learned from whole blocks: the first
one, and each that holds something at those fields that was not expected.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from lro_notebook.errors import ResultError
from lro_notebook.frames.blocks import (
    Block,
    DamagedFileError,
    blocks,
    count_objects,
    sort_lines,
)
from lro_notebook.frames.chunks import BadLine
from lro_notebook.frames.ndjson import Parsed, Reader, parse_json, sound
from lro_notebook.frames.schema import join
from lro_notebook.frames.views.elements import Resources
from lro_notebook.frames.views.needs import prune, unseen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lro_notebook.frames.files import Shard
    from lro_notebook.frames.storage import Location
    from lro_notebook.frames.views.needs import Needs

#: As lenient as pyarrow's parser with what is in fields that a view does not read.
_DECODER = json.JSONDecoder(parse_float=Decimal, parse_int=int, parse_constant=lambda _: None, strict=False)


def resources(
    location: Location, shards: Sequence[Shard], reader: NarrowReader
) -> Iterator[tuple[Resources, list[BadLine]]]:
    """Yield the resources of `shards`, a block at a time, and the lines of it that could not be read."""
    for shard in shards:
        try:
            with location.fs.open(shard.path, "rb") as file:
                for block in blocks(file):
                    parsed = reader.read(block)
                    bad = [BadLine(shard.uri, *fault) for fault in parsed.bad]
                    yield _resources(block, parsed.table, mixed=reader.mixed), bad
        except DamagedFileError as error:
            reason = "not readable: the compressed data is damaged from here on"
            yield Resources(None, 0, lambda _: []), [BadLine(shard.uri, error.line, reason)]
        except OSError as error:
            raise ResultError(f"{shard.uri} cannot be read: {type(error).__name__}") from error


def _resources(block: Block, table: pa.Table | None, *, mixed: bool) -> Resources:
    rows = 0 if table is None else table.num_rows

    @cache
    def lines() -> list[bytes]:
        found = block.data.removesuffix(b"\n").split(b"\n")
        return found if len(found) == rows else [line for _, line in sort_lines(block)[0]]

    def decode(wanted: Iterable[int]) -> list[dict[str, Any]]:
        return [_DECODER.decode(lines()[row].decode()) for row in wanted]

    if table is None or mixed or not table.num_columns:
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

    Attributes
    ----------
    mixed : bool
        As of `Reader`: Arrow does not have the last block as it is.
    """

    def __init__(self, needs: Needs, decimals: str) -> None:
        self._needs = needs
        self._whole = Reader("exact" if decimals == "exact" else "float")
        self._known = pa.struct([])
        self._narrow: pa.DataType | None = None
        self._names: list[bytes] = []
        self._choices: re.Pattern[bytes] | None = None
        self.mixed = False

    def read(self, block: Block) -> Parsed:
        """Return the objects of `block`."""
        table = self._fast(block.data) if self._narrow is not None else None
        self.mixed = False
        if table is not None:
            return Parsed(table, [])
        parsed = self._whole.read(block)
        self.mixed = self._whole.mixed
        if parsed.table is not None and not self.mixed:
            self._learn(pa.struct(list(parsed.table.schema)))
        return parsed

    def _learn(self, seen: pa.DataType) -> None:
        self._known = join(self._known, seen)
        self._narrow = prune(self._known, self._needs)
        self._names, pattern = unseen(self._known, self._needs)
        self._choices = re.compile(pattern) if pattern else None

    def _fast(self, data: bytes) -> pa.Table | None:
        rows = count_objects(data)
        if not rows or self._surprises(data):
            return None
        try:
            table = parse_json(data, self._narrow, unexpected="ignore")
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowKeyError):
            return None
        return table if table.num_rows == rows and sound(table) else None

    def _surprises(self, data: bytes) -> bool:
        """Tell whether `data` may hold what is no JSON, or a choice element of a type not seen yet."""
        if b"NaN" in data or b"Infinity" in data:  # pyarrow accepts them in fields that it leaves out
            return True
        if self._choices is None or not any(name in data for name in self._names):
            return False
        return self._choices.search(data) is not None
