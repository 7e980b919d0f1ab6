"""Follow hundreds of operations on a misbehaving service for a while; draws memory, threads and lag.

Usage: PYTHONPATH=tests python scripts/soak.py --minutes 10

The service (tests/misbehaving.py) fails one request in ten at random, with fixed seeds. Each operation
that ends is replaced by a new one, and every few seconds a forked child looks at one of them. Beside them,
operations of twelve other services are followed that never answer, or one byte at a time. Ends with status 1
if an operation ended in a wrong state, if one of the others was not said to be in trouble, if threads or
connections were left behind, or if a child hung or saw another operation.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import threading
import time
import warnings
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from hostile import Hostile
from misbehaving import PARENT, PASSING, Misbehaving, Operation

import lro_notebook as lro
from lro_notebook.operations.resource import OperationResource

if TYPE_CHECKING:
    import socket

THREADS = 33  # of ours, at most: one that plans, and those that wait for services that hang
ROOT = Path(__file__).parents[1]
HUNG, EVERY = 60.0, 2.0  # seconds after which a child counts as hung; from one child to the next
OUTCOMES: dict[str, dict[str, Any]] = {
    "SUCCEEDED": {"response": {}},
    "FAILED": {"error": {"code": 3, "message": "bad input"}},
    "CANCELLED": {"error": {"code": 1, "message": "cancelled"}},
}


class Soak:
    """The operations that run, and what was measured of those that have ended."""

    def __init__(self, service: Misbehaving, client: lro.Client) -> None:
        self.service, self.client = service, client
        self.draw = random.Random(6)  # noqa: S311 - the same course in each run
        self.expected: dict[str, str] = {}
        self.lags: list[float] = []
        self.wrong: list[str] = []
        self.ended = threading.Semaphore(0)
        self.children: dict[int, float] = {}
        self.forked: list[bool] = []

    def begin(self) -> None:
        """Start one operation, whose end is noted."""
        state = self.draw.choice(list(OUTCOMES))
        self.service.seconds, self.service.outcome = self.draw.uniform(2.0, 60.0), OUTCOMES[state]
        operation = self.client.start("POST", f"{PARENT}/fhirStores/s:import", {})
        self.expected[operation.name] = state
        operation.add_done_callback(self.note)

    def note(self, operation: lro.Operation) -> None:
        """Note an end: how late it was seen, and whether it is the true one."""
        there: Operation = self.service.operations.pop(operation.name)
        self.lags.append(time.monotonic() - there.began - there.seconds)
        if operation.state != self.expected.pop(operation.name):
            self.wrong.append(operation.name)
        self.ended.release()

    def fork(self) -> None:
        """Have a forked child look at an operation over this client, and see that one."""
        name = self.draw.choice(list(self.expected))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # a fork beside threads is what is tried
            child = os.fork()
        if child == 0:
            code = 1
            try:
                known = {operation.name: operation for operation in self.client.known()}
                operation = known.get(name) or self.client.get(name)
                code = 0 if operation.done() or operation.refresh().name == name else 1
            except lro.LroError:
                code = 0  # one of the faults of the service
            finally:
                os._exit(code)
        self.children[child] = time.monotonic()

    def reap(self) -> None:
        """Collect the children; one that has not ended after a minute counts as hung."""
        for child, began in list(self.children.items()):
            late = time.monotonic() - began > HUNG
            if late:
                os.kill(child, signal.SIGKILL)
            pid, status = os.waitpid(child, 0 if late else os.WNOHANG)
            if pid:
                del self.children[child]
                self.forked.append(status == 0)

    def misbehave(self) -> None:
        """Plan the faults of the next requests."""
        if len(self.service.faults) < 100:  # noqa: PLR2004 - more than are sent until the next call
            faults = self.draw.choices(PASSING, k=20) + [""] * 180
            self.draw.shuffle(faults)
            self.service.faults += faults


def dark(stack: ExitStack, number: int) -> lro.Operation:
    """Follow an operation of a service that never answers, or only drips; it ends with `stack`."""

    def answer(connection: socket.socket, _: bytes) -> None:
        if number % 2:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
            server.drip(connection, b" ")
        server.over.wait()

    server = stack.enter_context(Hostile(answer))
    client = stack.enter_context(lro.Client(server.endpoint, timeout=5.0))
    operation = client.attach(OperationResource("operations/dark"))
    operation.poller.follow()
    return operation


def main() -> int:
    """Run it, draw it, and judge it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--operations", type=int, default=300)
    parser.add_argument("--picture", type=Path, default=ROOT / "build" / "soak.png")
    options = parser.parse_args()
    me, rows = psutil.Process(), list[tuple[float, float, int, int]]()
    before = threading.active_count()
    with ExitStack() as stack:
        service = stack.enter_context(Misbehaving())
        client = stack.enter_context(lro.Client(service.endpoint, timeout=0.5))
        lost = [dark(stack, number) for number in range(12)]
        soak, began = Soak(service, client), time.monotonic()
        for _ in range(options.operations):
            soak.begin()
        next_fork = began + EVERY
        while (elapsed := time.monotonic() - began) < options.minutes * 60:
            soak.misbehave()
            soak.reap()
            if hasattr(os, "fork") and time.monotonic() > next_fork:
                next_fork += EVERY
                soak.fork()
            while soak.ended.acquire(timeout=0.2):
                soak.begin()
            mine = [thread for thread in threading.enumerate() if thread.name.startswith("lro-")]
            rows.append((elapsed, me.memory_info().rss / 1e6, len(mine), len(soak.lags)))
        service.faults.clear()
        while soak.children:
            soak.reap()
            time.sleep(0.1)
        unsaid = [each for each in lost if not each.trouble]
    threads, sent = max(row[2] for row in rows), service.requests
    draw(rows, soak.lags, options.picture)
    print(f"{len(soak.lags):,} operations ended, {len(soak.wrong)} of them in a wrong state")
    print(
        f"{len(soak.forked)} children forked, {soak.forked.count(False)} of them hung or saw something else"
    )
    print(f"requests: {sent['start']:,} starts, {sent['GET']:,} reads; at most {threads} threads of ours")
    print(f"memory {rows[len(rows) // 4][1]:.0f} MB after a quarter, {rows[-1][1]:.0f} MB at the end")
    print(f"lag: mean {sum(soak.lags) / len(soak.lags):.2f} s, worst {max(soak.lags):.1f} s")
    print(f"{len(lost)} operations of services that hang, {len(lost) - len(unsaid)} said to be in trouble")
    print(f"drawn to {options.picture}")
    return int(bool(soak.wrong or unsaid) or False in soak.forked or threads > before + THREADS)


def draw(rows: list[tuple[float, float, int, int]], lags: list[float], picture: Path) -> None:
    """Draw memory, threads and lag over time."""
    import matplotlib as mpl  # after the run, which measures memory

    mpl.use("agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(3, sharex=True, figsize=(8, 7), layout="constrained")
    times = [row[0] / 60 for row in rows]
    axes[0].plot(times, [row[1] for row in rows])
    axes[0].set_ylabel("memory (MB)")
    axes[1].plot(times, [row[2] for row in rows])
    axes[1].set_ylabel("threads of ours")
    seen = [next(row[0] for row in rows if row[3] > number) / 60 for number in range(rows[-1][3])]
    axes[2].plot(seen, lags[: len(seen)], ".", markersize=3)
    axes[2].set_ylabel("lag of the end (s)")
    axes[2].set_xlabel("minutes")
    picture.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(picture, dpi=120)


if __name__ == "__main__":
    sys.exit(main())
