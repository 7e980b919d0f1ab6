"""The response of an operation as a table, where it is the result itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lro_notebook.results.arrow.batch import Options
from lro_notebook.results.arrow.json_fallback import table_of
from lro_notebook.results.formats.flat_pieces import flat_rows
from lro_notebook.results.load_report import Report
from lro_notebook.results.load_table import Loaded

if TYPE_CHECKING:
    from collections.abc import Mapping

RESPONSE = "response"
#: The column for the keys of a map from the URIs of inputs to what came of them.
INPUT = "input"


def read(response: Mapping[str, Any], options: Options | None = None) -> tuple[Loaded, dict[str, Any]]:
    """Return the table, and the fields that are not in it.

    A response that has exactly one list on its top level gives a row per element, and one that has a map from
    URIs there a row per entry; any other gives one row, and an empty one none. ``@type`` is left out.

    Parameters
    ----------
    response : mapping
        As JSON.
    options : Options, optional
        Which columns, and what lists become.
    """
    body = {key: value for key, value in response.items() if key != "@type"}
    lists = [key for key, value in body.items() if isinstance(value, list)]
    maps = [key for key, value in body.items() if _is_by_input(value)]
    rows, beside = [body] if body else [], {}
    if len(lists) == 1:
        elements, beside = body.pop(lists[0]), body
        rows = [part if isinstance(part, dict) else {lists[0]: part} for part in elements]
    elif not lists and len(maps) == 1:
        entries, beside = body.pop(maps[0]), body
        name = INPUT
        while any(name in entry for entry in entries.values()):
            name += "_"
        rows = [{name: uri, **entry} for uri, entry in entries.items()]
    flat = flat_rows(table_of(rows), RESPONSE, options or Options()).flat
    truncated = {f"{RESPONSE}.{path}": count for path, count in flat.truncated.items()}
    children = {f"{RESPONSE}.{path}": child for path, child in flat.children.items()}
    return Loaded(flat.table, Report(truncated=truncated), children), beside


def _is_by_input(value: object) -> bool:
    """Tell whether a value is a map from URIs to objects: results by the input that they are of."""
    return (
        isinstance(value, dict)
        and bool(value)
        and all("://" in key and isinstance(entry, dict) for key, entry in value.items())
    )
