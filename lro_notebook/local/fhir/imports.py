"""The runner of ``fhirStores.import``: bucket objects -> resources of a FHIR store.

A unit is one resource. A unit that cannot be read is counted and logged; the import goes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from lro_notebook.errors import Code
from lro_notebook.local.core import nesting, objects, rawjson
from lro_notebook.local.core.resource_names import is_fhir_id, is_resource_type
from lro_notebook.local.datasets import stores
from lro_notebook.local.fhir import content_structure, rows
from lro_notebook.local.fhir.interactions.store_settings import settings_of
from lro_notebook.local.fhir.rows import Incoming
from lro_notebook.local.fhir.structure.elements import is_known_type
from lro_notebook.local.operations import batches, request_fields
from lro_notebook.local.operations.method import Method, Step
from lro_notebook.local.operations.records import Failure

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from lro_notebook.local.core.buckets import Location
    from lro_notebook.local.datasets.stores import Store
    from lro_notebook.local.operations.method import Context, Job, Steps

_STRUCTURES = ("BUNDLE", "RESOURCE", "BUNDLE_PRETTY", "RESOURCE_PRETTY")
_NO_HISTORY = "a Bundle of the type history; import it with fhirStores.importHistory"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
#: Texts to count between two chances to stop.
_COUNTING_STEP = 10_000


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """A checked import; a text of the input may be a bundle, and may span a whole file.

    `version` is that of FHIR whose resource types there are, empty for any type; `histories` is whether
    Bundles may be histories.
    """

    store: Store
    source: Location
    bundles: bool
    whole_files: bool
    version: str = ""
    histories: bool = False


class Text(NamedTuple):
    """One JSON text of the input, and its place."""

    source: str
    raw: bytes


def parse(context: Context, store: Store, body: Mapping[str, Any]) -> ImportRequest:
    """Check the body of ``fhirStores.import``."""
    structure = request_fields.choice(body, "contentStructure", _STRUCTURES)
    location = request_fields.source(context.buckets, body)
    rules = settings_of(context.connection, store).rules
    return ImportRequest(
        store,
        location,
        bundles=structure.startswith("BUNDLE"),
        whole_files=structure.endswith("PRETTY"),
        version=rules.version if rules else "",
    )


def run(job: Job, request: ImportRequest) -> Steps:
    """Count the units of the input, then read it and yield a step per batch."""
    yield from batches.await_sample(job, request.source)
    files, left_out = batches.source_files(job, request.source)
    total = len(left_out)
    for uri, path in files:
        for number, text in enumerate(texts(uri, path, whole_files=request.whole_files)):
            total += count_units(text, request)
            if number % _COUNTING_STEP == 0:
                yield Step()
    yield Step(total=total, failures=left_out)
    put = partial(write, store=request.store, operation=job.operation)
    for uri, path in files:
        yield from batches.steps(job, _units(request, uri, path), put, size_of=size_of)
    return {}


def read_resource(  # noqa: PLR0911 - one for each thing that can be wrong
    text: bytes, source: str, version: str = ""
) -> Incoming | Failure:
    """Return a resource that is ready to be stored, or a failure.

    Parameters
    ----------
    text : bytes
        A JSON text without white space around it.
    source : str
        Its place, for the failure log.
    version : str, optional
        The version of FHIR whose resource types there are; empty for any type.
    """
    try:
        document = nesting.loads(text)
    except nesting.Unreadable as error:
        return failure(source, str(error))
    if type(document) is not dict:
        return failure(source, "not a JSON object")
    type_, identifier = document.get("resourceType"), document.get("id")
    if type(type_) is not str or not is_resource_type(type_):
        return failure(source, "resourceType is missing or not the name of a resource type")
    if version and not is_known_type(type_, version):
        return failure(source, f"FHIR {version} has no resource type {type_}")
    if type(identifier) is not str or not is_fhir_id(identifier):
        return failure(source, "id is missing or not a FHIR id (1 to 64 letters, digits, '-' or '.')", type_)
    has_meta = "meta" not in document or type(document["meta"]) is dict
    if not has_meta or nesting.is_too_deep(text):
        reason = nesting.REASON if has_meta else "meta is not an object"
        return failure(source, reason, f"{type_}/{identifier}")
    if b"\n" in text or b"\r" in text:
        text = rawjson.compact(text)
    return Incoming(type_, identifier, *rawjson.meta_slot(text, document), document)


def _units(request: ImportRequest, uri: str, path: Path) -> Iterator[Incoming | Failure]:
    """Yield the units of one file."""
    for text in texts(uri, path, whole_files=request.whole_files):
        yield from _read(text, request)


def size_of(unit: Incoming) -> int:
    """Return the approximate size of a resource in bytes."""
    return len(unit.tail)


def write(
    connection: sqlite3.Connection,
    *,
    units: Sequence[Incoming],
    store: Store,
    operation: int,
    keeps_old: bool = False,
) -> None:
    """Store resources in a store that must still exist; without `keeps_old`, in place of what is there."""
    stores.require_store(connection, store)
    rows.put_many(connection, store.key, units, operation=operation, keeps_old=keeps_old)


def texts(uri: str, path: Path, *, whole_files: bool) -> Iterator[Text | Failure]:
    """Yield the JSON texts of a file: the whole file, or each line that is not blank."""
    return batches.until_unreadable(uri, _texts(uri, path, whole_files=whole_files))


def _texts(uri: str, path: Path, *, whole_files: bool) -> Iterator[Text]:
    if whole_files:
        yield Text(uri, objects.read_object(path).removeprefix(_BYTE_ORDER_MARK).strip())
        return
    with objects.open_object(path) as file:
        for number, line in enumerate(file, 1):
            text = line.strip() if number > 1 else line.removeprefix(_BYTE_ORDER_MARK).strip()
            if text:
                yield Text(f"{uri}:{number}", text)


def _read(text: Text | Failure, request: ImportRequest) -> Iterator[Incoming | Failure]:
    """Yield the units of a text, as many as `count_units` counts."""
    if isinstance(text, Failure):
        yield text
        return
    if not request.bundles:
        yield resource_of(text, request)
        return
    bundle = bundle_in(text.raw)
    if bundle is None or _is_refused(bundle, request):
        yield no_bundle(text, request) if bundle is None else failure(text.source, _NO_HISTORY)
        return
    entries = rawjson.member(text.raw, "entry")
    if entries is None:
        return
    for index, entry in enumerate(rawjson.elements(text.raw, entries.start)):
        source = f"{text.source} entry[{index}]"
        resource = rawjson.member(entry, "resource") if entry.startswith(b"{") else None
        if resource is None:
            yield failure(source, "the entry has no resource")
        else:
            yield read_resource(entry[resource.start : resource.end], source, request.version)


def resource_of(text: Text, request: ImportRequest) -> Incoming | Failure:
    """Return the resource that a text is; for one in another structure, the failure names that."""
    read = read_resource(text.raw, text.source, request.version)
    if isinstance(read, Incoming) and read.type != "Bundle":
        return read
    reason = content_structure.misfit(text.raw, bundles=False, whole_files=request.whole_files)
    return read if reason is None else failure(text.source, reason)


def no_bundle(text: Text, request: ImportRequest) -> Failure:
    """Return the failure of a text that is no Bundle."""
    reason = content_structure.misfit(text.raw, bundles=True, whole_files=request.whole_files)
    return failure(text.source, reason or "not a FHIR Bundle")


def count_units(text: Text | Failure, request: ImportRequest) -> int:
    """Return how many units a text of the input holds; an unreadable text is one unit."""
    if isinstance(text, Failure) or not request.bundles:
        return 1
    bundle = bundle_in(text.raw)
    return 1 if bundle is None or _is_refused(bundle, request) else len(bundle.get("entry", ()))


def _is_refused(bundle: Mapping[str, Any], request: ImportRequest) -> bool:
    return bundle.get("type") == "history" and not request.histories


def bundle_in(raw: bytes) -> dict[str, Any] | None:
    """Return the bundle in `raw`, or None if it is something else."""
    try:
        bundle = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        return None
    return bundle if isinstance(bundle.get("entry", []), list) else None


def failure(source: str, message: str, resource: str = "") -> Failure:
    """Return the failure of an invalid text."""
    return Failure(source, resource, Code.INVALID_ARGUMENT, message)


METHOD = Method(
    "fhir.FhirService.ImportResources",
    "fhir.rest.ImportResourcesResponse",
    parse,
    run,
    log="ImportFhirLogEntry",
)
