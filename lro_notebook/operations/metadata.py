"""What the fields of an operation's ``metadata`` mean, told by their shape and not by their API.

A field has one role, known from its name (`role_of`). A block (one JSON object) becomes the values by
role, and small readers turn those into `Counts`: a percentage, a pair of work, a total with what is done
and failed, what is pending; of a list or map of blocks their mean or sum, of steps how many have ended.
Pure, and never raises. What no shape tells stands in the two short tables of exceptions.

What only the names of a block's fields tell is worked out once for each set of names (`ByNames`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from lro_notebook.operations.field_names import IN_BYTES, roles_and_places
from lro_notebook.operations.resource import parse_int64
from lro_notebook.operations.states import ENDED, is_name, outcome_of_step, state_word

_DEPTH = 4  # levels below the metadata in which its progress can be
_MOST = 2**63

#: Roles of which the first that is there counts.
_TOTALS, _TOTALS_BESIDE_PENDING = ("total", "found"), ("total", "found", "valid")
_SUCCESSES = ("success", "done", "moved")
#: Roles that tell how much is done; a count of failures alone does not.
_OUTCOMES = frozenset({*_SUCCESSES, "processed", "pending", "skipped", "work", "step"})
_STEP_STATES, _STATES = ("state", "status", "stepState"), 16  # and the most states that an enum has

#: Exceptions, by a word of the ``@type``, or by a field that only these have.
#: ``progress`` is a fraction of 1, not of 100.
_FRACTION_TYPES, _FRACTION_FIELDS = (
    ("google.earthengine.",),
    ("batchEecuUsageSeconds", "destinationUris", "attempt"),
)
#: ``total…Count`` counts what was processed.
_PROCESSED_TYPES = ("google.cloud.discoveryengine.", "google.cloud.contentwarehouse.")
#: A total whose items are told one by one, once the service tells them.
_TOTALS_OF_STATUSES = ("totalDocumentCount",)


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
        return best if not _OUTCOMES.isdisjoint(values) else _with_statuses(metadata, best, parts)
    for counts in _nested(parts, _DEPTH):
        if best.determinate:  # a percentage, and counts beside it
            return best if counts.total is None else counts._replace(fraction=best.fraction)
        if counts.determinate:
            return counts if counts.total is not None else best._replace(fraction=counts.fraction)
        if best is NOTHING:
            best = counts
    return best


def _with_statuses(metadata: Mapping[str, Any], counts: Counts, parts: list[_Part]) -> Counts:
    """Return a total, and what a list of the statuses of single items beside it says is done of it."""
    for _, place, value in parts:
        if place == "statuses" and isinstance(value, list):
            told = of_statuses(value)
            done = max(counts.completed or 0, told.completed or 0)
            return _of(done, counts.total, told.failed if counts.failed is None else counts.failed)
    return NOTHING if any(field in metadata for field in _TOTALS_OF_STATUSES) else counts


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
    """Return what a pair of work done and work estimated tells; nothing where a value is no count."""
    done = count(values.get("work"))
    if done is None and "work" in values:
        return NOTHING
    return _of(done, count(values.get("work total")), None)


def tally(values: Values) -> Counts:
    """Return what counts tell of a total, what is done, failed, skipped, processed or pending."""
    numbers: dict[str, int] = {}
    for role, value in values.items():
        if (number := count(value)) is not None:
            numbers[role] = number
    failed, pending = numbers.get("failed"), numbers.get("pending")
    total = _first(numbers, _TOTALS if pending is None else _TOTALS_BESIDE_PENDING)
    parts = (_first(numbers, _SUCCESSES), failed, numbers.get("skipped"), numbers.get("cancelled"))
    outcomes = [each for each in parts if each is not None]
    done = numbers.get("processed")
    if done is None and total is not None and pending is not None:
        done = max(0, total - pending)
    if done is None and outcomes:
        done = sum(outcomes)
    if done is None and total is not None and "step" in numbers:
        done = max(0, numbers["step"] - 1)  # the step that it is in has not ended
    if total is None and pending is not None:
        total = (done or 0) + pending
    if done is None and any(role in values and role not in numbers for role in _OUTCOMES):
        return NOTHING  # what is done is told, and cannot be read
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
    if not steps:
        return NOTHING
    return of_steps(blocks) if blocks else of_states([part if is_name(part) else "" for part in parts])


def of_steps(steps: Sequence[Mapping[str, Any]]) -> Counts:
    """Return how many steps have ended; one that tells no state has not begun."""
    return of_states(
        [next((word for key in _STEP_STATES if (word := state_word(step.get(key)))), "") for step in steps]
    )


def of_states(states: Sequence[str]) -> Counts:
    """Return how many of the steps that have these states have ended."""
    words = [state_word(state) for state in states]
    if not any(words):
        return NOTHING
    outcomes = [outcome_of_step(word) for word in words]
    failed = outcomes.count("failed")
    return _of(sum(outcome in ENDED for outcome in outcomes), len(outcomes), failed)


def of_states_counted(block: Mapping[str, Any]) -> Counts:
    """Return what counts by state tell: ``{"SUCCEEDED": "3", "RUNNING": "1"}``."""
    first = next(iter(block), None)
    if not isinstance(first, str) or not first.isupper():  # as nearly always, and told at once
        return NOTHING
    each = [(outcome_of_step(key), count(value)) for key, value in block.items()]
    if not each or len(each) > _STATES or any(not outcome or number is None for outcome, number in each):
        return NOTHING
    ended = sum(number or 0 for outcome, number in each if outcome in ENDED)
    failed = sum(number or 0 for outcome, number in each if outcome == "failed")
    return _of(ended, sum(number or 0 for _, number in each), failed)


def of_statuses(statuses: Sequence[Any]) -> Counts:
    """Return how many items have ended, by the ``google.rpc.Status`` of each; one without has not."""
    ended = [item["status"] for item in statuses if isinstance(item, Mapping) and "status" in item]
    codes = [status.get("code") for status in ended if isinstance(status, Mapping)]
    failed = sum(code not in (None, 0, "0", "OK") for code in codes)
    return Counts(len(codes), None, failed) if codes else NOTHING


def of_metrics(metrics: object) -> Counts:
    """Return what metrics by name tell, as GKE has them: ``nodes done`` and ``nodes total``, or a scale."""
    known: dict[str, float] = {}
    for metric in metrics if isinstance(metrics, list) else ():
        name = metric.get("name") if isinstance(metric, Mapping) else None
        if is_name(name):
            number = metric.get("doubleValue", count(metric.get("intValue", 0)))
            if isinstance(number, (int, float)) and 0 <= number < _MOST:
                known[name.replace("_", " ").lower()] = number
    wholes = {name: number for name, number in known.items() if name.endswith((" total", " scale"))}
    total, done = sum(wholes.values()), 0.0
    for name, number in wholes.items():
        unit = name.rpartition(" ")[0]
        done += min(known.get(f"{unit} done", known.get(unit, 0)), number)
    if not total:
        return NOTHING
    if isinstance(total, int):
        return _of(int(done), total, None)
    return Counts(fraction=done / total)


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
    """Return the values of a block by their role, and its parts that may tell more.

    A part of its own is what a second field of the same role says, and what is counted in bytes.
    """
    values: dict[str, Any] = {}
    again: dict[str, Any] = {}
    in_bytes: dict[str, Any] = {}
    parts: list[_Part] = []
    for key, value, role, place in zip(block, block.values(), *roles_and_places(block), strict=False):
        if isinstance(value, _SCALARS):
            if not role:
                continue
            if role in values:
                again.setdefault(role, value)
            elif role.startswith(IN_BYTES):
                in_bytes.setdefault(role.removeprefix(IN_BYTES), value)
            else:
                values[role] = value
        elif value and place != "payload" and isinstance(value, _CONTAINERS):
            parts.append((key if is_name(key) else "", place, value))
    if again and (len(again) > 1 or not _FRACTIONS.keys().isdisjoint(again)):
        parts.append(("", "values", again))
    if in_bytes:
        parts.append(("bytes", "values", in_bytes))
    return values, parts


def _nested(parts: list[_Part], depth: int) -> Iterator[Counts]:
    """Yield what the parts of a block tell and what theirs do, sizes in bytes last."""
    if len(parts) > 1:
        parts = sorted(parts, key=lambda part: "bytes" in part[0].lower())
    for key, place, value in parts:
        if place == "values":
            if (counts := of_values(value)).determinate:
                yield counts
        elif place == "metrics":
            yield of_metrics(value)
        elif isinstance(value, list):
            yield of_statuses(value) if place == "statuses" else of_many(value, steps=bool(place))
        else:
            yield from _of_object(key, place, value, depth)


def _of_object(key: str, place: str, value: Mapping[str, Any], depth: int) -> Iterator[Counts]:
    """Yield what an object in a block tells, and what its parts do."""
    if _is_map_of_blocks(value):
        yield of_many([*value.values()], steps=bool(place))
        if place == "steps" and depth > 1 and len(value) <= _STATES:
            for inner in value.values():
                yield from _nested(_sorted(inner)[1], depth - 1)
    elif (counted := of_states_counted(value)) is not NOTHING:
        yield counted
    if place == "block":
        values, parts = _sorted(value)
        if values and key == "counter":
            values.setdefault("failed", 0)
        yield of_values(values)
        if depth > 1:
            yield from _nested(parts, depth - 1)


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
