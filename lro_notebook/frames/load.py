"""From an operation, or a URI, to `Results`: where the output is, and with which credentials to read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lro_notebook.errors import ConfigError
from lro_notebook.frames.read import read
from lro_notebook.frames.results import Results

if TYPE_CHECKING:
    from lro_notebook.client import Client
    from lro_notebook.operation import Operation


def load(operation: Operation, source: str | None, *, partial: bool = False, **options: Any) -> Results:  # noqa: ANN401
    """Return the output of an operation that has ended; see `Operation.load`."""
    uri = source or operation.destination
    if uri is None and "export" in operation.method.lower():
        raise ConfigError(
            f"where operation {operation.id} wrote its output is not known: it was not started from this "
            'machine, and its response does not say. Give the place: op.load("gs://bucket/folder")'
        )
    if uri is None or "://" not in uri:  # it wrote into a store, or nowhere
        return Results.from_response(operation.resource.response or {})
    return read_for(operation.client, uri, operation=operation.id, partial=partial, **options)


def read_for(client: Client | None, uri: str, **options: Any) -> Results:  # noqa: ANN401 - as read
    """Return the files at `uri`, read as `client` may read them; an option given by the caller wins."""
    if client is not None and uri.startswith(("gs://", "gcs://")):  # its token is for Google's storage alone
        local = client.local()
        options.setdefault("buckets", str(local.buckets) if local else None)
        options["storage_options"] = {**client.storage_options(), **(options.get("storage_options") or {})}
    return read(uri, **options)
