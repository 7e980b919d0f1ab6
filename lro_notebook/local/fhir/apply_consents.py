"""The runners of ``fhirStores.applyConsents`` and ``applyAdminConsents``.

A documented subset: Consent resources are checked for the parts that the API needs, and the resources that
they affect are counted as reindexed. Access is not enforced: reads return everything, as before.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson

from lro_notebook.errors import Code
from lro_notebook.local.core import resource_names
from lro_notebook.local.core.service_errors import ServiceError, invalid_argument
from lro_notebook.local.datasets import stores
from lro_notebook.local.fhir import rows
from lro_notebook.local.fhir.references import everything_of
from lro_notebook.local.operations import request_fields
from lro_notebook.local.operations.method import Method, Step
from lro_notebook.local.operations.records import Failure

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence

    from lro_notebook.local.datasets.stores import Store
    from lro_notebook.local.operations.method import Context, Job, Steps

_PATIENTS_MAX = 10_000
_STATUSES = ("active", "inactive", "draft", "proposed", "rejected", "entered-in-error")
_DETAIL = "type.googleapis.com/google.cloud.healthcare.v1.fhir.ApplyAdminConsentsErrorDetail"


@dataclass(frozen=True, slots=True)
class PatientConsents:
    """A checked ``applyConsents``; None or empty means no limit."""

    store: Store
    patients: frozenset[str]
    start: int | None
    end: int | None
    dry_run: bool


@dataclass(frozen=True, slots=True)
class AdminConsents:
    """A checked ``applyAdminConsents``: the versioned names of the consents."""

    store: Store
    names: tuple[str, ...]
    dry_run: bool


def parse(_context: Context, store: Store, body: Mapping[str, Any]) -> PatientConsents:
    """Check the body of ``fhirStores.applyConsents``."""
    listed = request_fields.texts(request_fields.json_object(body, "patientScope"), "patientIds")
    if len(listed) > _PATIENTS_MAX:
        raise invalid_argument(f"patientScope.patientIds: at most {_PATIENTS_MAX} patients")
    times = request_fields.json_object(body, "timeRange")
    return PatientConsents(
        store,
        frozenset(f"Patient/{resource_names.fhir_id(identifier)}" for identifier in listed),
        request_fields.moment(times, "start"),
        request_fields.moment(times, "end"),
        request_fields.flag(body, "validateOnly"),
    )


def run(job: Job, request: PatientConsents) -> Steps:
    """Check the consents one by one, then count the resources that they affect."""
    with job.database.read() as connection:
        stores.require_store(connection, request.store)
        consents = list(_consents(connection, request))
        yield Step(total=len(consents))
        good, bad = 0, 0
        patients: set[str] = set()
        for name, patient, problem in consents:
            if problem:
                bad += 1
                yield Step(failures=[Failure(name, name, Code.INVALID_ARGUMENT, problem)])
            else:
                good += 1
                patients.add(patient)
                yield Step(success=1)
        affected: frozenset[str] = frozenset()
        if not request.dry_run and patients:
            affected = yield from everything_of(connection, request.store.key, frozenset(patients))
            yield Step(secondary=len(affected))
    return {
        "consentApplySuccess": str(good),
        "consentApplyFailure": str(bad),
        "affectedResources": str(len(affected)),
    }


def _consents(connection: sqlite3.Connection, request: PatientConsents) -> Iterator[tuple[str, str, str]]:
    """Yield name, patient and problem of each consent of the chosen patients."""
    for identifier, body in rows.bodies(connection, request.store.key, "Consent", since=request.start):
        document = orjson.loads(body)
        patient = (document.get("patient") or {}).get("reference")
        if not isinstance(patient, str) or (request.patients and patient not in request.patients):
            continue  # an admin consent has no patient
        stored = rows.read(connection, request.store.key, "Consent", identifier)
        if request.end is None or (stored is not None and stored.updated <= request.end):
            yield f"Consent/{identifier}", patient, _problem(document)


def _problem(document: Mapping[str, Any]) -> str:
    """Return why a consent is not supported; empty if it is."""
    if document.get("status") not in _STATUSES:
        return "status is missing or not valid for a Consent"
    if not isinstance(document.get("scope"), dict):
        return "scope is missing"
    if not isinstance(document.get("provision", {}), dict):
        return "provision is not an object"
    return ""


def parse_admin(context: Context, store: Store, body: Mapping[str, Any]) -> AdminConsents:
    """Check the body of ``fhirStores.applyAdminConsents``; every consent must exist and be supported."""
    listed = tuple(request_fields.texts(request_fields.json_object(body, "newConsentsList"), "names"))
    errors = [
        {"name": name, "error": {"code": Code.INVALID_ARGUMENT.value, "message": problem}}
        for name in listed
        if (problem := _admin_consent_problem(context.connection, store, name))
    ]
    if errors:
        raise ServiceError(
            Code.INVALID_ARGUMENT,
            f"{len(errors)} of {len(listed)} consents cannot be applied; nothing was changed",
            details=[{"@type": _DETAIL, "consentErrors": errors}],
        )
    return AdminConsents(store, listed, request_fields.flag(body, "validateOnly"))


def run_admin(job: Job, request: AdminConsents) -> Steps:
    """Replace the enforced consents, and count the resources of the store as affected."""
    yield Step(total=len(request.names))
    if request.dry_run:
        yield Step(success=len(request.names))
        return {"consentApplySuccess": str(len(request.names))}
    yield Step(partial(_enforce, store=request.store, consents=request.names), success=len(request.names))
    with job.database.read() as connection:
        counts = rows.counts(connection, request.store.key, since=None)
    affected = 0
    for count in counts.values():
        affected += count
        yield Step(secondary=count)
    return {"consentApplySuccess": str(len(request.names)), "affectedResources": str(affected)}


def _enforce(connection: sqlite3.Connection, *, store: Store, consents: Sequence[str]) -> None:
    dataset, _, identifier = store.name.partition("/fhirStores/")
    body = stores.get_store(connection, dataset, identifier, collection="fhirStores")
    config = {**(body.get("consentConfig") or {}), "enforcedAdminConsents": list(consents)}
    changes, paths = {"consentConfig": config}, [("consentConfig",)]
    stores.patch_store(connection, dataset, identifier, changes, collection="fhirStores", paths=paths)


def _admin_consent_problem(connection: sqlite3.Connection, store: Store, name: str) -> str:
    match = re.fullmatch(
        re.escape(store.name) + r"/fhir/Consent/([A-Za-z0-9.-]{1,64})/_history/(\d{1,18})", name
    )
    if match is None:
        return "expected {store}/fhir/Consent/{id}/_history/{version}"
    stored = rows.read_version(connection, store.key, "Consent", match.group(1), int(match.group(2)))
    if stored is None or stored.body is None:
        return "there is no such version of a Consent"
    document = orjson.loads(stored.body)
    return "an admin consent has no patient" if "patient" in document else _problem(document)


METHOD = Method("fhir.FhirStoreService.ApplyConsents", "fhir.ApplyConsentsResponse", parse, run)
ADMIN_METHOD = Method(
    "fhir.FhirStoreService.ApplyAdminConsents", "fhir.ApplyAdminConsentsResponse", parse_admin, run_admin
)
