"""Small stand-ins for time and HTTP that tests script."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import httpx
from google.auth.credentials import Credentials

Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]
NAME = "projects/p/locations/l/datasets/d/operations/1"


def rounds(few: int, many: int) -> int:
    """Return how often a test repeats what it does: a few times, or many with ``make soak``."""
    return many if os.environ.get("LRO_SOAK") else few


class Clock:
    """Seconds that pass only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Scripted(httpx.MockTransport):
    """Answers requests one after the other from a list; the last answer repeats."""

    def __init__(self, *answers: Answer) -> None:
        super().__init__(self._next)
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.authorizations: list[str | None] = []  # noted at once: a signer changes the same request later

    @property
    def sent(self) -> list[str]:
        return [f"{request.method} {request.url.path}" for request in self.requests]

    def _next(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.authorizations.append(request.headers.get("Authorization"))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx.Response):
            return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)
        return answer(request)


class Renewable(Credentials):
    """Credentials whose tokens are t1, t2, ..."""

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # google-auth annotates only a part of itself
        self.refreshed = 0
        self.error = error

    def refresh(self, _request: Any) -> None:
        if self.error is not None:
            raise self.error
        self.refreshed += 1
        self.token = f"t{self.refreshed}"


class ManualScheduler:
    """A scheduler whose jobs run when the test says so."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.jobs: list[tuple[float, Any]] = []

    def schedule(self, job: Any, delay: float = 0.0) -> None:
        self.forget(job)
        self.jobs.append((self.clock.now + delay, job))

    def forget(self, job: Any) -> None:
        self.jobs = [entry for entry in self.jobs if entry[1] is not job]

    def step(self) -> float | None:
        """Let the time come for the next job and run it; return the delay that it asks for."""
        self.jobs.sort(key=lambda entry: entry[0])
        due, job = self.jobs.pop(0)
        self.clock.now = max(self.clock.now, due)
        delay: float | None = job.run()
        if delay is not None:
            self.schedule(job, delay)
        return delay


def ok(data: Any, **headers: str) -> httpx.Response:
    return httpx.Response(200, content=json.dumps(data).encode(), headers=headers)


def failed(status: int, message: str = "no", name: str | None = None, **headers: str) -> httpx.Response:
    error: dict[str, Any] = {"code": status, "message": message}
    if name is not None:
        error["status"] = name
    return httpx.Response(status, content=json.dumps({"error": error}).encode(), headers=headers)


def operation(*, done: bool = False, name: str = NAME, **fields: Any) -> dict[str, Any]:
    return {"name": name, **({"done": True} if done else {}), **fields}
