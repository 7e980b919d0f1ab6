"""The DICOM attributes that a de-identification profile changes: keywords, and the action for each.

The basic profile follows the DICOM standard's table of the Basic Application Level Confidentiality
Profile (PS3.15, E.1-1) for the attributes of images of common modalities; it is not the whole table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What happens to an attribute; `reset` sets a placeholder, `clean` transforms the text, `recurse` the items.
Action = Literal["delete", "empty", "reset", "uid", "clean", "recurse", "keep"]


def _words(text: str) -> list[str]:
    return text.split()


#: The attributes that a viewer needs.
MINIMAL = frozenset(
    _words(
        """
    SpecificCharacterSet SOPClassUID SOPInstanceUID StudyInstanceUID SeriesInstanceUID Modality
    SamplesPerPixel PhotometricInterpretation PlanarConfiguration NumberOfFrames Rows Columns
    BitsAllocated BitsStored HighBit PixelRepresentation PixelAspectRatio PixelSpacing
    ImagerPixelSpacing SliceThickness SpacingBetweenSlices ImagePositionPatient ImageOrientationPatient
    FrameOfReferenceUID InstanceNumber WindowCenter WindowWidth VOILUTFunction RescaleIntercept
    RescaleSlope RescaleType PresentationLUTShape SmallestImagePixelValue LargestImagePixelValue
    PixelPaddingValue PixelPaddingRangeLimit RedPaletteColorLookupTableDescriptor
    GreenPaletteColorLookupTableDescriptor BluePaletteColorLookupTableDescriptor
    RedPaletteColorLookupTableData GreenPaletteColorLookupTableData BluePaletteColorLookupTableData
    ICCProfile ColorSpace LossyImageCompression LossyImageCompressionRatio LossyImageCompressionMethod
    BurnedInAnnotation PixelData FloatPixelData DoubleFloatPixelData ExtendedOffsetTable
    ExtendedOffsetTableLengths
    """
    )
)

#: The UIDs that identify an instance in a store.
PRIMARY = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")

_DELETE = _words(
    """
    AccessionNumber AcquisitionComments AcquisitionProtocolDescription ActualHumanPerformersSequence
    AdditionalPatientHistory AdmissionID AdmittingDate AdmittingDiagnosesCodeSequence
    AdmittingDiagnosesDescription AdmittingTime AffectedSOPInstanceUID Allergies
    AuthorObserverSequence BranchOfService CassetteID CommentsOnThePerformedProcedureStep
    ConfidentialityConstraintOnPatientDataDescription ContentCreatorIdentificationCodeSequence
    ContributionDescription CountryOfResidence CurrentPatientLocation CustodialOrganizationSequence
    DataSetTrailingPadding DerivationDescription DetectorID DeviceSerialNumber DeviceDescription
    DigitalSignaturesSequence DischargeDiagnosisDescription DistributionAddress DistributionName
    EthnicGroup FrameComments GantryID GeneratorID IdentifyingComments ImageComments
    ImagePresentationComments InstitutionAddress InstitutionCodeSequence InstitutionName
    InstitutionalDepartmentName InsurancePlanIdentification IssuerOfAdmissionID IssuerOfPatientID
    IssuerOfServiceEpisodeID LastMenstrualDate MedicalAlerts MedicalRecordLocator MilitaryRank
    ModifiedAttributesSequence NamesOfIntendedRecipientsOfResults Occupation OperatorsName
    OperatorIdentificationSequence OriginalAttributesSequence OtherPatientIDs OtherPatientIDsSequence
    OtherPatientNames PatientAddress PatientAge PatientBirthName PatientBirthTime PatientComments
    PatientInsurancePlanCodeSequence PatientInstitutionResidence PatientMotherBirthName
    PatientPrimaryLanguageCodeSequence PatientReligiousPreference PatientSize PatientState
    PatientTelephoneNumbers PatientTransportArrangements PatientWeight PerformedLocation
    PerformedProcedureStepDescription PerformedProcedureStepID PerformedProcedureStepStartDate
    PerformedProcedureStepStartTime PerformedProcedureStepEndDate PerformedProcedureStepEndTime
    PerformedStationAETitle PerformedStationName PerformedStationNameCodeSequence
    PerformingPhysicianName PerformingPhysicianIdentificationSequence PersonAddress
    PersonTelephoneNumbers PhysiciansOfRecord PhysiciansOfRecordIdentificationSequence
    PhysiciansReadingStudyIdentificationSequence PlateID PregnancyStatus PreMedication ProtocolName
    ReasonForTheImagingServiceRequest ReasonForStudy ReferencedPatientAliasSequence
    ReferencedPatientSequence ReferencedPatientPhotoSequence ReferringPhysicianAddress
    ReferringPhysicianIdentificationSequence ReferringPhysicianTelephoneNumbers RegionOfResidence
    RequestAttributesSequence RequestedContrastAgent RequestedProcedureComments
    RequestedProcedureDescription RequestedProcedureID RequestedProcedureLocation RequestingPhysician
    RequestingService ResponsibleOrganization ResponsiblePerson ResultsComments ReviewerName
    ScheduledHumanPerformersSequence ScheduledPerformingPhysicianName
    ScheduledPerformingPhysicianIdentificationSequence ScheduledProcedureStepDescription
    ScheduledProcedureStepEndDate ScheduledProcedureStepEndTime ScheduledProcedureStepStartDate
    ScheduledProcedureStepStartTime ScheduledStationAETitle ScheduledStationName SeriesDate
    SeriesDescription SeriesTime ServiceEpisodeDescription ServiceEpisodeID SmokingStatus
    SourceImageSequence SpecialNeeds StationName StudyComments StudyDescription TextComments TextString
    TimezoneOffsetFromUTC TreatmentDate TreatmentTime UnformattedTextValue VisitComments
    AcquisitionDeviceProcessingDescription AcquisitionDate AcquisitionTime AcquisitionDateTime CurveDate
    CurveTime OverlayDate OverlayTime InstanceCoercionDateTime DateOfLastCalibration
    TimeOfLastCalibration DateOfSecondaryCapture TimeOfSecondaryCapture InstanceCreationDate
    InstanceCreationTime
    """
)

_EMPTY = _words(
    """
    ContentDate ContentTime ContrastBolusAgent FillerOrderNumberImagingServiceRequest PatientBirthDate
    PatientID PatientName PatientSex PlacerOrderNumberImagingServiceRequest ReferringPhysicianName
    StudyDate StudyID StudyTime ConsultingPhysicianName
    """
)

_RESET = _words(
    "ContentCreatorName PersonName PersonIdentificationCodeSequence VerifyingObserverName "
    "VerifyingOrganization"
)

_UIDS = _words(
    """
    AcquisitionUID ConcatenationUID CreatorVersionUID DeviceUID DimensionOrganizationUID
    DoseReferenceUID FailedSOPInstanceUIDList FiducialUID FrameOfReferenceUID InstanceCreatorUID
    IrradiationEventUID LargePaletteColorLookupTableUID MediaStorageSOPInstanceUID
    PaletteColorLookupTableUID ReferencedFrameOfReferenceUID
    ReferencedSOPInstanceUID
    ReferencedSOPInstanceUIDInFile RelatedFrameOfReferenceUID RequestedSOPInstanceUID SeriesInstanceUID
    SOPInstanceUID StorageMediaFileSetUID StudyInstanceUID SynchronizationFrameOfReferenceUID TargetUID
    TemplateExtensionCreatorUID TemplateExtensionOrganizationUID TrackingUID TransactionUID UID
    """
)

#: Keyword -> action. Other attributes are kept, except private ones, curves and overlay comments.
BASIC: Mapping[str, Action] = {
    **dict.fromkeys(_DELETE, "delete"),
    **dict.fromkeys(_EMPTY, "empty"),
    **dict.fromkeys(_RESET, "reset"),
    **dict.fromkeys(_UIDS, "uid"),
}

#: Value representation -> info type of its values.
INFO_TYPE_OF_VR: Mapping[str, str] = {"PN": "PERSON_NAME", "DA": "DATE", "DT": "DATE", "AS": "AGE"}

#: Keyword -> info type, where the value representation does not determine it.
INFO_TYPE_OF_KEYWORD: Mapping[str, str] = {
    **dict.fromkeys(
        _words(
            "PatientID OtherPatientIDs AccessionNumber AdmissionID StudyID ServiceEpisodeID "
            "MedicalRecordLocator"
        ),
        "MEDICAL_RECORD_NUMBER",
    ),
    **dict.fromkeys(
        _words("PatientTelephoneNumbers ReferringPhysicianTelephoneNumbers PersonTelephoneNumbers"),
        "PHONE_NUMBER",
    ),
    **dict.fromkeys(
        _words(
            "PatientAddress InstitutionAddress ReferringPhysicianAddress PersonAddress CountryOfResidence"
        ),
        "LOCATION",
    ),
    **dict.fromkeys(
        _words("InstitutionName InstitutionalDepartmentName ResponsibleOrganization"), "ORGANIZATION_NAME"
    ),
}
