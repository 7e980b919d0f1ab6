"""Lets clicks on our own buttons through while a cell waits.

A kernel handles one message at a time, so a click that comes while a cell runs would wait for the cell
to end. While a wait lasts, the pump reads the main shell stream itself: comm messages for our widgets
are handled at once, everything else is kept in order and handed to the kernel afterwards. Callbacks of
other people's widgets never run in the middle of the user's cell.

It touches private names of ipykernel and pyzmq, so each is probed first. Where one is missing there is
no pump: the wait works plainly and the card points to the Stop button. Measured on ipykernel 6.17 to
7.4, with and without subshells; on 7.4 subshells do not help, since its comms route replies themselves.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_COMM = frozenset({"comm_open", "comm_msg", "comm_close"})
_KERNEL_NAMES = (
    "session.feed_identities",
    "session.deserialize",
    "session.unpack",
    "shell_handlers",
    "set_parent",
    "get_parent",
    "_parent_ident",
    "_publish_status",
)
_STREAM_NAMES = ("_recv_callback", "on_recv", "flush", "socket.poll")
_log = logging.getLogger(__name__)


class Pump:
    """Reads the shell stream of one kernel while waits last. Only its main thread may use it."""

    _known: ClassVar[Pump | None] = None

    def __init__(self, kernel: Any, stream: Any) -> None:  # noqa: ANN401 - objects of ipykernel and pyzmq
        self._kernel, self._stream = kernel, stream
        self._original: Callable[[Any], Any] | None = None
        self._backlog: list[Any] = []
        self._served: list[Callable[[], Iterable[str]]] = []

    @classmethod
    def find(cls) -> Pump | None:
        """Return the pump of this kernel; None off its main thread, and where a private name is missing."""
        if threading.current_thread() is not threading.main_thread():
            return None
        kernel = _kernel()
        if kernel is None:
            return None
        if cls._known is not None and cls._known.holds(kernel):
            return cls._known
        stream = _main_shell_stream(kernel)
        missing = [name for name in _KERNEL_NAMES if _look_up(kernel, name) is None]
        missing += [f"stream.{name}" for name in _STREAM_NAMES if _look_up(stream, name) is None]
        if missing:
            _log.info("clicks wait for the end of the cell: this kernel has no %s", ", ".join(missing))
            return None
        cls._known = cls(kernel, stream)
        return cls._known

    def holds(self, kernel: Any) -> bool:  # noqa: ANN401 - an ipykernel
        """Tell whether this pump has the stream of `kernel` in its hands right now."""
        return self._kernel is kernel and bool(self._served)

    @contextmanager
    def serving(self, comm_ids: Callable[[], Iterable[str]]) -> Iterator[None]:
        """Handle messages for the comms that `comm_ids` names while the body runs; may be nested.

        At the last exit the stream is the kernel's again, and gets what came for it, in order.
        """
        self._served.append(comm_ids)
        try:
            if len(self._served) == 1:
                self._take_stream()
            yield
        finally:
            self._served.remove(comm_ids)
            if not self._served:
                self._give_back()

    def poll(self, seconds: float) -> None:
        """Wait at most so long for a message, and handle what is there."""
        import zmq  # noqa: PLC0415 - a part of every kernel, no dependency of ours

        self._stream.socket.poll(int(seconds * 1000))
        self._stream.flush(zmq.POLLIN)

    def _take_stream(self) -> None:
        self._original = self._stream._recv_callback  # noqa: SLF001 - probed
        self._take_queued()
        self._stream.on_recv(self._receive, copy=False)

    def _take_queued(self) -> None:
        """Handle our messages that ipykernel 6 has read into its queue already; leave the others there."""
        queue = getattr(self._kernel, "msg_queue", None)
        if queue is None:
            return
        kept = []
        while queue.qsize():
            item = queue.get_nowait()
            frames = item[2][0] if len(item[2]) == 1 else None
            if frames is None or not self._handle(frames):
                kept.append(item)
        for item in kept:
            queue.put_nowait(item)

    def _give_back(self) -> None:
        original, self._original = self._original, None
        if original is None:
            return
        self._stream.on_recv(original, copy=False)
        backlog, self._backlog = self._backlog, []
        for frames in backlog:
            outcome = original(frames)
            if inspect.isawaitable(outcome):
                asyncio.ensure_future(outcome)  # noqa: RUF006 - the kernel's loop keeps it

    def _receive(self, frames: Any) -> None:  # noqa: ANN401 - zmq frames
        if not self._handle(frames):
            self._backlog.append(frames)

    def _handle(self, frames: Any) -> bool:  # noqa: ANN401 - zmq frames
        """Handle one message if it is for our widgets; tell whether it was."""
        session = self._kernel.session
        try:
            ident, parts = session.feed_identities(frames, copy=False)
            head = session.deserialize(parts, content=False, copy=False)
            kind = head["header"]["msg_type"]
            if kind not in _COMM or session.unpack(head["content"]).get("comm_id") not in self._ours():
                return False
            message = session.deserialize(parts, content=True, copy=False)
        except (ValueError, TypeError, KeyError, IndexError):
            return False  # not for us to judge, such as ipykernel 7's "stop aborting" frame
        self._dispatch(kind, ident, message)
        return True

    def _ours(self) -> set[str]:
        return {comm_id for comm_ids in self._served for comm_id in comm_ids()}

    def _dispatch(self, kind: str, ident: Any, message: Any) -> None:  # noqa: ANN401 - ipykernel's own
        """Do what the kernel does with a comm message, and put the cell's message back as the parent."""
        kernel = self._kernel
        idents = kernel._parent_ident  # noqa: SLF001 - probed
        before = idents if isinstance(idents, (list, bytes)) else idents["shell"], kernel.get_parent("shell")
        try:
            kernel.set_parent(ident, message, channel="shell")
            kernel._publish_status("busy", "shell")  # noqa: SLF001 - probed
            try:
                kernel.shell_handlers[kind](self._stream, ident, message)
            except Exception:  # noqa: BLE001 - as the kernel: a callback's error must not end the user's wait
                _log.exception("a click could not be handled")
            sys.stdout.flush()
            sys.stderr.flush()
            kernel._publish_status("idle", "shell")  # noqa: SLF001 - probed
        finally:
            kernel.set_parent(*before, channel="shell")


def _kernel() -> Any:  # noqa: ANN401 - ipykernel has no types
    if "ipykernel" not in sys.modules:
        return None
    from ipykernel.kernelbase import Kernel  # noqa: PLC0415 - imported already
    from IPython import get_ipython  # noqa: PLC0415

    kernel = getattr(get_ipython(), "kernel", None)
    return kernel if isinstance(kernel, Kernel) else None


def _main_shell_stream(kernel: Any) -> Any:  # noqa: ANN401 - a ZMQStream
    """Return the stream on which the main thread gets its shell messages, None if it is not found."""
    if _look_up(kernel, "shell_channel_thread") is None:
        return _look_up(kernel, "shell_stream")
    return _look_up(kernel, "shell_channel_thread.manager._shell_channel_to_main.to_stream")


def _look_up(thing: Any, path: str) -> Any:  # noqa: ANN401 - any attribute
    for name in path.split("."):
        thing = getattr(thing, name, None)
    return thing
