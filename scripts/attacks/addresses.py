"""Ids, paths, endpoints and named places that try to lead a request or a read elsewhere.

An attempt held if it was refused with nothing sent, or if exactly what was asked for went over the wire.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from wire import EVIL, PLAIN, At, went_astray
from wire_table import TABLE

from lro_notebook.errors import ConfigError
from lro_notebook.http import addresses
from lro_notebook.http.session import Session
from lro_notebook.operations.journal import Journal
from lro_notebook.results.allowed_places import Near

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

_HELPERS = 3000
_PATHS = 20_000
_ENDPOINTS = 20_000
_PLACES = 10_000
_PIECES = [*"./\\?#%:;@&=+$ a0", "..", "%2e", "%2F", "://", "//", "::", "\u2025", "\uff0e", "\x00", "\n", "é"]
_BASE = httpx.URL("https://api.example.com/base")


def _text(draw: random.Random, most: int = 7) -> str:
    return "".join(draw.choices(_PIECES, k=draw.randint(0, most)))


def helpers(draw: random.Random) -> tuple[int, int]:
    """Call every public helper with ids that mean something to somebody on the way."""
    held = 0
    with tempfile.TemporaryDirectory() as folder:
        at = At(Journal(Path(folder) / "journal.sqlite3"))
        for _ in range(_HELPERS):
            row = draw.choice(TABLE)
            ids = dict(PLAIN)
            for kind in draw.sample(row.ids, draw.randint(1, len(row.ids))):
                ids[kind] = draw.choice([draw.choice(EVIL), _text(draw), PLAIN[kind] + _text(draw, 3)])
            held += not went_astray(at, row, ids)
        at.client.close()
    return _HELPERS, held


def paths(draw: random.Random) -> tuple[int, int]:
    """Make an address of any text."""
    rest, held = Session(str(_BASE)), 0
    for _ in range(_PATHS):
        path = "projects/p/" * draw.randint(0, 1) + _text(draw, 9)
        try:
            url = rest.url(path)
        except ConfigError:
            held += 1
            continue
        whole = [f"/base{version}/{path.removeprefix('/')}" for version in ("", "/v1")]
        held += url.path in whole and url.host == _BASE.host and not url.query and not url.fragment
    return _PATHS, held


def endpoints(draw: random.Random) -> tuple[int, int]:
    """Give endpoints whose host or path is not what it looks like, with a password in some."""
    held = 0
    for _ in range(_ENDPOINTS):
        user = draw.choice(["", "", "u:pa55word@", "pa55word@"])
        host = draw.choice(
            ["api.example.com", "x.googleapis.com", "[::1]", f"e{_text(draw, 3)}.googleapis.com"]
        )
        endpoint = f"{draw.choice(['https', 'http', 'ftp'])}://{user}{host}{_text(draw, 4)}"
        try:
            url = httpx.URL(addresses.endpoint(endpoint))
        except ConfigError as error:
            held += "pa55word" not in str(error)
            continue
        held += not user and endpoint.lower().startswith(f"{url.scheme}://{url.netloc.decode()}")
    return _ENDPOINTS, held


def places(draw: random.Random) -> tuple[int, int]:
    """Name files of this machine and its network in a manifest."""
    held = 0
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve() / "keep"
        root.mkdir()
        (root / "link").symlink_to("/")
        nears = [Near("gs://b/x"), Near(), Near(str(root), relative=True), Near(f"file://{root}")]
        for _ in range(_PLACES):
            near = draw.choice(nears)
            front = draw.choice(
                ["", "", "file://", "gs://", "http://", "https://", "s3://", f"{root}/", "link/"]
            )
            uri = near.resolve(front + draw.choice(["", "/etc/passwd", "../x", "a/"]) + _text(draw, 5))
            if uri is None or uri.startswith("gs://"):
                held += uri is None or near.folder is None or near.folder.startswith("gs://")
                continue
            local = Path(uri.removeprefix("file://"))
            held += local.resolve().is_relative_to(root) and near.folder != "gs://b/x"
    return _PLACES, held


#: What was tried, and the function that tries it.
ATTACKS: list[tuple[str, Callable[[random.Random], tuple[int, int]]]] = [
    ("ids that lead elsewhere, through every helper", helpers),
    ("paths that are folded, cut or decoded", paths),
    ("endpoints with passwords or another host", endpoints),
    ("places in manifests on this machine and its network", places),
]
