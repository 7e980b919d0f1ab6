"""Jobs and operations that are no ``google.longrunning.Operation``, by their words for a state.

Their JSON says ``status``, ``state``, ``currentState`` or ``conditions`` instead of ``done``, ``error`` and
``response``. Here it becomes the resource that all the rest knows. Pure, and sends nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from lro_notebook.errors import HTTP_CODES, Code
from lro_notebook.operations.resource import OperationResource, Status, format_timestamp, parse_int64
from lro_notebook.operations.states import ENDED, Outcome, outcome_of, state_word

_STATES = ("currentState", "state", "status", "jobState")
#: States in which what is no work, and so has no end, stays; those of resources are states of some work, too.
_STANDING = frozenset({"ENABLED", "DISABLED", "HEALTHY", "AVAILABLE", "ONLINE", "LIVE", "SERVING", "DELETED"})
_STANDING_RESOURCE = _STANDING | {"READY", "ACTIVE"}
_WORK = re.compile(
    r"(?i)job|run|execution|build|batch|rollout|task|invocation|session|operation|pipeline|transfer|migration|"
    r"attempt|trial|scan|test"
)
#: Conditions whose status is that of the whole, in Cloud Run's words.
_CONDITIONS = frozenset({"Completed", "Ready", "Succeeded"})
_LRO = frozenset({"metadata", "response"})
_KIND = re.compile(r"\w+#(operation|job)")
#: Reasons in the words of Compute, Cloud SQL and BigQuery, and the google.rpc code that says the same.
_REASONS = (
    (re.compile(r"(?i)\w*cancel\w*|stopped"), Code.CANCELLED),
    (re.compile(r"(?i)\w*not_?found\w*"), Code.NOT_FOUND),
    (re.compile(r"(?i)\w*(already_?exists|duplicate)\w*"), Code.ALREADY_EXISTS),
    (re.compile(r"(?i)\w*(denied|permission|forbidden|unauthorized)\w*"), Code.PERMISSION_DENIED),
    (
        re.compile(r"(?i)\w*(quota|exhausted|resourcesexceeded|rate_?limit|stockout)\w*"),
        Code.RESOURCE_EXHAUSTED,
    ),
    (re.compile(r"(?i)\w*(invalid|bad_?request)\w*"), Code.INVALID_ARGUMENT),
    (re.compile(r"(?i)\w*(timeout|timed_?out|expired|deadline)\w*"), Code.DEADLINE_EXCEEDED),
    (re.compile(r"(?i)\w*(internal|backend)\w*"), Code.INTERNAL),
)
#: Objects in which a job says how far it is, and where Progress looks for it.
_LIFTED = (
    (("inspectDetails", "result"), "stats"),
    (("riskDetails", "result"), "stats"),
    (("jobDetail", "taskDetails"), "steps"),
    (("status", "taskGroups"), "taskGroups"),
)
_LONGEST = 2_000  # characters of a reason


def read(data: Mapping[str, Any]) -> OperationResource:
    """Return what a service says of an operation, or of a job in its place.

    Raises
    ------
    ConfigError
        It is neither.
    """
    if is_job(data) and isinstance(data.get("name"), str):
        return resource_of(data, data["name"])
    return OperationResource.from_dict(data)


def is_job(data: Mapping[str, Any]) -> bool:
    """Tell whether JSON is that of a job that tells a state, and of no ``google.longrunning.Operation``."""
    if not _LRO.isdisjoint(data) and not isinstance(data.get("status"), str):
        return False
    kind = data.get("kind")
    if isinstance(kind, str) and _KIND.fullmatch(kind):
        return True
    return (
        bool(_word_of(data))
        or any(_is_condition(each) for each in _conditions(data))
        or ("taskCount" in data and "done" not in data)
    )


def _words(data: Mapping[str, Any]) -> Iterator[object]:
    for key in _STATES:
        value = data.get(key)
        yield value.get("state") if isinstance(value, Mapping) else value


def _word_of(data: Mapping[str, Any]) -> str:
    return next(filter(None, map(state_word, _words(data))), "")


def is_standing(data: Mapping[str, Any]) -> bool:
    """Tell whether JSON is that of a resource in a state that lasts, such as an instance that is READY."""
    word, parts = _word_of(data), _text(data.get("name")).split("/")
    of_work = len(parts) < 2 or _holds_work(parts[-2])  # noqa: PLR2004 - collection and id
    return word in (_STANDING if of_work else _STANDING_RESOURCE)


def names_work(name: str) -> bool:
    """Tell whether a full name is that of a job of some kind: ``projects/…/rollouts/r``."""
    parts = name.split("/")
    return len(parts) >= 4 and parts[0] == "projects" and _holds_work(parts[-2])  # noqa: PLR2004


def _holds_work(collection: str) -> bool:
    """Tell whether a collection, such as ``rollouts``, is one of work that ends."""
    is_name = collection.replace("_", "a").isalnum() and collection[-1:] in ("s", "S")
    return is_name and _WORK.search(collection, 0, len(collection) - 1) is not None


def _conditions(data: Mapping[str, Any]) -> list[Any]:
    status = data.get("status")
    found = data.get("conditions") or (status.get("conditions") if isinstance(status, Mapping) else None)
    return found if isinstance(found, list) else []


def _is_condition(condition: Any) -> bool:
    return isinstance(condition, Mapping) and condition.get("type") in _CONDITIONS


def outcome_in(data: Mapping[str, Any]) -> Outcome:
    """Return how a job is by its words; one that ended with an error has failed, whatever they are."""
    if is_standing(data):
        return "succeeded"
    outcome = outcome_of(_word_of(data)) or _by_conditions(data)
    if outcome == "succeeded" and (error := _error(data)) is not None:
        return "cancelled" if error.name == "CANCELLED" else "failed"
    if not outcome and data.get("done") is True:
        return "failed" if _error(data) is not None else "succeeded"
    return outcome


def _by_conditions(data: Mapping[str, Any]) -> Outcome:
    for condition in filter(_is_condition, _conditions(data)):
        word = state_word(condition.get("state")).removeprefix("CONDITION_")
        if outcome := outcome_of(word):
            return outcome
        if (status := _text(condition.get("status"))) in ("True", "False"):
            return "succeeded" if status == "True" else "failed"
    return "running" if _conditions(data) or "taskCount" in data else ""


def resource_of(data: Mapping[str, Any], name: str) -> OperationResource:
    """Return a job as the operation that it is for everybody else; its JSON is metadata and response.

    Parameters
    ----------
    data : mapping
        The JSON of the job.
    name : str
        Its full name.
    """
    outcome = outcome_in(data)
    done = outcome in ENDED
    error = None
    if outcome in ("failed", "cancelled"):
        error = (
            _error(data)
            or _error({"error": data.get("errorStatus")})
            or Status(
                Code.CANCELLED.value if outcome == "cancelled" else _code_of(_word_of(data)),
                _message(data) or f"the service says {_word_of(data) or 'that it failed'}, and not why",
            )
        )
        if outcome == "cancelled" and error.name != "CANCELLED":
            error = Status(Code.CANCELLED.value, error.message)
    metadata = _timed(data)
    return OperationResource(
        name=name,
        done=done,
        metadata=metadata,
        error=error,
        response=dict(data) if done and error is None else None,
    )


def _error(data: Mapping[str, Any]) -> Status | None:
    """Return the error that a job tells, in the words of google.rpc."""
    status = data.get("status")
    inner = status.get("errorResult") if isinstance(status, Mapping) else None  # BigQuery
    found = data.get("error") or inner
    if isinstance(found, list):
        found = found[0] if found else None
    if isinstance(found, Mapping) and isinstance(found.get("errors"), list) and found["errors"]:
        found = found["errors"][0]  # Compute, Cloud SQL
    http = parse_int64(data.get("httpErrorStatusCode"))
    if isinstance(found, Mapping) and found:
        message = (_text(found.get("message")) or _text(data.get("httpErrorMessage")))[:_LONGEST]
        number = parse_int64(found.get("code"))
        if number == 0 and http is None:  # google.rpc's word for a success
            return None
        word = _text(found.get("reason")) or _text(found.get("code"))
        if number is None and http is None:
            return Status(_code_of(word), message or word)
        if number is not None and number <= max(code.value for code in Code):
            return Status(number, message)
        return Status(HTTP_CODES.get(number or http or 0, Code.UNKNOWN).value, message or word)
    return None if http is None else Status(HTTP_CODES.get(http, Code.UNKNOWN).value, _message(data))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _code_of(word: str) -> int:
    """Return the google.rpc code of a reason."""
    if word in Code.__members__:
        return Code[word].value
    return next(
        (code.value for pattern, code in _REASONS if pattern.fullmatch(word[:200])), Code.UNKNOWN.value
    )


def _message(data: Mapping[str, Any]) -> str:
    """Return why a job failed, in the words of its service."""
    status, failure = data.get("status"), data.get("failureInfo")
    places: list[object] = [
        data.get(key) for key in ("httpErrorMessage", "statusMessage", "stateMessage", "statusDetail")
    ]
    places += [data.get(key) for key in ("error_message", "errorMessage", "failureReason", "failureMessage")]
    if isinstance(failure, Mapping):
        places.append(failure.get("detail"))
    if isinstance(status, Mapping):
        places += [status.get("details"), status.get("message")]
    places += [each.get("message") for each in _conditions(data) if _is_condition(each)]
    errors = data.get("errors")
    for each in errors[:1] if isinstance(errors, list) else []:
        details = each.get("details") if isinstance(each, Mapping) else None
        places.append(details.get("message") if isinstance(details, Mapping) else None)
    return next((text[:_LONGEST] for text in places if isinstance(text, str) and text), "")


def _timed(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON with its times and its progress where those of an operation are."""
    metadata = dict(data)
    statistics = data.get("statistics")
    for block in (data, statistics if isinstance(statistics, Mapping) else {}):
        for key, names in _MILLISECONDS.items():
            moment = next(filter(None, (_moment(block.get(name)) for name in names)), None)
            if moment is not None:
                metadata.setdefault(key, moment)
    if "status" in metadata and outcome_in(data) in ENDED and "endTime" not in metadata:
        ended = data.get("currentStateTime") or data.get("finishTime")
        metadata |= {"endTime": ended} if isinstance(ended, str) else {}
    for (outer, inner), name in _LIFTED:
        part = data.get(outer)
        if isinstance(part, Mapping) and inner in part:
            metadata.setdefault(name, part[inner])
    return metadata


_MILLISECONDS = {
    "createTime": ("creationTime", "creation_timestamp_ms"),
    "startTime": ("startTime", "start_timestamp_ms"),
    "endTime": ("endTime",),
    "updateTime": ("update_timestamp_ms",),
}


def _moment(value: object) -> str | None:
    """Return milliseconds since 1970 as a timestamp; None for anything else."""
    number = parse_int64(value)
    if number is None or not 0 < number < 10**14:
        return None
    return format_timestamp(datetime.fromtimestamp(number / 1000, UTC))
