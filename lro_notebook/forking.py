"""What a forked child must not share with its parent: connections, threads, and locks held by lost threads.

A fork copies the memory but only the thread that forks. Whatever holds a socket, a thread or a lock registers
here and is told in the child, where it begins afresh. What a fork must not interrupt runs `undivided`.
Windows has no fork: there nothing of this is ever called.
"""

from __future__ import annotations

import concurrent.futures.thread  # noqa: F401 - its own hooks must be there before a fork waits in ours
import logging
import os
import threading
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

_PATIENCE = 10.0  # seconds that a fork waits for what is undivided; then it happens anyway
_log = logging.getLogger(__name__)


class Bound(Protocol):
    """What is bound to the process that made it."""

    def after_fork_in_child(self) -> None:
        """Begin afresh: no other thread runs, and a lock may be held for ever by one that is gone."""


class _Process:
    """What is bound to this process."""

    def __init__(self) -> None:
        self.bound: weakref.WeakSet[Bound] = weakref.WeakSet()
        self.undivided = threading.RLock()
        self.waited = threading.local()
        self.forked = False

    def before_fork(self) -> None:
        """Wait until no thread runs what a fork must not interrupt."""
        self.waited.held = self.undivided.acquire(timeout=_PATIENCE)

    def after_fork_in_parent(self) -> None:
        """Let the other threads go on."""
        if self.waited.held:
            self.undivided.release()

    def after_fork_in_child(self) -> None:
        """Let everything begin afresh; one failure must not keep the others from it."""
        self.undivided, self.waited, self.forked = threading.RLock(), threading.local(), True
        for thing in list(self.bound):
            try:
                thing.after_fork_in_child()
            except Exception:  # noqa: BLE001 - it is logged, and the others still begin afresh
                _log.exception("a %s is not fit for use in this forked process", type(thing).__name__)


_process = _Process()


def bind(thing: Bound) -> None:
    """Have `thing` begin afresh in forked children; it is held weakly."""
    _process.bound.add(thing)


def is_forked() -> bool:
    """Tell whether this process was forked by one that had this package loaded."""
    return _process.forked


@contextmanager
def undivided() -> Iterator[None]:
    """Keep other threads from forking, for a moment, while the body runs.

    For code that holds locks that are not ours, which a child would find held for ever: SQLite, and late
    imports, in whatever thread first needs the module.
    """
    with _process.undivided:
        yield


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_process.before_fork,
        after_in_parent=_process.after_fork_in_parent,
        after_in_child=_process.after_fork_in_child,
    )
