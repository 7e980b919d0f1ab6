"""DICOM objects: ``instances``, one row per object, a column per attribute, without pixels.

Reads exported ``.dcm`` objects, only up to their pixel data, and DICOM JSON metadata. Columns are called
by the keywords of the standard, private attributes by their tags (``00091001``). Needs pydicom.
"""

from __future__ import annotations

import re
import struct
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from string import hexdigits
from typing import TYPE_CHECKING, Any

import orjson

from lro_notebook.dicom_parts import Budget, Counted, TooManyPartsError, check_parts, within
from lro_notebook.errors import ConfigError
from lro_notebook.results.arrow.batch import BadLine, Batch
from lro_notebook.results.arrow.flatten import flatten
from lro_notebook.results.arrow.json_fallback import Number, objects_of, shaped
from lro_notebook.results.arrow.levels import raised
from lro_notebook.results.arrow.lines import blocks, nests_deeper, sort_lines
from lro_notebook.results.arrow.schema import SCALAR
from lro_notebook.results.formats.deflated import Capped, inflated
from lro_notebook.results.formats.format import LINE_START, Format
from lro_notebook.results.limits import MAX_NESTING, TOO_DEEP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import BinaryIO

    from lro_notebook.results.arrow.batch import Advance, Options
    from lro_notebook.results.limits import Limits
    from lro_notebook.results.shards import Shard
    from lro_notebook.results.sources.source import Streams

#: The column of the file that holds an object.
FILE = "file"

_BATCH = 500
_HEADER = 1 << 16  # bytes that are asked of a remote file at once; most headers are shorter
_READERS = 8
_BINARY = {"OB", "OD", "OF", "OL", "OV", "OW", "UN"}
_WORDS = {"DS", "IS"}
_IDENTITY = "SOPInstanceUID"
_UNDEFINED = 0xFFFFFFFF
_PIXELS = {0x7FE00008, 0x7FE00009, 0x7FE00010}
_DEFLATED = "1.2.840.10008.1.2.1.99"
_DEEPEST = 50  # sequences in sequences; the standard has a handful
_LONGEST = 64  # characters of a number; the standard has 16, not all files keep to it
_TAG_DIGITS = 8
_CUT = "cut inside an attribute; what comes before it was read"
_UNREADABLE = "not a DICOM object that can be read"
_NO_VALUES = "not DICOM JSON: an attribute has no list of values of its kind"
_NO_TAGS = "not DICOM JSON: it has no tags"
Row = dict[str, Any]


def read_instances(
    source: Streams, shards: Sequence[Shard], options: Options, advance: Advance
) -> Iterator[Batch]:
    """Yield the objects of `shards`; see `Format.read`."""
    try:
        import pydicom  # noqa: F401 - optional
    except ImportError as error:
        raise ConfigError(
            'DICOM objects need pydicom, which is not installed: pip install "lro-notebook[dicom]"'
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
        for shard, (more, faults) in zip(batch, _mapped(read, batch, source), strict=True):
            rows += more
            bad += faults
            advance(shard.size)
        name = shards[0].table
        table, shape = shaped(
            rows, options.decimals, limits=options.limits, name=name, bare=bool(options.levels)
        )
        flat = flatten(raised(table, options.levels), lists=options.lists, key=_IDENTITY)
        tables = {name: flat.table, **{f"{name}.{path}": child for path, child in flat.children.items()}}
        truncated = {f"{name}.{path}": count for path, count in flat.truncated.items()}
        yield Batch(tables, bad, truncated, shape=shape if options.explodes else None)


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
        start = file.read(132).lstrip(b"\xef\xbb\xbf \r\n\t")
        file.seek(0)
        if start[:1] in (b"{", b"[") or start[:2] == b"\x1f\x8b":
            return _read_json(file, shard, keywords, options)
        try:
            return _read_object(file, shard, keywords, options)
        except _faults():
            return [], [BadLine(shard.uri, None, _UNREADABLE)]
        except OSError as error:  # pydicom's own for a cut file has no number
            if error.errno is not None:
                raise
            return [], [BadLine(shard.uri, None, _UNREADABLE)]


def _read_object(
    file: BinaryIO, shard: Shard, keywords: Sequence[str] | None, options: Options
) -> tuple[list[Row], list[BadLine]]:
    from pydicom.filereader import read_partial

    tags: list[Any] | None = None if keywords is None else [tag for tag in map(_tag_of, keywords) if tag]
    limits, count, at_pixels = options.limits, 0, False
    plain = inflated(file, limits.inflated)
    capped: Any = Capped(plain.file if plain else file)

    def stop(tag: int, vr: str | None, length: int) -> bool:
        del vr, length
        nonlocal count, at_pixels
        count, at_pixels = count + 1, tag in _PIXELS
        return at_pixels or count > limits.columns

    budget = Budget(limits.parts)
    counted: Any = Counted(capped, budget)
    try:
        with within(budget):
            dataset = read_partial(counted, stop, specific_tags=tags)
            check_parts(dataset, budget)
    except TooManyPartsError:
        return [], [BadLine(shard.uri, None, f"too wide: {limits.over('parts', 'elements and items')}")]
    if count > limits.columns:
        return [], [BadLine(shard.uri, None, f"too wide: {limits.over('columns', 'attributes')}")]
    wrong = [_CUT] if _is_cut(dataset) else []
    if plain and not plain.whole and not at_pixels:
        wrong = [f"not read to its end: {limits.over('inflated', 'bytes')}"]
    row = _row_of(dataset, options.decimals, wrong)
    transfer = _DEFLATED if plain else dataset.file_meta.get("TransferSyntaxUID")
    if transfer and (keywords is None or "TransferSyntaxUID" in keywords):
        row["TransferSyntaxUID"] = str(transfer)
    return [row], [BadLine(shard.uri, None, reason) for reason in wrong]


def _faults() -> tuple[type[Exception], ...]:
    """Return what pydicom raises for what is not DICOM, and for values that it cannot read."""
    from pydicom.errors import BytesLengthException, InvalidDicomError

    usual = (AttributeError, EOFError, LookupError, NotImplementedError, OverflowError, TypeError, ValueError)
    deep = RecursionError  # of sequences in sequences
    return (*usual, deep, struct.error, BytesLengthException, InvalidDicomError)


def _tag_of(keyword: str) -> int | None:
    from pydicom.datadict import tag_for_keyword

    return int(keyword, 16) if _is_tag(keyword) else tag_for_keyword(keyword)


def _is_cut(dataset: Any) -> bool:
    """Tell whether the file ended inside an attribute; pydicom says nothing of it."""
    from pydicom.dataelem import RawDataElement

    return any(
        isinstance(item, RawDataElement)
        and item.value is not None
        and len(item.value) < item.length != _UNDEFINED
        for item in map(dataset.get_item, dataset.keys())
    )


def _row_of(dataset: Any, decimals: str, wrong: list[str], level: int = 0) -> Row:
    """Return the attributes of a dataset by their columns, without binary ones; tell what is wrong.

    `level` is how many sequences it is inside.
    """
    row: Row = {}
    for tag in sorted(dataset.keys()):
        name, single = _column(tag)
        try:
            element = dataset[tag]
            if element.VR in _BINARY or tag.element == 0 or element.is_empty:
                continue
            if element.VR == "SQ" and level == _DEEPEST:
                wrong.append(f"{name} is inside more than {_DEEPEST} sequences; it was left out")
                continue
            if element.VR == "SQ":
                row[name] = [_row_of(item, decimals, wrong, level + 1) for item in element.value]
                continue
            several = element.VM > 1
            held = element.value if several else [element.value]
            values = [_value(value, element.VR, decimals) for value in held]
            if element.VR in _WORDS and any(len(str(value)) > _LONGEST for value in values):
                wrong.append(f"{name} has a number of more than {_LONGEST} characters; it was kept as text")
            row[name] = values[0] if single and not several else values
        except _faults():
            wrong.append(f"{name} has no value of its kind; the rest was read")
    return row


def _value(value: Any, vr: str, decimals: str) -> Any:
    if vr == "PN":
        return _person(str(value.alphabetic), str(value.ideographic), str(value.phonetic))
    if vr in _WORDS:
        return _number(str(getattr(value, "original_string", value)), decimals)
    if vr == "AT":
        return f"{int(value):08X}"
    return value if isinstance(value, int | float) else str(value)


def _number(words: str, decimals: str) -> str | int | None:
    """Return a number that stands as text, in the words that were there where that is asked."""
    text = words.strip()
    if decimals == "text" or not text.isascii() or len(text) > _LONGEST:
        return text or None
    try:
        return int(text)
    except ValueError:
        return Number(text) if Number.matches(text) else text


def _person(alphabetic: str, ideographic: str, phonetic: str) -> Any:
    """Return a person's name: its alphabetic form, with the others beside it where there are any."""
    if not ideographic and not phonetic:
        return alphabetic
    return {SCALAR: alphabetic or None, "Ideographic": ideographic or None, "Phonetic": phonetic or None}


@lru_cache(maxsize=10_000)
def _column(tag: int) -> tuple[str, bool]:
    """Return the column of a tag, and whether it holds one value at most."""
    from pydicom.datadict import dictionary_VM, keyword_for_tag

    keyword = keyword_for_tag(tag)
    return (keyword, dictionary_VM(tag) == "1") if keyword else (f"{int(tag):08X}", True)


def _read_json(
    file: BinaryIO, shard: Shard, keywords: Sequence[str] | None, options: Options
) -> tuple[list[Row], list[BadLine]]:
    """Read DICOM JSON: an array of objects, or one object per line."""
    rows: list[Row] = []
    bad: list[BadLine] = []
    for line, instance in _objects(file, options.limits):
        if isinstance(instance, str):
            bad.append(BadLine(shard.uri, line, instance))
            continue
        if len(instance) > options.limits.columns:
            bad.append(BadLine(shard.uri, line, f"too wide: {options.limits.over('columns', 'attributes')}"))
            continue
        try:
            row = _row_of_json(instance, options.decimals)
        except (AttributeError, TypeError):
            bad.append(BadLine(shard.uri, line, _NO_VALUES))
            continue
        if not any(map(_is_tag, instance)):
            bad.append(BadLine(shard.uri, line, _NO_TAGS))
        elif keywords is None:
            rows.append(row)
        else:
            rows.append({name: value for name, value in row.items() if name in keywords})
    return rows, bad


def _objects(file: BinaryIO, limits: Limits) -> Iterator[tuple[int | None, Mapping[str, Any] | str]]:
    """Yield line, None in an array, and each object, or what is wrong with it."""
    array: list[bytes] | None = None
    size = 0
    for block in blocks(file, limits):
        if block.line == 1 and block.data.lstrip()[:1] == b"[":
            array = []
        if array is not None and not block.fault:
            array.append(block.data)
            size += len(block.data)
            if size > limits.line:
                yield None, f"too long: {limits.over('line', 'bytes')}"
                return
            continue
        array = None  # one that was cut is not JSON
        good, bad = sort_lines(block)
        yield from bad
        yield from zip((line for line, _ in good), objects_of([one for _, one in good]), strict=True)
    if array is not None:
        yield from ((None, element) for element in _elements(b"".join(array)))


def _elements(array: bytes) -> Iterator[Mapping[str, Any] | str]:
    """Yield each object of a JSON array, or what is wrong with it."""
    if nests_deeper(array, MAX_NESTING + 1):
        yield TOO_DEEP
        return
    try:
        values = orjson.loads(array)
    except orjson.JSONDecodeError:
        yield "not valid JSON"
        return
    yield from (value if isinstance(value, dict) else "not a JSON object" for value in values)


def _row_of_json(instance: Mapping[str, Any], decimals: str) -> Row:
    """Return the attributes of an object of DICOM JSON (PS3.18 F) by their columns."""
    row: Row = {}
    for tag, attribute in instance.items():
        values = attribute.get("Value") if isinstance(attribute, dict) else None
        vr = attribute.get("vr") if isinstance(attribute, dict) else None
        if not values or vr in _BINARY or not _is_tag(tag):
            continue
        if not isinstance(values, list):
            raise TypeError
        name, single = _column(int(tag, 16))
        if vr == "SQ":
            row[name] = [_row_of_json(item or {}, decimals) for item in values]
            continue
        held = [_json_value(value, str(vr), decimals) for value in values]
        row[name] = held[0] if single and len(held) == 1 else held
    return row


def _json_value(value: Any, vr: str, decimals: str) -> Any:
    if vr == "PN" and isinstance(value, dict):
        return _person(*(str(value.get(form) or "") for form in ("Alphabetic", "Ideographic", "Phonetic")))
    if vr in _WORDS and value is not None:
        return _number(str(value), decimals)
    return value


def _is_tag(text: str) -> bool:
    return len(text) == _TAG_DIGITS and all(digit in hexdigits for digit in text)


DICOM = Format(
    "DICOM",
    read_instances,
    table="instances",
    own_suffixes=frozenset({"dcm"}),
    start=re.compile(
        rb"\A(?s:.{128})DICM|" + LINE_START + rb'[\[{]\s*(?:\{\s*)?"[0-9A-Fa-f]{8}"\s*:\s*\{\s*"vr"'
    ),
    in_folders=True,
    written_by="dicomStores",
    files_at_once=_BATCH,
    head=_HEADER,
)
