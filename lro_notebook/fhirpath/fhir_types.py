"""The types of FHIR: their types in JSON, which specialises which, choice elements, possible booleans."""

from __future__ import annotations

from typing import Literal

JsonType = Literal["boolean", "integer", "decimal", "text"]

# fmt: off
_TEXT = (
    "base64Binary", "canonical", "code", "date", "dateTime", "id", "instant", "markdown", "oid",
    "string", "time", "uri", "url", "uuid", "xhtml",
)
# fmt: on
#: The primitive types of FHIR -> their type in JSON.
PRIMITIVES: dict[str, JsonType] = {
    "boolean": "boolean",
    "decimal": "decimal",
    **dict.fromkeys(("integer", "integer64", "positiveInt", "unsignedInt"), "integer"),
    **dict.fromkeys(_TEXT, "text"),
}
#: The types of FHIRPath itself -> their type in JSON.
SYSTEM: dict[str, JsonType] = {
    "Boolean": "boolean",
    "Decimal": "decimal",
    "Integer": "integer",
    **dict.fromkeys(("String", "Date", "DateTime", "Time"), "text"),
}
#: Types whose values are compared by meaning, not as text.
TEMPORAL = frozenset({"date", "dateTime", "instant", "time", "Date", "DateTime", "Time"})

# fmt: off
_COMPLEX = (
    "Address", "Age", "Annotation", "Attachment", "Availability", "CodeableConcept",
    "CodeableReference", "Coding", "ContactDetail", "ContactPoint", "Contributor", "Count",
    "DataRequirement", "Distance", "Dosage", "Duration", "Expression", "ExtendedContactDetail",
    "HumanName", "Identifier", "Meta", "Money", "MonetaryComponent", "ParameterDefinition", "Period",
    "Quantity", "Range", "Ratio", "RatioRange", "Reference", "RelatedArtifact", "SampledData",
    "Signature", "Timing", "TriggerDefinition", "UsageContext", "VirtualServiceContact",
)
# fmt: on
#: The end of a choice element's key -> its type.
SUFFIXES = {name[0].upper() + name[1:]: name for name in (*PRIMITIVES, *_COMPLEX)}
_PARENTS = {
    **dict.fromkeys(("code", "id", "markdown"), "string"),
    **dict.fromkeys(("canonical", "oid", "url", "uuid"), "uri"),
    **dict.fromkeys(("positiveInt", "unsignedInt"), "integer"),
    **dict.fromkeys(("Age", "Count", "Distance", "Duration", "MoneyQuantity", "SimpleQuantity"), "Quantity"),
}
#: Elements of the type date; most other dates in FHIR are dateTime.
DATES = frozenset(
    {"approvalDate", "birthDate", "expirationDate", "lastReviewDate", "paymentDate", "statusDate"}
)


def is_a(name: str, wanted: str) -> bool:
    """Tell whether the type `name` is `wanted` or a specialisation of it."""
    return name == wanted or _PARENTS.get(name) == wanted


def choice_type(key: str, name: str) -> str | None:
    """Return the type that `key` says the choice element `name` has: ``valueQuantity`` -> ``Quantity``."""
    return SUFFIXES.get(key[len(name) :]) if key.startswith(name) else None


def choice_keys(name: str, wanted: str) -> list[str]:
    """Return the possible keys of the choice element `name` with a value of the type `wanted`."""
    types = [wanted, *(child for child, parent in _PARENTS.items() if parent == wanted)]
    return [name + type_[0].upper() + type_[1:] for type_ in types]


def short_name(uri: str) -> str:
    """Return the name of the type with this `uri`; the types of FHIRPath itself get their FHIR names."""
    name = uri.rpartition("/")[2]
    prefix, dot, rest = name.partition(".")
    return rest[:1].lower() + rest[1:] if dot and prefix == "System" else name


#: Names of the elements that are, or can be, boolean in some type of FHIR STU3 to R5.
BOOLEANS = frozenset(
    """
    abatement abstract active activeOnly actual affectsState allDay allergenicIndicator allowed
    alternate answer any appliesToAll appointmentRequired asNeeded authoritative authorizationRequired
    caseSensitive complete componentPart compositional conditionalCreate conditionalPatch
    conditionalUpdate conditionality continuous contributedToDeath copackagedIndicator
    correspondingContact cors deceased defaultValue deleted detail display doNotPerform estimate
    estimatedAge exact example exclude excludeNested excludeNotForUI excludePostCoordinated excluded
    expectedInResearchStudy experimental extensible fixed focal freeToShare friday hasAnswer hasBodySite
    hasSeverity hasStage hierarchical idempotent immutable inactive includeDefinition
    includeDesignations incomplete inforce initial initialSelected initiatorActive instance isActive
    isBrand isDefault isDefining isDerived isExample isModifier isOverTheCounter isSubPotent isSubpotent
    isSummary limitedExpansion lockedDate monday multipleAnd multipleBirth multipleOr
    multipleResultsAllowed mustHaveValue mustSupport needsMap noMap notConsumed notDone notGiven nullify
    occurrenceChanged onAdmission onHold orderable ordered outsideFoodAllowed overbooked paging pattern
    pause preferred primarySource prohibited proposedNewTime readHistory readOnly recall receiverActive
    recurring repeats reported requestor requireBoth required responseRequired responsible saturday
    search singleUse sliceIsConstraining subrogation subsumption sunday suppress system thursday
    translation translations tuesday type updateCreate userSelected value verified versionNeeded
    wasSubstituted wednesday
    """.split()  # noqa: SIM905 - quoted, they would fill three screens
)
#: Names of the elements that hold resources.
RESOURCES = frozenset({"contained", "issues", "outcome", "resource"})


def can_be_boolean(name: str) -> bool:
    """Tell whether an element of this name can be boolean in some type of FHIR."""
    return name in BOOLEANS or name.removesuffix("Boolean") in BOOLEANS
