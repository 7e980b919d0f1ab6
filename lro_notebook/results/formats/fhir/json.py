"""FHIR resources wherever JSON has them: in lines of several types, in lists, alone, in Bundles.

The table of a shard is the type of the resources that are read of its file: a file of several types has a
shard for each.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

from lro_notebook.results.arrow.json_values import elements, value_blocks
from lro_notebook.results.formats.fhir.resource_type import of_type, type_in
from lro_notebook.results.formats.format import Format
from lro_notebook.results.formats.json.blocks import read_objects
from lro_notebook.results.formats.json.google_documents import resource_type
from lro_notebook.results.formats.json.members import members

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lro_notebook.results.arrow.batch import Advance, Batch, Options
    from lro_notebook.results.arrow.json_values import Lines
    from lro_notebook.results.arrow.line_blocks import Block
    from lro_notebook.results.formats.format import Cut
    from lro_notebook.results.limits import Limits
    from lro_notebook.results.shards import Shard
    from lro_notebook.results.sources.source import Streams

_TYPE_FIRST = re.compile(rb'\{\s*"resourceType"\s*:\s*"([A-Z][A-Za-z]{1,63})"')
BUNDLE = "Bundle"
_NAMED = b'"Bundle"'
_WHOLE = (b'"document"', b'"message"')
_DEPTH = 3  # of Bundles in Bundles


def resource_blocks(file: BinaryIO, limits: Limits) -> Iterator[Block]:
    """Yield the resources in `file`, each on a line; of a Bundle those in its entries. See `value_blocks`."""
    for block in value_blocks(file, limits, partial(_opened, limits)):
        yield _all_opened(block, limits) if _NAMED in block.data else block


def _lines_of(data: bytes) -> list[bytes]:
    """Return lines that end in line feeds; a carriage return is a blank between the words of JSON."""
    return data.removesuffix(b"\n").split(b"\n") if data else []


def _all_opened(block: Block, limits: Limits) -> Block:
    """Return a block with the resources of the Bundles that are elements of a list."""
    lines: list[bytes] = []
    numbers: list[int] = []
    for line, number in zip(_lines_of(block.data), block.numbers, strict=True):
        inner = _opened(limits, line, number, 1)[0] if _NAMED in line else [line]
        lines += inner
        numbers += [number] * len(inner)
    data = b"".join(line + b"\n" for line in lines)
    return replace(block, data=data, line=numbers[0] if numbers else block.line, numbers=numbers)


def types_in(file: BinaryIO, limits: Limits) -> Counter[str]:
    """Return how many resources of each type there are in `file`, in the order in which they come."""
    types: Counter[str] = Counter()
    for block in resource_blocks(file, limits):
        types.update(found for line in _lines_of(block.data) if (found := type_of(line)))
    return types


def types_at(start: bytes) -> Counter[str]:
    """Return how many resources of each type the lines begin with that are in the first bytes of a file."""
    return Counter(found for line in _lines_of(start) if (found := type_of(line)))


def type_of(line: bytes) -> str | None:
    """Return the type of the resource on a line; None where that is none."""
    found = _TYPE_FIRST.match(line)
    return found[1].decode() if found else resource_type(line)


def _opened(limits: Limits, data: bytes, line: int, depth: int = 0) -> Lines:
    """Return the lines of an object: those of the resources in it where it is a Bundle.

    So are Bundles in Bundles, other than documents and messages.
    """
    if type_of(data) != BUNDLE or (depth and _is_whole(data)):
        return [data.replace(b"\n", b" ")], [line], ""
    lines: list[bytes] = []
    numbers: list[int] = []
    for member in members(data) or ():
        if member.key != "entry" or not member.is_list:
            continue
        first = line + data.count(b"\n", 0, member.start)
        entries, places = elements(data[member.start : member.start + len(member.text)], first, limits)
        for entry, place in zip(entries, places, strict=True):
            found = members(entry)
            parts = [entry] if found is None else [part.text for part in found if part.key == "resource"]
            for part in parts:
                inner = _opened(limits, part, place, depth + 1)[0] if depth < _DEPTH else [part]
                lines += inner
                numbers += [place] * len(inner)
    return lines, numbers, ""


def _is_whole(bundle: bytes) -> bool:
    """Tell whether a Bundle stands for itself: its resources are no answers, and no work to be done."""
    kinds = (member.text for member in members(bundle) or () if member.key == "type")
    return next(kinds, b"") in _WHOLE


def _of_type(wanted: str, file: BinaryIO, limits: Limits) -> Iterator[Block]:
    """Yield the blocks of a file with the resources of one type, and with what is of none."""
    for block in resource_blocks(file, limits):
        if block.fault:
            yield block
            continue
        pairs = zip(_lines_of(block.data), block.numbers, strict=True)
        kept = [(line, number) for line, number in pairs if type_of(line) in {wanted, None}]
        data = b"".join(line + b"\n" for line, _ in kept)
        numbers = [number for _, number in kept]
        yield replace(block, data=data, line=numbers[0] if numbers else block.line, numbers=numbers)


def read_resources(
    source: Streams, shards: Sequence[Shard], options: Options, advance: Advance
) -> Iterator[Batch]:
    """Yield the resources of `shards` that are of the type of their table; see `Format.read`."""
    cut = resources_of(shards[0].table)
    return read_objects(source, shards, options, advance, cut, belonging=of_type(shards))


def looks(_: str, start: bytes) -> bool:
    """Tell whether a file begins with a resource; see `Format.looks`."""
    return resource_type(start) is not None


def resources_of(table: str) -> Cut:
    """Return what cuts a file into its resources of the type of a table; see `Format.resources`."""
    return partial(_of_type, type_in(table))


FHIR_JSON = Format(
    "FHIR JSON", read_resources, looks=looks, tables_in=types_in, resources=resources_of, tells_files=True
)
