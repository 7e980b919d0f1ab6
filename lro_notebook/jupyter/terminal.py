"""What a terminal shows while a thread waits for an operation: a tqdm bar on stderr.

Besides the displays of a notebook, only this module writes anything for people to see.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lro_notebook import forking
from lro_notebook.operations.waiting import plain_pause

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lro_notebook.operations.operation import Operation

#: Environment variable: "1" shows the bars wherever stderr goes, "0" never shows them.
SWITCH = "LRO_NOTEBOOK_PROGRESS"


def bars_wanted() -> bool:
    """Return whether somebody would see progress bars on stderr."""
    switch = os.environ.get(SWITCH, "")
    return switch == "1" or (switch != "0" and sys.stderr.isatty())


@contextmanager
def watching(operations: Sequence[Operation]) -> Iterator[Callable[[float], object]]:
    """Show a bar for `operations` while the body waits by calling the value; several share one bar.

    An interrupt prints one line, which says that the operations go on.
    """
    pause = plain_pause(operations)
    try:
        if bars_wanted():
            with _bar(operations) as tick:
                yield lambda seconds: (tick(), pause(seconds))
        else:
            yield pause
    except KeyboardInterrupt:
        say_stopped(operations)
        raise


def say_stopped(operations: Sequence[Operation]) -> None:
    """Print one line on stderr: the wait has ended, the operations have not."""
    if len(operations) == 1:
        line = f"operation {operations[0].id} goes on. op.wait() waits again, op.cancel() cancels it."
    else:
        line = f"the {len(operations)} operations go on. lro.wait(...) waits again."
    sys.stderr.write(f"Stopped waiting; {line}\n")


@contextmanager
def _bar(operations: Sequence[Operation]) -> Iterator[Callable[[], object]]:
    from tqdm import tqdm

    for operation in operations:
        operation.poller.watched = True
    # A thread of the parent may have held the lock that all bars share at the fork; nobody would release it.
    bar_class = type("Bar", (tqdm,), {"_lock": threading.RLock()}) if forking.is_forked() else tqdm
    bar = bar_class(desc=_label(operations), unit="", mininterval=0.2, file=sys.stderr)

    def tick() -> None:
        progress = [operation.snapshot.progress for operation in operations]
        totals = [item.total for item in progress]
        failed = sum(item.failed or 0 for item in progress)
        troubles = [operation.trouble for operation in operations if operation.trouble]
        notes = [f"{failed:,} failed"] * bool(failed) + troubles[:1]
        bar.total = None if None in totals else sum(total or 0 for total in totals)
        bar.set_description_str(_label(operations), refresh=False)
        bar.set_postfix_str(", ".join(notes), refresh=False)
        bar.update(sum(item.completed or 0 for item in progress) - bar.n)

    try:
        tick()
        yield tick
    finally:
        tick()
        bar.refresh()
        bar.close()


def _label(operations: Sequence[Operation]) -> str:
    if len(operations) == 1:
        return f"{operations[0].method or 'operation'} {operations[0].snapshot.state.lower()}"
    done = sum(operation.resource.done for operation in operations)
    return f"{done} of {len(operations)} operations ended"
