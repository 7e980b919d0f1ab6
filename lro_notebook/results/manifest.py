"""The manifest of a FHIR bulk data export: which files it wrote."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import ResultError
from lro_notebook.results.arrow.lines import nests_deeper
from lro_notebook.results.limits import MAX_NESTING, TOO_DEEP
from lro_notebook.results.remote.calls import USUAL, Fetch
from lro_notebook.results.remote.starts import infos_of, starts_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lro_notebook.results.storage import Location

_SUFFIX = ".json"
_LARGEST = 50_000_000


def files_of(manifest: Mapping[str, Any]) -> list[tuple[str, str]] | None:
    """Return URI and resource type of each file that a manifest lists; None if this is not a manifest.

    Raises
    ------
    ResultError
        It lists something else.
    """
    output = manifest.get("output")
    if not isinstance(output, list) or "transactionTime" not in manifest:
        return None
    for number, file in enumerate(output, 1):
        words = [file.get(key) for key in ("url", "type")] if isinstance(file, dict) else [None]
        if not all(isinstance(word, str) for word in words):
            raise ResultError(
                f"output {number} of the manifest has no url and type; lro.read_results(folder) reads the "
                "folder that the export wrote to"
            )
    return [(file["url"], file["type"]) for file in output]


def manifest_at(location: Location, fetch: Fetch = USUAL) -> list[tuple[str, str]] | None:
    """Return the files that the manifest at `location` lists; None if there is none.

    Raises
    ------
    ResultError
        It cannot be read.
    """
    if not location.path.endswith(_SUFFIX) or "*" in location.path or not location.fs.isfile(location.path):
        return None
    (info,) = infos_of(location, [location.path], fetch)
    (text,) = starts_of(location, [{**info, "name": location.path}], _LARGEST, fetch)
    if b'"transactionTime"' not in text:
        return None
    if nests_deeper(text, MAX_NESTING):
        raise ResultError(
            f"the manifest {location.uri} is {TOO_DEEP}; lro.read_results(folder) reads the folder that the "
            "export wrote to"
        )
    try:
        value = json.loads(text)
    except ValueError:  # several objects, one on each line
        return None
    return files_of(value) if isinstance(value, dict) else None
