"""What a file holds whose name does not say it: a look at its first bytes."""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import ResultError
from lro_notebook.results.storage import cause_of, faults

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lro_notebook.results.storage import Location

#: Kind of a file -> the table that its lines or objects make.
TABLES = {"messages": "messages", "instances": "instances", "ids": "resource_ids"}

_SUFFIXES = {"", "ndjson", "jsonl", "json", "hl7", "txt", "dcm"}
_START = 8192
_DICOM_AT, _DICOM = 128, b"DICM"
_LINE = rb"(?:^|\n)[ \t\r\x0b]*(?:\xef\xbb\xbf)?\x0b?"
#: A JSON object up to one of its keys, past values that nest only once.
_UP_TO_KEY = rb"\{(?:[^{}\[\]\n]|\{[^{}\n]*\}|\[[^\[\]\n]*\])*?"
#: A message of the API: its text in base64 begins with MSH, FHS, BHS, or with the frame of MLLP.
_MESSAGE_KEYS = (
    rb'(?:"data"\s*:\s*"(?:TVNI|RkhT|QkhT|C01T)|"(?:parsedData|schematizedData)"\s*:|/hl7V2Stores/)'
)
_PATTERNS = {
    "messages": re.compile(
        _LINE + rb"(?:(?:MSH|FHS|BHS)[^A-Za-z0-9\s]"
        rb'|(?!\{[^\n]*"resourceType")' + _UP_TO_KEY + _MESSAGE_KEYS + rb")"
    ),
    "instances": re.compile(_LINE + rb'[\[{]\s*(?:\{\s*)?"[0-9A-Fa-f]{8}"\s*:\s*\{\s*"vr"'),
    "ids": re.compile(rb'\A\s*"?[A-Z][A-Za-z]+/[A-Za-z0-9.\-]{1,64}"?\s*(?:\n|\Z)'),
}


def may_hold(path: str) -> bool:
    """Tell whether the name of a file leaves it open that it holds results."""
    suffix = _suffix(path)
    return suffix in _SUFFIXES or (suffix.isascii() and suffix.isdigit())


def is_object(path: str) -> bool:
    """Tell whether a file is called as a DICOM object."""
    return _suffix(path) == "dcm"


def _suffix(path: str) -> str:
    name = path.rpartition("/")[2].lower().removesuffix(".gz")
    return name.rpartition(".")[2] if "." in name else ""


def kind_of(location: Location, info: Mapping[str, Any]) -> str | None:
    """Return what the file `info` of fsspec holds, a key of `TABLES`; None for anything else.

    Reads some KB of it, unless its name says enough.

    Raises
    ------
    ResultError
        It cannot be read.
    """
    if is_object(info["name"]):
        return "instances"
    if not may_hold(info["name"]):
        return None
    try:
        start = location.fs.cat_file(info["name"], start=0, end=_START)
    except faults() as error:
        raise ResultError(
            f"{location.uri_of(info['name'])} cannot be read: {type(error).__name__}"
        ) from cause_of(error, info["name"])
    return kind_of_start(start)


def kind_of_start(start: bytes) -> str | None:
    """Return what a file holds that begins so."""
    if start.startswith(b"\x1f\x8b"):
        try:
            start = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(start, _START)
        except zlib.error:
            return None
    if start[_DICOM_AT : _DICOM_AT + len(_DICOM)] == _DICOM:
        return "instances"
    return next((kind for kind, pattern in _PATTERNS.items() if pattern.search(start)), None)
