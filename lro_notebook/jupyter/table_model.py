"""Which rows a table shows, in which order, and what they add up to. Pure.

A row is identified by its place in the list of all operations, which never changes, so a click always means
the operation that was seen.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from lro_notebook.jupyter.card_model import WORDS, duration, elapsed_at, speed
from lro_notebook.operations.resource import State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from lro_notebook.jupyter.card_model import Card

PAGE = 50  # rows
FEW = 10  # rows that need no controls and no box to scroll in
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
_KEYS: Mapping[str, Callable[[Card, datetime], _Key]] = {
    "state": lambda card, _: (_ATTENTION[card.state], -card.failed),
    "method": lambda card, _: card.title,
    "progress": lambda card, _: (card.fraction is None, card.fraction or 0.0, card.completed or 0),
    "elapsed": lambda card, now: (-(elapsed_at(card, now) or 0.0),),
    "failures": lambda card, _: (-card.failed,),
}
SORTS = (STARTED, *_KEYS)
STATES: tuple[State, ...] = get_args(State)


@dataclass(frozen=True, slots=True)
class TableOptions:
    """How a reader wants to see a table.

    Attributes
    ----------
    sort : str
        One of `SORTS`. The longest running, the most failures, and what needs attention come first.
    state : State or None
        Only rows in this state.
    page : int
        From 0; a number past the last page means the last.
    """

    sort: str = STARTED
    state: State | None = None
    page: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """The places of the rows on one page, and of all that match."""

    places: list[int]
    matching: list[int]
    first: int

    @property
    def number(self) -> int:
        """The number of this page, from 0."""
        return self.first // PAGE

    @property
    def count(self) -> int:
        """How many pages there are, at least one."""
        return max(1, -(-len(self.matching) // PAGE))

    def __str__(self) -> str:
        last = self.first + len(self.places)
        return f"{self.first + 1:,}-{last:,} of {len(self.matching):,}" if self.places else "none"


def page_of(cards: Sequence[Card], options: TableOptions, now: datetime) -> Page:
    """Return the page of `cards` that `options` asks for."""
    matching = sorted_places(cards, options, now)
    last = max(0, len(matching) - 1) // PAGE
    first = min(options.page, last) * PAGE
    return Page(matching[first : first + PAGE], matching, first)


def sorted_places(cards: Sequence[Card], options: TableOptions, now: datetime) -> list[int]:
    """Return the places of all cards that match `options`, in order."""
    matching = [place for place, card in enumerate(cards) if options.state in (None, card.state)]
    key = _KEYS.get(options.sort)
    if key is not None:
        matching.sort(key=lambda place: key(cards[place], now))
    return matching


def pace(cards: Sequence[Card], now: datetime) -> str:
    """Return how fast those that run go together and when the last ends; what is unknown is left out."""
    running = [card for card in cards if not card.ended]
    rates = [card.rate for card in running if card.rate is not None]
    lefts = [
        max(0.0, card.left - (now - card.as_of).total_seconds()) for card in running if card.left is not None
    ]
    parts = [speed(sum(rates))] * bool(rates)
    parts += [f"about {duration(max(lefts))} left" for _ in lefts[:1] if len(lefts) == len(running)]
    return " · ".join(parts)


def fraction(cards: Sequence[Card]) -> float | None:
    """Return how much of all units is done, 0 to 1; None unless each operation has a total."""
    whole = sum(card.total or 0 for card in cards)
    if not whole or any(card.total is None or card.completed is None for card in cards):
        return None
    return min(1.0, sum(card.completed or 0 for card in cards) / whole)


def totals(cards: Sequence[Card]) -> str:
    """Return one line: how many operations are in each state, and the units and failures of all."""
    return " · ".join(filter(None, [states_of(cards), units_of(cards)]))


def states_of(cards: Sequence[Card]) -> str:
    """Return how many operations there are and in which states."""
    states = Counter(card.state for card in cards)
    parts = [f"{states[state]:,} {WORDS[state].lower()}" for state in STATES if states[state]]
    noun = "operation" if len(cards) == 1 else "operations"
    return f"{len(cards):,} {noun}: {' · '.join(parts)}" if cards else "no operations"


def units_of(cards: Sequence[Card]) -> str:
    """Return the units and failures of all; a total only if each operation has one.

    Without one, what has failed is not counted as done.
    """
    done = whole = failed = lost = counted = 0
    for card in cards:
        failed += card.failed
        if card.completed is not None:
            done += card.completed
            lost += min(card.failed, card.completed)
            whole += card.total or 0
            counted += card.total is not None
    done_of = f"{done:,} of {whole:,}" if counted == len(cards) else f"{done - lost:,}"
    parts = [f"{done_of} done"] * bool(done or whole)
    parts += [f"{failed:,} {'failure' if failed == 1 else 'failures'}"] * bool(failed)
    return " · ".join(parts)
