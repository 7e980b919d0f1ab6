"""Where the Google Cloud console shows an operation's store, dataset and log. Pure: made from names alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from lro_notebook.operations.operation import Operation

_CONSOLE = "https://console.cloud.google.com"
_ID = "[A-Za-z0-9._:-]{1,256}"
_OPERATION = re.compile(f"projects/({_ID})/locations/({_ID})/datasets/({_ID})/operations/{_ID}")
_STORE = re.compile(f"projects/{_ID}/locations/{_ID}/datasets/{_ID}/fhirStores/({_ID})")


def links_of(operation: Operation) -> tuple[tuple[str, str], ...]:
    """Return words and addresses of pages on an operation of Google's Healthcare API; nothing for any other.

    The console's addresses are not documented: these were seen in public notebooks and scripts.
    """
    client = operation.client
    if getattr(client, "is_local", False) or not _is_google(str(getattr(client, "endpoint", ""))):
        return ()
    found = _OPERATION.fullmatch(operation.name)
    if found is None:
        return ()
    project, location, dataset = map(_quoted, found.groups())
    there, within = (
        f"{_CONSOLE}/healthcare/browser/locations/{location}/datasets/{dataset}",
        f"project={project}",
    )
    links = [("operations", f"{there}/operations?{within}")]
    store = next(filter(None, map(_STORE.fullmatch, _names(operation))), None)
    if store is not None:
        links.append(("store", f"{there}/fhirStores/{_quoted(store[1])}/details/overview?{within}"))
    else:
        links.append(("stores", f"{there}/datastores?{within}"))
    if not (operation.resource.metadata or {}).get("logsUrl"):
        query = _quoted(f'operation.id="{operation.name}"')
        links.append(("log", f"{_CONSOLE}/logs/query;query={query}?{within}"))
    return tuple(links)


def _names(operation: Operation) -> list[str]:
    """Return what an operation reads, fills or changes; of a store that fills another, the other."""
    return [name or "" for name in (operation.destination, operation.source, operation.target)]


def _is_google(endpoint: str) -> bool:
    parts = urlsplit(endpoint)
    host = parts.hostname or ""
    return parts.scheme == "https" and host.startswith("healthcare.") and host.endswith(".googleapis.com")


def _quoted(text: str) -> str:
    return quote(text, safe="")
