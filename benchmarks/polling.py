"""How late the end of an operation is seen, and for how many requests: google-api-core's schedule and ours.

Part 1 runs both on a virtual clock: google-api-core's own code, and our poller, on the same operations.
Part 2 follows many operations of one dataset on a real loopback service, in a process of its own.
"""

from __future__ import annotations

import itertools
import json
import math
import random
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from unittest import mock
from urllib.parse import parse_qs, urlsplit

import psutil
from google.api_core import operation as api_core
from google.api_core.retry import retry_unary
from google.longrunning import operations_pb2
from google.protobuf import any_pb2, empty_pb2
from measured import record

import lro_notebook as lro
from lro_notebook.operations.poller import OperationPoller
from lro_notebook.operations.resource import OperationResource

if TYPE_CHECKING:
    from collections.abc import Callable

PARENT = "projects/p/locations/l/datasets/d"
SECONDS = (1, 2, 5, 10, 30, 60, 300, 1200, 3600, 6 * 3600)


def courses(draw: random.Random) -> dict[str, Callable[[float], float | None]]:
    """Return how progress may go: by the share of the time that has passed."""
    bursts, start, length = draw.choice((5, 10, 20)), draw.uniform(0.2, 0.6), draw.uniform(0.2, 0.4)

    def stalled(time: float) -> float:
        return (min(time, start) + max(0.0, time - start - length)) / (1.0 - length)

    return {
        "linear": lambda time: time,
        "bursty": lambda time: math.floor(time * bursts) / bursts,
        "stalled": stalled,
        "no progress": lambda _: None,
    }


class Virtual:
    """A clock for one operation, which counts the looks at it."""

    def __init__(self, seconds: float, course: Callable[[float], float | None]) -> None:
        self.seconds, self.course, self.now, self.looks = seconds, course, 0.0, 0

    def look(self) -> OperationResource:
        """Return the operation as it is now."""
        self.looks += 1
        done, share = self.now >= self.seconds, self.course(min(1.0, self.now / self.seconds))
        counter = {} if share is None else {"success": int(share * 1e4), "pending": 10_000 - int(share * 1e4)}
        return OperationResource("operations/1", done=done, metadata={"counter": counter})

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds

    def schedule(self, _: OperationPoller, delay: float = 0.0) -> None:
        """Let the time of a job come."""
        self.now += delay

    def forget(self, _: OperationPoller) -> None:
        """Do nothing: the only job ends by itself."""

    poll = get = look

    def cancel(self) -> None:
        """Do nothing: nobody cancels."""


def googles(virtual: Virtual) -> None:
    """Wait as google-api-core does: `Operation.result` with its defaults."""
    done = any_pb2.Any()
    done.Pack(empty_pb2.Empty())

    def refresh(**_: Any) -> operations_pb2.Operation:
        ended = virtual.look().done
        return operations_pb2.Operation(name="operations/1", done=ended, response=done if ended else None)

    operation = api_core.Operation(
        operations_pb2.Operation(name="operations/1"), refresh, lambda: None, empty_pb2.Empty
    )
    clock = mock.Mock(sleep=virtual.sleep, monotonic=lambda: virtual.now)
    with mock.patch.object(retry_unary, "time", clock):
        operation.result(timeout=None)


def ours(virtual: Virtual) -> None:
    """Follow as `Operation` does."""
    poller = OperationPoller(
        virtual, OperationResource("operations/1"), scheduler=virtual, clock=lambda: virtual.now
    )
    poller.follow()
    while (delay := poller.run()) is not None:
        virtual.sleep(delay)


def schedules(rounds: int) -> dict[str, dict[str, float]]:
    """Print, and return, lag and requests of both, by how the progress goes and by the duration."""
    draw = random.Random(1)  # noqa: S311 - the same operations in each run
    random.seed(1)
    results: dict[str, list[tuple[float, float, int, int]]] = defaultdict(list)
    for seconds, _ in itertools.product(SECONDS, range(rounds)):
        length = seconds * draw.uniform(0.8, 1.2)
        for name, course in courses(draw).items():
            theirs, mine = Virtual(length, course), Virtual(length, course)
            googles(theirs)
            ours(mine)
            row = (theirs.now - length, mine.now - length, theirs.looks, mine.looks)
            for key in (name, f"{seconds:,} s", "all"):
                results[key].append(row)
    titles = "".join(f"{title:>25}" for title in ("mean lag (s)", "p95 lag (s)", "requests"))
    print(f"{'':12}{titles}\n{'':12}{'    api_core   ours ratio' * 3}")
    found = {}
    for key, rows in results.items():
        theirs_lag, my_lag, theirs_sent, my_sent = zip(*rows, strict=True)
        pairs = [
            (statistics.mean(theirs_lag), statistics.mean(my_lag)),
            (statistics.quantiles(theirs_lag, n=20)[-1], statistics.quantiles(my_lag, n=20)[-1]),
            (statistics.mean(theirs_sent), statistics.mean(my_sent)),
        ]
        print(f"{key:12}" + "".join(f" {a:11.2f} {b:6.2f} {b / a:5.2f}" for a, b in pairs))
        (theirs_mean, mine_mean), _, (theirs_requests, mine_requests) = pairs
        found[key] = {
            "api_core_lag": theirs_mean,
            "lag": mine_mean,
            "lag_ratio": mine_mean / theirs_mean,
            "requests_ratio": mine_requests / theirs_requests,
        }
    return found


def serve(count: int, least: float, most: float) -> None:
    """Be a service with `count` operations that end after `least` to `most` seconds; prints its port."""
    draw, began = random.Random(2), time.monotonic()  # noqa: S311 - the same operations in each run
    ends = {f"{PARENT}/operations/{n}": draw.uniform(least, most) for n in range(count)}
    sent = [0]

    def resource(name: str) -> dict[str, Any]:
        share = min(1.0, (time.monotonic() - began) / ends[name])
        done = int(share * 1e4)
        counter = {"success": str(done), "pending": str(10_000 - done)}
        metadata = {"counter": counter} if int(name.rpartition("/")[2]) % 2 else {}
        late = time.monotonic() - began - ends[name]
        return {"name": name, "done": late >= 0.0, "metadata": metadata, "late": late}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            sent[0] += 1
            url = urlsplit(self.path)
            names, answer = list(ends), dict[str, Any]()
            if url.path.endswith("/operations"):
                query = {key: int(values[0]) for key, values in parse_qs(url.query).items()}
                start, size = query.get("pageToken", 0), min(query.get("pageSize", 100), 500)
                answer = {"operations": [resource(name) for name in names[start : start + size]]}
                answer |= {"nextPageToken": str(start + size)} if start + size < count else {}
            elif url.path.endswith("/sent"):
                answer = {"name": "sent", "metadata": {"sent": sent[0]}}
            else:
                answer = resource(url.path.removeprefix("/v1/"))
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        print(server.server_port, flush=True)
        server.serve_forever()


def many(count: int, least: float, most: float, seconds: float | None) -> dict[str, float]:
    """Follow `count` operations of one dataset, to their end or for so many seconds."""
    command = [sys.executable, __file__, "--serve", str(count), str(least), str(most)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as service:  # noqa: S603 - this file
        assert service.stdout is not None  # noqa: S101 - for the type checker
        with lro.Client(f"http://127.0.0.1:{int(service.stdout.readline())}") as client:
            operations = list(client.list(PARENT, page_size=500))
            me = psutil.Process()
            memory, began, worked = me.memory_info().rss, time.monotonic(), time.process_time()
            late: list[float] = []
            for operation in operations:
                operation.add_done_callback(lambda op: late.append(op.resource.unknown["late"]))
            lro.wait(operations, timeout=seconds)
            wall, work = time.monotonic() - began, time.process_time() - worked
            sent = client.session.call("GET", "sent", role="read")["metadata"]["sent"]
            grown = (me.memory_info().rss - memory) / 1e6
            lag = f", mean lag {statistics.mean(late):.2f} s" if late else ""
            print(f"{count:,} operations: {sent / count:.2f} requests each{lag}")
            print(f"  {100 * work / wall:.1f} % of one core, {grown:+.0f} MB")
        service.terminate()
    draw = random.Random(2)  # noqa: S311 - the same operations
    lengths = [draw.uniform(least, most) for _ in range(count)]
    theirs = [Virtual(length, lambda _: None) for length in lengths[:200]]
    for virtual in theirs:
        googles(virtual)
    api_core_lag = statistics.mean(virtual.now - virtual.seconds for virtual in theirs)
    looks = statistics.mean(virtual.looks for virtual in theirs)
    print(
        f"  google-api-core on the same durations: {looks:.2f} requests each, mean lag {api_core_lag:.2f} s"
    )
    found = {"requests": sent / count, "core_percent": 100 * work / wall, "memory_mb": grown}
    if late:
        found["lag"] = statistics.mean(late)
    return found | {
        "api_core_requests": looks,
        "api_core_lag": api_core_lag,
        "requests_ratio": sent / count / looks,
    }


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]))
    else:
        alone = schedules(rounds=10)
        thousand = many(1_000, 5.0, 15.0, None)
        record(
            "polling",
            {"alone": alone, "thousand": thousand, "ten_thousand": many(10_000, 60.0, 3600.0, 12.0)},
        )
