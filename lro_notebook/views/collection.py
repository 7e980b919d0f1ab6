"""Collections of FHIRPath as Arrow arrays: the elements of all rows in one array, and which row has which."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lro_notebook.fhirpath.fhir_types import choice_type
from lro_notebook.results.arrow.schema import SCALAR

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lro_notebook.fhirpath.syntax import Expr

Positions = np.ndarray[Any, np.dtype[np.int64]]


class NotCompiledError(Exception):
    """Arrow cannot give what is asked for, exactly; the message says why. The interpreter can."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What expressions are evaluated on: an element per row, and the %rowIndex of each.

    `known` is what expressions gave on it already: columns often begin with the same path.
    """

    array: pa.Array
    row_index: Positions
    known: dict[Expr, Collection] = field(default_factory=dict)

    def take(self, rows: Positions) -> Frame:
        """Return the elements at `rows`."""
        return Frame(self.array.take(pa.array(rows)), self.row_index[rows])


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
    """

    rows: int
    values: pa.Array
    owners: Positions | None = None

    @classmethod
    def nothing(cls, rows: int) -> Collection:
        """Return empty collections."""
        return cls(rows, pa.nulls(rows))

    def flat(self) -> pa.Array:
        """Return the elements of all rows."""
        return self.values.drop_null() if self.values.null_count else self.values

    def flat_owners(self) -> Positions:
        """Return the row of each element of `flat`."""
        owners = np.arange(self.rows) if self.owners is None else self.owners
        return owners[_valid(self.values)] if self.values.null_count else owners

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
        return Collection(self.rows, self.flat().take(pa.array(index, mask=missing)))

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
        dtype = self.values.type
        if not pa.types.is_struct(dtype):
            return []
        names = [part.name for part in dtype]
        if SCALAR in names:
            raise NotCompiledError("an element with and without parts")
        return names

    def filled(self, names: Iterable[str]) -> list[str]:
        """Return which of `names` are fields with a value."""
        fields = self.fields()
        there = [name for name in names if name in fields]
        return [name for name in there if (values := self.child(name).values).null_count < len(values)]

    def named(self, name: str) -> list[str]:
        """Return which fields with a value `name` stands for: itself, or those of a choice element."""
        plain = self.filled([name])
        typed = self.filled([key for key in self.fields() if choice_type(key, name)])
        if plain and typed:
            raise NotCompiledError(f"{name} beside a choice of types")
        return plain or typed

    def present(self) -> pa.Array:
        """Return for each row whether it has an element."""
        return self.values.is_valid() if self.owners is None else pa.array(self.counts() > 0)

    def child(self, name: str) -> Collection:
        """Return the elements of the field `name`."""
        field = pc.struct_field(self.values, [self.values.type.get_field_index(name)])
        if not pa.types.is_list(field.type):
            return Collection(self.rows, field, self.owners)
        if pa.types.is_list(field.type.value_type):
            raise NotCompiledError("lists in lists")
        owners = pc.list_parent_indices(field).to_numpy()
        return Collection(
            self.rows, pc.list_flatten(field), owners if self.owners is None else self.owners[owners]
        )

    def children(self, names: Sequence[str]) -> Collection:
        """Return the elements of the fields `names`, those of one element together."""
        if len(names) < 2:  # noqa: PLR2004 - nothing to bring in order
            return self.child(names[0]) if names else Collection.nothing(self.rows)
        elements = Collection(len(flat := self.flat()), flat)
        parts = [elements.child(name) for name in names]
        if any(part.values.type != parts[0].values.type for part in parts):
            raise NotCompiledError("an element that is of several types in the data")
        parents = np.concatenate([part.flat_owners() for part in parts])
        order = np.argsort(parents, kind="stable")
        values = pa.concat_arrays([part.flat() for part in parts]).take(pa.array(order))
        return Collection(self.rows, values, self.flat_owners()[parents[order]])

    def where(self, mask: pa.Array) -> Collection:
        """Return the elements of `flat` for which `mask` is true."""
        kept = mask.fill_null(False)  # noqa: FBT003 - the value for null
        owners = self.flat_owners()[kept.to_numpy(zero_copy_only=False)]
        return Collection(self.rows, self.flat().filter(kept), owners)


def _valid(array: pa.Array) -> np.ndarray[Any, np.dtype[np.bool_]]:
    valid: np.ndarray[Any, np.dtype[np.bool_]] = array.is_valid().to_numpy(zero_copy_only=False)
    return valid
