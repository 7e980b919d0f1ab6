"""Jobs of Google's services that are no operations, as their JSON is while they run."""

from __future__ import annotations

from typing import Any

AT = "2026-03-04T09:00:00Z"
PL = "projects/p/locations/l"
Json = dict[str, Any]
#: The name of the operation of Compute Engine below.
LINK = "projects/p/zones/z/operations/operation-1"

COMPUTE: Json = {
    "kind": "compute#operation",
    "name": "operation-1",
    "operationType": "insert",
    "status": "RUNNING",
    "progress": 40,
    "insertTime": AT,
    "targetLink": "https://www.googleapis.com/compute/v1/projects/p/zones/z/instances/i",
    "selfLink": "https://www.googleapis.com/compute/v1/projects/p/zones/z/operations/operation-1",
}
SQL: Json = {
    "kind": "sql#operation",
    "name": "u-1",
    "status": "PENDING",
    "operationType": "EXPORT",
    "insertTime": AT,
    "selfLink": "https://sqladmin.googleapis.com/sql/v1beta4/projects/p/operations/u-1",
}
GKE: Json = {
    "name": "operation-9",
    "operationType": "CREATE_CLUSTER",
    "status": "RUNNING",
    "selfLink": "https://container.googleapis.com/v1/projects/1/zones/z/operations/operation-9",
}
BIGQUERY: Json = {
    "kind": "bigquery#job",
    "jobReference": {"projectId": "p", "jobId": "j", "location": "US"},
    "status": {"state": "RUNNING"},
    "statistics": {"creationTime": "1772614800000"},
}
DATAFLOW: Json = {
    "id": "x",
    "projectId": "p",
    "location": "l",
    "name": "n",
    "currentState": "JOB_STATE_RUNNING",
}
DATAPROC: Json = {
    "reference": {"projectId": "p", "jobId": "j"},
    "placement": {"clusterName": "c"},
    "status": {"state": "SETUP_DONE"},
}
BATCH: Json = {"name": f"{PL}/batches/b", "state": "PENDING"}
DLP: Json = {
    "name": f"{PL}/dlpJobs/i-1",
    "state": "RUNNING",
    "inspectDetails": {"result": {"processedBytes": "50", "totalEstimatedBytes": "200"}},
}
VERTEX: Json = {"name": f"{PL}/customJobs/1", "state": "JOB_STATE_QUEUED"}
PIPELINE: Json = {
    "name": f"{PL}/pipelineJobs/1",
    "state": "PIPELINE_STATE_RUNNING",
    "jobDetail": {"taskDetails": [{"state": "SUCCEEDED"}, {"state": "RUNNING"}]},
}
BUILD: Json = {
    "id": "b",
    "projectId": "p",
    "status": "WORKING",
    "steps": [{"status": "SUCCESS"}, {"status": "QUEUED"}],
}
RUN: Json = {
    "name": f"{PL}/jobs/j/executions/e",
    "taskCount": 10,
    "succeededCount": 4,
    "conditions": [{"type": "Completed", "state": "CONDITION_RECONCILING"}],
}
EARTH: Json = {"name": "projects/p/operations/ABC", "task_type": "EXPORT_IMAGE", "state": "RUNNING"}
GEMINI: Json = {"name": "batches/b1", "state": "JOB_STATE_PENDING"}


def ended(data: Json, **fields: Any) -> Json:
    """Return a job with other values of these fields, as it is at its end."""
    return {**data, **fields}
