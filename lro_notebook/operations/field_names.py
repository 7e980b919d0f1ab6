"""What the name of a field in an operation's ``metadata`` tells: its role, and what an object of it holds.

Told by the shape of the name and not by the API. What only the names of a block's fields tell is worked out
once for each set of names (`ByNames`). Pure, and never raises.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from lro_notebook.operations.states import is_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")
_WIDEST, _SHAPES = 64, 1024  # fields of a block whose names are remembered, and how many such blocks
T = TypeVar("T")


@lru_cache(maxsize=4096)
def words_of(name: str) -> tuple[str, ...]:
    """Return the words of the name of a field, in lower case; a key of a map that is a URI is no name."""
    return () if "://" in name else tuple(word.lower() for word in _WORD.findall(name))


#: Role of a field -> how its name looks, in lower case without underscores. The first match counts.
_ROLES = {
    name: re.compile(pattern)
    for name, pattern in {
        "percent": r"(progress|completion|completed?|done)?percent(age)?(completed?|completion|done)?",
        "ratio": r"(estimated)?(completion|completed?|done|progress)(ratio|fraction)",
        "progress": r"progress",
        "work": r"completedwork|workcompleted|completed?workunits|estimatedcopiedbytes",
        "work total": r"estimatedwork|workestimated|totalworkunits|estimatedsizebytes",
        "pending": r"\w*(pending|remaining)(\w*count)?|incomplete\w*count",
        "failed": r"(total|num)?(failures?|failed|errors|(fail|error)\w*count)|\w*(failed|failure)(count)?|"
        r"failed(characters|pages)",
        "skipped": r"(total|num)?\w*(skipped|ignored)\w*(count)?",
        "cancelled": r"cancell?ed(\w*count)",
        "processed": r"(total|num)?processed(\w*count)?|\w*(processed|scanned)(count)?",
        "success": r"(total|num)?(success|succe(ss|ed)\w*count|succeeded)",
        "done": r"(total|num)?(completed?|done|finished)(\w*count)?|created\w*count|"
        r"translated(characters|pages)|(completed|finished)(steps|tasks|units)|(steps|tasks)(completed|done|finished)",
        "moved": r"(imported|exported|deleted|purge[ds]?|copied|migrated|indexed|updated|loaded)\w*count|"
        r"\w*(copied|transferred)to(sink|destination)",
        "total": r"(estimated|expected)?total(?!\w*(valid|token|written|found|imported|exported|deleted))"
        r"(\w*count|units|items|objects|files|documents|records|rows|entities|pages|characters)?|target\w*count|"
        r"(num)?(tasks?|steps?)(total|count)|(total|num)(steps|tasks)|totalestimated|\w*foundfromsource",
        "step": r"current(step|stage)(index|number)?|(step|stage)(index|number)",
        "found": r"(?!\w*bytes|total)\w*found(count)?",
        "valid": r"valid\w+count",
    }.items()
}
#: Fields that count other units than the rest of their block, others that a transfer has besides, and bounds.
_OTHER_UNITS = re.compile(
    r"(secondary|directories|intermediate)\w*|\w*fromsink|"
    r"(max|min|consecutive|allowed|tolerated|previous|last)(fail|error)\w*|(fail|error)\w*threshold\w*"
)
IN_BYTES = "bytes "  # before the role of a field that counts bytes
_FRACTIONS = frozenset({"percent", "ratio", "progress"})  # roles that count nothing
#: Objects that tell of the operation's own progress, and those that are only what it works on.
_CONTAINER = re.compile(r"\w*progress\w*|\w*(counters?|stats|status|metadata)|common|job|build|graph")
_PAYLOAD = re.compile(
    r"\w*(request|response|result|error|failure|config|history|metric|original)\w*|secondary\w*"
)
_STEPS = re.compile(
    r"\w*(step|stage|task|progress|rollout|phase)\w*|\w*(nodes|units|items|jobs|shards|actions|waves|batches)"
)
_STATUSES = re.compile(r"\w*statuses")


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
def roles_and_places(names: tuple[object, ...]) -> tuple[list[str], list[str]]:
    """Return for each name what its field tells, and what an object or list of it holds."""
    return [*map(role_of, names)], [*map(_place_of, names)]


@lru_cache(maxsize=4096)
def _role_of(key: str) -> str:
    name = key.replace("_", "").lower()
    if _OTHER_UNITS.fullmatch(name):
        return ""
    if "bytes" in name and not name.startswith("estimated"):
        role = _first_role(name.replace("bytes", ""))
        return f"{IN_BYTES}{role}" if role and role not in _FRACTIONS else ""
    return _first_role(name)


def _first_role(name: str) -> str:
    return next((role for role, pattern in _ROLES.items() if pattern.fullmatch(name)), "")


def _place_of(key: object) -> str:
    """Return what an object or list of this name holds: "block", "steps", "statuses", … or empty."""
    return _place_of_name(key) if is_name(key) else ""


@lru_cache(maxsize=4096)
def _place_of_name(key: str) -> str:
    name = key.replace("_", "").lower()
    if name == "metrics":
        return name
    if _PAYLOAD.fullmatch(name):
        return "payload"
    if _STATUSES.fullmatch(name):
        return "statuses"
    if _CONTAINER.fullmatch(name):
        return "block"
    return "steps" if _STEPS.fullmatch(name) else ""
