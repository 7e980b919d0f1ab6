"""Query parameters: those of a method, and the ones that every method has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from lro_notebook.local.discovery import masks, query_fields, scalars
from lro_notebook.local.discovery.document import snake
from lro_notebook.local.discovery.request_bodies import type_name
from lro_notebook.local.discovery.violations import Violation, invalid_value, missing, unknown_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lro_notebook.local.discovery.document import Document, Field, Method
    from lro_notebook.local.discovery.masks import Path

#: Methods of FHIR whose parameters are those of the documents and no others; elsewhere a query is a search.
CLOSED = frozenset(
    f"locations.datasets.fhirStores.{name}"
    for name in ("fhir.bulk-export", "bulk-export-group", "bulk-export-group-post")
)
#: What FHIR allows in every query, and the other name of ``outputFormat``.
_OF_FHIR = frozenset({"_format", "_pretty", "_outputFormat"})


class Read(NamedTuple):
    """The parameters of a request.

    Attributes
    ----------
    pairs : list
        Those of the method, by their JSON names.
    system : mapping
        Those that every method has, such as ``fields``.
    bound : dict
        Fields of the body that stand in the query.
    mask : list or None
        Paths of ``updateMask``; None without one.
    violations : list
        What is wrong with them.
    """

    pairs: list[tuple[str, str]]
    system: Mapping[str, str]
    bound: dict[str, Any]
    mask: list[Path] | None
    violations: list[Violation]


def read(document: Document, method: Method, pairs: Sequence[tuple[str, str]]) -> Read:
    """Read the query of a request, as pairs of name and text."""
    names = {**{snake(name): field for name, field in method.query.items()}, **method.query}
    found = Read([], {}, {}, None, [])
    system: dict[str, str] = {}
    mask: list[Path] | None = None
    for name, text in pairs:
        field = names.get(name)
        if field is None and (path := query_fields.path_of(document, method, name)):
            query_fields.bind(found.bound, path, text)
        elif field is None:
            _system(document, name, text, system, found.violations)
        elif field.type == "mask" and text:
            read_mask = masks.read(document, method.request, text)
            found.violations.extend(read_mask.violations)
            mask = read_mask.paths
            found.pairs.append((field.name, read_mask.text))
        else:
            kept = _checked(document, field, text, found.violations) if text else text
            found.pairs.append((field.name, kept))
    given = {name for name, text in found.pairs if text}
    # The ids of what is created are checked where it is: they say what an id may be.
    absent = [f for f in method.query.values() if f.is_required and f.type == "mask" and f.name not in given]
    if not found.violations:
        found.violations.extend(missing(snake(field.name)) for field in absent)
    return found._replace(system=system, mask=mask)


def unknown_in_fhir(document: Document, method: Method, pairs: Sequence[tuple[str, str]]) -> list[Violation]:
    """Return the violations of the query of a FHIR method, if it is one of `CLOSED`."""
    if method.id not in CLOSED:
        return []
    return read(document, method, [pair for pair in pairs if pair[0] not in _OF_FHIR]).violations


def _system(
    document: Document, name: str, text: str, system: dict[str, str], violations: list[Violation]
) -> None:
    """Read a parameter that every method has; it may start with ``$``."""
    field = document.parameters.get(name) or document.parameters.get(name.removeprefix("$"))
    if field is None:
        field_name = name.rpartition(".")[2][:60]
        why = f"Cannot bind query parameter. Field '{field_name}' could not be found in request message."
        violations.append(unknown_name(name, "", why))
    else:
        system[field.name] = _checked(document, field, text, violations)


def _checked(document: Document, field: Field, text: str, violations: list[Violation]) -> str:
    """Return the text of a parameter, a boolean as ``true`` or ``false``."""
    value: Any = query_fields.BOOLEANS.get(text.lower(), text) if field.type == "boolean" else text
    try:
        scalars.read(field, value)
    except scalars.RefusedError as error:
        violations.append(invalid_value(snake(field.name), type_name(document, field, ""), str(error)))
    return str(value).lower() if isinstance(value, bool) else text
