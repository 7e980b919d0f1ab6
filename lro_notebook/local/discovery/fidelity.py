"""How sure it is that the methods that are served behave as Google's: from its documents, or by our guess.

Together with `served` this is the one table of methods; a page of the documentation is made of it.
"""

from __future__ import annotations

from enum import Enum
from fnmatch import fnmatchcase
from typing import NamedTuple

from lro_notebook.local.discovery.document import document
from lro_notebook.local.discovery.served import NOT_SERVED

VERSIONS = ("v1", "v1beta1")
_SIMPLE = ("create", "get", "patch")
_STORES = ("consentStores", "dicomStores", "fhirStores", "hl7V2Stores")


class Sure(Enum):
    """Where the behaviour of a method is from."""

    DOCUMENTS = "documents"
    GUESS = "our guess"


class Basis(NamedTuple):
    """What is known of methods: `pattern` matches their ids below ``locations.``, as in file names."""

    pattern: str
    sure: Sure
    note: str = ""


_DOCUMENTS, _GUESS = Sure.DOCUMENTS, Sure.GUESS

#: The first that matches a method is the one for it.
BASES: tuple[Basis, ...] = (
    Basis("*.*IamP*", _DOCUMENTS, "policies are kept, with their etags; nothing is enforced, all is granted"),
    Basis("get", _GUESS, "any id is a location"),
    Basis("list", _DOCUMENTS, "the regions of Google's page; no `filter`"),
    Basis("datasets.create", _DOCUMENTS, "an operation; its response is the Dataset"),
    Basis("datasets.get", _DOCUMENTS),
    Basis("datasets.list", _DOCUMENTS),
    Basis("datasets.patch", _DOCUMENTS),
    Basis("datasets.delete", _DOCUMENTS, "also deletes its operations: our guess"),
    Basis("datasets.deidentify", _DOCUMENTS, "what is removed by default is [our guess](#de-identification)"),
    Basis("datasets.operations.get", _DOCUMENTS, "404 after 30 days (`--keep-operations`)"),
    Basis("datasets.operations.list", _DOCUMENTS, "newest first: our guess; of `filter` only `done=…`: ours"),
    Basis("datasets.operations.cancel", _DOCUMENTS, "the text of the error is our guess"),
    # Stores of all kinds
    *(
        Basis(f"datasets.{kind}.{verb}", _DOCUMENTS)
        for kind in _STORES
        for verb in ("create", "get", "patch")
    ),
    *(Basis(f"datasets.{kind}.list", _DOCUMENTS, "no `filter`") for kind in _STORES),
    *(Basis(f"datasets.{kind}.delete", _DOCUMENTS, "at once, with all content") for kind in _STORES),
    Basis("datasets.*.get*Metrics", _DOCUMENTS, "bytes of the bodies as they are kept here"),
    # FHIR stores
    Basis("datasets.fhirStores.import", _DOCUMENTS, "which resources fail: partly our guess"),
    Basis("datasets.fhirStores.export", _DOCUMENTS, "to buckets; `bigqueryDestination` answers 501"),
    Basis("datasets.fhirStores.importHistory", _DOCUMENTS, "a version that is there is a failure: our guess"),
    Basis("datasets.fhirStores.exportHistory", _DOCUMENTS, "what the counter counts: our guess"),
    Basis("datasets.fhirStores.rollback", _DOCUMENTS, "without `force` only the list: our guess"),
    Basis("datasets.fhirStores.bulkDelete", _DOCUMENTS, "names of the listed files: our guess"),
    Basis("datasets.fhirStores.deidentify", _DOCUMENTS, "what is removed by default is our guess"),
    Basis(
        "datasets.fhirStores.apply*Consents", _DOCUMENTS, "counts what is affected; access is not enforced"
    ),
    Basis("datasets.fhirStores.configureSearch", _DOCUMENTS),
    Basis("datasets.fhirStores.executeCohort", _DOCUMENTS, "FHIRPath [as below](#fhirpath-of-executecohort)"),
    Basis(
        "datasets.fhirStores.bulk-export-group*", _DOCUMENTS, "which resources belong to a Group: our guess"
    ),
    Basis("datasets.fhirStores.operations.*", _DOCUMENTS, "404 after DELETE: the Bulk Data specification"),
    Basis(
        "datasets.fhirStores.fhir.search*",
        _DOCUMENTS,
        "[its parameters](local-service.md#searching-fhir-stores)",
    ),
    Basis(
        "datasets.fhirStores.fhir.Resource-validate",
        _DOCUMENTS,
        "the structure alone, and the answer says so",
    ),
    Basis("datasets.fhirStores.fhir.capabilities", _DOCUMENTS, "of the tables that requests are answered by"),
    Basis("datasets.fhirStores.fhir.*onsent-enforcement-status", _GUESS, "as `applyConsents` counts"),
    Basis("datasets.fhirStores.fhir.*-everything", _DOCUMENTS, "compartments of FHIR R4"),
    Basis("datasets.fhirStores.fhir.Observation-lastn", _DOCUMENTS),
    Basis("datasets.fhirStores.fhir.Resource-incoming-references", _DOCUMENTS),
    Basis("datasets.fhirStores.fhir.Binary-*", _DOCUMENTS),
    Basis("datasets.fhirStores.fhir.executeBundle", _DOCUMENTS, "transactions and batches"),
    Basis("datasets.fhirStores.fhir.*", _DOCUMENTS),
    # DICOM stores
    Basis("datasets.dicomStores.import", _DOCUMENTS, "which files fail: partly our guess"),
    Basis(
        "datasets.dicomStores.export", _DOCUMENTS, "to buckets, uncompressed syntaxes; the rest answers 501"
    ),
    Basis("datasets.dicomStores.deidentify", _DOCUMENTS, "see [DICOM](dicom-hl7v2.md#dicom)"),
    Basis("datasets.*lobStorageSettings", _DOCUMENTS, "the class is only noted"),
    Basis("datasets.dicomStores.*.getStorageInfo", _DOCUMENTS, "the class is only noted"),
    Basis("datasets.dicomStores.*searchFor*", _DOCUMENTS, "how many results at most: our guess"),
    Basis("datasets.dicomStores.*storeInstances", _DOCUMENTS, "the standard's STOW-RS"),
    Basis("datasets.dicomStores.*updateInstances", _DOCUMENTS, "the standard's STOW-RS"),
    Basis("datasets.dicomStores.*retrieveMetadata", _DOCUMENTS, "without binary attributes: our guess"),
    Basis("datasets.dicomStores.*.retrieveRendered", _DOCUMENTS, "JPEG and PNG, as far as pydicom decodes"),
    Basis("datasets.dicomStores.*.retrieve*", _DOCUMENTS, "transcoded as far as pydicom decodes"),
    Basis("datasets.dicomStores.*.updateMetadata", _DOCUMENTS, "which attributes cannot change: our guess"),
    Basis("datasets.dicomStores.*.delete", _DOCUMENTS, "response of the operation: our guess"),
    # HL7v2 stores
    Basis("datasets.hl7V2Stores.import", _DOCUMENTS, "which messages fail: our guess"),
    Basis("datasets.hl7V2Stores.export", _DOCUMENTS, "names of the objects: our guess; Pub/Sub answers 501"),
    Basis("datasets.hl7V2Stores.rollback", _DOCUMENTS, "which changes are taken back: our guess"),
    Basis("datasets.hl7V2Stores.messages.ingest", _DOCUMENTS, "the words of ACK and NACK: our guess"),
    Basis("datasets.hl7V2Stores.messages.*", _DOCUMENTS, "ids of messages: as in Google's samples"),
    # Consent stores
    Basis("datasets.consentStores.queryAccessibleData", _DOCUMENTS, "names of the files: our guess"),
    Basis("datasets.consentStores.checkDataAccess", _DOCUMENTS),
    Basis("datasets.consentStores.evaluateUserConsents", _DOCUMENTS),
    Basis("datasets.consentStores.consents.*", _DOCUMENTS, "only the latest revision is kept"),
    Basis("datasets.consentStores.*", _DOCUMENTS),
)


class Row(NamedTuple):
    """What the table says of a method.

    Attributes
    ----------
    method : str
        Its id below ``locations.``.
    versions : tuple of str
        Versions of the API that have it.
    is_served : bool
        Whether the local service has it; if not, it answers 501.
    sure : str
        ``documents`` or ``our guess``; empty for one that is not served.
    note : str
        What differs, or why it is not there.
    """

    method: str
    versions: tuple[str, ...]
    is_served: bool
    sure: str
    note: str


def rows() -> list[Row]:
    """Return the rows of all methods, by their ids."""
    ids = sorted({identifier for version in VERSIONS for identifier in document(version).methods})
    return [_row(identifier) for identifier in ids]


def basis_of(method: str) -> Basis:
    """Return what is known of a method, by its id below ``locations.``; each that is served has one."""
    return next(basis for basis in BASES if fnmatchcase(method, basis.pattern))


def _row(identifier: str) -> Row:
    method = identifier.removeprefix("locations.")
    versions = tuple(version for version in VERSIONS if identifier in document(version).methods)
    reason = NOT_SERVED.get(identifier)
    if reason is not None:
        return Row(method, versions, is_served=False, sure="", note=reason)
    basis = basis_of(method)
    return Row(method, versions, is_served=True, sure=basis.sure.value, note=basis.note)
