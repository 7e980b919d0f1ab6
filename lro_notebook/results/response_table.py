"""The response of an operation as a table, where it is the result itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lro_notebook.results.arrow.flatten import flatten
from lro_notebook.results.arrow.json_fallback import table_of
from lro_notebook.results.main_table import Loaded, Report

if TYPE_CHECKING:
    from collections.abc import Mapping

RESPONSE = "response"


def read(response: Mapping[str, Any]) -> tuple[Loaded, dict[str, Any]]:
    """Return the table, and the fields that are not in it.

    A response that has exactly one list on its top level gives a row per element; any other gives one row,
    and an empty one none. ``@type`` is left out.
    """
    body = {key: value for key, value in response.items() if key != "@type"}
    lists = [key for key, value in body.items() if isinstance(value, list)]
    rows = [body] if body else []
    if len(lists) == 1:
        elements = body.pop(lists[0])
        rows = [part if isinstance(part, dict) else {lists[0]: part} for part in elements]
    flat = flatten(table_of(rows))
    truncated = {f"{RESPONSE}.{path}": count for path, count in flat.truncated.items()}
    return Loaded(flat.table, Report(truncated=truncated)), body if len(lists) == 1 else {}
