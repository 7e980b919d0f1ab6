"""Rows of the APIs that run, build and catalogue things."""

from __future__ import annotations

from google_rows.row import T0, T1, T2, Row, Step, of

_CLUSTER = {
    "@type": "type.googleapis.com/google.cloud.dataproc.v1.ClusterOperationMetadata",
    "clusterName": "c",
    "clusterUuid": "7d8a",
    "operationType": "CREATE",
    "description": "Create cluster with 2 workers",
}
_PENDING = {"state": "PENDING", "innerState": "PENDING", "stateStartTime": T0}
_RUNNING = {"state": "RUNNING", "innerState": "RUNNING", "stateStartTime": T1}
_DONE = {"state": "DONE", "innerState": "DONE", "stateStartTime": T2}
_BUILD = {
    "id": "b-1",
    "name": "projects/p/locations/global/builds/b-1",
    "projectId": "p",
    "createTime": T0,
    "startTime": T1,
}
_BUILDING = "google.devtools.cloudbuild.v1.BuildOperationMetadata"
_FUNCTION = {
    "@type": "type.googleapis.com/google.cloud.functions.v2.OperationMetadata",
    "createTime": T0,
    "target": "projects/p/locations/us-central1/functions/f",
    "verb": "create",
    "apiVersion": "v2",
    "operationType": "CREATE_FUNCTION",
}
_BATCH = {
    "@type": "type.googleapis.com/google.cloud.batch.v1.OperationMetadata",
    "createTime": T0,
    "target": "projects/p/locations/us-central1/jobs/j",
    "verb": "delete",
    "apiVersion": "v1",
}
_EXECUTION = {
    "@type": "type.googleapis.com/google.cloud.run.v2.Execution",
    "name": "projects/p/locations/us-central1/jobs/j/executions/j-x7",
    "job": "projects/p/locations/us-central1/jobs/j",
    "createTime": T0,
    "taskCount": 10,
    "parallelism": 4,
}
_WORKFLOW = {
    "@type": "type.googleapis.com/google.cloud.workflows.v1.OperationMetadata",
    "createTime": T0,
    "target": "projects/p/locations/us-central1/workflows/w",
    "verb": "create",
    "apiVersion": "v1",
}
_LOGS = "google.logging.v2.CopyLogEntriesMetadata"
_ASSETS = {
    "@type": "type.googleapis.com/google.cloud.asset.v1.ExportAssetsRequest",
    "parent": "projects/p",
    "contentType": "RESOURCE",
    "outputConfig": {"gcsDestination": {"uri": "gs://out/assets"}},
}
_PRODUCTS = "google.cloud.retail.v2.ImportMetadata"
_DOCUMENTS = "google.cloud.discoveryengine.v1.ImportDocumentsMetadata"
_BRANCH = "projects/p/locations/global/collections/default_collection/dataStores/s/branches/0"

ROWS = (
    Row(
        "google-cloud-dataproc",
        "google.cloud.dataproc_v1",
        "ClusterControllerClient",
        "create_cluster",
        {"project_id": "p", "region": "us-central1", "cluster": {"cluster_name": "c"}},
        "projects/p/regions/us-central1/operations/0f8f-44",
        (
            Step({**_CLUSTER, "status": _PENDING}),
            Step({**_CLUSTER, "status": _RUNNING, "statusHistory": [_PENDING]}),
            Step({**_CLUSTER, "status": _DONE, "statusHistory": [_PENDING, _RUNNING]}),
        ),
        "Create cluster",
        "projects/p/regions/us-central1/clusters/c",
        created=T0,
        ended=T2,
        response=of("google.cloud.dataproc.v1.Cluster", projectId="p", clusterName="c"),
    ),
    Row(
        "google-cloud-build",
        "google.cloud.devtools.cloudbuild_v1",
        "CloudBuildClient",
        "create_build",
        {"project_id": "p", "build": {"steps": [{"name": "gcr.io/cloud-builders/docker"}]}},
        "operations/build/p/NWZmZDkz",
        (
            Step(of(_BUILDING, build={**_BUILD, "status": "QUEUED"})),
            Step(
                of(
                    _BUILDING,
                    build={
                        **_BUILD,
                        "status": "WORKING",
                        "steps": [
                            {"name": "gcr.io/cloud-builders/docker", "status": status}
                            for status in ("SUCCESS", "WORKING", "QUEUED", "QUEUED")
                        ],
                    },
                ),
                0.25,
                (1, 4),
            ),
            Step(
                of(
                    _BUILDING,
                    build={
                        **_BUILD,
                        "status": "SUCCESS",
                        "finishTime": T2,
                        "steps": [{"name": "gcr.io/cloud-builders/docker", "status": "SUCCESS"}] * 4,
                    },
                ),
                1.0,
                (4, 4),
            ),
        ),
        "Build",
        "projects/p/locations/global/builds/b-1",
        created=T0,
        ended=T2,
        response=of("google.devtools.cloudbuild.v1.Build", id="b-1", status="SUCCESS"),
    ),
    Row(
        "google-cloud-functions",
        "google.cloud.functions_v2",
        "FunctionServiceClient",
        "create_function",
        {"parent": "projects/p/locations/us-central1", "function_id": "f"},
        "projects/p/locations/us-central1/operations/operation-1604-6",
        (
            Step(_FUNCTION),
            Step(
                {
                    **_FUNCTION,
                    "stages": [
                        {"name": "BUILD", "state": "COMPLETE", "message": "Build finished"},
                        {"name": "SERVICE", "state": "IN_PROGRESS", "message": "Creating service"},
                    ],
                },
                0.5,
                (1, 2),
            ),
            Step(
                {
                    **_FUNCTION,
                    "endTime": T2,
                    "stages": [
                        {"name": "BUILD", "state": "COMPLETE"},
                        {"name": "SERVICE", "state": "COMPLETE"},
                    ],
                },
                1.0,
                (2, 2),
            ),
        ),
        "Create function",
        "projects/p/locations/us-central1/functions/f",
        created=T0,
        ended=T2,
        response=of(
            "google.cloud.functions.v2.Function", name="projects/p/locations/us-central1/functions/f"
        ),
    ),
    Row(
        "google-cloud-batch",
        "google.cloud.batch_v1",
        "BatchServiceClient",
        "delete_job",
        {"name": "projects/p/locations/us-central1/jobs/j"},
        "projects/p/locations/us-central1/operations/operation-1604-7",
        (Step(_BATCH), Step({**_BATCH, "endTime": T2})),
        "Delete job",
        "projects/p/locations/us-central1/jobs/j",
        created=T0,
        ended=T2,
    ),
    Row(
        "google-cloud-run",
        "google.cloud.run_v2",
        "JobsClient",
        "run_job",
        {"name": "projects/p/locations/us-central1/jobs/j"},
        "projects/p/locations/us-central1/operations/5ea6-b51",
        (
            Step({**_EXECUTION, "runningCount": 4}, 0.0, (0, 10)),
            Step(
                {**_EXECUTION, "startTime": T1, "runningCount": 4, "succeededCount": 5, "failedCount": 1},
                0.6,
                (6, 10),
            ),
            Step({**_EXECUTION, "succeededCount": 9, "failedCount": 1, "completionTime": T2}, 1.0, (10, 10)),
        ),
        "Execution",
        "projects/p/locations/us-central1/jobs/j/executions/j-x7",
        created=T0,
        ended=T2,
        failed=1,
        response=of("google.cloud.run.v2.Execution", job="projects/p/locations/us-central1/jobs/j"),
    ),
    Row(
        "google-cloud-workflows",
        "google.cloud.workflows_v1",
        "WorkflowsClient",
        "create_workflow",
        {"parent": "projects/p/locations/us-central1", "workflow_id": "w"},
        "projects/p/locations/us-central1/operations/operation-1604-8",
        (Step(_WORKFLOW), Step({**_WORKFLOW, "endTime": T2})),
        "Create workflow",
        "projects/p/locations/us-central1/workflows/w",
        created=T0,
        ended=T2,
        response=of("google.cloud.workflows.v1.Workflow"),
    ),
    Row(
        "google-cloud-logging",
        "google.cloud.logging_v2.services.config_service_v2",
        "ConfigServiceV2Client",
        "copy_log_entries",
        {"name": "projects/p/locations/global/buckets/b", "destination": "storage.googleapis.com/out"},
        "projects/p/locations/global/operations/1234",
        (
            Step(of(_LOGS, startTime=T0, state="OPERATION_STATE_RUNNING", progress=40), 0.4),
            Step(of(_LOGS, startTime=T0, endTime=T2, state="OPERATION_STATE_SUCCEEDED", progress=100), 1.0),
        ),
        "Copy log entries",
        "projects/p/locations/global",
        created=T0,
        ended=T2,
        response=of("google.logging.v2.CopyLogEntriesResponse", logEntriesCopiedCount="7"),
        over=("grpc", "grpc_asyncio"),
    ),
    Row(
        "google-cloud-asset",
        "google.cloud.asset_v1",
        "AssetServiceClient",
        "export_assets",
        {"parent": "projects/p", "output_config": {"gcs_destination": {"uri": "gs://out/assets"}}},
        "projects/p/operations/ExportAssets/RESOURCE/1234567890abcdef",
        (Step(_ASSETS),),
        "Export assets",
        "projects/p",
        response=of("google.cloud.asset.v1.ExportAssetsResponse", readTime=T1),
        cancels=("grpc", "grpc_asyncio"),
    ),
    Row(
        "google-cloud-retail",
        "google.cloud.retail_v2",
        "ProductServiceClient",
        "import_products",
        {"parent": "projects/p/locations/global/catalogs/default_catalog/branches/0"},
        "projects/p/locations/global/catalogs/default_catalog/branches/0/operations/import-products-1",
        (
            Step(of(_PRODUCTS, createTime=T0, updateTime=T0)),
            Step(of(_PRODUCTS, createTime=T0, successCount="380", failureCount="20"), None, (400, None)),
        ),
        "Import products",
        "projects/p/locations/global/catalogs/default_catalog/branches/0",
        created=T0,
        failed=20,
        response=of("google.cloud.retail.v2.ImportProductsResponse"),
    ),
    Row(
        "google-cloud-discoveryengine",
        "google.cloud.discoveryengine_v1",
        "DocumentServiceClient",
        "import_documents",
        {"parent": _BRANCH},
        f"{_BRANCH}/operations/import-documents-1",
        (
            Step(of(_DOCUMENTS, createTime=T0, updateTime=T0)),
            Step(
                of(_DOCUMENTS, createTime=T0, successCount="95", failureCount="5", totalCount="100"),
                None,
                (100, None),
            ),
        ),
        "Import documents",
        _BRANCH,
        created=T0,
        failed=5,
        response=of("google.cloud.discoveryengine.v1.ImportDocumentsResponse"),
    ),
)
