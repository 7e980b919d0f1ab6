"""What an operation does and to what, by the names that it carries."""

from __future__ import annotations

from typing import Any

import pytest
from fakes import operation
from handles import handle

from lro_notebook import OperationResource
from lro_notebook.jupyter.card_model import title_of
from lro_notebook.operations.verb_and_target import method_of, target_in

L, T = "projects/p/locations/l", "type.googleapis.com/google."


def resource(
    metadata: dict[str, Any], name: str = f"{L}/operations/1", response: Any = None
) -> OperationResource:
    return OperationResource(name=name, metadata=metadata, response=response, done=response is not None)


@pytest.mark.parametrize(
    ("metadata", "types", "method"),
    [
        (
            {"apiMethodName": "google.cloud.healthcare.v1.fhir.FhirStoreService.ImportResources"},
            (),
            "ImportResources",
        ),
        ({"method": "google.cloud.speech.v2.Speech.BatchRecognize"}, (), "BatchRecognize"),
        ({"verb": "create", "@type": T + "cloud.redis.v1.OperationMetadata"}, (), "create"),
        ({"operationType": "EXPORT_ENTITIES"}, (), "ExportEntities"),
        ({"common": {"operationType": "EXPORT_ENTITIES"}}, (), "ExportEntities"),
        (
            {"type": "CREATE_FUNCTION", "@type": T + "cloud.functions.v1.OperationMetadataV1"},
            (),
            "CreateFunction",
        ),
        ({"type": "prod"}, (), ""),
        ({"method": "POST"}, (), ""),
        ({"operationType": "TYPE_UNSPECIFIED"}, (), ""),
        (
            {"operationType": "CREATE", "@type": T + "cloud.dataproc.v1.ClusterOperationMetadata"},
            (),
            "CreateCluster",
        ),
        ({"operationType": "CREATE", "@type": T + "x.v1.CreateClusterMetadata"}, (), "CreateCluster"),
        ({"@type": T + "cloud.documentai.v1.BatchProcessMetadata"}, (), "BatchProcess"),
        ({"@type": T + "cloud.asset.v1.ExportAssetsRequest"}, (), "ExportAssets"),
        ({"@type": T + "cloud.videointelligence.v1.AnnotateVideoProgress"}, (), "AnnotateVideo"),
        ({"@type": T + "cloud.aiplatform.v1.CreateDatasetOperationMetadata"}, (), "CreateDataset"),
        ({"@type": T + "cloud.speech.v1.LongRunningRecognizeMetadata"}, (), "LongRunningRecognize"),
        ({"@type": T + "storagetransfer.v1.TransferOperation"}, (), "Transfer"),
        ({}, ("OperationMetadata", "AsyncBatchAnnotateFilesResponse"), "AsyncBatchAnnotateFiles"),
        ({}, ("ImportMetadata", "ImportProductsResponse"), "ImportProducts"),
        ({}, ("CreateDatabaseMetadata", "Database"), "CreateDatabase"),
        ({}, ("OperationMetadata", "Instance"), ""),
        ({"@type": T + "cloud.automl.v1.OperationMetadata", "importDataDetails": {}}, (), "ImportData"),
        ({"@type": T + "x.v1.OperationMetadata", "batchRecognizeRequest": {"x": 1}}, (), "BatchRecognize"),
        ({"request": {"@type": T + "x.v1.ExportAssetsRequest"}}, (), "ExportAssets"),
        ({"verb": "x" * 81}, (), ""),
        ({"verb": "a\nb"}, (), ""),
        ({"verb": 7, "@type": 8, "method": {}}, (), ""),
        ({}, (), ""),
    ],
)
def test_the_method(metadata: dict[str, Any], types: tuple[str, ...], method: str) -> None:
    assert method_of(resource(metadata), types) == method


def test_the_type_of_a_response_tells_the_method_too() -> None:
    ended = resource({}, response={"@type": T + "cloud.vision.v1.AsyncBatchAnnotateImagesResponse"})
    assert method_of(ended) == "AsyncBatchAnnotateImages"
    assert method_of(resource({}, response={"@type": T + "cloud.redis.v1.Instance"})) == ""


@pytest.mark.parametrize(
    ("name", "metadata", "target"),
    [
        ("operations/1", {"target": f"{L}/instances/i"}, f"{L}/instances/i"),
        ("operations/1", {"resource": f"{L}/environments/e"}, f"{L}/environments/e"),
        ("operations/1", {"commonMetadata": {"resource": f"{L}/processors/x"}}, f"{L}/processors/x"),
        (
            f"{L}/operations/1",
            {"database": "projects/p/instances/i/databases/d"},
            "projects/p/instances/i/databases/d",
        ),
        (
            f"{L}/operations/1",
            {"name": "projects/p/instances/i/backups/b"},
            "projects/p/instances/i/backups/b",
        ),
        (f"{L}/operations/1", {"name": f"{L}/operations/1"}, L),
        (
            f"{L}/operations/1",
            {"workerPool": f"{L}/workerPools/w", "serviceAccount": "projects/p/x/y"},
            f"{L}/workerPools/w",
        ),
        (f"{L}/operations/1", {"notificationPubsubTopic": "projects/p/topics/t"}, L),
        ("projects/p/regions/r/operations/1", {"clusterName": "c"}, "projects/p/regions/r/clusters/c"),
        ("operations/build/p/abc", {"build": {"name": f"{L}/builds/1"}}, f"{L}/builds/1"),
        (
            "operations/projects/p/instances/i/locations/l/operations/1",
            {"originalRequest": {"parent": "projects/p/instances/i", "tableId": "t"}},
            "projects/p/instances/i/tables/t",
        ),
        (
            "operations/projects/p/instances/i/clusters/c/locations/l/operations/1",
            {},
            "projects/p/instances/i/clusters/c",
        ),
        ("projects/p/operations/ExportAssets/RESOURCE/abc", {}, "projects/p"),
        ("transferOperations/transferJobs-1-2", {"transferJobName": "transferJobs/1"}, "transferJobs/1"),
        ("123", {"uri": "gs://in/talk.flac"}, "gs://in/talk.flac"),
        ("operations/1", {"target": 7, "resource": "", "database": {}, "name": "x" * 2_000}, ""),
        ("operations/1", {"contentType": "text/csv"}, ""),
    ],
)
def test_the_target(name: str, metadata: dict[str, Any], target: str) -> None:
    assert target_in(resource(metadata, name)) == target


def test_a_handle_tells_them_and_a_verb_alone_takes_the_kind_of_its_target() -> None:
    op = handle(operation(metadata={"verb": "create", "target": f"{L}/instances/i"}))
    assert (op.method, op.target) == ("create", f"{L}/instances/i")
    assert title_of(op.method, op.target) == "Create instance"
    assert title_of("ExportAssets", "projects/p") == "Export assets"
