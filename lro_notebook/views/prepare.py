"""A definition to what runs: the plans of its paths, why some have none, and the fields that they read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lro_notebook.fhirpath.fhir_types import PRIMITIVES
from lro_notebook.views.collection import NotCompiledError
from lro_notebook.views.fhirpath_compiler import compile_path
from lro_notebook.views.needed_fields import Needs, add, as_elements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lro_notebook.fhirpath.syntax import Expr
    from lro_notebook.views.definition import Column, Definition, Select
    from lro_notebook.views.functions import Plan


@dataclass(slots=True)
class Prepared:
    """A view that is ready to run.

    Attributes
    ----------
    plans : dict
        Expression -> what works it out in Arrow; those that are not there are interpreted.
    reasons : dict
        Why a column is interpreted, by its name.
    needs : Needs
        The fields that the plans read.
    """

    definition: Definition
    plans: dict[Expr, Plan] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    needs: Needs = field(default_factory=Needs)

    def compile(self, expr: Expr, focus: Sequence[Needs]) -> tuple[list[Needs], str]:
        """Compile `expr`, evaluated on `focus`; return what its result stands for, and why it cannot be."""
        try:
            self.plans[expr] = compile_path(expr)
        except NotCompiledError as error:
            return [], str(error)
        return add(expr, focus), ""


def prepare(definition: Definition) -> Prepared:
    """Compile what can be compiled of `definition`."""
    prepared = Prepared(definition)
    prepared.needs.child("resourceType")
    for condition in definition.where:
        prepared.compile(condition.expr, [prepared.needs])
    _select(prepared, definition.root, [prepared.needs], "")
    return prepared


def _select(prepared: Prepared, select: Select, focus: list[Needs], reason: str) -> None:
    if select.repeat:
        reason = reason or "below a repeat"
    elif select.each and not reason:
        focus, fault = prepared.compile(select.each[0], focus)
        as_elements(focus)
        reason = fault and f"below a forEach with {fault}"
    for column in select.columns:
        why = reason or _column(prepared, column, focus)
        if why:
            prepared.reasons[column.name] = why
    for part in (*select.selects, *select.unions):
        _select(prepared, part, focus, reason)


def _column(prepared: Prepared, column: Column, focus: list[Needs]) -> str:
    if column.type is not None and column.type not in PRIMITIVES:
        return "its elements become JSON text"
    return prepared.compile(column.expr, focus)[1]
