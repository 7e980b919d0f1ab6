"""Kinds of metadata whose progress was once read wrongly, and keys and values that no API has."""

from __future__ import annotations

import random
from typing import Any

import pytest

from lro_notebook import Progress
from lro_notebook.operations.states import outcome_of, outcome_of_step

TIME = "2026-03-04T09:00:00Z"
Metadata = dict[str, Any]


def told(metadata: Metadata) -> tuple[int | None, int | None, int | None, float | None]:
    progress = Progress.from_metadata(metadata)
    return progress.completed, progress.total, progress.failed, progress.fraction


TRANSFER = {
    "objectsFoundFromSource": "200",
    "bytesFoundFromSource": "90000",
    "objectsFoundOnlyFromSink": "7",
    "objectsFromSourceSkippedBySync": "20",
    "bytesFromSourceSkippedBySync": "700",
    "objectsCopiedToSink": "150",
    "bytesCopiedToSink": "70000",
    "objectsDeletedFromSource": "3",
    "objectsFromSourceFailed": "10",
    "bytesFromSourceFailed": "12",
    "directoriesFoundFromSource": "5",
    "directoriesFailedToListFromSource": "1",
    "intermediateObjectsCleanedUp": "4",
}


def test_the_counters_of_storage_transfer() -> None:
    counted = {"counters": TRANSFER, "status": "IN_PROGRESS", "startTime": TIME}
    assert told(counted) == (180, 200, 10, 0.9)
    assert Progress.from_metadata(counted).status == "In progress"


def test_bytes_are_counted_where_nothing_else_is_and_never_with_other_units() -> None:
    in_bytes = {"bytesFoundFromSource": "1000", "bytesCopiedToSink": "250", "bytesFromSourceFailed": "50"}
    assert told({"counters": in_bytes}) == (300, 1000, 50, 0.3)
    assert told({"counters": {**in_bytes, "objectsFoundFromSource": "8"}}) == (0, 8, None, 0.0)
    assert told({"result": {"processedBytes": "5"}, "bytesCopied": "7"}) == (None, None, None, None)
    assert told({"stats": {"processedBytes": "5", "totalEstimatedBytes": "20"}}) == (5, 20, None, 0.25)


ONE, BAD = {"inputGcsSource": "gs://b/1", "status": {}}, {"status": {"code": 3, "message": "no PDF"}}


@pytest.mark.parametrize("name", ["individualImportStatuses", "individualBatchDeleteStatuses"])
def test_a_total_beside_the_statuses_of_single_items(name: str) -> None:
    assert told({"totalDocumentCount": 4, name: [ONE, BAD, ONE]}) == (3, 4, 1, 0.75)
    assert told({"totalDocumentCount": 4, name: [ONE, {"inputGcsSource": "gs://b/2"}]}) == (1, 4, 0, 0.25)
    assert told({"totalDocumentCount": 4}) == (None, None, None, None)
    assert told({"totalDocumentCount": 4, "errorDocumentCount": 1, name: [ONE, BAD]}) == (2, 4, 1, 0.5)


def test_statuses_of_single_items_without_a_total() -> None:
    assert told({"individualProcessStatuses": [ONE, BAD]}) == (2, None, 1, None)
    assert told({"individualProcessStatuses": [{"inputGcsSource": "gs://b/2"}]}) == (None,) * 4
    assert told({"errors": [BAD], "testErrors": [BAD]}) == (None,) * 4


@pytest.mark.parametrize(
    ("metadata", "counts"),
    [
        ({"steps": ["DONE", "IN_PROGRESS", "NOT_STARTED"]}, (1, 3, 0)),
        ({"stages": ["STAGE_COMPLETE", "STAGE_FAILED"]}, (2, 2, 1)),
        ({"currentStep": 2, "totalSteps": 5}, (1, 5, None)),
        ({"completedSteps": 2, "totalSteps": 5}, (2, 5, None)),
        ({"units": [{"unit": "a", "state": "SUCCEEDED"}, {"unit": "b", "state": "RUNNING"}]}, (1, 2, 0)),
        (
            {
                "provisionDeploymentGroupMetadata": {
                    "step": "PROVISIONING_DEPLOYMENT_UNITS",
                    "deploymentUnitProgresses": [
                        {"unitId": "a", "state": "SUCCEEDED"},
                        {"unitId": "b", "state": "APPLYING_DEPLOYMENT"},
                        {"unitId": "c", "state": "ABORTED"},
                        {"unitId": "d", "state": "QUEUED"},
                    ],
                }
            },
            (2, 4, 1),
        ),
        ({"phases": [{"state": "IMPORT_DONE"}, {"state": "IMPORT_NOT_DONE"}]}, (1, 2, 0)),
        (
            {"status": {"taskGroups": {"g": {"counts": {"SUCCEEDED": "3", "FAILED": "1", "RUNNING": "4"}}}}},
            (4, 8, 1),
        ),
    ],
)
def test_steps_as_enums_as_numbers_as_units_and_counted_by_state(
    metadata: Metadata, counts: tuple[int, int, int | None]
) -> None:
    assert told(metadata) == (*counts, counts[0] / counts[1])


def test_a_step_told_as_an_enum_is_its_status() -> None:
    assert Progress.from_metadata({"migrationStep": "COPY_AND_VERIFY"}).status == "Copy and verify"
    assert Progress.from_metadata({"step": "RUNNING_TF_PLAN", "state": "ACTIVE"}).status == "Active"


@pytest.mark.parametrize("broken", ["x", "-5", None, True, 1.5, [], {"a": 1}])
def test_a_broken_pair_beside_a_good_one_is_left_out(broken: object) -> None:
    good = {"completedWork": "40", "estimatedWork": "100"}
    for bad in (
        {"completedWork": broken, "estimatedWork": "100"},
        {"completedWork": "3", "estimatedWork": broken},
    ):
        if isinstance(broken, (list, dict)) or broken is None:
            bad.pop("completedWork" if bad["completedWork"] is broken else "estimatedWork")
            bad.pop("estimatedWork", None)
        assert told({"progressDocuments": bad, "progressBytes": good}) == (40, 100, None, 0.4)
        assert told({"progressEntities": bad, "progressDocuments": good}) == (40, 100, None, 0.4)
    assert (
        told({"completedWork": "3", "estimatedWork": "x", "workCompleted": "1", "workEstimated": "4"})[3]
        == 0.25
    )
    assert told({"progressPercent": "soon", "percentComplete": 40})[3] == 0.4
    assert told({"totalCount": "9", "successCount": "many"}) == (None,) * 4


def test_the_counts_of_cloud_run_and_of_predictions() -> None:
    run = {"taskCount": 10, "runningCount": 4, "succeededCount": 4, "failedCount": 1, "cancelledCount": 1}
    assert told(run) == (6, 10, 1, 0.6)
    assert told({"taskCount": 10}) == (0, 10, None, 0.0)
    stats = {"successfulCount": "6", "failedCount": "1", "incompleteCount": "3"}
    assert told({"completionStats": stats}) == (7, 10, 1, 0.7)


@pytest.mark.parametrize(
    ("word", "outcome"),
    [
        ("JOB_STATE_SUCCEEDED", "succeeded"),
        ("DONE", "succeeded"),
        ("STATE_UNSPECIFIED", ""),
        ("SETUP_DONE", "running"),
        ("ATTEMPT_FAILURE", "running"),
        ("PREVIEW_FAILED", ""),
        ("CANCEL_PENDING", "cancelling"),
        ("done", ""),
        (7, ""),
        (None, ""),
    ],
)
def test_what_a_state_says(word: object, outcome: str) -> None:
    assert outcome_of(word) == outcome


def test_a_step_may_have_a_word_before_its_state() -> None:
    assert [outcome_of_step(word) for word in ("PREVIEW_FAILED", "IMPORT_NOT_DONE", "X_Y")] == [
        "failed",
        "",
        "",
    ]


_WORDS = tuple(
    word
    for line in (
        "progressPercent completedWork estimatedWork counter success failure pending stages",
        "state status common",
        "genericMetadata createTime progress totalCount tables @type cancelled metadata startTime",
        "message steps",
        "individualStatuses objectsFoundFromSource taskCount bytesCopiedToSink currentStep",
        "statusHistory build",
    )
    for word in line.split()
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
    *(0, 1, -1, "5", "45%", "DONE", "RUNNING", "x", None, True, 1e308, float("inf"), float("nan"), 10**5000),
    *("9" * 5000, b"y", TIME, "STATE_X", (1,), frozenset(), object(), "0001-01-01T00:00:00+23:59"),
)


def _body(draw: random.Random, depth: int) -> Any:
    if depth == 0 or draw.random() < 0.4:
        return draw.choice(_VALUES)
    if draw.random() < 0.35:
        return [_body(draw, depth - 1) for _ in range(draw.randint(0, 4))]
    return {
        draw.choice(_WORDS if draw.random() < 0.7 else _KEYS): _body(draw, depth - 1)
        for _ in range(draw.randint(0, 6))
    }


def test_no_body_raises_whatever_its_keys_and_values_are() -> None:
    draw = random.Random(20261129)  # noqa: S311 - bodies, no secrets
    for _ in range(20_000):
        body = _body(draw, 4)
        progress = Progress.from_metadata(body)
        assert progress.fraction is None or 0.0 <= progress.fraction <= 1.0
        assert progress.completed is None or progress.completed >= 0
