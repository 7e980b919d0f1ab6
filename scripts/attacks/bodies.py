"""Metadata and jobs as no service would write them, read by the readers themselves; each attack ends alone.

A body held if it was read without an error, and what it gave is a progress that can be: a fraction from 0 to
1, counts that are not negative.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lro_notebook.errors import ConfigError
from lro_notebook.operations.adapters import job_kinds, jobs
from lro_notebook.operations.progress import Progress
from lro_notebook.operations.resource import OperationResource
from lro_notebook.operations.verb_and_target import method_of, target_in

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

_WORDS = (
    *(
        "progressPercent",
        "completedWork",
        "estimatedWork",
        "counter",
        "success",
        "failure",
        "pending",
        "stages",
    ),
    *(
        "state",
        "status",
        "common",
        "genericMetadata",
        "createTime",
        "progress",
        "totalCount",
        "tables",
        "@type",
    ),
    *("statusHistory", "steps", "individualStatuses", "objectsFoundFromSource", "taskCount", "currentStep"),
    *("name", "target", "verb", "request", "selfLink", "kind", "error", "errors", "conditions", "statistics"),
    *("jobReference", "currentState", "operationType", "done", "metadata", "response", "build", "message"),
)
_KEYS: tuple[Any, ...] = (
    7,
    None,
    True,
    2.5,
    (1, 2),
    b"x",
    10**5000,
    frozenset(),
    float("nan"),
    "x" * 500,
    "",
)
_VALUES: tuple[Any, ...] = (
    *(0, 1, -1, "5", "45%", "DONE", "JOB_STATE_RUNNING", "x", None, True, 1e308, float("inf"), float("nan")),
    *(10**5000, "9" * 5000, b"y", "2026-03-04T09:00:00Z", "0001-01-01T00:00:00+23:59", (1,), object()),
    *("projects/p/locations/l/operations/1", "https://x/projects/" + "/" * 500, "bigquery#job", "\ud800"),
)


def _body(draw: random.Random, depth: int) -> Any:
    if depth == 0 or draw.random() < 0.4:  # noqa: PLR2004 - as many leaves
        return draw.choice(_VALUES)
    if draw.random() < 0.3:  # noqa: PLR2004 - as many lists
        return [_body(draw, depth - 1) for _ in range(draw.randint(0, 4))]
    names = (_WORDS, _KEYS)
    return {
        draw.choice(names[draw.random() < 0.25]): _body(draw, depth - 1)  # noqa: PLR2004 - as many odd ones
        for _ in range(draw.randint(0, 7))
    }


def _object(draw: random.Random) -> dict[Any, Any]:
    body = _body(draw, 4)
    return body if isinstance(body, dict) else {draw.choice(_WORDS): body}


def _can_be(progress: Progress) -> bool:
    counts = (progress.completed, progress.total, progress.failed)
    fraction = progress.fraction
    return (fraction is None or 0.0 <= fraction <= 1.0) and all(each is None or each >= 0 for each in counts)


def _metadata(draw: random.Random) -> bool:
    resource = OperationResource(name="operations/1", metadata=_object(draw), response=_object(draw))
    words = method_of(resource), target_in(resource)
    return _can_be(Progress.from_resource(resource)) and all(isinstance(word, str) for word in words)


def _job(draw: random.Random) -> bool:
    data = {**_object(draw), "status": draw.choice(_VALUES)}
    kind = job_kinds.kind_of(data)
    job_kinds.path_of(kind, kind.name(data), data)
    try:
        resource = jobs.resource_of(data, "name") if jobs.is_job(data) else OperationResource.from_dict(data)
    except ConfigError:
        return True
    return _can_be(Progress.from_resource(resource))


def _tried(one: Callable[[random.Random], bool], times: int) -> Callable[[random.Random], tuple[int, int]]:
    def run(draw: random.Random) -> tuple[int, int]:
        held = 0
        for _ in range(times):
            try:
                held += one(draw)
            except Exception:  # noqa: BLE001, S112 - this is what did not hold
                continue
        return times, held

    return run


ATTACKS: list[tuple[str, Callable[[random.Random], tuple[int, int]]]] = [
    ("metadata with keys, values and depths that no service writes", _tried(_metadata, 10_000)),
    ("jobs of other kinds with states, errors and links that no service writes", _tried(_job, 5_000)),
]
