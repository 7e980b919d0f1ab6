"""HL7v2 segments to Arrow tables: one row per segment, columns by position and by the standard's names.

Fields are split in Arrow, a whole column at a time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lro_notebook.errors import ResultError
from lro_notebook.results.arrow.infer_schema import rows_of
from lro_notebook.results.arrow.unify import stack
from lro_notebook.results.formats.hl7v2.escapes import unescape
from lro_notebook.results.formats.hl7v2.field_names import field_of
from lro_notebook.results.limits import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lro_notebook.results.formats.hl7v2.escapes import Encoding
    from lro_notebook.results.formats.hl7v2.parser import Message
    from lro_notebook.results.limits import Limits

#: The key of a message, in its own table and in those of its segments.
MESSAGE = "message"
#: The position of a segment in its message, from 0.
INDEX = "index"
REPETITIONS = "repetitions"
_NO_TEXT, _NOWHERE = pa.scalar(None, pa.string()), pa.scalar(None, pa.int32())


@dataclass(slots=True)
class _Rows:
    """Segments of one name in messages of one encoding."""

    keys: list[str] = field(default_factory=list)
    index: list[int] = field(default_factory=list)
    order: list[int] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


class Segments:
    """Collects the segments of messages, and makes a table of each kind."""

    def __init__(self, lists: str, limits: Limits = DEFAULT) -> None:
        self._lists, self._limits = lists, limits
        self._rows: dict[Encoding, dict[str, _Rows]] = {}
        self._names: dict[str, None] = {}
        self._count = 0
        self.truncated: dict[str, int] = {}

    def add(self, key: str, message: Message) -> None:
        """Take the segments of a message."""
        rows_of_names = self._rows.setdefault(message.encoding, {})
        for index, line in enumerate(message.segments):
            name = line[:3]
            rows = rows_of_names.get(name)
            if rows is None:
                rows = rows_of_names[name] = _Rows()
                self._names.setdefault(name)
            rows.keys.append(key)
            rows.index.append(index)
            rows.order.append(self._count)
            rows.lines.append(line)
            self._count += 1

    def tables(self) -> dict[str, pa.Table]:
        """Return a table per name of segment; with ``lists="explode"`` also those of repeated fields."""
        self._check_width()
        tables: dict[str, pa.Table] = {}
        for name in self._names:
            groups = {encoding: rows[name] for encoding, rows in self._rows.items() if name in rows}
            parts = [self._table(name, encoding, rows) for encoding, rows in groups.items()]
            tables[name] = stack(parts)
            if len(parts) > 1:
                order = np.concatenate([rows.order for rows in groups.values()])
                tables[name] = tables[name].take(np.argsort(order))
            if self._lists == "explode":
                spaces = self._limits.spaces
                inner = [_repetitions(name, encoding, rows, spaces) for encoding, rows in groups.items()]
                tables[f"{name}.{REPETITIONS}"] = stack(inner)
        return tables

    def _check_width(self) -> None:
        """Raise `ResultError` where the segments have too many fields and components to be tables."""
        count = 0
        for encoding, rows_of_names in self._rows.items():
            for rows in rows_of_names.values():
                count += max(_width(line, encoding) for line in rows.lines)
                if count > self._limits.all_columns:
                    raise ResultError(
                        f"the {len(self._names):,} kinds of segments would have "
                        f"{self._limits.over('all_columns', 'columns together')}; "
                        'limits={"all_columns": …} of read_results and op.load raises that'
                    )

    def _table(self, name: str, encoding: Encoding, rows: _Rows) -> pa.Table:
        columns: dict[str, pa.Array] = {
            MESSAGE: pa.array(rows.keys, pa.string()),
            INDEX: pa.array(rows.index, pa.int64()),
        }
        for number, values in _fields(name, encoding, rows):
            if self._lists == "nested":
                columns.update(_named(name, number, {"": _nested(values, encoding, self._limits.spaces)}))
                continue
            # MSH-1 and MSH-2 are the characters that separate, not separated by them.
            if name == "MSH" and number <= 2:  # noqa: PLR2004
                columns.update(_named(name, number, {"": values}))
                continue
            first, repeated = _first(values, encoding.repetition)
            if repeated and self._lists == "first":
                place = f"{name}.{number}"
                self.truncated[place] = self.truncated.get(place, 0) + repeated
            parts = _parts(first, encoding, field_of(name, number).components, self._limits.spaces)
            columns.update(_named(name, number, parts))
            self._limits.check_width(name, len(columns), len(rows.keys))
        return rows_of(columns, len(rows.keys))


def _width(line: str, encoding: Encoding) -> int:
    """Return about how many columns a segment makes: one for each field, component and subcomponent."""
    if encoding.repetition in line:  # of a field that repeats the first makes columns
        fields = line.split(encoding.field)
        line = encoding.field.join(text.partition(encoding.repetition)[0] for text in fields)
    return 1 + sum(line.count(mark) for mark in (encoding.field, encoding.component, encoding.subcomponent))


def _fields(name: str, encoding: Encoding, rows: _Rows) -> Iterator[tuple[int, pa.Array]]:
    """Yield number, from 1, and values of each field that has any; empty ones are null."""
    split = pc.split_pattern(pa.array(rows.lines, pa.string()), encoding.field)
    shift = 1 if name == "MSH" else 0  # the separator itself is MSH-1
    if shift:
        yield 1, pa.array([encoding.field] * len(rows.lines), pa.string())
    for place in range(1, pc.max(pc.list_value_length(split)).as_py()):
        column = _nth(split, place)
        if column.null_count < len(column):
            yield place + shift, column


def _named(segment: str, number: int, parts: dict[str, pa.Array]) -> dict[str, pa.Array]:
    """Return the parts of a field under their positions, then under the names of the standard."""
    names = field_of(segment, number)
    columns = {f"{segment}.{number}{place}": values for place, values in parts.items()}
    if names.name:
        for place, values in parts.items():
            first, _, rest = place.removeprefix(".").partition(".")
            known = first.isdigit() and int(first) <= len(names.components)
            if place == "" or (known and not rest):
                columns[f"{names.name}.{names.components[int(first) - 1]}" if place else names.name] = values
    return columns


def _first(values: pa.Array, separator: str) -> tuple[pa.Array, int]:
    """Return the first repetition of each field, and how many fields have more."""
    if not pc.any(pc.match_substring(values, separator)).as_py():
        return values, 0
    parts = pc.split_pattern(values, separator)
    return _nth(parts, 0), pc.sum(pc.greater(pc.list_value_length(parts), 1)).as_py()


def _nth(parts: pa.ListArray, number: int) -> pa.Array:
    """Return element `number` of each list, null where it is empty or not there."""
    there = pc.greater(pc.list_value_length(parts), number)  # null of a null
    places = pc.add(parts.offsets.slice(0, len(parts)), number)
    values = parts.values.take(pc.if_else(there, places, _NOWHERE))
    return pc.if_else(pc.equal(values, ""), _NO_TEXT, values)


def _parts(
    values: pa.Array, encoding: Encoding, components: Sequence[str], spaces: int
) -> dict[str, pa.Array]:
    """Return a field as a whole (``""``), its components (``.1``) and subcomponents (``.1.2``).

    What is one value has its escapes undone; what is divided further is as it was sent.
    """
    dividers = encoding.component + encoding.subcomponent
    parts = {"": _plain(values, encoding, spaces, dividers)}
    if not components and not any(pc.any(pc.match_substring(values, mark)).as_py() for mark in dividers):
        return parts
    split = pc.split_pattern(values, encoding.component)
    for number in range(pc.max(pc.list_value_length(split)).as_py() or 0):
        part = _nth(split, number)
        if part.null_count == len(part):
            continue
        parts[f".{number + 1}"] = _plain(part, encoding, spaces, encoding.subcomponent)
        if pc.any(pc.match_substring(part, encoding.subcomponent)).as_py():
            inner = pc.split_pattern(part, encoding.subcomponent)
            for place in range(pc.max(pc.list_value_length(inner)).as_py()):
                parts[f".{number + 1}.{place + 1}"] = _plain(_nth(inner, place), encoding, spaces)
    return parts


def _plain(values: pa.Array, encoding: Encoding, spaces: int, dividers: str = "") -> pa.Array:
    """Return `values` without escapes, those that hold a divider as they are."""
    if not pc.any(pc.match_substring(values, encoding.escape)).as_py():
        return values
    return pa.array(
        [
            value
            if value is None or any(divider in value for divider in dividers)
            else unescape(value, encoding, spaces)
            for value in values.to_pylist()
        ],
        pa.string(),
    )


def _nested(values: pa.Array, encoding: Encoding, spaces: int) -> pa.Array:
    """Return each field as the list of its repetitions, each the list of its components."""
    repetitions = pc.split_pattern(values, encoding.repetition)
    components = pc.split_pattern(repetitions.values, encoding.component)
    leaves = _plain(components.values, encoding, spaces, encoding.subcomponent)
    inner = pa.ListArray.from_arrays(components.offsets, leaves)
    return pa.ListArray.from_arrays(repetitions.offsets, inner, mask=repetitions.is_null())


def _repetitions(name: str, encoding: Encoding, rows: _Rows, spaces: int) -> pa.Table:
    """Return one row per repetition of the fields that repeat."""
    keys, index, numbers, places, values = [], [], [], [], []
    for row, line in enumerate(rows.lines):
        for number, text in enumerate(line.split(encoding.field), 1 if name == "MSH" else 0):
            if encoding.repetition not in text or (name == "MSH" and number == 2):  # noqa: PLR2004
                continue
            for place, value in enumerate(text.split(encoding.repetition)):
                keys.append(rows.keys[row])
                index.append(rows.index[row])
                numbers.append(number)
                places.append(place)
                values.append(value or None)
    names = [field_of(name, number).name or None for number in numbers]
    parts = _parts(pa.array(values, pa.string()), encoding, ("",), spaces)
    columns = {
        MESSAGE: pa.array(keys, pa.string()),
        f"{name}.{INDEX}": pa.array(index, pa.int64()),
        "field": pa.array(numbers, pa.int64()),
        "name": pa.array(names, pa.string()),
        INDEX: pa.array(places, pa.int64()),
        **{f"value{place}": part for place, part in parts.items()},
    }
    return rows_of(columns, len(keys))
