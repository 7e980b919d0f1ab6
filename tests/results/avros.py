"""Avro files, written by hand byte by byte, or by fastavro."""

from __future__ import annotations

import io
import json
from typing import Any

import fastavro

SYNC = b"0123456789abcdef"


def number(value: int) -> bytes:
    value = (value << 1) ^ (value >> 63)
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def text(words: bytes) -> bytes:
    return number(len(words)) + words


def header(schema: Any, codec: bytes = b"null") -> bytes:
    pairs = {b"avro.schema": json.dumps(schema).encode(), b"avro.codec": codec}
    return (
        b"Obj\x01"
        + number(2)
        + b"".join(text(key) + text(value) for key, value in pairs.items())
        + b"\0"
        + SYNC
    )


def block(count: int, data: bytes, sync: bytes = SYNC) -> bytes:
    return number(count) + text(data) + sync


def record(**types: Any) -> dict[str, Any]:
    return {
        "type": "record",
        "name": "R",
        "fields": [{"name": name, "type": kind} for name, kind in types.items()],
    }


def written(schema: Any, rows: list[Any], **how: Any) -> bytes:
    out = io.BytesIO()
    fastavro.writer(out, fastavro.parse_schema(schema), rows, **how)
    return out.getvalue()
