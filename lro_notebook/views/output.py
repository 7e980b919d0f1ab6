"""The values of a column to an Arrow array of the column's type; the arrays of a column to one type."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from lro_notebook.errors import ResultError
from lro_notebook.fhirpath.fhir_types import PRIMITIVES
from lro_notebook.results.arrow.infer_schema import DECIMAL
from lro_notebook.views.collection import Collection

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lro_notebook.views.definition import Column

_KINDS = {
    bool: "boolean",
    int: "integer",
    Decimal: "decimal",
    str: "text",
    dict: "complex",
    list: "complex",
}
_WORDS = {
    "boolean": "true or false",
    "integer": "whole numbers",
    "decimal": "numbers",
    "text": "text",
    "complex": "elements with parts",
}
_MISFIT = 'has a number that its type cannot hold; declare another "type", or use decimals="text"'


class Output:
    """Makes the arrays of a view's columns; `decimals` is how numbers with a fraction are held."""

    def __init__(self, decimals: str) -> None:
        number = {"float": pa.float64(), "exact": DECIMAL, "text": pa.string()}[decimals]
        self._types = {"boolean": pa.bool_(), "integer": pa.int64(), "decimal": number, "text": pa.string()}
        self._decimals = decimals

    def type_of(self, column: Column) -> pa.DataType | None:
        """Return the type of the arrays of `column`, None where only the values say."""
        value = self._held(_declared(column))
        return pa.list_(value) if value is not None and column.collection else value

    def keeps(self, kind: pa.DataType) -> bool:
        """Tell whether arrays of `kind` have what a column is to hold.

        Elements with parts lack what was not parsed, and floats the words that they were written in.
        """
        wordless = self._decimals == "text" and pa.types.is_floating(kind)
        return not (wordless or pa.types.is_nested(kind))

    def of_values(self, column: Column, rows: Sequence[Sequence[Any]]) -> pa.Array:
        """Return the array of `column` whose rows have these values.

        Raises
        ------
        ResultError
            A row has several values, or one that is not of the column's type.
        """
        counts = np.array([len(row) for row in rows], np.int64)
        _check_single(column, counts.max(initial=0))
        flat = [value for row in rows for value in row]
        kind = self._kind(column, {_KINDS[type(value)] for value in flat})
        held = self._held(kind)
        values = (
            pa.nulls(0) if kind is None else _array(column, [self._value(item, kind) for item in flat], held)
        )
        collection = Collection(len(rows), values, np.repeat(np.arange(len(rows)), counts))
        return collection.lists(values) if column.collection else collection.singles()

    def of_collection(self, column: Column, collection: Collection) -> pa.Array:
        """Return the array of `column`, of which `collection` are the values; raises as `of_values`."""
        collection = collection.valued()
        if column.collection:
            return collection.lists(self._of_array(column, collection.flat()))
        _check_single(column, collection.most())
        return self._of_array(column, collection.singles())

    def _of_array(self, column: Column, array: pa.Array) -> pa.Array:
        kinds = {_kind_of_type(array.type)} if array.null_count < len(array) else set()
        kind = self._kind(column, kinds)
        held = self._held(kind)
        if not kinds:
            return pa.nulls(len(array), held)
        try:
            return array.cast(held, safe=kind != "decimal")
        except pa.ArrowInvalid as error:
            raise _fault(column, _MISFIT) from error

    def _held(self, kind: str | None) -> pa.DataType | None:
        return self._types["text" if kind == "complex" else kind] if kind else None

    def _kind(self, column: Column, kinds: set[str]) -> str | None:
        """Return the kind of `column`, of whose values these `kinds` were seen; None if none were."""
        kind = _declared(column)
        if kind is None:
            return _only_kind(column, kinds)
        allowed = {"decimal", "integer"} if kind in ("decimal", "integer") else {kind}
        if column.type == "integer64":
            allowed.add("text")  # JSON has no integers of that size, so FHIR writes them as text
        if wrong := sorted(_WORDS[other] for other in kinds - allowed):
            raise _fault(column, f"is declared as {column.type}, and the data has {' and '.join(wrong)}")
        return kind

    def _value(self, value: Any, kind: str) -> Any:
        if kind == "complex":
            return json.dumps(value, default=_number, ensure_ascii=False)
        if kind == "decimal":
            text = self._decimals == "text"
            return str(value) if text else float(value) if self._decimals == "float" else Decimal(value)
        return int(value) if kind == "integer" and (isinstance(value, str) or value == int(value)) else value


def _only_kind(column: Column, kinds: set[str]) -> str | None:
    if "complex" in kinds:
        raise _fault(column, 'gives elements with parts; name a part in the path, or declare its "type"')
    if kinds == {"integer", "decimal"}:
        return "decimal"
    if len(kinds) > 1:
        raise _fault(column, "gives values of different types; pick one with ofType()")
    return next(iter(kinds), None)


def _number(value: Decimal) -> int | float:
    return float(value) if value.as_tuple().exponent else int(value)


def _array(column: Column, values: list[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_integer(kind) and not all(isinstance(value, int) for value in values):
        raise _fault(column, _MISFIT)
    try:
        return pa.array(values, kind)
    except UnicodeEncodeError:
        sound = [text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for text in values]
        return pa.array(sound, kind)
    except (pa.ArrowInvalid, OverflowError) as error:
        raise _fault(column, _MISFIT) from error


def _check_single(column: Column, most: int) -> None:
    if most > 1 and not column.collection:
        raise _fault(
            column,
            f"gives {most} values for one row; add .first() to the path, or "
            '"collection": true to the column to have a list',
        )


def _fault(column: Column, what: str) -> ResultError:
    return ResultError(f"column {column.name!r} (path {column.path!r}) {what}")


def _declared(column: Column) -> str | None:
    return None if column.type is None else PRIMITIVES.get(column.type, "complex")


def _kind_of_type(dtype: pa.DataType) -> str:
    if pa.types.is_boolean(dtype):
        return "boolean"
    if pa.types.is_integer(dtype):
        return "integer"
    if pa.types.is_string(dtype):
        return "text"
    return "complex" if pa.types.is_nested(dtype) else "decimal"


def join_types(column: Column, dtypes: Iterable[pa.DataType]) -> pa.DataType:
    """Return the type that holds the arrays of `column`, which have these types."""
    types = {dtype.value_type if pa.types.is_list(dtype) else dtype for dtype in dtypes}
    types.discard(pa.null())
    if len(types) > 1:
        types.discard(pa.int64())  # gives way to fractions
    if len(types) > 1 or (pa.int64() in dtypes and pa.string() in types):
        raise _fault(column, "gives values of different types; pick one with ofType()")
    dtype = types.pop() if types else pa.string()
    return pa.list_(dtype) if column.collection else dtype


def fits(dtype: pa.DataType, wanted: pa.DataType) -> bool:
    """Tell whether arrays of `dtype` can become arrays of `wanted` with nothing lost."""
    if pa.types.is_list(dtype) and pa.types.is_list(wanted):
        return fits(dtype.value_type, wanted.value_type)
    number = pa.types.is_floating(wanted) or pa.types.is_decimal(wanted)
    return dtype in (wanted, pa.null()) or (number and pa.types.is_integer(dtype))


def join(column: Column, arrays: Sequence[pa.Array]) -> pa.ChunkedArray:
    """Return the `arrays` of one column behind one another."""
    dtype = join_types(column, [array.type for array in arrays])
    return pa.chunked_array([array.cast(dtype) for array in arrays], dtype)
