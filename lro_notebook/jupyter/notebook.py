"""Which cell shows which operation, and how a cell waits: the notebook's side of an operation.

Outside a notebook kernel nothing is displayed, and waits show a bar in the terminal.
"""

from __future__ import annotations

import logging
import sys
import threading
import weakref
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lro_notebook.jupyter import terminal
from lro_notebook.jupyter.cell_output import CellOutput
from lro_notebook.jupyter.cell_output import html_of as cell_output_html

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lro_notebook.operations.operation import Operation


NO_CLICKS = "This kernel takes no clicks while a cell waits: use Stop (■) in the toolbar, then op.cancel()."


KEPT = 50  # cell outputs of ended operations whose widgets stay, for pages that were loaded again
_log = logging.getLogger(__name__)


class _Cell:
    """What the cell that runs has shown so far."""

    def __init__(self) -> None:
        self.id = ""
        self.cell_output: CellOutput | None = None


_cell = _Cell()
_cell_outputs: list[CellOutput] = []
_silent: weakref.WeakSet[Operation] = weakref.WeakSet()


def kernel() -> Any:  # noqa: ANN401 - ipykernel has no types
    """Return the ipykernel that runs this program, None outside one."""
    if "ipykernel" not in sys.modules:
        return None
    from lro_notebook.jupyter.pump import running_kernel  # noqa: PLC0415 - of use in a kernel only

    return running_kernel()


def show(operation: Operation, wanted: bool | None) -> None:  # noqa: FBT001 - None has a meaning of its own
    """Show an operation that was started in the cell that runs; several of one cell share a table."""
    if wanted is False:
        _silent.add(operation)
    else:
        show_all([operation])


def show_all(operations: Sequence[Operation]) -> None:
    """Show operations in the cell that runs, beside those that it shows already."""
    if kernel() is None or not operations:
        return
    try:
        cell_output = _surface_here()
        new = _not_on(cell_output, operations)
        if cell_output is None:
            _show_new(new)
        elif new:
            cell_output.add(*new)
    except Exception:  # noqa: BLE001 - the operation runs: a picture that fails must not look like a failed start
        _log.exception("%d operations cannot be shown", len(operations))


def display(operation: Operation) -> bool:
    """Show an operation as the value of a cell, once a cell; say whether this is a notebook."""
    return show_table([operation])


def show_table(operations: Sequence[Operation]) -> bool:
    """Show operations as the value of a cell, each once a cell; say whether they are shown.

    Those that run are followed from now on. One is a card, several are one table.
    """
    if kernel() is None or not operations:
        return False
    try:
        new = _not_on(_surface_here(), operations)
        for operation in new:
            operation.poller.follow()
        if new:
            _show_new(new)
    except Exception:  # noqa: BLE001 - the repr is shown instead
        _log.exception("%d operations cannot be shown", len(operations))
        return False
    return True


def html_of(*operations: Operation) -> str:
    """Return operations as they are now, as html that stands alone."""
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
    import asyncio  # noqa: PLC0415 - loaded in a kernel, 20 ms elsewhere

    from lro_notebook.jupyter.pump import Pump  # noqa: PLC0415 - reaches into ipykernel

    shown = {operation for cell_output in _cell_outputs.copy() for operation in cell_output.operations}
    show_all([operation for operation in operations if operation not in _silent and operation not in shown])
    pump = Pump.find()

    def pumped(seconds: float) -> None:
        if pump is None:
            pause(seconds)
        else:
            pump.poll(seconds / 2)
            pause(0.0)

    try:
        with nullcontext() if pump is None else pump.serving(_comm_ids):
            _note("" if pump is not None else NO_CLICKS)
            yield pumped
    except asyncio.CancelledError:
        terminal.say_stopped(operations)
        raise
    finally:
        _note("")
        for cell_output in _cell_outputs.copy():  # another thread may show one meanwhile
            cell_output.finish()


def _note(text: str) -> None:
    for cell_output in _cell_outputs.copy():
        cell_output.note(text)


def _comm_ids() -> list[str]:
    return [comm_id for cell_output in _cell_outputs.copy() for comm_id in cell_output.comm_ids]


def _surface_here() -> CellOutput | None:
    """Return the cell output of the cell that runs, None if it has none yet."""
    here = _cell_id()
    return _cell.cell_output if here and _cell.id == here else None


def _not_on(cell_output: CellOutput | None, operations: Sequence[Operation]) -> list[Operation]:
    """Return those of `operations` that `cell output` does not show, each once."""
    known = set(cell_output.operations) if cell_output is not None else set()
    return [operation for operation in dict.fromkeys(operations) if operation not in known]


def _show_new(operations: Sequence[Operation]) -> None:
    cell_output = CellOutput(operations, _publish)
    _cell.id, _cell.cell_output = _cell_id(), cell_output
    _cell_outputs.append(cell_output)
    for old in [known for known in _cell_outputs if not known.comm_ids][:-KEPT]:
        _cell_outputs.remove(old)
        old.close()
    cell_output.show()


def _cell_id() -> str:
    """Return what tells the cell that runs from all others: the id of the message that runs it."""
    parent = kernel().get_parent()
    return str(((parent or {}).get("header") or {}).get("msg_id", ""))


def _publish(bundle: dict[str, Any], display_id: str, update: bool) -> None:  # noqa: FBT001 - a callback's shape
    from IPython.display import display as show_bundle  # noqa: PLC0415 - only in a notebook

    show_bundle(bundle, raw=True, display_id=display_id, update=update)
