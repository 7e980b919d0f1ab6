"""What the fields of a FHIR store say about how its resources are written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lro_notebook.local.datasets import stores
from lro_notebook.local.fhir.structure.validation import Rules

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from lro_notebook.local.datasets.stores import Store

#: A store with this label, ``true``, takes resources of any type and structure.
LENIENT_LABEL = "lro-lenient"


@dataclass(frozen=True, slots=True)
class Settings:
    """How a store takes resources.

    Attributes
    ----------
    store : Store
        The store.
    version : str
        Its version of FHIR.
    update_creates : bool
        An update may create a resource (``enableUpdateCreate``).
    is_integral : bool
        References must lead to what is there (not ``disableReferentialIntegrity``).
    parses_extensions : bool
        References in extensions count too (``complexDataTypeReferenceParsing``).
    has_versions : bool
        Versions before the current one are kept (not ``disableResourceVersioning``).
    takes_history : bool
        Versions may be inserted into histories (``enableHistoryModifications``).
    rules : Rules or None
        What is checked of resources; None for nothing but what storing them needs.
    """

    store: Store
    version: str
    update_creates: bool
    is_integral: bool
    parses_extensions: bool
    has_versions: bool
    takes_history: bool
    rules: Rules | None


def settings_of(connection: sqlite3.Connection, store: Store) -> Settings:
    """Return the settings of a store."""
    dataset, _, identifier = store.name.partition("/fhirStores/")
    body = stores.get_store(connection, dataset, identifier, collection="fhirStores")
    version = str(body.get("version", "R4"))
    return Settings(
        store,
        version,
        update_creates=body.get("enableUpdateCreate") is True,
        is_integral=body.get("disableReferentialIntegrity") is not True,
        parses_extensions=body.get("complexDataTypeReferenceParsing") != "DISABLED",
        has_versions=body.get("disableResourceVersioning") is not True,
        takes_history=body.get("enableHistoryModifications") is True,
        rules=rules_of(body),
    )


def rules_of(body: Mapping[str, Any]) -> Rules | None:
    """Return what a store checks of resources; None with the label `LENIENT_LABEL`."""
    if body.get("labels", {}).get(LENIENT_LABEL) == "true":
        return None
    config = body.get("validationConfig", {})
    return Rules(
        str(body.get("version", "R4")),
        required=config.get("disableRequiredFieldValidation") is not True,
        reference_types=config.get("disableReferenceTypeValidation") is not True,
    )
