"""A FHIR store in a database of its own, without a service: resources in, the ids that a search finds out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from lro_notebook.local import registry
from lro_notebook.local.core.database import Database
from lro_notebook.local.datasets import stores
from lro_notebook.local.fhir import rows
from lro_notebook.local.fhir.imports import read_resource
from lro_notebook.local.fhir.rows import Incoming
from lro_notebook.local.fhir.search.conditional_search import matching

if TYPE_CHECKING:
    from pathlib import Path

DATASET = "projects/local/locations/local/datasets/demo"


class Store:
    """A store of FHIR resources; `find` returns the ids of what a search finds, in order."""

    def __init__(self, folder: Path, **fields: Any) -> None:
        self.database = Database(folder / "service.sqlite3", registry.tables())
        with self.database.write() as connection:
            stores.add_dataset(connection, DATASET, {})
            stores.add_store(connection, DATASET, "s", {"version": "R4", **fields}, collection="fhirStores")
            self.store = stores.find_store(connection, DATASET, "s", collection="fhirStores")

    def put(self, *resources: dict[str, Any]) -> None:
        incoming = [read_resource(orjson.dumps(resource), "a test") for resource in resources]
        assert all(isinstance(each, Incoming) for each in incoming), incoming
        with self.database.write() as connection:
            rows.put_many(connection, self.store.key, incoming)  # type: ignore[arg-type] # see above

    def delete(self, type_: str, identifier: str) -> None:
        with self.database.write() as connection:
            rows.delete(connection, self.store.key, type_, identifier)

    def find(self, search: str, *, limit: int = 1000) -> list[str]:
        """Search with ``Patient?name=x``."""
        type_, _, criteria = search.partition("?")
        with self.database.write() as connection:
            found = matching(connection, self.store, type_, criteria, limit=limit)
        return [each.id for each in found]

    def index_rows(self) -> int:
        """Return how many rows the index has."""
        with self.database.read() as connection:
            counts = ("SELECT count(*) FROM search_texts", "SELECT count(*) FROM search_ranges")
            return sum(connection.execute(count).fetchone()[0] for count in counts)
