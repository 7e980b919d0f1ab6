"""The notebook's side of an operation: show it in the running cell, and let the cell wait for it.

Outside a notebook kernel nothing is displayed, and waits show a bar in the terminal.
"""

from __future__ import annotations

import logging
import threading
import weakref
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lro_notebook.errors import LroWarning, warn_caller
from lro_notebook.jupyter import cells, terminal
from lro_notebook.jupyter.cell_output import html_of as cell_output_html
from lro_notebook.jupyter.cells import kernel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lro_notebook.operations.operation import Operation

__all__ = ["display", "html_of", "kernel", "show", "show_all", "show_table", "watching"]

NO_CLICKS = "This kernel takes no clicks while a cell waits: use Stop (■) in the toolbar, then op.cancel()."
_log = logging.getLogger(__name__)
_silent: weakref.WeakSet[Operation] = weakref.WeakSet()  # started with show=False


def show(operation: Operation, wanted: bool | None) -> None:  # noqa: FBT001 - None has a meaning of its own
    """Show an operation that was started in the running cell; several of one cell share a table."""
    if wanted is False:
        _silent.add(operation)
    else:
        show_all([operation])


def show_all(operations: Sequence[Operation]) -> None:
    """Show operations in the running cell, beside those that it shows already."""
    if kernel() is None or not operations:
        return
    try:
        output = cells.here()
        new = cells.not_in(output, operations)
        if output is None:
            cells.show_new(new)
        elif new:
            output.add(*new)
    except ModuleNotFoundError as error:
        _warn_missing(error)
    except Exception:  # noqa: BLE001 - the operation runs: a failing display must not look like a failed start
        _log.exception("%d operations cannot be shown", len(operations))


def display(operation: Operation) -> bool:
    """Show an operation as the value of a cell, once per cell; return whether this is a notebook."""
    return show_table([operation])


def show_table(operations: Sequence[Operation]) -> bool:
    """Show operations as the value of a cell, each once per cell; return whether they are shown.

    Those that run are followed from now on. One is a card, several are one table.
    """
    if kernel() is None or not operations:
        return False
    try:
        new = cells.not_in(cells.here(), operations)
        for operation in new:
            operation.poller.follow()
        if new:
            cells.show_new(new)
    except ModuleNotFoundError as error:
        _warn_missing(error)
        return False
    except Exception:  # noqa: BLE001 - the repr is shown instead
        _log.exception("%d operations cannot be shown", len(operations))
        return False
    return True


def _warn_missing(error: ModuleNotFoundError) -> None:
    """Say why no card moves, as where this package was installed without what it needs."""
    package = (error.name or "a package").partition(".")[0]
    warn_caller(
        f"no card moves in this kernel, because {package} is not installed there: pip install {package}, "
        "then restart the kernel; the operation runs, and op.wait() waits for it",
        LroWarning,
    )


def html_of(*operations: Operation) -> str:
    """Return operations as they are now, as HTML that stands alone."""
    return cell_output_html(operations, datetime.now(UTC))


@contextmanager
def watching(operations: Sequence[Operation]) -> Iterator[Callable[[float], object]]:
    """Let a cell wait: clicks on our buttons get through, and an interrupt says that the operations go on."""
    with terminal.watching(operations) as pause:
        if kernel() is None or threading.current_thread() is not threading.main_thread():
            yield pause
        else:
            with _cell_waits(operations, pause) as pumped:
                yield pumped


@contextmanager
def _cell_waits(
    operations: Sequence[Operation], pause: Callable[[float], object]
) -> Iterator[Callable[[float], object]]:
    import asyncio  # loaded in a kernel, 20 ms elsewhere

    from lro_notebook.jupyter.pump import Pump

    shown = {operation for output in cells.outputs() for operation in output.operations}
    show_all([operation for operation in operations if operation not in _silent and operation not in shown])
    pump = Pump.find()

    def pumped(seconds: float) -> None:
        if pump is None:
            pause(seconds)
        else:
            pump.poll(seconds / 2)
            pause(0.0)
        cells.tick()

    try:
        with nullcontext() if pump is None else pump.serving(_comm_ids):
            _note("" if pump is not None else NO_CLICKS)
            yield pumped
    except asyncio.CancelledError:
        terminal.say_stopped(operations)
        raise
    finally:
        _note(None)
        for output in cells.outputs():
            output.finish() if output.moves else output.tick()


def _note(text: str | None) -> None:
    for output in cells.outputs():
        output.note(text)


def _comm_ids() -> list[str]:
    return [comm_id for output in cells.outputs() for comm_id in output.comm_ids]
