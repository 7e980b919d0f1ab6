"""The types and elements of FHIR R4, from a table that `scripts/fhir_elements.py` made."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# fmt: off
PRIMITIVES = frozenset({
    "base64Binary", "boolean", "canonical", "code", "date", "dateTime", "decimal", "id", "instant",
    "integer", "markdown", "oid", "positiveInt", "string", "time", "unsignedInt", "uri", "url",
    "uuid", "xhtml",
})
#: Types of values that are objects.
COMPLEX = frozenset({
    "Address", "Age", "Annotation", "Attachment", "CodeableConcept", "Coding", "ContactDetail",
    "ContactPoint", "Contributor", "Count", "DataRequirement", "Distance", "Dosage", "Duration",
    "ElementDefinition", "Expression", "Extension", "HumanName", "Identifier", "MarketingStatus",
    "Meta", "Money", "Narrative", "ParameterDefinition", "Period", "Population",
    "ProdCharacteristic", "ProductShelfLife", "Quantity", "Range", "Ratio", "Reference",
    "RelatedArtifact", "SampledData", "Signature", "SubstanceAmount", "Timing", "TriggerDefinition",
    "UsageContext",
})
#: Resource types that other versions of FHIR have, and R4 has not.
_OF_OTHERS = frozenset({
    # DSTU2 and STU3
    "BodySite", "Conformance", "DataElement", "DeviceComponent", "DeviceUseRequest",
    "DiagnosticOrder", "EligibilityRequest", "EligibilityResponse", "ExpansionProfile",
    "ImagingManifest", "ImagingObjectSelection", "MedicationOrder", "Order", "OrderResponse",
    "ProcedureRequest", "ProcessRequest", "ProcessResponse", "ReferralRequest", "Sequence",
    "ServiceDefinition",
    # R4B and R5
    "ActorDefinition", "AdministrableProductDefinition", "ArtifactAssessment",
    "BiologicallyDerivedProductDispense", "Citation", "ClinicalUseDefinition",
    "ConditionDefinition", "DeviceAssociation", "DeviceDispense", "DeviceUsage", "EncounterHistory",
    "EvidenceReport", "FormularyItem", "GenomicStudy", "ImagingSelection", "Ingredient",
    "InventoryItem", "InventoryReport", "ManufacturedItemDefinition", "MedicinalProductDefinition",
    "NutritionIntake", "NutritionProduct", "PackagedProductDefinition", "Permission",
    "RegulatedAuthorization", "RequestOrchestration", "Requirements", "SubscriptionStatus",
    "SubscriptionTopic", "SubstanceDefinition", "TestPlan", "Transport",
})
# fmt: on
_OF_RESOURCES = ("id:id", "meta:Meta", "implicitRules:uri", "language:code", "contained:Resource*")
_OF_DOMAIN_RESOURCES = ("text:Narrative", "modifierExtension:Extension*", "extension:Extension*")
_OF_ELEMENTS = ("id:string", "extension:Extension*", "modifierExtension:Extension*")
#: Resources that are no DomainResource: without narrative and extensions.
_PLAIN = frozenset({"Binary", "Bundle", "Parameters"})


class Field(NamedTuple):
    """A key that an object may have.

    Attributes
    ----------
    element : str
        The element, ``value[x]`` for the key ``valueString``.
    type : str
        A primitive or complex type, ``Resource``, or a structure such as ``Patient.contact``.
    many : bool
        Whether its value is a list.
    codes : frozenset of str
        The codes that there are; empty for any.
    targets : tuple of str
        The types that a reference may lead to; empty for any.
    """

    element: str
    type: str
    many: bool
    codes: frozenset[str]
    targets: tuple[str, ...]

    @property
    def is_primitive(self) -> bool:
        """Whether its values are texts, numbers or booleans."""
        return self.type in PRIMITIVES


@dataclass(frozen=True, slots=True)
class Structure:
    """A type or a part of one: its keys, and the elements that must be there, each with its keys."""

    fields: Mapping[str, Field]
    required: Mapping[str, Sequence[str]]


@cache
def resource_types() -> frozenset[str]:
    """Return the resource types of FHIR R4."""
    return frozenset(name for name in _table()[1] if "." not in name) - COMPLEX


def is_known_type(type_: str, version: str) -> bool:
    """Tell whether FHIR has a resource type; for a version other than R4, whether any version has it."""
    return type_ in resource_types() or (version != "R4" and type_ in _OF_OTHERS)


@cache
def structure(name: str) -> Structure:
    """Return the structure of a type, or of a part such as ``Patient.contact``."""
    listed = list(_table()[1].get(name, ()))  # Element has none of its own
    if name in resource_types():
        listed += _OF_RESOURCES if name in _PLAIN else (*_OF_RESOURCES, *_OF_DOMAIN_RESOURCES)
    else:
        listed += _OF_ELEMENTS
    fields: dict[str, Field] = {}
    required: dict[str, Sequence[str]] = {}
    for text in listed:
        keys = dict(_fields(text))
        fields.update(keys)
        if "!" in text:
            required[text.partition(":")[0]] = [*keys]
    return Structure(fields, required)


def _fields(text: str) -> list[tuple[str, Field]]:
    """Return the keys of an element, as the table has it."""
    name, _, rest = text.partition(":")
    many = rest.endswith("*")
    types = rest.rstrip("*!").split("|")
    if types == ["any"]:
        types = sorted((PRIMITIVES | COMPLEX) - {"xhtml"})
    plain = name.removesuffix("[x]")
    found = []
    for each in types:
        head, _, targets = each.rstrip(")").partition("(")
        type_, _, codes = head.partition("#")
        key = plain if plain == name else plain + type_[0].upper() + type_[1:]
        allowed = _table()[0][codes] if codes else frozenset()
        found.append((key, Field(name, type_, many, allowed, tuple(targets.split(",")) if targets else ())))
    return found


@cache
def _table() -> tuple[Mapping[str, frozenset[str]], Mapping[str, Sequence[str]]]:
    """Return the sets of codes, and the elements of each structure."""
    text = resources.files(__package__).joinpath("elements.tsv").read_text(encoding="utf-8")
    sets: dict[str, frozenset[str]] = {}
    structures: dict[str, Sequence[str]] = {}
    for line in text.splitlines():
        name, *rest = line.split("\t")
        if name.startswith("#"):
            sets[name[1:]] = frozenset(rest[0].split())
        else:
            structures[name] = rest
    return sets, structures
