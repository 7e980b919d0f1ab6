"""Tables of odd values, compared as before and after a de-identification.

A comparison held if its counts are those of comparing value by value, and no value is in what it shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from lro_notebook.results.comparison.compare import compare

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

_PAIRS = 150
_ROWS = 30
#: Text that could be taken for another value, for none, or for two.
_ODD = [
    "",
    " ",
    "0",
    "0.0",
    "None",
    "nan",
    "<NA>",
    "\x1f",
    "a\x1fb",
    "a",
    "b",
    "é",
    "e\u0301",
    "\x00",
    "-0",
    "1e0",
]


def _told(was: dict[str, Any], now: dict[str, Any]) -> tuple[int, int, int, int]:
    """Return what is kept, changed, removed and added, by looking at each value."""
    pairs = [(was[key], now[key]) for key in was.keys() & now.keys()]
    both = [one == other for one, other in pairs if one is not None and other is not None]
    removed = sum(one is not None and other is None for one, other in pairs)
    added = sum(one is None and other is not None for one, other in pairs)
    return sum(both), len(both) - sum(both), removed, added


def odd_values(draw: random.Random) -> tuple[int, int]:
    """Compare columns of odd text by odd keys."""
    held = 0
    for _ in range(_PAIRS):
        secret = f"secret-{draw.getrandbits(64):x}"
        pool = [*_ODD, *(f"{secret}{number}" for number in range(3)), None, None]
        keys = [*_ODD, *(f"{secret}-{number}" for number in range(_ROWS))]
        chosen = [draw.sample(keys, draw.randint(1, _ROWS)) for _ in range(2)]
        was, now = ({key: draw.choice(pool) for key in side} for side in chosen)
        report = compare(*(pd.DataFrame({"id": list(side), "v": list(side.values())}) for side in (was, now)))
        row = report.iloc[1]
        counts = tuple(row[name] for name in ("kept", "changed", "removed", "added"))
        is_right = counts == _told(was, now) if was.keys() & now.keys() else all(map(pd.isna, counts))
        shown = f"{report!r}{report._repr_html_()}{report.to_csv()}"
        held += is_right and secret not in shown
    return _PAIRS, held


ATTACKS: list[tuple[str, Callable[[random.Random], tuple[int, int]]]] = [
    ("values that look like others, compared before and after a de-identification", odd_values),
]
