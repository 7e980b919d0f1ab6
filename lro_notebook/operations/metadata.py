"""What the fields of an operation's ``metadata`` mean, told by their shape and not by their API.

A field has one role, known from its name (`role_of`). A block (one JSON object) becomes the values by
role, and small readers turn those into `Counts`: a percentage, a pair of work, a total with what is done
and failed, what is pending; of a list or map of blocks their mean or sum, of steps how many have ended.
Pure, and never raises. What no shape tells stands in the two short tables of exceptions.

What only the names of a block's fields tell is worked out once for each set of names (`ByNames`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Generic, NamedTuple, TypeGuard, TypeVar

from lro_notebook.operations.resource import parse_int64

_DEPTH = 3  # levels below the metadata in which its progress can be
_MOST = 2**63
_LONGEST = 80  # characters of a field's name, or of an enum's value, that an API has
_WIDEST, _SHAPES = 64, 1024  # fields of a block whose names are remembered, and how many such blocks
T = TypeVar("T")

#: Role of a field -> how its name looks, in lower case without underscores. The first match counts.
_ROLES = {
    name: re.compile(pattern)
    for name, pattern in {
        "percent": r"(progress|completion|completed?|done)?percent(age)?(completed?|completion|done)?",
        "ratio": r"(estimated)?(completion|completed?|done|progress)(ratio|fraction)",
        "progress": r"progress",
        "work": r"completedwork|workcompleted|completed?workunits|estimatedcopiedbytes",
        "work total": r"estimatedwork|workestimated|totalworkunits|estimatedsizebytes",
        "pending": r"\w*(pending|remaining)(\w*count)?",
        "failed": r"(total|num)?(failures?|failed|errors|(fail|error)\w*count)|\w*(failed|failure)(count)?|"
        r"failed(characters|pages)",
        "skipped": r"(total|num)?\w*(skipped|ignored)\w*(count)?",
        "processed": r"(total|num)?processed(\w*count)?|\w*(processed|scanned)(count)?",
        "success": r"(total|num)?(success|succe(ss|ed)\w*count|succeeded)",
        "done": r"(total|num)?(completed?|done|finished)(\w*count)?|created\w*count|"
        r"translated(characters|pages)",
        "moved": r"(imported|exported|deleted|purge[ds]?|copied|migrated|indexed|updated|loaded)\w*count",
        "total": r"(estimated|expected)?total(?!\w*(valid|token|written|found|imported|exported|deleted))"
        r"(\w*count|units|items|objects|files|documents|records|rows|entities|pages|characters)?|target\w*count",
        "found": r"(?!\w*bytes)\w*found(count)?",
        "valid": r"valid\w+count",
    }.items()
}
#: Objects that tell of the operation's own progress, and those that are only what it works on.
_CONTAINER = re.compile(r"\w*progress\w*|\w*(counters?|stats|status|metadata)|common|job|build|graph")
_PAYLOAD = re.compile(
    r"\w*(request|response|result|error|failure|config|history|metric|original)\w*|secondary\w*"
)
_STEPS = re.compile(r"\w*(step|stage|task|progress|rollout)\w*|nodes")
_STEP_STATES = ("state", "status", "stepState")
_DONE = frozenset(
    {"DONE", "COMPLETE", "COMPLETED", "SUCCEEDED", "SUCCESS", "SUCCESSFUL", "FINISHED", "SKIPPED"}
)
_FAILED = frozenset({"FAILED", "FAILURE", "ERROR", "TIMEOUT", "INTERNAL_ERROR"})
_ENUM = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
_TYPE_ENDS = frozenset({"STATE", "STATUS", "STAGE"})  # the word that ends the name of such a type

#: Roles of which the first that is there counts.
_TOTALS, _TOTALS_BESIDE_PENDING = ("total", "found"), ("total", "found", "valid")
_SUCCESSES = ("success", "done", "moved")

#: Exceptions, by a word of the ``@type``, or by a field that only these have.
#: ``progress`` is a fraction of 1, not of 100.
_FRACTION_TYPES, _FRACTION_FIELDS = (
    ("google.earthengine.",),
    ("batchEecuUsageSeconds", "destinationUris", "attempt"),
)
#: ``total…Count`` counts what was processed.
_PROCESSED_TYPES = ("google.cloud.discoveryengine.", "google.cloud.contentwarehouse.")


class Counts(NamedTuple):
    """How far something is, as far as its fields tell; completed includes what failed."""

    completed: int | None = None
    total: int | None = None
    failed: int | None = None
    fraction: float | None = None

    @property
    def determinate(self) -> bool:
        """Whether it tells how far it is of all."""
        return self.fraction is not None


NOTHING = Counts()
#: The values of a block by the role of their fields.
Values = Mapping[str, Any]


def role_of(key: object) -> str:
    """Return what a field of this name tells; empty where it tells nothing about progress."""
    return _role_of(key) if is_name(key) else ""


class ByNames(Generic[T]):
    """What a function tells of the names of a block's fields, remembered for each tuple of names.

    All operations of a method have the same few. What no API has is not kept: names that are too long, and
    blocks with too many.
    """

    def __init__(self, function: Callable[[tuple[object, ...]], T]) -> None:
        self._function = function
        self._known: dict[tuple[object, ...], T] = {}

    def __call__(self, block: Mapping[str, Any]) -> T:
        """Return what the function tells of the names in `block`."""
        names = tuple(block)
        told = self._known.get(names)
        if told is None:
            told = self._function(names)
            if len(names) <= _WIDEST and all(map(is_name, names)) and len(self._known) < _SHAPES:
                self._known[names] = told
        return told


@ByNames
def _roles_and_places(names: tuple[object, ...]) -> tuple[list[str], list[str]]:
    return [*map(role_of, names)], [*map(_place_of, names)]


def is_name(key: object) -> TypeGuard[str]:
    """Tell whether `key` can be the name of a field of an API: text that is not too long."""
    return isinstance(key, str) and len(key) <= _LONGEST


@lru_cache(maxsize=4096)
def _role_of(key: str) -> str:
    name = key.replace("_", "").lower()
    if name.startswith("secondary"):  # counts other units
        return ""
    return next((role for role, pattern in _ROLES.items() if pattern.fullmatch(name)), "")


def _place_of(key: object) -> str:
    """Return what an object or list of this name holds: "block", "steps", "payload", or empty."""
    return _place_of_name(key) if is_name(key) else ""


@lru_cache(maxsize=4096)
def _place_of_name(key: str) -> str:
    name = key.replace("_", "").lower()
    if _PAYLOAD.fullmatch(name):
        return "payload"
    if _CONTAINER.fullmatch(name):
        return "block"
    return "steps" if _STEPS.fullmatch(name) else ""


def count(value: object) -> int | None:
    """Return a count, an int64 as JSON carries it; None for anything that is none."""
    number = parse_int64(value)
    return None if number is None or not 0 <= number < _MOST else number


def percent(value: object) -> float | None:
    """Return a percentage of any JSON type as a fraction: 45, 45.0, "45" and "45%" are 0.45."""
    if isinstance(value, str):
        try:
            value = float(value.strip().removesuffix("%"))
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
        return None
    return 1.0 if value >= 100 else value / 100  # noqa: PLR2004 - per cent


def ratio(value: object) -> float | None:
    """Return a number that is a fraction already."""
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or not math.isfinite(value)
        or value < 0
    ):
        return None
    return 1.0 if value >= 1 else float(value)


def read(metadata: Mapping[str, Any]) -> Counts:
    """Return how far an operation is by its metadata: the first part that is determinate, else any count."""
    values, parts = _sorted(metadata)
    best = of_values(_excepted(metadata, values)) if values else NOTHING
    if best.determinate and best.total is not None:
        return best
    for counts in _nested(parts, _DEPTH):
        if best.determinate:  # a percentage, and counts beside it
            return best if counts.total is None else counts._replace(fraction=best.fraction)
        if counts.determinate:
            return counts if counts.total is not None else best._replace(fraction=counts.fraction)
        if best is NOTHING:
            best = counts
    return best


#: Roles that tell a fraction, and how; the first that does counts.
_FRACTIONS: Mapping[str, Callable[[object], float | None]] = {
    "percent": percent,
    "ratio": ratio,
    "progress": percent,
}


def of_values(values: Values) -> Counts:
    """Return what one block tells: a percentage, and counts."""
    if not values:
        return NOTHING
    counts = pair(values) if "work" in values or "work total" in values else tally(values)
    if _FRACTIONS.keys().isdisjoint(values):
        return counts
    fractions = (fraction_of(values.get(role)) for role, fraction_of in _FRACTIONS.items())
    fraction = next((fraction for fraction in fractions if fraction is not None), None)
    return counts if fraction is None else counts._replace(fraction=fraction)


def pair(values: Values) -> Counts:
    """Return what a pair of work done and work estimated tells."""
    return _of(count(values.get("work")), count(values.get("work total")), None)


def tally(values: Values) -> Counts:
    """Return what counts tell of a total, what is done, failed, skipped, processed or pending."""
    numbers: dict[str, int] = {}
    for role, value in values.items():
        if (number := count(value)) is not None:
            numbers[role] = number
    failed, skipped, pending = numbers.get("failed"), numbers.get("skipped"), numbers.get("pending")
    total = _first(numbers, _TOTALS if pending is None else _TOTALS_BESIDE_PENDING)
    outcomes = [each for each in (_first(numbers, _SUCCESSES), failed, skipped) if each is not None]
    done = numbers.get("processed")
    if done is None and total is not None and pending is not None:
        done = max(0, total - pending)
    if done is None and outcomes:
        done = sum(outcomes)
    if total is None and pending is not None:
        total = (done or 0) + pending
    return _of(done, total, failed)


def of_many(parts: Sequence[Any], *, steps: bool = False) -> Counts:
    """Return what a list of blocks tells: the mean of percentages, the sum of counts, or steps that ended."""
    blocks = [part for part in parts if isinstance(part, Mapping)]
    each = [of_values(_sorted(block)[0]) for block in blocks]
    known = [counts for counts in each if counts.determinate]
    if any(counts.total is None for counts in known):
        # proto3 leaves a percentage of zero out
        return Counts(fraction=sum(counts.fraction or 0.0 for counts in each) / len(each))
    if known:
        failed = [counts.failed for counts in known if counts.failed is not None]
        done, total = (sum(getattr(counts, name) for counts in known) for name in ("completed", "total"))
        return _of(done, total, sum(failed) if failed else None)
    return of_steps(blocks) if steps else NOTHING


def of_steps(steps: Sequence[Mapping[str, Any]]) -> Counts:
    """Return how many steps have ended; one that tells no state has not begun."""
    states = [
        next((word for key in _STEP_STATES if (word := state_word(step.get(key)))), "") for step in steps
    ]
    if not any(states):
        return NOTHING
    failed = sum(state in _FAILED for state in states)
    return _of(failed + sum(state in _DONE for state in states), len(states), failed)


def state_word(value: object) -> str:
    """Return a state's enum value without its type's name; empty for UNSPECIFIED and anything else."""
    if not is_name(value) or "UNSPECIFIED" in value or not is_enum(value):
        return ""
    words = value.split("_")
    starts = (
        place
        for place, word in enumerate(words[1:], 1)
        if words[place - 1] in _TYPE_ENDS and word[0].isalpha()
    )
    return "_".join(words[next(starts, 0) :])


def is_enum(text: str) -> bool:
    """Tell whether `text` is the value of an enum, such as ``STATE_UNSPECIFIED``, and no word for people."""
    return _ENUM.fullmatch(text) is not None


def is_of(metadata: Mapping[str, Any], types: Sequence[str]) -> bool:
    """Tell whether the ``@type`` of metadata has one of these words in it."""
    name = metadata.get("@type")
    return isinstance(name, str) and any(word in name for word in types)


def _of(done: int | None, total: int | None, failed: int | None) -> Counts:
    """Return counts; what a known total leaves open is zero, which proto3 leaves out."""
    if not total:  # unknown, or not known yet
        return NOTHING if done is None else Counts(done, None, failed)
    done = done or 0
    return Counts(done, total, failed, done / total if done < total else 1.0)


def _first(numbers: Mapping[str, int], roles: Sequence[str]) -> int | None:
    for role in roles:
        if role in numbers:
            return numbers[role]
    return None


#: An object or a list in a block: its name, what one of that name holds, and itself.
_Part = tuple[str, str, Any]
_SCALARS, _CONTAINERS = (str, int, float), (dict, list, Mapping)


def _sorted(block: Mapping[str, Any]) -> tuple[dict[str, Any], list[_Part]]:
    """Return the values of a block by their role, and its parts that may tell more."""
    values: dict[str, Any] = {}
    parts: list[_Part] = []
    for key, value, role, place in zip(block, block.values(), *_roles_and_places(block), strict=False):
        if isinstance(value, _SCALARS):
            if role and role not in values:
                values[role] = value
        elif value and place != "payload" and isinstance(value, _CONTAINERS):
            parts.append((key, place, value))
    return values, parts


def _nested(parts: list[_Part], depth: int) -> Iterator[Counts]:
    """Yield what the parts of a block tell and what theirs do, sizes in bytes last."""
    if len(parts) > 1:
        parts = sorted(parts, key=lambda part: "bytes" in str(part[0]).lower())
    for key, place, value in parts:
        if isinstance(value, list):
            yield of_many(value, steps=bool(place))
            continue
        if _is_map_of_blocks(value):
            yield of_many([*value.values()], steps=bool(place))
        if place == "block":
            values, inner = _sorted(value)
            if values and key == "counter":
                values.setdefault("failed", 0)
            yield of_values(values)
            if depth > 1:
                yield from _nested(inner, depth - 1)


def _is_map_of_blocks(part: Mapping[str, Any]) -> bool:
    for value in part.values():  # noqa: SIM110 - `all` takes twice as long, and most end at the first
        if isinstance(value, str) or not isinstance(value, Mapping):
            return False
    return True


def _excepted(metadata: Mapping[str, Any], values: dict[str, Any]) -> Values:
    """Return `values` with the roles that the exceptions have."""
    if "progress" in values and (
        is_of(metadata, _FRACTION_TYPES) or any(field in metadata for field in _FRACTION_FIELDS)
    ):
        values["ratio"] = values.pop("progress")
    if "total" in values and (is_of(metadata, _PROCESSED_TYPES) or _says_processed(metadata)):
        processed = values.pop("total")
        if "success" not in values:
            values["processed"] = processed
    return values


def _says_processed(metadata: Mapping[str, Any]) -> bool:
    """Tell a ``totalCount`` that grows with what is done from one that is known from the start.

    Discovery Engine's has no state beside it; the others that are so called have.
    """
    total = count(metadata.get("totalCount"))
    if total is None or "state" in metadata:
        return False
    done = sum(count(metadata.get(key)) or 0 for key in ("successCount", "failureCount"))
    return "updateTime" in metadata or total == done
