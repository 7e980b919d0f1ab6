"""Work in a child of the test's own process, made by a fork."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

#: Marks a test that forks.
forks = pytest.mark.skipif(not hasattr(os, "register_at_fork"), reason="Windows has no fork")


def in_child(work: Callable[[], object]) -> None:
    """Do `work` in a forked child; fail with it, and kill it where it does not end."""
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException as error:  # noqa: BLE001 - the parent says it
            os.write(writes, f"{type(error).__name__}: {error}".encode())
            os._exit(1)
    os.close(writes)
    late = threading.Timer(30.0, os.kill, (child, 9))
    late.start()
    _, status = os.waitpid(child, 0)
    late.cancel()
    with os.fdopen(reads, "rb") as said:
        assert os.waitstatus_to_exitcode(status) == 0, said.read().decode()
