"""Which cell shows which operation.

A cell has one output for all operations that were started in it: a card, or a table from the second on.
"""

from __future__ import annotations

import atexit
import os
import sys
import time
from typing import TYPE_CHECKING, Any

from lro_notebook.jupyter.cell_output import CellOutput
from lro_notebook.operations.scheduler import TICK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lro_notebook.operations.operation import Operation

#: Jupyter's server sets it where a notebook is open; where a program runs a notebook, nobody looks on.
_SESSION = "JPY_SESSION_NAME"
#: Whose pages show nothing that a thread sends while no cell runs: https://github.com/googlecolab/colabtools/issues/3373
_STILL = "google.colab."
KEPT = 50  # outputs of ended operations whose widgets stay, for pages that are reloaded


class _RunningCell:
    """What the running cell has shown so far."""

    def __init__(self) -> None:
        self.id = ""
        self.output: CellOutput | None = None
        self.next_tick = 0.0
        self.hooked = False


_running = _RunningCell()
_outputs: list[CellOutput] = []


def kernel() -> Any:
    """Return the ipykernel that runs this program, None outside one."""
    if "ipykernel" not in sys.modules:
        return None
    from lro_notebook.jupyter.pump import running_kernel

    return running_kernel()


def moves(kernel: object) -> bool:
    """Return whether pages of `kernel` show what threads send while no cell runs; those of Colab do not."""
    return not any(f"{base.__module__}.".startswith(_STILL) for base in type(kernel).__mro__)


def outputs() -> list[CellOutput]:
    """Return the outputs of all cells; a copy, because other threads may add to them meanwhile."""
    return _outputs.copy()


def here() -> CellOutput | None:
    """Return the output of the running cell, None if it has none yet."""
    cell = _cell_id()
    return _running.output if cell and _running.id == cell else None


def not_in(output: CellOutput | None, operations: Sequence[Operation]) -> list[Operation]:
    """Return those of `operations` that `output` does not show, each once."""
    shown = set(output.operations) if output is not None else set()
    return [operation for operation in dict.fromkeys(operations) if operation not in shown]


def show_new(operations: Sequence[Operation]) -> None:
    """Give the running cell a new output with `operations`."""
    output = CellOutput(operations, _publish, leafed_through=_SESSION in os.environ, moves=moves(kernel()))
    if not output.moves:
        _tick_after_cells()
    _running.id, _running.output = _cell_id(), output
    if not _outputs:
        atexit.register(_leave)  # before the clients close, which were made earlier
    _outputs.append(output)
    for old in [other for other in _outputs if not other.follows][:-KEPT]:
        _outputs.remove(old)
        old.close()
    output.show()


def _leave() -> None:
    """Have the page know that the kernel ends, and with it what is live there."""
    if kernel() is not None:
        for output in outputs():
            output.leave()


def tick() -> None:
    """Move what no thread moves, at most as often as a thread would. For the thread of the running cell."""
    if time.monotonic() >= _running.next_tick:
        _running.next_tick = time.monotonic() + TICK
        _tick_still()


def _tick_still(*_: object) -> None:
    for output in outputs():
        if output.follows and not output.moves:
            output.tick()


def _tick_after_cells() -> None:
    """Have what no thread moves catch up whenever a cell has run."""
    if not _running.hooked:
        from IPython import get_ipython

        get_ipython().events.register("post_run_cell", _tick_still)
        _running.hooked = True


def _cell_id() -> str:
    """Return what distinguishes the running cell from all others: the id of the message that runs it."""
    parent = kernel().get_parent()
    return str(((parent or {}).get("header") or {}).get("msg_id", ""))


def _publish(bundle: dict[str, Any], display_id: str, update: bool) -> None:  # noqa: FBT001 - a callback's shape
    from IPython.display import display as show_bundle

    show_bundle(bundle, raw=True, display_id=display_id, update=update)
