"""The same operations as JSON, followed by `lro.Client`: what is seen needs no library of Google's."""

from __future__ import annotations

import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from google_rows.seen import SOON, check_naming, check_step, check_success, wait_for
from google_rows.table import ROWS
from imitation import Imitation

import lro_notebook as lro

if TYPE_CHECKING:
    from google_rows.row import Row

FOLLOWS = """\
import sys
import lro_notebook as lro

with lro.Client(sys.argv[1]) as client:
    operation = lro.watch({"name": sys.argv[2]}, client=client)
    print(operation.wait(60).state, len(lro.to_frame(operation)))
print(*sorted({name.partition(".")[0] for name in sys.modules} & {"grpc", "proto"}))
print(*[name for name in ("google.protobuf", "google.api_core", "google.longrunning") if name in sys.modules])
"""


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_an_operation_is_followed_from_its_body(row: Row) -> None:
    with Imitation(lambda _: row.script) as server, lro.Client(server.rest) as client:
        operation = lro.watch(server.start(row.call), client=client)
        running = server.operations[row.operation]
        for number, step in enumerate(row.steps):
            check_step(operation, running, number, step)
        running.end = row.script.end
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", lro.PartialFailureWarning)
            check_success(operation.wait(SOON), row)
        check_naming(operation, row)


def test_all_of_them_are_one_table() -> None:
    scripts = iter([row.script for row in ROWS])
    with Imitation(lambda _: next(scripts)) as server, lro.Client(server.rest) as client:
        operations = lro.watch([server.start(row.call) for row in ROWS], client=client)
        assert lro.to_frame(operations)["elapsed"].notna().all()
        for row in ROWS:
            server.operations[row.operation].end = row.script.end
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", lro.PartialFailureWarning)
            for operation in operations:
                operation.wait(SOON)
        table = lro.to_frame(operations)
    assert table["name"].tolist() == [row.operation for row in ROWS]
    assert table["state"].tolist() == ["SUCCEEDED"] * len(ROWS)
    assert table["elapsed"].notna().all()
    assert table["method"].notna().all()


def test_a_client_lists_them_and_lets_the_service_wait() -> None:
    row = ROWS[0]
    with ExitStack() as stack:
        server = stack.enter_context(Imitation(lambda _: row.script))
        client = stack.enter_context(lro.Client(server.rest))
        server.start(row.call)
        assert [each.name for each in client.list(row.target)] == [row.operation]
        waiting = stack.enter_context(ThreadPoolExecutor(1)).submit(client.wait, row.operation, timeout=SOON)
        wait_for(lambda: ("wait", row.operation) in server.asked)
        server.operations[row.operation].end = row.script.end
        assert waiting.result(SOON).done()


def test_no_library_of_googles_is_imported_for_a_body() -> None:
    row = ROWS[0]
    with Imitation(lambda _: row.script) as server:
        server.start(row.call)
        server.operations[row.operation].end = row.script.end
        done = subprocess.run(
            [sys.executable, "-c", FOLLOWS, server.rest, row.operation],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
    assert done.stdout.splitlines() == ["SUCCEEDED 1", "", ""]
