"""Remote files that fail, are cut, or are replaced while they are read.

An attempt held if what came is exactly what was listed, or one `ResultError` that names a file of the place:
nothing is mixed, doubled, lost or half there.
"""

from __future__ import annotations

import gzip
import json
import tempfile
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pandas as pd
from slow_storage import SlowStorage

import lro_notebook as lro
from lro_notebook.results import load_place

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from lro_notebook.results.limits import Limits

_TRIALS = 120
_LARGE = 25_000  # rows of a file of several ranges
_STATES = ((), ("etag",), ("generation", "etag", "updated"), ("updated",))


def _file(draw: random.Random, number: int, state: str) -> tuple[bytes, list[str]]:
    """Return the bytes of a file, and the ids in it."""
    count = draw.choice([*[0, 1, 3, 20, 200] * 4, _LARGE])
    ids = [f"{number}-{state}-{row}" for row in range(count)]
    text = b"".join(json.dumps({"id": each, "pad": "x" * 40}).encode() + b"\n" for each in ids)
    return (gzip.compress(text, 1) if draw.choice([True, *[False] * 4]) else text), ids


def _hurt(draw: random.Random, storage: SlowStorage, path: str, new: bytes) -> None:
    """Let one thing go wrong with a file."""
    after, times = draw.choice([0, 0, 1, 2]), draw.choice([1.0, 2.0, float("inf")])
    error = draw.choice([PermissionError, FileNotFoundError, ConnectionResetError, TimeoutError, EOFError])
    what = draw.choice(["fail", "truncate", "change"])
    if what == "fail":
        storage.fail(path, error, after=after, times=times)
    elif what == "truncate":
        storage.truncate(path, keep=draw.random(), after=after, times=times)
    else:
        storage.change(path, new, after=after)


def _as_frame(results: lro.Results, _: str) -> pd.Series[Any]:
    return results["T"]["id"] if "id" in results["T"] else pd.Series([], dtype=object)


def _as_parquet(results: lro.Results, folder: str) -> pd.Series[Any]:
    written = results.to_parquet(folder)
    files = written.loc[written["rows"] > 0, "file"]
    return (
        pd.concat([pd.read_parquet(file)["id"] for file in files])
        if len(files)
        else pd.Series([], dtype=object)
    )


def _quick(real: Callable[..., Any]) -> Callable[[int | None, Limits], Any]:
    """Return `load_place.fetch_of` with tries that follow each other at once."""
    return lambda streams, limits: replace(real(streams, limits), backoff=lambda _: 0.0, tries=3)


def _held(draw: random.Random) -> bool:
    with (
        SlowStorage(
            latency=0,
            bandwidth=None,
            page=3,
            asynchronous=draw.choice([True, True, False]),
            tells=draw.choice(_STATES),
        ) as storage,
        tempfile.TemporaryDirectory() as folder,
    ):
        expected: list[str] = []
        paths = [f"out/T.{number:03d}.ndjson" for number in range(draw.randint(1, 12))]
        for number, path in enumerate(paths):
            data, ids = _file(draw, number, "old")
            storage.put(path, data)
            expected += ids
        results = lro.read_results(
            storage.uri("out"), streams=draw.choice([1, 4, 16]), lists=draw.choice(["first", "explode"])
        )
        for number, path in draw.sample(list(enumerate(paths)), min(len(paths), draw.randint(0, 2))):
            # Without a version, nobody can tell a new state of the same size from the old one.
            new = _file(draw, number, "new")[0] + (b"" if storage.tells else b'{"id":"longer"}\n' * 3)
            _hurt(draw, storage, path, new)
        try:
            got = draw.choice([_as_frame, _as_parquet])(results, folder)
        except lro.ResultError as error:
            return any(storage.uri(path) in str(error) for path in paths)
        return got.tolist() == expected


def reading(draw: random.Random) -> tuple[int, int]:
    """Read places where up to two files are hurt."""
    with patch.object(load_place, "fetch_of", _quick(load_place.fetch_of)), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _TRIALS, sum(_held(draw) for _ in range(_TRIALS))


ATTACKS = [("remote files that fail, are cut or replaced while they are read", reading)]
