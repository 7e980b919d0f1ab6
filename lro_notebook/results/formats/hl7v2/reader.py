"""Exported HL7v2 messages: ``messages``, and a table for each kind of segment.

Files hold one ``Message`` of the Healthcare API per line, in any ``messageView``, or plain HL7v2 text.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from lro_notebook.results.arrow.batch import BadLine, Batch
from lro_notebook.results.arrow.flatten import flatten
from lro_notebook.results.arrow.json_fallback import objects_of, shaped
from lro_notebook.results.arrow.line_blocks import (
    BLOCK,
    BOM,
    DAMAGED,
    Gunzip,
    blocks,
    decompressed,
    sort_lines,
)
from lro_notebook.results.arrow.list_levels import raised
from lro_notebook.results.formats.format import LINE_START, Format
from lro_notebook.results.formats.hl7v2 import decoding as hl7v2_decoding
from lro_notebook.results.formats.hl7v2 import messages as hl7v2_messages
from lro_notebook.results.formats.hl7v2 import parser
from lro_notebook.results.formats.hl7v2.tables import MESSAGE, Segments
from lro_notebook.results.formats.hl7v2.times import times

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import BinaryIO

    from lro_notebook.results.arrow.batch import Advance, Options
    from lro_notebook.results.formats.hl7v2.parser import Message
    from lro_notebook.results.limits import Limits
    from lro_notebook.results.shards import Shard
    from lro_notebook.results.sources.source import Streams

#: A JSON object up to one of its keys, past values that nest only once.
_UP_TO_KEY = rb"\{(?:[^{}\[\]\n]|\{[^{}\n]*\}|\[[^\[\]\n]*\])*?"
#: A message of the API: its text in base64 begins with MSH, FHS, BHS, or with the frame of MLLP.
_KEYS = rb'(?:"data"\s*:\s*"(?:TVNI|RkhT|QkhT|C01T)|"(?:parsedData|schematizedData)"\s*:|/hl7V2Stores/)'
_LINE = re.compile(rb"[\r\n][ \t]*\x0b?MSH([^A-Za-z0-9\s])(?:(?!\1)[^A-Za-z0-9\s]){1,5}\1")
LOG_LINES = "lines of a log are between its messages; they were left out"
_TEXT = re.compile(rb"[\x0b\s]*(?:\xef\xbb\xbf)?\x0b?(?:MSH|FHS|BHS)[^A-Za-z0-9\s]")
_START = 1 << 16  # bytes in which a file shows whether it is text
_NO_VIEW = "not a message in any view of the API"
_CONTENT = ("data", "parsedData", "schematizedData")


class _Entry(NamedTuple):
    """A message as it stands in a file: its line, its fields beside the content, the message itself."""

    line: int
    fields: Mapping[str, Any]
    message: Message | None
    faults: Sequence[str]
    bad: bool = False


def is_text(start: bytes) -> bool:
    """Tell whether a file that starts so is HL7v2 text."""
    wide = hl7v2_decoding.wide_codec(start)
    start = b"".join(hl7v2_decoding.narrowed([start], wide)) if wide else start
    if _TEXT.match(start) or is_log(start):
        return True
    return _LINE.search(start) is not None and start.lstrip()[:1] not in (b"{", b"[")


def is_log(start: bytes) -> bool:
    """Tell whether a file that starts so is a log in which messages stand."""
    return hl7v2_messages.is_log(start[:_START].decode("latin-1"))


def looks(name: str, start: bytes) -> bool:
    """Tell whether a file that begins with `start` is a log of messages; see `Format.looks`."""
    del name
    return is_log(start)


class _Part(NamedTuple):
    """Some messages of a file, and (line, reason) of what is none; `size` bytes, `taken` from the file."""

    shard: Shard
    file: str
    entries: Sequence[_Entry]
    faults: Sequence[tuple[int, str]]
    size: int
    taken: int

    def bad(self) -> Iterator[BadLine]:
        """Yield what is wrong, in the order of the lines."""
        of_entries = [(entry.line, fault) for entry in self.entries for fault in entry.faults]
        for line, reason in sorted([*self.faults, *of_entries]):
            yield BadLine(self.shard.uri, line, reason)


def read_messages(
    source: Streams, shards: Sequence[Shard], options: Options, advance: Advance
) -> Iterator[Batch]:
    """Yield the messages of `shards` and their segments, those of small files together; see `Format.read`."""
    held: list[_Part] = []
    for part in (part for shard in shards for part in _parts(source, shard, options)):
        if held and sum(other.size for other in held) + part.size > BLOCK:
            yield _batch(held, options)
            advance(sum(other.taken for other in held))
            held = []
        held.append(part)
    if held:
        yield _batch(held, options)
        advance(sum(other.taken for other in held))


def _batch(parts: Sequence[_Part], options: Options) -> Batch:
    table = parts[0].shard.table
    segments = Segments(options.lists, options.limits)
    rows: list[Mapping[str, Any]] = []
    for file, entry in ((part.file, entry) for part in parts for entry in part.entries if not entry.bad):
        key = str(entry.fields.get("name") or "").rpartition("/")[2] or f"{file}:{entry.line}"
        rows.append({MESSAGE: key, **entry.fields})
        if entry.message is not None:
            segments.add(key, entry.message)
    nested, shape = shaped(
        rows, options.decimals, limits=options.limits, name=table, bare=bool(options.levels)
    )
    flat = flatten(raised(nested, options.levels), lists=options.lists, key=MESSAGE)
    tables = {table: flat.table, **{f"{table}.{path}": child for path, child in flat.children.items()}}
    tables.update(segments.tables())
    truncated = {f"{table}.{path}": count for path, count in flat.truncated.items()}
    bad = [line for part in parts for line in part.bad()]
    return Batch(
        tables,
        bad,
        {**truncated, **segments.truncated},
        shape=shape if options.explodes else None,
        files=[(part.shard, sum(not entry.bad for entry in part.entries)) for part in parts],
    )


def _parts(source: Streams, shard: Shard, options: Options) -> Iterator[_Part]:
    """Yield the messages of a file, some MB at a time."""
    label = source.label(shard)
    limits = options.limits
    with source.open(shard) as file:
        if is_text(decompressed(file).read(_START)):
            for entries, faults, size, taken in _of_text(file, options):
                yield _Part(shard, label, entries, faults, size, taken)
            return
        file.seek(0)
        for block in blocks(file, limits):
            good, bad = sort_lines(block)
            values = objects_of([line for _, line in good])
            numbered = zip(good, values, strict=True)
            entries = [_entry_of_json(line, value, options) for (line, _), value in numbered]
            yield _Part(shard, label, entries, bad, len(block.data), block.taken)


def _of_text(
    file: BinaryIO, options: Options
) -> Iterator[tuple[list[_Entry], list[tuple[int, str]], int, int]]:
    """Yield messages, (line, reason) of what is none, their size, and how much of the file they took."""
    source = decompressed(file)
    limits = options.limits
    last = 1
    start = source.read(BLOCK)
    wide = hl7v2_decoding.wide_codec(start)
    unicode = bool(wide) or start.startswith(BOM)
    logged = not wide and is_log(start.removeprefix(BOM))

    def data_of_file() -> Iterator[bytes]:
        data = start.removeprefix(BOM)
        while data:
            yield data
            data = source.read(BLOCK)

    def pieces() -> Iterator[str]:
        nonlocal last
        for data in hl7v2_decoding.narrowed(data_of_file(), wide) if wide else data_of_file():
            last += data.count(b"\n")
            yield data.decode("latin-1")  # a byte a character, until a message says what it is in

    entries: list[_Entry] = []
    faults = [(1, LOG_LINES)] if logged else []
    size = place = 0
    given = hl7v2_messages.without_log(pieces()) if logged else pieces()
    for line, text in hl7v2_messages.split_pieces(given, limits.line):
        if text is None:
            too_long = f"too long: {limits.over('line', 'bytes')}"
            entries.append(_Entry(line, {}, None, [too_long], bad=True))
        else:
            entries.append(_entry_of_text(line, text.encode("latin-1"), {}, options, unicode=unicode))
            size += len(text)
        if size >= BLOCK:
            here = file.tell()
            yield entries, faults, size, here - place
            entries, faults, size, place = [], [], 0, here
    damaged = isinstance(source, Gunzip) and source.damaged
    yield entries, [*faults, *([(last, DAMAGED)] if damaged else [])], size, file.tell() - place


def _entry_of_json(line: int, value: Mapping[str, Any], options: Options) -> _Entry:
    limits = options.limits
    fields = {key: part for key, part in value.items() if key not in _CONTENT}
    schematized = value.get("schematizedData") or {}
    if isinstance(schematized, dict) and schematized.get("error"):
        fields["schematizedData"] = {"error": schematized["error"]}
    if "data" in value:
        try:
            data = base64.b64decode(value["data"], validate=True)
        except (binascii.Error, TypeError, ValueError):
            return _Entry(line, fields, None, ["data is not base64"], bad=True)
        return _entry_of_text(line, data, fields, options)
    message: Message | None
    try:
        if "parsedData" in value:
            parsed = parser.from_parsed(value["parsedData"].get("segments") or ())
            return _entry(line, fields, parsed, limits)
        if schematized.get("data"):
            message = parser.from_schematized(json.loads(schematized["data"]))
            return _entry(line, fields, message, limits)
    except (AttributeError, RecursionError, TypeError, ValueError):
        return _Entry(line, fields, None, [_NO_VIEW], bad=True)
    known = "name" in value
    return _Entry(line, fields, None, [] if known else [_NO_VIEW], bad=not known)


def _entry_of_text(
    line: int, data: bytes, fields: Mapping[str, Any], options: Options, *, unicode: bool = False
) -> _Entry:
    text, codecs, faults = hl7v2_decoding.decoded(data, options.encoding, unicode=unicode)
    message = parser.parse(text, codecs)
    if message is None:
        return _Entry(line, fields, None, [parser.NO_HEADER], bad=True)
    if faults:
        message = message._replace(faults=[*faults, *message.faults])
    return _entry(line, {**fields, "data": text}, message, options.limits)


def _entry(line: int, fields: Mapping[str, Any], message: Message | None, limits: Limits) -> _Entry:
    if message is None:
        return _Entry(line, fields, None, ["its schematized data holds no segment that is known"])
    if parser.is_crowded(message, limits):
        reason = f"too wide: {limits.over('positions', 'fields or components in a segment')}"
        return _Entry(line, fields, None, [reason], bad=True)
    return _Entry(line, fields, message, message.faults)


HL7V2 = Format(
    "HL7v2",
    read_messages,
    table="messages",
    start=re.compile(
        rb"^(?:\xff\xfe|(?:\0\0)?\xfe\xff)?\0{0,3}[\x0b\s]?\0{0,3}(?:M\0+S|[FB]\0+H)\0+[HS]\0+[^A-Za-z0-9\s\0]|"
        + LINE_START
        + rb"(?:(?:MSH|FHS|BHS)[^A-Za-z0-9\s]"
        rb'|(?!\{[^\n]*"resourceType")' + _UP_TO_KEY + _KEYS + rb")"
    ),
    looks=looks,
    inner_tables=re.compile(r"[A-Z][A-Z0-9]{2}"),
    times=times,
    written_by="hl7V2Stores",
)
