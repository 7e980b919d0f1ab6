"""Jobs that are no ``google.longrunning.Operation``: what their words say, and where they are read."""

from __future__ import annotations

import random
from typing import Any

import pytest
from job_bodies import (
    BATCH,
    BIGQUERY,
    BUILD,
    COMPUTE,
    DATAFLOW,
    DATAPROC,
    DLP,
    EARTH,
    GEMINI,
    GKE,
    PIPELINE,
    PL,
    RUN,
    SQL,
    VERTEX,
)

from lro_notebook.operations.adapters import job_kinds, jobs
from lro_notebook.operations.progress import Progress

Json = dict[str, Any]


@pytest.mark.parametrize(
    ("data", "title", "name", "path"),
    [
        (COMPUTE, "Compute Engine", "projects/p/zones/z/operations/operation-1", "compute/v1/{}"),
        (SQL, "Cloud SQL", "projects/p/operations/u-1", "sql/v1beta4/{}"),
        (GKE, "GKE", "projects/1/zones/z/operations/operation-9", "v1/{}"),
        (BIGQUERY, "BigQuery", "projects/p/jobs/j", "bigquery/v2/{}"),
        (DATAFLOW, "Dataflow", f"{PL}/jobs/x", "v1b3/{}"),
        (DATAPROC, "Dataproc", "", "v1/{}"),
        (BATCH, "Dataproc batch", f"{PL}/batches/b", "v1/{}"),
        (DLP, "DLP", f"{PL}/dlpJobs/i-1", "v2/{}"),
        (VERTEX, "Vertex AI", f"{PL}/customJobs/1", "v1/{}"),
        (PIPELINE, "Vertex AI", f"{PL}/pipelineJobs/1", "v1/{}"),
        (BUILD, "Cloud Build", "projects/p/builds/b", "v1/{}"),
        (RUN, "Cloud Run", f"{PL}/jobs/j/executions/e", "v2/{}"),
        (EARTH, "Earth Engine", "projects/p/operations/ABC", "v1/{}"),
        (GEMINI, "Gemini", "batches/b1", "v1beta/{}"),
    ],
)
def test_a_job_is_told_by_its_shape_and_has_a_path(data: Json, title: str, name: str, path: str) -> None:
    assert jobs.is_job(data)
    assert jobs.outcome_in(data) in ("running", "pending")
    kind = job_kinds.kind_of(data)
    assert (title in kind.title, kind.name(data)) == (True, name)
    if name:
        assert job_kinds.path_of(kind, name, data) == path.format(name)


@pytest.mark.parametrize(
    ("data", "fields", "outcome", "code", "message"),
    [
        (COMPUTE, {"status": "DONE"}, "succeeded", "", ""),
        (
            COMPUTE,
            {"status": "DONE", "error": {"errors": [{"code": "QUOTA_EXCEEDED", "message": "CPUS"}]}},
            "failed",
            "RESOURCE_EXHAUSTED",
            "CPUS",
        ),
        (
            COMPUTE,
            {
                "status": "DONE",
                "httpErrorStatusCode": 404,
                "error": {"errors": [{"code": "X", "message": "no image"}]},
            },
            "failed",
            "NOT_FOUND",
            "no image",
        ),
        (
            SQL,
            {"status": "DONE", "error": {"errors": [{"code": "CANCELED", "message": "m"}]}},
            "cancelled",
            "CANCELLED",
            "m",
        ),
        (
            GKE,
            {"status": "DONE", "error": {"code": 8, "message": "no ip"}},
            "failed",
            "RESOURCE_EXHAUSTED",
            "no ip",
        ),
        (BIGQUERY, {"status": {"state": "DONE"}}, "succeeded", "", ""),
        (
            BIGQUERY,
            {"status": {"state": "DONE", "errors": [{"reason": "invalid", "message": "one bad row"}]}},
            "succeeded",
            "",
            "",
        ),
        (
            BIGQUERY,
            {"status": {"state": "DONE", "errorResult": {"reason": "accessDenied", "message": "no"}}},
            "failed",
            "PERMISSION_DENIED",
            "no",
        ),
        (
            BIGQUERY,
            {"status": {"state": "DONE", "errorResult": {"reason": "stopped", "message": "by you"}}},
            "cancelled",
            "CANCELLED",
            "by you",
        ),
        (DATAFLOW, {"currentState": "JOB_STATE_DRAINED"}, "succeeded", "", ""),
        (DATAFLOW, {"currentState": "JOB_STATE_FAILED"}, "failed", "UNKNOWN", "FAILED"),
        (
            DATAPROC,
            {"status": {"state": "ERROR", "details": "exit 1"}, "done": True},
            "failed",
            "UNKNOWN",
            "exit 1",
        ),
        (BATCH, {"state": "CANCELLED"}, "cancelled", "CANCELLED", "CANCELLED"),
        (
            DLP,
            {"state": "FAILED", "errors": [{"details": {"code": 7, "message": "denied"}}]},
            "failed",
            "UNKNOWN",
            "denied",
        ),
        (
            VERTEX,
            {"state": "JOB_STATE_FAILED", "error": {"code": 3, "message": "image"}},
            "failed",
            "INVALID_ARGUMENT",
            "image",
        ),
        (VERTEX, {"state": "JOB_STATE_PARTIALLY_SUCCEEDED"}, "succeeded", "", ""),
        (BUILD, {"status": "TIMEOUT", "statusDetail": "slow"}, "failed", "DEADLINE_EXCEEDED", "slow"),
        (BUILD, {"status": "EXPIRED"}, "failed", "DEADLINE_EXCEEDED", "EXPIRED"),
        (
            RUN,
            {"conditions": [{"type": "Completed", "state": "CONDITION_FAILED", "message": "OOM"}]},
            "failed",
            "UNKNOWN",
            "OOM",
        ),
        (RUN, {"conditions": [{"type": "Completed", "status": "True"}]}, "succeeded", "", ""),
        (
            EARTH,
            {"state": "FAILED", "error_message": "Too many pixels"},
            "failed",
            "UNKNOWN",
            "Too many pixels",
        ),
    ],
)
def test_how_a_job_ended_and_why(data: Json, fields: Json, outcome: str, code: str, message: str) -> None:
    ended = {**data, **fields}
    assert jobs.outcome_in(ended) == outcome
    resource = jobs.resource_of(ended, "name")
    assert resource.done
    assert (resource.error is None) == (outcome == "succeeded")
    if resource.error is not None:
        assert resource.error.name == code
        assert message in resource.error.message
    else:
        assert resource.response == ended


def test_times_and_progress_are_found() -> None:
    read = {key: Progress.from_resource(jobs.resource_of(data, "n")) for key, data in _ALL.items()}
    assert read["COMPUTE"].fraction == 0.4
    assert (read["DLP"].completed, read["DLP"].total) == (50, 200)
    assert (read["PIPELINE"].completed, read["PIPELINE"].total) == (1, 2)
    assert (read["BUILD"].completed, read["BUILD"].total) == (1, 2)
    assert (read["RUN"].completed, read["RUN"].total) == (4, 10)
    created = read["BIGQUERY"].created
    assert created is not None
    assert created.isoformat() == "2026-03-04T09:00:00+00:00"


_ALL = {
    "COMPUTE": COMPUTE,
    "DLP": DLP,
    "PIPELINE": PIPELINE,
    "BUILD": BUILD,
    "RUN": RUN,
    "BIGQUERY": BIGQUERY,
}


@pytest.mark.parametrize(
    "data",
    [
        {"name": "operations/1"},
        {"name": "operations/1", "done": True},
        {"name": "operations/1", "metadata": {"state": "RUNNING"}},
        {"name": "operations/1", "done": True, "response": {"state": "ACTIVE"}},
        {"done": True},
        {},
    ],
)
def test_an_operation_is_no_job(data: Json) -> None:
    assert not jobs.is_job(data)


def test_names_tell_the_kind_and_other_names_do_not() -> None:
    told = [
        job_kinds.kind_named(name)
        for name in (f"{PL}/dlpJobs/i-1", "batches/b", "projects/p/jobs/j", "projects/p")
    ]
    assert [kind.host if kind else None for kind in told] == ["dlp", "generativelanguage", "bigquery", None]


def test_no_body_raises() -> None:
    draw = random.Random(7)  # noqa: S311 - bodies, no secrets
    keys = [
        *(
            [
                "status",
                "state",
                "currentState",
                "error",
                "errors",
                "conditions",
                "done",
                "kind",
                "name",
                "selfLink",
                "statistics",
            ]
        ),
        7,
        None,
    ]
    values: list[Any] = [
        "DONE",
        "RUNNING",
        "x",
        7,
        None,
        True,
        [],
        {},
        [{}],
        {"state": "DONE"},
        {"errors": [7]},
        10**400,
    ]
    for _ in range(5_000):
        data: dict[Any, Any] = {draw.choice(keys): draw.choice(values) for _ in range(draw.randint(0, 6))}
        job_kinds.kind_of(data).name(data)
        if jobs.is_job(data):
            Progress.from_resource(jobs.resource_of(data, "n"))
