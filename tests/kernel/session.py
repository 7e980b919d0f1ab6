"""A real kernel, driven over its sockets as a front end does it: cells, clicks on buttons, interrupts.

The kernel may run in another environment than the tests: ``LRO_TEST_KERNEL_PYTHON`` names its python.
"""

from __future__ import annotations

import os
import queue
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PYTHON = "LRO_TEST_KERNEL_PYTHON"
Message = dict[str, Any]


@dataclass
class Cell:
    """One execution: what it put out so far, and how it ended."""

    message_id: str
    outputs: list[Message] = field(default_factory=list)
    started: float = 0.0
    ended: float = 0.0

    def text(self, name: str) -> str:
        """Return what it wrote to the stream `name`."""
        return "".join(m["content"]["text"] for m in self.of("stream") if m["content"]["name"] == name)

    @property
    def error(self) -> str:
        """Return the name of the exception that ended it, or nothing."""
        return "".join(message["content"]["ename"] for message in self.of("error"))

    def of(self, kind: str) -> list[Message]:
        """Return its outputs of one message type."""
        return [message for message in self.outputs if message["msg_type"] == kind]


class Session:
    """One kernel and its client; `arguments` are for ipykernel."""

    def __init__(self, env: Mapping[str, str], *arguments: str) -> None:
        python = os.environ.get(PYTHON, sys.executable)
        self._manager = KernelManager()
        self._manager._kernel_spec = KernelSpec(
            argv=[python, "-m", "ipykernel_launcher", "-f", "{connection_file}", *arguments],
            language="python",
        )
        self._manager.start_kernel(env={**os.environ, **env})
        self._client = self._manager.blocking_client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=60)
        self.cells: dict[str, Cell] = {}
        self.messages: list[tuple[float, Message]] = []

    def close(self) -> None:
        """Stop the kernel."""
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)

    def start(self, code: str) -> Cell:
        """Send a cell; it runs when the kernel comes to it."""
        cell = Cell(self._client.execute(code))
        self.cells[cell.message_id] = cell
        return cell

    def run(self, code: str, timeout: float = 60.0) -> Cell:
        """Send a cell and wait for its end; an exception in it is an error here."""
        cell = self.start(code)
        self.until(lambda: cell.ended > 0, timeout)
        assert not cell.error, cell.of("error")[0]["content"]["traceback"][-1]
        return cell

    def complete(self, line: str) -> list[str]:
        """Return what the kernel offers at the end of a line, as Tab does."""
        reply = self._client.complete(line, len(line), reply=True, timeout=60)
        return [str(match) for match in reply["content"]["matches"]]

    def until(self, ready: Callable[[], object], timeout: float = 20.0) -> None:
        """Read what the kernel sends until `ready` says so."""
        deadline = time.monotonic() + timeout
        while not ready():
            assert time.monotonic() < deadline, "the kernel did not come to it in time"
            self.listen(0.02)

    def listen(self, seconds: float) -> None:
        """Read what the kernel sends for a while."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                self._take(self._client.get_iopub_msg(timeout=left))
            except queue.Empty:
                return

    def buttons(self) -> list[str]:
        """Return the comms of the buttons there are, the newest last."""
        opened = [message["content"] for _, message in self.messages if message["msg_type"] == "comm_open"]
        return [c["comm_id"] for c in opened if c["data"]["state"].get("_model_name") == "ButtonModel"]

    def click(self, comm_id: str) -> float:
        """Click a button; return when."""
        content = {"comm_id": comm_id, "data": {"method": "custom", "content": {"event": "click"}}}
        self._client.shell_channel.send(self._client.session.msg("comm_msg", content))
        return time.monotonic()

    def updates(self, comm_id: str, trait: str) -> list[tuple[float, Any]]:
        """Return the values that the kernel sent for a trait of a widget, with their times."""
        found = []
        for moment, message in self.messages:
            content = message["content"]
            if message["msg_type"] == "comm_msg" and content["comm_id"] == comm_id:
                state = content["data"].get("state", {})
                found += [(moment, state[trait])] if trait in state else []
        return found

    def interrupt(self) -> float:
        """Interrupt the kernel, as the Stop button does; return when."""
        self._manager.interrupt_kernel()
        return time.monotonic()

    def _take(self, message: Message) -> None:
        moment = time.monotonic()
        self.messages.append((moment, message))
        cell = self.cells.get(message["parent_header"].get("msg_id", ""))
        if cell is None:
            return
        if message["msg_type"] != "status":
            cell.outputs.append(message)
        elif message["content"]["execution_state"] == "busy":
            cell.started = moment
        elif message["content"]["execution_state"] == "idle":
            cell.ended = moment
