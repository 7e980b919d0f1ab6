"""The output of operations and jobs that other libraries hold, or that are no google.longrunning ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from fakes import Scripted, ok
from google.api_core.operation import Operation as ApiCoreOperation
from google.longrunning import operations_pb2
from google.protobuf import any_pb2, struct_pb2
from google.rpc import status_pb2
from results.any_files import CSV, LINES, ROWS, columns, put_named

import lro_notebook as lro
from lro_notebook.errors import LroWarning, OperationFailed
from lro_notebook.operations.client import Client
from lro_notebook.operations.rest_requests import LocalService

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("no_other_clients")

TWICE = {name: values * 2 for name, values in ROWS.items()}


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[Path]:
    """Return the folder that is ``gs://b`` for the one client that is open."""
    local = LocalService(tmp_path, tmp_path / "buckets")
    with Client("http://127.0.0.1:9", transport=Scripted(ok({})), local=local):
        yield put_named(tmp_path / "buckets" / "b", {})


def packed(fields: dict[str, Any]) -> any_pb2.Any:
    message, whole = struct_pb2.Struct(), any_pb2.Any()
    message.update(fields)
    whole.Pack(message)
    return whole


def of_api_core(**fields: Any) -> ApiCoreOperation:
    message = operations_pb2.Operation(name="projects/p/operations/5", done=True, **fields)
    return ApiCoreOperation(message, lambda **_: message, lambda **_: None, struct_pb2.Struct)


def test_an_operation_of_api_core_loads_what_its_response_names(bucket: Path) -> None:
    put_named(bucket, {"out/rows_1.csv": CSV, "out/rows_2.csv": CSV})
    operation = lro.watch(of_api_core(response=packed({"outputUri": "gs://b/out"})))
    assert operation.client is None
    assert operation.outputs["where"].tolist() == ["gs://b/out"]
    assert columns(operation.load()) == {"rows": TWICE}
    assert columns(lro.read_results(operation, columns=["id"])) == {"rows": {"id": TWICE["id"]}}


def test_an_operation_of_api_core_loads_what_its_metadata_names(bucket: Path) -> None:
    put_named(bucket, {"out/5/rows.jsonl": LINES, "out/6/rows.jsonl": LINES})
    told = packed({"outputConfig": {"gcsDestination": {"outputUriPrefix": "gs://b/out"}}})
    operation = lro.watch(of_api_core(metadata=told, response=packed({})))
    assert columns(operation.load()) == {"rows": ROWS}


def test_a_failed_one_loads_what_it_left_where_asked(bucket: Path) -> None:
    put_named(bucket, {"out/rows.csv": CSV})
    fault = status_pb2.Status(code=3, message="bad row")
    operation = lro.watch(of_api_core(metadata=packed({"outputUri": "gs://b/out"}), error=fault))
    with pytest.raises(OperationFailed, match="bad row"):
        operation.load()
    with pytest.warns(LroWarning, match="ended as FAILED"):
        assert columns(operation.load(partial=True)) == {"rows": ROWS}


def test_a_response_that_names_no_place_is_the_result(bucket: Path) -> None:
    assert bucket.is_dir()
    operation = lro.watch(of_api_core(response=packed({"rows": [{"id": 1.0}, {"id": 2.0}]})))
    assert operation.load()["response"]["id"].tolist() == [1, 2]


EXTRACT = {
    "kind": "bigquery#job",
    "id": "p:US.j",
    "jobReference": {"projectId": "p", "jobId": "j", "location": "US"},
    "status": {"state": "DONE"},
    "configuration": {
        "jobType": "EXTRACT",
        "extract": {
            "sourceTable": {"projectId": "p", "datasetId": "d", "tableId": "t"},
            "destinationUris": ["gs://b/extract/t-*.csv"],
            "destinationFormat": "CSV",
        },
    },
}


def test_an_extract_of_bigquery_loads_the_files_of_its_patterns(bucket: Path) -> None:
    put_named(bucket, {f"extract/t-{number:012d}.csv": CSV for number in range(2)})
    put_named(bucket, {"extract/other.csv": CSV})
    job = lro.watch(EXTRACT)
    frame = job.outputs
    assert frame[["where", "format"]].to_numpy().tolist() == [["gs://b/extract/t-*.csv", "CSV"]]
    with pytest.warns(
        LroWarning, match="cannot be told"
    ):  # the pattern is of the request, the job has no times
        assert columns(job.load()) == {"t": TWICE}


def test_a_prediction_job_of_vertex_loads_predictions_and_errors(bucket: Path) -> None:
    names = {
        "prediction.results-00000-of-00002": LINES,
        "prediction.results-00001-of-00002": LINES,
        "prediction.errors_stats-00000-of-00001": "",
        "errors_1.jsonl": '{"error":{"code":3}}\n',
    }
    put_named(bucket / "out" / "prediction-m-2026", dict(names))
    put_named(bucket / "out" / "prediction-other", dict(names))
    job = lro.watch(
        {
            "name": "projects/p/locations/l/batchPredictionJobs/1",
            "state": "JOB_STATE_SUCCEEDED",
            "inputConfig": {"gcsSource": {"uris": ["gs://b/in"]}},
            "outputConfig": {"gcsDestination": {"outputUriPrefix": "gs://b/out"}},
            "outputInfo": {"gcsOutputDirectory": "gs://b/out/prediction-m-2026"},
        }
    )
    assert job.outputs["where"].tolist() == ["gs://b/out/prediction-m-2026"]
    results = job.load()
    assert columns(results) == {"errors": {"error.code": [3]}, "predictions": TWICE}
    assert results.skipped["reason"].tolist() == ["empty"]
