"""DICOM JSON (PS3.18 F) to rows, as those of DICOM objects: an array of them, one per line, or a single one.

What other programs make of it is read as well: values that are no lists, numbers and names as text, objects
without ``vr``. An attribute that cannot be read is told, and the others are kept.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import orjson

from lro_notebook.results.arrow.batch import BadLine
from lro_notebook.results.arrow.json_fallback import objects_of
from lro_notebook.results.arrow.line_blocks import blocks, json_decoder, nests_deeper, sort_lines
from lro_notebook.results.formats.dicom.names import column_of, is_tag, vr_of
from lro_notebook.results.formats.dicom.values import (
    BINARY,
    DEEPEST,
    NO_VALUE,
    NUMBERS,
    WORDS,
    ZONE,
    Reading,
    number,
    person,
    too_deep,
)
from lro_notebook.results.limits import MAX_NESTING, TOO_DEEP

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import BinaryIO

    from lro_notebook.results.arrow.batch import Options
    from lro_notebook.results.arrow.line_blocks import Block
    from lro_notebook.results.formats.dicom.values import Row
    from lro_notebook.results.limits import Limits
    from lro_notebook.results.shards import Shard

_NO_TAGS = "not DICOM JSON: it has no tags"
_NOT_JSON = "not valid JSON"
_NO_OBJECT = "not a JSON object"
_ELSEWHERE = "is not in the file but elsewhere (BulkDataURI); it was left out"
_FORMS = ("Alphabetic", "Ideographic", "Phonetic")
_ONE_TEXT = {"LT", "ST", "UT", "UR"}  # a backslash in these divides nothing
_DECODER = json_decoder(float, int)
_SPACE = re.compile(r"[ \t\r\n,]*")
_PRETTY = re.compile(rb'\s*+\{[ \t\r]*+\n\s*+"')


def read_json(
    file: BinaryIO, shard: Shard, keywords: Sequence[str] | None, options: Options
) -> tuple[list[Row], list[BadLine]]:
    """Return the rows of a file of DICOM JSON, and what is wrong in it."""
    rows: list[Row] = []
    bad: list[BadLine] = []
    limits = options.limits
    for line, instance in _objects(file, limits):
        if isinstance(instance, str):
            bad.append(BadLine(shard.uri, line, instance))
        elif len(instance) > limits.columns:
            bad.append(BadLine(shard.uri, line, f"too wide: {limits.over('columns', 'attributes')}"))
        elif not any(map(is_tag, instance)):
            bad.append(BadLine(shard.uri, line, _NO_TAGS))
        else:
            reading = Reading(options)
            with suppress(_NoValueError):  # which is told with the other attributes
                reading.take_zone(next(iter(_values(instance.get(f"{ZONE:08X}"), ZONE)[0]), None))
            row = _row_of(instance, reading)
            rows.append({name: row[name] for name in row if keywords is None or name in keywords})
            bad += [BadLine(shard.uri, line, reason) for reason in reading.wrong]
    return rows, bad


def _objects(file: BinaryIO, limits: Limits) -> Iterator[tuple[int | None, Mapping[str, Any] | str]]:
    """Yield line, None in a document, and each object, or what is wrong with it."""
    document: list[bytes] | None = None
    size = 0
    for block in blocks(file, limits):
        if block.line == 1 and _is_document(block):
            document = []
        if document is not None and not block.fault:
            document.append(block.data)
            size += len(block.data)
            if size > limits.line:
                yield None, f"too long: {limits.over('line', 'bytes')}"
                return
            continue
        if document is not None:  # it was cut
            yield from ((None, element) for element in _elements(b"".join(document)))
            document = None
        good, bad = sort_lines(block)
        yield from bad
        yield from zip((line for line, _ in good), objects_of([one for _, one in good]), strict=True)
    if document is not None:
        yield from ((None, element) for element in _elements(b"".join(document)))


def _is_document(block: Block) -> bool:
    """Tell whether a file is one document, which goes over its lines: a list, or one object."""
    return block.data.lstrip()[:1] == b"[" or _PRETTY.match(block.data) is not None


def _elements(document: bytes) -> Iterator[Mapping[str, Any] | str]:
    """Yield each object of a document, or what is wrong with it."""
    if nests_deeper(document, MAX_NESTING + 1):
        yield TOO_DEEP
        return
    try:
        values = orjson.loads(document)
    except orjson.JSONDecodeError:
        yield from _before_the_fault(document)
        return
    for value in values if isinstance(values, list) else [values]:
        yield value if isinstance(value, dict) else _NO_OBJECT


def _before_the_fault(document: bytes) -> Iterator[Mapping[str, Any] | str]:
    """Yield the objects of a document that is no JSON up to the fault, and that."""
    try:
        text = document.decode()
    except UnicodeDecodeError:
        yield "not valid UTF-8"
        return
    place = text.find("[") + 1 if text.lstrip()[:1] == "[" else 0
    while True:
        place = _SPACE.match(text, place).end()  # type: ignore[union-attr] # it matches nothing, too
        if text[place : place + 1] == "]" or place == len(text):
            break
        try:
            value, place = _DECODER.raw_decode(text, place)
        except (ValueError, RecursionError):
            yield _NOT_JSON
            return
        yield value if isinstance(value, dict) else _NO_OBJECT
    if text[place : place + 1] != "]" or text[place + 1 :].strip():
        yield _NOT_JSON


def _row_of(instance: Mapping[str, Any], reading: Reading, level: int = 0) -> Row:
    """Return the attributes of an object by their columns; `level` is how many sequences it is inside."""
    row: Row = {}
    for key, attribute in instance.items():
        if not is_tag(key) or key.endswith("0000"):  # the latter counts the bytes of a group
            continue
        tag = int(key, 16)
        name, single = column_of(tag)
        try:
            values, vr = _values(attribute, tag)
            if not values or vr in BINARY:
                continue
            if vr == "SQ":
                if level == DEEPEST:
                    reading.wrong.append(too_deep(name))
                    continue
                row[name] = [_row_of(_item(item), reading, level + 1) for item in values]
                continue
            held = [None if value == "" else _value(value, vr, reading) for value in values]
            if held.count(None) == len(held):  # as what is empty in an object
                continue
        except _NoValueError as error:
            reading.wrong.append(f"{name} {error}")
            continue
        row[name] = held[0] if single and len(held) == 1 else held
    return row


class _NoValueError(Exception):
    """An attribute has no value of its kind."""


def _values(attribute: Any, tag: int) -> tuple[list[Any], str]:
    """Return the values of an attribute, and their value representation."""
    values, vr = attribute, ""
    if isinstance(attribute, dict):
        values, vr = attribute.get("Value"), str(attribute.get("vr") or "").upper()
    vr = vr or _known_vr(tag, values)
    if values is None and isinstance(attribute, dict):
        others = attribute.keys() - {"vr", "Value"}
        if others and vr not in BINARY and "InlineBinary" not in others:
            raise _NoValueError(_ELSEWHERE if "BulkDataURI" in others else NO_VALUE)
        return [], vr
    if isinstance(values, str) and vr not in _ONE_TEXT:
        return (list(values.split("\\")) if values else []), vr
    return (values if isinstance(values, list) else [] if values is None else [values]), vr


def _known_vr(tag: int, values: Any) -> str:
    """Return the value representation of an attribute that does not say it."""
    first = values[0] if isinstance(values, list) and values else values
    if isinstance(first, dict):
        return "PN" if first.keys() & set(_FORMS) else "SQ"
    return vr_of(tag)


def _item(item: Any) -> Mapping[str, Any]:
    if item is not None and not (isinstance(item, dict) and all(map(is_tag, item))):
        raise _NoValueError(NO_VALUE)
    return item or {}


def _value(value: Any, vr: str, reading: Reading) -> Any:
    if value is None:
        return None
    if vr == "PN":
        return _person(value)
    if isinstance(value, dict | list) or (isinstance(value, bool) and vr):
        raise _NoValueError(NO_VALUE)
    if vr in WORDS or (vr in NUMBERS and isinstance(value, str)):
        return number(str(value), reading.decimals)
    if not vr or vr in NUMBERS or not isinstance(value, str | int | float):
        return value
    return reading.dated(str(value)) if vr == "DT" else str(value)


def _person(value: Any) -> Any:
    if isinstance(value, str):
        return person(*[*value.split("=", 2), "", ""][:3])
    if not isinstance(value, dict) or any(isinstance(value.get(form), dict | list) for form in _FORMS):
        raise _NoValueError(NO_VALUE)
    return person(*(str(value.get(form) or "") for form in _FORMS))
