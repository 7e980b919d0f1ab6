"""What belongs to a patient or to an encounter: the compartments of FHIR R4. Pure."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from lro_notebook.local.fhir.search import parameters
from lro_notebook.local.fhir.search.parameter_expressions import walker
from lro_notebook.local.fhir.search.values import kept

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from lro_notebook.local.fhir.search.parameter_expressions import Found
    from lro_notebook.local.fhir.search.parameters import Parameter

#: Resource type: the search parameters that must lead to the patient or the encounter, one of them.
_PATIENT = """
Account: subject; AdverseEvent: subject; AllergyIntolerance: patient recorder asserter; Appointment: actor;
AppointmentResponse: actor; AuditEvent: patient; Basic: patient author; BodyStructure: patient;
CarePlan: patient performer; CareTeam: patient participant; ChargeItem: subject; Claim: patient payee;
ClaimResponse: patient; ClinicalImpression: subject; Communication: subject sender recipient;
CommunicationRequest: subject sender recipient requester; Composition: subject author attester;
Condition: patient asserter; Consent: patient; Coverage: policy-holder subscriber beneficiary payor;
CoverageEligibilityRequest: patient; CoverageEligibilityResponse: patient; DetectedIssue: patient;
DeviceRequest: subject performer; DeviceUseStatement: subject; DiagnosticReport: subject;
DocumentManifest: subject author recipient; DocumentReference: subject author; Encounter: patient;
EnrollmentRequest: subject; EpisodeOfCare: patient; ExplanationOfBenefit: patient payee;
FamilyMemberHistory: patient; Flag: patient; Goal: patient; Group: member; ImagingStudy: patient;
Immunization: patient; ImmunizationEvaluation: patient; ImmunizationRecommendation: patient;
Invoice: subject patient recipient; List: subject source; MeasureReport: patient; Media: subject;
MedicationAdministration: patient performer subject; MedicationDispense: subject patient receiver;
MedicationRequest: subject; MedicationStatement: subject; MolecularSequence: patient; NutritionOrder: patient;
Observation: subject performer; Patient: link; Person: patient; Procedure: patient performer;
Provenance: patient; QuestionnaireResponse: subject author; RelatedPerson: patient;
RequestGroup: subject participant; ResearchSubject: individual; RiskAssessment: subject; Schedule: actor;
ServiceRequest: subject performer; Specimen: subject; SupplyDelivery: patient; SupplyRequest: subject;
VisionPrescription: patient
"""
_ENCOUNTER = """
CarePlan: encounter; CareTeam: encounter; ChargeItem: context; Claim: encounter; ClinicalImpression:
encounter; Communication: encounter; CommunicationRequest: encounter; Composition: encounter; Condition:
encounter; DeviceRequest: encounter; DiagnosticReport: encounter; DocumentManifest: related-ref;
DocumentReference: encounter; ExplanationOfBenefit: encounter; Media: encounter; MedicationAdministration:
context; MedicationRequest: encounter; NutritionOrder: encounter; Observation: encounter; Procedure:
encounter; QuestionnaireResponse: encounter; RequestGroup: encounter; ServiceRequest: encounter;
VisionPrescription: encounter
"""
#: Parameters of the time of care, the first that a type has; what has none of them is of any time.
_CARE_DATES = ("date", "period", "effective", "authoredon", "onset-date", "started", "issued", "occurrence")


@cache
def members(center: str) -> Mapping[str, Sequence[str]]:
    """Return the resource types in the compartment of a Patient or an Encounter, with their parameters."""
    listed = (_ENCOUNTER if center == "Encounter" else _PATIENT).replace("\n", " ").split(";")
    pairs = [each.split(":") for each in listed]
    return {type_.strip(): tuple(names.split()) for type_, names in pairs}


def belongs(center: str, identifier: str, type_: str, document: Any) -> bool:
    """Tell whether a resource is in the compartment of ``{center}/{identifier}``."""
    for parameter, walk in _walks(center, type_):
        texts = kept(parameter, walk(document)).texts
        if any(text == identifier and target == center for text, target in texts):
            return True
    return False


def is_within(type_: str, document: Any, start: int | None, end: int | None) -> bool:
    """Tell whether the care that a resource is about reaches into a time; what has no time does."""
    for code in _CARE_DATES:
        parameter = parameters.standard(type_).get(code)
        if parameter is None or parameter.kind != "date":
            continue
        spans = kept(parameter, walker(parameter.expression, type_)(document)).ranges
        if spans:
            return any(
                (start is None or high > start) and (end is None or low < end) for low, high, *_ in spans
            )
    return True


@cache
def _walks(center: str, type_: str) -> Sequence[tuple[Parameter, Callable[[Any], Found]]]:
    return tuple(_found(center, type_))


def _found(center: str, type_: str) -> Iterator[tuple[Parameter, Callable[[Any], Found]]]:
    for code in members(center).get(type_, ()):
        parameter = parameters.standard(type_).get(code)
        if parameter is not None:
            yield parameter, walker(parameter.expression, type_, parameter.systems)
