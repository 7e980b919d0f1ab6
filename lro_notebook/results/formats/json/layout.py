"""How JSON stands in a file, as its first bytes tell: an object on each line, or documents. Pure."""

from __future__ import annotations

import json
import re
from typing import Literal

import orjson

from lro_notebook.results.arrow.encodings import utf8_of
from lro_notebook.results.arrow.json_structure import BLANKS, marks
from lro_notebook.results.formats.dicom.reader import DICOM
from lro_notebook.results.formats.hl7v2.reader import HL7V2
from lro_notebook.results.formats.json.google_documents import is_fhir
from lro_notebook.results.formats.json.members import members

_DOCUMENTS = (".json", ".geojson")
_LINES = (".ndjson", ".jsonl")
_DECODER = json.JSONDecoder()
_EMPTY = re.compile(rb"\{[ \t\r\n]*\}")
_TEXT_FIRST = re.compile(rb'\{[ \t\r\n]*"(?:[^"\\\x00-\x1f]|\\.){0,256}+"[ \t\r\n]*:[ \t\r\n]*"')
_OTHERS = (DICOM, HL7V2)  # they have lines and lists of JSON too


def layout_of(name: str, start: bytes) -> Literal["lines", "documents"] | None:
    """Return how JSON stands in a file that is called and begins so; None where that is no JSON.

    Lines have an object each. One line alone is a document in a file ``.json`` or ``.geojson``, and so is a
    first line that does not end in `start`; elsewhere they are lines. So are, in a file ``.ndjson`` or
    ``.jsonl``, those behind a first one that is broken.
    """
    text = utf8_of(start).lstrip(BLANKS)
    if text.startswith(b"["):
        return "documents" if _begins_list(text) else None
    if not _begins_object(text):
        return None
    plain = name.lower().removesuffix(".gz")
    is_json = plain.endswith(_DOCUMENTS)
    end = _end_of(text)
    if b"\n" in text[:end] and plain.endswith(_LINES) and _is_broken_line(text):
        return "lines"
    if end is None:
        return "documents" if b"\n" in text or is_json else "lines"
    line, _, others = text[end:].partition(b"\n")
    following = others.lstrip(BLANKS)
    if line.strip(BLANKS) or (following and not following.startswith(b"{")):
        return None
    is_line = b"\n" not in text[:end] and (following or not is_json)
    return "lines" if is_line else "documents"


def _is_broken_line(text: bytes) -> bool:
    """Tell whether a text is no JSON from some line on, and an object is alone on that or on a later one."""
    words = text.decode("utf-8", "replace")
    try:
        _DECODER.raw_decode(words)
    except json.JSONDecodeError as error:
        lines = words[words.rfind("\n", 0, error.pos) + 1 :].split("\n")
        is_cut_off = error.pos >= len(words.rstrip())
        return not is_cut_off and any(_is_object(line) for line in lines)
    except RecursionError:  # deep, and JSON so far
        return False
    return False


def _is_object(line: str) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False


def _begins_list(text: bytes) -> bool:
    """Tell whether a list begins with an object, or is empty and all there is."""
    inner = text[1:].lstrip(BLANKS)
    return not inner[1:].strip(BLANKS) if inner.startswith(b"]") else _begins_object(inner)


def _begins_object(text: bytes) -> bool:
    """Tell whether a text begins with an object, as far as it goes."""
    found = members(text)
    if found is None or found:
        return bool(found)
    return bool(_EMPTY.match(text)) or (_end_of(text) is None and bool(_TEXT_FIRST.match(text)))


def _end_of(text: bytes) -> int | None:
    """Return where the object ends with which a text begins; None where it goes on behind the text."""
    places = marks(text).at(0)
    return places[1] + 1 if len(places) > 1 else None


def _is_other(start: bytes) -> bool:
    return is_fhir(start) or any(each.start is not None and each.start.search(start) for each in _OTHERS)


def is_lines(name: str, start: bytes) -> bool:
    """Tell whether a file holds JSON Lines that are of no other format; see `Format.looks`."""
    return layout_of(name, start) == "lines" and not _is_other(start)


def is_document(name: str, start: bytes) -> bool:
    """Tell whether a file holds JSON documents that are of no other format; see `Format.looks`."""
    return layout_of(name, start) == "documents" and not _is_other(start)
