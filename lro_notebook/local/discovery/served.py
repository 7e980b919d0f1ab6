"""Which methods of the Healthcare API the local service has; a method that it does not have answers 501.

This is the one table of it: the answers to requests, the tests and the documentation follow it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lro_notebook.local.discovery.document import document

if TYPE_CHECKING:
    from collections.abc import Mapping

_DATASETS = "locations.datasets"
_DICOM = f"{_DATASETS}.dicomStores"
_FHIR = f"{_DATASETS}.fhirStores"
_INSTANCE = f"{_DICOM}.studies.series.instances"

#: Method -> why it is not there, and what to use.
NOT_SERVED: Mapping[str, str] = {
    "locations.services.nlp.analyzeEntities": (
        "the local service has no natural language model; call the real service for it"
    ),
}


class State(NamedTuple):
    """Whether the local service has a method; a note says why not."""

    is_served: bool
    note: str = ""


def states(version: str) -> dict[str, State]:
    """Return the state of every method of a version of the API, by its id below ``healthcare.projects``."""
    return {
        identifier: State(identifier not in NOT_SERVED, NOT_SERVED.get(identifier, ""))
        for identifier in sorted(document(version).methods)
    }
