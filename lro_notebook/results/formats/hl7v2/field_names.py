"""The names of the fields of HL7v2 segments and of the components of their data types (HL7 v2.5.1).

Names are those of the standard in lower case; behind a colon stands the data type, where it has components.
A field that is not listed is known by its position only.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

_TYPES = {
    "CE": "identifier text name_of_coding_system alternate_identifier alternate_text "
    "name_of_alternate_coding_system",
    "CQ": "quantity units",
    "CWE": "identifier text name_of_coding_system alternate_identifier alternate_text "
    "name_of_alternate_coding_system coding_system_version_id alternate_coding_system_version_id "
    "original_text",
    "CX": "id_number check_digit check_digit_scheme assigning_authority identifier_type_code "
    "assigning_facility effective_date expiration_date",
    "DLN": "license_number issuing_state_province_country expiration_date",
    "DR": "range_start_date_time range_end_date_time",
    "EI": "entity_identifier namespace_id universal_id universal_id_type",
    "EIP": "placer_assigned_identifier filler_assigned_identifier",
    "FC": "financial_class_code effective_date",
    "HD": "namespace_id universal_id universal_id_type",
    "MSG": "message_code trigger_event message_structure",
    "PL": "point_of_care room bed facility location_status person_location_type building floor",
    "PT": "processing_id processing_mode",
    "VID": "version_id internationalization_code international_version_id",
    "XAD": "street_address other_designation city state_or_province zip_or_postal_code country "
    "address_type other_geographic_designation county_parish_code census_tract",
    "XCN": "id_number family_name given_name second_and_further_given_names suffix prefix degree "
    "source_table assigning_authority name_type_code",
    "XON": "organization_name organization_name_type_code id_number check_digit check_digit_scheme "
    "assigning_authority identifier_type_code assigning_facility",
    "XPN": "family_name given_name second_and_further_given_names suffix prefix degree name_type_code "
    "name_representation_code",
    "XTN": "telephone_number telecommunication_use_code telecommunication_equipment_type email_address "
    "country_code area_city_code local_number extension any_text",
}
_SEGMENTS = {
    "AL1": "set_id allergen_type_code:CE allergen_code:CE allergy_severity_code:CE allergy_reaction_code "
    "identification_date",
    "DG1": "set_id diagnosis_coding_method diagnosis_code:CE diagnosis_description diagnosis_date_time "
    "diagnosis_type major_diagnostic_category:CE diagnostic_related_group:CE drg_approval_indicator "
    "drg_grouper_review_code outlier_type:CE outlier_days outlier_cost grouper_version_and_type "
    "diagnosis_priority diagnosing_clinician:XCN diagnosis_classification confidential_indicator "
    "attestation_date_time diagnosis_identifier:EI diagnosis_action_code",
    "ERR": "error_code_and_location error_location hl7_error_code:CWE severity application_error_code:CWE "
    "application_error_parameter diagnostic_information user_message",
    "EVN": "event_type_code recorded_date_time date_time_planned_event event_reason_code operator_id:XCN "
    "event_occurred event_facility:HD",
    "GT1": "set_id guarantor_number:CX guarantor_name:XPN guarantor_spouse_name:XPN guarantor_address:XAD "
    "guarantor_phone_number_home:XTN guarantor_phone_number_business:XTN guarantor_date_time_of_birth "
    "guarantor_administrative_sex guarantor_type guarantor_relationship:CE guarantor_ssn",
    "IN1": "set_id insurance_plan_id:CE insurance_company_id:CX insurance_company_name:XON "
    "insurance_company_address:XAD insurance_company_contact_person:XPN insurance_company_phone_number:XTN "
    "group_number group_name:XON insureds_group_employer_id:CX insureds_group_employer_name:XON "
    "plan_effective_date plan_expiration_date authorization_information plan_type name_of_insured:XPN "
    "insureds_relationship_to_patient:CE insureds_date_of_birth insureds_address:XAD",
    "MRG": "prior_patient_identifier_list:CX prior_alternate_patient_id:CX prior_patient_account_number:CX "
    "prior_patient_id:CX prior_visit_number:CX prior_alternate_visit_id:CX prior_patient_name:XPN",
    "MSA": "acknowledgment_code message_control_id text_message expected_sequence_number "
    "delayed_acknowledgment_type error_condition:CE",
    "MSH": "field_separator encoding_characters sending_application:HD sending_facility:HD "
    "receiving_application:HD receiving_facility:HD date_time_of_message security message_type:MSG "
    "message_control_id processing_id:PT version_id:VID sequence_number continuation_pointer "
    "accept_acknowledgment_type application_acknowledgment_type country_code character_set "
    "principal_language_of_message:CE alternate_character_set_handling_scheme "
    "message_profile_identifier:EI",
    "NK1": "set_id name:XPN relationship:CE address:XAD phone_number:XTN business_phone_number:XTN "
    "contact_role:CE start_date end_date next_of_kin_job_title next_of_kin_job_code_class "
    "next_of_kin_employee_number:CX organization_name:XON marital_status:CE administrative_sex "
    "date_time_of_birth living_dependency ambulatory_status citizenship:CE primary_language:CE",
    "NTE": "set_id source_of_comment comment comment_type:CE",
    "OBR": "set_id placer_order_number:EI filler_order_number:EI universal_service_identifier:CE priority "
    "requested_date_time observation_date_time observation_end_date_time collection_volume:CQ "
    "collector_identifier:XCN specimen_action_code danger_code:CE relevant_clinical_information "
    "specimen_received_date_time specimen_source ordering_provider:XCN order_callback_phone_number:XTN "
    "placer_field_1 placer_field_2 filler_field_1 filler_field_2 results_report_status_change_date_time "
    "charge_to_practice diagnostic_service_section_id result_status parent_result quantity_timing "
    "result_copies_to:XCN parent:EIP transportation_mode reason_for_study:CE principal_result_interpreter "
    "assistant_result_interpreter technician transcriptionist scheduled_date_time "
    "number_of_sample_containers transport_logistics_of_collected_sample:CE collectors_comment:CE "
    "transport_arrangement_responsibility:CE transport_arranged escort_required "
    "planned_patient_transport_comment:CE procedure_code:CE procedure_code_modifier:CE",
    "OBX": "set_id value_type observation_identifier:CE observation_sub_id observation_value units:CE "
    "references_range abnormal_flags probability nature_of_abnormal_test observation_result_status "
    "effective_date_of_reference_range user_defined_access_checks date_time_of_the_observation "
    "producers_id:CE responsible_observer:XCN observation_method:CE equipment_instance_identifier:EI "
    "date_time_of_the_analysis observation_site:CWE observation_instance_identifier:EI mood_code "
    "performing_organization_name:XON performing_organization_address:XAD "
    "performing_organization_medical_director:XCN",
    "ORC": "order_control placer_order_number:EI filler_order_number:EI placer_group_number:EI order_status "
    "response_flag quantity_timing parent:EIP date_time_of_transaction entered_by:XCN verified_by:XCN "
    "ordering_provider:XCN enterers_location:PL call_back_phone_number:XTN order_effective_date_time "
    "order_control_code_reason:CE entering_organization:CE entering_device:CE action_by:XCN "
    "advanced_beneficiary_notice_code:CE ordering_facility_name:XON ordering_facility_address:XAD "
    "ordering_facility_phone_number:XTN ordering_provider_address:XAD",
    "PD1": "living_dependency living_arrangement patient_primary_facility:XON "
    "patient_primary_care_provider:XCN student_indicator handicap living_will_code organ_donor_code "
    "separate_bill duplicate_patient:CX publicity_code:CE protection_indicator",
    "PID": "set_id patient_id:CX patient_identifier_list:CX alternate_patient_id:CX patient_name:XPN "
    "mothers_maiden_name:XPN date_time_of_birth administrative_sex patient_alias:XPN race:CE "
    "patient_address:XAD county_code phone_number_home:XTN phone_number_business:XTN primary_language:CE "
    "marital_status:CE religion:CE patient_account_number:CX ssn_number_patient "
    "drivers_license_number_patient:DLN mothers_identifier:CX ethnic_group:CE birth_place "
    "multiple_birth_indicator birth_order citizenship:CE veterans_military_status:CE nationality:CE "
    "patient_death_date_and_time patient_death_indicator identity_unknown_indicator "
    "identity_reliability_code last_update_date_time last_update_facility:HD species_code:CE breed_code:CE "
    "strain production_class_code:CE tribal_citizenship:CWE",
    "PR1": "set_id procedure_coding_method procedure_code:CE procedure_description procedure_date_time "
    "procedure_functional_type procedure_minutes anesthesiologist:XCN anesthesia_code anesthesia_minutes "
    "surgeon:XCN procedure_practitioner:XCN consent_code:CE procedure_priority "
    "associated_diagnosis_code:CE procedure_code_modifier:CE",
    "PV1": "set_id patient_class assigned_patient_location:PL admission_type preadmit_number:CX "
    "prior_patient_location:PL attending_doctor:XCN referring_doctor:XCN consulting_doctor:XCN "
    "hospital_service temporary_location:PL preadmit_test_indicator readmission_indicator admit_source "
    "ambulatory_status vip_indicator admitting_doctor:XCN patient_type visit_number:CX financial_class:FC "
    "charge_price_indicator courtesy_code credit_rating contract_code contract_effective_date "
    "contract_amount contract_period interest_code transfer_to_bad_debt_code transfer_to_bad_debt_date "
    "bad_debt_agency_code bad_debt_transfer_amount bad_debt_recovery_amount delete_account_indicator "
    "delete_account_date discharge_disposition discharged_to_location diet_type:CE servicing_facility "
    "bed_status account_status pending_location:PL prior_temporary_location:PL admit_date_time "
    "discharge_date_time current_patient_balance total_charges total_adjustments total_payments "
    "alternate_visit_id:CX visit_indicator other_healthcare_provider:XCN",
    "PV2": "prior_pending_location:PL accommodation_code:CE admit_reason:CE transfer_reason:CE "
    "patient_valuables patient_valuables_location visit_user_code expected_admit_date_time "
    "expected_discharge_date_time estimated_length_of_inpatient_stay actual_length_of_inpatient_stay "
    "visit_description referral_source_code:XCN",
    "RXA": "give_sub_id_counter administration_sub_id_counter date_time_start_of_administration "
    "date_time_end_of_administration administered_code:CE administered_amount administered_units:CE "
    "administered_dosage_form:CE administration_notes:CE administering_provider:XCN "
    "administered_at_location administered_per administered_strength administered_strength_units:CE "
    "substance_lot_number substance_expiration_date substance_manufacturer_name:CE "
    "substance_treatment_refusal_reason:CE indication:CE completion_status action_code",
    "SCH": "placer_appointment_id:EI filler_appointment_id:EI occurrence_number placer_group_number:EI "
    "schedule_id:CE event_reason:CE appointment_reason:CE appointment_type:CE appointment_duration "
    "appointment_duration_units:CE",
    "SFT": "software_vendor_organization:XON software_certified_version_or_release_number "
    "software_product_name software_binary_id software_product_information software_install_date",
    "SPM": "set_id specimen_id:EIP specimen_parent_ids:EIP specimen_type:CWE specimen_type_modifier:CWE "
    "specimen_additives:CWE specimen_collection_method:CWE specimen_source_site:CWE "
    "specimen_source_site_modifier:CWE specimen_collection_site:CWE specimen_role:CWE "
    "specimen_collection_amount:CQ grouped_specimen_count specimen_description specimen_handling_code:CWE "
    "specimen_risk_code:CWE specimen_collection_date_time:DR specimen_received_date_time",
    "TXA": "set_id document_type document_content_presentation activity_date_time "
    "primary_activity_provider:XCN origination_date_time transcription_date_time edit_date_time "
    "originator:XCN assigned_document_authenticator:XCN transcriptionist:XCN unique_document_number:EI "
    "parent_document_number:EI placer_order_number:EI filler_order_number:EI unique_document_file_name "
    "document_completion_status document_confidentiality_status document_availability_status",
}


class Field(NamedTuple):
    """The name of a field and of its components; empty where the standard's is not known."""

    name: str = ""
    components: tuple[str, ...] = ()


@lru_cache(maxsize=10_000)
def field_of(segment: str, number: int) -> Field:
    """Return the names of field `number`, from 1, of a segment."""
    fields = _SEGMENTS.get(segment, "").split()
    if not 0 < number <= len(fields):
        return Field()
    name, _, kind = fields[number - 1].partition(":")
    return Field(name, tuple(_TYPES.get(kind, "").split()))


def number_of(segment: str, name: str) -> int | None:
    """Return the number of the field of this name, None if the segment has none."""
    names = [field.partition(":")[0] for field in _SEGMENTS.get(segment, "").split()]
    return names.index(name) + 1 if name in names else None
