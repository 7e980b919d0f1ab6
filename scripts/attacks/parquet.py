"""Shards whose columns and types change from one to the next, written as Parquet before all are known.

An attempt held if files that were written early, files that were written late, and memory have the same
columns, types, rows and errors.
"""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from results.odd_shards import OPTIONS, is_kept

from lro_notebook.errors import LroWarning

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

_TRIES = 150


def growing(draw: random.Random) -> tuple[int, int]:
    """Write shards of odd columns with each option."""
    held = 0
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", LroWarning)
        for number in range(_TRIES):
            held += is_kept(draw, Path(folder, str(number)), draw.choice(OPTIONS))
    return _TRIES, held


ATTACKS: list[tuple[str, Callable[[random.Random], tuple[int, int]]]] = [
    ("columns and types that change from shard to shard, on their way to Parquet", growing),
]
