"""Rows in the making, and how they come together: multiplied, one after another, or blank. Arrays only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from lro_notebook.results.limits import DEFAULT
from lro_notebook.views.output import join

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lro_notebook.results.limits import Limits
    from lro_notebook.views.collection import Positions
    from lro_notebook.views.definition import Select


@dataclass(slots=True)
class Part:
    """Rows of some columns; `owners` are the positions of the elements that they belong to, sorted.

    `single` means that there is one row for each element.
    """

    owners: Positions
    columns: dict[str, pa.Array]
    single: bool = False

    def take(self, positions: Positions, owners: Positions) -> Part:
        """Return the rows at `positions`, with other owners."""
        index = pa.array(positions)
        return Part(owners, {name: array.take(index) for name, array in self.columns.items()})


def positions(owners: Positions) -> Positions:
    """Return the position of each element among those of its owner."""
    if not len(owners):
        return owners
    starts = np.flatnonzero(np.diff(owners, prepend=owners[0] - 1))
    return np.arange(len(owners)) - np.repeat(starts, np.diff(starts, append=len(owners)))


def multiply(left: Part, right: Part, elements: int, limits: Limits = DEFAULT) -> Part:
    """Return each row of `right` with every row of `left` that has the same owner.

    Raises
    ------
    ResultError
        These are more than `limits` lets one block become.
    """
    if left.single and right.single:
        return Part(left.owners, {**left.columns, **right.columns}, single=True)
    counts = np.bincount(left.owners, minlength=elements)
    starts = np.cumsum(counts) - counts
    repeats = counts[right.owners]
    limits.check_rows(int(repeats.sum(dtype=np.float64)), len(left.columns) + len(right.columns))
    rights = np.repeat(np.arange(len(right.owners)), repeats)
    within = np.arange(len(rights)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    owners = right.owners[rights]
    lefts = starts[owners] + within
    return Part(owners, {**left.take(lefts, owners).columns, **right.take(rights, owners).columns})


def unite(selects: Sequence[Select], parts: Sequence[Part], limits: Limits = DEFAULT) -> Part:
    """Return the rows of all `parts`, those of one owner in the order of the parts.

    Raises
    ------
    ResultError
        These are more than `limits` lets one block become.
    """
    limits.check_rows(sum(len(part.owners) for part in parts), len(parts[0].columns))
    owners = np.concatenate([part.owners for part in parts])
    order = np.argsort(owners, kind="stable")
    index = pa.array(order)
    columns = {}
    for column in selects[0].all_columns():
        arrays = [part.columns[column.name] for part in parts]
        columns[column.name] = join(column, arrays).combine_chunks().take(index)
    return Part(owners[order], columns)


def with_blanks(select: Select, part: Part, owners: Positions, elements: int) -> Part:
    """Return `part` with a row of nulls for each of `elements` that no row of the selection belongs to."""
    missing = np.setdiff1d(np.arange(elements), owners)
    if not len(missing):
        return part
    every = np.concatenate((part.owners, missing))
    order = np.argsort(every, kind="stable")
    index = pa.array(order, mask=order >= len(part.owners))
    columns = {name: array.take(index) for name, array in part.columns.items()}
    for column in select.all_columns():
        if column.path.strip() == "%rowIndex" and not column.collection:
            dtype = columns[column.name].type
            columns[column.name] = columns[column.name].fill_null(pa.scalar(0).cast(dtype))
    return Part(every[order], columns)
