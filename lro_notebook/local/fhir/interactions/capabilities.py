"""``fhir.capabilities``: what a store can do, from the tables that its requests are answered by."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import orjson
from starlette.responses import Response
from starlette.routing import Route

from lro_notebook.local.discovery.served import NOT_SERVED
from lro_notebook.local.fhir.interactions.responses import FHIR_PATH, MEDIA_TYPE, base_of
from lro_notebook.local.fhir.interactions.store_settings import settings_of
from lro_notebook.local.fhir.search import parameters
from lro_notebook.local.fhir.search.conditional_search import vocabulary_of
from lro_notebook.local.fhir.structure.elements import resource_types
from lro_notebook.local.http.service import service_of, store_of
from lro_notebook.local.operations.records import microseconds, timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request

    from lro_notebook.local.fhir.interactions.store_settings import Settings
    from lro_notebook.local.fhir.search.query import Vocabulary

_VERSIONS = {"DSTU2": "1.0.2", "STU3": "3.0.2", "R4": "4.0.1", "R4B": "4.3.0", "R5": "5.0.0"}
_FHIR = "locations.datasets.fhirStores"
#: Interaction of a type -> the method of the API that it is.
_OF_TYPES = {
    "read": "fhir.read",
    "vread": "fhir.vread",
    "update": "fhir.update",
    "patch": "fhir.patch",
    "delete": "fhir.delete",
    "history-instance": "fhir.history",
    "create": "fhir.create",
    "search-type": "fhir.search-type",
}
_OF_SYSTEM = {
    "transaction": "fhir.executeBundle",
    "batch": "fhir.executeBundle",
    "search-system": "fhir.search",
}
#: Operation -> resource type (empty for all) and the method.
_OPERATIONS: Mapping[str, Sequence[tuple[str, str]]] = {
    "everything": (("Patient", "fhir.Patient-everything"), ("Encounter", "fhir.Encounter-everything")),
    "lastn": (("Observation", "fhir.Observation-lastn"),),
    "validate": (("", "fhir.Resource-validate"),),
}
_DEFINITION = "http://hl7.org/fhir/OperationDefinition"


def capabilities(request: Request) -> Response:
    """``fhir.capabilities``."""
    with service_of(request).database.read() as connection:
        store = store_of(request, connection, "fhirStores")
        settings = settings_of(connection, store)
        vocabulary, _ = vocabulary_of(connection, store)
    statement = describe(settings, vocabulary, base_of(request, store), timestamp(microseconds()))
    return Response(orjson.dumps(statement), media_type=MEDIA_TYPE)


def describe(settings: Settings, vocabulary: Vocabulary, url: str, date: str) -> dict[str, Any]:
    """Return the CapabilityStatement of a store."""
    rest: dict[str, Any] = {
        "mode": "server",
        "resource": [_resource(type_, settings, vocabulary) for type_ in sorted(resource_types())],
        "interaction": [{"code": code} for code, method in _OF_SYSTEM.items() if is_served(method)],
    }
    if is_served("fhir.bulk-export"):
        rest["operation"] = [
            {"name": "export", "definition": "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/export"}
        ]
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": date,
        "kind": "instance",
        "software": {"name": "lro-notebook local service", "version": version("lro-notebook")},
        "implementation": {
            "description": "A local stand-in for the Cloud Healthcare API, to develop with",
            "url": url,
        },
        "fhirVersion": _VERSIONS[settings.version],
        "format": ["application/fhir+json"],
        "patchFormat": ["application/json-patch+json"],
        "rest": [rest],
    }


def is_served(method: str) -> bool:
    """Tell whether the service has a method of FHIR stores."""
    return f"{_FHIR}.{method}" not in NOT_SERVED


def _resource(type_: str, settings: Settings, vocabulary: Vocabulary) -> dict[str, Any]:
    known = dict(parameters.standard(type_))
    for base in ("Resource", "DomainResource", type_):
        known.update(vocabulary.custom.get(base, {}))
    references = sorted(code for code, each in known.items() if each.kind == "reference")
    described: dict[str, Any] = {
        "type": type_,
        "interaction": [{"code": code} for code, method in _OF_TYPES.items() if is_served(method)],
        "versioning": "versioned-update" if settings.has_versions else "no-version",
        "readHistory": settings.has_versions,
        "updateCreate": settings.update_creates,
        "conditionalCreate": is_served("fhir.create"),
        "conditionalRead": "full-support" if is_served("fhir.read") else "not-supported",
        "conditionalUpdate": is_served("fhir.conditionalUpdate"),
        "conditionalDelete": "multiple" if is_served("fhir.conditionalDelete") else "not-supported",
        "referencePolicy": ["literal", "logical", *(["enforced"] if settings.is_integral else [])],
        "searchInclude": ["*", *(f"{type_}:{code}" for code in references)],
        "searchParam": [{"name": code, "type": each.kind} for code, each in sorted(known.items())],
    }
    operations = [
        {"name": name, "definition": f"{_DEFINITION}/{of_type or 'Resource'}-{name}"}
        for name, places in _OPERATIONS.items()
        for of_type, method in places
        if of_type in ("", type_) and is_served(method)
    ]
    return {**described, "operation": operations} if operations else described


ROUTES = [Route(FHIR_PATH + "/metadata", capabilities, methods=["GET"])]
