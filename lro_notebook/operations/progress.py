"""What an operation's ``metadata`` says about its progress, and the samples of it over time.

Pure: no I/O and no clock of its own. Unknown stays unknown: no total, no fraction.
"""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard, get_args

from lro_notebook.operations.metadata import ByNames, is_enum, is_name, is_of, read, state_word
from lro_notebook.operations.resource import State, parse_timestamp

if TYPE_CHECKING:
    from lro_notebook.operations.resource import OperationResource

_STATES: tuple[State, ...] = get_args(State)
_COUNTS = ("completed", "total", "failed")
_MOST_COUNTED = 2**63 - 1
_COMMON = ("genericMetadata", "commonMetadata", "common")
_CREATED = ("createTime", "creationTime", "insertTime", "submitTime", "requestTime")
_ENDED = ("endTime", "completeTime", "doneTime", "finishTime")
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
_CANCEL_STATES = frozenset({"CANCELLING", "CANCELLED", "CANCELING", "CANCELED"})
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
_STATE = re.compile(r"state|status|\w+(State|Status|Stage)|stage|phase")
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

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, Any] | None) -> Progress:
        """Read the progress out of `metadata`; never raises, whatever the input is."""
        if not isinstance(metadata, (dict, Mapping)) or not metadata:  # `dict` is told in a third of the time
            return cls()
        telling = _telling(metadata)
        blocks = [(metadata, telling)]
        if telling.common:
            common = [metadata[key] for key in telling.common]
            blocks += [(part, _telling(part)) for part in common if isinstance(part, Mapping)]
        counts = read(metadata)
        states = _states(blocks)
        return cls(
            fraction=counts.fraction,
            completed=counts.completed,
            total=counts.total,
            failed=counts.failed,
            status=_status(blocks, states),
            created=_first_time(blocks, _CREATED) or _received(metadata),
            ended=_first_time(blocks, _ENDED),
            cancel_requested=_cancelled(blocks) or (bool(states) and states[0] in _CANCEL_STATES),
        )

    @classmethod
    def from_resource(cls, resource: OperationResource) -> Progress:
        """Read the progress of a whole operation: one that succeeded has done all that there was."""
        progress = cls.from_metadata(resource.metadata)
        if resource.done and resource.error is None and progress.completed and progress.total is None:
            return replace(progress, total=progress.completed, fraction=1.0)
        return progress


class _Telling(NamedTuple):
    """The fields of a block that tell something, by their names alone, in the order in which they count."""

    common: list[str]
    states: list[str]
    texts: list[str]
    objects: list[str]
    cancelled: list[str]


@ByNames
def _telling(names: tuple[object, ...]) -> _Telling:
    return _Telling(
        common=[key for key in _COMMON if key in names],
        states=sorted(filter(_is_state, names), key=lambda key: key != "state"),
        texts=[key for key in _STATUS if key in names],
        objects=[key for key in _STATUS_OBJECTS if key in names],
        cancelled=[key for key in _CANCEL_REQUESTED if key in names],
    )


#: The metadata, and the parts of it that hold what all operations of its API have.
_Blocks = list[tuple[Mapping[str, Any], _Telling]]


def _first_time(blocks: _Blocks, keys: tuple[str, ...]) -> datetime | None:
    for key in keys:
        for block, _ in blocks:
            if key in block and (time := parse_timestamp(block[key])) is not None:
                return time
    return None


def _received(metadata: Mapping[str, Any]) -> datetime | None:
    """Return ``startTime`` where it is when the request was received."""
    if "startTime" not in metadata:
        return None
    known = is_of(metadata, _RECEIVED_TYPES) or any(key in metadata for key in _RECEIVED_FIELDS)
    return parse_timestamp(metadata["startTime"]) if known else None


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


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at an operation's progress."""

    time: datetime
    state: State
    completed: int | None
    total: int | None
    failed: int | None
    fraction: float | None


class Samples:
    """The samples of one operation, oldest first, in little memory: 10,000 operations may have theirs.

    Past `limit` samples every second one is dropped; the first and the last always stay.
    """

    __slots__ = ("_counts", "_fractions", "_limit", "_states", "_times")

    def __init__(self, limit: int = 256) -> None:
        self._limit = limit
        self._times, self._fractions, self._states = array("d"), array("d"), bytearray()
        self._counts = tuple(array("q") for _ in _COUNTS)  # -1 where unknown

    def add(self, sample: Sample) -> None:
        """Append `sample`."""
        self._times.append(sample.time.timestamp())
        self._fractions.append(math.nan if sample.fraction is None else sample.fraction)
        self._states.append(_STATES.index(sample.state))
        for column, name in zip(self._counts, _COUNTS, strict=True):
            number = getattr(sample, name)
            column.append(-1 if number is None else min(number, _MOST_COUNTED))
        if len(self._times) > self._limit:
            columns: tuple[Any, ...] = (self._times, self._fractions, self._states, *self._counts)
            for column in columns:
                column[:] = column[:-1:2] + column[-1:]

    def __iter__(self) -> Iterator[Sample]:
        return map(self._sample, range(len(self)))

    def __len__(self) -> int:
        return len(self._times)

    def rate(self) -> float | None:
        """Return units per second over the last half minute; None before three samples or without movement.

        It is the median slope between early and late samples, so that one burst or one pause does not
        move it.
        """
        times, completed = self._times[-_MOST:], self._counts[0][-_MOST:]
        return _rate([(time, done) for time, done in zip(times, completed, strict=True) if done >= 0])

    def _sample(self, place: int) -> Sample:
        completed, total, failed = (None if column[place] < 0 else column[place] for column in self._counts)
        fraction = self._fractions[place]
        return Sample(
            time=datetime.fromtimestamp(self._times[place], UTC),
            state=_STATES[self._states[place]],
            completed=completed,
            total=total,
            failed=failed,
            fraction=None if math.isnan(fraction) else fraction,
        )


#: A rate is that of the last so many seconds, of so many samples at least and at most.
_WINDOW, _LEAST, _MOST = 30.0, 3, 60


def _rate(counted: list[tuple[float, int]]) -> float | None:
    recent = [(time, done) for time, done in counted if counted[-1][0] - time <= _WINDOW]
    if len(recent) < _LEAST:
        recent = counted[-_LEAST:]
    if len(recent) < _LEAST or recent[-1][1] <= recent[0][1]:
        return None
    half = len(recent) // 2
    pairs = zip(recent[:half], recent[-half:], strict=True)
    slopes = sorted((late - early) / (end - began) for (began, early), (end, late) in pairs if end > began)
    if not slopes:
        return None
    median = (slopes[(len(slopes) - 1) // 2] + slopes[len(slopes) // 2]) / 2.0
    return median if median > 0.0 else None
