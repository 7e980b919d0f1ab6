"""What an operation left in a store as a source: FHIR resources by search, HL7v2 messages by listing.

For looking at a store that was just filled; an export is the way for many resources. Numbers come through
the JSON of the answers, so fractions are doubles before they become anything else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from lro_notebook import addresses
from lro_notebook.errors import ApiError, Code
from lro_notebook.frames.chunks import Chunk
from lro_notebook.frames.exact import table_of
from lro_notebook.frames.fhir import flatten
from lro_notebook.frames.files import Shard
from lro_notebook.frames.hl7v2 import chunk_of_values

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lro_notebook.frames.chunks import Advance, Options
    from lro_notebook.rest import Rest

_PAGE = 1000
_NOT_OFFERED = (Code.NOT_FOUND, Code.UNIMPLEMENTED, Code.PERMISSION_DENIED)


@dataclass(frozen=True, slots=True)
class Store:
    """A store of the service; stands where a `Location` does for files."""

    rest: Rest
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
        answer = store.rest.call("GET", addresses.join(store.name, verb="getFHIRStoreMetrics"), role="read")
    except ApiError as error:
        if error.code in _NOT_OFFERED:
            return []
        raise
    return [
        _shard_of(store, metric) for metric in answer.get("metrics") or () if int(metric.get("count") or 0)
    ]


def _shard_of(store: Store, metric: Mapping[str, Any]) -> Shard:
    kind = addresses.segment(metric.get("resourceType"), "resource type")
    size = int(metric.get("structuredStorageSizeBytes") or 0)
    return Shard(f"{store.name}/fhir/{kind}", f"fhir/{kind}", kind, size, kind="searched")


def read_searched(
    location: Store, shards: Sequence[Shard], options: Options, advance: Advance
) -> Iterator[Chunk]:
    """Yield the resources of some types, page by page; a `chunks.Source`."""
    rows = 0
    for shard in shards:
        name = shard.table
        params: dict[str, str | int] | None = {"_count": _PAGE}
        while params is not None:
            bundle = location.rest.call(
                "GET", addresses.join(location.name, shard.path), role="read", params=params
            )
            found = [entry["resource"] for entry in bundle.get("entry") or () if "resource" in entry]
            flat = flatten(table_of(found, options.decimals), lists=options.lists, offset=rows)
            rows += len(found)
            children = {f"{name}.{path}": child for path, child in flat.children.items()}
            truncated = {f"{name}.{path}": count for path, count in flat.truncated.items()}
            yield Chunk({name: flat.table, **children}, (), truncated)
            params = _next(bundle)
        advance(shard.size)


def _next(bundle: Mapping[str, Any]) -> dict[str, str | int] | None:
    """Return the query of the next page; of its address nothing else is used."""
    links = [link.get("url") for link in bundle.get("link") or () if link.get("relation") == "next"]
    return dict(parse_qsl(urlsplit(str(links[0])).query)) if links else None


def read_listed(
    location: Store, shards: Sequence[Shard], options: Options, advance: Advance
) -> Iterator[Chunk]:
    """Yield the messages of an HL7v2 store, page by page; a `chunks.Source`."""
    for shard in shards:
        params: dict[str, str | int] = {"view": "FULL", "pageSize": _PAGE}
        while True:
            page = location.rest.call(
                "GET", addresses.join(location.name, "messages"), role="read", params=params
            )
            yield chunk_of_values(shard, page.get("hl7V2Messages") or (), options)
            if not page.get("nextPageToken"):
                break
            params["pageToken"] = page["nextPageToken"]
        advance(shard.size)
