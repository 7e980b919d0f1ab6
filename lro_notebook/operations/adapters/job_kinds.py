"""Which service a job belongs to, by the shape of its JSON or by its name, and how it is read there. Pure.

`KINDS` has a row for each kind. Only paths are decided here: which host is asked depends on the client.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

Json = Mapping[str, Any]


class Kind(NamedTuple):
    """A kind of job.

    Attributes
    ----------
    title : str
        What to call it in a message.
    host : str
        The first word of its service's address.
    is_its : callable
        Whether JSON is of this kind.
    name : callable
        The full name in that JSON; empty where it has none.
    names : re.Pattern or None
        How its full names look; None where they tell no kind.
    path : str
        Where it is read; ``{}`` is its name.
    cancel : str
        HTTP method and path of what cancels it, ``{}`` being where it is read; empty where nothing does.
    """

    title: str
    host: str
    is_its: Callable[[Json], bool]
    name: Callable[[Json], str]
    names: re.Pattern[str] | None
    path: str
    cancel: str


def _text(data: Json, *keys: str) -> str:
    """Return the text in nested fields; empty where there is none."""
    found: Any = data
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, str) else ""


def _of_kind(word: str) -> Callable[[Json], bool]:
    return lambda data: _text(data, "kind") == word


def _named(pattern: re.Pattern[str]) -> Callable[[Json], bool]:
    return lambda data: pattern.fullmatch(_own_name(data)) is not None


def _own_name(data: Json) -> str:
    return _text(data, "name")


def _linked(data: Json) -> str:
    """Return the name in ``selfLink``: what begins with ``projects/``."""
    path = urlsplit(_text(data, "selfLink") or _text(data, "self_link")).path
    return path[path.find("/projects/") + 1 :] if "/projects/" in path else ""


def _bigquery(data: Json) -> str:
    job = data.get("jobReference")
    project, identifier = (
        (_text(job, key) for key in ("projectId", "jobId")) if isinstance(job, Mapping) else ("", "")
    )
    return f"projects/{project}/jobs/{identifier}" if project and identifier else ""


def _dataflow(data: Json) -> str:
    parts = [_text(data, key) for key in ("projectId", "location", "id")]
    return "projects/{}/locations/{}/jobs/{}".format(*parts) if all(parts) else ""


def _dataproc(data: Json) -> str:
    region = _text(data, "region")  # the JSON has none: who watches it may have put it there
    for key in ("driverOutputResourceUri", "driverControlFilesUri"):
        bucket = _STAGING.match(_text(data, key)[:200])
        region = region or (bucket[1] if bucket else "")
    parts = [_text(data, "reference", "projectId"), region, _text(data, "reference", "jobId")]
    return "projects/{}/regions/{}/jobs/{}".format(*parts) if all(parts) else ""


def _build(data: Json) -> str:
    name = _own_name(data)
    project, identifier = _text(data, "projectId"), _text(data, "id")
    return name or (f"projects/{project}/builds/{identifier}" if project and identifier else "")


_P, _PL = r"projects/[^/]+", r"projects/[^/]+/locations/[^/]+"
_VERTEX = (
    "custom|batchPrediction|hyperparameterTuning|tuning|pipeline|dataLabeling|nas|modelDeploymentMonitoring"
)
_COMPUTE = re.compile(rf"{_P}/(global|zones/[^/]+|regions/[^/]+)/operations/[^/]+")
_BIGQUERY = re.compile(rf"{_P}/jobs/[^/]+")
_DATAPROC = re.compile(rf"{_P}/regions/[^/]+/jobs/[^/]+")
_BATCH = re.compile(rf"{_PL}/batches/[^/]+")
_DLP = re.compile(rf"{_P}/(locations/[^/]+/)?dlpJobs/[^/]+")
_VERTEX_JOB = re.compile(rf"{_PL}/(({_VERTEX})Jobs|trainingPipelines|notebookExecutionJobs)/[^/]+")
_BUILD = re.compile(rf"{_P}/(locations/[^/]+/)?builds/[^/]+")
_EXECUTION = re.compile(rf"{_PL}/jobs/[^/]+/executions/[^/]+")
_STAGING = re.compile(r"gs://dataproc-(?:staging|temp)-([a-z]{2,20}-[a-z]{2,20}\d{1,3})-")
_GEMINI = re.compile(r"batches/[^/]+")
_JOB = re.compile(rf"{_PL}/jobs/[^/]+")

KINDS: tuple[Kind, ...] = (
    Kind(
        "a Compute Engine operation",
        "compute",
        _of_kind("compute#operation"),
        _linked,
        _COMPUTE,
        "compute/v1/{}",
        "",
    ),
    Kind(
        "a Cloud SQL operation",
        "sqladmin",
        _of_kind("sql#operation"),
        _linked,
        None,
        "v1/{}",
        "POST {}/cancel",
    ),
    Kind(
        "a GKE operation",
        "container",
        lambda data: "operationType" in data and "container." in _text(data, "selfLink"),
        _linked,
        None,
        "v1/{}",
        "POST {}:cancel",
    ),
    Kind("a Cloud DNS operation", "dns", _of_kind("dns#operation"), _linked, None, "dns/v1/{}", ""),
    Kind(
        "a Deployment Manager operation",
        "deploymentmanager",
        _of_kind("deploymentmanager#operation"),
        _linked,
        None,
        "deploymentmanager/v2/{}",
        "",
    ),
    Kind(
        "a BigQuery job",
        "bigquery",
        lambda data: _text(data, "kind") == "bigquery#job" or "jobReference" in data,
        _bigquery,
        _BIGQUERY,
        "bigquery/v2/{}",
        "POST {}/cancel",
    ),
    Kind(
        "a Dataflow job",
        "dataflow",
        lambda data: "currentState" in data,
        _dataflow,
        None,
        "v1b3/{}",
        "PUT {}",
    ),
    Kind(
        "a Dataproc job",
        "dataproc",
        lambda data: "jobId" in data.get("reference", ()) and "placement" in data,
        _dataproc,
        _DATAPROC,
        "v1/{}",
        "POST {}:cancel",
    ),
    Kind(
        "a Dataproc batch",
        "dataproc",
        _named(_BATCH),
        _own_name,
        _BATCH,
        "v1/{}",
        "",
    ),
    Kind(
        "a DLP job",
        "dlp",
        _named(_DLP),
        _own_name,
        _DLP,
        "v2/{}",
        "POST {}:cancel",
    ),
    Kind(
        "a Vertex AI job",
        "aiplatform",
        _named(_VERTEX_JOB),
        _own_name,
        _VERTEX_JOB,
        "v1/{}",
        "POST {}:cancel",
    ),
    Kind(
        "a build of Cloud Build",
        "cloudbuild",
        lambda data: _BUILD.fullmatch(_build(data)) is not None,
        _build,
        _BUILD,
        "v1/{}",
        "POST {}:cancel",
    ),
    Kind(
        "an execution of Cloud Run",
        "run",
        _named(_EXECUTION),
        _own_name,
        _EXECUTION,
        "v2/{}",
        "POST {}:cancel",
    ),
    Kind(
        "an Earth Engine task",
        "earthengine",
        lambda data: "task_type" in data or "creation_timestamp_ms" in data,
        _own_name,
        None,
        "v1/{}",
        "POST {}:cancel",
    ),
    Kind(
        "a batch job of the Gemini API",
        "generativelanguage",
        _named(_GEMINI),
        _own_name,
        _GEMINI,
        "v1beta/{}",
        "POST {}:cancel",
    ),
    Kind(
        "a job",
        "",
        _named(_JOB),
        _own_name,
        _JOB,
        "v1/{}",
        "POST {}:cancel",
    ),
)
#: A job of no known kind, which gives its name and its state.
OTHER = Kind("a job", "", lambda _: True, lambda data: _linked(data) or _own_name(data), None, "v1/{}", "")


def kind_of(data: Json) -> Kind:
    """Return the kind of job that JSON tells of."""
    return next((kind for kind in KINDS if kind.is_its(data)), OTHER)


def kind_named(name: str) -> Kind | None:
    """Return the kind of job that has names like this one; None where none has."""
    return next((kind for kind in KINDS if kind.names and kind.names.fullmatch(name)), None)


def noun_of(kind: Kind, name: str) -> str:
    """Return what a job is, as the name of a type: ``CustomJob``, ``DataflowJob``, ``Build``."""
    collection = name.split("/")[-2] if "/" in name else ""
    if collection == "jobs":
        return f"{kind.host.capitalize()}Job"
    singular = collection.removesuffix("es") if collection.endswith("ches") else collection.removesuffix("s")
    return singular[:1].upper() + singular[1:]


def path_of(kind: Kind, name: str, data: Json) -> str:
    """Return where a job is read: the path of its own ``selfLink``, else as its kind is."""
    path = urlsplit(_text(data, "selfLink")).path.strip("/")
    return path if name and path.endswith(name) else kind.path.format(name)


def body_of(kind: Kind) -> dict[str, str]:
    """Return what a request to cancel a job carries."""
    return {"requestedState": "JOB_STATE_CANCELLED"} if kind.cancel.startswith("PUT") else {}


def query_of(data: Json) -> dict[str, str]:
    """Return the query with which a job is read: of a BigQuery job, its location."""
    place = _text(data, "jobReference", "location")
    link = dict(parse_qsl(urlsplit(_text(data, "selfLink")).query))
    location = place or link.get("location", "")
    return {"location": location} if location and kind_of(data).host == "bigquery" else {}
