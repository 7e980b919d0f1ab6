"""Uploads in random pieces, multipart bodies, pages of lists, and what DICOMweb searches are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lro_notebook.local.core.service_errors import ServiceError
from lro_notebook.local.dicom.web import accept, matching
from lro_notebook.local.http import multipart
from lro_notebook.local.storage import listing

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

_BYTES = (b"\r", b"\n", b"\r\n", b"--", b"--b", b"--b--", b"-", b"b", b"\x00", b"\xff", b"a", b": ", b"")
_LETTERS = "ab-/"
_VALUES = (
    "2020",
    "20200101",
    "-",
    "*",
    "?",
    "\\",
    ",",
    "[",
    "^",
    "\x00",
    "é",
    "1e999",
    "nan",
    "+0100",
    "/",
    "",
)
_HEADERS = (
    "multipart/related",
    ";",
    ",",
    'type="',
    '"',
    "a/b",
    "*/*",
    "q=",
    "0.5",
    "=",
    " ",
    "\\",
    "é",
    "boundary",
)


def _bodies(chance: random.Random) -> tuple[int, int]:
    """Take odd bodies apart: refused, or parts that lie in them, one after another."""
    tried = held = 0
    for _ in range(30_000):
        body = b"".join(chance.choices(_BYTES, k=chance.randrange(30)))
        tried += 1
        try:
            found = multipart.parts(body, "b")
        except multipart.MultipartError:
            held += 1
            continue
        places = [place for part in found for place in (part.start, part.stop)]
        held += places == sorted(places) and (not places or places[-1] <= len(body))
    return tried, held


def _round_trips(chance: random.Random) -> tuple[int, int]:
    """Take apart what was written from any content without the boundary."""
    tried = held = 0
    for _ in range(10_000):
        contents = [
            b"".join(chance.choices(_BYTES, k=chance.randrange(8))) for _ in range(chance.randrange(1, 4))
        ]
        body = b"".join(multipart.written([("a/b", content) for content in contents], "=other="))
        tried += 1
        held += [body[one.start : one.stop] for one in multipart.parts(body, "=other=")] == contents
    return tried, held


def _pages(chance: random.Random) -> tuple[int, int]:
    """List in pages of any size: all pages together are the whole list, and nothing comes twice."""
    tried = held = 0
    for _ in range(3_000):
        names = sorted({"".join(chance.choices(_LETTERS, k=chance.randrange(1, 6))) for _ in range(20)})
        prefix = "".join(chance.choices(_LETTERS, k=chance.randrange(2)))
        wanted = listing.Wanted(
            prefix=prefix,
            delimiter=chance.choice(("", "/", "-", "ab")),
            start="".join(chance.choices(_LETTERS, k=chance.randrange(3))),
            end="".join(chance.choices(_LETTERS, k=chance.randrange(3))),
            trailing=chance.random() < 0.5,  # noqa: PLR2004 - a coin
        )
        files = [(name, name) for name in names if name.startswith(prefix)]
        whole = listing.page(files, wanted, len(names) + 1)
        tried += 1
        held += _all_pages(files, wanted, chance.randrange(1, 5)) == (whole.items, whole.prefixes)
    return tried, held


def _all_pages(files: list[tuple[str, str]], wanted: listing.Wanted, limit: int) -> tuple[Any, Any]:
    items, prefixes, after = [], [], ""
    for _ in range(len(files) + 1):
        page = listing.page(files, wanted._replace(after=after), limit)
        items += page.items
        prefixes += page.prefixes
        after = page.last
        if not after:
            break
    return items, prefixes


def _values(chance: random.Random) -> tuple[int, int]:
    """Match odd values with odd searches: refused with 400, or a yes or no."""
    tried = held = 0
    kinds = ("DA", "TM", "DT", "PN", "LO", "UI", "IS", "DS", "UN")
    for _ in range(20_000):
        text, given = ("".join(chance.choices(_VALUES, k=chance.randrange(5))) for _ in range(2))
        tried += 1
        try:
            wanted = matching.wanted("00100010", chance.choice(kinds), text, fuzzy=chance.random() < 0.5)  # noqa: PLR2004
            held += isinstance(wanted.holds({"00100010": {"Value": [given]}}), bool)
        except ServiceError as refused:
            held += refused.status == 400  # noqa: PLR2004 - a bad request
    return tried, held


def _accepts(chance: random.Random) -> tuple[int, int]:
    """Read odd ``Accept`` headers: never an error, only media types."""
    tried = held = 0
    for _ in range(10_000):
        header = "".join(chance.choices(_HEADERS, k=chance.randrange(12)))
        tried += 1
        held += all(isinstance(one, accept.Media) for one in accept.accepted(header))
    return tried, held


ATTACKS: list[tuple[str, Callable[[random.Random], tuple[int, int]]]] = [
    ("take odd multipart bodies apart", _bodies),
    ("take apart multipart bodies that were written", _round_trips),
    ("list objects in pages of any size", _pages),
    ("match odd values in DICOMweb searches", _values),
    ("read odd Accept headers", _accepts),
]
