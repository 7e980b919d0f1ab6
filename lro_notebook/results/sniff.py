"""In which format a file is: by its name or, where that does not say it, by its first bytes."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import ResultError
from lro_notebook.results.formats.registry import FORMATS
from lro_notebook.results.storage import cause_of, faults

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lro_notebook.results.formats.format import Format
    from lro_notebook.results.storage import Location

_START = 8192
_GZIP = b"\x1f\x8b"


def parse_name(name: str) -> dict[str, Any] | None:
    """Return what the name of a file says about it, as fields of `Shard`; None if no format knows it."""
    for each in FORMATS:
        fields = each.of_name(name) if each.of_name else None
        if fields is not None:
            return {**fields, "format": each}
    return None


def is_open(path: str) -> bool:
    """Tell whether only its first bytes can say whether a file holds results, and in which format."""
    return _of_suffix(path) is None and any(_candidates(path))


def format_of(location: Location, info: Mapping[str, Any]) -> Format | None:
    """Return the format of the file `info` of fsspec; None if it is in none.

    Reads some KB of it, unless its suffix says enough.

    Raises
    ------
    ResultError
        It cannot be read.
    """
    path = info["name"]
    known, candidates = _of_suffix(path), list(_candidates(path))
    if known is not None or not candidates:
        return known
    try:
        start = location.fs.cat_file(path, start=0, end=_START)
    except faults() as error:
        raise ResultError(f"{location.uri_of(path)} cannot be read: {type(error).__name__}") from cause_of(
            error, path
        )
    return _of_start(start, candidates)


def _of_suffix(path: str) -> Format | None:
    suffix = _suffix(path)
    return next((each for each in FORMATS if suffix in each.own_suffixes), None)


def _candidates(path: str) -> Iterable[Format]:
    """Return the formats that a file of this name may have; a number may follow any name."""
    suffix = _suffix(path)
    is_number = suffix.isascii() and suffix.isdigit()
    return (each for each in FORMATS if each.start and (is_number or suffix in each.suffixes))


def _of_start(start: bytes, candidates: Iterable[Format]) -> Format | None:
    """Return which of the `candidates` a file has that begins so."""
    if start.startswith(_GZIP):
        try:
            start = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(start, _START)
        except zlib.error:
            return None
    return next((each for each in candidates if each.start and each.start.search(start)), None)


def _suffix(path: str) -> str:
    name = path.rpartition("/")[2].lower().removesuffix(".gz")
    return name.rpartition(".")[2] if "." in name else ""
