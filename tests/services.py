"""Services that `local.ensure` starts in this process, from a Python that is warm."""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING, Any

from warm import Program

from lro_notebook.local import launch

if TYPE_CHECKING:
    import pytest
    from warm import Process, Warm


def start_warm(monkeypatch: pytest.MonkeyPatch, warm: Warm | None, *options: str) -> None:
    """Let `local.ensure` start services with these options, from `warm` where there is one."""
    if warm is None:
        return

    def start(command: list[str], *, stderr: IO[bytes], **_: Any) -> Process:
        module, *arguments = command[2:]
        nothing = os.open(os.devnull, os.O_WRONLY)
        try:
            return warm.start(Program("-m", module, [*arguments, *options]), nothing, stderr.fileno())
        finally:
            os.close(nothing)

    monkeypatch.setattr(launch, "_Program", start)
