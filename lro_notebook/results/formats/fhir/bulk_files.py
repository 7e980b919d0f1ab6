"""What a bulk data export writes beside its resources: what went wrong, and what was deleted.

Lines of FHIR resources as well, of which little is of use: of an OperationOutcome its issues, of a Bundle the
resources that its entries delete (https://hl7.org/fhir/uv/bulkdata/export.html).
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from lro_notebook.http import lenient_json
from lro_notebook.results.arrow.batch import BadLine, Batch
from lro_notebook.results.arrow.line_blocks import blocks, nests_deeper
from lro_notebook.results.formats.format import Format
from lro_notebook.results.limits import MAX_NESTING, TOO_DEEP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lro_notebook.results.arrow.batch import Advance, Options
    from lro_notebook.results.arrow.line_blocks import Block
    from lro_notebook.results.shards import Shard
    from lro_notebook.results.sources.source import Streams

    Row = tuple[str | None, ...]

FAILURES, DELETED = "failures", "deleted"
_COLUMNS = {
    FAILURES: ("severity", "code", "resource", "message"),
    DELETED: ("resource", "resourceType", "id"),
}
_NO_FAILURES = frozenset({"information", "success"})
_RESOURCE = re.compile(r"(?:.*/)?([A-Z][A-Za-z]*)/([A-Za-z0-9.\-]{1,64})", re.ASCII)


def issues_of(resource: dict[str, Any]) -> list[Row] | None:
    """Return severity, code, place and words of each failure in an OperationOutcome; None if it is none."""
    issues = resource.get("issue")
    if resource.get("resourceType") != "OperationOutcome" or not isinstance(issues, list):
        return None
    told = [
        issue for issue in issues if isinstance(issue, dict) and issue.get("severity") not in _NO_FAILURES
    ]
    return [
        (
            _text(issue.get("severity")),
            _text(issue.get("code")),
            _first(issue.get("expression")) or _first(issue.get("location")),
            _text(issue.get("diagnostics")) or _words(issue.get("details")),
        )
        for issue in told
    ]


def deletions_of(resource: dict[str, Any]) -> list[Row] | None:
    """Return the resources that the entries of a Bundle delete, with type and id; None if it is no Bundle."""
    entries = resource.get("entry", [])
    if resource.get("resourceType") != "Bundle" or not isinstance(entries, list):
        return None
    asked = [entry.get("request") for entry in entries if isinstance(entry, dict)]
    urls = [each.get("url") for each in asked if isinstance(each, dict) and each.get("method") == "DELETE"]
    parts = [(url, _RESOURCE.fullmatch(url)) for url in urls if isinstance(url, str)]
    return [(url, match and match[1], match and match[2]) for url, match in parts]


_ROWS: dict[str, Callable[[dict[str, Any]], list[Row] | None]] = {FAILURES: issues_of, DELETED: deletions_of}


def empty(table: str) -> pa.Table:
    """Return a table without rows."""
    return _table(table, [])


def _read(
    table: str, source: Streams, shards: Sequence[Shard], options: Options, advance: Advance
) -> Iterator[Batch]:
    for shard in shards:
        with source.open(shard) as file:
            for block in blocks(file, options.limits):
                yield _batch(table, shard, block)
                advance(block.taken)


def _batch(table: str, shard: Shard, block: Block) -> Batch:
    rows: list[Row] = []
    bad = [BadLine(shard.uri, block.line, block.fault)] if block.fault else []
    for number, line in enumerate(block.data.split(b"\n"), block.line):
        if not line.strip():
            continue
        told = _rows(table, line)
        if isinstance(told, str):
            bad.append(BadLine(shard.uri, number, told))
        else:
            rows += told
    return Batch({table: _table(table, rows)}, bad)


def _rows(table: str, line: bytes) -> list[Row] | str:
    """Return what a line tells, or why it tells nothing."""
    if nests_deeper(line, MAX_NESTING):
        return TOO_DEEP
    try:
        resource = lenient_json.loads(line)
    except ValueError:
        return "not valid JSON"
    told = _ROWS[table](resource) if isinstance(resource, dict) else None
    return f"no {'OperationOutcome' if table == FAILURES else 'Bundle'}" if told is None else told


def _table(table: str, rows: Sequence[Row]) -> pa.Table:
    names = _COLUMNS[table]
    columns = zip(*rows, strict=True) if rows else ([] for _ in names)
    return pa.table(
        {name: pa.array(list(column), pa.string()) for name, column in zip(names, columns, strict=True)}
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _first(value: object) -> str | None:
    return next((text for each in value if (text := _text(each))), None) if isinstance(value, list) else None


def _words(details: object) -> str | None:
    """Return what a CodeableConcept says to people."""
    if not isinstance(details, dict):
        return None
    coding = details.get("coding")
    codings = [each for each in coding if isinstance(each, dict)] if isinstance(coding, list) else []
    return _text(details.get("text")) or next(
        (text for each in codings if (text := _text(each.get("display")) or _text(each.get("code")))), None
    )


FAILURE_FILES = Format("files of OperationOutcomes", partial(_read, FAILURES), table=FAILURES)
DELETED_FILES = Format("files of deletions", partial(_read, DELETED), table=DELETED)
