"""The runner of ``hl7V2Stores.import``: newline-delimited JSON in a bucket -> messages of a store.

A unit is one message. A message that cannot be read is counted and logged; the import goes on.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from lro_notebook.errors import Code
from lro_notebook.local.core import nesting, objects
from lro_notebook.local.datasets import stores
from lro_notebook.local.hl7v2 import message_parser, message_schema, rows
from lro_notebook.local.hl7v2.rows import Incoming
from lro_notebook.local.operations import batches, request_fields
from lro_notebook.local.operations.method import Method, Step
from lro_notebook.local.operations.records import Failure

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from lro_notebook.local.core.buckets import Location
    from lro_notebook.local.datasets.stores import Store
    from lro_notebook.local.hl7v2.message_parser import Parser
    from lro_notebook.local.operations.method import Context, Job, Steps

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
#: Lines to count between two chances to stop.
_COUNTING_STEP = 10_000
#: Limits of the labels of a message.
_LABELS_MAX = 64
_LABEL_LENGTH = 63
#: The JSON mapping of protobuf also allows the URL-safe alphabet for bytes.
_STANDARD_ALPHABET = str.maketrans("-_", "+/")


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """A checked import."""

    store: Store
    source: Location


class Line(NamedTuple):
    """A line of the input that is not blank, and its place."""

    source: str
    text: bytes


def parse(context: Context, store: Store, body: Mapping[str, Any]) -> ImportRequest:
    """Check the body of ``hl7V2Stores.import``."""
    return ImportRequest(store, request_fields.source(context.buckets, body))


def run(job: Job, request: ImportRequest) -> Steps:
    """Count the units of the input, then read it and yield a step per batch."""
    yield from batches.await_sample(job, request.source)
    with job.database.read() as connection:
        parser = rows.parser_of(connection, request.store)
    files, left_out = batches.source_files(job, request.source)
    total = len(left_out)
    for uri, path in files:
        for number, _ in enumerate(_lines(uri, path), 1):
            total += 1
            if number % _COUNTING_STEP == 0:
                yield Step()
    yield Step(total=total, failures=left_out)
    write = partial(_write, store=request.store, operation=job.operation)
    for uri, path in files:
        messages = (read_line(line, parser) for line in _lines(uri, path))
        yield from batches.steps(job, messages, write, size_of=lambda unit: len(unit.data))
    return {}


def read_line(line: Line | Failure, parser: Parser) -> Incoming | Failure:
    """Return the message in a line, ready to be stored, or a failure."""
    if isinstance(line, Failure):
        return line
    try:
        document = nesting.loads(line.text)
    except nesting.Unreadable as error:
        return _failure(line, str(error))
    try:
        return read_message(document, parser)
    except message_parser.ParseError as parse_error:
        return _failure(line, str(parse_error))


def read_message(document: object, parser: Parser) -> Incoming:
    """Return the message in a Message resource, ready to be stored.

    Raises
    ------
    ParseError
        It holds no message, or its labels are not valid.
    """
    if not isinstance(document, dict):
        raise message_parser.ParseError("not a JSON object")
    text = document.get("data")
    if not isinstance(text, str) or not text:
        raise message_parser.ParseError("data is missing: expected the bytes of the message in base64")
    try:
        data = base64.b64decode(text.translate(_STANDARD_ALPHABET), validate=True)
    except (binascii.Error, ValueError) as error:
        raise message_parser.ParseError("data is not valid base64") from error
    labels = document.get("labels", {})
    if not _are_labels(labels):
        raise message_parser.ParseError(
            f"labels: expected at most {_LABELS_MAX} strings of at most {_LABEL_LENGTH} characters"
        )
    reading = message_parser.read(data, parser)
    if parser.schema is not None and parser.schema.hard:
        segments, marks = message_parser.segments(data, parser)
        if marks is not None:
            message_schema.schematized(segments, marks, parser.schema)
    return Incoming(rows.message_id(data), data, reading, labels)


def _are_labels(labels: object) -> bool:
    return (
        isinstance(labels, dict)
        and len(labels) <= _LABELS_MAX
        and all(
            isinstance(value, str) and 0 < len(key) <= _LABEL_LENGTH and len(value) <= _LABEL_LENGTH
            for key, value in labels.items()
        )
    )


def _write(
    connection: sqlite3.Connection, *, units: Sequence[Incoming], store: Store, operation: int
) -> None:
    stores.require_store(connection, store)
    rows.put_many(connection, store.key, units, operation=operation)


def _lines(uri: str, path: Path) -> Iterator[Line | Failure]:
    return batches.until_unreadable(uri, _lines_of(uri, path))


def _lines_of(uri: str, path: Path) -> Iterator[Line]:
    with objects.open_object(path) as file:
        for number, line in enumerate(file, 1):
            text = (line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line).strip()
            if text:
                yield Line(f"{uri}:{number}", text)


def _failure(line: Line, message: str) -> Failure:
    return Failure(line.source, "", Code.INVALID_ARGUMENT, message)


METHOD = Method(
    "hl7v2.Hl7V2Service.ImportMessages", "hl7v2.ImportMessagesResponse", parse, run, log="ImportHl7V2LogEntry"
)
