"""MD5 and CRC32C of objects, in base64 as Cloud Storage gives them."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from lro_notebook.local.core import objects

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_CHUNK = 1 << 20
_POLYNOMIAL = 0x82F63B78  # Castagnoli, reversed


class Checksums(NamedTuple):
    """The checksums of an object."""

    md5: str
    crc32c: str


def of(path: Path) -> Checksums:
    """Return the checksums of a file."""
    md5, crc, extend = hashlib.md5(usedforsecurity=False), 0, _extend()
    with objects.open_object(path) as file:
        while chunk := file.read(_CHUNK):
            md5.update(chunk)
            crc = extend(crc, chunk)
    return Checksums(_text(md5.digest()), _text(crc.to_bytes(4, "big")))


def extend_slowly(crc: int, data: bytes) -> int:
    """Return the CRC32C of what `crc` is of, followed by `data`; some 10 MB take a second."""
    table, crc = _table(), crc ^ 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def _text(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


@cache
def _extend() -> Callable[[int, bytes], int]:
    """Return the quick function, which Google's clients bring with them, or the slow one."""
    try:
        from google_crc32c import extend
    except ImportError:
        return extend_slowly
    quick: Callable[[int, bytes], int] = extend
    return quick


@cache
def _table() -> list[int]:
    table = []
    for number in range(256):
        crc = number
        for _ in range(8):
            crc = (crc >> 1) ^ (_POLYNOMIAL if crc & 1 else 0)
        table.append(crc)
    return table
