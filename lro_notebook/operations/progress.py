"""What an operation's ``metadata`` says about its progress.

Pure: no I/O and no clock of its own. Unknown stays unknown: no total, no fraction.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeGuard

from lro_notebook.operations.field_names import ByNames
from lro_notebook.operations.metadata import is_of, read
from lro_notebook.operations.resource import parse_timestamp
from lro_notebook.operations.states import ENDED, is_enum, is_name, outcome_of, state_word

if TYPE_CHECKING:
    from datetime import datetime

    from lro_notebook.operations.resource import OperationResource, State

#: Where a time is from; "service" is the best.
TimeFrom = Literal["service", "work", "request", "seen"]
_COMMON = ("genericMetadata", "commonMetadata", "common")
#: Objects that tell how the work goes, or are what the whole operation is: their times are its own.
_WORK = ("progress", "annotationProgress", "build", "job", "execution", "invocationTiming")
_CREATED = ("createTime", "creationTime", "insertTime", "submitTime", "requestTime")
_BEGAN = re.compile(r"startTime|(rollout|export|import|execution|dag)StartTime")
_ENDED = ("endTime", "completeTime", "doneTime", "finishTime", "completionTime")
#: Of an operation that has ended, when it was changed last: its end, as the descriptions say.
_UPDATED = ("updateTime", "lastUpdateTime")
_CANCEL_REQUESTED = frozenset(
    {
        "cancelRequested",
        "requestedCancellation",
        "cancellationRequested",
        "isCancellationRequested",
        "cancelled",
        "canceled",
    }
)
#: Fields with words for people, the most telling first; an object has them in its own fields.
_STATUS = (
    "stateMessage",
    "stateDescription",
    "statusMessage",
    "statusDetail",
    "statusDetails",
    "statusDescription",
    "progressMessage",
    "ephemeralMessage",
    "message",
)
_STATUS_OBJECTS, _STATUS_PARTS = (
    ("status", "progress"),
    ("message", "details", "description", "statusMessage"),
)
_STATE = re.compile(r"state|status|\w+(State|Status|Stage|Step)|stage|phase|step")
#: ``startTime`` is when the request was received, by a word of the ``@type`` or a field that only these have.
_RECEIVED_TYPES = (
    "google.cloud.speech.",
    "google.cloud.texttospeech.",
    "google.spanner.",
    "google.logging.",
    "ReplayOperationMetadata",
    "CountArtifactsMetadata",
    "dataproc.v1.JobMetadata",
)
_RECEIVED_FIELDS = ("lastUpdateTime", "expectedFulfillmentPeriod", "instancePartition")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an operation is, as its metadata tells it.

    Attributes
    ----------
    fraction : float or None
        0 to 1; None where the metadata gives no total.
    completed : int or None
        Units done, the failed ones included.
    total : int or None
        Units in all.
    failed : int or None
        Units that failed.
    status : str or None
        The service's own words about where it is.
    created, ended : datetime or None
        UTC-aware times of the operation itself.
    cancel_requested : bool
        A cancellation was asked for.
    began : datetime or None
        When the service says that the work on it began, where it does not tell when it was created.
    created_from, ended_from : str or None
        Where these times are from: "service". A handle knows more than the metadata tells: "work", when the
        work began; "request", when this machine asked for it; "seen", when it was first seen, or seen to end.

    Examples
    --------
    >>> progress = lro.Progress.from_metadata({"counter": {"pending": "60", "success": "38", "failure": "2"}})
    >>> progress.completed, progress.total, progress.failed, progress.fraction
    (40, 100, 2, 0.4)
    >>> lro.Progress.from_metadata({"counter": {"success": "40"}}).fraction is None  # no total, no fraction
    True
    """

    fraction: float | None = None
    completed: int | None = None
    total: int | None = None
    failed: int | None = None
    status: str | None = None
    created: datetime | None = None
    ended: datetime | None = None
    cancel_requested: bool = False
    began: datetime | None = field(default=None, compare=False, repr=False)
    created_from: TimeFrom | None = field(default=None, compare=False, repr=False)
    ended_from: TimeFrom | None = field(default=None, compare=False, repr=False)

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, Any] | None) -> Progress:
        """Read the progress out of `metadata`; never raises, whatever the input is."""
        if not isinstance(metadata, (dict, Mapping)) or not metadata:  # `dict` is told in a third of the time
            return cls()
        blocks = _blocks(metadata)
        counts, states, times = read(metadata), _states(blocks), _with_work(blocks)
        outcome = outcome_of(states[0]) if states else ""
        created = _created(times)
        ended = _first_time(times, _ENDED) or (_left(metadata) if outcome in ENDED else None)
        return cls(
            fraction=counts.fraction,
            completed=counts.completed,
            total=counts.total,
            failed=counts.failed,
            status=_status(blocks, states),
            created=created,
            ended=ended,
            cancel_requested=_cancelled(blocks) or outcome in ("cancelling", "cancelled"),
            began=None if created else _began(times),
            created_from="service" if created else None,
            ended_from="service" if ended else None,
        )

    def timed(self, requested: datetime | None, seen: datetime, ended: datetime | None) -> Progress:
        """Return it with the times that the metadata does not tell: those of who follows the operation.

        Parameters
        ----------
        requested, seen, ended : datetime or None
            When this machine asked for it, when it was first seen, and when it was seen to end.
        """
        progress = self
        if self.created is None:
            times: tuple[tuple[datetime | None, TimeFrom], ...] = (self.began, "work"), (requested, "request")
            created, source = next((pair for pair in times if pair[0] is not None), (seen, "seen"))
            progress = replace(progress, created=created, created_from=source)
        if self.ended is None and ended is not None:
            progress = replace(progress, ended=ended, ended_from="seen")
        return progress

    @classmethod
    def from_resource(cls, resource: OperationResource) -> Progress:
        """Read the progress of a whole operation: one that succeeded has done all that there was."""
        progress = cls.from_metadata(resource.metadata)
        if not resource.done:
            return progress
        if progress.ended is None and (updated := _updated(resource.metadata)) is not None:
            progress = replace(progress, ended=updated, ended_from="service")
        if resource.error is None and progress.completed and progress.total is None:
            return replace(progress, total=progress.completed, fraction=1.0)
        return progress


class _Telling(NamedTuple):
    """The fields of a block that tell something, by their names alone, in the order in which they count."""

    common: list[str]
    states: list[str]
    texts: list[str]
    objects: list[str]
    cancelled: list[str]
    work: list[str]
    began: list[str]


@ByNames
def _telling(names: tuple[object, ...]) -> _Telling:
    return _Telling(
        common=[key for key in _COMMON if key in names],
        states=sorted(filter(_is_state, names), key=lambda key: key != "state"),
        texts=[key for key in _STATUS if key in names],
        objects=[key for key in _STATUS_OBJECTS if key in names],
        cancelled=[key for key in _CANCEL_REQUESTED if key in names],
        work=[key for key in _WORK if key in names],
        began=[key for key in names if is_name(key) and _BEGAN.fullmatch(key)],
    )


#: The metadata, and the parts of it that hold what all operations of its API have.
_Blocks = list[tuple[Mapping[str, Any], _Telling]]


def _first_time(blocks: _Blocks, keys: tuple[str, ...]) -> datetime | None:
    for key in keys:
        for block, _ in blocks:
            if key in block and (time := parse_timestamp(block[key])) is not None:
                return time
    return None


def _updated(metadata: Mapping[str, Any] | None) -> datetime | None:
    return None if metadata is None else _first_time(_blocks(metadata), _UPDATED)


def _blocks(metadata: Mapping[str, Any]) -> _Blocks:
    """Return the metadata, and the parts of it that hold what all operations of its API have."""
    telling = _telling(metadata)
    if not telling.common:
        return [(metadata, telling)]
    common = [metadata[key] for key in telling.common]
    return [(metadata, telling), *((part, _telling(part)) for part in common if isinstance(part, Mapping))]


def _with_work(blocks: _Blocks) -> _Blocks:
    """Return the blocks with the objects in them whose times are those of the operation."""
    if not any(telling.work for _, telling in blocks):
        return blocks
    inner = [block[key] for block, telling in blocks for key in telling.work]
    parts = [_first_and_last(part) if isinstance(part, list) else part for part in inner]
    return [*blocks, *((part, _telling(part)) for part in parts if isinstance(part, Mapping))]


def _first_and_last(parts: list[Any]) -> Mapping[str, Any]:
    """Return when the first of several began, and when the last ended, where all have."""
    blocks = [part for part in parts if isinstance(part, Mapping)]
    if not blocks:
        return {}
    ended = [block.get("endTime") for block in blocks]
    return {"startTime": blocks[0].get("startTime"), "endTime": ended[-1] if all(ended) else None}


def _created(times: _Blocks) -> datetime | None:
    """Return when the request was received."""
    if (created := _first_time(times, _CREATED)) is not None:
        return created
    metadata = times[0][0]
    if not any(telling.began for _, telling in times):
        return _first_state(metadata)
    known = is_of(metadata, _RECEIVED_TYPES) or any(key in metadata for key in _RECEIVED_FIELDS)
    if (received := _first_time(times if known else times[1:], ("startTime",))) is not None:
        return received
    return _first_state(metadata)


def _first_state(metadata: Mapping[str, Any]) -> datetime | None:
    """Return when the first of its states began, where they are told one by one."""
    if "statusHistory" not in metadata and "status" not in metadata:
        return None
    history = metadata.get("statusHistory")
    first = history[0] if isinstance(history, list) and history else metadata.get("status")
    return parse_timestamp(first.get("stateStartTime")) if isinstance(first, Mapping) else None


def _began(times: _Blocks) -> datetime | None:
    """Return when the work began."""
    for block, telling in times:
        for key in telling.began:
            if (time := parse_timestamp(block[key])) is not None:
                return time
    return None


def _left(metadata: Mapping[str, Any]) -> datetime | None:
    """Return when the last state began."""
    status = metadata.get("status")
    return parse_timestamp(status.get("stateStartTime")) if isinstance(status, Mapping) else None


def _cancelled(blocks: _Blocks) -> bool:
    for block, telling in blocks:
        if telling.cancelled and any(block[key] is True for key in telling.cancelled):
            return True
        if "cancelTime" in block and parse_timestamp(block["cancelTime"]) is not None:
            return True
    return False


def _is_state(key: object) -> TypeGuard[str]:
    return is_name(key) and _is_state_name(key)


@lru_cache(maxsize=4096)
def _is_state_name(key: str) -> bool:
    return _STATE.fullmatch(key) is not None


def _states(blocks: _Blocks) -> list[str]:
    """Return the enum values of the states in the blocks, of each the plain ``state`` first."""
    words: list[str] = []
    for block, telling in blocks:
        if not telling.states:
            continue
        words += map(state_word, map(block.get, telling.states))
        if "status" in telling.states and isinstance(status := block["status"], Mapping):
            words.append(state_word(status.get("state")))
    return [word for word in words if word]


def _status(blocks: _Blocks, states: list[str]) -> str | None:
    """Return the most telling words: a message, else the text of a status, else the state."""
    for block, telling in blocks:
        for key in telling.texts:
            if _is_text(block[key]):
                return str(block[key]).strip()
        for key in telling.objects:
            part = block[key]
            texts = map(part.get, _STATUS_PARTS) if isinstance(part, Mapping) else (part,)
            if (text := next(filter(_is_text, texts), None)) is not None:
                return str(text).strip()
    return states[0].replace("_", " ").capitalize() if states else None


def _is_text(value: object) -> bool:
    """Tell words for people from enum values, numbers and blanks."""
    return isinstance(value, str) and any(map(str.isalpha, value)) and not is_enum(value)


def state_of(resource: OperationResource, progress: Progress | None = None) -> State:
    """Return the one word for where an operation is; `progress` is its own, where it is known already."""
    if resource.done:
        if resource.error is None:
            return "SUCCEEDED"
        return "CANCELLED" if resource.error.name == "CANCELLED" else "FAILED"
    if (progress or Progress.from_metadata(resource.metadata)).cancel_requested:
        return "CANCELLING"
    return "RUNNING" if resource.metadata else "PENDING"
