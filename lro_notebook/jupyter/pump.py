"""`Pump`: lets clicks on our own buttons through while a cell of an IPython kernel waits.

A kernel reads no messages while a cell runs. The pump reads them instead: it handles those for given comms
and keeps all others, which the kernel gets, in order, when the wait is over. No event loop is nested, and
nothing is patched but the callback of one stream for as long as the wait lasts.

ipykernel has no public way to do this. The pump checks first for every private name that it uses; where one
is missing there is no pump, and the wait goes on without clicks.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator

    Frames = list[Any]  # of zmq.Frame

_log = logging.getLogger(__name__)

#: What the pump uses of the kernel and of its stream, as dotted paths.
KERNEL_NAMES = (
    "comm_manager.get_comm",
    "session.feed_identities",
    "session.deserialize",
    "session.unpack",
    "get_parent",
    "set_parent",
    "_parent_ident",
    "_publish_status",
)
STREAM_NAMES = ("_recv_callback", "on_recv", "flush", "socket.poll")
#: Where the messages for cells arrive: in ipykernel 7, where a thread hands them on, and in 6.
HANDED_ON = "shell_channel_thread.manager._shell_channel_to_main.to_stream"
DIRECT = "shell_stream"


@dataclass(eq=False)
class _Kept:
    """A message that the kernel has not seen, and the comm that it is for, if any."""

    frames: Frames
    comm_id: str | None


class Pump:
    """Handles the messages of chosen comms while a cell waits. For the main thread only.

    Use `find`; a pump made by hand does not check for what it needs.

    Parameters
    ----------
    kernel : ipykernel.kernelbase.Kernel
        The kernel that runs the cell.
    stream : zmq.eventloop.zmqstream.ZMQStream
        Where the messages for its cells arrive.
    """

    _serving: ClassVar[Pump | None] = None
    _reported: ClassVar[set[str]] = set()

    def __init__(self, kernel: Any, stream: Any) -> None:
        self._kernel, self._stream = kernel, stream
        self._sources: list[Callable[[], Iterable[str]]] = []
        self._kept: list[_Kept] = []
        self._kernels_own: Callable[[Frames], Awaitable[object] | None] | None = None

    @classmethod
    def find(cls) -> Pump | None:
        """Return the pump of the kernel that runs this program, None where clicks cannot get through.

        That is: outside a kernel, on any thread but the main one, and in a kernel that is built differently,
        whose missing names are logged once.
        """
        kernel = running_kernel()
        if kernel is None or threading.current_thread() is not threading.main_thread():
            return None
        path = DIRECT if getattr(kernel, "shell_channel_thread", None) is None else HANDED_ON
        stream = look_up(kernel, path)
        missing = [name for name in KERNEL_NAMES if look_up(kernel, name) is None]
        missing += [name for name in STREAM_NAMES if stream is not None and look_up(stream, name) is None]
        missing += [path] if stream is None else []
        if missing:
            names = ", ".join(missing)
            if names not in cls._reported:
                cls._reported.add(names)
                _log.info("no clicks while a cell waits: this kernel has no %s", names)
            return None
        serving = cls._serving
        if serving is not None and serving._stream is stream:  # noqa: SLF001 - its own class
            return serving
        return cls(kernel, stream)

    @contextmanager
    def serving(self, comm_ids: Iterable[str] | Callable[[], Iterable[str]]) -> Iterator[None]:
        """Let messages for `comm_ids` through while the body waits and calls `poll`.

        It may be entered again inside and left in any order, as tasks that wait side by side do: the kernel
        gets its messages back when the last has left.

        Parameters
        ----------
        comm_ids : iterable of str, or callable
            A callable is called at each `poll`.
        """
        fixed = () if callable(comm_ids) else frozenset(comm_ids)
        source = comm_ids if callable(comm_ids) else lambda: fixed
        entered = False
        try:
            with _uninterrupted():
                if not self._sources:
                    self._take_over()
                self._sources.append(source)
                entered = True
                self._take_from_queue()
            yield
        finally:
            with _uninterrupted():
                if entered:
                    self._sources.remove(source)  # one of them, where several waits have the same
                if not self._sources:
                    self._give_back()

    def poll(self, timeout: float) -> None:
        """Wait up to `timeout` seconds for messages, and handle those for our comms."""
        self._stream.socket.poll(int(timeout * 1000))
        with _uninterrupted():
            self._stream.flush(_POLLIN)
            ids = {comm_id for source in self._sources for comm_id in source()}
            for kept in [kept for kept in self._kept if kept.comm_id in ids]:
                self._kept.remove(kept)
                self._handle(kept.frames)

    def _take_over(self) -> None:
        self._kernels_own = self._stream._recv_callback  # noqa: SLF001 - there is no public name
        Pump._serving = self
        self._stream.on_recv(self._receive, copy=False)

    def _give_back(self) -> None:
        """Give the stream back to the kernel, with the messages that came meanwhile, in order."""
        Pump._serving = None
        own, kept, self._kept = self._kernels_own, self._kept, []
        if own is None:
            return
        # Somebody may have taken the stream over since, and will give it back to us: see `_receive`.
        if self._stream._recv_callback == self._receive:  # noqa: SLF001
            self._stream.on_recv(own, copy=False)
        for message in kept:
            self._hand_over(own, message.frames)

    def _receive(self, frames: Frames) -> None:
        """Keep a message; `poll` sees whom it is for. The kernel may call this from its loop."""
        if self._sources:
            self._kept.append(_Kept(frames, self._comm_of(frames)))
        elif self._kernels_own is not None:
            self._hand_over(self._kernels_own, frames)

    def _hand_over(self, own: Callable[[Frames], Awaitable[object] | None], frames: Frames) -> None:
        try:
            result = own(frames)
        except Exception:  # noqa: BLE001 - the messages after it must still reach the kernel
            _log.exception("the kernel did not take a message")
            return
        if inspect.isawaitable(result):
            # A lock of the kernel keeps such tasks in order; the stream itself starts them like this.
            task = asyncio.ensure_future(result)
            _tasks.add(task)
            task.add_done_callback(_tasks.discard)

    def _take_from_queue(self) -> None:
        """Take our messages from those that ipykernel 6 had already read when the cell began to wait."""
        queue = getattr(self._kernel, "msg_queue", None)
        if queue is None:
            return
        ids = {comm_id for source in self._sources for comm_id in source()}
        items = [queue.get_nowait() for _ in range(queue.qsize())]
        for item in items:
            frames = item[-1][0] if len(item[-1]) == 1 else None  # (number, function, its arguments)
            comm_id = self._comm_of(frames) if isinstance(frames, list) else None
            if frames is not None and comm_id in ids:
                self._kept.append(_Kept(frames, comm_id))
            else:
                queue.put_nowait(item)

    def _comm_of(self, frames: Frames) -> str | None:
        """Return the comm that a message is for, None if it is for none."""
        session = self._kernel.session
        try:
            _, rest = session.feed_identities(frames, copy=False)
            # A message read without its content does not count as received, so the kernel will still take it.
            message = session.deserialize(rest, content=False, copy=False)
            if message["header"]["msg_type"] != "comm_msg":
                return None
            comm_id = session.unpack(message["content"])["comm_id"]
        except Exception:  # noqa: BLE001 - whatever it is, the kernel knows: its own "stop aborting" frame, say
            return None
        return comm_id if isinstance(comm_id, str) else None

    def _handle(self, frames: Frames) -> None:
        """Handle a message for one of our comms as the kernel does, and restore the cell's context."""
        kernel = self._kernel
        try:
            ident, rest = kernel.session.feed_identities(frames, copy=False)
            message = kernel.session.deserialize(rest, content=True, copy=False)
        except ValueError:  # sent twice
            _log.warning("a message of a button could not be read", exc_info=True)
            return
        idents = kernel._parent_ident  # noqa: SLF001 - there is no public name
        cell = (idents["shell"] if isinstance(idents, Mapping) else idents, kernel.get_parent("shell"))
        _flush_output()
        kernel.set_parent(ident, message, channel="shell")
        try:
            # Front ends take a message as done once an "idle" names it as its parent.
            kernel._publish_status("busy", "shell")  # noqa: SLF001
            self._call_back(message)
            _flush_output()
            kernel._publish_status("idle", "shell")  # noqa: SLF001
        finally:
            kernel.set_parent(*cell, channel="shell")

    def _call_back(self, message: dict[str, Any]) -> None:
        comm = self._kernel.comm_manager.get_comm(message["content"]["comm_id"])
        if comm is None:
            return
        # The public handle_msg also tells IPython that a cell begins and ends; matplotlib listens, and would
        # show the figures of the waiting cell too early and outside of it.
        callback = getattr(comm, "_msg_callback", comm.handle_msg)
        try:
            if callback is not None:
                callback(message)
        except Exception:  # noqa: BLE001 - a button's error must not end the wait of the cell
            _log.exception("the answer to a click failed")


_POLLIN = 1  # zmq.POLLIN, without loading pyzmq where there is no kernel
_tasks: set[asyncio.Future[object]] = set()  # the loop itself holds tasks only weakly


def running_kernel() -> Any:
    """Return the ipykernel that runs this program, None outside one."""
    base, ipython = sys.modules.get("ipykernel.kernelbase"), sys.modules.get("IPython")
    if base is None or ipython is None:
        return None
    kernel = getattr(ipython.get_ipython(), "kernel", None)
    if not isinstance(kernel, base.Kernel):
        return None
    # A child that a kernel forked has a copy of the kernel, whose sockets are the parent's.
    return kernel if getattr(kernel.session, "pid", os.getpid()) == os.getpid() else None


def look_up(thing: object, path: str) -> Any:
    """Return the attribute at a dotted path, None if there is none."""
    for name in path.split("."):
        thing = getattr(thing, name, None)
    return thing


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Put off an interrupt until the body is over: in the middle of the body a message could be lost."""
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler):
        yield
        return
    came: list[tuple[int, Any]] = []
    signal.signal(signal.SIGINT, lambda number, frame: came.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if came:
            handler(*came[-1])


def _flush_output() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
