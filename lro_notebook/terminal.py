"""What a terminal shows while a thread waits for an operation: a tqdm bar on stderr.

The only module besides the notebook's displays that writes for people to see.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lro_notebook.progress import Progress, state_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lro_notebook.operation import Operation

#: Environment variable: "1" shows the bars wherever stderr goes, "0" never shows them.
SWITCH = "LRO_NOTEBOOK_PROGRESS"


def bars_wanted() -> bool:
    """Tell whether somebody sees progress bars on stderr: in a terminal, or in a notebook."""
    switch = os.environ.get(SWITCH, "")
    notebook = type(sys.stderr).__module__.startswith("ipykernel.")
    return switch == "1" or (switch != "0" and (notebook or sys.stderr.isatty()))


@contextmanager
def watching(operation: Operation) -> Iterator[Callable[[], None]]:
    """Show a bar for `operation` while the body waits; the value redraws it.

    An interrupt gets one line that says that the operation goes on.
    """
    if not bars_wanted():
        yield lambda: None
        return
    from tqdm import tqdm  # noqa: PLC0415 - only where a bar is drawn

    bar = tqdm(desc=_label(operation), unit="", mininterval=0.2, file=sys.stderr)

    def tick() -> None:
        progress = Progress.from_resource(operation.resource)
        bar.total = progress.total
        bar.set_description_str(_label(operation), refresh=False)
        postfix = [f"{progress.failed:,} failed"] if progress.failed else []
        bar.set_postfix_str(", ".join([*postfix, *filter(None, [operation.trouble])]), refresh=False)
        bar.update((progress.completed or 0) - bar.n)

    try:
        tick()
        yield tick
    except KeyboardInterrupt:
        bar.write(
            f"Stopped waiting; operation {operation.id} goes on. "
            "op.wait() waits again, op.cancel() cancels it.",
            file=sys.stderr,
        )
        raise
    finally:
        tick()
        bar.refresh()
        bar.close()


def _label(operation: Operation) -> str:
    return f"{operation.method or 'operation'} {state_of(operation.resource).lower()}"
