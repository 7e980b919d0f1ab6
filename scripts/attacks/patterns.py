"""Patterns that could go back over a text for ever, and texts that could make ours do so."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import growth

from lro_notebook.errors import ConfigError
from lro_notebook.fhirpath import regex
from lro_notebook.globs import Glob
from lro_notebook.local import log_routes
from lro_notebook.local.consent import rules
from lro_notebook.local.core.service_errors import ServiceError
from lro_notebook.local.fhir import cohort_expression
from lro_notebook.local.hl7v2 import message_filter
from lro_notebook.operations.progress import Progress
from lro_notebook.views.view import View

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

_SECONDS = 12.0  # after which a loop ends by itself
_MOST = 0.25  # seconds of the processor that one input may take; each needs some milliseconds at most


def _loop(rng: random.Random, count: int, attempt: Callable[[random.Random], object]) -> tuple[int, int]:
    """Return how many attempts were made, and how many of them took little time."""
    tried = held = 0
    end = time.monotonic() + _SECONDS
    while tried < count and time.monotonic() < end:
        begun = time.thread_time()
        tried += 1
        with contextlib.suppress(RecursionError):
            attempt(rng)
            held += time.thread_time() - begun < _MOST
    return tried, held


def _pumped(rng: random.Random, words: list[str], length: int) -> str:
    """Return a text of about `length`: some words, then one or two of them again and again, then an end."""
    head = "".join(rng.choices(words, k=rng.randrange(4)))
    pump = "".join(rng.choices(words, k=rng.randrange(1, 3)))
    return head + pump * (length // len(pump)) + rng.choice(["", "\x02", *words])


def globs(rng: random.Random) -> tuple[int, int]:
    """Match names of 1,000 characters against patterns full of wildcards."""

    def attempt(rng: random.Random) -> None:
        pattern = "".join(rng.choices(["*", "*", "?", "a", "b", "/", "/**/", "[ab]", "*a*"], k=60))
        with contextlib.suppress(ValueError):
            Glob(pattern.replace("***", "*"), classes=True).matches(_pumped(rng, ["a", "b", "ab", "/"], 1000))

    return _loop(rng, 20_000, attempt)


def expressions(rng: random.Random) -> tuple[int, int]:
    """Read filters, rules and paths of requests, as long as they may be."""
    words = ["a", " ", '"', "'", "\\", "=", "AND ", " and ", "operation.id", "(", "[", ",", ".", "1", "\n"]
    readers: list[Callable[[str], object]] = [
        log_routes.parse_filter,
        message_filter.compile_filter,
        rules.parse_rule,
        lambda text: cohort_expression.compile_expression(f"Patient.where({text})"),
    ]

    def attempt(rng: random.Random) -> None:
        read, text = rng.choice(readers), _pumped(rng, words, 19_000)
        with contextlib.suppress(ServiceError):
            read(rng.choice(["", 'operation.id = "', "a in [", "a = '"]) + text)

    return _loop(rng, 3_000, attempt)


def matches(rng: random.Random) -> tuple[int, int]:
    """Match the regular expressions of a view's author, of nested quantifiers, with long texts."""

    def attempt(rng: random.Random) -> None:
        pattern = rng.choice(["a", "[ab]", ".", r"\w", "ab?"])
        for _ in range(rng.randrange(1, 4)):
            inner, outer = rng.choice(["+", "*", "?", "{1,3}", "|a", "|aa"]), rng.choice(["+", "*", "{2}"])
            pattern = f"({pattern}{inner}){outer}"
        pattern += rng.choice(["$", "c", "", r"\1", "(?=c)"])
        if not regex.problem(pattern):
            regex.matches(_pumped(rng, ["a", "b", "ab"], 20_000), pattern)

    regex.matches("", "")  # loads Arrow
    return _loop(rng, 3_000, attempt)


def repeats(rng: random.Random) -> tuple[int, int]:
    """Make views whose repeat may have no end."""
    parts = [
        "item",
        "$this",
        "%resource",
        "answer",
        "first()",
        "where(true)",
        "select($this)",
        "count()",
        "'x'",
    ]

    def attempt(rng: random.Random) -> None:
        path = ".".join(rng.choices(parts, k=rng.randrange(1, 5)))
        select = {"repeat": ["item", path], "column": [{"name": "v", "path": "linkId", "type": "string"}]}
        with contextlib.suppress(ConfigError):
            View({"resource": "Questionnaire", "select": [select]})

    return _loop(rng, 5_000, attempt)


def states(rng: random.Random) -> tuple[int, int]:
    """Read metadata with states, counts and names of 20 kB."""
    words = ["STATE_", "A", "_", "JOB_", "pending", "Count", "1", "state", "Status", "progress"]

    def attempt(rng: random.Random) -> None:
        key = rng.choice(["state", "status", _pumped(rng, words, 80)[:80], _pumped(rng, words, 20_000)])
        value = rng.choice([_pumped(rng, words, 20_000), {_pumped(rng, words, 79): "1"}])
        Progress.from_metadata({key: value, "genericMetadata": {"state": _pumped(rng, words, 20_000)}})

    return _loop(rng, 3_000, attempt)


def every_pattern(rng: random.Random) -> tuple[int, int]:
    """Give every regular expression of the package texts that are made of what it is made of."""
    uses = growth.uses()
    bounded = {"lro_notebook.operations.metadata": 80, "lro_notebook.operations.progress": 80}
    chosen = {use: list(growth.attacks(use.pattern)) for use in uses}

    def attempt(rng: random.Random) -> None:
        use = rng.choice(uses)
        if chosen[use]:
            use.run(rng.choice(chosen[use]).of(bounded.get(use.module, 2_000)))

    return _loop(rng, 20_000, attempt)


ATTACKS: list[tuple[str, Callable[[random.Random], tuple[int, int]]]] = [
    ("object patterns full of wildcards", globs),
    ("filters, rules and paths of 19,000 characters", expressions),
    ("regular expressions of views with nested quantifiers", matches),
    ("views with a repeat that may have no end", repeats),
    ("metadata with states and names of 20 kB", states),
    ("every regular expression of the package on texts that repeat its parts", every_pattern),
]
