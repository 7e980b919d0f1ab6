"""What the JSON of an operation of any API says of the units of its work that failed. Pure.

APIs put a ``google.rpc.Status`` beside each unit, under names of their own:
``individualProcessStatuses[].status``, ``partialFailures[]``, ``errorSamples[]``, ``results{}.error``. So
each object that is such a status, and no success, counts; what stands beside it says which unit failed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import Code
from lro_notebook.operations.resource import parse_int64

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lro_notebook.operations.operation import Operation
    from lro_notebook.operations.resource import OperationResource

_MOST = 200_000  # objects that are looked at: a response may hold the results themselves
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")
_FAILED = frozenset({"error", "errors", "failure", "failures", "failed", "violations"})
_STATUS = _FAILED | {"status", "statuses"}
_SOURCE = frozenset({"input", "source", "uri", "uris", "file"})
_RESOURCE = frozenset({"resource", "name", "id", "document", "field", "subject", "location", "target"})
_MESSAGES = (
    "message",
    "errorMessage",
    "stateMessage",
    "statusMessage",
    "statusDetails",
    "description",
    "reason",
)
_MESSAGES_ALONE = frozenset({"error", "errorMessage", "failureMessage", "failureReason"})
_STATES = ("state", "status", "currentState")
_BAD_STATE = re.compile(r"(?:^|_)(?:FAILED|FAILURE|ERROR)$")


@dataclass(frozen=True, slots=True)
class FailedUnit:
    """A unit of an operation's work that failed.

    Attributes
    ----------
    source : str or None
        The input that it was read from.
    resource : str or None
        What it is called, or the field that is wrong.
    code : str or None
        Name of the google.rpc code, or the API's own word.
    message : str or None
        The service's words.
    """

    source: str | None = None
    resource: str | None = None
    code: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class _Spot:
    """A value in the JSON: its key, whether it is in a list there, and the object around it with its key."""

    key: str
    value: object
    owner: Mapping[Any, Any] = field(default_factory=dict)
    owner_key: str = ""
    listed: bool = False


def failed_units(resource: OperationResource) -> list[FailedUnit]:
    """Return what `resource` says of failed units, each once; of its error, what the details say."""
    told = [resource.response, resource.metadata]
    if resource.error is not None:
        told.append({"error": {"details": [dict(detail) for detail in resource.error.details]}})
    return list(dict.fromkeys(unit for value in told for unit in _units(value)))


def are_logged(operation: Operation) -> bool:
    """Tell whether the service writes each failure into its log: the Healthcare API does, few others do."""
    if operation.client is not None and operation.client.local() is not None:
        return True
    metadata = operation.resource.metadata
    if metadata is None:
        return "/datasets/" in operation.name  # as the Healthcare API names them
    return (
        bool(metadata.get("logsUrl"))
        or isinstance(metadata.get("counter"), dict)  # its ProgressCounter
        or "healthcare" in str(metadata.get("apiMethodName", ""))
    )


def count_told(operation: Operation) -> int:
    """Return about how many failures `op.failures()` can list, from the operation itself or from a log."""
    units = len(failed_units(operation.resource))
    return units or (operation.snapshot.progress.failed or 0 if are_logged(operation) else 0)


def warning_of(operation: Operation) -> str | None:
    """Return what to say of the failures inside an operation that succeeded; None where there are none."""
    told = count_told(operation)
    failed = operation.snapshot.progress.failed or told
    more = "op.failures() lists them" if told else "it does not say which: look into its log"
    return (
        f"operation {operation.id} succeeded, but {failed:,} of its units failed; {more}" if failed else None
    )


def _units(value: object) -> Iterator[FailedUnit]:
    """Yield the units in a JSON value, in its order: no recursion, since its depth comes from outside."""
    stack = [_Spot("", value)]
    for spot in islice(_popped(stack), _MOST):
        here = spot.value
        if isinstance(here, list):
            stack += [replace(spot, value=each, listed=True) for each in reversed(here)]
        elif isinstance(here, str):
            if here and _names_failures(spot):
                yield FailedUnit(source=here) if "://" in here else FailedUnit(message=here)
        elif isinstance(here, dict):
            unit = _unit(spot, here)
            if unit is not None:
                yield unit
            inner: dict[Any, Any] = here if unit is None else {"violations": here.get("details")}
            stack += [_Spot(str(key), each, here, spot.key) for key, each in reversed(inner.items())]


def _names_failures(spot: _Spot) -> bool:
    """Tell whether a text is one of a list of failures, or the message of one."""
    if spot.listed:
        return bool(_words(spot.key) & _FAILED)
    return spot.key in _MESSAGES_ALONE


def _popped(stack: list[_Spot]) -> Iterator[_Spot]:
    while stack:
        yield stack.pop()


def _unit(spot: _Spot, value: Mapping[Any, Any]) -> FailedUnit | None:
    """Return the unit that the object `value` at `spot` tells of; None where it tells of none."""
    code, message = _code(value), _first(value, _MESSAGES)
    told = code is not None or message is not None
    is_status = bool(_words(spot.key) & _STATUS) or ("code" in value and "message" in value)
    failed = _words(spot.key) & _FAILED or code is not None
    if not (told and is_status and failed) and not _in_bad_state(value):
        return None
    if _code_is_ok(value):
        return None
    beside = [value, spot.owner]
    source = next((text for each in beside if (text := _named(each, _SOURCE))), None)
    if source is None:
        source = next((name for name in (spot.key, spot.owner_key) if "://" in name), None)
    reason = _first(value, ("reason",))  # BigQuery's word for a code
    if code is None and reason != message:
        code = reason
    resource = next((text for each in (*_details(value), *beside) if (text := _named(each, _RESOURCE))), None)
    return FailedUnit(source, None if resource == source else resource, code, message)


def _code(value: Mapping[Any, Any]) -> str | None:
    """Return the name of the code of a status that is no success."""
    code = value.get("code")
    number = parse_int64(code)
    if number is not None:
        return Code.of(number).name if number else None
    return code if isinstance(code, str) and code not in ("", "OK") else None


def _code_is_ok(value: Mapping[Any, Any]) -> bool:
    return "code" in value and value["code"] in (0, "0", "OK")


def _in_bad_state(value: Mapping[Any, Any]) -> bool:
    states = (value.get(name) for name in _STATES)
    named = any(_words(str(name)) & (_SOURCE | _RESOURCE) for name in value)
    return named and any(isinstance(state, str) and bool(_BAD_STATE.search(state)) for state in states)


def _details(value: Mapping[Any, Any]) -> list[Mapping[Any, Any]]:
    details = value.get("details")
    return [each for each in details if isinstance(each, dict)] if isinstance(details, list) else []


def _named(fields: Mapping[Any, Any], words: frozenset[str]) -> str | None:
    """Return the first text of a field whose name has one of `words`."""
    for name, value in fields.items():
        if not (isinstance(value, str) and value and isinstance(name, str)) or name.startswith("@"):
            continue
        if _words(name) & words and name not in _MESSAGES:
            return value
    return None


def _first(fields: Mapping[Any, Any], names: tuple[str, ...]) -> str | None:
    return next((value for name in names if isinstance(value := fields.get(name), str) and value), None)


def _words(key: str) -> frozenset[str]:
    return frozenset() if "://" in key else frozenset(word.lower() for word in _WORD.findall(key))
