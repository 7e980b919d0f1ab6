"""The manifest of a FHIR bulk data export: which files it wrote, and what it says of them.

A manifest comes from outside: of what is not as the standard has it, files of results are an error, and all
else is told in `Listing.notes`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import ResultError
from lro_notebook.operations.resource import parse_int64
from lro_notebook.results.arrow.line_blocks import nests_deeper
from lro_notebook.results.formats.fhir.bulk_files import DELETED, FAILURES
from lro_notebook.results.limits import MAX_NESTING, TOO_DEEP
from lro_notebook.results.remote.first_bytes import infos_of, starts_of
from lro_notebook.results.remote.retried_calls import USUAL, Fetch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lro_notebook.results.allowed_places import Named
    from lro_notebook.results.location import Location

_SUFFIX = ".json"
_LARGEST = 50_000_000


@dataclass(frozen=True, slots=True)
class Listing:
    """Files that a response or a manifest names one by one, as (URI, table).

    Attributes
    ----------
    files : sequence
        Those of the results.
    counts : mapping
        URI -> how many resources it says that the file holds.
    failures, deleted : sequence
        Those that tell what could not be exported, and what was deleted since.
    notes : sequence of str
        What else of it people should know.
    """

    files: Sequence[Named]
    counts: Mapping[str, int] = field(default_factory=dict)
    failures: Sequence[Named] = ()
    deleted: Sequence[Named] = ()
    notes: Sequence[str] = ()

    @property
    def is_empty(self) -> bool:
        """Whether it names no file, and nothing else that people should know."""
        return not (self.files or self.failures or self.deleted or self.notes)


def listing_of(manifest: Mapping[str, Any]) -> Listing | None:
    """Return what a manifest lists; None if this is not a manifest.

    Raises
    ------
    ResultError
        It lists something else.
    """
    output = manifest.get("output")
    if not isinstance(output, list) or "transactionTime" not in manifest:
        return None
    files: list[Named] = []
    counts: dict[str, int] = {}
    for number, file in enumerate(output, 1):
        words = [file.get(key) for key in ("url", "type")] if isinstance(file, dict) else [None]
        if not all(isinstance(word, str) for word in words):
            raise ResultError(
                f"output {number} of the manifest has no url and type; lro.read_results(folder) reads the "
                "folder that the export wrote to"
            )
        files.append((file["url"], file["type"]))
        count = parse_int64(file.get("count"))
        if count is not None and count >= 0:
            counts[file["url"]] = count
    failures, deleted = _urls(manifest, "error"), _urls(manifest, "deleted")
    notes = [
        f"{len(unnamed):,} entries of {word!r} in the manifest name no file"
        for word in ("error", "deleted")
        if (unnamed := [each for each in _entries(manifest, word) if _url(each) is None])
    ]
    if any(isinstance(link, dict) and link.get("relation") == "next" for link in _entries(manifest, "link")):
        notes.append("the manifest goes on in another one (link, next), which is not read")
    return Listing(
        files,
        counts,
        [(url, FAILURES) for url in failures],
        [(url, DELETED) for url in deleted],
        notes,
    )


def listing_at(location: Location, fetch: Fetch = USUAL) -> Listing | None:
    """Return what the manifest at `location` lists; None if there is none.

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
    return listing_of(value) if isinstance(value, dict) else None


def _entries(manifest: Mapping[str, Any], word: str) -> list[Any]:
    entries = manifest.get(word)
    return entries if isinstance(entries, list) else []


def _url(entry: object) -> str | None:
    url = entry.get("url") if isinstance(entry, Mapping) else None
    return url if isinstance(url, str) and url else None


def _urls(manifest: Mapping[str, Any], word: str) -> list[str]:
    """Return the files that the entries under `word` name, each once."""
    return list(dict.fromkeys(url for entry in _entries(manifest, word) if (url := _url(entry))))
