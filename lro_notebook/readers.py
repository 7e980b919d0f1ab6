"""Readers of operation metadata: each finds one thing by the shape of the fields, whatever the API.

Google's APIs describe the progress of an operation in more than two hundred ways. These readers go by how
fields are named and what they hold, not by a list of APIs; what no name can tell is in `quirks`.
Pure; whatever the JSON is, nothing raises.
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from lro_notebook.resource import parse_timestamp

if TYPE_CHECKING:
    from datetime import datetime

Fields = dict[str, Any]  # a JSON object
Role = Literal["pending", "failed", "skipped", "handled", "succeeded", "done", "total", "valid"]

_CREATED = ("createTime", "creationTime", "insertTime", "submitTime", "requestTime")
_ENDED = ("endTime", "completeTime", "doneTime", "finishTime")
_COMMON = ("genericMetadata", "commonMetadata", "common")
_CANCEL_REQUESTED = (
    "requestedCancellation",
    "cancelRequested",
    "cancellationRequested",
    "cancelled",
    "canceled",
)
_CANCEL = frozenset(("CANCELLING", "CANCELING", "CANCELLED", "CANCELED"))
_TEXTS = (
    "stateMessage",
    "statusMessage",
    "statusDetail",
    "statusDetails",
    "stateDescription",
    "stateDetails",
    "progressMessage",
    "progressDetail",
    "detail",
    "details",
    "progress",
)
_HOLDERS = ("status", "state", "progress")  # objects that may hold the texts, too
_STATES = ("state", "status", "stage", "step", "phase")
_DEPTH, _NODES = 3, 200  # how far into the metadata progress is looked for

#: Words of field names by what such a field counts. The earlier role wins: totalFailedCount counts failures.
_ROLES: Mapping[Role, re.Pattern[str]] = {
    "pending": re.compile("pending|remaining|queued|outstanding"),
    "failed": re.compile("failed|failures?|errors?|errored|unsuccessful"),
    "skipped": re.compile("skipped|ignored"),
    "handled": re.compile("processed|scanned|handled|attempted"),
    "succeeded": re.compile("success|successes|successful|succeeded"),
    "done": re.compile(
        "completed?|done|finished|translated|imported|exported|copied|deleted|purged|migrated|ingested|"
        "analyzed|indexed|uploaded|transferred|converted|loaded"
    ),
    "total": re.compile("total|estimated|expected|found"),
    "valid": re.compile("valid"),
}
#: Words that say nothing of what is counted.
_FILLER = re.compile("counts?|number|num|of|so|far|size|total|requested|estimated|objects?")
#: Words of fields that count no units of the work.
_NO_UNIT = re.compile("percent|percentage|time|gb|mb|disk|memory|cpu|cost|billable|secondary")
_BYTES = re.compile("bytes?")  # shown only where no other unit is
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_FIELD = re.compile(r"[a-z][A-Za-z]*")
_NUMBER = re.compile(r"[+-]?\d{1,19}(\.\d+)?")
_ECHO = re.compile(r"(?:request|response|config|spec|options)$", re.IGNORECASE)  # what was asked for
_STEP_LIST = re.compile(r"(?:steps|stages|phases)$", re.IGNORECASE)
_STEP_DONE = frozenset(("succeeded", "success", "complete", "completed", "done", "finished"))
_STEP_FAILED = frozenset(("failed", "failure", "error", "errored"))


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted of one kind of unit; None is unknown.

    Attributes
    ----------
    completed, total, failed : int or None
        Units done, the failed and skipped ones included; units in all; units that failed.
    """

    completed: int | None
    total: int | None = None
    failed: int | None = None

    @property
    def fraction(self) -> float | None:
        """0 to 1, None where there is no total."""
        if not self.total or self.completed is None:
            return None
        return min(1.0, self.completed / self.total)


def number(value: object) -> float | None:
    """Return a number that is finite and not negative, also one written as text (proto3 int64); else None."""
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value) if "." in value else int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if math.isfinite(value) and value >= 0 else None


@lru_cache(maxsize=4096)
def words(name: str) -> tuple[str, ...]:
    """Return the words of a field name: ``totalVersionCount`` -> ``("total", "version", "count")``."""
    return tuple(word.lower() for word in _WORD.findall(name[:100]))


@lru_cache(maxsize=4096)
def is_percentage(name: str) -> bool:
    """Tell whether a field of that name holds how much is done, in percent; a share of traffic does not."""
    found = set(words(name))
    if not found & {"percent", "percentage"}:
        return name == "progress"
    return len(found) == 1 or bool(found & {"progress", "complete", "completed", "completion", "done"})


@lru_cache(maxsize=4096)
def role_of(name: str) -> tuple[Role, str] | None:
    """Return what a field of that name counts, and of which unit (empty where it names none)."""
    found = words(name)
    if any(map(_NO_UNIT.fullmatch, found)):
        return None
    for role, pattern in _ROLES.items():
        rest = [word for word in found if not pattern.fullmatch(word)]
        if len(rest) < len(found):
            return role, " ".join(word.removesuffix("s") for word in rest if not _FILLER.fullmatch(word))
    return None


def percentage(fields: Fields) -> float | None:
    """Return the fraction that a percentage among `fields` tells; ``45``, ``"45"`` and ``"45%"`` are 0.45."""
    for name, value in fields.items():
        if is_percentage(name):
            found = number(value.strip().removesuffix("%") if isinstance(value, str) else value)
            if found is not None:
                return min(1.0, found / 100.0)
    return None


def counts(fields: Fields) -> Counts | None:
    """Return what the counters among `fields` tell: of the unit that tells most."""
    units: dict[str, dict[Role, float]] = {}
    for name, value in fields.items():
        role = role_of(name)
        found = number(value) if role is not None else None
        if role is not None and found is not None:
            unit = units.setdefault(role[1], {})
            unit[role[0]] = unit.get(role[0], 0) + found
    named = [unit for unit in units if unit]
    if "" in units and len(named) == 1 and not units[""].keys() & units[named[0]].keys():
        units = {"": units[""] | units[named[0]]}  # validUrisCount, pendingCount
    told = [_tell(units[unit]) for unit in sorted(units, key=_is_bytes)]
    return max(told, key=lambda found: found.fraction is not None, default=None)


def _tell(roles: Mapping[Role, float]) -> Counts:
    failed, pending, total = roles.get("failed"), roles.get("pending"), roles.get("total")
    completed = roles.get("handled")
    if completed is None:
        parts = [roles[role] for role in ("succeeded", "done", "failed", "skipped") if role in roles]
        completed = sum(parts) if parts else None
    if pending is not None and total is None:
        total = roles.get("valid")  # what is valid is all that there is, where some of it is pending
    if "succeeded" in roles:
        failed = failed or 0  # zeros are left out on the wire
    if total is not None:
        completed = total - pending if pending is not None and pending <= total else completed or 0
    elif pending is not None:
        completed = completed or 0
        total = completed + pending
    return Counts(_whole(completed), _whole(total) or None, _whole(failed))


def steps(fields: Fields) -> Counts | None:
    """Return how many of the steps among `fields` are done, by their states; None where they have none."""
    for name, value in fields.items():
        if _STEP_LIST.search(name) and isinstance(value, Sequence) and not isinstance(value, str):
            states = [state_name(step) for step in value if isinstance(step, dict)]
            if states and any(states) and len(states) == len(value):
                kinds = [set(words((state or "").lower())) for state in states]
                failed = sum(bool(kind & _STEP_FAILED) for kind in kinds)
                return Counts(sum(bool(kind & _STEP_DONE) for kind in kinds) + failed, len(states), failed)
    return None


def levels(metadata: Fields) -> Iterator[Fields]:
    """Iterate over the metadata and the objects in it, the outer ones first; not into lists and maps."""
    waiting, seen = deque([(metadata, 0)]), 0
    while waiting and seen < _NODES:
        fields, depth = waiting.popleft()
        seen += 1
        yield fields
        if depth < _DEPTH:
            objects = [name for name, value in fields.items() if _is_object(value) and not _ECHO.search(name)]
            inner = sorted(objects, key=_is_bytes)
            waiting.extend((fields[name], depth + 1) for name in inner)


def collections(fields: Fields) -> Iterator[list[Fields]]:
    """Iterate over the lists and maps of objects among `fields`, each as the list of its objects."""
    for value in fields.values():
        elements: Iterable[object] = ()
        if isinstance(value, list):
            elements = value
        elif isinstance(value, dict) and is_map(value):
            elements = value.values()
        objects = [element for element in elements if isinstance(element, dict)][:_NODES]
        if objects:
            yield objects


def _is_object(value: object) -> bool:
    return isinstance(value, dict) and not is_map(value)


def is_map(value: Mapping[Any, Any]) -> bool:
    """Tell whether the keys of an object are data, such as names of tables, and no names of fields."""
    return not all(isinstance(key, str) and _FIELD.fullmatch(key) for key in value)


def mean_percentage(objects: Sequence[Fields]) -> float | None:
    """Return the mean of their percentages, where they have any; one without has not begun."""
    told = [percentage(fields) for fields in objects]
    return None if all(part is None for part in told) else sum(part or 0.0 for part in told) / len(told)


def summed(objects: Sequence[Fields]) -> Counts | None:
    """Return the sum of their counts, where all that count have a total."""
    told = [found for found in map(counts, objects) if found is not None and found.completed is not None]
    if not told or any(found.total is None for found in told):
        return None
    failures = [found.failed for found in told if found.failed is not None]
    return Counts(
        completed=sum(found.completed or 0 for found in told),
        total=sum(found.total or 0 for found in told),
        failed=sum(failures) if failures else None,
    )


def own(metadata: Fields) -> list[Fields]:
    """Return the metadata and the common part in it: the parts that speak of the operation itself."""
    return [metadata, *(metadata[name] for name in _COMMON if isinstance(metadata.get(name), dict))]


def created(parts: Sequence[Fields]) -> datetime | None:
    """Return when the operation was asked for."""
    return _first_time(parts, _CREATED)


def ended(parts: Sequence[Fields]) -> datetime | None:
    """Return when the operation ended; never when a part of it did."""
    return _first_time(parts, _ENDED)


def _first_time(parts: Sequence[Fields], names: Sequence[str]) -> datetime | None:
    times = (parse_timestamp(part[name]) for name in names for part in parts if name in part)
    return next((time for time in times if time), None)


def state_name(fields: Fields) -> str | None:
    """Return the name of the state among `fields`, such as ``RUNNING``; UNSPECIFIED counts as none."""
    named = [fields[name] for name in _STATES if name in fields]
    named += [value for name, value in fields.items() if name not in _STATES and words(name)[-1:] in _ENDINGS]
    inner = [value.get("state") for value in named if isinstance(value, dict)]
    for value in named + inner:
        if isinstance(value, str) and value.strip() and not value.upper().endswith("UNSPECIFIED"):
            return value.strip()
    return None


_ENDINGS = (("state",), ("stage",))


def status(parts: Sequence[Fields]) -> str | None:
    """Return the most human text about where the operation is: its message, else its state in words."""
    holders = [part[name] for part in parts for name in _HOLDERS if isinstance(part.get(name), dict)]
    for part in (*parts, *holders):
        for name in _TEXTS:
            text = part.get(name)
            if isinstance(text, str) and text.strip() and number(text.strip().removesuffix("%")) is None:
                return text.strip()
    state = next((name for name in map(state_name, parts) if name), None)
    if state is None or state.upper() != state:
        return state
    return state.removeprefix("STATE_").replace("_", " ").lower()


def cancel_requested(parts: Sequence[Fields]) -> bool:
    """Tell whether a cancellation was asked for."""
    for part in parts:
        if any(part.get(name) is True for name in _CANCEL_REQUESTED):
            return True
        if parse_timestamp(part.get("cancelTime")) is not None:
            return True
        if _CANCEL.intersection((state_name(part) or "").upper().split("_")):
            return True
    return False


@lru_cache(maxsize=4096)
def _is_bytes(name: str) -> bool:
    return any(map(_BYTES.fullmatch, words(name)))


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
