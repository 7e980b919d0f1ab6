"""A Python that has imported what programs need, and forks for each: one starts in 0.02 s instead of 1 s.

A program in it has all of its own, as under ``python -c`` and ``python -m``: a process, arguments,
environment, output, limits, an end. Where the start of Python is what is tested, a test starts a Python.

Usage of this file as a program: python warm.py SOCKET FILTERS MODULE...
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import types
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Whether this system can do that (macOS has no SOCK_SEQPACKET); elsewhere a test starts a Python each time.
CAN_FORK = sys.platform == "linux"
KEPT = "kept"
_MOST = 1 << 20  # bytes of a request


class Program(NamedTuple):
    """What to run: the source text after ``-c``, or the module after ``-m``, and its arguments."""

    how: str
    what: str
    arguments: list[str]

    def run(self) -> None:
        """Run it in this process, as its main program."""
        if self.how == "-m":
            sys.argv = [self.what, *self.arguments]
            runpy.run_module(self.what, run_name="__main__", alter_sys=True)
        else:
            sys.argv = ["-c", *self.arguments]
            main = sys.modules["__main__"] = types.ModuleType("__main__")
            exec(compile(self.what, "<string>", "exec"), vars(main))  # noqa: S102 - what the test says


class Process:
    """A program that runs, with what tests and jupyter_client use of `subprocess.Popen`."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int, status: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._status = status

    def poll(self) -> int | None:
        """Return the exit code; None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.wait(0)
        return None

    def send_signal(self, number: int) -> None:
        """Send a signal, where it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once, where it still runs."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end, where it still runs."""
        self.send_signal(signal.SIGTERM)

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code at its end, negative for a signal."""
        if self.returncode is None:
            if not select.select([self._status], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0.0)
            self.returncode = int(os.read(self._status, 20))
            os.close(self._status)
        return self.returncode


class Warm:
    """A Python that waits for programs; it ends with this object's `close`."""

    def __init__(self, *modules: str, filters: str = KEPT) -> None:
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, __file__, str(theirs.fileno()), filters, *modules]
            # Without threads, which a fork would leave behind.
            environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
            self._python = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=environment)
        assert self._requests.recv(10) == b"ready"

    @property
    def pid(self) -> int:
        """The parent of the programs."""
        return self._python.pid

    def start(
        self,
        program: Program,
        stdout: int,
        stderr: int,
        environment: Mapping[str, str] = os.environ,
        folder: str | os.PathLike[str] = ".",
    ) -> Process:
        """Start a program, by default with this process's environment and folder."""
        reads, writes = os.pipe()
        request = json.dumps([*program, dict(environment), str(Path(folder).absolute())]).encode()
        socket.send_fds(self._requests, [request], [stdout, stderr, writes])
        os.close(writes)
        return Process(int(self._requests.recv(20)), reads)

    def run(self, program: Program, timeout: float = 300.0) -> subprocess.CompletedProcess[str]:
        """Run a program to its end; kill it at the timeout."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
            process = self.start(program, out.fileno(), errors.fileno())
            try:
                code = process.wait(timeout)
            except BaseException:
                os.kill(process.pid, signal.SIGKILL)
                process.wait()
                raise
            texts = [os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0) for file in (out, errors)]
        return subprocess.CompletedProcess(program.arguments, code, *(text.decode() for text in texts))

    def close(self) -> None:
        """End the Python; programs that still run go on."""
        self._requests.close()
        self._python.wait(20)


def _serve(requests: socket.socket) -> Program | None:
    """Fork for each request, and tell how each program ends; return in a child with what it is to run."""
    running: dict[int, int] = {}
    woken, wakes = os.pipe()
    os.set_blocking(wakes, False)
    signal.set_wakeup_fd(wakes)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        watched: list[socket.socket | int] = [requests, woken]
        ready = select.select(watched, [], [])[0]
        if woken in ready:
            os.read(woken, 100)
            _tell_ends(running)
        if requests not in ready:
            continue
        request, given, _, _ = socket.recv_fds(requests, _MOST, 3)
        if not request:
            return None
        pid = os.fork()
        if pid == 0:
            os.setsid()  # as the services that the package starts, and before anyone knows of it
            requests.send(str(os.getpid()).encode())
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            requests.close()
            for number in (woken, wakes, given.pop(), *running.values()):
                os.close(number)
            return _become(json.loads(request), given)
        *outputs, running[pid] = given
        for number in outputs:
            os.close(number)


def _tell_ends(running: dict[int, int]) -> None:
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            break
        with os.fdopen(running.pop(pid), "w") as told, contextlib.suppress(BrokenPipeError):
            told.write(str(os.waitstatus_to_exitcode(status)))
            told.flush()


def _become(request: list[Any], outputs: list[int]) -> Program:
    *program, environment, folder = request
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, standard in zip([nothing, *outputs], range(3), strict=True):
        os.dup2(number, standard)
        os.close(number)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    return Program(*program)


def main(descriptor: str, filters: Any, *modules: str) -> None:
    with socket.socket(fileno=int(descriptor)) as requests:
        gc.disable()
        for module in modules:
            importlib.import_module(module)
        gc.enable()
        gc.freeze()  # or each program looks at all of it at its end, in a copy of its own: 0.3 s, not 0.1
        requests.send(b"ready")
        program = _serve(requests)
    if program is not None:
        if filters != KEPT:
            warnings.simplefilter(filters)
        program.run()


if __name__ == "__main__":
    sys.path[0] = ""  # as under -c and -m, instead of the folder of this file
    main(*sys.argv[1:])
