"""JSON as services write it that are not strict: one odd value must not cost the answer that it is in.

What has no meaning in JSON is read as null (NaN, numbers beyond all floats) or as the sign for an unknown
character (bytes that are no UTF-8, halves of surrogate pairs); a byte order mark is skipped.
"""

from __future__ import annotations

import json
import re

import orjson

_LARGEST = 16 << 20  # bytes: what is larger is read as it is or not at all, since this takes its time
_DIGITS = 300  # of a number without a point; more are no number that anybody counts with
_SURROGATE = re.compile("[\ud800-\udfff]")


def loads(data: bytes) -> object:
    """Return the value of `data`.

    Raises
    ------
    ValueError
        It is no JSON, or nested too deeply.
    """
    try:
        return orjson.loads(data)
    except ValueError:
        if len(data) > _LARGEST:
            raise
    try:
        text = data.decode("utf-8-sig", "replace")
        for _ in range(2):  # a number that is too large is infinite only once it was read
            value = json.loads(text, strict=False, parse_constant=lambda _: None, parse_int=_integer)
            text = json.dumps(value, ensure_ascii=False)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return orjson.loads(_SURROGATE.sub("\ufffd", text))  # which has a bound for the depth


def _integer(digits: str) -> int | None:
    return int(digits) if len(digits) < _DIGITS else None
