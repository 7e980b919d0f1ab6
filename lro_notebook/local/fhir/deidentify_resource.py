"""De-identification of FHIR resources, by the place of values. Pure.

The name of an element determines the info type of its values; see `_INFO_TYPES`. ``fhir.fieldMetadataList``
overrides it for paths that start with a resource type. `_PROFILE` has the actions that ``config.text`` does
not set. Decimals are written as the shortest text of their value.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import Code
from lro_notebook.local.core.resource_names import is_resource_type
from lro_notebook.local.core.service_errors import ServiceError
from lro_notebook.local.datasets import deidentify_values
from lro_notebook.local.operations import request_fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lro_notebook.local.datasets.deidentify_values import Action

#: The default action of each info type.
_PROFILE: Mapping[str, Action] = {
    **dict.fromkeys(deidentify_values.INFO_TYPES, "redact"),
    "MEDICAL_RECORD_NUMBER": "hash",
    "DATE": "shift",
}
_ACTIONS = ("DO_NOT_TRANSFORM", "TRANSFORM", "INSPECT_AND_TRANSFORM")
#: Element -> info type of all text and numbers below it.
_INFO_TYPES: Mapping[str, str] = {
    "telecom": "PHONE_NUMBER",
    "address": "STREET_ADDRESS",
    "position": "LOCATION",
    "identifier": "MEDICAL_RECORD_NUMBER",
    "div": "GENERIC_TEXT",
    "note": "GENERIC_TEXT",
    "comment": "GENERIC_TEXT",
    "description": "GENERIC_TEXT",
    "conclusion": "GENERIC_TEXT",
    "valueString": "GENERIC_TEXT",
    "attachment": "GENERIC_TEXT",
    "photo": "GENERIC_TEXT",
    "data": "GENERIC_TEXT",
    **dict.fromkeys(
        ("onsetAge", "abatementAge", "performedAge", "deceasedAge", "ageAge", "ageRange", "ageString"), "AGE"
    ),
}
#: Element of an address -> info type, if it differs from that of the address.
_OF_ADDRESS: Mapping[str, str] = dict.fromkeys(("city", "district", "postalCode"), "LOCATION")
#: Resource type -> info type of its names, and of the display of references to it.
_NAMES: Mapping[str, str] = {"Organization": "ORGANIZATION_NAME", "Location": "LOCATION"}
#: Parts of such elements that do not identify a person.
_HARMLESS = frozenset(
    {
        *("system", "use", "type", "rank", "state", "country", "contentType", "coding", "status"),
        *("unit", "code", "comparator"),  # of an age
    }
)
_EXTENSIONS = frozenset({"extension", "modifierExtension"})
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?:T.*)?", re.ASCII | re.DOTALL)
_SUBJECTS = ("subject", "patient", "beneficiary", "individual")
_ANY_TEXT = "GENERIC_TEXT"


class Rules:
    """How the resources of one operation are de-identified.

    Parameters
    ----------
    config : mapping
        A DeidentifyConfig; its ``fhir`` has rules for paths and extensions.
    key : bytes
        The key of the operation.

    Raises
    ------
    ServiceError
        The configuration is not supported.
    """

    def __init__(self, config: Mapping[str, Any], key: bytes) -> None:
        fhir = request_fields.json_object(config, "fhir")
        self._text = deidentify_values.transformations(config, key, _PROFILE)
        self._keep_extensions = request_fields.flag(fhir, "defaultKeepExtensions")
        self._paths = _paths(fhir)

    def resource(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return a resource without what identifies its patient."""
        patient = _patient(document)
        cleaned = self._object(document, str(document["resourceType"]), None, patient)
        return {**cleaned, "resourceType": document["resourceType"], "id": document["id"]}

    def _object(
        self, value: Mapping[str, Any], path: str, info_type: str | None, patient: str
    ) -> dict[str, Any]:
        cleaned: dict[str, Any] = {}
        for name, member in value.items():
            if name.lstrip("_") in _EXTENSIONS and not self._keep_extensions:
                continue
            place = f"{path}.{name}"
            action = self._paths.get(place)
            if action == _ACTIONS[0]:
                cleaned[name] = member
                continue
            below = _info_type(name, member, value, info_type) or (_ANY_TEXT if action else None)
            result = self._value(member, place, below, patient)
            if result not in (None, {}, []):
                cleaned[name] = result
        return cleaned

    def _value(self, value: Any, path: str, info_type: str | None, patient: str) -> Any:
        if isinstance(value, dict):
            return self._object(value, path, info_type, patient)
        if isinstance(value, list):
            items = (self._value(item, path, info_type, patient) for item in value)
            return [item for item in items if item not in (None, {}, [])]
        if isinstance(value, str) and (info_type is not None or _DATE.fullmatch(value)):
            # A date is shifted wherever it occurs.
            applied = "DATE" if _DATE.fullmatch(value) else info_type or _ANY_TEXT
            return self._text[applied].apply(applied, value, patient=patient)
        if (
            info_type is not None
            and isinstance(value, int | float)
            and self._text[info_type].action != "keep"
        ):
            return None  # a number cannot be hashed or masked
        return value


def _info_type(name: str, member: object, parent: Mapping[str, Any], inherited: str | None) -> str | None:
    """Return the info type of the text in an element; None if it identifies nobody."""
    if inherited is not None:
        within = _OF_ADDRESS.get(name, inherited) if inherited == "STREET_ADDRESS" else inherited
        return None if name in _HARMLESS else within
    if name in ("name", "alias"):
        # In Patient, Practitioner and RelatedPerson it is a HumanName, not text.
        return _NAMES.get(parent.get("resourceType", "")) if _is_text(member) else "PERSON_NAME"
    if name == "display" and "reference" in parent:
        types = str(parent["reference"]).split("/")
        return next((_NAMES[type_] for type_ in types if type_ in _NAMES), "PERSON_NAME")
    if name == "text" and isinstance(member, dict):
        return None  # a Narrative; its div has an info type of its own
    return _INFO_TYPES.get(name)


def _is_text(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(v, str) for v in value))


def _patient(document: Mapping[str, Any]) -> str:
    """Return the patient that a resource is about; all dates of a patient are shifted alike."""
    if document["resourceType"] == "Patient":
        return f"Patient/{document['id']}"
    for name in _SUBJECTS:
        target = document.get(name)
        reference = target.get("reference") if isinstance(target, dict) else None
        if isinstance(reference, str):
            return reference
    return ""


def _paths(fhir: Mapping[str, Any]) -> dict[str, str]:
    """Return path -> action of ``fieldMetadataList``."""
    paths: dict[str, str] = {}
    for item in request_fields.json_objects(fhir, "fieldMetadataList"):
        action = request_fields.choice(item, "action", _ACTIONS)
        for path in request_fields.texts(item, "paths"):
            type_, _, fields = path.partition(".")
            names_ = fields.split(".")
            if not is_resource_type(type_) or not all(names_) or any(map(is_resource_type, names_)):
                raise ServiceError(
                    Code.UNIMPLEMENTED,
                    f"config.fhir path {path[:80]!r}: the local service supports a resource type followed "
                    "by field names, such as Patient.birthDate",
                )
            paths[path] = action
    return paths
