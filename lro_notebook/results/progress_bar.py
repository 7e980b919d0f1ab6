"""A progress bar for reading many bytes."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_FROM = 20_000_000  # bytes; less is read before a bar could help


@contextmanager
def byte_bar(label: str, size: int, files: int = 1) -> Iterator[Callable[[int], object]]:
    """Show a bar on stderr while `size` bytes of `files` are read, if they are many and somebody can see it.

    The value is told how many more were read, as stored, and made into rows. `size` is what a listing says;
    whatever the sum is, the bar is full at the end, and not before. Then it is gone.
    """
    if size < _FROM or not _is_seen():
        yield lambda _: None
        return
    from tqdm import tqdm

    label += f", {files:,} files" if files > 1 else ""
    with tqdm(total=size, desc=label, unit="B", unit_scale=True, leave=False, file=sys.stderr) as bar:
        yield lambda count: bar.update(max(0, min(count, size - bar.n)))
        bar.update(size - bar.n)


def _is_seen() -> bool:
    """Tell whether somebody can see a bar."""
    from lro_notebook.jupyter.auto_display import kernel
    from lro_notebook.jupyter.terminal import SWITCH, bars_wanted

    return bars_wanted() or (kernel() is not None and os.environ.get(SWITCH) != "0")
