"""Requests as no client writes them: parts of batches, JSON of people, tokens in queries, pieces of uploads.

An attempt held if it was refused in the way of requests, or read without a change of what it means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lro_notebook.local.core import lenient_json, nesting
from lro_notebook.local.core.service_errors import ServiceError
from lro_notebook.local.http import batch
from lro_notebook.local.http.method_override import without_tokens
from lro_notebook.local.storage import resumable_uploads

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

_WORDS = (
    *(
        "GET",
        "POST",
        "get",
        " ",
        "\r\n",
        "\n",
        "\r",
        "\r\n\r\n",
        "HTTP/1.1",
        "/v1/",
        "/v1",
        "/..",
        "//",
        "/batch",
    ),
    *("http://here", "http://other", "https://[::1", "@", "#", "?", "%2e%2e", "%00", ":", "\x85", "é", "a"),
    *("Host: other", "Content-Length: 3", "Content-Length: x", "Authorization: Bearer x", "/.lro-local"),
)
_JSON = (
    *("{", "}", "[", "]", ":", ",", '"', "'", "a", "b ", "1", "-", ".5", "e", "true", "null", "NaN", "\\"),
    *("\\u0041", "\n", "/", "*", "//", "é", " ", '"a"', "'b'", '"x":', '\\"', "\\'", "{a:", '{"a":', "[1,"),
)
_QUERY = (
    "access_token",
    "oauth_token",
    "%61ccess_token",
    "$",
    "%24",
    "=",
    "&",
    "hush",
    "hush",
    "a",
    "%",
    "+",
    ";",
)
_RANGE = ("bytes", " ", "0", "5", "-", "*", "/", "262143", "9" * 20, "x", "٣")


def _parts(draw: random.Random) -> tuple[int, int]:
    """Read parts of batches: each is a request to this host, below the path, or refused."""
    tried = held = 0
    for _ in range(20_000):
        text = "".join(draw.choices(_WORDS, k=draw.randrange(1, 12)))
        if draw.randrange(2):
            text = f"GET {text}/v1/a HTTP/1.1\r\n{text}"
        tried += 1
        try:
            call = batch.call_of({}, text.encode(), ("/v1",), "here")
        except ValueError:
            held += 1
            continue
        target = call.target.removeprefix("http://here").removeprefix("//here")
        held += target.startswith("/v1/") and not any(mark in target for mark in " \r\n")
    return tried, held


def _texts(draw: random.Random) -> tuple[int, int]:
    """Make JSON strict: what was JSON before means the same."""
    tried = held = 0
    for _ in range(30_000):
        text = "".join(draw.choices(_JSON, k=draw.randrange(1, 10))).encode()
        strict = lenient_json.strict(text)
        tried += 1
        try:
            value = nesting.loads(text)
        except nesting.Unreadable:
            held += 1
        else:
            held += nesting.loads(strict) == value
    return tried, held


def _tokens(draw: random.Random) -> tuple[int, int]:
    """Take tokens out of queries: none is left, and all else stays."""
    tried = held = 0
    for _ in range(20_000):
        query = "".join(draw.choices(_QUERY, k=draw.randrange(1, 10))).encode()
        kept, given = without_tokens(query)
        tried += 1
        held += (
            len(query.split(b"&")) == len(given) + (len(kept.split(b"&")) if kept or not given else 0)
            or not kept
        )
        again, none = without_tokens(kept)
        held -= (again, none) != (kept, [])
    return tried, held


def _pieces(draw: random.Random) -> tuple[int, int]:
    """Read where pieces of uploads go: refused, or numbers that can be."""
    tried = held = 0
    for _ in range(20_000):
        header = "bytes " * draw.randrange(2) + "".join(draw.choices(_RANGE, k=draw.randrange(1, 7)))
        tried += 1
        try:
            piece = resumable_uploads.piece_of(header)
        except ServiceError:
            held += 1
            continue
        held += all(number is None or 0 <= number < 10**18 for number in piece[:2])
    return tried, held


#: What was tried, and the function that tries it.
ATTACKS: list[tuple[str, Callable[[random.Random], tuple[int, int]]]] = [
    ("read parts of batches as no client writes them", _parts),
    ("make JSON that people write strict", _texts),
    ("take tokens out of queries", _tokens),
    ("read where pieces of uploads go", _pieces),
]
