"""Thirty clients of Google, a channel each, four of them dead: the others are looked at as without them."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Self

import pytest
from google_rows.clients import client, start
from google_rows.seen import SOON, wait_for
from google_rows.table import ROWS
from imitation import Imitation, Script

import lro_notebook as lro
from lro_notebook.operations.adapters import api_core as foreign

if TYPE_CHECKING:
    from google_rows.row import Row

ROW = next(row for row in ROWS if row.id == "speech_v2.batch_recognize")
CLIENTS, DEAD, LOOKS = 30, 4, 3


def _same(script: Script, _: str) -> Script:
    return script


class Bench:
    """Clients with a server and a channel each, whose operations are watched; a context manager."""

    def __init__(self, row: Row, over: str) -> None:
        self.row, self.over = row, over
        self.servers: list[Imitation] = []
        self.operations: list[lro.Operation] = []
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        futures = []
        for number in range(CLIENTS):
            name = f"{self.row.operation}{number:02}"
            script = Script(name, self.row.script.steps, self.row.script.end)
            server = self._stack.enter_context(Imitation(partial(_same, script)))
            futures.append(start(self.row, self._stack.enter_context(client(self.row, server, self.over))))
            self.servers.append(server)
        self._futures = futures
        return self

    def __exit__(self, *_: object) -> None:
        for operation in self.operations:
            operation.poller.lose(lro.LroError("the test is over"))
        self._stack.close()

    def hang(self) -> None:
        """Let the first ones take requests and answer none."""
        for server in self.servers[:DEAD]:
            server.answers.clear()

    def vanish(self) -> None:
        """Let the first ones be gone: half of them refuse connections, half accept them and are silent."""
        for number, server in enumerate(self.servers[:DEAD]):
            server.close()
            self._stack.callback(server.open)  # its context closes it again
            for address in (server.grpc, server.rest) if number % 2 else ():
                listener = socket.create_server(("127.0.0.1", int(address.rpartition(":")[2])))
                self._stack.callback(listener.close)

    def watch(self) -> None:
        self.operations = lro.watch(self._futures)

    def looks(self, number: int) -> int:
        return sum(verb == "get" for verb, _ in self.servers[number].asked)

    def follow(self, numbers: range) -> None:
        """Let operations go on until each was looked at a few times, then end them, and wait for that."""
        wait_for(lambda: all(self.looks(number) >= LOOKS for number in numbers))
        for number in numbers:
            operation = self.servers[number].operations[self.operations[number].name]
            operation.end = self.row.script.end
        for number in numbers:
            assert self.operations[number].wait(SOON).state == "SUCCEEDED"


@pytest.mark.parametrize("over", ["grpc", "rest"])
def test_the_ends_of_the_others_are_seen_before_a_request_that_hangs_is_given_up(
    over: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign, "_TIMEOUT", 10 * SOON)  # a look at one that hangs does not end in this test
    with Bench(ROW, over) as bench:
        bench.hang()
        bench.watch()
        bench.follow(range(DEAD, CLIENTS))
        assert [bench.looks(number) for number in range(DEAD)] == [1] * DEAD
        assert not any(each.done() or each.trouble for each in bench.operations[:DEAD])


@pytest.mark.parametrize("over", ["grpc", "rest"])
def test_the_ends_of_the_others_are_seen_beside_servers_that_are_gone(over: str) -> None:
    with Bench(ROW, over) as bench:
        bench.vanish()
        bench.watch()
        bench.follow(range(DEAD, CLIENTS))
        assert all(bench.operations[number].trouble for number in range(0, DEAD, 2))
        assert not any(each.done() for each in bench.operations[:DEAD])


def test_a_cancel_goes_out_while_others_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign, "_TIMEOUT", 10 * SOON)
    with Bench(ROW, "grpc") as bench:
        bench.hang()
        bench.watch()
        assert bench.operations[-1].cancel()
        assert bench.operations[-1].wait(SOON).state == "CANCELLED"
        assert not any(each.done() for each in bench.operations[:DEAD])
