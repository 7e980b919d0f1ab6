"""The runner of ``fhirStores.configureSearch``.

A documented subset: the SearchParameter resources must be in the store and complete, and become the store's
``searchConfig``, which searches read. A parameter is indexed again when a search first needs it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson

from lro_notebook.local.core.service_errors import invalid_argument
from lro_notebook.local.datasets import stores
from lro_notebook.local.fhir import rows
from lro_notebook.local.fhir.search import parameters
from lro_notebook.local.fhir.search.parameter_expressions import problem_of
from lro_notebook.local.operations import request_fields
from lro_notebook.local.operations.method import Method, Step

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from lro_notebook.local.datasets.stores import Store
    from lro_notebook.local.operations.method import Context, Job, Steps

_REQUIRED = ("code", "base", "type", "expression")


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """Checked search parameters, and the resource types that they apply to."""

    store: Store
    urls: tuple[str, ...]
    types: frozenset[str]
    dry_run: bool


def parse(context: Context, store: Store, body: Mapping[str, Any]) -> SearchRequest:
    """Check the body of ``fhirStores.configureSearch``."""
    urls = request_fields.texts(body, "canonicalUrls")
    parameters = rows.bodies(context.connection, store.key, "SearchParameter", since=None) if urls else ()
    by_url = {document.get("url"): document for document in (orjson.loads(text) for _, text in parameters)}
    types: set[str] = set()
    for url in urls:
        document = by_url.get(url)
        if document is None:
            raise invalid_argument(
                f"canonicalUrls: the store has no SearchParameter with the url {url[:200]!r}"
            )
        missing = [field for field in _REQUIRED if not document.get(field)]
        if missing:
            raise invalid_argument(f"SearchParameter/{document['id']} lacks {', '.join(missing)}")
        types.update(_bases(document))
    return SearchRequest(store, tuple(urls), frozenset(types), request_fields.flag(body, "validateOnly"))


def _bases(document: Mapping[str, Any]) -> Sequence[str]:
    """Return the types that a SearchParameter is for; raise if searches could not use it."""
    parameter, name = parameters.custom(document), f"SearchParameter/{document['id']}"
    if parameter is None:
        kinds = ", ".join(sorted(parameters.KINDS))
        raise invalid_argument(f"{name}: the local service has search parameters of the types {kinds}")
    problem = problem_of(parameter.expression)
    if problem is not None:
        raise invalid_argument(f"{name}: {problem}")
    return parameters.bases(document)


def run(job: Job, request: SearchRequest) -> Steps:
    """Set the configuration, and count the resources of the types as reindexed."""
    if request.dry_run:
        return {}
    with job.database.read() as connection:
        counts = rows.counts(connection, request.store.key, since=None)
    every = bool(request.types & {"Resource", "DomainResource"})
    chosen = [count for type_, count in counts.items() if every or type_ in request.types]
    yield Step(partial(_configure, request=request), total=sum(chosen))
    for count in chosen:
        yield Step(success=count)
    return {}


def _configure(connection: sqlite3.Connection, *, request: SearchRequest) -> None:
    dataset, _, identifier = request.store.name.partition("/fhirStores/")
    config = {"searchParameters": [{"canonicalUrl": url} for url in request.urls]}
    changes, paths = {"searchConfig": config}, [("searchConfig",)]
    stores.patch_store(connection, dataset, identifier, changes, collection="fhirStores", paths=paths)


METHOD = Method(
    "fhir.FhirStoreService.ConfigureSearch",
    "google.protobuf.Empty",
    parse,
    run,
    log="FhirConfigureSearchLogEntry",
    versions=("v1beta1",),
)
