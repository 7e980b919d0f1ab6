"""The schema of an Avro file as Arrow types, and how the values that fastavro gives become those.

fastavro is given the schema without its logical types: dates and times stay numbers, of which Arrow makes
them by the column, and no value that is out of range ends a file.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from lro_notebook.results.arrow.line_blocks import MAX_DEPTH
from lro_notebook.results.arrow.normalize_types import DAY, FIRST, LAST, UNITS, Plain, entries, unique, uuids
from lro_notebook.results.formats.avro.container import AvroError

if TYPE_CHECKING:
    from lro_notebook.results.limits import Limits

BAD_DECIMAL = "a decimal with more digits than its type has; it is shown as missing"
RECURSIVE = "not read: its schema is recursive, and a table is not"
TOO_DEEP = f"nested too deep: more than {MAX_DEPTH} levels"
NOTHING = "not read: its schema has lists of nothing, which may be without an end"
UNKNOWN = "not read: its schema is not understood"

_TYPES = {
    "null": pa.null(),
    "boolean": pa.bool_(),
    "int": pa.int64(),
    "long": pa.int64(),
    "float": pa.float64(),
    "double": pa.float64(),
    "bytes": pa.binary(),
    "string": pa.string(),
    "enum": pa.string(),
    "fixed": pa.binary(),
}
_WHOLE, _FRACTIONS = {"int", "long"}, {"float", "double"}
_DIGITS, _WIDEST = 38, 76  # that decimals of 128 and of 256 bits hold
_BYTES = 32
_UUID = 16  # bytes
_NODES = 10  # parts of a schema for each column: types may name each other, and grow with each
_SHORT = {"millis": "ms", "micros": "us", "nanos": "ns"}

Fit = Callable[[Any], Any]
Dress = Callable[[pa.Array, Plain], pa.Array]


class Node(NamedTuple):
    """A type of the schema.

    Attributes
    ----------
    raw : pyarrow.DataType
        What Arrow is told the values are.
    least : int
        Bytes that a value has at least.
    fit : callable, optional
        Makes of a value, not None, what Arrow takes; where it does not take it as it is.
    dress : callable, optional
        Makes of an array of `raw` one of the type that is meant.
    """

    raw: pa.DataType
    least: int
    fit: Fit | None = None
    dress: Dress | None = None


def bare(schema: Any) -> Any:
    """Return a schema, as JSON, without its logical types; it is not too deep for recursion."""
    if isinstance(schema, list):
        return [bare(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    inner = ("type", "fields", "items", "values")
    return {
        key: bare(value) if key in inner else value for key, value in schema.items() if key not in _LOGICAL
    }


_LOGICAL = ("logicalType", "default", "doc", "order", "precision", "scale")


class Types:
    """Makes nodes of a parsed schema.

    Parameters
    ----------
    named : mapping
        The types that have names.
    limits : Limits
        How many columns there may be.
    decimals : str
        See `Options`: whether a union of whole numbers and fractions is a fraction.
    """

    def __init__(self, named: Mapping[str, Any], limits: Limits, decimals: str = "float") -> None:
        self._named, self._limits, self._decimals = named, limits, decimals
        self._open: list[str] = []
        self._columns, self._nodes = limits.columns, limits.columns * _NODES

    def node(self, schema: Any, depth: int = 0) -> Node:
        """Return the node of a schema.

        Raises
        ------
        AvroError
            No table holds it: recursive, too deep, too wide, or without an end.
        """
        self._nodes -= 1
        if depth > MAX_DEPTH:
            raise AvroError(TOO_DEEP)
        if self._nodes < 0:
            raise AvroError(f"too wide: {self._limits.over('columns', 'columns')}")
        if isinstance(schema, list):
            return self._union(schema, depth)
        if isinstance(schema, dict):
            return self._made(schema, depth)
        if schema in _TYPES:
            return self._made({"type": schema}, depth)
        if schema in self._named:
            return self.node(self._named[schema], depth)
        raise AvroError(UNKNOWN)

    def _made(self, schema: Mapping[str, Any], depth: int) -> Node:
        kind = schema["type"]
        if kind in ("record", "error"):
            return self._record(schema, depth)
        if kind == "array":
            return _list_of(self.node(schema["items"], depth + 1))
        if kind == "map":
            return _map_of(self.node(schema["values"], depth + 1))
        if not isinstance(kind, str) or kind not in _TYPES:
            return self.node(kind, depth + 1)
        self._add_column()
        return _leaf(kind, schema)

    def _record(self, schema: Mapping[str, Any], depth: int) -> Node:
        if schema.get("name") in self._open:
            raise AvroError(RECURSIVE)
        self._open.append(str(schema.get("name")))
        parts = {str(field["name"]): self.node(field["type"], depth + 1) for field in schema["fields"]}
        self._open.pop()
        return _struct_of(parts)

    def _union(self, schema: list[Any], depth: int) -> Node:
        branches = [each for each in schema if _kind(each) != "null"]
        if not branches:
            return Node(pa.null(), 1)
        if len(branches) == 1:
            return self.node(branches[0], depth + 1)._replace(least=1)
        full = [self._full(each) for each in branches]
        kinds = {_kind(each) for each in full}
        if kinds <= {"record", "error"}:
            return self._merged(full, depth)._replace(least=1)
        self._add_column()
        return self._mixed(kinds, full)

    def _mixed(self, kinds: set[str], branches: list[Any]) -> Node:
        """Return what holds values of several kinds: a number if they all are, else text."""
        logical = any(isinstance(each, dict) and "logicalType" in each for each in branches)
        if kinds <= _WHOLE and not logical:
            return Node(pa.int64(), 1)
        if kinds <= _WHOLE | _FRACTIONS and not logical and self._decimals == "float":
            return Node(pa.float64(), 1, float)
        if kinds <= _TYPES.keys():
            return Node(pa.string(), 1, _words_of(branches))
        return Node(pa.string(), 1, lambda value: value if isinstance(value, str) else _json(value))

    def _add_column(self) -> None:
        self._columns -= 1
        if self._columns < 0:
            raise AvroError(f"too wide: {self._limits.over('columns', 'columns')}")

    def _merged(self, records: list[Any], depth: int) -> Node:
        """Return one object for several that may stand at one place: with the fields of all."""
        fields: dict[str, list[Any]] = {}
        for record in records:
            for field in record["fields"]:
                kinds = field["type"] if isinstance(field["type"], list) else [field["type"]]
                known = fields.setdefault(str(field["name"]), [])
                known += [kind for kind in kinds if kind not in known]
        merged = [{"name": name, "type": kinds} for name, kinds in fields.items()]
        names = [str(record.get("name")) for record in records]
        if any(name in self._open for name in names):
            raise AvroError(RECURSIVE)
        self._open += names
        node = self._record({"name": "", "fields": merged}, depth)
        del self._open[-len(names) :]
        return node

    def _full(self, schema: Any) -> Any:
        return self._named.get(schema, schema) if isinstance(schema, str) else schema


def _kind(schema: Any) -> str:
    return schema if isinstance(schema, str) else str(schema.get("type")) if isinstance(schema, dict) else ""


def _struct_of(parts: Mapping[str, Node]) -> Node:
    raw = pa.struct([(name, part.raw) for name, part in parts.items()])
    fits = {name: part.fit for name, part in parts.items() if part.fit}

    def fit(value: dict[str, Any]) -> dict[str, Any]:
        there = ((name, one) for name, one in fits.items() if value.get(name) is not None)
        return {**value, **{name: one(value[name]) for name, one in there}}

    def dress(array: pa.Array, plain: Plain) -> pa.Array:
        dressed = [
            part.dress(each, plain) if part.dress else each
            for part, each in zip(parts.values(), array.flatten(), strict=True)
        ]
        return pa.StructArray.from_arrays(dressed, names=unique(parts), mask=array.is_null())

    is_dressed = any(part.dress for part in parts.values())
    least = sum(part.least for part in parts.values())
    return Node(raw, least, fit if fits else None, dress if is_dressed else None)


def _list_of(item: Node) -> Node:
    if not item.least:
        raise AvroError(NOTHING)
    one = item.fit
    fit: Fit | None = (
        None if one is None else lambda value: [each if each is None else one(each) for each in value]
    )
    return Node(pa.list_(item.raw), 1, fit, _each(item))


def _map_of(item: Node) -> Node:
    one = item.fit or (lambda value: value)

    def fit(value: dict[str, Any]) -> list[tuple[str, Any]]:
        return [(key, each if each is None else one(each)) for key, each in value.items()]

    entry = _struct_of({"key": Node(pa.string(), 1), "value": item})
    return Node(pa.map_(pa.string(), item.raw), 1, fit, _each(entry))


def _each(item: Node) -> Dress | None:
    inner = item.dress
    if inner is None:
        return None

    def dress(array: pa.Array, plain: Plain) -> pa.Array:
        offsets, values = entries(array)
        return pa.ListArray.from_arrays(offsets, inner(values, plain), mask=array.is_null())

    return dress


def _leaf(kind: str, schema: Mapping[str, Any]) -> Node:
    least = int(schema["size"]) if kind == "fixed" else {"null": 0, "float": 4, "double": 8}.get(kind, 1)
    return Node(_TYPES[kind], least, None, _logical(kind, schema))


def _logical(kind: str, schema: Mapping[str, Any]) -> Dress | None:
    """Return what makes the logical type of a value; one that does not suit it is left out, as Avro says."""
    name = schema.get("logicalType")
    name = name if isinstance(name, str) else ""
    stem, _, unit = name.rpartition("-")
    if kind in _WHOLE and name == "date":
        return _date
    if kind in _WHOLE and unit in _SHORT:
        zone = {"timestamp": "UTC", "local-timestamp": None}
        if stem in zone:
            dtype = pa.timestamp(_SHORT[unit], zone[stem])
            return lambda array, _: array.cast(dtype)
        if stem == "time":
            return _time(_SHORT[unit])
    if kind in ("bytes", "fixed") and name == "decimal":
        precision, scale = schema.get("precision"), schema.get("scale", 0)
        if (
            isinstance(precision, int)
            and isinstance(scale, int)
            and 0 <= scale <= precision <= _WIDEST
            and precision
        ):
            return _decimal(precision, scale)
    if kind == "fixed" and name == "uuid" and schema.get("size") == _UUID:
        return lambda array, _: uuids(array)
    return None


def _date(array: pa.Array, plain: Plain) -> pa.Array:
    return plain.within(array, array, FIRST // DAY, LAST // DAY).cast(pa.int32()).cast(pa.date32())


def _time(unit: str) -> Dress:
    def dress(array: pa.Array, plain: Plain) -> pa.Array:
        there = plain.within(array, array, 0, DAY * UNITS[unit] - 1)
        return there.cast(pa.int32()).cast(pa.time32(unit)) if unit == "ms" else there.cast(pa.time64(unit))

    return dress


def _decimal(precision: int, scale: int) -> Dress:
    dtype = pa.decimal128(precision, scale) if precision <= _DIGITS else pa.decimal256(precision, scale)
    most, context = 10**precision, Context(prec=_WIDEST)

    def value_of(value: bytes | None, plain: Plain) -> Decimal | None:
        if value is None:
            return None
        number = int.from_bytes(value, "big", signed=True) if len(value) <= _BYTES else most
        if abs(number) >= most:
            plain.faults[BAD_DECIMAL] = None
            return None
        return Decimal(number).scaleb(-scale, context)

    return lambda array, plain: pa.array((value_of(value, plain) for value in array.to_pylist()), dtype)


def _words_of(branches: list[Any]) -> Fit:
    """Return what makes text of values of several kinds: each in the words of its own type."""
    logical: dict[type, list[str]] = {}
    for branch in branches:
        name = branch.get("logicalType") if isinstance(branch, dict) else None
        logical.setdefault(int if _kind(branch) in _WHOLE else bytes, []).append(str(name))
    of_whole = logical[int][0] if len(logical.get(int, ())) == 1 else ""

    def fit(value: Any) -> str:
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, bytes):
            return base64.b64encode(value).decode("ascii")
        return _moment(of_whole, value) if isinstance(value, int) else str(value)

    return fit


def _moment(logical: str, value: int) -> str:
    """Return a number as the date or time that it stands for, if it does."""
    unit = {"timestamp-millis": 10**3, "timestamp-micros": 1}.get(logical)
    try:
        if logical == "date":
            return (date(1970, 1, 1) + timedelta(days=value)).isoformat()
        if unit:
            return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=value * unit)).isoformat()
    except OverflowError:  # no moment that has a name
        pass
    return str(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=lambda each: base64.b64encode(each).decode("ascii"))
