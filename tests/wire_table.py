"""Every public call with an id in its address, and the requests that it must send; see `wire`.

A row: the call, how it is made, and ``METHOD path`` of each request as a template of ids.
"""

from __future__ import annotations

from wire import row

import lro_notebook as lro

_PARENT = "projects/{project}/locations/{location}"
_SET = _PARENT + "/datasets/{dataset}"
_FHIR, _DICOM = _SET + "/fhirStores/{store}", _SET + "/dicomStores/{store}"
_HL7, _CONSENT = _SET + "/hl7V2Stores/{store}", _SET + "/consentStores/{store}"
_STUDY = _DICOM + "/dicomWeb/studies/{study}"
_SERIES = _STUDY + "/series/{series}"
_X = "gs://b/x"
_OP = _SET + "/operations/{operation}"
TABLE = [
    # Client, with names of any API
    row("Client.get", lambda at: at.client.get(at.operation), f"GET {_OP}"),
    row(
        "Client.get v1beta1",
        lambda at: at.client.get(f"v1beta1/{at.operation}"),
        f"GET v1beta1/{_SET}/operations/{{operation}}",
    ),
    row("Client.get bare", lambda at: at.client.get(at["operation"]), "GET {operation}"),
    row("Client.wait", lambda at: at.client.wait(at.operation), f"GET {_OP}"),
    row("Client.cancel", lambda at: at.client.cancel(at.operation), f"GET {_OP}"),
    row("Client.delete", lambda at: at.client.delete(at.operation), f"DELETE {_OP}"),
    row("Client.list", lambda at: list(at.client.list(at.name)), f"GET {_SET}/operations"),
    row(
        "Client.start",
        lambda at: at.client.start("POST", f"{at.name}/fhirStores/{at['store']}:export", {}),
        f"POST {_FHIR}:export",
    ),
    row(
        "Client.start query",
        lambda at: at.client.start("POST", f"{at.name}/fhirStores", {}, params={"fhirStoreId": at["store"]}),
        f"POST {_SET}/fhirStores",
    ),
    row(
        "Client.attach",
        lambda at: at.client.attach(lro.OperationResource(at.operation)).refresh(),
        f"GET {_OP}",
    ),
    row("watch name", lambda at: lro.watch(at.operation, client=at.client), f"GET {_OP}"),
    row("watch dict", lambda at: lro.watch({"name": at.operation}, client=at.client).refresh(), f"GET {_OP}"),
    # Dataset
    row("Dataset.create", lambda at: at.dataset.create(), f"POST {_PARENT}/datasets"),
    row(
        "Dataset.deidentify",
        lambda at: at.dataset.deidentify(at["store"], config={}),
        f"POST {_SET}:deidentify",
    ),
    row("Dataset.exists", lambda at: at.dataset.exists(), f"GET {_SET}"),
    row("Dataset.delete", lambda at: at.dataset.delete(), f"DELETE {_SET}"),
    row("Dataset.operation", lambda at: at.dataset.operation(at["operation"]), f"GET {_OP}"),
    row("Dataset.operation name", lambda at: at.dataset.operation(at.operation), f"GET {_OP}"),
    row("Dataset.operations", lambda at: at.dataset.operations(), f"GET {_SET}/operations"),
    row(
        "Dataset.stores",
        lambda at: at.dataset.stores(),
        *(f"GET {_SET}/{kind}" for kind in ("fhirStores", "dicomStores", "hl7V2Stores", "consentStores")),
    ),
    # FHIR stores
    row("FhirStore.create", lambda at: at.fhir.create(), f"POST {_SET}/fhirStores"),
    row("FhirStore.exists", lambda at: at.fhir.exists(), f"GET {_FHIR}"),
    row("FhirStore.delete", lambda at: at.fhir.delete(), f"DELETE {_FHIR}"),
    row("FhirStore.metrics", lambda at: at.fhir.metrics(), f"GET {_FHIR}:getFHIRStoreMetrics"),
    row("FhirStore.import_from", lambda at: at.fhir.import_from(_X), f"POST {_FHIR}:import"),
    row(
        "FhirStore.import_history",
        lambda at: at.fhir.import_history(_X),
        f"POST v1beta1/{_FHIR}:importHistory",
    ),
    row("FhirStore.export_to", lambda at: at.fhir.export_to(_X), f"POST {_FHIR}:export"),
    row(
        "FhirStore.export_history",
        lambda at: at.fhir.export_history(_X),
        f"POST v1beta1/{_FHIR}:exportHistory",
    ),
    row(
        "FhirStore.bulk_export", lambda at: at.fhir.bulk_export(), f"GET {_FHIR}", f"GET {_FHIR}/fhir/$export"
    ),
    row(
        "FhirStore.bulk_export group",
        lambda at: at.fhir.bulk_export(group=at["group"]),
        f"GET {_FHIR}",
        f"GET {_FHIR}/fhir/Group/{{group}}/$export",
    ),
    row(
        "FhirStore.bulk_export_operation",
        lambda at: at.fhir.bulk_export_operation(at["operation"]),
        f"GET {_FHIR}/operations/{{operation}}",
    ),
    row(
        "FhirStore.rollback",
        lambda at: at.fhir.rollback("2026-01-01T00:00:00Z", "b"),
        f"POST {_FHIR}:rollback",
    ),
    row("FhirStore.bulk_delete", lambda at: at.fhir.bulk_delete(types="Patient"), f"POST {_FHIR}:bulkDelete"),
    row("FhirStore.deidentify", lambda at: at.fhir.deidentify("safe", config={}), f"POST {_FHIR}:deidentify"),
    row("FhirStore.apply_consents", lambda at: at.fhir.apply_consents(), f"POST {_FHIR}:applyConsents"),
    row(
        "FhirStore.apply_admin_consents",
        lambda at: at.fhir.apply_admin_consents([]),
        f"POST {_FHIR}:applyAdminConsents",
    ),
    row(
        "FhirStore.configure_search",
        lambda at: at.fhir.configure_search([]),
        f"POST v1beta1/{_FHIR}:configureSearch",
    ),
    row(
        "FhirStore.execute_cohort",
        lambda at: at.fhir.execute_cohort(_X, "Patient"),
        f"POST v1beta1/{_FHIR}:executeCohort",
    ),
    # DICOM stores
    row("DicomStore.create", lambda at: at.dicom.create(), f"POST {_SET}/dicomStores"),
    row("DicomStore.exists", lambda at: at.dicom.exists(), f"GET {_DICOM}"),
    row("DicomStore.delete", lambda at: at.dicom.delete(), f"DELETE {_DICOM}"),
    row("DicomStore.metrics", lambda at: at.dicom.metrics(), f"GET {_DICOM}:getDICOMStoreMetrics"),
    row("DicomStore.import_from", lambda at: at.dicom.import_from(_X), f"POST {_DICOM}:import"),
    row("DicomStore.export_to", lambda at: at.dicom.export_to(_X), f"POST {_DICOM}:export"),
    row(
        "DicomStore.deidentify",
        lambda at: at.dicom.deidentify("safe", config={}),
        f"POST {_DICOM}:deidentify",
    ),
    row("DicomStore.delete_study", lambda at: at.dicom.delete_study(at["study"]), f"DELETE {_STUDY}"),
    row(
        "DicomStore.delete_series",
        lambda at: at.dicom.delete_series(at["study"], at["series"]),
        f"DELETE {_SERIES}",
    ),
    row(
        "DicomStore.instances",
        lambda at: at.dicom.instances(study=at["study"], series=at["series"]),
        f"GET {_SERIES}/instances",
    ),
    row("DicomStore.instances all", lambda at: at.dicom.instances(), f"GET {_DICOM}/dicomWeb/instances"),
    row(
        "DicomStore.metadata",
        lambda at: at.dicom.metadata(study=at["study"], series=at["series"], instance=at["instance"]),
        f"GET {_SERIES}/instances/{{instance}}/metadata",
    ),
    row("DicomStore.studies", lambda at: at.dicom.studies(), f"GET {_DICOM}/dicomWeb/studies"),
    row(
        "DicomStore.update_metadata",
        lambda at: at.dicom.update_metadata([{}], study=at["study"], series=at["series"]),
        f"PATCH v1beta1/{_SERIES}/metadata",
    ),
    row(
        "DicomStore.set_blob_storage_settings",
        lambda at: at.dicom.set_blob_storage_settings("ARCHIVE"),
        f"POST {_DICOM}:setBlobStorageSettings",
    ),
    row(
        "DicomStore.set_blob_storage_settings study",
        lambda at: at.dicom.set_blob_storage_settings("ARCHIVE", study=at["study"]),
        f"POST {_STUDY}:setBlobStorageSettings",
    ),
    # HL7v2 stores
    row("Hl7v2Store.create", lambda at: at.hl7.create(), f"POST {_SET}/hl7V2Stores"),
    row("Hl7v2Store.exists", lambda at: at.hl7.exists(), f"GET {_HL7}"),
    row("Hl7v2Store.delete", lambda at: at.hl7.delete(), f"DELETE {_HL7}"),
    row("Hl7v2Store.metrics", lambda at: at.hl7.metrics(), f"GET {_HL7}:getHL7v2StoreMetrics"),
    row("Hl7v2Store.import_from", lambda at: at.hl7.import_from(_X), f"POST {_HL7}:import"),
    row("Hl7v2Store.export_to", lambda at: at.hl7.export_to(_X), f"POST {_HL7}:export"),
    row(
        "Hl7v2Store.rollback",
        lambda at: at.hl7.rollback("2026-01-01T00:00:00Z", "b"),
        f"POST {_HL7}:rollback",
    ),
    row("Hl7v2Store.messages", lambda at: list(at.hl7.messages()), f"GET {_HL7}/messages"),
    row("Hl7v2Store.message", lambda at: at.hl7.message(at["message"]), f"GET {_HL7}/messages/{{message}}"),
    row(
        "Hl7v2Store.message name",
        lambda at: at.hl7.message(f"{at.hl7.name}/messages/{at['message']}"),
        f"GET {_HL7}/messages/{{message}}",
    ),
    row("Hl7v2Store.create_message", lambda at: at.hl7.create_message("MSH|"), f"POST {_HL7}/messages"),
    row("Hl7v2Store.ingest", lambda at: at.hl7.ingest("MSH|"), f"POST {_HL7}/messages:ingest"),
    # Consent stores
    row("ConsentStore.create", lambda at: at.consent.create(), f"POST {_SET}/consentStores"),
    row("ConsentStore.exists", lambda at: at.consent.exists(), f"GET {_CONSENT}"),
    row("ConsentStore.delete", lambda at: at.consent.delete(), f"DELETE {_CONSENT}"),
    row(
        "ConsentStore.query_accessible_data",
        lambda at: at.consent.query_accessible_data(_X),
        f"POST {_CONSENT}:queryAccessibleData",
    ),
    row(
        "ConsentStore.check_data_access",
        lambda at: at.consent.check_data_access("x"),
        f"POST {_CONSENT}:checkDataAccess",
    ),
    row(
        "ConsentStore.define_attribute",
        lambda at: at.consent.define_attribute(at["attribute"], category="RESOURCE", allowed_values=["a"]),
        f"POST {_CONSENT}/attributeDefinitions",
    ),
    row(
        "ConsentStore.add_consent",
        lambda at: at.consent.add_consent("u", "true"),
        f"POST {_CONSENT}/consentArtifacts",
        f"POST {_CONSENT}/consents",
    ),
    row(
        "ConsentStore.map_data", lambda at: at.consent.map_data("u", "x"), f"POST {_CONSENT}/userDataMappings"
    ),
]
#: Public callables whose own addresses are made of nothing: what they give has rows, or they send nothing.
WITHOUT = {
    "Client": {
        "after_fork_in_child",
        "all_known",
        "all_open",
        "close",
        "known",
        "local",
        "only_open",
        "storage_options",
    },
    "Dataset": {"consent_store", "dicom_store", "fhir_store", "hl7v2_store", "read_results"},
}
#: Ids that are no part of an address but of a query or a body, all the same held against their grammar.
BESIDE = {
    "Dataset.create": ["dataset"],
    "Dataset.deidentify": ["store"],
    "FhirStore.create": ["store"],
    "DicomStore.create": ["store"],
    "Hl7v2Store.create": ["store"],
    "ConsentStore.create": ["store"],
    "ConsentStore.define_attribute": ["attribute"],
}
