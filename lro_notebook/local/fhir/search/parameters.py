"""The search parameters of FHIR R4 by resource type, from a table that `scripts/search_parameters.py` made.

Stores of every version of FHIR are searched with them.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Literal, cast

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Kind = Literal["date", "number", "quantity", "reference", "string", "token", "uri"]

#: Bases that stand for every type.
EVERY_TYPE = frozenset({"Resource", "DomainResource"})
#: The types of parameters that searches know.
KINDS = frozenset({"date", "number", "quantity", "reference", "string", "token", "uri"})


@dataclass(frozen=True, slots=True)
class Parameter:
    """A search parameter of one resource type.

    Attributes
    ----------
    code : str
        What a search calls it.
    kind : str
        Its type, which decides how values are compared.
    expression : str
        The FHIRPath expression of its values.
    targets : tuple of str
        The types that a reference may lead to; empty for any.
    systems : tuple of str
        For each part of the expression, the system that its codes are of; ``-`` where they name it.
    flavour : str
        What of the values counts: ``text`` for the words of codes, ``identifier`` for logical references.
    """

    code: str
    kind: Kind
    expression: str
    targets: tuple[str, ...] = ()
    systems: tuple[str, ...] = ()
    flavour: str = ""

    @property
    def name(self) -> str:
        """What the index calls it."""
        return f"{self.code}:{self.flavour}" if self.flavour else self.code

    @property
    def ranged(self) -> bool:
        """Whether values are ranges of numbers; otherwise they are texts."""
        return self.kind in ("date", "number", "quantity")


@lru_cache(maxsize=256)
def standard(type_: str) -> Mapping[str, Parameter]:
    """Return the standard's search parameters of a resource type, by code."""
    by_base = _table()
    rows = [row for base in ("Resource", "DomainResource", type_) for row in by_base.get(base, ())]
    return {row.code: row for row in rows}


def custom(document: Mapping[str, Any]) -> Parameter | None:
    """Return the parameter that a SearchParameter resource defines; None if search has none of its kind."""
    code, kind, expression = (document.get(field) for field in ("code", "type", "expression"))
    targets = document.get("target")
    if not isinstance(code, str) or not isinstance(expression, str) or kind not in KINDS:
        return None
    names = tuple(name for name in targets if isinstance(name, str)) if isinstance(targets, list) else ()
    return Parameter(code, cast("Kind", kind), expression, names)


def bases(document: Mapping[str, Any]) -> Sequence[str]:
    """Return the resource types that a SearchParameter resource is for."""
    base = document.get("base")
    return [name for name in base if isinstance(name, str)] if isinstance(base, list) else []


@lru_cache(maxsize=1)
def _table() -> Mapping[str, Sequence[Parameter]]:
    text = resources.files(__package__).joinpath("search_parameters.tsv").read_text(encoding="utf-8")
    by_base: defaultdict[str, list[Parameter]] = defaultdict(list)
    for line in text.splitlines():
        code, listed, kind, expression, targets, systems, *_ = [*line.split("\t"), "", ""]
        types = () if targets == "*" else tuple(targets.split())
        row = Parameter(code, cast("Kind", kind), expression, types, tuple(systems.split()))
        for base in listed.split() or [part.partition(".")[0] for part in expression.split(" | ")]:
            by_base[base].append(row)
    return by_base
