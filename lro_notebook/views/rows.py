"""The rows that a view's selections make of the resources of one block: unnested, multiplied, united."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from lro_notebook.errors import ResultError
from lro_notebook.fhirpath.function import valued
from lro_notebook.fhirpath.interpreter import evaluator, repeat
from lro_notebook.fhirpath.scope import Scope
from lro_notebook.results.limits import DEFAULT
from lro_notebook.views.collection import Collection, Frame, NotCompiledError, Positions
from lro_notebook.views.combine_rows import Part, multiply, positions, unite, with_blanks
from lro_notebook.views.elements import Focus

if TYPE_CHECKING:
    from collections.abc import Callable

    from lro_notebook.fhirpath.syntax import Expr
    from lro_notebook.fhirpath.values import Item
    from lro_notebook.results.limits import Limits
    from lro_notebook.views.definition import Column, Select
    from lro_notebook.views.elements import Resources
    from lro_notebook.views.output import Output
    from lro_notebook.views.prepare import Prepared

Mask = np.ndarray[Any, np.dtype[np.bool_]]

_PYTHON_CELLS = 100  # an element takes as much memory in Python as so many cells of a table


@dataclass(slots=True)
class Runner:
    """Runs one view on blocks.

    `ways` counts, per column, the blocks that were worked in Arrow and in Python.
    """

    prepared: Prepared
    output: Output
    ways: dict[str, Counter[str]] = field(default_factory=dict)
    limits: Limits = DEFAULT

    def run(self, resources: Resources) -> pa.Table:
        """Return the rows of the view on `resources`, with the columns' arrays as they came out."""
        definition = self.prepared.definition
        part = _Block(self, resources.focus(definition.resource)).rows()
        return pa.table({column.name: part.columns[column.name] for column in definition.columns})


class _Block:
    """The work on one block; `root` are its resources."""

    def __init__(self, runner: Runner, root: Focus) -> None:
        self._runner, self._root = runner, root

    def rows(self) -> Part:
        """Return the rows of the resources that meet the conditions of the view."""
        definition = self._runner.prepared.definition
        for condition in definition.where:
            where = f"the condition {condition.path!r}"
            result = self._evaluate(condition.expr, self._root, where)
            holds = _interpreted(result, where) if isinstance(result, list) else _compiled(result, where)
            if not holds.all():
                self._root = self._root.kept(np.flatnonzero(holds))
        return self._process(definition.root, self._root)

    def _process(self, select: Select, focus: Focus) -> Part:
        """Return the rows that `select` makes of the elements of `focus`."""
        inner, owners = self._unnest(select, focus) if select.each else (focus, None)
        parts, limits = [], self._runner.limits
        if select.columns:
            columns = {column.name: self._column(column, inner) for column in select.columns}
            parts.append(Part(np.arange(inner.rows), columns, single=True))
        parts += [self._process(part, inner) for part in select.selects]
        if select.unions:
            parts.append(unite(select.unions, [self._process(part, inner) for part in select.unions], limits))
        rows = parts[0]
        for part in parts[1:]:
            rows = multiply(rows, part, inner.rows, limits)
        if owners is None:
            return rows
        rows = Part(owners[rows.owners], rows.columns)
        return with_blanks(select, rows, owners, focus.rows) if select.or_null else rows

    def _evaluate(
        self, expr: Expr, focus: Focus, where: str, *, as_column: bool = False
    ) -> Collection | list[list[Item]]:
        """Return what `expr` gives on each element, in Arrow if that is possible, else in Python."""
        plan = self._runner.prepared.plans.get(expr)
        if plan is not None and focus.frame is not None:
            with suppress(NotCompiledError):
                collection = plan(focus.frame)
                if not as_column or self._runner.output.keeps(collection.values.type):
                    return collection
        run = evaluator(expr)
        return self._interpret(focus, where, lambda item, scope: run([item], scope))

    def _interpret(
        self, focus: Focus, where: str, run: Callable[[Item, Scope], list[Item]]
    ) -> list[list[Item]]:
        results: list[list[Item]] = []
        count = 0
        try:
            for item, scope in self._scoped(focus):
                results.append(run(item, scope))
                count += len(results[-1])
                self._runner.limits.check_rows(count, _PYTHON_CELLS)
        except ResultError as error:
            raise ResultError(f"{where}: {error}") from error
        except ArithmeticError as error:
            raise ResultError(f"{where}: a number is out of range") from error
        return results

    def _scoped(self, focus: Focus) -> list[tuple[Item, Scope]]:
        roots = self._root.items
        pairs = zip(focus.items, focus.roots.tolist(), focus.row_index.tolist(), strict=True)
        return [(item, Scope(roots[root], index)) for item, root, index in pairs]

    def _column(self, column: Column, focus: Focus) -> pa.Array:
        where = f"column {column.name!r} (path {column.path!r})"
        result = self._evaluate(column.expr, focus, where, as_column=True)
        way = "python" if isinstance(result, list) else "arrow"
        self._runner.ways.setdefault(column.name, Counter())[way] += 1
        output = self._runner.output
        if isinstance(result, list):
            return output.of_values(column, [[item.value for item in valued(items)] for items in result])
        return output.of_collection(column, result)

    def _unnest(self, select: Select, focus: Focus) -> tuple[Focus, Positions]:
        """Return the elements that `select` goes over, and which element of `focus` each belongs to."""
        paths = [evaluator(path) for path in select.each]

        def each(item: Item, scope: Scope) -> list[Item]:
            return repeat(paths, item, scope) if select.repeat else paths[0]([item], scope)

        def python() -> list[list[Item]]:
            return self._interpret(focus, select.where, each)

        result = python() if select.repeat else self._evaluate(select.each[0], focus, select.where)
        if isinstance(result, list):
            owners = np.repeat(np.arange(focus.rows), np.array([len(items) for items in result], np.int64))
            values = [item for items in result for item in items]
            index = positions(owners)
            return Focus(len(values), None, focus.roots[owners], index, lambda: values), owners
        owners = result.flat_owners()
        index = positions(owners)
        frame = Frame(result.flat(), index, result.flat_beside())

        def make() -> list[Item]:
            return [item for items in python() for item in items]

        return Focus(len(owners), frame, focus.roots[owners], index, make), owners


_NO_CONDITION = "is not true or false for every resource; a condition of a view must be"


def _interpreted(rows: list[list[Item]], where: str) -> Mask:
    """Return which resources meet a condition."""
    rows = [valued(items) for items in rows]
    if any(len(items) > 1 or not isinstance(item.value, bool) for items in rows for item in items):
        raise ResultError(f"{where} {_NO_CONDITION}")
    return np.array([bool(items and items[0].value) for items in rows], bool)


def _compiled(collection: Collection, where: str) -> Mask:
    """Return which resources meet a condition."""
    collection = collection.valued()
    values = collection.singles()
    is_boolean = pa.types.is_boolean(values.type)
    if collection.most() > 1 or (not is_boolean and values.null_count < len(values)):
        raise ResultError(f"{where} {_NO_CONDITION}")
    holds = values.fill_null(False) if is_boolean else values.is_valid()  # noqa: FBT003 - the value for null
    mask: Mask = holds.to_numpy(zero_copy_only=False)
    return mask
