"""The rows that a view's selections make of the resources of one block: unnested, multiplied, united."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lro_notebook.errors import ResultError
from lro_notebook.frames.views.collection import Collection, Frame, NotCompiledError, Positions
from lro_notebook.frames.views.interpret import Scope, evaluate, repeat
from lro_notebook.frames.views.output import Output, check_single, join
from lro_notebook.frames.views.values import Item

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from lro_notebook.frames.views.definition import Column, Select
    from lro_notebook.frames.views.prepare import Prepared
    from lro_notebook.frames.views.syntax import Expr


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


@dataclass(slots=True)
class Runner:
    """Runs one view on blocks.

    `ways` counts, per column, the blocks that were worked in Arrow and in Python.
    """

    prepared: Prepared
    output: Output
    ways: dict[str, Counter[str]] = field(default_factory=dict)

    def run(self, resources: Resources) -> pa.Table:
        """Return the rows of the view on `resources`, with the columns' arrays as they came out."""
        part = _Block(self, resources).process(
            self.prepared.definition.root, resources.focus(self.prepared.definition.resource)
        )
        names = [column.name for column in self.prepared.definition.columns]
        return pa.table({name: part.columns[name] for name in names})


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


class _Block:
    """The work on one block."""

    def __init__(self, runner: Runner, resources: Resources) -> None:
        self._runner, self._resources = runner, resources
        self._root: Focus | None = None
        self._conditions = runner.prepared.definition.where

    def process(self, select: Select, focus: Focus) -> Part:
        """Return the rows that `select` makes of the elements of `focus`."""
        if self._root is None:
            focus = self._root = self._filter(focus)
        inner, owners = self._unnest(select, focus) if select.each else (focus, None)
        parts = []
        if select.columns:
            columns = {column.name: self._column(column, inner) for column in select.columns}
            parts.append(Part(np.arange(inner.rows), columns, single=True))
        parts += [self.process(part, inner) for part in select.selects]
        if select.unions:
            parts.append(_unite(select.unions, [self.process(part, inner) for part in select.unions]))
        rows = parts[0]
        for part in parts[1:]:
            rows = _multiply(rows, part, inner.rows)
        if owners is None:
            return rows
        rows = Part(owners[rows.owners], rows.columns)
        return _with_blanks(select, rows, owners, focus.rows) if select.or_null else rows

    def _evaluate(
        self, expr: Expr, focus: Focus, column: Column | None = None
    ) -> Collection | list[list[Item]]:
        """Return what `expr` gives on each element, in Arrow if that is possible, else in Python."""
        plan = self._runner.prepared.plans.get(expr)
        if plan is not None and focus.frame is not None:
            with suppress(NotCompiledError):
                found = plan(focus.frame)
                if column is None or self._runner.output.keeps(found.values.type):
                    return found
        return [evaluate(expr, [item], scope) for item, scope in self._scoped(focus)]

    def _scoped(self, focus: Focus) -> list[tuple[Item, Scope]]:
        roots = (self._root or focus).items
        pairs = zip(focus.items, focus.roots.tolist(), focus.row_index.tolist(), strict=True)
        return [(item, Scope(roots[root], index)) for item, root, index in pairs]

    def _column(self, column: Column, focus: Focus) -> pa.Array:
        try:
            found = self._evaluate(column.expr, focus, column)
            way = "python" if isinstance(found, list) else "arrow"
        except ResultError as error:
            raise ResultError(f"column {column.name!r} (path {column.path!r}): {error}") from error
        self._runner.ways.setdefault(column.name, Counter())[way] += 1
        output = self._runner.output
        if isinstance(found, list):
            return output.of_values(column, [[item.value for item in items] for items in found])
        if column.collection:
            values = output.of_array(column, found.flat())
            return found.lists(values)
        check_single(column, found.most())
        return output.of_array(column, found.singles())

    def _filter(self, focus: Focus) -> Focus:
        """Return the resources that meet the conditions of the view."""
        for condition in self._conditions:
            found = self._evaluate(condition.expr, focus)
            where = f"the condition {condition.path!r}"
            if isinstance(found, list):
                mask = np.array([_holds(items, where) for items in found], bool)
            else:
                mask = _mask(found, where)
            if not mask.all():
                focus = _kept(focus, np.flatnonzero(mask))
        return focus

    def _unnest(self, select: Select, focus: Focus) -> tuple[Focus, Positions]:
        """Return the elements that `select` goes over, and which element of `focus` each belongs to."""

        def python() -> list[list[Item]]:
            if select.repeat:
                return [repeat(select.each, item, scope) for item, scope in self._scoped(focus)]
            return [evaluate(select.each[0], [item], scope) for item, scope in self._scoped(focus)]

        found = python() if select.repeat else self._evaluate(select.each[0], focus)
        if isinstance(found, list):
            owners = np.repeat(np.arange(focus.rows), np.array([len(items) for items in found], np.int64))
            values = [item for items in found for item in items]
            index = _positions(owners)
            return Focus(len(values), None, focus.roots[owners], index, lambda: values), owners
        array, owners = found.flat(), found.flat_owners()
        index = _positions(owners)

        def make() -> list[Item]:
            return [item for items in python() for item in items]

        return Focus(len(array), Frame(array, index), focus.roots[owners], index, make), owners


_NO_CONDITION = "is not true or false for every resource; a condition of a view must be"


def _holds(items: list[Item], where: str) -> bool:
    if len(items) > 1 or (items and not isinstance(items[0].value, bool)):
        raise ResultError(f"{where} {_NO_CONDITION}")
    return bool(items and items[0].value)


def _mask(found: Collection, where: str) -> np.ndarray[Any, np.dtype[np.bool_]]:
    values = found.singles()
    is_boolean = pa.types.is_boolean(values.type)
    if found.most() > 1 or (not is_boolean and values.null_count < len(values)):
        raise ResultError(f"{where} {_NO_CONDITION}")
    holds = values.fill_null(False) if is_boolean else values.is_valid()  # noqa: FBT003 - the value for null
    mask: np.ndarray[Any, np.dtype[np.bool_]] = holds.to_numpy(zero_copy_only=False)
    return mask


def _kept(focus: Focus, rows: Positions) -> Focus:
    def make() -> list[Item]:
        return [focus.items[row] for row in rows]

    frame = None if focus.frame is None else focus.frame.take(rows)
    return Focus(len(rows), frame, np.arange(len(rows)), focus.row_index[rows], make)


def _positions(owners: Positions) -> Positions:
    """Return the position of each element among those of its owner."""
    if not len(owners):
        return owners
    starts = np.flatnonzero(np.diff(owners, prepend=owners[0] - 1))
    return np.arange(len(owners)) - np.repeat(starts, np.diff(starts, append=len(owners)))


def _multiply(left: Part, right: Part, elements: int) -> Part:
    """Return each row of `right` with every row of `left` that has the same owner."""
    if left.single and right.single:
        return Part(left.owners, {**left.columns, **right.columns}, single=True)
    counts = np.bincount(left.owners, minlength=elements)
    starts = np.cumsum(counts) - counts
    repeats = counts[right.owners]
    rights = np.repeat(np.arange(len(right.owners)), repeats)
    within = np.arange(len(rights)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    owners = right.owners[rights]
    lefts = starts[owners] + within
    return Part(owners, {**left.take(lefts, owners).columns, **right.take(rights, owners).columns})


def _unite(selects: Sequence[Select], parts: Sequence[Part]) -> Part:
    """Return the rows of all `parts`, those of one owner in the order of the parts."""
    owners = np.concatenate([part.owners for part in parts])
    order = np.argsort(owners, kind="stable")
    index = pa.array(order)
    columns = {}
    for column in selects[0].all_columns():
        arrays = [part.columns[column.name] for part in parts]
        columns[column.name] = join(column, arrays).combine_chunks().take(index)
    return Part(owners[order], columns)


def _with_blanks(select: Select, part: Part, owners: Positions, elements: int) -> Part:
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
            kind = columns[column.name].type
            columns[column.name] = columns[column.name].fill_null(pa.scalar(0).cast(kind))
    return Part(every[order], columns)
