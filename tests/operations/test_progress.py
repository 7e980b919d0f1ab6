from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lro_notebook import OperationResource, Progress
from lro_notebook.operations.eta import Sample, Samples
from lro_notebook.operations.progress import state_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
KEYS = st.sampled_from(
    ["counter", "pending", "success", "failure", "createTime", "endTime", "cancelRequested"]
)


def test_a_counter_with_pending_gives_a_fraction() -> None:
    progress = Progress.from_metadata({"counter": {"pending": "750", "success": "240", "failure": "10"}})
    assert (progress.completed, progress.total, progress.failed) == (250, 1000, 10)
    assert progress.fraction == 0.25


def test_a_counter_without_pending_has_no_total_and_no_fraction() -> None:
    progress = Progress.from_metadata({"counter": {"success": "240"}})
    assert (progress.completed, progress.total, progress.fraction, progress.failed) == (240, None, None, 0)


def test_a_counter_that_has_only_begun_is_at_zero() -> None:
    assert Progress.from_metadata({"counter": {"pending": "9"}}).fraction == 0.0


def test_secondary_counters_count_other_units_and_are_not_added() -> None:
    assert Progress.from_metadata({"counter": {"success": "2", "secondarySuccess": "5"}}).completed == 2


def test_no_counter_means_unknown() -> None:
    assert Progress.from_metadata({"counter": {}}) == Progress()
    assert Progress.from_metadata(None) == Progress()


def test_times_and_cancellation_are_read() -> None:
    progress = Progress.from_metadata(
        {"createTime": "2026-03-04T09:00:00Z", "endTime": "2026-03-04T10:00:00Z", "cancelRequested": True}
    )
    assert progress.created == datetime(2026, 3, 4, 9, tzinfo=UTC)
    assert progress.ended == datetime(2026, 3, 4, 10, tzinfo=UTC)
    assert progress.cancel_requested


@given(JSON | st.dictionaries(KEYS | st.text(max_size=5), JSON, max_size=5))
def test_no_metadata_raises(metadata: object) -> None:
    progress = Progress.from_metadata(metadata)  # type: ignore[arg-type]  # nonsense is the point
    assert progress.fraction is None or 0.0 <= progress.fraction <= 1.0


def test_an_operation_that_succeeded_has_done_all_that_there_was() -> None:
    data = {"name": "operations/1", "done": True, "metadata": {"counter": {"success": "7", "failure": "1"}}}
    progress = Progress.from_resource(OperationResource.from_dict(data))
    assert (progress.completed, progress.total, progress.failed, progress.fraction) == (8, 8, 1, 1.0)


def test_an_operation_that_failed_keeps_its_total_unknown() -> None:
    data = {
        "name": "operations/1",
        "done": True,
        "error": {"code": 10},
        "metadata": {"counter": {"success": "7"}},
    }
    assert Progress.from_resource(OperationResource.from_dict(data)).fraction is None


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, "PENDING"),
        ({"metadata": {"createTime": "2026-03-04T09:00:00Z"}}, "RUNNING"),
        ({"metadata": {"cancelRequested": True}}, "CANCELLING"),
        ({"done": True}, "SUCCEEDED"),
        ({"done": True, "response": {}}, "SUCCEEDED"),
        ({"done": True, "error": {"code": 1}}, "CANCELLED"),
        ({"done": True, "error": {"code": 10}}, "FAILED"),
    ],
)
def test_states(fields: dict[str, object], state: str) -> None:
    assert state_of(OperationResource.from_dict({"name": "operations/1", **fields})) == state


def test_samples_stay_bounded_and_keep_the_first_and_the_last() -> None:
    samples = Samples(limit=10)
    for number in range(1000):
        samples.add(Sample(datetime.now(UTC), "RUNNING", number, None, 0, None))
    kept = [sample.completed for sample in samples]
    assert len(samples) <= 10
    assert kept[0] == 0
    assert kept[-1] == 999
    assert kept == sorted(kept, key=lambda value: value or 0)


def test_samples_can_be_read_while_one_is_added() -> None:
    read: list[tuple[int, float | None]] = []

    class Late(Sample):
        """A sample whose count is known late: another thread reads what there is meanwhile."""

        def __getattribute__(self, name: str) -> Any:
            if name == "completed":
                read.append((len(list(samples)), samples.rate()))
            return super().__getattribute__(name)

    samples, began = Samples(limit=10), datetime(2026, 3, 4, tzinfo=UTC)
    for second in range(4):
        samples.add(Late(began + timedelta(seconds=second), "RUNNING", 10 * second, None, 0, None))
    assert read == [(0, None), (1, None), (2, None), (3, 10.0)]
    reader = iter(samples)
    for second in range(4, 11):  # the last one has every second one dropped
        samples.add(Sample(began + timedelta(seconds=second), "RUNNING", 10 * second, None, 0, None))
    assert len(samples) == 6
    assert [sample.completed for sample in reader] == [0, 10, 20, 30]


@pytest.mark.parametrize(
    ("metadata", "status"),
    [
        ({"state": "OPERATION_STATE_IN_PROGRESS"}, "In progress"),
        ({"state": "STATE_UNSPECIFIED"}, None),
        ({"state": "RUNNING", "stateMessage": "Copying", "statusMessage": "x"}, "Copying"),
        ({"state": "RUNNING", "statusDetail": "Half of it"}, "Half of it"),
        ({"commonMetadata": {"state": "RUNNING", "stateMessage": "Reading"}}, "Reading"),
        ({"deploymentStage": "PREPARING_MODEL"}, "Preparing model"),
        ({"status": {"state": "RUNNING", "details": "Waiting for nodes"}}, "Waiting for nodes"),
        ({"progressMessage": " "}, None),
        ({"statusMessage": "STATUS_UNSPECIFIED"}, None),
    ],
)
def test_the_status_is_the_most_telling_text(metadata: dict[str, object], status: str | None) -> None:
    assert Progress.from_metadata(metadata).status == status


@pytest.mark.parametrize(
    "metadata",
    [
        {"requestedCancellation": True},
        {"genericMetadata": {"cancelRequested": True}},
        {"cancelTime": "2026-03-04T09:00:00Z"},
        {"state": "CANCELLING"},
        {"operationState": "OPERATION_STATE_CANCELLED"},
    ],
)
def test_a_cancellation_is_seen_in_each_of_its_forms(metadata: dict[str, object]) -> None:
    assert Progress.from_metadata(metadata).cancel_requested


@pytest.mark.parametrize("metadata", [{"cancelTime": ""}, {"cancelled": False}, {"certState": "ACTIVE"}])
def test_what_is_no_cancellation_is_none(metadata: dict[str, object]) -> None:
    assert not Progress.from_metadata(metadata).cancel_requested


def test_the_times_are_those_of_the_operation_itself() -> None:
    at, later = "2026-03-04T09:00:00Z", "2026-03-04T10:00:00.123456789+01:00"
    nested = {"backup": {"createTime": at, "endTime": at}, "stages": [{"endTime": at}], "startTime": at}
    assert Progress.from_metadata(nested) == Progress()
    assert Progress.from_metadata({"genericMetadata": {"createTime": at}}).created == datetime(
        2026, 3, 4, 9, tzinfo=UTC
    )
    both = Progress.from_metadata(
        {"requestTime": at, "createTime": later, "doneTime": "yesterday", "finishTime": at}
    )
    assert both.created == datetime(2026, 3, 4, 9, 0, 0, 123456, tzinfo=UTC)
    assert both.ended == datetime(2026, 3, 4, 9, tzinfo=UTC)
    speech = {
        "@type": "type.googleapis.com/google.cloud.speech.v1.LongRunningRecognizeMetadata",
        "startTime": at,
    }
    assert Progress.from_metadata(speech).created == datetime(2026, 3, 4, 9, tzinfo=UTC)


def rate(*points: tuple[float, int | None]) -> float | None:
    began, samples = datetime(2026, 3, 4, tzinfo=UTC), Samples()
    for at, done in points:
        samples.add(Sample(began + timedelta(seconds=at), "RUNNING", done, None, 0, None))
    return samples.rate()


def test_a_rate_needs_three_samples_and_movement() -> None:
    assert rate((0, 0), (1, 10)) is None
    assert rate((0, 5), (1, 5), (2, 5)) is None
    assert rate((0, None), (1, 0), (2, 10), (3, 20)) == pytest.approx(10)


def test_a_rate_is_that_of_the_last_half_minute() -> None:
    assert rate((0, 0), (100, 10_000), (110, 10_010), (120, 10_020)) == pytest.approx(1)


def test_a_burst_does_not_move_the_rate() -> None:
    steady = [(float(second), 10 * second) for second in range(20)]
    burst = [(at, done + (5_000 if at >= 19 else 0)) for at, done in steady]
    assert rate(*steady) == pytest.approx(10)
    assert rate(*burst) == pytest.approx(10)


@pytest.mark.parametrize(("number", "kept"), [(-1, None), (-(10**30), None), (10**30, 2**63 - 1), (0, 0)])
def test_counts_that_cannot_be_do_not_stop_the_samples(number: int, kept: int | None) -> None:
    samples = Samples()
    samples.add(Sample(datetime(2026, 3, 4, tzinfo=UTC), "RUNNING", number, number, number, 0.5))
    (sample,) = samples
    assert (sample.completed, sample.total, sample.failed) == (kept, kept, kept)
