"""Rows of the APIs that keep data: databases, exports, transfers."""

from __future__ import annotations

from google_rows.row import T0, T1, T2, Row, Step, of

_BACKUP = {
    "@type": "type.googleapis.com/google.spanner.admin.database.v1.CreateBackupMetadata",
    "name": "projects/p/instances/i/backups/b",
    "database": "projects/p/instances/i/databases/d",
}
_DDL = {
    "@type": "type.googleapis.com/google.spanner.admin.database.v1.UpdateDatabaseDdlMetadata",
    "database": "projects/p/instances/i/databases/d",
    "statements": ["CREATE INDEX a ON t (a)", "CREATE INDEX b ON t (b)"],
}
_CLUSTER = {
    "@type": "type.googleapis.com/google.bigtable.admin.v2.CreateClusterMetadata",
    "requestTime": T0,
    "originalRequest": {"parent": "projects/p/instances/i", "clusterId": "c"},
}
_RESTORE = {
    "@type": "type.googleapis.com/google.bigtable.admin.v2.RestoreTableMetadata",
    "name": "projects/p/instances/i/tables/t",
    "sourceType": "BACKUP",
}
_EXPORT = {
    "@type": "type.googleapis.com/google.firestore.admin.v1.ExportDocumentsMetadata",
    "startTime": T0,
    "outputUriPrefix": "gs://out/run",
}
_ENTITIES = "google.datastore.admin.v1.ExportEntitiesMetadata"
_REDIS = {
    "@type": "type.googleapis.com/google.cloud.redis.v1.OperationMetadata",
    "createTime": T0,
    "target": "projects/p/locations/us-central1/instances/r",
    "verb": "create",
    "apiVersion": "v1",
}
_TRANSFER = {
    "@type": "type.googleapis.com/google.storagetransfer.v1.TransferOperation",
    "name": "transferOperations/transferJobs-123-456",
    "projectId": "p",
    "transferJobName": "transferJobs/123",
    "startTime": T0,
}

ROWS = (
    Row(
        "google-cloud-spanner",
        "google.cloud.spanner_admin_database_v1",
        "DatabaseAdminClient",
        "create_backup",
        {"parent": "projects/p/instances/i", "backup_id": "b"},
        "projects/p/instances/i/backups/b/operations/_auto_op_1",
        (
            Step({**_BACKUP, "progress": {"startTime": T0}}),
            Step({**_BACKUP, "progress": {"progressPercent": 35, "startTime": T0}}, 0.35),
            Step({**_BACKUP, "progress": {"progressPercent": 100, "startTime": T0, "endTime": T2}}, 1.0),
        ),
        "Create backup",
        "projects/p/instances/i/databases/d",
        created=T0,
        ended=T2,
        response=of("google.spanner.admin.database.v1.Backup", name="projects/p/instances/i/backups/b"),
    ),
    Row(
        "google-cloud-spanner",
        "google.cloud.spanner_admin_database_v1",
        "DatabaseAdminClient",
        "update_database_ddl",
        {"database": "projects/p/instances/i/databases/d", "statements": ["CREATE INDEX a ON t (a)"]},
        "projects/p/instances/i/databases/d/operations/_auto_op_2",
        (
            Step({**_DDL, "progress": [{"startTime": T0}, {}]}),
            Step(
                {
                    **_DDL,
                    "progress": [{"progressPercent": 100, "startTime": T0, "endTime": T1}, {"startTime": T1}],
                },
                0.5,
            ),
            Step(
                {
                    **_DDL,
                    "progress": [
                        {"progressPercent": 100, "startTime": T0, "endTime": T1},
                        {"progressPercent": 100, "startTime": T1, "endTime": T2},
                    ],
                },
                1.0,
            ),
        ),
        "Update database ddl",
        "projects/p/instances/i/databases/d",
        created=T0,
        ended=T2,
    ),
    Row(
        "google-cloud-bigtable",
        "google.cloud.bigtable_admin_v2",
        "BigtableTableAdminClient",
        "restore_table",
        {"parent": "projects/p/instances/i", "table_id": "t"},
        "operations/projects/p/instances/i/tables/t/locations/us-east1-b/operations/3",
        (
            Step({**_RESTORE, "progress": {"startTime": T0, "progressPercent": 10}}, 0.1),
            Step({**_RESTORE, "progress": {"startTime": T0, "progressPercent": 100, "endTime": T2}}, 1.0),
        ),
        "Restore table",
        "projects/p/instances/i/tables/t",
        created=T0,
        ended=T2,
        response=of("google.bigtable.admin.v2.Table", name="projects/p/instances/i/tables/t"),
        over=("grpc", "rest"),
    ),
    Row(
        "google-cloud-bigtable",
        "google.cloud.bigtable_admin_v2",
        "BigtableInstanceAdminClient",
        "create_cluster",
        {"parent": "projects/p/instances/i", "cluster_id": "c"},
        "operations/projects/p/instances/i/clusters/c/locations/us-east1-b/operations/4",
        (
            Step(_CLUSTER),
            Step(
                {
                    **_CLUSTER,
                    "tables": {
                        "a": {"estimatedSizeBytes": "300", "estimatedCopiedBytes": "100", "state": "COPYING"},
                        "b": {"estimatedSizeBytes": "100", "state": "PENDING"},
                    },
                },
                0.25,
                (100, 400),
            ),
            Step({**_CLUSTER, "finishTime": T2}),
        ),
        "Create cluster",
        "projects/p/instances/i/clusters/c",
        created=T0,
        ended=T2,
        response=of("google.bigtable.admin.v2.Cluster", name="projects/p/instances/i/clusters/c"),
    ),
    Row(
        "google-cloud-firestore",
        "google.cloud.firestore_admin_v1.services.firestore_admin",
        "FirestoreAdminClient",
        "export_documents",
        {"name": "projects/p/databases/d", "output_uri_prefix": "gs://out/run"},
        "projects/p/databases/d/operations/ASAyMDAwNTEyNTI3",
        (
            Step({**_EXPORT, "operationState": "INITIALIZING"}),
            Step(
                {
                    **_EXPORT,
                    "operationState": "PROCESSING",
                    "progressDocuments": {"estimatedWork": "200", "completedWork": "50"},
                    "progressBytes": {"estimatedWork": "9000", "completedWork": "900"},
                },
                0.25,
                (50, 200),
            ),
            Step(
                {
                    **_EXPORT,
                    "operationState": "SUCCESSFUL",
                    "endTime": T2,
                    "progressDocuments": {"estimatedWork": "200", "completedWork": "200"},
                    "progressBytes": {"estimatedWork": "9000", "completedWork": "9000"},
                },
                1.0,
                (200, 200),
            ),
        ),
        "Export documents",
        "projects/p/databases/d",
        created=T0,
        ended=T2,
        response=of("google.firestore.admin.v1.ExportDocumentsResponse", outputUriPrefix="gs://out/run"),
    ),
    Row(
        "google-cloud-datastore",
        "google.cloud.datastore_admin_v1",
        "DatastoreAdminClient",
        "export_entities",
        {"project_id": "p", "output_url_prefix": "gs://out"},
        "projects/p/operations/ASA3ODAwNQ",
        (
            Step(
                of(
                    _ENTITIES,
                    common={"startTime": T0, "operationType": "EXPORT_ENTITIES", "state": "PROCESSING"},
                    progressEntities={"workCompleted": "300", "workEstimated": "1200"},
                    progressBytes={"workCompleted": "1", "workEstimated": "9"},
                ),
                0.25,
                (300, 1200),
            ),
            Step(
                of(
                    _ENTITIES,
                    common={
                        "startTime": T0,
                        "endTime": T2,
                        "operationType": "EXPORT_ENTITIES",
                        "state": "SUCCESSFUL",
                    },
                    progressEntities={"workCompleted": "1200", "workEstimated": "1200"},
                ),
                1.0,
                (1200, 1200),
            ),
        ),
        "Export entities",
        "projects/p",
        created=T0,
        ended=T2,
        response=of("google.datastore.admin.v1.ExportEntitiesResponse", outputUrl="gs://out/run"),
    ),
    Row(
        "google-cloud-redis",
        "google.cloud.redis_v1",
        "CloudRedisClient",
        "create_instance",
        {"parent": "projects/p/locations/us-central1", "instance_id": "r"},
        "projects/p/locations/us-central1/operations/operation-1604-5",
        (Step(_REDIS), Step({**_REDIS, "endTime": T2})),
        "Create instance",
        "projects/p/locations/us-central1/instances/r",
        created=T0,
        ended=T2,
        response=of("google.cloud.redis.v1.Instance", name="projects/p/locations/us-central1/instances/r"),
    ),
    Row(
        "google-cloud-storage-transfer",
        "google.cloud.storage_transfer_v1",
        "StorageTransferServiceClient",
        "run_transfer_job",
        {"job_name": "transferJobs/123", "project_id": "p"},
        "transferOperations/transferJobs-123-456",
        (
            Step({**_TRANSFER, "status": "QUEUED"}),
            Step(
                {
                    **_TRANSFER,
                    "status": "IN_PROGRESS",
                    "counters": {
                        "objectsFoundFromSource": "200",
                        "bytesFoundFromSource": "2000000",
                        "objectsFromSourceSkippedBySync": "30",
                        "objectsCopiedToSink": "148",
                        "bytesCopiedToSink": "1480000",
                        "objectsFromSourceFailed": "2",
                    },
                },
                0.9,
                (180, 200),
            ),
            Step(
                {
                    **_TRANSFER,
                    "status": "SUCCESS",
                    "endTime": T2,
                    "counters": {
                        "objectsFoundFromSource": "200",
                        "objectsFromSourceSkippedBySync": "30",
                        "objectsCopiedToSink": "168",
                        "objectsFromSourceFailed": "2",
                    },
                },
                1.0,
                (200, 200),
            ),
        ),
        "Transfer",
        "transferJobs/123",
        created=T0,
        ended=T2,
        failed=2,
    ),
)
