"""The values of a column to an Arrow array of the column's type; the arrays of a column to one type."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from lro_notebook.errors import ResultError
from lro_notebook.frames.schema import DECIMAL
from lro_notebook.frames.views.fhirtypes import PRIMITIVES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lro_notebook.frames.views.definition import Column

_KINDS = {bool: "boolean", int: "integer", Decimal: "decimal", str: "text", dict: "complex"}
_WORDS = {"boolean": "true or false", "integer": "whole numbers", "decimal": "numbers", "text": "text"}


class Output:
    """Makes the arrays of a view's columns; `decimals` is how numbers with a fraction are held."""

    def __init__(self, decimals: str) -> None:
        number = {"float": pa.float64(), "exact": DECIMAL, "text": pa.string()}[decimals]
        self._types = {"boolean": pa.bool_(), "integer": pa.int64(), "decimal": number, "text": pa.string()}
        self._decimals = decimals

    def type_of(self, column: Column) -> pa.DataType | None:
        """Return the type of the arrays of `column`, None where only the values say."""
        kind = _kind(column)
        value = self._types["text" if kind == "complex" else kind] if kind else None
        return pa.list_(value) if value is not None and column.collection else value

    def keeps(self, kind: pa.DataType) -> bool:
        """Tell whether arrays of `kind` hold what the column is to hold: floats do not hold their words."""
        return self._decimals != "text" or not pa.types.is_floating(kind)

    def of_values(self, column: Column, rows: Sequence[Sequence[Any]]) -> pa.Array:
        """Return the array of `column` whose rows have these values.

        Raises
        ------
        ResultError
            A row has several values, or one that is not of the column's type.
        """
        if not column.collection:
            check_single(column, max(map(len, rows), default=0))
        flat = [value for row in rows for value in row]
        kind = self._seen(column, {_KINDS[type(value)] for value in flat})
        if kind is None:
            return (
                pa.nulls(len(rows))
                if not column.collection
                else pa.array([[] for _ in rows], pa.list_(pa.null()))
            )
        wanted = self._types["text" if kind == "complex" else kind]
        values = iter(_array([self._value(value, kind) for value in flat], wanted, column).to_pylist())
        cells = [[next(values) for _ in row] for row in rows]
        if column.collection:
            return pa.array(cells, pa.list_(wanted))
        return pa.array([cell[0] if cell else None for cell in cells], wanted)

    def of_array(self, column: Column, array: pa.Array) -> pa.Array:
        """Return `array`, which holds the values of `column`, as one of the column's type."""
        kinds = {_kind_of_type(array.type)} if array.null_count < len(array) else set()
        kind = self._seen(column, kinds)
        if not kinds:
            return pa.nulls(len(array), self._types["text" if kind == "complex" else kind] if kind else None)
        return array if kind is None else array.cast(self._types[kind], safe=False)

    def _seen(self, column: Column, kinds: set[str]) -> str | None:
        """Return the kind of `column`, of whose values these `kinds` were seen."""
        kind = _kind(column)
        if kind is None:
            kind = (
                "decimal"
                if kinds == {"integer", "decimal"}
                else next(iter(kinds))
                if len(kinds) == 1
                else None
            )
            if "complex" in kinds:
                raise _fault(
                    column, 'gives elements with parts; name a part in the path, or declare its "type"'
                )
            if kinds and kind is None:
                raise _fault(column, "gives values of different types; pick one with ofType()")
        allowed = {"decimal": {"decimal", "integer"}, "integer": {"integer", "decimal"}}.get(
            kind or "", {kind}
        )
        if column.type == "integer64":
            allowed = allowed | {"text"}
        if not kinds <= allowed:
            given = " and ".join(
                sorted(_WORDS.get(found, "elements with parts") for found in kinds - allowed)
            )
            raise _fault(column, f"is declared as {column.type}, and the data has {given}")
        return kind

    def _value(self, value: Any, kind: str) -> Any:  # noqa: ANN401 - any JSON value
        if kind == "complex":
            return json.dumps(value, default=_number, ensure_ascii=False)
        if kind == "decimal":
            text = self._decimals == "text"
            return str(value) if text else float(value) if self._decimals == "float" else Decimal(value)
        return int(value) if kind == "integer" and value == int(value) else value


def _number(value: Decimal) -> int | float:
    return (
        int(value) if value == value.to_integral_value() and value.as_tuple().exponent == 0 else float(value)
    )


def _array(values: list[Any], kind: pa.DataType, column: Column) -> pa.Array:
    try:
        return pa.array(values, kind)
    except UnicodeEncodeError:
        sound = [text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for text in values]
        return pa.array(sound, kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
        raise _fault(column, 'has a number that does not fit its type; use decimals="text"') from error


def _fault(column: Column, what: str) -> ResultError:
    return ResultError(f"column {column.name!r} (path {column.path!r}) {what}")


def check_single(column: Column, most: int) -> None:
    """Raise an error if a row of `column`, which is no collection, has several values."""
    if most > 1:
        raise _fault(
            column,
            f"gives {most} values for one row; add .first() to the path, or "
            '"collection": true to the column to have a list',
        )


def _kind(column: Column) -> str | None:
    return None if column.type is None else PRIMITIVES.get(column.type, "complex")


def _kind_of_type(kind: pa.DataType) -> str:
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_integer(kind):
        return "integer"
    if pa.types.is_string(kind):
        return "text"
    return "complex" if pa.types.is_nested(kind) else "decimal"


def join_types(column: Column, kinds: Iterable[pa.DataType]) -> pa.DataType:
    """Return the type that holds the arrays of `column`, which have these types."""
    found = {kind.value_type if pa.types.is_list(kind) else kind for kind in kinds}
    found.discard(pa.null())
    if len(found) > 1:
        found.discard(pa.int64())  # gives way to fractions
    if len(found) > 1 or (pa.int64() in kinds and pa.string() in found):
        raise _fault(column, "gives values of different types; pick one with ofType()")
    kind = found.pop() if found else pa.string()
    return pa.list_(kind) if column.collection else kind


def fits(kind: pa.DataType, wanted: pa.DataType) -> bool:
    """Tell whether arrays of `kind` can become arrays of `wanted` with nothing lost."""
    if pa.types.is_list(kind) and pa.types.is_list(wanted):
        return fits(kind.value_type, wanted.value_type)
    number = pa.types.is_floating(wanted) or pa.types.is_decimal(wanted)
    return kind in (wanted, pa.null()) or (number and pa.types.is_integer(kind))


def join(column: Column, arrays: Sequence[pa.Array]) -> pa.ChunkedArray:
    """Return the `arrays` of one column behind one another."""
    kind = join_types(column, [array.type for array in arrays])
    return pa.chunked_array([array.cast(kind) for array in arrays], kind)
