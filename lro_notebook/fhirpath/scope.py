"""The scope of an evaluation: the resource, the values of variables, and the time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from lro_notebook.fhirpath.function import Items
    from lro_notebook.fhirpath.values import Item


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Scope:
    """The values of variables.

    Attributes
    ----------
    resource : Item
        The value of ``%resource``.
    row_index : int
        ``%rowIndex`` of a view.
    context : list of Item
        The items that the whole expression is evaluated on: ``%context``.
    index, total : int, list of Item
        ``$index`` and ``$total``.
    resolve : callable, optional
        Returns the resource that a literal reference names; None if it is unknown.
    now : datetime
        The value of ``now()``, the same throughout an evaluation.
    """

    resource: Item
    row_index: int = 0
    context: Items = field(default_factory=list)
    index: int = 0
    total: Items = field(default_factory=list)
    resolve: Callable[[str], dict[str, Any] | None] | None = None
    now: datetime = field(default_factory=_now)
