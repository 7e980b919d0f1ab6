"""In which format a file is: by its name or, where that does not say it, by its first bytes."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from lro_notebook.results.formats.registry import FORMATS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lro_notebook.results.formats.format import Format

#: Bytes of a file that tell its format.
START = 8192
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


def format_of(path: str, start: bytes) -> Format | None:
    """Return the format of a file: by its suffix if that says enough, else by its start; None if in none."""
    return _of_suffix(path) or _of_start(start, list(_candidates(path)))


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
            start = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(start, START)
        except zlib.error:
            return None
    return next((each for each in candidates if each.start and each.start.search(start)), None)


def _suffix(path: str) -> str:
    name = path.rpartition("/")[2].lower().removesuffix(".gz")
    return name.rpartition(".")[2] if "." in name else ""
