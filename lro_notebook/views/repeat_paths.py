"""Whether a path leads from an element to those below it, so that repeating it comes to an end."""

from __future__ import annotations

from lro_notebook.fhirpath.function import ITS_TYPE, SAME
from lro_notebook.fhirpath.registry import FUNCTIONS
from lro_notebook.fhirpath.syntax import Binary, Call, Empty, Expr, Index, Path, This

#: The functions that give nothing but elements of their source.
_PARTS = frozenset(name for name, row in FUNCTIONS.items() if row.views and row.gives in (SAME, ITS_TYPE))


def descends(expr: Expr) -> bool:
    """Tell whether all that `expr` gives is below what it is evaluated on, so that repeating it ends."""
    match expr:
        case Path(source, _) | Call(source, "extension"):
            goes_down = _stays(source)
        case Index(source, _):
            goes_down = descends(source)
        case Binary("|", left, right):
            goes_down = descends(left) and descends(right)
        case Call(_, "iif", (_, *branches)):
            goes_down = all(not isinstance(part, str) and descends(part) for part in branches)
        case Call(source, "select", (projection,)) if not isinstance(projection, str):
            below = descends(source) or descends(projection)
            goes_down = below and _stays(source) and _stays(projection)
        case Call(source, name):
            goes_down = name in _PARTS and descends(source)
        case _:
            goes_down = isinstance(expr, Empty)
    return goes_down


def _stays(expr: Expr) -> bool:
    """Tell whether all that `expr` gives is what it is evaluated on, or below."""
    match expr:
        case This():
            return True
        case Index(source, _):
            return _stays(source)
        case Call(source, name) if name in _PARTS:
            return _stays(source)
        case _:
            return descends(expr)
