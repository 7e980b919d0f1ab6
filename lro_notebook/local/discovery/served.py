"""Which methods of the Healthcare API the local service has; one that it does not have answers 501.

This is the one table of it: the answers to requests, the tests and the documentation follow it. Whoever
builds a method deletes its line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lro_notebook.local.discovery.document import document

if TYPE_CHECKING:
    from collections.abc import Mapping

_DATASETS = "locations.datasets"
_CONSENTS = f"{_DATASETS}.consentStores.consents"
_FHIR = f"{_DATASETS}.fhirStores"
_WORKSPACES = f"{_DATASETS}.dataMapperWorkspaces"

_NO_WORKSPACES = "no method of the Healthcare API creates such a workspace, so the local service has none"
_NO_REVISIONS = "the local service keeps only the latest revision of a consent; use consents.get"
_NO_CONDITIONS = "the local service has no conditional methods; search, then use the resource's id"
_NO_ENFORCEMENT = "the local service enforces no consents; call the real service for it"
_NO_TERMINOLOGY = "the local service has no terminology; call the real service for it"
_NO_EVERYTHING = "the local service does not collect what refers to a resource; search or export the types"
_NO_LASTN = "the local service has no $lastn; search for the observations and sort them"
_NO_PURGE = "the local service deletes versions with fhirStores.bulkDelete and HISTORY_ONLY"
_NO_PROFILES = "the local service has no profiles; validate with a library such as fhir.resources"
_NO_POST_SEARCH = "the local service searches with GET [type] alone"

#: Method -> why it is not there, and what to use.
NOT_SERVED: Mapping[str, str] = {
    "locations.services.nlp.analyzeEntities": (
        "the local service has no natural language model; call the real service for it"
    ),
    f"{_WORKSPACES}.getIamPolicy": _NO_WORKSPACES,
    f"{_WORKSPACES}.setIamPolicy": _NO_WORKSPACES,
    f"{_WORKSPACES}.testIamPermissions": _NO_WORKSPACES,
    f"{_CONSENTS}.deleteRevision": _NO_REVISIONS,
    f"{_CONSENTS}.listRevisions": _NO_REVISIONS,
    f"{_FHIR}.bulk-export-group-post": "the local service exports a Group with GET Group/ID/$export",
    f"{_FHIR}.explainDataAccess": _NO_ENFORCEMENT,
    f"{_FHIR}.fhir.Consent-enforcement-status": _NO_ENFORCEMENT,
    f"{_FHIR}.fhir.Patient-consent-enforcement-status": _NO_ENFORCEMENT,
    f"{_FHIR}.fhir.ConceptMap-search-translate": _NO_TERMINOLOGY,
    f"{_FHIR}.fhir.ConceptMap-translate": _NO_TERMINOLOGY,
    f"{_FHIR}.fhir.Encounter-everything": _NO_EVERYTHING,
    f"{_FHIR}.fhir.Observation-lastn": _NO_LASTN,
    f"{_FHIR}.fhir.Patient-everything": _NO_EVERYTHING,
    f"{_FHIR}.fhir.Resource-incoming-references": _NO_EVERYTHING,
    f"{_FHIR}.fhir.Resource-purge": _NO_PURGE,
    f"{_FHIR}.fhir.Resource-validate": _NO_PROFILES,
    f"{_FHIR}.fhir.capabilities": "the local service has no capability statement; see its documentation",
    f"{_FHIR}.fhir.conditionalDelete": _NO_CONDITIONS,
    f"{_FHIR}.fhir.conditionalPatch": _NO_CONDITIONS,
    f"{_FHIR}.fhir.conditionalUpdate": _NO_CONDITIONS,
    f"{_FHIR}.fhir.executeBundle": "the local service takes Bundles through fhirStores.import",
    f"{_FHIR}.fhir.patch": "the local service has no JSON Patch; read the resource and update it",
    f"{_FHIR}.fhir.search": _NO_POST_SEARCH,
    f"{_FHIR}.fhir.search-type": _NO_POST_SEARCH,
}


class State(NamedTuple):
    """Whether the local service has a method; the note says why not, and what to use."""

    is_served: bool
    note: str = ""


def states(version: str) -> dict[str, State]:
    """Return the state of every method of a version of the API, by its id below ``healthcare.projects``."""
    return {
        identifier: State(identifier not in NOT_SERVED, NOT_SERVED.get(identifier, ""))
        for identifier in sorted(document(version).methods)
    }
