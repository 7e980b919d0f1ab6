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
_NO_ENFORCEMENT = "the local service enforces no consents; call the real service for it"
_NO_TERMINOLOGY = "the local service has no terminology; call the real service for it"

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
    f"{_FHIR}.explainDataAccess": _NO_ENFORCEMENT,
    f"{_FHIR}.fhir.Consent-enforcement-status": _NO_ENFORCEMENT,
    f"{_FHIR}.fhir.Patient-consent-enforcement-status": _NO_ENFORCEMENT,
    f"{_FHIR}.fhir.ConceptMap-search-translate": _NO_TERMINOLOGY,
    f"{_FHIR}.fhir.ConceptMap-translate": _NO_TERMINOLOGY,
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
