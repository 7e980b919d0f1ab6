"""``%lro``: the operations of this session, as an IPython magic.

``%load_ext lro_notebook`` registers it. Wrong use gets one sentence, without a traceback.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_magic, magics_class

from lro_notebook.errors import ConfigError, LroError
from lro_notebook.jupyter import auto_display
from lro_notebook.jupyter.operation_list import Operations
from lro_notebook.operations.client import Client

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from IPython.core.interactiveshell import InteractiveShell

    from lro_notebook.operations.operation import Operation

COMMANDS = ("watch", "cancel", "started")
USAGE = "%lro, %lro watch NAME, %lro cancel NAME, or %lro started"


def register(
    shell: InteractiveShell, *, to_frame: Callable[..., pd.DataFrame], started: Callable[[], pd.DataFrame]
) -> None:
    """Add ``%lro`` and its completions to `shell`; `to_frame` and `started` are the package's functions."""
    shell.register_magics(LroMagics(shell, to_frame, started))
    shell.set_hook("complete_command", complete, str_key="%lro")
    shell.set_hook("complete_command", complete, str_key="lro")


def known() -> Operations:
    """Return the operations of all open clients in this program, sorted by name."""
    return Operations(Client.all_known())


def complete(_: object, event: Any) -> list[str]:
    """Return what may follow ``%lro``: a command, or an operation by its id."""
    words = event.line.split()
    position = len(words) - (not event.line.endswith(" "))
    if position == 1:
        return list(COMMANDS)
    if position > 2 or words[1] not in ("watch", "cancel"):  # noqa: PLR2004 - a command takes one name
        return []
    return [op.id for op in known() if words[1] == "watch" or not op.resource.done]


@magics_class
class LroMagics(Magics):
    """The magic and its commands."""

    def __init__(
        self,
        shell: InteractiveShell,
        to_frame: Callable[..., pd.DataFrame],
        started: Callable[[], pd.DataFrame],
    ) -> None:
        super().__init__(shell)
        self._to_frame, self._started = to_frame, started

    @line_magic
    def lro(self, line: str) -> object:
        """Show the operations that this session knows, or one, or cancel one.

        %lro               the operations of the open clients, as a table
        %lro watch NAME    one operation, by its name or id, as a live card
        %lro cancel NAME   ask the service to stop it
        %lro started       what this machine has started
        """
        command, _, rest = line.strip().partition(" ")
        try:
            match command, rest.split():
                case "", []:
                    return self._shown(known())
                case "started", []:
                    return self._started()
                case "watch", [name]:
                    return _named(name)
                case "cancel", [name]:
                    return _cancelled(_named(name))
        except LroError as error:
            raise UsageError(str(error)) from error
        raise UsageError(f"%lro {line.strip()} is not understood; use {USAGE}")

    def _shown(self, operations: Operations) -> object:
        if auto_display.kernel() is not None and operations:
            return operations
        return self._to_frame(operations)


def _cancelled(operation: Operation) -> str:
    if operation.cancel():
        return f"operation {operation.id} was asked to stop"
    return f"operation {operation.id} had ended before"


def _named(name: str) -> Operation:
    """Return a known operation by its id, or any by its full name from the one open client."""
    here = [operation for operation in known() if name in (operation.name, operation.id)]
    if len(here) == 1:
        return here[0]
    if here:
        raise ConfigError(f"{len(here)} operations are called {name}; give the full name")
    if "/" not in name:
        raise ConfigError(f"no operation {name} is known here; give its full name, projects/…/operations/…")
    client = Client.only_open()
    if client is None:
        raise ConfigError(f"no client or several are open, so that nobody can be asked for {name}")
    return client.get(name)
