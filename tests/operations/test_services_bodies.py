"""Bodies of operations and jobs of many services, as their documents show them, and what is none."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from google.protobuf import empty_pb2, struct_pb2, timestamp_pb2
from job_bodies import AT, PL

import lro_notebook as lro
from lro_notebook.operations.adapters import jobs, registry
from lro_notebook.operations.adapters.function_source import AskedSource
from lro_notebook.operations.progress import Progress, state_of
from lro_notebook.operations.resource import OperationResource
from lro_notebook.operations.verb_and_target import method_of, target_in

Json = dict[str, Any]
ROLLOUT, RUN = f"{PL}/deliveryPipelines/d/releases/r/rollouts/o", f"{PL}/workflows/w/executions/e"


pytestmark = pytest.mark.usefixtures("no_other_clients")


#: The name of a job, its word for a state, and what that means.
ENDS = [
    ("projects/p/patchJobs/1", "COMPLETED_WITH_ERRORS", "SUCCEEDED"),
    (f"{PL}/dataScans/s/jobs/j", "SUCCEEDED_WITH_ERRORS", "SUCCEEDED"),
    (ROLLOUT, "APPROVAL_REJECTED", "FAILED"),
    (ROLLOUT, "HALTED", "CANCELLED"),
    (f"{PL}/sessions/s", "TERMINATING", "CANCELLING"),
    (f"{PL}/sessions/s", "TERMINATED", "CANCELLED"),
    (f"{PL}/importJobs/i", "FAILED_VALIDATION", "FAILED"),
    (f"{PL}/sessions/s", "ACTIVE", "RUNNING"),
    (f"{PL}/sources/s/migratingVms/m/cutoverJobs/j", "ACTIVE", "RUNNING"),
    (RUN, "ACTIVE", "RUNNING"),
    (f"{PL}/diskMigrationJobs/j", "READY", "RUNNING"),
    (f"{PL}/instances/i", "CREATING", "RUNNING"),
    (f"{PL}/instances/i", "READY", "SUCCEEDED"),
    (f"{PL}/functions/f", "ACTIVE", "SUCCEEDED"),
    (f"{PL}/backups/b", "READY", "SUCCEEDED"),
]


@pytest.mark.parametrize(("name", "word", "state"), ENDS)
def test_every_job_ends_in_the_words_of_its_service(name: str, word: str, state: str) -> None:
    data = {"name": name, "state": word}
    assert jobs.is_job(data)
    resource = jobs.resource_of(data, name)
    assert state_of(resource) == state


@pytest.mark.parametrize(
    "data",
    [
        {"name": f"{PL}/instances/i", "state": "READY"},
        {"name": f"{PL}/jobs/j", "state": "ENABLED", "schedule": "* * * * *"},
        {"name": f"{PL}/releases/r", "renderState": "IN_PROGRESS"},
        {"name": "Eve Miller"},
    ],
)
def test_what_never_ends_is_refused(data: Json) -> None:
    with pytest.raises(lro.ConfigError) as caught:
        lro.watch(data)
    assert "Eve" not in str(caught.value)
    assert len(str(caught.value)) < 300


def metrics(**named: Any) -> Json:
    return {
        "progress": {
            "metrics": [
                {"name": name, "doubleValue" if isinstance(value, float) else "intValue": value}
                for name, value in named.items()
            ]
        }
    }


@pytest.mark.parametrize(
    ("metadata", "counts"),
    [
        (metrics(NODES_TOTAL="4", NODES_DONE="1"), (1, 4, 0.25)),
        (
            {
                "progress": {
                    "metrics": [
                        {"name": "nodes done", "intValue": "15"},
                        {"name": "nodes total", "intValue": 30},
                    ]
                }
            },
            (15, 30, 0.5),
        ),
        (
            metrics(CLUSTER_CONFIGURING="5", CLUSTER_CONFIGURING_TOTAL="8", CLUSTER_DEPLOYING_TOTAL="2"),
            (5, 10, 0.5),
        ),
        (metrics(progress=0.56, **{"progress scale": 1.0}), (None, None, 0.56)),
        (metrics(NODES_DONE="3"), (None, None, None)),
        ({"progress": {"metrics": {"error": "0.3", "name": 7}}}, (None, None, None)),
        (
            {"progress": {"metrics": [7, {"name": 7}, {"name": "a total", "intValue": "x"}]}},
            (None, None, None),
        ),
    ],
)
def test_metrics_by_name_are_progress(metadata: Json, counts: tuple[Any, ...]) -> None:
    progress = Progress.from_metadata(metadata)
    assert (progress.completed, progress.total, progress.fraction) == counts


def test_a_list_of_names_is_a_target() -> None:
    metadata = {"resourceNames": ["services/s.endpoints.p.cloud.goog"], "progressPercentage": 50}
    resource = OperationResource.from_dict({"name": "operations/s.1", "metadata": metadata})
    assert target_in(resource) == "services/s.endpoints.p.cloud.goog"


def test_times_of_an_invocation_are_its_own() -> None:
    progress = Progress.from_metadata(
        {"state": "SUCCEEDED", "invocationTiming": {"startTime": AT, "endTime": AT}}
    )
    assert progress.created is not None
    assert progress.created == progress.ended


@pytest.mark.parametrize("text", ['{"patient": "Eve Miller"}', " [1]", "Eve Miller " * 2_000])
def test_a_text_that_is_no_name_is_not_shown(text: str) -> None:
    with pytest.raises(lro.ConfigError) as caught:
        registry.followed(text, None)
    assert "Eve" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("client", [{}, [], 0, "", False])
def test_a_client_that_is_none_is_named(client: object) -> None:
    with pytest.raises(lro.ConfigError, match="client= is of type"):
        lro.watch(f"{PL}/operations/1", client=client)


@pytest.mark.parametrize(
    ("name", "state", "method"),
    [
        (f"{PL}/tuningJobs/1", "JOB_STATE_SUCCEEDED", "TuningJob"),
        ("batches/b", "BATCH_STATE_SUCCEEDED", "Batch"),
    ],
)
def test_a_job_that_has_ended_tells_what_it_was(name: str, state: str, method: str) -> None:
    op = lro.watch({"name": name, "state": state})
    assert (op.state, op.method) == ("SUCCEEDED", method)
    assert op.target != name


@pytest.mark.parametrize(
    "message",
    [
        struct_pb2.Struct(),
        struct_pb2.ListValue(),
        struct_pb2.Value(string_value="Eve"),
        timestamp_pb2.Timestamp(seconds=1),
        empty_pb2.Empty(),
    ],
    ids=lambda message: type(message).__name__,
)
def test_a_message_that_is_no_job_is_refused(message: Any) -> None:
    with pytest.raises(lro.ConfigError) as caught:
        registry.followed(message, None)
    assert "Eve" not in str(caught.value)


class Operations:
    """A client of a generated library that reads operations, and no jobs."""

    def get_operation(self, *, name: str) -> Any:
        raise AssertionError(name)


def test_what_a_transfer_says_of_itself_is_followed_as_the_operation() -> None:
    counters = {"objectsFoundFromSource": "10", "objectsCopiedToSink": "5"}
    data = {"name": "transferOperations/1", "status": "IN_PROGRESS", "startTime": AT, "counters": counters}
    op = registry.followed({**data, "transferJobName": "transferJobs/9"}, Operations())
    assert (op.method, op.target, op.progress.fraction) == ("Transfer", "transferJobs/9", 0.5)


def test_a_client_of_genai_reads_what_it_can_and_refuses_the_rest() -> None:
    read: list[str] = []

    class Jobs:
        def get(self, *, name: str) -> Json:
            read.append(name)
            return {"name": name, "state": "ACTIVE"}

    Client = type("Client", (), {"__module__": "google.genai.client", "files": Jobs(), "tunings": Jobs()})  # noqa: N806
    op = registry.followed({"name": "files/1", "state": "PROCESSING"}, Client())
    assert op.result(timeout=10)["state"] == "ACTIVE"
    assert read == ["files/1"]
    with pytest.raises(lro.ConfigError, match="does not read"):
        registry.followed({"name": f"{PL}/customJobs/1", "state": "JOB_STATE_RUNNING"}, Client())


@pytest.mark.parametrize(
    ("kind", "method"),
    [
        ("BatchCreateGitLabConnectedRepositoriesResponseMetadata", "BatchCreateGitLabConnectedRepositories"),
        ("GoogleCloudVideointelligenceV1p3beta1_AnnotateVideoProgress", "AnnotateVideo"),
        ("CreateMetadataStoreOperationMetadata", "CreateMetadataStore"),
    ],
)
def test_a_method_is_told_by_a_type_of_any_making(kind: str, method: str) -> None:
    metadata = {"@type": f"type.googleapis.com/google.x.v1.{kind}"}
    assert method_of(OperationResource.from_dict({"name": "operations/1", "metadata": metadata})) == method


WHY: list[tuple[Json, str, str]] = [
    (
        {"state": "FAILED", "errorStatus": {"code": 3, "message": "bad query"}},
        "INVALID_ARGUMENT",
        "bad query",
    ),
    ({"state": "FAILED", "failureReason": "no target"}, "UNKNOWN", "no target"),
    ({"state": "FAILED", "error": {"code": 0}}, "UNKNOWN", "the service says FAILED, and not why"),
]


@pytest.mark.parametrize(("data", "code", "message"), WHY)
def test_why_a_job_failed_is_told(data: Json, code: str, message: str) -> None:
    error = jobs.resource_of({"name": f"{PL}/transferConfigs/c/runs/r", **data}, "r").error
    assert error is not None
    assert (error.name, error.message) == (code, message)


@pytest.mark.parametrize("key", ["error", "errorStatus"])
def test_a_status_of_success_is_no_failure(key: str) -> None:
    resource = jobs.resource_of({"name": "r", "state": "SUCCEEDED", key: {"code": 0, "message": ""}}, "r")
    assert state_of(resource) == "SUCCEEDED"


@pytest.mark.parametrize(
    "field", ["maxFailureCount", "lastFailureCount", "allowedErrorCount", "errorThresholdCount"]
)
def test_a_bound_for_failures_counts_none(field: str) -> None:
    assert Progress.from_metadata({"successCount": "5", field: "3"}).failed is None


def test_a_job_of_any_service_is_followed_by_its_name_and_again_after_a_restart() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        state = "ACTIVE" if "/instances/" in request.url.path else "SUCCEEDED"
        return httpx.Response(200, json={"name": request.url.path.removeprefix("/v1/"), "state": state})

    for name in (ROLLOUT, f"{PL}/instances/i"):
        with lro.Client("https://api.example.com", transport=httpx.MockTransport(answer)) as client:
            first = lro.watch({"name": name, "state": "PENDING"}, client=client)
            assert first.result(timeout=10)["state"]
        with lro.Client("https://api.example.com", transport=httpx.MockTransport(answer)) as client:
            assert lro.watch(name, client=client).state == "SUCCEEDED"
    assert set(asked) == {f"/v1/{ROLLOUT}", f"/v1/{PL}/instances/i"}


def test_an_answer_that_tells_no_state_is_not_pending_for_ever() -> None:
    source = AskedSource(ROLLOUT, lambda: {"name": ROLLOUT, "renderState": "X"}, None, lane="x")
    with pytest.raises(lro.ApiError, match="neither an operation nor a job"):
        source.get()
    new = AskedSource(f"{PL}/operations/1", lambda: {"name": f"{PL}/operations/1"}, None, lane="x")
    assert not new.get().done
