"""Which rows of a table are shown, in which order, and what they add up to. Pure.

Rows are told by their place in the list of all, which never changes, so that a click always means the
operation that was seen.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from lro_notebook.jupyter.card_model import WORDS, age
from lro_notebook.operations.resource import State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from lro_notebook.jupyter.card_model import CardView

PAGE = 50  # rows
STARTED = "as started"
#: What needs attention comes first.
_ATTENTION: Mapping[State, int] = {
    "FAILED": 0,
    "CANCELLING": 1,
    "RUNNING": 2,
    "PENDING": 3,
    "CANCELLED": 4,
    "SUCCEEDED": 5,
}
_Key = tuple[float, ...] | str
_KEYS: Mapping[str, Callable[[CardView, datetime], _Key]] = {
    "state": lambda view, _: (_ATTENTION[view.state], -view.failed),
    "method": lambda view, _: view.title,
    "progress": lambda view, _: (view.fraction is None, view.fraction or 0.0, view.completed or 0),
    "elapsed": lambda view, now: (-(age(view, now) or 0.0),),
    "failures": lambda view, _: (-view.failed,),
}
SORTS = (STARTED, *_KEYS)
STATES: tuple[State, ...] = get_args(State)


@dataclass(frozen=True, slots=True)
class Arrangement:
    """How somebody wants to see a table.

    Attributes
    ----------
    sort : str
        One of `SORTS`; the longest, the most failures and what needs attention come first.
    state : State or None
        Only rows in this state.
    page : int
        From 0; past the last it means the last.
    """

    sort: str = STARTED
    state: State | None = None
    page: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """The rows that are shown, by their places, out of so many that match."""

    places: list[int]
    matching: list[int]
    first: int

    @property
    def number(self) -> int:
        """Which page it is, from 0."""
        return self.first // PAGE

    @property
    def count(self) -> int:
        """How many pages there are, one at least."""
        return max(1, -(-len(self.matching) // PAGE))

    def __str__(self) -> str:
        last = self.first + len(self.places)
        return f"{self.first + 1:,}-{last:,} of {len(self.matching):,}" if self.places else "none"


def arranged(views: Sequence[CardView], wish: Arrangement, now: datetime) -> Page:
    """Return the page of `views` that is wished for."""
    matching = [place for place, view in enumerate(views) if wish.state in (None, view.state)]
    key = _KEYS.get(wish.sort)
    if key is not None:
        matching.sort(key=lambda place: key(views[place], now))
    last = max(0, len(matching) - 1) // PAGE
    first = min(wish.page, last) * PAGE
    return Page(matching[first : first + PAGE], matching, first)


def totals(views: Sequence[CardView]) -> str:
    """Return one line: how many are in each state, the units and the failures of all."""
    states: Counter[State] = Counter()
    done = whole = failed = counted = 0
    for view in views:
        states[view.state] += 1
        failed += view.failed
        if view.completed is not None:
            done += view.completed
            whole += view.total or 0
            counted += view.total is not None
    parts = [f"{states[state]:,} {WORDS[state].lower()}" for state in STATES if states[state]]
    total = f" of {whole:,}" if counted == len(views) else ""
    parts += [f"{done:,}{total} done"] * bool(done or whole)
    parts += [f"{failed:,} {'failure' if failed == 1 else 'failures'}"] * bool(failed)
    noun = "operation" if len(views) == 1 else "operations"
    return f"{len(views):,} {noun}: {' · '.join(parts)}" if views else "no operations"
