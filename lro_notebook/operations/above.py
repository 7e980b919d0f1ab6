"""What the floors above do for an operation: show it, show that somebody waits for it, read its output.

The floors below call these; `api` fills them in. Nothing here does anything by itself.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from lro_notebook.errors import LroError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from lro_notebook.operations.operation import Operation
    from lro_notebook.results.results import Results

_T = TypeVar("_T")

#: Shows that somebody waits for operations; its value waits for at most so many seconds.
Watching = AbstractContextManager["Callable[[float], object]"]


@dataclass
class Above:
    """The functions of the floors above.

    Attributes
    ----------
    load, failures, history : callable or None
        Read the output, the failures and the progress over time of an operation.
    watching : callable or None
        Shows that somebody waits for operations, and waits.
    show : callable
        Is told of each operation that was started, and what the caller said of showing it.
    display : callable
        Shows an operation where a notebook does; says whether it did.
    html : callable
        Returns an operation as html that does not live, for front ends without a Jupyter kernel.
    """

    load: Callable[..., Results] | None = None
    failures: Callable[[Operation], pd.DataFrame] | None = None
    history: Callable[[Operation], pd.DataFrame] | None = None
    watching: Callable[[Sequence[Operation]], Watching] | None = None
    show: Callable[[Operation, bool | None], None] = lambda _operation, _show: None
    display: Callable[[Operation], bool] = lambda _: False
    html: Callable[[Operation], str | None] = lambda _: None


above = Above()


def given(function: _T | None) -> _T:
    """Return `function`; an error where only a part of the package was imported."""
    if function is None:
        raise LroError(
            "only a part of the package was imported, which reads no output; import lro_notebook first"
        )
    return function
