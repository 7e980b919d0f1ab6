"""Stores of the service as sources: FHIR resources by search, HL7v2 messages by listing, as JSON Lines.

For looking at a store that was just filled; an export is the way for many resources. Numbers come through
the JSON of the responses, so fractions are doubles before they become anything else.
"""

from __future__ import annotations

import io
import json
import re
from abc import abstractmethod
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl

import orjson

from lro_notebook.errors import ApiError, Code, LroWarning, warn_caller
from lro_notebook.http import addresses
from lro_notebook.http.paging import paginate
from lro_notebook.http.responses import AnswerTooLarge
from lro_notebook.operations.resource import parse_int64
from lro_notebook.results.formats.fhir.ndjson import FHIR_NDJSON
from lro_notebook.results.formats.hl7v2.reader import HL7V2
from lro_notebook.results.limits import MAX_NESTING
from lro_notebook.results.shards import Shard
from lro_notebook.results.sources.source import Streams

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import BinaryIO

    from lro_notebook.http.session import Session

_PAGE = 1000
_TYPE = re.compile(r"[A-Za-z]{1,64}", re.ASCII)  # of a FHIR resource; it becomes a part of an address
_NOT_OFFERED = (Code.NOT_FOUND, Code.UNIMPLEMENTED, Code.PERMISSION_DENIED)
#: Stands for an object that nests deeper than can be written: too deep to be read.
_DEEP = b'{"":' * (MAX_NESTING + 1) + b"0" + b"}" * (MAX_NESTING + 1)


@dataclass(frozen=True, slots=True)
class Store(Streams):
    """A store of the service, as `session` reaches it; `name` is its resource name."""

    session: Session
    name: str

    @abstractmethod
    def shards(self) -> list[Shard]:
        """Return a shard for each table that can be read; none where the service does not offer it."""

    @abstractmethod
    def pages(self, shard: Shard) -> Iterator[list[dict[str, Any]]]:
        """Yield the JSON objects of a shard, a page at a time."""

    @contextmanager
    def open(self, shard: Shard, *, block_size: int | None = None) -> Iterator[BinaryIO]:
        """Open a shard as JSON Lines, an object on each; pages are fetched as they are read."""
        del block_size
        yield cast("BinaryIO", _Lines(map(_lines, self.pages(shard))))


class FhirStore(Store):
    """The resources of a FHIR store; a table for each type."""

    def shards(self) -> list[Shard]:
        """Return a shard for each type that the store has; calls ``GET {store}:getFHIRStoreMetrics``."""
        try:
            path = addresses.join(self.name, verb="getFHIRStoreMetrics")
            response = self.session.call("GET", path, role="read")
        except ApiError as error:
            if error.code in _NOT_OFFERED:
                return []
            raise
        metrics = response.get("metrics")
        return [
            self._shard(metric)
            for metric in (metrics if isinstance(metrics, list) else ())
            if isinstance(metric, dict) and parse_int64(metric.get("count")) and self._is_named(metric)
        ]

    def _is_named(self, metric: Mapping[str, Any]) -> bool:
        """Tell whether a metric names a type of resources; warn where no address can be made of it."""
        name = metric.get("resourceType")
        if isinstance(name, str) and _TYPE.fullmatch(name):
            return True
        warn_caller(
            f"{self.name}: resources of type {addresses.shown(name)} were left out; that is no resource type",
            LroWarning,
        )
        return False

    def _shard(self, metric: Mapping[str, Any]) -> Shard:
        resource = str(metric["resourceType"])
        size = max(0, parse_int64(metric.get("structuredStorageSizeBytes")) or 0)
        place = f"fhir/{resource}"
        return Shard(f"{self.name}/{place}", place, resource, size, format=FHIR_NDJSON)

    def pages(self, shard: Shard) -> Iterator[list[dict[str, Any]]]:
        """Yield the resources of a type; calls ``GET {store}/fhir/{type}``."""
        path = addresses.join(self.name, shard.path)
        search = partial(_searched, _Pages(self.session, path, "_count"))
        for page in paginate(search, "entry", where=path, next_token=_next):
            yield [entry["resource"] for entry in page if isinstance(entry.get("resource"), dict)]


class Hl7v2Store(Store):
    """The messages of an HL7v2 store."""

    def shards(self) -> list[Shard]:
        """Return the one shard; sends no request."""
        return [Shard(f"{self.name}/messages", "messages", HL7V2.table, 0, format=HL7V2)]

    def pages(self, shard: Shard) -> Iterator[list[dict[str, Any]]]:
        """Yield all messages; calls ``GET {store}/messages``."""
        path = addresses.join(self.name, shard.path)
        listing = partial(_listed, _Pages(self.session, path, "pageSize"))
        yield from paginate(listing, "hl7V2Messages", where=path)


#: The stores that can be read, by the collection in their names.
STORES: Mapping[str, type[Store]] = {"fhirStores": FhirStore, "hl7V2Stores": Hl7v2Store}


def store_named(session: Session, name: str) -> Store | None:
    """Return the store of this resource name as a source; None if such a store cannot be read."""
    store = STORES.get(name.rpartition("/")[0].rpartition("/")[2])
    return None if store is None else store(session, name)


class _Pages:
    """Reads the pages of a list; smaller ones once a response was larger than the client takes."""

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


def _lines(page: Iterable[Mapping[str, Any]]) -> bytes:
    return b"".join(_line(value) + b"\n" for value in page)


def _line(value: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:  # it nests deeper than orjson writes
        pass
    try:
        return json.dumps(value).encode()
    except RecursionError:
        return _DEEP


class _Lines:
    """Pages of lines as a file that is read once; it can be rewound while its first page is read.

    A read gives the rest of a page at most: so a table never holds more than it has to.
    """

    def __init__(self, pages: Iterator[bytes]) -> None:
        self._pages = pages
        self._page = b""
        self._start = self._place = 0  # of the page, and in it

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes; none at the end only."""
        while self._place == len(self._page):
            page = next(self._pages, None)
            if page is None:
                return b""
            if page:
                self._start += len(self._page)
                self._page, self._place = page, 0
        data = self._page[self._place : self._place + size]
        self._place += len(data)
        return data

    def seek(self, place: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place in the page that was read last.

        Raises
        ------
        io.UnsupportedOperation
            The place is in another page.
        """
        there = place - self._start
        if whence != io.SEEK_SET or not 0 <= there <= len(self._page):
            raise io.UnsupportedOperation("only the page that was read last can be read again")
        self._place = there
        return place

    def tell(self) -> int:
        """Return how many bytes are before the place."""
        return self._start + self._place
