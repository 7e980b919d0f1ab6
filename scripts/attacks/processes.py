"""Forks at random moments, and journals whose bytes or values are anybody's."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import tempfile
import threading
import time
import warnings
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lro_notebook as lro
from lro_notebook.operations.journal import Journal, StartRecord
from lro_notebook.operations.resource import parse_timestamp
from lro_notebook.reports.frames import started_frame

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

PARENT = "projects/p/locations/l/datasets/d"
SHARE_CUT = 0.3  # of the journals
PATIENCE = 10.0  # seconds that a child may take


class _Echo(BaseHTTPRequestHandler):
    """Answers with the operation that it was asked for; all run."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer."""
        name = self.path.removeprefix("/v1/").partition("?")[0]
        body = json.dumps({"operations": []} if name.endswith("/operations") else {"name": name}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing: a child that ends leaves its connections."""


def forks(draw: random.Random, *, seconds: float = 12.0) -> tuple[int, int]:
    """Fork while threads ask over the same client; children ask too: no hang, and only their own answers."""
    server = _Server(("127.0.0.1", 0), _Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    over, wrong = threading.Event(), list[str]()
    with (
        tempfile.TemporaryDirectory() as folder,
        lro.Client(
            f"http://127.0.0.1:{server.server_port}", journal=Journal(Path(folder) / "j.sqlite3")
        ) as client,
    ):

        def ask(name: str) -> bool:
            operation = client.get(f"{PARENT}/operations/{name}")
            if name.endswith("0"):
                client.journal.refused(client.journal.intend(StartRecord("s", "m", name, _moment())))
            operation.done()
            return operation.refresh().id == name

        def busy(number: int) -> None:
            while not over.is_set():
                if not ask(f"t{number}"):
                    wrong.append(str(number))

        threads = [threading.Thread(target=busy, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        deadline, tried, held = time.monotonic() + seconds, 0, 0
        while time.monotonic() < deadline:
            time.sleep(draw.uniform(0.0, 0.02))
            tried += 1
            names = [f"c{tried}-{each}" for each in range(5)]
            held += _child(lambda names=names: all(map(ask, names)))  # type: ignore[misc]  # mypy knows no such lambda
        over.set()
        for thread in threads:
            thread.join()
    server.shutdown()
    server.server_close()
    return tried + 1, held + (not wrong)


def _child(work: Callable[[], bool]) -> bool:
    """Tell whether a forked child does `work` in time."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # a fork beside threads is what is tried
        child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if work() else 1
        finally:
            os._exit(code)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return status == 0
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def _moment() -> Any:
    return parse_timestamp("2026-03-04T09:00:00Z")


def _survives(path: Path) -> bool:
    """Tell whether nothing but a warning comes of a journal, whatever is in the file."""
    journal = Journal(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", lro.LroWarning)
        try:
            row = journal.intend(StartRecord("s", "m", "t", _moment()))
            journal.answered(row, "operations/new")
            journal.find("operations/3", service="https://x", loopback=True)
            journal.prune(1 << 40, _moment())
            started_frame(journal.pages(100))
            journal.all()
        except Exception:  # noqa: BLE001 - whatever it is, it should not have come
            return False
    return True


def spoilt_bytes(draw: random.Random) -> tuple[int, int]:
    """Cut a journal, or overwrite parts of it."""
    held, tries = 0, 300
    with tempfile.TemporaryDirectory() as name:
        whole = Path(name) / "whole.sqlite3"
        journal = Journal(whole)
        for number in range(60):
            journal.answered(
                journal.intend(StartRecord("https://x", "m", "t", _moment())), f"operations/{number}"
            )
        content = whole.read_bytes()
        for number in range(tries):
            data = bytearray(
                content[: draw.randrange(len(content))] if draw.random() < SHARE_CUT else content
            )
            for _ in range(draw.randrange(40)):
                if data:
                    data[draw.randrange(len(data))] = draw.randrange(256)
            path = Path(name) / f"{number}.sqlite3"
            path.write_bytes(data)
            held += _survives(path)
            path.unlink()
    return tries, held


def spoilt_values(draw: random.Random) -> tuple[int, int]:
    """Put values of any kind into the columns of a journal."""
    values = [
        None,
        0,
        -1,
        1 << 62,
        1.5,
        float("inf"),
        b"\xff\x00",
        "",
        "\x00",
        "ü" * 1000,
        "9999-12-31T23:59:59Z",
    ]
    values += ["0000-00-00T00:00:00Z", "2026-02-30T00:00:00Z", "x,y", "2026-01-01T00:00:00+99:99"]
    columns = (
        "service",
        "method",
        "target",
        "source",
        "types",
        "since",
        "requested",
        "name",
        "state",
        "ended",
    )
    held, tries = 0, 300
    with tempfile.TemporaryDirectory() as name:
        for number in range(tries):
            path = Path(name) / f"{number}.sqlite3"
            journal = Journal(path)
            row = journal.intend(StartRecord("https://x", "m", "t", _moment()))
            journal.answered(row, "operations/3")
            with closing(sqlite3.connect(path)) as connection, connection:
                for column in draw.sample(columns, 3):
                    connection.execute(f"UPDATE OR IGNORE started SET {column} = ?", (draw.choice(values),))  # noqa: S608
            held += _survives(path)
            path.unlink()
    return tries, held


ATTACKS: list[tuple[str, Callable[[random.Random], tuple[int, int]]]] = [
    ("forks while other threads use the same client", forks),
    ("journals that are cut or overwritten", spoilt_bytes),
    ("journals with values of any kind", spoilt_values),
]
if not hasattr(os, "fork"):
    del ATTACKS[0]
