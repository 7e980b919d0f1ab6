"""De-identification of FHIR resources, by where values stand. Pure.

What a value is, is told by the name of its element; see `_KINDS`. ``fhir.fieldMetadataList`` overrides
it for paths that start with a resource type. Decimals come out as the shortest text of their value.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import Code
from lro_notebook.local import arguments
from lro_notebook.local.names import is_resource_type
from lro_notebook.local.refusal import Refusal, invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lro_notebook.local.deidentify import Config

_ACTIONS = ("DO_NOT_TRANSFORM", "TRANSFORM", "INSPECT_AND_TRANSFORM")
#: Element -> kind of all text below it.
_KINDS: Mapping[str, str] = {
    "telecom": "PHONE_NUMBER",
    "address": "STREET_ADDRESS",
    "position": "STREET_ADDRESS",
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
}
#: Parts of such elements that say nothing about a person.
_HARMLESS = frozenset(
    {"system", "use", "type", "rank", "state", "country", "contentType", "coding", "status"}
)
_EXTENSIONS = frozenset({"extension", "modifierExtension"})
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?:T.*)?", re.ASCII | re.DOTALL)
_SUBJECTS = ("subject", "patient", "beneficiary", "individual")
_ANY_TEXT = "GENERIC_TEXT"


class Rules:
    """How the resources of one operation are de-identified.

    Parameters
    ----------
    config : Config
        What happens to each kind of value; ``config.fhir`` says more of paths and extensions.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._keep_extensions = arguments.flag(config.fhir, "defaultKeepExtensions")
        self._paths = _paths(config.fhir)

    def resource(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return a resource without what identifies its patient."""
        patient = _patient(document)
        cleaned = self._object(document, str(document["resourceType"]), None, patient)
        return {**cleaned, "resourceType": document["resourceType"], "id": document["id"]}

    def _object(self, value: Mapping[str, Any], path: str, kind: str | None, patient: str) -> dict[str, Any]:
        cleaned: dict[str, Any] = {}
        for name, member in value.items():
            if name.lstrip("_") in _EXTENSIONS and not self._keep_extensions:
                continue
            place = f"{path}.{name}"
            action = self._paths.get(place)
            if action == _ACTIONS[0]:
                cleaned[name] = member
                continue
            below = _kind(name, member, value, kind) or (_ANY_TEXT if action else None)
            result = self._value(member, place, below, patient)
            if result not in (None, {}, []):
                cleaned[name] = result
        return cleaned

    def _value(self, value: Any, path: str, kind: str | None, patient: str) -> Any:  # noqa: ANN401 - JSON
        if isinstance(value, dict):
            return self._object(value, path, kind, patient)
        if isinstance(value, list):
            items = (self._value(item, path, kind, patient) for item in value)
            return [item for item in items if item not in (None, {}, [])]
        if isinstance(value, str) and (kind is not None or _DATE.fullmatch(value)):
            # A date is shifted wherever it stands.
            return self._config.apply(
                "DATE" if _DATE.fullmatch(value) else kind or _ANY_TEXT, value, patient=patient
            )
        return None if kind is not None and isinstance(value, int | float) and kind != "DATE" else value


def _kind(name: str, member: object, parent: Mapping[str, Any], inherited: str | None) -> str | None:
    """Return what the text in an element is; None where it identifies nobody."""
    if inherited is not None:
        return None if name in _HARMLESS else inherited
    if name == "name" and not isinstance(member, str):
        return "PERSON_NAME"  # Patient, Practitioner, RelatedPerson; the name of an organisation is text
    if name == "display" and "reference" in parent:
        return "PERSON_NAME"
    if name == "text" and isinstance(member, dict):
        return None  # a Narrative, whose div has its own kind
    return _KINDS.get(name)


def _patient(document: Mapping[str, Any]) -> str:
    """Return whom a resource is about: all dates of a patient are shifted alike."""
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
    listed = fhir.get("fieldMetadataList") or []
    if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
        raise invalid("config.fhir.fieldMetadataList: expected a list of objects")
    paths: dict[str, str] = {}
    for item in listed:
        action = arguments.choice(item, "action", _ACTIONS)
        for path in arguments.texts(item, "paths"):
            type_, _, fields = path.partition(".")
            names_ = fields.split(".")
            if not is_resource_type(type_) or not all(names_) or any(map(is_resource_type, names_)):
                raise Refusal(
                    Code.UNIMPLEMENTED,
                    f"config.fhir path {path[:80]!r}: the local service reads a resource type with field "
                    "names behind it, such as Patient.birthDate",
                )
            paths[path] = action
    return paths
