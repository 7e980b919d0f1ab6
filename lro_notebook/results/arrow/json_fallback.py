"""JSON objects that pyarrow's parser refuses, as an Arrow table: exact, line by line, much slower.

Where the values at one path are of several kinds, every kind is kept: scalars of different types become
text (numbers in the words that were there), a scalar beside objects goes into a field named `SCALAR` of
the struct, and what stands beside lists becomes a list of one. `flatten` brings all of them under
the name of the path.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa

from lro_notebook.errors import ResultError
from lro_notebook.results.arrow.infer_schema import DECIMAL, SCALAR, leaves, rows_of, widest
from lro_notebook.results.arrow.line_blocks import MAX_DEPTH, json_decoder
from lro_notebook.results.limits import DEFAULT, TOO_DEEP, Limits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_INT64 = range(-(2**63), 2**63)
_INT64_DIGITS = 20
_SAFE = 2**53  # a double holds the integers up to this one
_NUMBER = re.compile(r"[+-]?(\d++(\.\d*+)?|\.\d++)([eE][+-]?\d++)?", re.ASCII)
_LONGEST = 1_000  # characters; a longer number is text, which loses nothing
_PLACES = DECIMAL.scale
_WHOLE = DECIMAL.precision - DECIMAL.scale


class Number(str):
    """A number in the words that were there."""

    __slots__ = ()

    @staticmethod
    def matches(text: str) -> bool:
        """Tell whether `text` is a number, in the forms of JSON and of DICOM."""
        return len(text) <= _LONGEST and _NUMBER.fullmatch(text) is not None


def _integer(words: str) -> int | Number:
    number = int(words) if len(words) <= _INT64_DIGITS else None
    return number if number is not None and number in _INT64 else Number(words)


_DECODERS = {
    "float": json_decoder(Number, _integer),
    "exact": json_decoder(Number, _integer),
    "text": json_decoder(str, str),
}


def requote(line: bytes) -> bytes:
    """Return the object of `line` with its numbers as strings, in the words that were there."""
    return json.dumps(_tidy(_DECODERS["text"].decode(line.decode()), 0), ensure_ascii=False).encode()


def objects_of(lines: Sequence[bytes]) -> list[dict[str, Any]]:
    """Return the object of each line; numbers keep the words that were there where Python would not."""
    objects = []
    for line in lines:
        try:
            objects.append(orjson.loads(line))
        except orjson.JSONDecodeError:
            objects.append(_DECODERS["exact"].decode(line.decode()))
    return objects


def table_of_lines(
    lines: Sequence[bytes], decimals: str, *, limits: Limits = DEFAULT, name: str = "", bare: bool = False
) -> tuple[pa.Table, pa.DataType]:
    """Return what `shaped` does of the `lines`, which hold one JSON object each."""
    decoder = _DECODERS[decimals]
    rows = [decoder.decode(line.decode()) for line in lines]
    return shaped(rows, decimals, limits=limits, name=name, bare=bare)


def table_of(
    rows: Sequence[Mapping[str, Any]], decimals: str = "float", *, limits: Limits = DEFAULT, name: str = ""
) -> pa.Table:
    """Return a table with one row for each JSON object of `rows`; see `shaped`."""
    return shaped(rows, decimals, limits=limits, name=name)[0]


def shaped(
    rows: Sequence[Mapping[str, Any]],
    decimals: str = "float",
    *,
    limits: Limits = DEFAULT,
    name: str = "",
    bare: bool = False,
) -> tuple[pa.Table, pa.DataType]:
    """Return a table with one row for each JSON object of `rows`, and its type with lists of nothing.

    With `bare` set, the table has those too, as lists of nulls.

    Raises
    ------
    ResultError
        They have too many keys for the table `name`, or nest too deep for Python.
    """
    try:
        tidy = [_tidy(row, 0) for row in rows]
    except RecursionError as error:
        raise ResultError(f"table {name}: a value is {TOO_DEEP}") from error
    root = _Shape()
    for row in tidy:
        root.see(row, decimals)
    root.settle()
    shape = root.arrow_type(decimals, bare=True) or pa.struct([])
    dtype = shape if bare else root.arrow_type(decimals) or pa.struct([])
    limits.check_width(name, leaves(dtype), 1)
    limits.check_width(name, widest(dtype), _objects(tidy))
    array = pa.array([root.fit(row, dtype) for row in tidy], dtype)
    table = rows_of(dict(zip((part.name for part in dtype), array.flatten(), strict=True)), len(tidy))
    return table, shape


def _tidy(value: Any, depth: int) -> Any:
    """Return `value` with text that UTF-8 can hold, without absent fields, and not too deep for Arrow."""
    if isinstance(value, str):
        return value if value.isascii() else _sound(value)
    if isinstance(value, dict | list) and depth > MAX_DEPTH:
        return _sound(json.dumps(value, default=str, ensure_ascii=False))
    if isinstance(value, dict):
        return {_sound(key): _tidy(item, depth + 1) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_tidy(item, depth + 1) for item in value]
    return value


def _objects(rows: Sequence[Any]) -> int:
    """Return how many objects there are in `rows`, themselves included."""
    count, stack = 0, list(rows)
    while stack:
        here = stack.pop()
        if isinstance(here, dict):
            count += 1
            stack.extend(here.values())
        elif isinstance(here, list):
            stack.extend(here)
    return count


def _sound(text: str) -> str:
    """Return `text` with U+FFFD for each lone surrogate."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _kind(value: str | float, decimals: str) -> str:
    """Return what a scalar is: bool, text, int, long (no double holds it), big (no int64), or number."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int) and value in _INT64:
        return "int" if abs(value) <= _SAFE else "long"
    if isinstance(value, str) and not isinstance(value, Number):
        return "text"
    words = str(value)
    if len(words) > _LONGEST:
        return "text"
    if words.lstrip("-").isdigit():
        return "big" if _fits_decimal(words) else "text"
    fits = _fits_decimal(words) if decimals == "exact" else math.isfinite(float(words))
    return "number" if fits else "text"


def _fits_decimal(words: str) -> bool:
    try:
        decimal = Decimal(words)
    except InvalidOperation:  # an exponent beyond any sense
        return False
    _, digits, exponent = decimal.as_tuple()
    if not isinstance(exponent, int):
        return False
    zeros = next((place for place, digit in enumerate(reversed(digits)) if digit), len(digits))
    return bool(-(exponent + zeros) <= _PLACES and decimal.adjusted() < _WHOLE)


@dataclass(slots=True)
class _Shape:
    """What was seen at one path."""

    scalars: set[str] = field(default_factory=set)
    fields: dict[str, _Shape] | None = None
    item: _Shape | None = None

    def see(self, value: Any, decimals: str) -> None:
        if value is None:
            return
        if isinstance(value, dict):
            self.fields = {} if self.fields is None else self.fields
            for key, part in value.items():
                self.fields.setdefault(key, _Shape()).see(part, decimals)
        elif isinstance(value, list):
            self.item = self.item or _Shape()
            for part in value:
                self.item.see(part, decimals)
        else:
            self.scalars.add(_kind(value, decimals))

    def settle(self) -> None:
        """Move what stands beside lists into the lists."""
        if self.item is not None and (self.scalars or self.fields is not None):
            self.item.update(_Shape(self.scalars, self.fields))
            self.scalars, self.fields = set(), None
        for part in (*(self.fields or {}).values(), *([self.item] if self.item else ())):
            part.settle()

    def update(self, other: _Shape) -> None:
        self.scalars |= other.scalars
        for key, part in (other.fields or {}).items():
            self.fields = {} if self.fields is None else self.fields
            self.fields.setdefault(key, _Shape()).update(part)
        if other.fields is not None and self.fields is None:
            self.fields = {}
        if other.item is not None:
            self.item = self.item or _Shape()
            self.item.update(other.item)

    def arrow_type(self, decimals: str, *, bare: bool = False) -> pa.DataType | None:
        """Return the type that holds all that was seen; None if nothing was.

        With `bare` set, lists of nothing are something.
        """
        if self.item is not None:
            item = self.item.arrow_type(decimals, bare=bare)
            if item is None:
                return pa.list_(pa.null()) if bare else None
            return pa.list_(item)
        scalar = self._scalar_type(decimals)
        if self.fields is None:
            return scalar
        types = {key: part.arrow_type(decimals, bare=bare) for key, part in self.fields.items()}
        types = {SCALAR: scalar, **types}
        return pa.struct([(key, dtype) for key, dtype in types.items() if dtype is not None])

    def _scalar_type(self, decimals: str) -> pa.DataType | None:
        if not self.scalars:
            return None
        if self.scalars == {"bool"}:
            return pa.bool_()
        if self.scalars <= {"int", "long"}:
            return pa.int64()
        if self.scalars <= {"int", "long", "big"} | ({"number"} if decimals == "exact" else set()):
            return DECIMAL
        return pa.float64() if self.scalars <= {"int", "number"} else pa.string()

    def fit(self, value: Any, dtype: pa.DataType) -> Any:
        """Return `value` so that ``pa.array`` takes it as `dtype`, the `arrow_type` of this shape."""
        if value is None:
            return None
        if self.item is not None:
            parts = value if isinstance(value, list) else [value]
            return [self.item.fit(part, dtype.value_type) for part in parts]
        if self.fields is None:
            return _scalar(value, dtype)
        if not isinstance(value, dict):
            return {SCALAR: _scalar(value, dtype.field(SCALAR).type)}
        types = {part.name: part.type for part in dtype}
        return {key: self.fields[key].fit(part, types[key]) for key, part in value.items() if key in types}


def _scalar(value: Any, dtype: pa.DataType) -> Any:
    if pa.types.is_string(dtype):
        return str(value).lower() if isinstance(value, bool) else str(value)
    if pa.types.is_floating(dtype):
        return float(value)
    return Decimal(str(value)) if pa.types.is_decimal(dtype) else value
