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
    kind: pa.DataType, wanted: Collection[str], path: str | None = None
) -> tuple[pa.DataType | None, set[str]]:
    """Return the part of `kind` that holds the paths `wanted`, None if there is none, and which are there."""
    if path is not None and path in wanted:
        return kind, {path}
    if pa.types.is_list(kind):
        item, there = pruned(kind.value_type, wanted, path)
        return (None if item is None else pa.list_(item)), there
    if not pa.types.is_struct(kind):
        return None, set()
    parts = {part.name: pruned(part.type, wanted, path_of(path, part.name)) for part in kind}
    there = set().union(*(names for _, names in parts.values()))
    return (struct({name: part for name, (part, _) in parts.items()}) if there else None), there


def depth(kind: pa.DataType) -> int:
    """Return how deep `kind` nests; a loop, since the depth comes from data."""
    deepest, stack = 0, [(kind, 0)]
    while stack:
        here, level = stack.pop()
        deepest = max(deepest, level)
        stack.extend((here.field(number).type, level + 1) for number in range(here.num_fields))
    return deepest


def leaves(kind: pa.DataType) -> int:
    """Return how many values that are no objects `kind` holds."""
    return sum(not part.num_fields for part in _parts(kind))


def widest(kind: pa.DataType) -> int:
    """Return how many values `kind` holds for one row, or for one element of a list: the most of these."""
    most, levels = 0, [kind]
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


def holds_decimals(kind: pa.DataType) -> bool:
    """Tell whether there are decimals in `kind`."""
    return any(pa.types.is_decimal(part) for part in _parts(kind))


def _parts(kind: pa.DataType) -> Iterator[pa.DataType]:
    """Yield all types in `kind`, itself too; a loop, as in `depth`."""
    stack = [kind]
    while stack:
        here = stack.pop()
        yield here
        stack.extend(here.field(number).type for number in range(here.num_fields))


def settled(kind: pa.DataType, number: pa.DataType) -> pa.DataType | None:
    """Return an inferred type as this package holds it, None where no value was seen.

    Text stays text (dates too), fractions become `number`, integers stay int64.
    """
    if pa.types.is_null(kind):
        return None
    if pa.types.is_struct(kind):
        return struct({part.name: settled(part.type, number) for part in kind})
    if pa.types.is_list(kind):
        item = settled(kind.value_type, number)
        return None if item is None else pa.list_(item)
    if pa.types.is_temporal(kind):
        return pa.string()
    return number if pa.types.is_floating(kind) else kind


def struct(fields: dict[str, pa.DataType | None]) -> pa.DataType:
    """Return a struct type of the `fields` that have a type."""
    return pa.struct([(name, kind) for name, kind in fields.items() if kind is not None])


def without_integers(kind: pa.DataType) -> pa.DataType | None:
    """Return `kind` without its integers, so that the parser infers them anew."""
    if pa.types.is_struct(kind):
        return struct({part.name: without_integers(part.type) for part in kind})
    if pa.types.is_list(kind):
        item = without_integers(kind.value_type)
        return None if item is None else pa.list_(item)
    return None if pa.types.is_integer(kind) else kind


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


def rows_of(columns: Mapping[str, pa.Array | pa.ChunkedArray], rows: int) -> pa.Table:
    """Return a table of `columns` that has its `rows` also where there is no column."""
    counted = pa.Table.from_arrays([pa.nulls(rows), *columns.values()], ["", *columns])
    return counted.select(range(1, len(columns) + 1))
