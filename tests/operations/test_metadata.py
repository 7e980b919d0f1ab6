"""Each reader alone: what the shape of a field tells."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lro_notebook.operations.field_names import ByNames, role_of
from lro_notebook.operations.metadata import NOTHING, Counts, count, of_many, of_values, percent, ratio, read
from lro_notebook.operations.progress import Progress
from lro_notebook.operations.states import state_word


@pytest.mark.parametrize(
    ("key", "role"),
    [
        ("progressPercent", "percent"),
        ("progress_percentage", "percent"),
        ("percentComplete", "percent"),
        ("percentDone", "percent"),
        ("silencePercentage", ""),
        ("trafficPercent", ""),
        ("estimatedCompletionRatio", "ratio"),
        ("workEstimated", "work total"),
        ("completedWork", "work"),
        ("totalVersionCount", "total"),
        ("totalRequestedAnalysesCount", "total"),
        ("totalFilesWritten", ""),
        ("totalBytesFound", ""),
        ("totalTokenCount", ""),
        ("targetVmCount", "total"),
        ("resourcesFound", "found"),
        ("resourcesPending", "pending"),
        ("resourcesScanned", "processed"),
        ("processedObjectCount", "processed"),
        ("failedIngestCount", "failed"),
        ("failureCount", "failed"),
        ("partialFailures", ""),
        ("successfulIngestCount", "success"),
        ("completedAnalysesCount", "done"),
        ("importedEntityCount", "moved"),
        ("duplicatesSkippedCount", "skipped"),
        ("secondarySuccess", ""),
        ("createTime", ""),
    ],
)
def test_the_name_of_a_field_tells_its_role(key: str, role: str) -> None:
    assert role_of(key) == role


@pytest.mark.parametrize(
    ("value", "fraction"),
    [
        (0.5, 0.005),
        (45, 0.45),
        ("45", 0.45),
        ("45%", 0.45),
        (" 45.5 % ", 0.455),
        (0, 0.0),
        (140, 1.0),
        (10**400, 1.0),
    ],
)
def test_percentages_count_to_a_hundred_whatever_their_type(value: object, fraction: float) -> None:
    assert percent(value) == pytest.approx(fraction)


@pytest.mark.parametrize("value", [None, True, -1, "", "half", float("nan"), "nan", [], {}])
def test_what_is_no_percentage_is_unknown(value: object) -> None:
    assert percent(value) is None


def test_a_ratio_is_a_fraction_already() -> None:
    assert [ratio(value) for value in (0.5, 1, 3, -1, float("nan"), "0.5", True)] == [
        0.5,
        1.0,
        1.0,
        *[None] * 4,
    ]


def test_counts_are_int64_as_json_carries_them() -> None:
    assert [count(value) for value in ("7", 7, 7.0, -1, 7.5, "x", True, 2**63)] == [7, 7, 7, *[None] * 5]


@pytest.mark.parametrize(
    ("values", "counts"),
    [
        ({"work": "25", "work total": "100"}, Counts(25, 100, None, 0.25)),
        ({"work total": "100"}, Counts(0, 100, None, 0.0)),
        ({"work": "5", "work total": "0"}, Counts(5)),
        ({"work": "5"}, Counts(5)),
        ({"work": 130, "work total": 100}, Counts(130, 100, None, 1.0)),
        ({"total": 10, "success": 3, "failed": 1}, Counts(4, 10, 1, 0.4)),
        ({"total": 10, "success": 3, "failed": 1, "skipped": 2}, Counts(6, 10, 1, 0.6)),
        ({"total": 10}, Counts(0, 10, None, 0.0)),
        ({"total": 10, "pending": 4}, Counts(6, 10, None, 0.6)),
        ({"found": 10, "processed": 3, "pending": 7}, Counts(3, 10, None, 0.3)),
        ({"valid": 10, "pending": 3, "success": 6}, Counts(7, 10, None, 0.7)),
        ({"valid": 10}, NOTHING),
        ({"pending": 6, "success": 2}, Counts(2, 8, None, 0.25)),
        ({"success": 5, "failed": 1}, Counts(6, None, 1)),
        ({"processed": 9, "success": 7, "failed": 1}, Counts(9, None, 1)),
        ({"percent": 40, "total": 10, "done": 3}, Counts(3, 10, None, 0.4)),
        ({"progress": "Copying files"}, NOTHING),
    ],
)
def test_a_block_tells_what_its_values_tell(values: dict[str, Any], counts: Counts) -> None:
    assert of_values(values) == counts


def test_several_percentages_give_their_mean_and_a_missing_one_is_zero() -> None:
    assert of_many(
        [{"progressPercent": 100}, {"progressPercent": 20}, {"inputUri": "x"}]
    ).fraction == pytest.approx(0.4)
    assert of_many([{"inputUri": "x"}]) == NOTHING


def test_several_pairs_and_counts_give_their_sum() -> None:
    tables = [
        {"estimatedSizeBytes": "100", "estimatedCopiedBytes": "50", "state": "COPYING"},
        {"estimatedSizeBytes": "300", "state": "PENDING"},
    ]
    assert of_many(tables) == Counts(50, 400, None, 0.125)


def test_steps_count_those_that_ended() -> None:
    steps = [
        {"state": word} for word in ("COMPLETE", "STEP_STATE_FAILED", "IN_PROGRESS", "STATE_UNSPECIFIED")
    ]
    assert of_many(steps, steps=True) == Counts(2, 4, 1, 0.5)
    assert of_many(steps) == NOTHING
    assert of_many([{"description": "x"}], steps=True) == NOTHING


def test_a_state_loses_the_name_of_its_type() -> None:
    words = [
        state_word(value)
        for value in ("OPERATION_STATE_RUNNING", "IN_PROGRESS", "STATE_UNSPECIFIED", "Busy", 7)
    ]
    assert words == ["RUNNING", "IN_PROGRESS", "", "", ""]


@pytest.mark.parametrize(
    ("metadata", "fraction"),
    [
        ({"progress": {"progressPercent": 40, "startTime": "2026-03-04T09:00:00Z"}}, 0.4),
        ({"progressPercentage": {"completedWork": "1", "estimatedWork": "4"}}, 0.25),
        (
            {
                "progressBytes": {"completedWork": "9", "estimatedWork": "10"},
                "progressDocuments": {"completedWork": "1", "estimatedWork": "10"},
            },
            0.1,
        ),
        ({"progressBytes": {"workCompleted": "9", "workEstimated": "10"}, "progressEntities": {}}, 0.9),
        ({"annotationProgress": [{"progressPercent": 10}, {"progressPercent": 30}]}, 0.2),
        ({"progress": {"totalVersionCount": 4, "completedVersionCount": 1, "failedVersionCount": 1}}, 0.5),
        ({"job": {"counters": {"totalObjectCount": "4", "succeededObjectCount": "1"}}}, 0.25),
        ({"perLocationStatus": {"zones/a": {"targetVmCount": 4, "createdVmCount": 1}}}, 0.25),
        ({"progress": {"stages": [{"state": "SUCCEEDED"}, {"state": "RUNNING"}]}}, 0.5),
        ({"progressPercentage": 40, "steps": [{"status": "DONE"}]}, 0.4),
        ({"counter": {"pending": "3", "success": "1", "secondarySuccess": "90"}}, 0.25),
        ({"statusHistory": [{"state": "DONE"}]}, None),
        ({"request": {"progressPercent": 40}, "originalRequest": {"totalCount": 5}}, None),
        ({"progressMessage": "45% of it"}, None),
        ({"@type": "type.googleapis.com/google.earthengine.v1.OperationMetadata", "progress": 0.5}, 0.5),
        ({"progress": 0.5}, 0.005),
        ({"successCount": "40", "failureCount": "2", "totalCount": "42", "updateTime": "x"}, None),
        ({"successCount": "40", "failureCount": "2", "totalCount": "84", "state": "PROCESSING"}, 0.5),
    ],
)
def test_metadata_is_read_wherever_its_progress_is(metadata: dict[str, Any], fraction: float | None) -> None:
    found = read(metadata).fraction
    assert found == (None if fraction is None else pytest.approx(fraction))


def test_a_total_that_means_processed_is_no_total() -> None:
    metadata = {
        "@type": "type.googleapis.com/google.cloud.discoveryengine.v1.ImportDocumentsMetadata",
        "totalCount": "90",
        "successCount": "40",
        "failureCount": "2",
    }
    assert read(metadata) == Counts(42, None, 2)


KEYS = (
    "progress",
    "counter",
    "progressPercent",
    "totalCount",
    "success",
    "pending",
    "steps",
    "state",
    "status",
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["9", "45%"])
)
SHAPES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=15,
)


@given(
    st.dictionaries(
        st.sampled_from((*KEYS, "common", "startTime", "cancelTime", "@type")), SHAPES, max_size=6
    )
)
def test_known_fields_with_any_values_never_raise(metadata: dict[str, Any]) -> None:
    progress = Progress.from_metadata(metadata)
    assert progress.fraction is None or 0.0 <= progress.fraction <= 1.0
    assert all(
        number is None or number >= 0 for number in (progress.completed, progress.total, progress.failed)
    )


def test_what_names_tell_is_remembered_for_blocks_as_apis_have_them() -> None:
    asked: list[tuple[object, ...]] = []

    def width(names: tuple[object, ...]) -> int:
        asked.append(names)
        return len(names)

    told = ByNames(width)
    assert [told({"a": 1, "b": 2}), told({"a": 3, "b": {}}), told({"b": 2, "a": 1})] == [2, 2, 2]
    assert asked == [("a", "b"), ("b", "a")]
    for odd in ({"x" * 81: 1}, {str(number): 1 for number in range(65)}, {1: 1}):
        asked.clear()
        assert told(odd) == told(odd) == len(odd)  # type: ignore[arg-type]  # any key is the point
        assert len(asked) == 2
    for number in range(5_000):
        told({f"field{number}": 1})
    assert len(told._known) <= 1024
