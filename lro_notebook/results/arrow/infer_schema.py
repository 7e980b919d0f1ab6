"""The Arrow types of JSON: how a schema is read off data, and how it grows. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

#: Exact numbers: 38 digits before the point, 38 behind it.
DECIMAL = pa.decimal256(76, 38)
#: The field of a struct that holds the scalars which stand at its path beside objects: a noncharacter.
SCALAR = "\ufdd0"


def escape(key: str) -> str:
    r"""Return a key for use in a dotted path: a dot of its own as ``\.``."""
    return key.replace("\\", "\\\\").replace(".", "\\.")


def path_of(path: str | None, key: str) -> str | None:
    """Return the dotted path of `key` inside `path`, None at the top."""
    if key == SCALAR:
        return path
    return escape(key) if path is None else f"{path}.{escape(key)}"


def pruned(
    dtype: pa.DataType, wanted: Collection[str], path: str | None = None
) -> tuple[pa.DataType | None, set[str]]:
    """Return the part of `dtype` that holds the paths `wanted` (None for none), and which are there."""
    if path is not None and path in wanted:
        return dtype, {path}
    if pa.types.is_list(dtype):
        item, there = pruned(dtype.value_type, wanted, path)
        return (None if item is None else pa.list_(item)), there
    if not pa.types.is_struct(dtype):
        return None, set()
    parts = {part.name: pruned(part.type, wanted, path_of(path, part.name)) for part in dtype}
    there = set().union(*(names for _, names in parts.values()))
    return (struct({name: part for name, (part, _) in parts.items()}) if there else None), there


def depth(dtype: pa.DataType) -> int:
    """Return how deep `dtype` nests; a loop, since the depth comes from data."""
    deepest, stack = 0, [(dtype, 0)]
    while stack:
        here, level = stack.pop()
        deepest = max(deepest, level)
        stack.extend((here.field(number).type, level + 1) for number in range(here.num_fields))
    return deepest


def leaves(dtype: pa.DataType) -> int:
    """Return how many values other than objects `dtype` holds."""
    return sum(not part.num_fields for part in _parts(dtype))


def widest(dtype: pa.DataType) -> int:
    """Return how many values `dtype` holds for one row, or for one element of a list: the most of these."""
    most, levels = 0, [dtype]
    while levels:
        count, stack = 0, [levels.pop()]
        while stack:
            here = stack.pop()
            count += not pa.types.is_struct(here)
            if pa.types.is_struct(here):
                stack.extend(part.type for part in here)
            elif pa.types.is_list(here):
                levels.append(here.value_type)
        most = max(most, count)
    return most


def holds_decimals(dtype: pa.DataType) -> bool:
    """Tell whether there are decimals in `dtype`."""
    return any(pa.types.is_decimal(part) for part in _parts(dtype))


def _parts(dtype: pa.DataType) -> Iterator[pa.DataType]:
    """Yield all types in `dtype`, itself too; a loop, as in `depth`."""
    stack = [dtype]
    while stack:
        here = stack.pop()
        yield here
        stack.extend(here.field(number).type for number in range(here.num_fields))


def settled(dtype: pa.DataType, number: pa.DataType) -> pa.DataType | None:
    """Return an inferred type as this package holds it, None where no value was seen.

    Text stays text (dates too), fractions become `number`, integers stay int64.
    """
    if pa.types.is_null(dtype):
        return None
    if pa.types.is_struct(dtype):
        return struct({part.name: settled(part.type, number) for part in dtype})
    if pa.types.is_list(dtype):
        item = settled(dtype.value_type, number)
        return None if item is None else pa.list_(item)
    if pa.types.is_temporal(dtype):
        return pa.string()
    return number if pa.types.is_floating(dtype) else dtype


def struct(fields: dict[str, pa.DataType | None]) -> pa.DataType:
    """Return a struct type of the `fields` that have a type."""
    return pa.struct([(name, dtype) for name, dtype in fields.items() if dtype is not None])


def without_integers(dtype: pa.DataType) -> pa.DataType | None:
    """Return `dtype` without its integers, so that the parser infers them anew."""
    if pa.types.is_struct(dtype):
        return struct({part.name: without_integers(part.type) for part in dtype})
    if pa.types.is_list(dtype):
        item = without_integers(dtype.value_type)
        return None if item is None else pa.list_(item)
    return None if pa.types.is_integer(dtype) else dtype


def join(left: pa.DataType, right: pa.DataType) -> pa.DataType:
    """Return the type that holds `left` and `right`, of which both come from one schema that grows."""
    if left.equals(right):
        return left
    if pa.types.is_struct(left) and pa.types.is_struct(right):
        types = {part.name: part.type for part in left}
        for part in right:
            types[part.name] = join(types[part.name], part.type) if part.name in types else part.type
        return struct(types)
    if pa.types.is_list(left) and pa.types.is_list(right):
        return pa.list_(join(left.value_type, right.value_type))
    return right if pa.types.is_integer(left) else left


def cast(array: pa.Array, dtype: pa.DataType) -> pa.Array:
    """Return `array` as `dtype`: objects field by field, whatever their order; null where one is missing.

    pyarrow can do so itself from version 19.
    """
    source = array.type
    if source.equals(dtype):
        return array
    if pa.types.is_struct(source) and pa.types.is_struct(dtype) and dtype.num_fields:
        there = {part.name: place for place, part in enumerate(source)}
        inner = array.flatten()  # null where the object is, and no longer than a slice
        parts = [
            cast(inner[there[part.name]], part.type)
            if part.name in there
            else pa.nulls(len(array), part.type)
            for part in dtype
        ]
        return pa.StructArray.from_arrays(parts, fields=list(dtype), mask=array.is_null())
    if pa.types.is_list(source) and pa.types.is_list(dtype):
        offsets = pa.array(array.offsets.to_numpy())  # a copy: a mask wants offsets that are no slice
        values = cast(array.values, dtype.value_type)
        return pa.ListArray.from_arrays(offsets, values, type=dtype, mask=array.is_null())
    return array.cast(dtype, safe=False)


def rows_of(columns: Mapping[str, pa.Array | pa.ChunkedArray], rows: int) -> pa.Table:
    """Return a table of `columns` that keeps its `rows` even without a column."""
    counted = pa.Table.from_arrays([pa.nulls(rows), *columns.values()], ["", *columns])
    return counted.select(range(1, len(columns) + 1))
