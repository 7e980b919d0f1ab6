"""DICOM objects: ``instances``, one row per object, a column per attribute, without pixels.

Reads exported ``.dcm`` objects, only up to their pixel data, and DICOM JSON metadata. Columns are called
by the keywords of the standard, private attributes by their tags (``00091001``). Needs pydicom.
"""

from __future__ import annotations

import re
import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from io import BytesIO
from typing import TYPE_CHECKING, Any

from lro_notebook.dicom_size import Budget, Counted, TooManyPartsError, check_parts, within
from lro_notebook.errors import ConfigError
from lro_notebook.results.arrow.batch import BadLine, Batch
from lro_notebook.results.arrow.flatten import flatten
from lro_notebook.results.arrow.json_fallback import shaped
from lro_notebook.results.arrow.line_blocks import BOM, decompressed
from lro_notebook.results.arrow.list_levels import raised
from lro_notebook.results.formats.dicom.charset import UNDECLARED, charsets_of, element_of
from lro_notebook.results.formats.dicom.deflated import Capped, Inflated, inflated
from lro_notebook.results.formats.dicom.json import read_json
from lro_notebook.results.formats.dicom.names import column_of, tag_of, times
from lro_notebook.results.formats.dicom.sniff import MARK, PREAMBLE, is_bare, looks
from lro_notebook.results.formats.dicom.values import (
    BINARY,
    DEEPEST,
    NO_VALUE,
    TOO_LONG,
    WORDS,
    ZONE,
    Reading,
    number,
    person,
    too_deep,
    too_long,
)
from lro_notebook.results.formats.format import LINE_START, Format

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lro_notebook.results.arrow.batch import Advance, Options
    from lro_notebook.results.formats.dicom.values import Row
    from lro_notebook.results.shards import Shard
    from lro_notebook.results.sources.source import Streams

#: The column of the file that holds an object.
FILE = "file"

_BATCH = 500
_HEADER = 1 << 16  # bytes that are asked of a remote file at once; most headers are shorter
_START = 1 << 13  # bytes that tell what a file is
_READERS = 8
_IDENTITY = "SOPInstanceUID"
_UNDEFINED = 0xFFFFFFFF
_PIXELS = {0x7FE00008, 0x7FE00009, 0x7FE00010}
_DEFLATED = "1.2.840.10008.1.2.1.99"
_CUT = "cut inside an attribute; what comes before it was read"
_UNREADABLE = "not a DICOM object that can be read"


def read_instances(
    source: Streams, shards: Sequence[Shard], options: Options, advance: Advance
) -> Iterator[Batch]:
    """Yield the objects of `shards`; see `Format.read`."""
    try:
        import pydicom  # noqa: F401 - optional
    except ImportError as error:
        raise ConfigError(
            "DICOM objects need pydicom, which is not installed: pip install pydicom"
        ) from error
    asked = options.columns_of(shards[0].table, shards[0].table)
    keywords = None if asked is None else sorted({name.partition(".")[0] for name in asked})

    def read(shard: Shard) -> tuple[list[Row], list[BadLine]]:
        rows, bad = _read_file(source, shard, keywords, options)
        return [{FILE: shard.uri, **row} for row in rows], bad

    for start in range(0, len(shards), _BATCH):
        batch = shards[start : start + _BATCH]
        rows: list[Row] = []
        bad: list[BadLine] = []
        files: list[tuple[Shard, int]] = []
        for shard, (more, faults) in zip(batch, _mapped(read, batch, source), strict=True):
            rows += more
            files.append((shard, len(more)))
            bad += faults
            advance(shard.size)
        name = shards[0].table
        table, shape = shaped(
            rows, options.decimals, limits=options.limits, name=name, bare=bool(options.levels)
        )
        flat = flatten(raised(table, options.levels), lists=options.lists, key=_IDENTITY)
        tables = {name: flat.table, **{f"{name}.{path}": child for path, child in flat.children.items()}}
        truncated = {f"{name}.{path}": count for path, count in flat.truncated.items()}
        yield Batch(tables, bad, truncated, shape=shape if options.explodes else None, files=files)


def _mapped(
    read: Callable[[Shard], tuple[list[Row], list[BadLine]]], shards: Sequence[Shard], source: Streams
) -> Iterator[tuple[list[Row], list[BadLine]]]:
    """Yield what `read` gives for `shards`, without pydicom's remarks on values that bend the standard."""
    from pydicom import config

    with warnings.catch_warnings(), config.disable_value_validation():
        warnings.simplefilter("ignore")
        if not source.is_remote:
            yield from map(read, shards)
            return
        with ThreadPoolExecutor(_READERS, thread_name_prefix="lro-dicom") as pool:
            try:
                yield from pool.map(read, shards)
            except BaseException:
                source.stop()  # the pool waits for its threads, and they for bytes
                raise


def _read_file(
    source: Streams, shard: Shard, keywords: Sequence[str] | None, options: Options
) -> tuple[list[Row], list[BadLine]]:
    with source.open(shard, block_size=_HEADER) as file:
        data = decompressed(file)
        start = data.read(_START)
        if start.removeprefix(BOM).lstrip()[:1] in {b"{", b"["}:
            return read_json(file, shard, keywords, options)
        plain = Inflated(file, whole=True) if data is file else _unpacked(start, data, options)
        plain.file.seek(0)
        try:
            return _read_object(plain, shard, keywords, options, start)
        except _faults():
            return [], [BadLine(shard.uri, None, _UNREADABLE)]
        except OSError as error:  # pydicom's own for a cut file has no number
            if error.errno is not None:
                raise
            return [], [BadLine(shard.uri, None, _UNREADABLE)]


def _unpacked(start: bytes, rest: Any, options: Options) -> Inflated:
    """Return what a gzip file holds, up to a bound."""
    most = options.limits.inflated
    content = start + rest.read(most)
    return Inflated(BytesIO(content[:most]), whole=len(content) <= most and not rest.damaged)


def _read_object(
    content: Inflated, shard: Shard, keywords: Sequence[str] | None, options: Options, start: bytes
) -> tuple[list[Row], list[BadLine]]:
    """Read an object that begins with `start`."""
    from pydicom.filereader import read_partial

    tags: list[Any] | None = None if keywords is None else [*filter(None, map(tag_of, keywords)), ZONE]
    limits, count, at_pixels = options.limits, 0, False
    bare = is_bare(start) and start[PREAMBLE - 4 : PREAMBLE] != MARK
    plain = inflated(content.file, limits.inflated, bare=bare)
    capped: Any = Capped(plain.file if plain else content.file)

    def stop(tag: int, vr: str | None, length: int) -> bool:
        del vr, length
        nonlocal count, at_pixels
        count, at_pixels = count + 1, tag in _PIXELS
        return at_pixels or count > limits.columns

    budget = Budget(limits.parts)
    counted: Any = Counted(capped, budget)
    try:
        with within(budget):
            dataset = read_partial(counted, stop, force=bare, specific_tags=tags)
            check_parts(dataset, budget)
    except TooManyPartsError:
        return [], [BadLine(shard.uri, None, f"too wide: {limits.over('parts', 'elements and items')}")]
    if count > limits.columns:
        return [], [BadLine(shard.uri, None, f"too wide: {limits.over('columns', 'attributes')}")]
    reading = Reading(options, wrong=[_CUT] if _is_cut(dataset) else [])
    if not (content.whole and (plain is None or plain.whole)) and not at_pixels:
        reading.wrong = [f"not read to its end: {limits.over('inflated', 'bytes')}"]
    with suppress(*_faults()):  # which is told with the other attributes
        reading.take_zone(dataset[ZONE].value)
    row = _row_of(dataset, reading, UNDECLARED)
    transfer = _DEFLATED if plain else dataset.file_meta.get("TransferSyntaxUID")
    if transfer and (keywords is None or "TransferSyntaxUID" in keywords):
        row["TransferSyntaxUID"] = str(transfer)
    return [row], [BadLine(shard.uri, None, reason) for reason in reading.wrong]


def _faults() -> tuple[type[Exception], ...]:
    """Return what pydicom raises for what is not DICOM, and for values that it cannot read."""
    from pydicom.errors import BytesLengthException, InvalidDicomError

    usual = (ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, TypeError, ValueError)
    deep = RecursionError  # of sequences in sequences
    of_bytes = (struct.error, zlib.error, BytesLengthException, InvalidDicomError)
    return (*usual, NotImplementedError, deep, *of_bytes)


def _is_cut(dataset: Any) -> bool:
    """Tell whether the file ended inside an attribute; pydicom says nothing of it."""
    from pydicom.dataelem import RawDataElement

    return any(
        isinstance(item, RawDataElement)
        and item.value is not None
        and len(item.value) < item.length != _UNDEFINED
        for item in map(dataset.get_item, dataset.keys())
    )


def _row_of(dataset: Any, reading: Reading, charsets: Sequence[str], level: int = 0) -> Row:
    """Return the attributes of a dataset by their columns, without binary ones.

    `charsets` are those of the dataset around it, and `level` is how many sequences it is inside.
    """
    row: Row = {}
    with suppress(*_faults()):
        charsets = charsets_of(dataset, charsets)
    for tag in sorted(dataset.keys()):
        name, single = column_of(int(tag))
        try:
            element, misread = element_of(dataset, tag, charsets)
            if element.VR in BINARY or tag.element == 0 or element.is_empty:
                continue
            if element.VR == "SQ" and level == DEEPEST:
                reading.wrong.append(too_deep(name))
                continue
            if element.VR == "SQ":
                row[name] = [_row_of(item, reading, charsets, level + 1) for item in element.value]
                continue
            several = element.VM > 1
            held = element.value if several else [element.value]
            values = [_value(value, element.VR, reading) for value in held]
        except _faults():
            reading.wrong.append(f"{name} {NO_VALUE}")
            continue
        if misread:
            reading.wrong.append(f"{name} {misread}")
        if element.VR in WORDS and too_long(values):
            reading.wrong.append(f"{name} {TOO_LONG}")
        row[name] = values[0] if single and not several else values
    return row


def _value(value: Any, vr: str, reading: Reading) -> Any:
    if vr == "PN":
        return person(str(value.alphabetic), str(value.ideographic), str(value.phonetic))
    if vr in WORDS:
        return number(str(getattr(value, "original_string", value)), reading.decimals)
    if vr == "AT":
        return f"{int(value):08X}"
    if vr == "DT":
        return reading.dated(str(value))
    return value if isinstance(value, int | float) else str(value)


DICOM = Format(
    "DICOM",
    read_instances,
    table="instances",
    own_suffixes=frozenset({"dcm"}),
    start=re.compile(LINE_START + rb'[\[{]\s*(?:\{\s*)?"[0-9A-Fa-f]{8}"\s*:\s*\{\s*"vr"'),
    looks=looks,
    times=times,
    in_folders=True,
    written_by="dicomStores",
    files_at_once=_BATCH,
    head=_HEADER,
)
