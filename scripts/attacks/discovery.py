"""Bodies, queries, selections and addresses that the local service holds against the discovery documents."""

from __future__ import annotations

import contextlib
import re
import time
from typing import TYPE_CHECKING, Any

from lro_notebook.local.discovery import masks, parameters, partial_response, request_bodies
from lro_notebook.local.discovery.document import document
from lro_notebook.local.discovery.method_lookup import method_at

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator

    from lro_notebook.local.discovery.document import Document

_SECONDS = 10.0  # after which a loop ends by itself
_DEPTH = 6
_VERSIONS = ("v1", "v1beta1")
_VALUES: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        -1,
        2**63,
        1e300,
        0.5,
        "",
        "R4",
        "AA==",
        "1",
        "x" * 100,
        "\0",
        "2026-01-01T00:00:00Z",
    ),
    *("1s", "9" * 500, "é", [], {}, [[]], [None], {"": {}}),
]


def _loop(count: int, attempts: Iterator[bool]) -> tuple[int, int]:
    """Return how many attempts were made, and how many of them held."""
    tried = held = 0
    end = time.monotonic() + _SECONDS
    while tried < count and time.monotonic() < end:
        tried += 1
        held += next(attempts)
    return tried, held


def _body(rng: random.Random, described: Document, schema: str, depth: int = 0) -> dict[str, Any]:
    """Return a message of fields that the schema has, and some that it has not, with any values."""
    body: dict[str, Any] = {}
    fields = list(described.fields(schema).items())
    for name, field in rng.sample(fields, min(len(fields), rng.randrange(5))):
        value = rng.choice(_VALUES)
        if field.is_message and depth < _DEPTH and rng.randrange(5) > 0:
            value = _body(rng, described, field.type, depth + 1)
        if rng.randrange(3) == 0:
            value = [value] if field.many == "repeated" else {"k": value}
        body[name] = value
    if rng.randrange(5) == 0:
        body[rng.choice(["x", "", "é" * 100, "name", "@type"])] = rng.choice(_VALUES)
    return body


def bodies(rng: random.Random) -> tuple[int, int]:
    """Read bodies; what is accepted reads as itself again."""

    def attempts() -> Iterator[bool]:
        while True:
            described = document(rng.choice(_VERSIONS))
            requests = [method.request for method in described.methods.values() if method.request]
            schema = rng.choice(requests)
            read = request_bodies.read(described, schema, _body(rng, described, schema))
            yield bool(read.violations) or request_bodies.read(described, schema, read.message) == read

    return _loop(30_000, attempts())


def queries(rng: random.Random) -> tuple[int, int]:
    """Read queries and masks; what is accepted reads as itself again."""

    def attempts() -> Iterator[bool]:
        while True:
            described = document(rng.choice(_VERSIONS))
            method = rng.choice(list(described.methods.values()))
            names = [*method.query, "update_mask", "page_size", "fields", "$alt", "x", "", "a.b"]
            fields = list(described.fields(method.request or method.response))
            texts = ["", "1", "true", "x" * 100, ",".join(rng.choices([*fields, "", ".", "*"], k=3))]
            pairs = [(rng.choice(names), rng.choice(texts)) for _ in range(rng.randrange(4))]
            read = parameters.read(described, method, pairs)
            again = parameters.read(described, method, read.pairs)
            is_same = (again.pairs, again.mask, again.violations) == (read.pairs, read.mask, [])
            yield bool(read.violations) or is_same

    return _loop(20_000, attempts())


def selections(rng: random.Random) -> tuple[int, int]:
    """Select from responses with any text; a selection selects no more from what it has selected."""

    def attempts() -> Iterator[bool]:
        data = {"a": [{"b": {"c": 1}}, 2, {}], "b": {"a": {"b": [1]}}, "c": 3}
        while True:
            text = "".join(
                rng.choices(["a", "b", "c", "*", "/", ".", "(", ")", ",", " ", "\0", "a(b", "b/"], k=12)
            )
            with contextlib.suppress(partial_response.SelectionError):
                selection = partial_response.parse(text)
                part = partial_response.select(data, selection)
                yield partial_response.select(part, selection) == part
                continue
            yield True

    return _loop(30_000, attempts())


def addresses(rng: random.Random) -> tuple[int, int]:
    """Look for methods at any address; the path of one that is found matches."""

    def attempts() -> Iterator[bool]:
        words = [
            "projects",
            "locations",
            "datasets",
            "fhirStores",
            "fhir",
            "dicomWeb",
            "studies",
            "operations",
        ]
        words += [
            "p",
            "",
            ":",
            "a:import",
            "$export",
            "Patient",
            "%2F",
            "..",
            "é",
            "{}",
            "services",
            "nlp:analyzeEntities",
        ]
        while True:
            version = rng.choice(_VERSIONS)
            parts = ["projects", "p", "locations", "l", "datasets", "d"][: rng.randrange(7)]
            parts += rng.choices(words, k=rng.randrange(8))
            found = method_at(rng.choice(["GET", "POST", "PUT", ""]), f"/{version}/{'/'.join(parts)}")
            yield found is None or bool(_pattern(found.path).fullmatch("/".join(parts)))

    return _loop(50_000, attempts())


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)))


def changes(rng: random.Random) -> tuple[int, int]:
    """Change resources through masks; a second change with the same body changes nothing."""

    def attempts() -> Iterator[bool]:
        described = document("v1")
        while True:
            schema = rng.choice(["FhirStore", "Hl7V2Store", "Consent", "Dataset"])
            before, body = (
                request_bodies.read(described, schema, _body(rng, described, schema)).message for _ in "ab"
            )
            names = list(described.fields(schema))
            paths = [tuple(rng.choices(names, k=rng.randrange(1, 3))) for _ in range(rng.randrange(1, 3))]
            once = masks.apply(before, body, paths)
            yield masks.apply(once, body, paths) == once

    return _loop(10_000, attempts())


ATTACKS: list[tuple[str, Callable[[random.Random], tuple[int, int]]]] = [
    ("bodies of every request schema with any values", bodies),
    ("queries and masks of every method", queries),
    ("selections of fields", selections),
    ("addresses of methods", addresses),
    ("changes through masks", changes),
]
