"""The operations of FHIR stores through the helpers, on the embedded service over real HTTP."""

from __future__ import annotations

import json
import warnings
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

import lro_notebook as lro
from lro_notebook import local

if TYPE_CHECKING:
    from pathlib import Path

    from lro_notebook import Dataset, FhirStore

pytestmark = [
    pytest.mark.service,
    pytest.mark.filterwarnings("ignore::lro_notebook.errors.TruncatedListsWarning"),
]


@pytest.fixture
def store(dataset: Dataset, request: pytest.FixtureRequest) -> FhirStore:
    """Return a store of five patients, with a folder for bulk exports."""
    name = request.node.name[5:40].strip("_")
    made = dataset.fhir_store(name).create(bulk_export_uri=f"gs://demo-out/bulk-{name}")
    folder = local.ensure(_data(dataset)).buckets / "demo-out"
    (folder / f"{name}.ndjson").write_text("".join(map(patient, range(5))))
    made.import_from(f"gs://demo-out/{name}.ndjson").result(timeout=30)
    return made


def _data(dataset: Dataset) -> Path:
    service = dataset.client.local()
    assert service is not None
    return service.data_dir


def patient(number: int, **fields: object) -> str:
    name = [{"family": f"Family{number}"}]
    resource = {"resourceType": "Patient", "id": f"p{number}", "name": name, **fields}
    return json.dumps(resource) + "\n"


def test_an_import_loads_what_is_in_the_store(store: FhirStore, dataset: Dataset) -> None:
    (local.ensure(_data(dataset)).buckets / "demo-out" / "one-more.ndjson").write_text(patient(5))
    results = store.import_from("gs://demo-out/one-more.ndjson").load()
    assert set(results) == {"Patient"}
    assert sorted(results["Patient"]["id"]) == ["p0", "p1", "p2", "p3", "p4", "p5"]


def test_bulk_export_loads_like_an_export(store: FhirStore, dataset: Dataset) -> None:
    op = store.bulk_export(types="Patient")
    patients = op.load()["Patient"]
    assert sorted(patients["id"]) == ["p0", "p1", "p2", "p3", "p4"]
    assert op.state == "SUCCEEDED"
    assert [item["type"] for item in op.result()["output"]] == ["Patient"]
    again = lro.connect(data_dir=_data(dataset)).fhir_store(store.id).bulk_export_operation(op.id)
    assert again.done()
    assert list(again.load()) == ["Patient"]
    assert list(lro.started()["method"])[-1] == "fhirStores.bulkExport"


def test_deidentified_copies_load_without_names(store: FhirStore, dataset: Dataset) -> None:
    target = dataset.fhir_store("safe").create()
    op = store.deidentify(target, config={})
    assert op.wait(timeout=30).progress.completed == 5
    patients = target.export_to("gs://demo-out/safe").load()["Patient"]
    assert "name.family" not in patients.columns
    copy = dataset.deidentify("whole", config={})
    assert copy.wait(timeout=30).state == "SUCCEEDED"
    location = dataset.name.rpartition("/datasets/")[0]
    found = lro.Dataset(dataset.client, f"{location}/datasets/whole").stores()
    assert {item.id for item in found} >= {"safe", store.id}


def test_rollback_and_history_undo_a_deletion(store: FhirStore, dataset: Dataset) -> None:
    moment = datetime.now(UTC)
    gone = store.bulk_delete(everything=True, version_config="CURRENT_ONLY")
    assert gone.wait(timeout=30).progress.completed == 5
    assert store.rollback(moment, "demo-out", dry_run=True).wait(timeout=30).progress.completed == 5
    assert store.export_to("gs://demo-out/empty").wait(timeout=30).progress.completed in (None, 0)
    back = store.rollback(moment, "demo-out", dry_run=False, everything=True)
    assert back.result(timeout=30)["fhirStore"] == store.name
    assert len(store.export_to("gs://demo-out/back").load()["Patient"]) == 5
    history = store.export_history("gs://demo-out/history")
    assert history.wait(timeout=30).progress.completed == 5
    beta = lro.Dataset(dataset.client, dataset.name, api_version="v1beta1")
    copy = beta.fhir_store("history-copy").create(settings={"enableHistoryModifications": True})
    imported = copy.import_history(f"gs://demo-out/history/{history.id}_*")
    assert imported.wait(timeout=30).progress.completed == 15


def test_failures_are_read_through_the_log_interface(store: FhirStore, dataset: Dataset) -> None:
    folder = local.ensure(_data(dataset)).buckets / "demo-out"
    (folder / "bad.ndjson").write_text('{"resourceType":"Patient"}\n' + patient(9))
    op = store.import_from("gs://demo-out/bad.ndjson")
    with pytest.warns(lro.PartialFailureWarning):
        op.wait(timeout=30)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frame = op.failures()
    assert list(frame["source"]) == ["gs://demo-out/bad.ndjson:1"]
    assert frame.attrs["complete"]


def test_a_cohort_loads_like_an_export(store: FhirStore) -> None:
    op = store.execute_cohort("gs://demo-out/cohort", "Patient.where(name.family = 'Family3')")
    assert list(op.load()["Patient"]["id"]) == ["p3"]
    with pytest.raises(lro.ApiError, match="must give true or false, or resources"):
        store.execute_cohort("gs://demo-out/cohort", "Patient.name.first()")
