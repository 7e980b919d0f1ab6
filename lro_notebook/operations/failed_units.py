"""What the JSON of an operation of any API says of the units of its work that failed. Pure.

APIs put a ``google.rpc.Status`` beside each unit, under names of their own:
``individualProcessStatuses[].status``, ``partialFailures[]``, ``errorSamples[]``, ``results{}.error``. So
each object that is such a status, and no success, counts; what stands beside it says which unit failed.
What was asked for, settings, labels and histories may use the same words and are not looked into: to miss a
failure is better than to report one that is none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import (
    HTTP_CODES,
    Code,
    OperationCancelled,
    OperationError,
    OperationFailed,
    shortened,
)
from lro_notebook.operations.field_names import words_of
from lro_notebook.operations.resource import parse_int64
from lro_notebook.operations.states import state_word

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lro_notebook.operations.operation import Operation
    from lro_notebook.operations.resource import OperationResource


def _set_of(text: str) -> frozenset[str]:
    return frozenset(text.split())


_MOST = 200_000  # objects that are looked at: a response may hold the results themselves
_FAILED = frozenset({"error", "errors", "failure", "failures"})
_STATUS = frozenset({"status", "statuses"})
#: Words after "error" in the name of what tells of errors, and words that say that it does not.
_OF_ERRORS = _set_of(
    "sample samples message messages status statuses detail details info infos result results record records "
    "row rows entry entries item items reason reasons"
)
_NO_FAILURES = _set_of(
    "retry retryable ignore ignored allow allowed tolerate tolerated expected attempts domains threshold "
    "templates"
)
#: Objects that tell of no work of this operation: by the last word of their name, and by the first.
_ASIDE = _set_of(
    "request config configuration configs policy settings spec template schema properties labels annotations "
    "tags parameters params history warnings warning env environment"
)
_PAST = frozenset({"recent", "previous", "latest", "last"})
#: Lists in a response whose items are what came of each unit.
_OUTCOMES = frozenset({"results", "responses", "outcomes", "statuses", "units"})
_NOTHING = frozenset({"none", "null", "false", "ok", "success"})
_CODES, _HTTP_ERRORS = frozenset(code.value for code in Code), range(400, 600)
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
    "error",
)
_MESSAGES_ALONE = frozenset({"error", "errorMessage", "failureMessage", "failureReason"})
_STATES = ("state", "status", "currentState")
#: What the Healthcare API says of a file in another structure (synthetichealth/synthea#1568).
_STRUCTURE = re.compile(r"content_?structure|no bundle is found", re.IGNORECASE)
#: What an import of FHIR resources, and of HL7v2 messages, takes.
_STRUCTURES = (
    "are the files in another content_structure? BUNDLE and RESOURCE have one on each line, BUNDLE_PRETTY "
    "and RESOURCE_PRETTY one in each file"
)
_MESSAGES_ASKED = (
    'each line of the files has to be a message in JSON, {"data": "…"} with its bytes in base64. '
    "store.create_message(bytes) takes one as it is (.hl7), and lro.read_results(place) reads files of such "
    "messages without a store"
)
_BAD_STATES = frozenset({"FAILED", "FAILURE", "ERROR"})


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
    """A value in the JSON: its key, whether it is in a list there, and the object around it with its key.

    Whether it is of a response, and whether of the details of an error.
    """

    key: str
    value: object
    owner: Mapping[Any, Any] = field(default_factory=dict)
    owner_key: str = ""
    listed: bool = False
    response: bool = False
    details: bool = False


def failed_units(resource: OperationResource) -> list[FailedUnit]:
    """Return what `resource` says of failed units, each once; of its error, what the details say."""
    told = [_Spot("", resource.response, response=True), _Spot("", resource.metadata)]
    if resource.error is not None:
        told.append(_Spot("", {"error": {"details": [dict(detail) for detail in resource.error.details]}}))
    return list(dict.fromkeys(unit for spot in told for unit in _units(spot)))


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
    files = _files_of_errors(operation.resource)
    if files and not failed:
        return (
            f"operation {operation.id} succeeded, but names {files:,} files of errors; op.failures() lists "
            "what they say"
        )
    more = "op.failures() lists them" if told or files else "it does not say which: look into its log"
    text = f"operation {operation.id} succeeded, but {failed:,} of its units failed; {more}"
    return text + structure_hint(operation) if failed else None


def structure_hint(operation: Operation) -> str:
    """Return what to look at where an import of FHIR or HL7v2 could read nothing at all; else nothing."""
    progress = operation.snapshot.progress
    if not progress.failed or (progress.completed or 0) > progress.failed:
        return ""
    hint = (
        _STRUCTURES
        if _imports(operation, "fhir")
        else _MESSAGES_ASKED
        if _imports(operation, "hl7v2")
        else ""
    )
    return hint and f". Nothing of it could be imported: {hint}"


def structure_told(operation: Operation, messages: Iterable[str | None]) -> str | None:
    """Return what to do where the service says that an import had another structure than it was told of."""
    if _imports(operation, "hl7v2"):
        return structure_hint(operation).removeprefix(". ") or None
    is_told = _imports(operation, "fhir")
    told = [text for text in messages if text and _STRUCTURE.search(text)] if is_told else []
    if not told:
        return None
    return (
        f"{len(told):,} of the failures of {operation.id} are of files in another content_structure than the "
        "import was told: import_from(…, content_structure=…) takes BUNDLE or RESOURCE for one on each line, "
        "BUNDLE_PRETTY or RESOURCE_PRETTY for one in each file"
    )


def _imports(operation: Operation, kind: str) -> bool:
    """Tell whether it is an import into a store of such a kind."""
    named = (
        f"{operation.method} {operation.target} {(operation.resource.metadata or {}).get('apiMethodName')}"
    )
    return "import" in operation.method.lower() and kind in named.lower()


def _files_of_errors(resource: OperationResource) -> int:
    """Return how many files of errors a response names, as the manifest of a bulk export does."""
    errors = (resource.response or {}).get("error")
    listed = errors if isinstance(errors, list) else []
    return sum(isinstance(each, dict) and isinstance(each.get("url"), str) for each in listed)


def _units(whole: _Spot) -> Iterator[FailedUnit]:
    """Yield the units in a JSON value, in its order: no recursion, since its depth comes from outside."""
    stack = [whole]
    for spot in islice(_popped(stack), _MOST):
        here = spot.value
        if isinstance(here, list):
            stack += [replace(spot, value=each, listed=True) for each in reversed(here)]
        elif isinstance(here, str):
            if _tells_something(here) and _names_failures(spot):
                yield FailedUnit(source=here) if "://" in here else FailedUnit(message=here)
        elif isinstance(here, dict):
            unit = _unit(spot, here)
            if unit is not None:
                yield unit
            inner: dict[Any, Any] = here if unit is None else {"details": here.get("details")}
            within = spot.details or unit is not None or _is_failure(spot)
            stack += [
                _Spot(key, each, here, spot.key, response=spot.response, details=within)
                for key, each in ((str(key), each) for key, each in reversed(inner.items()))
                if isinstance(each, (dict, list, str)) and not _is_aside(key)
            ]


def _tells_something(text: str) -> bool:
    """Tell words about a failure from numbers, and from values that say that there is none."""
    return any(map(str.isalpha, text)) and "UNSPECIFIED" not in text and text.lower() not in _NOTHING


def _names_failures(spot: _Spot) -> bool:
    """Tell whether a text is one of a list of failures, or the message of one."""
    if spot.listed:
        return _is_failure(spot)
    if spot.response and spot.key == "error" and not _is_outcome(spot.owner_key):
        return False  # a field of the result itself
    return spot.key in _MESSAGES_ALONE


def _is_failure(spot: _Spot) -> bool:
    """Tell whether a field is named after failures: ``errorSamples``, ``failedDocuments``."""
    words = words_of(spot.key)
    if not words or not _NO_FAILURES.isdisjoint(words):
        return False
    if words[-1] == "violations":
        return spot.details
    return (
        words[-1] in _FAILED
        or words[0] == "failed"
        or (len(words) > 1 and words[-2] in _FAILED and words[-1] in _OF_ERRORS)
    )


def _is_aside(key: str) -> bool:
    words = words_of(key)
    return bool(words) and (words[-1] in _ASIDE or words[0] in _PAST)


def _popped(stack: list[_Spot]) -> Iterator[_Spot]:
    while stack:
        yield stack.pop()


def _unit(spot: _Spot, value: Mapping[Any, Any]) -> FailedUnit | None:
    """Return the unit that the object `value` at `spot` tells of; None where it tells of none."""
    message, failure = _first(value, _MESSAGES), _is_failure(spot)
    code = _code(value, any_word=failure)
    is_status = ("code" in value and "message" in value) or not _STATUS.isdisjoint(words_of(spot.key)[-1:])
    told = code is not None or (failure and message is not None)
    if not (told and (failure or is_status)) and not _in_bad_state(spot, value):
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


def _code(value: Mapping[Any, Any], *, any_word: bool) -> str | None:
    """Return the name of the code of a status that is no success, or, of an error, any word for it."""
    code = value.get("code")
    number = parse_int64(code)
    if number is not None:
        if number in _HTTP_ERRORS:
            return HTTP_CODES.get(number, Code.UNKNOWN).name
        if number in _CODES or (any_word and number):
            return Code.of(number).name if number else None
        return None
    known = isinstance(code, str) and code not in ("", "OK") and (any_word or code in Code.__members__)
    return str(code) if known else None


def _code_is_ok(value: Mapping[Any, Any]) -> bool:
    code = value.get("code")
    number = parse_int64(code)
    return code == "OK" or number == 0 or (number is not None and 200 <= number < 400)  # noqa: PLR2004 - HTTP


def _in_bad_state(spot: _Spot, value: Mapping[Any, Any]) -> bool:
    if value.get("allowFailure") is True or (spot.response and not (spot.listed and _is_outcome(spot.key))):
        return False
    named = any(not (_SOURCE | _RESOURCE).isdisjoint(words_of(str(name))) for name in value)
    return named and any(state_word(value.get(name)) in _BAD_STATES for name in _STATES)


def _is_outcome(key: str) -> bool:
    return not _OUTCOMES.isdisjoint(words_of(key)[-1:])


def _details(value: Mapping[Any, Any]) -> list[Mapping[Any, Any]]:
    details = value.get("details")
    return [each for each in details if isinstance(each, dict)] if isinstance(details, list) else []


def _named(fields: Mapping[Any, Any], words: frozenset[str]) -> str | None:
    """Return the first text of a field whose name has one of `words`."""
    for name, value in fields.items():
        if not (isinstance(value, str) and value and isinstance(name, str)) or name.startswith("@"):
            continue
        if not words.isdisjoint(words_of(name)) and name not in _MESSAGES:
            return value
    return None


def _first(fields: Mapping[Any, Any], names: tuple[str, ...]) -> str | None:
    return next((value for name in names if isinstance(value := fields.get(name), str) and value), None)


def failure_of(operation: Operation) -> OperationError | None:
    """Return why an operation that has ended has no response; None where it has one."""
    status = operation.resource.error
    if status is None:
        return None
    what = f"{operation.method} operation {operation.id}".strip()
    if status.name == "CANCELLED":
        text = f"{what} was cancelled; what it had done until then remains"
        if "://" in (operation.destination or ""):
            text = f"{what} was cancelled; only files that it had finished remain"
        more = f"{text} (op.load(partial=True))" if operation.destination else text
        return OperationCancelled(more, operation)
    text = f"{what} failed: {status.name} ({status.code}): {shortened(status.message)}"
    return OperationFailed(text + structure_hint(operation), operation)
