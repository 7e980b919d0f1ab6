"""Metadata as Google's APIs write it, by the shape of its fields, and the progress that it tells."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from lro_notebook import Progress

TIME = "2026-03-04T09:00:00Z"
Metadata = dict[str, Any]


def read(metadata: Metadata) -> Progress:
    return Progress.from_metadata(metadata)


@pytest.mark.parametrize(
    "fields",
    [
        {"progressPercent": 45},
        {"progressPercentage": 45.0},
        {"percentComplete": "45"},
        {"completionPercentage": "45%"},
        {"percent": 45},
        {"progress": 45},
        {"progress": "45 %"},
        {"progress": {"progressPercent": 45, "startTime": TIME}},
        {"batchRecognizeMetadata": {"transcriptionMetadata": {"gs://b/a.wav": {"progressPercent": 45}}}},
        {"annotationProgress": [{"progressPercent": 60}, {"progressPercent": 75}, {"inputUri": "gs://b/c"}]},
        {"progress": [{"progressPercent": 90}, {}], "statements": ["a", "b"]},
    ],
)
def test_percentages_alone_nested_and_in_lists(fields: Metadata) -> None:
    progress = read(fields)
    assert progress.fraction == pytest.approx(0.45)
    assert (progress.completed, progress.total) == (None, None)


@pytest.mark.parametrize(
    ("fields", "fraction"),
    [
        ({"progressPercent": 0.5}, 0.005),
        ({"progressPercent": 1}, 0.01),
        ({"progressPercent": 0}, 0.0),
        ({"progressPercent": 120}, 1.0),
        ({"progressPercent": -1}, None),
        ({"progressPercent": "unknown"}, None),
        ({"trafficPercent": 30}, None),
        ({"cpuPercent": 30}, None),
        ({"request": {"progressPercent": 30}}, None),
        ({"progress": "Copying files"}, None),
        ({"progress": True}, None),
    ],
)
def test_percentages_that_are_odd_or_none(fields: Metadata, fraction: float | None) -> None:
    assert read(fields).fraction == fraction


@pytest.mark.parametrize(
    ("fields", "counts"),
    [
        ({"completedWork": "25", "estimatedWork": "100"}, (25, 100, None)),
        ({"progressPercentage": {"completedWork": "25", "estimatedWork": "100"}}, (25, 100, None)),
        ({"progressEntities": {"workCompleted": "25", "workEstimated": "100"}}, (25, 100, None)),
        (
            {"tables": {"projects/p/t": {"estimatedSizeBytes": "80", "estimatedCopiedBytes": "20"}}},
            (20, 80, None),
        ),
        (
            {
                "tables": {
                    "t-1": {"estimatedSizeBytes": "80", "estimatedCopiedBytes": "20"},
                    "t-2": {"estimatedSizeBytes": "20"},
                }
            },
            (20, 100, None),
        ),
        (
            {
                "progressBytes": {"completedWork": "9", "estimatedWork": "10"},
                "progressDocuments": {"completedWork": "1", "estimatedWork": "10"},
            },
            (1, 10, None),
        ),
        (
            {"stages": [{"completeWorkUnits": 3.0, "totalWorkUnits": 4.0}, {"totalWorkUnits": 4.0}]},
            (3, 8, None),
        ),
        ({"totalCount": 10, "successCount": 4, "failureCount": 1, "state": "PROCESSING"}, (5, 10, 1)),
        ({"totalCharacters": "90", "translatedCharacters": "30", "failedCharacters": "3"}, (33, 90, 3)),
        (
            {"totalPages": "8", "translatedPages": "2", "totalBillablePages": "8", "state": "RUNNING"},
            (2, 8, None),
        ),
        (
            {"totalRequestedAnalysesCount": 8, "completedAnalysesCount": 2, "failedAnalysesCount": 1},
            (3, 8, 1),
        ),
        ({"progress": {"totalVersionCount": "5", "completedVersionCount": "2"}}, (2, 5, None)),
        (
            {"counters": {"totalObjectCount": "9", "succeededObjectCount": "3", "failedObjectCount": "1"}},
            (4, 9, 1),
        ),
        ({"validUrisCount": 10, "pendingCount": 4, "successCount": 5}, (6, 10, None)),
        ({"totalCount": "10", "pendingCount": "4"}, (6, 10, None)),
        ({"foundCount": "10", "scannedCount": "7", "pendingCount": "3"}, (7, 10, None)),
        ({"counter": {"pending": "5", "success": "4", "failure": "1", "secondarySuccess": "99"}}, (5, 10, 1)),
        ({"counter": {"pending": "5"}}, (0, 5, 0)),
        ({"totalCount": "10"}, (0, 10, None)),
        ({"completedWork": "30", "estimatedWork": "20"}, (30, 20, None)),
    ],
)
def test_counts_with_a_total(fields: Metadata, counts: tuple[int, int, int | None]) -> None:
    progress = read(fields)
    assert (progress.completed, progress.total, progress.failed) == counts
    assert progress.fraction == min(1.0, counts[0] / counts[1])


@pytest.mark.parametrize(
    ("fields", "completed", "failed"),
    [
        ({"successCount": "40", "failureCount": "2"}, 42, 2),
        ({"successCount": "40", "failureCount": "2", "ignoredCount": "3"}, 45, 2),
        ({"importedEntityCount": "7", "importedFeatureValueCount": "70", "invalidRowCount": "1"}, 7, None),
        ({"ingestConversationsStats": {"processedObjectCount": 9, "failedIngestCount": 2}}, 9, 2),
        ({"counter": {"success": "40"}}, 40, 0),
        ({"completedWork": "7", "estimatedWork": "0"}, 7, None),
        ({"contentValidationStats": [{"validRecordCount": 5}], "dataBytesCount": "9"}, None, None),
        ({"nodeCount": 3, "instance": {"processingUnits": 100}}, None, None),
    ],
)
def test_counts_without_a_total_give_no_fraction(
    fields: Metadata, completed: int | None, failed: int | None
) -> None:
    progress = read(fields)
    assert (progress.fraction, progress.total) == (None, None)
    assert (progress.completed, progress.failed) == (completed, failed)


@pytest.mark.parametrize(
    ("fields", "counts"),
    [
        (
            {"stages": [{"name": "A", "state": "COMPLETE"}, {"name": "B", "state": "IN_PROGRESS"}]},
            (1, 2, 0),
        ),
        ({"progress": {"stages": [{"state": "SUCCEEDED"}, {"state": "FAILED"}]}}, (2, 2, 1)),
        (
            {"build": {"steps": [{"status": "SUCCESS"}, {"status": "QUEUED"}, {"status": "WORKING"}]}},
            (1, 3, 0),
        ),
        ({"stages": [{"name": "A"}]}, None),
        ({"steps": ["a", "b"]}, None),
        ({"steps": []}, None),
    ],
)
def test_steps_with_states(fields: Metadata, counts: tuple[int, int, int] | None) -> None:
    progress = read(fields)
    found = (progress.completed, progress.total, progress.failed) if progress.total else None
    assert found == counts


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"statusMessage": "  copying  ", "state": "RUNNING"}, "copying"),
        ({"statusDetail": "building"}, "building"),
        ({"progressMessage": "3 of 4 tables"}, "3 of 4 tables"),
        ({"progress": "Copying files"}, "Copying files"),
        ({"genericMetadata": {"stateMessage": "waiting for quota"}}, "waiting for quota"),
        ({"status": {"state": "RUNNING", "details": "adding nodes"}}, "adding nodes"),
        ({"deploymentStage": "STARTING_DEPLOYMENT"}, "Starting deployment"),
        ({"state": "STATE_UNSPECIFIED"}, None),
        ({"state": "STATE_RUNNING"}, "Running"),
        ({"commonMetadata": {"state": "RUNNING"}}, "Running"),
        ({"statusMessage": "", "state": "DONE"}, "Done"),
        ({"status": {"state": "RUNNING"}}, "Running"),
        ({"verb": "create", "target": "projects/p"}, None),
    ],
)
def test_the_status_is_the_most_human_text(fields: Metadata, text: str | None) -> None:
    assert read(fields).status == text


@pytest.mark.parametrize(
    ("fields", "created", "ended"),
    [
        ({"createTime": TIME, "endTime": TIME}, True, True),
        ({"creationTime": TIME, "completeTime": TIME}, True, True),
        ({"insertTime": TIME, "doneTime": TIME}, True, True),
        ({"submitTime": TIME}, True, False),
        ({"requestTime": TIME, "finishTime": TIME}, True, True),
        ({"genericMetadata": {"createTime": TIME, "updateTime": TIME}}, True, False),
        ({"startTime": TIME, "endTime": TIME}, False, True),
        ({"backup": {"createTime": TIME, "endTime": TIME}}, False, False),
        ({"progress": {"startTime": TIME, "endTime": TIME}}, True, True),
        ({"progress": [{"startTime": TIME, "endTime": TIME}, {"startTime": TIME}]}, True, False),
        ({"annotationProgress": [{"startTime": TIME}]}, True, False),
        ({"common": {"startTime": TIME, "endTime": TIME}}, True, True),
        ({"build": {"createTime": TIME, "finishTime": TIME}}, True, True),
        ({"createTime": TIME, "completionTime": TIME}, True, True),
        ({"status": {"state": "RUNNING", "stateStartTime": TIME}}, True, False),
        ({"statusHistory": [{"stateStartTime": TIME}], "status": {"state": "DONE"}}, True, False),
        ({"status": {"state": "DONE", "stateStartTime": TIME}}, True, True),
        ({"createTime": "yesterday"}, False, False),
        ({"createTime": "2026-03-04T10:00:00.123456789+01:00"}, True, False),
    ],
)
def test_times_are_those_of_the_operation_itself(fields: Metadata, created: bool, ended: bool) -> None:  # noqa: FBT001 - expectations
    progress = read(fields)
    assert (progress.created is not None, progress.ended is not None) == (created, ended)


def test_the_better_name_of_a_time_wins_wherever_it_is() -> None:
    progress = read({"requestTime": "2026-01-01T00:00:00Z", "common": {"createTime": TIME}})
    assert progress.created == datetime(2026, 3, 4, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    "fields",
    [
        {"requestedCancellation": True},
        {"cancelRequested": True},
        {"genericMetadata": {"cancellationRequested": True}},
        {"cancelled": True},
        {"cancelTime": TIME},
        {"state": "CANCELLING"},
        {"commonMetadata": {"state": "CANCELLED"}},
        {"status": {"state": "CANCELED"}},
    ],
)
def test_a_cancellation_is_seen(fields: Metadata) -> None:
    assert read(fields).cancel_requested


@pytest.mark.parametrize(
    "fields", [{"cancelRequested": False}, {"cancelTime": ""}, {"state": "RUNNING"}, {"cancelled": "no"}]
)
def test_no_cancellation_is_invented(fields: Metadata) -> None:
    assert not read(fields).cancel_requested


ANY = "type.googleapis.com/google."


@pytest.mark.parametrize(
    ("metadata", "field", "value"),
    [
        ({"@type": ANY + "earthengine.v1.OperationMetadata", "progress": 0.5}, "fraction", 0.5),
        ({"progress": 0.25, "destinationUris": []}, "fraction", 0.25),
        (
            {"@type": ANY + "cloud.discoveryengine.v1.ImportDocumentsMetadata", "totalCount": "9"},
            "total",
            None,
        ),
        (
            {"@type": ANY + "cloud.discoveryengine.v1.ImportDocumentsMetadata", "totalCount": "9"},
            "completed",
            9,
        ),
        ({"successCount": "7", "failureCount": "2", "totalCount": "9"}, "fraction", None),
        (
            {"@type": ANY + "cloud.speech.v1.LongRunningRecognizeMetadata", "startTime": TIME},
            "created",
            datetime(2026, 3, 4, 9, tzinfo=UTC),
        ),
        (
            {"startTime": TIME, "lastUpdateTime": TIME, "progressPercent": 3},
            "created",
            datetime(2026, 3, 4, 9, tzinfo=UTC),
        ),
        ({"@type": ANY + "firestore.admin.v1.IndexOperationMetadata", "startTime": TIME}, "created", None),
    ],
)
def test_the_few_kinds_whose_names_mean_something_else(metadata: Metadata, field: str, value: object) -> None:
    assert getattr(read(metadata), field) == value


def test_deep_and_wide_metadata_is_read_in_bounded_time() -> None:
    deep: Metadata = {}
    for _ in range(10_000):
        deep = {"progress": deep}
    assert read(deep) == Progress()
    assert read({f"field{number}": {"x": number} for number in range(10_000)}) == Progress()
