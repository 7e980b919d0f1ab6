"""What an operation left in a store as a source: FHIR resources by search, HL7v2 messages by listing.

For looking at a store that was just filled; an export is the way for many resources. Numbers come through
the JSON of the answers, so fractions are doubles before they become anything else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from lro_notebook.errors import ApiError, Code
from lro_notebook.http import addresses
from lro_notebook.http.paging import paginate
from lro_notebook.http.responses import AnswerTooLarge
from lro_notebook.operations.resource import parse_int64
from lro_notebook.results.arrow.batch import Batch
from lro_notebook.results.arrow.flatten import flatten
from lro_notebook.results.arrow.json_fallback import shaped
from lro_notebook.results.arrow.levels import raised
from lro_notebook.results.discover import Shard
from lro_notebook.results.formats.hl7v2 import chunk_of_values

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lro_notebook.http.session import Session
    from lro_notebook.results.arrow.batch import Advance, Options

_PAGE = 1000
_TYPE = re.compile(r"[A-Za-z]{1,64}", re.ASCII)  # of a FHIR resource; it becomes a part of an address
_NOT_OFFERED = (Code.NOT_FOUND, Code.UNIMPLEMENTED, Code.PERMISSION_DENIED)


@dataclass(frozen=True, slots=True)
class Store:
    """A store of the service; stands where a `Location` does for files."""

    session: Session
    name: str


def find_in_store(store: Store) -> list[Shard]:
    """Return the tables that can be read from a store; none where the service does not offer it.

    Calls ``GET {store}:getFHIRStoreMetrics`` for the types of resources that a FHIR store has.
    """
    if "/hl7V2Stores/" in store.name:
        return [Shard(f"{store.name}/messages", "messages", "messages", 0, kind="listed")]
    if "/fhirStores/" not in store.name:
        return []
    try:
        answer = store.session.call(
            "GET", addresses.join(store.name, verb="getFHIRStoreMetrics"), role="read"
        )
    except ApiError as error:
        if error.code in _NOT_OFFERED:
            return []
        raise
    metrics = answer.get("metrics")
    return [
        _shard_of(store, metric)
        for metric in (metrics if isinstance(metrics, list) else ())
        if isinstance(metric, dict)
        and _TYPE.fullmatch(str(metric.get("resourceType")))
        and parse_int64(metric.get("count"))
    ]


def _shard_of(store: Store, metric: Mapping[str, Any]) -> Shard:
    kind = str(metric["resourceType"])
    size = max(0, parse_int64(metric.get("structuredStorageSizeBytes")) or 0)
    return Shard(f"{store.name}/fhir/{kind}", f"fhir/{kind}", kind, size, kind="searched")


def read_searched(
    location: Store, shards: Sequence[Shard], options: Options, advance: Advance
) -> Iterator[Batch]:
    """Yield the resources of some types, page by page; a `batches.Source`."""
    rows = 0
    for shard in shards:
        name, path = shard.table, addresses.join(location.name, shard.path)
        fetch = partial(_searched, _Pages(location.session, path, "_count"))
        for page in paginate(fetch, "entry", where=path, next_token=_next):
            found = [entry["resource"] for entry in page if isinstance(entry.get("resource"), dict)]
            table, shape = shaped(found, options.decimals, bare=bool(options.levels))
            flat = flatten(raised(table, options.levels), lists=options.lists, offset=rows)
            rows += len(found)
            children = {f"{name}.{path}": child for path, child in flat.children.items()}
            truncated = {f"{name}.{path}": count for path, count in flat.truncated.items()}
            kept = shape if options.explodes else None
            yield Batch({name: flat.table, **children}, (), truncated, shape=kept)
        advance(shard.size)


class _Pages:
    """Reads the pages of a list; smaller ones once an answer was larger than the client takes."""

    def __init__(self, session: Session, path: str, size: str) -> None:
        self._session, self._path, self._name, self._size = session, path, size, _PAGE

    def __call__(self, params: Mapping[str, str | int]) -> dict[str, Any]:
        while True:
            size = {} if self._name in params and self._size == _PAGE else {self._name: self._size}
            try:
                return self._session.call("GET", self._path, role="read", params={**params, **size})
            except AnswerTooLarge:
                if self._size == 1:
                    raise
                self._size = max(1, self._size // 10)


def _searched(pages: _Pages, query: str | None) -> dict[str, Any]:
    return pages(dict(parse_qsl(query or "")))


def _next(bundle: Mapping[str, Any]) -> str | None:
    """Return the query of the next page; of its address nothing else is used."""
    links = bundle.get("link")
    for link in links if isinstance(links, list) else ():
        if isinstance(link, dict) and link.get("relation") == "next":
            return str(link.get("url")).partition("#")[0].partition("?")[2]
    return None


def _listed(pages: _Pages, token: str | None) -> dict[str, Any]:
    return pages({"view": "FULL", **({"pageToken": token} if token else {})})


def read_listed(
    location: Store, shards: Sequence[Shard], options: Options, advance: Advance
) -> Iterator[Batch]:
    """Yield the messages of an HL7v2 store, page by page; a `batches.Source`."""
    for shard in shards:
        path = addresses.join(location.name, "messages")
        fetch = partial(_listed, _Pages(location.session, path, "pageSize"))
        for page in paginate(fetch, "hl7V2Messages", where=path):
            yield chunk_of_values(shard, page, options)
        advance(shard.size)
