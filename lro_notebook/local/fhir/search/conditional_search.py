"""Searches within other requests, as conditional ones need: in their transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import orjson

from lro_notebook.local.datasets import stores
from lro_notebook.local.fhir import rows
from lro_notebook.local.fhir.search import execution, index, parameters, query
from lro_notebook.local.fhir.search.conditions import Place
from lro_notebook.local.fhir.search.parameter_expressions import problem_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from lro_notebook.local.datasets.stores import Store
    from lro_notebook.local.fhir.rows import Stored
    from lro_notebook.local.fhir.search.execution import Hit


def matching(
    connection: sqlite3.Connection, store: Store, type_: str, criteria: str, *, limit: int = 2
) -> list[Stored]:
    """Return up to `limit` resources that meet criteria such as ``identifier=s|1&active=true``.

    Parameters
    ----------
    connection : sqlite3.Connection
        In a transaction that may write, since a parameter is indexed when it is first needed.
    store : Store
        Where to search.
    type_ : str
        The resource type.
    criteria : str
        The parameters, as in the query of an address.
    limit : int
        Two tell one match from several.

    Raises
    ------
    ServiceError
        A parameter does not exist, or has a value that it cannot have.
    """
    vocabulary, _ = vocabulary_of(connection, store)
    pairs = parse_qsl(criteria.removeprefix("?"), keep_blank_values=True)
    search = query.read(type_, pairs, vocabulary, strict=True)
    search.count, search.total, search.summary = limit, "none", "false"
    needed = list(index.distinct(search.needs()))
    while (keys := index.keys(connection, store.key, needed)) is None:
        index.build(connection, store.key, needed, limit=index.BUILD_STEP)
    page = execution.run(connection, search, Place(store.key, type_, keys))
    return [stored for _, stored in fetched(connection, page.hits)]


def fetched(connection: sqlite3.Connection, hits: Sequence[Hit]) -> list[tuple[str, Stored]]:
    """Return type and content of what a search found."""
    rows_of = connection.execute(
        "SELECT rowid, type, id, version, updated, body FROM resources "
        "WHERE rowid IN (SELECT value FROM json_each(?))",
        (orjson.dumps([hit.number for hit in hits]).decode(),),
    )
    found = {number: (type_, rows.Stored(*rest)) for number, type_, *rest in rows_of}
    return [found[hit.number] for hit in hits]


def vocabulary_of(connection: sqlite3.Connection, store: Store) -> tuple[query.Vocabulary, bool]:
    """Return what parameters a store has, and whether it refuses others by default."""
    dataset, _, identifier = store.name.partition("/fhirStores/")
    body = stores.get_store(connection, dataset, identifier, collection="fhirStores")
    listed = body.get("searchConfig", {}).get("searchParameters", ())
    urls = {each.get("canonicalUrl") for each in listed}
    strict = body.get("defaultSearchHandlingStrict") is True
    return query.Vocabulary(store.name, _custom(connection, store, urls) if urls else {}), strict


def _custom(
    connection: sqlite3.Connection, store: Store, urls: set[object]
) -> Mapping[str, Mapping[str, parameters.Parameter]]:
    """Return the parameters that ``configureSearch`` has set, by base and code."""
    by_base: dict[str, dict[str, parameters.Parameter]] = {}
    for _, text in rows.bodies(connection, store.key, "SearchParameter", since=None):
        document = orjson.loads(text)
        parameter = parameters.custom(document) if document.get("url") in urls else None
        # Since it was configured, somebody may have changed it.
        if parameter is not None and problem_of(parameter.expression) is None:
            for base in parameters.bases(document):
                by_base.setdefault(base, {})[parameter.code] = parameter
    return by_base
