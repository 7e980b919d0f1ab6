"""The resource types of FHIR, as each version of the standard lists them (the code system resource-types).

A type is checked before anything is sent: an export of a type that does not exist would succeed, and hold
nothing.
"""

from __future__ import annotations

import difflib

from lro_notebook.errors import ConfigError

#: In every version since DSTU2, and in every one since STU3.
_EVERY = """
    Account AllergyIntolerance Appointment AppointmentResponse AuditEvent Basic Binary Bundle CarePlan
    Claim ClaimResponse ClinicalImpression Communication CommunicationRequest Composition ConceptMap
    Condition Contract Coverage DetectedIssue Device DeviceMetric DiagnosticReport DocumentReference
    Encounter EnrollmentRequest EnrollmentResponse EpisodeOfCare ExplanationOfBenefit
    FamilyMemberHistory Flag Goal Group HealthcareService ImagingStudy Immunization
    ImmunizationRecommendation ImplementationGuide List Location Medication MedicationAdministration
    MedicationDispense MedicationStatement MessageHeader NamingSystem NutritionOrder Observation
    OperationDefinition OperationOutcome Organization Parameters Patient PaymentNotice
    PaymentReconciliation Person Practitioner Procedure Provenance Questionnaire QuestionnaireResponse
    RelatedPerson RiskAssessment Schedule SearchParameter Slot Specimen StructureDefinition Subscription
    Substance SupplyDelivery SupplyRequest TestScript ValueSet VisionPrescription
"""
_SINCE_STU3 = """
    ActivityDefinition AdverseEvent CapabilityStatement CareTeam ChargeItem CodeSystem
    CompartmentDefinition Consent DeviceRequest Endpoint GraphDefinition GuidanceResponse Library
    Linkage Measure MeasureReport MedicationRequest MessageDefinition PlanDefinition PractitionerRole
    ResearchStudy ResearchSubject StructureMap Task TestReport
"""
#: What else is in each version; those types that a later version has renamed included.
_MORE = {
    "DSTU2": """
    BodySite Conformance DataElement DeviceComponent DeviceUseRequest DeviceUseStatement DiagnosticOrder
    DocumentManifest EligibilityRequest EligibilityResponse ImagingObjectSelection Media MedicationOrder
    Order OrderResponse ProcedureRequest ProcessRequest ProcessResponse ReferralRequest
""",
    "STU3": """
    BodySite DataElement DeviceComponent DeviceUseStatement DocumentManifest EligibilityRequest
    EligibilityResponse ExpansionProfile ImagingManifest Media ProcedureRequest ProcessRequest
    ProcessResponse ReferralRequest RequestGroup Sequence ServiceDefinition
""",
    "R4": """
    BiologicallyDerivedProduct BodyStructure CatalogEntry ChargeItemDefinition
    CoverageEligibilityRequest CoverageEligibilityResponse DeviceDefinition DeviceUseStatement
    DocumentManifest EffectEvidenceSynthesis EventDefinition Evidence EvidenceVariable ExampleScenario
    ImmunizationEvaluation InsurancePlan Invoice Media MedicationKnowledge MedicinalProduct
    MedicinalProductAuthorization MedicinalProductContraindication MedicinalProductIndication
    MedicinalProductIngredient MedicinalProductInteraction MedicinalProductManufactured
    MedicinalProductPackaged MedicinalProductPharmaceutical MedicinalProductUndesirableEffect
    MolecularSequence ObservationDefinition OrganizationAffiliation RequestGroup ResearchDefinition
    ResearchElementDefinition RiskEvidenceSynthesis ServiceRequest SpecimenDefinition
    SubstanceNucleicAcid SubstancePolymer SubstanceProtein SubstanceReferenceInformation
    SubstanceSourceMaterial SubstanceSpecification TerminologyCapabilities VerificationResult
""",
    "R5": """
    ActorDefinition AdministrableProductDefinition ArtifactAssessment BiologicallyDerivedProduct
    BiologicallyDerivedProductDispense BodyStructure ChargeItemDefinition Citation ClinicalUseDefinition
    ConditionDefinition CoverageEligibilityRequest CoverageEligibilityResponse DeviceAssociation
    DeviceDefinition DeviceDispense DeviceUsage EncounterHistory EventDefinition Evidence EvidenceReport
    EvidenceVariable ExampleScenario FormularyItem GenomicStudy ImagingSelection ImmunizationEvaluation
    Ingredient InsurancePlan InventoryItem InventoryReport Invoice ManufacturedItemDefinition
    MedicationKnowledge MedicinalProductDefinition MolecularSequence NutritionIntake NutritionProduct
    ObservationDefinition OrganizationAffiliation PackagedProductDefinition Permission
    RegulatedAuthorization RequestOrchestration Requirements ServiceRequest SpecimenDefinition
    SubscriptionStatus SubscriptionTopic SubstanceDefinition SubstanceNucleicAcid SubstancePolymer
    SubstanceProtein SubstanceReferenceInformation SubstanceSourceMaterial TerminologyCapabilities
    TestPlan Transport VerificationResult
""",
}
#: Version of FHIR -> its resource types.
TYPES: dict[str, frozenset[str]] = {
    version: frozenset(f"{_EVERY} {'' if version == 'DSTU2' else _SINCE_STU3} {more}".split())
    for version, more in _MORE.items()
}
_ANY = frozenset().union(*TYPES.values())
_NEAR, _LIKENESS = 3, 0.6


def checked(name: str, version: str | None = None) -> str:
    """Return `name` if it is a resource type of a version of FHIR, of any version if that is not known.

    Raises
    ------
    ConfigError
        It is none; the message names those that are spelled like it.
    """
    types = TYPES.get(version or "", _ANY)
    if name in types:
        return name
    where = f"FHIR {version}" if version in TYPES else "FHIR"
    if name in _ANY:
        others = ", ".join(each for each, listed in TYPES.items() if name in listed)
        raise ConfigError(f"types: {where} has no resource type {name!r}; it is one of {others}")
    raise ConfigError(f"types: {name!r} is no resource type of {where}{_hint(name, types)} Nothing was sent")


def _hint(name: str, types: frozenset[str]) -> str:
    by_letters = {each.lower(): each for each in sorted(types)}
    near = difflib.get_close_matches(name.lower(), list(by_letters), n=_NEAR, cutoff=_LIKENESS)
    if not near:
        return "; they are written as in 'Patient' and 'MedicationRequest'."
    return f"; did you mean {' or '.join(repr(by_letters[each]) for each in near)}?"
