"""Collections of FHIRPath as Arrow arrays: the elements of all rows in one array, and which row has which."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lro_notebook.fhirpath.fhir_types import choice_type
from lro_notebook.results.arrow.infer_schema import SCALAR
from lro_notebook.views.primitive_extensions import aligned, is_beside

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lro_notebook.fhirpath.syntax import Expr

Positions = np.ndarray[Any, np.dtype[np.int64]]


class NotCompiledError(Exception):
    """Arrow cannot give what is asked for, exactly; the message says why. The interpreter can."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What expressions are evaluated on: an element per row, and the %rowIndex of each.

    `beside` is as that of a `Collection`. `known` is what expressions gave on it already: columns often begin
    with the same path.
    """

    array: pa.Array
    row_index: Positions
    beside: pa.Array | None = None
    known: dict[Expr, Collection] = field(default_factory=dict)

    def take(self, rows: Positions) -> Frame:
        """Return the elements at `rows`."""
        index = pa.array(rows)
        beside = None if self.beside is None else self.beside.take(index)
        return Frame(self.array.take(index), self.row_index[rows], beside)


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection for each of a number of rows.

    Attributes
    ----------
    rows : int
        How many rows there are.
    values : pyarrow.Array
        Without `owners`, one slot per row, null where the row has nothing; else the elements of all rows.
    owners : array, optional
        The row of each element, sorted.
    beside : pyarrow.Array, optional
        The id and extensions of primitive elements, which JSON has beside them; aligned with `values`. Where
        they are, an element is, with a value or without.
    """

    rows: int
    values: pa.Array
    owners: Positions | None = None
    beside: pa.Array | None = None

    @classmethod
    def nothing(cls, rows: int) -> Collection:
        """Return empty collections."""
        return cls(rows, pa.nulls(rows))

    def valued(self) -> Collection:
        """Return the elements that have a value, without what is beside them."""
        return self if self.beside is None else Collection(self.rows, self.values, self.owners)

    def flat(self) -> pa.Array:
        """Return the elements of all rows; null for those without a value."""
        if not self.values.null_count:
            return self.values
        return self.values.drop_null() if self.beside is None else self.values.filter(self._there())

    def flat_beside(self) -> pa.Array | None:
        """Return what is beside the elements of `flat`."""
        if self.beside is None or not self.values.null_count:
            return self.beside
        return self.beside.filter(self._there())

    def flat_owners(self) -> Positions:
        """Return the row of each element of `flat`."""
        owners = np.arange(self.rows) if self.owners is None else self.owners
        return owners[_numpy(self._there())] if self.values.null_count else owners

    def _there(self) -> pa.Array:
        """Return which slots hold an element."""
        valid = self.values.is_valid()
        return valid if self.beside is None else pc.or_(valid, self.beside.is_valid())

    def inner(self, row_index: Positions) -> Frame:
        """Return its elements as rows of their own; `row_index` is that of its rows."""
        return Frame(self.flat(), row_index[self.flat_owners()], self.flat_beside())

    def counts(self) -> Positions:
        """Return how many elements each row has."""
        return np.bincount(self.flat_owners(), minlength=self.rows)

    def most(self) -> int:
        """Return how many elements a row has at most, counting no further than two for single slots."""
        if self.owners is None:
            return 1
        return int(self.counts().max(initial=0))

    def nth(self, position: int | Positions) -> Collection:
        """Return the element of each row at `position`, where it has one."""
        if self.owners is None and isinstance(position, int) and position == 0:
            return self
        counts = self.counts()
        index = np.cumsum(counts) - counts + position
        missing = (counts <= position) | (np.asarray(position) < 0)
        taken, beside = pa.array(index, mask=missing), self.flat_beside()
        return Collection(
            self.rows, self.flat().take(taken), None, None if beside is None else beside.take(taken)
        )

    def last(self) -> Collection:
        """Return the last element of each row."""
        return self.nth(self.counts() - 1)

    def singles(self) -> pa.Array:
        """Return a slot per row with its first element, null where it has none."""
        return self.nth(0).values

    def lists(self, values: pa.Array) -> pa.Array:
        """Return a list per row of `values`, which stand for the elements of `flat`."""
        offsets = np.concatenate(([0], np.cumsum(self.counts())))
        return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)

    def fields(self) -> list[str]:
        """Return the names of the fields that its elements can have."""
        parts = self._parts()
        if parts is None:
            return []
        names = [part.name for part in parts.type]
        if SCALAR in names:
            raise NotCompiledError("an element with and without parts")
        return names

    def _parts(self) -> pa.StructArray | None:
        """Return the structs that hold the parts of elements; those of primitives are beside them."""
        parts = self.values if pa.types.is_struct(self.values.type) else self.beside
        return parts if parts is not None and pa.types.is_struct(parts.type) else None

    def filled(self, names: Iterable[str]) -> dict[str, Collection]:
        """Return the elements of the fields `names`, of those that have any."""
        return self._filled(names, self.fields())

    def _filled(self, names: Iterable[str], fields: Sequence[str]) -> dict[str, Collection]:
        there = {name: self.child(name) for name in names if name in fields or f"_{name}" in fields}
        return {name: child for name, child in there.items() if not child.is_empty()}

    def is_empty(self) -> bool:
        """Tell whether no row has an element."""
        return self.values.null_count == len(self.values) and self.beside is None

    def named(self, name: str) -> dict[str, Collection]:
        """Return the elements of the fields that `name` stands for: of itself, or of a choice element."""
        fields = self.fields()
        plain = self._filled([name], fields)
        begun = [key for key in fields if key.startswith((name, f"_{name}"))]
        keys = dict.fromkeys([*begun, *(key.removeprefix("_") for key in begun)])
        typed = self._filled([key for key in keys if choice_type(key, name)], fields)
        if plain and typed:
            raise NotCompiledError(f"{name} beside a choice of types")
        return plain or typed

    def present(self) -> pa.Array:
        """Return for each row whether it has an element."""
        return self._there() if self.owners is None else pa.array(self.counts() > 0)

    def child(self, name: str) -> Collection:
        """Return the elements of the field `name`; no element has other fields than `fields`."""
        parts = self._parts()
        field, beside = _field(parts, name), _field(parts, f"_{name}")
        if beside is not None and not is_beside(beside):
            beside = None
        if field is None:
            field = pa.nulls(len(self.values))
        if beside is not None:
            field, beside = _together(field, beside)
        if not pa.types.is_list(field.type):
            return Collection(self.rows, field, self.owners, beside)
        if pa.types.is_list(field.type.value_type):
            raise NotCompiledError("lists in lists")
        owners = pc.list_parent_indices(field).to_numpy()
        return Collection(
            self.rows,
            pc.list_flatten(field),
            owners if self.owners is None else self.owners[owners],
            None if beside is None else pc.list_flatten(beside),
        )

    def children(self, found: Mapping[str, Collection]) -> Collection:
        """Return the elements of the fields that were `found`, those of one element together."""
        if not found:
            return Collection.nothing(self.rows)
        if len(found) == 1:
            return next(iter(found.values()))
        elements = Collection(len(flat := self.flat()), flat, None, self.flat_beside())
        parts = [elements.child(name) for name in found]
        if any(part.beside is not None for part in parts):
            raise NotCompiledError("an element of several types in the data, with ids or extensions")
        if any(part.values.type != parts[0].values.type for part in parts):
            raise NotCompiledError("an element that is of several types in the data")
        parents = np.concatenate([part.flat_owners() for part in parts])
        order = np.argsort(parents, kind="stable")
        values = pa.concat_arrays([part.flat() for part in parts]).take(pa.array(order))
        return Collection(self.rows, values, self.flat_owners()[parents[order]])

    def where(self, mask: pa.Array) -> Collection:
        """Return the elements of `flat` for which `mask` is true."""
        kept = mask.fill_null(False)  # noqa: FBT003 - the value for null
        beside = self.flat_beside()
        return Collection(
            self.rows,
            self.flat().filter(kept),
            self.flat_owners()[_numpy(kept)],
            None if beside is None else beside.filter(kept),
        )


def _field(parts: pa.StructArray | None, name: str) -> pa.Array | None:
    place = -1 if parts is None else parts.type.get_field_index(name)
    return None if place < 0 else pc.struct_field(parts, [place])


def _together(field: pa.Array, beside: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Return the values of primitive elements and what is beside them, of lists aligned with each other."""
    is_list = pa.types.is_list(beside.type)
    if pa.types.is_null(field.type):
        field = pa.nulls(len(beside), pa.list_(pa.null())) if is_list else field
    if is_list != pa.types.is_list(field.type):
        raise NotCompiledError("a list beside what is none")
    if pa.types.is_nested(field.type.value_type if is_list else field.type):
        raise NotCompiledError("extensions beside elements with parts")
    return aligned(field, beside) if is_list else (field, beside)


def _numpy(flags: pa.Array) -> np.ndarray[Any, np.dtype[np.bool_]]:
    array: np.ndarray[Any, np.dtype[np.bool_]] = flags.to_numpy(zero_copy_only=False)
    return array
