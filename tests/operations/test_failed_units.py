"""Failed units of work, as the responses and metadata of Google's APIs tell them."""

from __future__ import annotations

import random
from typing import Any

import pytest

from lro_notebook.operations.failed_units import FailedUnit, failed_units
from lro_notebook.operations.resource import OperationResource

Json = dict[str, Any]
BAD = {"code": 3, "message": "no PDF"}

#: What an operation says -> its failed units.
TOLD: dict[str, tuple[Json, list[FailedUnit]]] = {
    "documentai": (
        {
            "response": {},
            "metadata": {
                "individualProcessStatuses": [
                    {"inputGcsSource": "gs://in/a.pdf", "status": {}, "outputGcsDestination": "gs://out/0"},
                    {"inputGcsSource": "gs://in/b.pdf", "status": BAD, "outputGcsDestination": ""},
                    {"inputGcsSource": "gs://in/c.pdf", "status": {"code": 0, "message": "ok"}},
                ]
            },
        },
        [FailedUnit("gs://in/b.pdf", None, "INVALID_ARGUMENT", "no PDF")],
    ),
    "bigquery": (
        {
            "metadata": {
                "status": {
                    "state": "DONE",
                    "errorResult": {
                        "reason": "invalidQuery",
                        "location": "query",
                        "message": "no field",
                    },
                    "errors": [
                        {"reason": "invalidQuery", "location": "query", "message": "no field"},
                        {"reason": "stopped", "message": ""},
                    ],
                }
            }
        },
        [FailedUnit(None, "query", "invalidQuery", "no field"), FailedUnit(message="stopped")],
    ),
    "speech v2": (
        {"response": {"results": {"gs://in/a.wav": {"uri": "gs://out/a"}, "gs://in/b.wav": {"error": BAD}}}},
        [FailedUnit("gs://in/b.wav", None, "INVALID_ARGUMENT", "no PDF")],
    ),
    "vertex": (
        {"metadata": {"genericMetadata": {"partialFailures": [BAD, {"code": 5, "message": "gone"}]}}},
        [FailedUnit(None, None, "INVALID_ARGUMENT", "no PDF"), FailedUnit(None, None, "NOT_FOUND", "gone")],
    ),
    "retail": (
        {
            "response": {
                "errorSamples": [
                    {
                        "code": 3,
                        "message": "title is required",
                        "details": [
                            {
                                "@type": "type.googleapis.com/google.rpc.ResourceInfo",
                                "resourceName": "gs://in/p.json:3",
                            }
                        ],
                    }
                ],
                "errorsConfig": {"gcsPrefix": "gs://out/err"},
            }
        },
        [FailedUnit(None, "gs://in/p.json:3", "INVALID_ARGUMENT", "title is required")],
    ),
    "video intelligence": (
        {
            "response": {
                "annotationResults": [{"inputUri": "/in/a.mp4", "error": BAD}, {"inputUri": "/in/b.mp4"}]
            }
        },
        [FailedUnit("/in/a.mp4", None, "INVALID_ARGUMENT", "no PDF")],
    ),
    "vision": (
        {"response": {"responses": [{"error": BAD, "context": {"uri": "gs://in/a.png"}}, {"labels": []}]}},
        [FailedUnit(None, None, "INVALID_ARGUMENT", "no PDF")],
    ),
    "compute": (
        {
            "metadata": {
                "error": {"errors": [{"code": "QUOTA_EXCEEDED", "message": "no CPUs", "location": "zones/a"}]}
            }
        },
        [FailedUnit(None, "zones/a", "QUOTA_EXCEEDED", "no CPUs")],
    ),
    "units with states": (
        {
            "metadata": {
                "units": [
                    {"name": "a", "state": "DONE"},
                    {"name": "b", "state": "FAILED", "stateMessage": "x"},
                ]
            }
        },
        [FailedUnit(None, "b", None, "x")],
    ),
    "failed names": (
        {"response": {"failedDocuments": ["gs://in/a.pdf"], "failedCount": "1", "errorMessages": []}},
        [FailedUnit("gs://in/a.pdf")],
    ),
    "details of the error": (
        {
            "error": {
                "code": 3,
                "message": "bad request",
                "details": [
                    {
                        "@type": "type.googleapis.com/google.rpc.BadRequest",
                        "fieldViolations": [{"field": "uri", "description": "is empty"}],
                    }
                ],
            }
        },
        [FailedUnit(None, "uri", None, "is empty")],
    ),
    "a success": (
        {
            "metadata": {
                "status": "ok",
                "failureCount": "0",
                "errorsConfig": {"gcsPrefix": "gs://out/err"},
                "target": "projects/p",
                "statusMessage": "done",
            },
            "response": {"state": "SUCCEEDED", "name": "n", "errorConfig": {"gcsPrefix": "gs://o/"}},
        },
        [],
    ),
    "healthcare": (
        {
            "metadata": {"counter": {"success": "1", "failure": "2"}, "logsUrl": "https://console.x/"},
            "response": {},
        },
        [],
    ),
}


#: What a success may carry whose words are those of failures.
SUCCESSES: dict[str, Json] = {
    "a warning of Compute": {
        "metadata": {"warnings": [{"code": "DEPRECATED_RESOURCE_USED", "message": "old"}]}
    },
    "conditions of GKE": {"response": {"conditions": [{"code": "GKE_OLD", "message": "x"}]}},
    "a state as a code": {"metadata": {"status": {"code": "RUNNING", "message": "x"}}},
    "a code of success": {
        "response": {"results": [{"name": "a", "status": {"code": "SUCCEEDED", "message": "y"}}]}
    },
    "HTTP's code of success": {"response": {"status": {"code": 200, "message": "OK"}}},
    "a language": {"response": {"languages": [{"code": "de", "message": "Deutsch"}]}},
    "what is retried": {
        "response": {"retryPolicy": {"errors": ["UNAVAILABLE"]}, "retryableErrors": ["ABORTED"]}
    },
    "domains of failure": {"response": {"failureDomains": ["a", "b"], "failureThreshold": ["1"]}},
    "settings": {"response": {"errorReportingConfig": {"name": "x", "description": "Reports errors"}}},
    "handlers": {"response": {"errorHandler": {"code": "x", "message": "please try later"}}},
    "labels": {"response": {"labels": {"error": "x", "failureReason": "y", "errorMessage": "z"}}},
    "a schema": {"response": {"schema": {"error": {"type": "string", "description": "The message"}}}},
    "a quantity": {"response": {"metrics": {"errors": ["0.1", "0.2"]}}},
    "what was asked for": {"metadata": {"request": {"documents": [{"id": "1", "error": {"message": "x"}}]}}},
    "a step that may fail": {
        "metadata": {"build": {"steps": [{"name": "lint", "status": "FAILURE", "allowFailure": True}]}}
    },
    "an earlier attempt": {
        "response": {"recentCutoverJobs": [{"name": "c", "state": "FAILED", "error": BAD}]}
    },
    "a state of what was found": {"response": {"matrix": {"rows": [{"id": "r", "state": "FAILED"}]}}},
    "a diagnosis": {"response": {"results": [{"name": "A B", "status": "HEART_FAILURE"}]}},
    "no failure": {"response": {"failureReason": "FAILURE_REASON_UNSPECIFIED", "errorMessage": "none"}},
    "text": {"response": {"alternatives": [{"transcript": "failed", "error": "as said"}]}},
    "what breaks a rule": {"response": {"violations": [{"description": "found as asked for"}]}},
}
#: What tells of failures in other words.
FAILURES: dict[str, tuple[Json, FailedUnit]] = {
    "a node of a workflow": (
        {"metadata": {"graph": {"nodes": [{"stepId": "s", "state": "FAILED", "error": "no such jar"}]}}},
        FailedUnit(None, "s", None, "no such jar"),
    ),
    "HTTP's code": (
        {"response": {"results": [{"id": "a", "status": {"code": 404, "message": "gone"}}]}},
        FailedUnit(None, "a", "NOT_FOUND", "gone"),
    ),
    "a word as a code": (
        {"metadata": {"errors": [{"code": "STOCKOUT", "message": "none left"}]}},
        FailedUnit(None, None, "STOCKOUT", "none left"),
    ),
    "results with states": (
        {"response": {"results": [{"name": "b", "state": "FAILED"}]}},
        FailedUnit(None, "b", None, None),
    ),
    "a status without a name for it": (
        {"response": {"items": [{"id": "a", "outcome": BAD}]}},
        FailedUnit(None, "a", "INVALID_ARGUMENT", "no PDF"),
    ),
}


@pytest.mark.parametrize("case", SUCCESSES)
def test_a_success_is_not_reported_as_a_failure(case: str) -> None:
    resource = OperationResource.from_dict(
        {"name": "operations/1", "done": True, "response": {}, **SUCCESSES[case]}
    )
    assert failed_units(resource) == []


@pytest.mark.parametrize("case", FAILURES)
def test_failures_are_found_in_other_words(case: str) -> None:
    told, right = FAILURES[case]
    resource = OperationResource.from_dict({"name": "operations/1", "done": True, "response": {}, **told})
    assert failed_units(resource) == [right]


@pytest.mark.parametrize("case", TOLD)
def test_failed_units_are_found_under_any_name(case: str) -> None:
    told, right = TOLD[case]
    resource = OperationResource.from_dict({"name": "operations/1", "done": True, **told})
    assert failed_units(resource) == right


def test_no_random_value_raises() -> None:
    rng = random.Random(11)  # noqa: S311 - repeatable

    def some(depth: int) -> Any:
        kind = rng.randrange(5 if depth else 3)
        if kind == 0:
            return rng.choice(["FAILED", "gs://a/b", "", "x", "\ud800"])
        if kind == 1:
            return rng.choice([None, True, 1.5, 3, 10**30, "3"])
        if kind == 2:
            return {}
        if kind == 3:
            return [some(depth - 1) for _ in range(rng.randrange(4))]
        keys = [
            "error",
            "status",
            "code",
            "message",
            "details",
            7,
            None,
            "inputUri",
            "state",
            "name",
            "failures",
        ]
        return {rng.choice(keys): some(depth - 1) for _ in range(rng.randrange(5))}

    for _ in range(3_000):
        response = some(5)
        told = {
            "name": "operations/1",
            "done": True,
            "response": response if isinstance(response, dict) else {},
        }
        failed_units(OperationResource.from_dict(told))


def test_a_very_deep_value_is_looked_through() -> None:
    value: Json = {"error": BAD}
    for _ in range(5_000):
        value = {"a": value}
    told = {"name": "operations/1", "done": True, "response": value}
    assert len(failed_units(OperationResource.from_dict(told))) == 1
