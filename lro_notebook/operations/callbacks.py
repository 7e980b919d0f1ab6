"""`Callbacks`: the done callbacks of one operation, called on threads that look at no operation.

They may block, for ever too: a thread that is held for long counts no more among the few that run at once,
and another takes its place, so there are as many as block.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections import deque
from typing import TYPE_CHECKING

from lro_notebook.operations.scheduler import Scheduler

if TYPE_CHECKING:
    from collections.abc import Callable

    Callback = Callable[[], object]

_SLOW = 0.02  # seconds after which a callback that still runs lets another one begin beside it
_log = logging.getLogger(__name__)
_threads = Scheduler(
    workers=4, most=sys.maxsize, slow=_SLOW, names=("lro-callback-scheduler", "lro-callback")
)


class Callbacks:
    """What is to be called when one operation has ended: each once, in the order in which they came.

    A `scheduler.Job`. May be used from any thread.

    Parameters
    ----------
    of : str
        Whose they are, for the log.
    """

    def __init__(self, of: str) -> None:
        self._of = of
        self.after_fork_in_child()

    def after_fork_in_child(self) -> None:
        """Begin without callbacks: those that wait are the parent's to call."""
        self._lock = threading.Lock()
        self._waiting: deque[Callback] = deque()
        self._ended = False
        self._running = False

    def add(self, callback: Callback) -> None:
        """Have `callback` called: on a thread of its own at the end, here and now where all that is over.

        What is called here and now may end the program, or be interrupted, as any other call.
        """
        with self._lock:
            at_once = self._ended and not self._waiting and not self._running
            if not at_once:
                self._waiting.append(callback)
            due = self._ended and not at_once
        if due:
            _threads.schedule(self)
        if at_once:
            call(callback, f"a done callback of operation {self._of}")

    def end(self) -> None:
        """Hear that the operation has ended. Never blocks."""
        with self._lock:
            self._ended = True
            due = bool(self._waiting)
        if due:
            _threads.schedule(self)

    def run(self) -> None:
        """Call those that wait."""
        while (callback := self._next()) is not None:
            call(callback, f"a done callback of operation {self._of}")

    def on_crash(self, error: BaseException) -> None:
        """Hear that `run` raised something unforeseen."""
        _log.error("the done callbacks of operation %s were left (%s)", self._of, type(error).__name__)
        with self._lock:
            self._running = False

    def _next(self) -> Callback | None:
        with self._lock:
            self._running = bool(self._waiting)
            return self._waiting.popleft() if self._waiting else None


def call(callback: Callback, what: str) -> None:
    """Call what others gave; whatever it raises is logged and ends no thread, not even ``sys.exit()``.

    On the main thread an interrupt, or the end of the program, is its user's.
    """
    try:
        callback()
    except BaseException as error:
        mine = threading.current_thread() is not threading.main_thread()
        if not mine and not isinstance(error, Exception):
            raise
        _log.exception("%s failed", what)
