"""The elements that the rows of a view are made of: as Arrow has them, and Python values when asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lro_notebook.fhirpath.values import Item
from lro_notebook.views.collection import Frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from lro_notebook.views.collection import Positions


@dataclass(slots=True)
class Focus:
    """The elements that a selection goes over, as Arrow has them and, when asked for, as Python has.

    Attributes
    ----------
    frame : Frame or None
        They and their %rowIndex as arrays; None where only Python has them.
    roots : array
        The position of the resource of each of them.
    make : callable
        Returns them as Python values.
    """

    rows: int
    frame: Frame | None
    roots: Positions
    row_index: Positions
    make: Callable[[], list[Item]]
    _items: list[Item] | None = None

    @property
    def items(self) -> list[Item]:
        """The elements as Python values; made once."""
        if self._items is None:
            self._items = self.make()
            if len(self._items) != self.rows:
                raise AssertionError("the compiled and the interpreted way found different elements")
        return self._items

    def kept(self, rows: Positions) -> Focus:
        """Return the elements at `rows`, as the only ones."""

        def make() -> list[Item]:
            return [self.items[row] for row in rows]

        frame = None if self.frame is None else self.frame.take(rows)
        return Focus(len(rows), frame, np.arange(len(rows)), self.row_index[rows], make)


@dataclass(slots=True)
class Resources:
    """The resources of a block: `struct` as Arrow has them (None if it cannot), `decode` for Python."""

    struct: pa.StructArray | None
    rows: int
    decode: Callable[[Iterable[int]], list[dict[str, Any]]]

    def focus(self, resource: str) -> Focus:
        """Return all of them whose type is `resource`, or is not said."""
        everything = np.arange(self.rows)
        if self.struct is None:
            values = self.decode(range(self.rows))
            kept = [
                number
                for number, value in enumerate(values)
                if value.get("resourceType", resource) == resource
            ]
            return self.pick(np.array(kept, np.int64), [values[number] for number in kept])
        if self.struct.type.get_field_index("resourceType") < 0:
            return self.pick(everything)
        kinds = self.struct.field("resourceType")
        if not pa.types.is_string(kinds.type):
            return self.pick(everything)
        same = pc.fill_null(pc.equal(kinds, resource), True)  # noqa: FBT003 - the value
        return self.pick(np.flatnonzero(same.to_numpy(zero_copy_only=False)))

    def pick(self, rows: Positions, values: Sequence[dict[str, Any]] | None = None) -> Focus:
        """Return the resources at `rows`."""

        def make() -> list[Item]:
            return [Item(value) for value in (self.decode(rows) if values is None else values)]

        index = np.zeros(len(rows), np.int64)
        struct = self.struct
        if struct is not None and len(rows) < self.rows:
            struct = struct.take(pa.array(rows))
        frame = None if struct is None else Frame(struct, index)
        return Focus(len(rows), frame, np.arange(len(rows)), index, make)
