"""The main job on the embedded service over real HTTP: start, follow, load, re-attach."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from places import SHARED

import lro_notebook as lro
from lro_notebook import local
from lro_notebook.operations.client import Client
from lro_notebook.operations.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lro_notebook import Dataset, FhirStore

SYNTHEA = SHARED / "data" / "synthea-10"
pytestmark = [
    pytest.mark.service,
    # The sample has patients with several names; tests/frames shows the warning.
    pytest.mark.filterwarnings("ignore::lro_notebook.errors.TruncatedListsWarning"),
]


@pytest.fixture
def slow(service: Path) -> Iterator[None]:
    """Slow the service down, so that there is something to see and to cancel."""
    local.set_pace(3_000, service)
    yield
    local.set_pace(None, service)


def bucket(service: Path, name: str) -> Path:
    folder = local.ensure(service).buckets / name
    folder.mkdir(exist_ok=True)
    return folder


def put(service: Path, name: str, lines: list[bytes]) -> str:
    """Write an object into the bucket of the tests; return its URI."""
    (bucket(service, "tests") / name).write_bytes(b"\n".join(lines) + b"\n")
    return f"gs://tests/{name}"


def patient(number: int, **fields: object) -> bytes:
    return json.dumps({"resourceType": "Patient", "id": f"p{number}", **fields}).encode()


def ids_of(folder: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for path in folder.glob("*.ndjson"):
        for line in path.read_bytes().splitlines():
            resource = json.loads(line)
            found.setdefault(resource["resourceType"], set()).add(resource["id"])
    return found


def test_the_four_lines_of_the_readme(dataset: Dataset) -> None:
    store = dataset.fhir_store("readme").create(exist_ok=True)
    store.import_from("gs://lro-sample/fhir/*.ndjson").result(60)
    op = store.export_to("gs://demo-out/run-1")
    patients = op.load()["Patient"]
    assert len(patients) == 100
    assert {"id", "name.family", "birthDate"} <= set(patients.columns)
    assert op.state == "SUCCEEDED"
    assert "local, synthetic" in repr(dataset)


@pytest.mark.usefixtures("slow")
def test_the_progress_of_an_import_is_seen_while_it_runs(dataset: Dataset) -> None:
    store = dataset.fhir_store("progress").create()
    op = store.import_from("gs://lro-sample/fhir/*.ndjson")
    assert op.wait(60).state == "SUCCEEDED"
    history = op.history
    moving = history[history["state"] == "RUNNING"].dropna(subset=["completed", "total"])
    assert len(moving) >= 3
    assert moving["completed"].is_monotonic_increasing
    assert moving["total"].nunique() == 1
    assert ((moving["fraction"] > 0) & (moving["fraction"] < 1)).any()
    assert op.progress.completed == moving["total"].iloc[0]


@pytest.mark.skipif(not SYNTHEA.is_dir(), reason=f"the shared data is not at {SYNTHEA}")
def test_real_data_comes_out_as_it_went_in(dataset: Dataset, service: Path) -> None:
    expected = ids_of(SYNTHEA)
    assert sum(map(len, expected.values())) == 8_662
    for path in SYNTHEA.glob("*.ndjson"):
        (bucket(service, "synthea") / path.name).write_bytes(path.read_bytes())
    store = dataset.fhir_store("synthea").create()
    imported = store.import_from("gs://synthea/*.ndjson").wait(120)
    assert (imported.state, imported.progress.completed, imported.progress.failed) == ("SUCCEEDED", 8_662, 0)
    results = store.export_to("gs://demo-out/synthea").load()
    frames = {name: results[name] for name in results}
    assert {name: set(frame["id"]) for name, frame in frames.items()} == expected
    assert {name: len(frame) for name, frame in frames.items()} == {k: len(v) for k, v in expected.items()}
    assert results.bad_lines.empty


def test_a_corrupt_line_is_counted_and_listed_and_the_rest_is_imported(
    dataset: Dataset, service: Path
) -> None:
    secret = b'{"resourceType":"Patient","id":"p2","name":[{"family":"Mustermann"'
    uri = put(service, "corrupt.ndjson", [patient(1), secret, patient(3), b"[]"])
    store = dataset.fhir_store("corrupt").create()
    with pytest.warns(lro.PartialFailureWarning, match="2 of its units failed"):
        op = store.import_from(uri).wait(30)
    assert (op.state, op.progress.completed, op.progress.failed) == ("SUCCEEDED", 4, 2)
    failures = op.failures()
    assert [source.rpartition(":")[2] for source in failures["source"]] == ["2", "4"] or list(
        failures.index
    ) == [0, 1]
    assert set(failures["code"]) == {"INVALID_ARGUMENT"}
    assert "Mustermann" not in failures.to_string()
    assert set(store.export_to("gs://demo-out/corrupt").load()["Patient"]["id"]) == {"p1", "p3"}


def test_cancelling_stops_the_work_and_what_was_done_can_be_loaded(dataset: Dataset, service: Path) -> None:
    store = dataset.fhir_store("cancelled").create()
    local.set_pace(1_000, service)
    try:
        op = store.import_from("gs://lro-sample/fhir/*.ndjson")
        while not op.progress.completed:
            op.refresh()
        assert op.cancel() is True
        assert op.wait(30).state == "CANCELLED"
    finally:
        local.set_pace(None, service)
    with pytest.raises(lro.OperationCancelled, match=r"until then remains \(op.load\(partial=True\)\)"):
        op.load()
    committed = op.progress.completed
    assert committed
    exported = store.export_to("gs://demo-out/cancelled").load()
    assert sum(len(exported.arrow(name)) for name in exported) == committed
    assert op.cancel() is False


@pytest.mark.parametrize(
    ("uri", "says"),
    [("gs://nowhere/x/*.ndjson", "nowhere"), ("gs://lro-sample/fhir/*.nothing", r"\*\.nothing")],
)
def test_an_import_that_matches_nothing_fails_and_names_the_pattern(
    dataset: Dataset, uri: str, says: str
) -> None:
    store = dataset.fhir_store("nothing").create(exist_ok=True)
    with pytest.raises(lro.OperationFailed, match=says) as caught:
        store.import_from(uri).result(30)
    assert caught.value.operation.error is not None
    assert caught.value.operation.error.name == "NOT_FOUND"


def test_an_export_to_a_missing_bucket_fails_and_names_it(dataset: Dataset) -> None:
    store = dataset.fhir_store("nothing").create(exist_ok=True)
    with pytest.raises(lro.OperationFailed, match="no-such-bucket"):
        store.export_to("gs://no-such-bucket/x").load()


def test_bigquery_is_answered_with_the_reason(dataset: Dataset) -> None:
    store = dataset.fhir_store("nothing").create(exist_ok=True)
    with pytest.raises(lro.ApiError, match="BigQuery") as caught:
        store.export_to("bq://project.dataset")
    assert caught.value.status == 501


def test_unknown_things_are_named_with_the_call_that_helps(dataset: Dataset, service: Path) -> None:
    with pytest.raises(lro.ApiError, match=r"(?s)missing.*create\(\)"):
        dataset.fhir_store("missing").import_from("gs://lro-sample/fhir/*")
    with pytest.raises(lro.ApiError, match=r"(?s)999.*ds\.operations\(\)"):
        dataset.operation("999")
    other = lro.connect("projects/local/locations/local/datasets/other", data_dir=service)
    with pytest.raises(lro.ApiError, match=r"(?s)other.*create"):
        other.fhir_store("s").create()


def test_datasets_and_stores_come_and_go(service: Path) -> None:
    dataset = lro.connect("projects/local/locations/local/datasets/extra", data_dir=service)
    assert dataset.exists() is False
    assert dataset.create().result(30)["name"] == dataset.name
    assert dataset.exists()
    assert [store.id for store in dataset.stores()] == []
    store = dataset.fhir_store("s").create()
    with pytest.raises(lro.ApiError) as caught:
        store.create()
    assert caught.value.code is lro.Code.ALREADY_EXISTS
    assert [found.id for found in dataset.stores()] == ["s"]
    store.delete()
    assert not store.exists()
    dataset.delete()
    assert not dataset.exists()


def test_an_operation_is_found_again_by_name_and_knows_its_destination(
    dataset: Dataset, service: Path
) -> None:
    store = dataset.fhir_store("again").create()
    store.import_from(put(service, "again.ndjson", [patient(n) for n in range(5)])).result(30)
    op = store.export_to("gs://demo-out/again")
    op.wait(30)
    name = op.name
    del op
    with Client(
        dataset.client.endpoint, credentials=local.ensure(service).token
    ) as client:  # as another kernel would
        again = client.get(name)
        assert again.destination == "gs://demo-out/again"
        assert len(again.load()["Patient"]) == 5
    assert dataset.operation(name).id == dataset.operation(name.rpartition("/")[2]).id
    assert name in {op.name for op in dataset.operations(page_size=2)}


def test_two_exports_under_one_prefix_are_kept_apart(dataset: Dataset, service: Path) -> None:
    store = dataset.fhir_store("twice").create()
    store.import_from(put(service, "a.ndjson", [patient(1)])).result(30)
    first = store.export_to("gs://demo-out/shared").wait(30)
    store.import_from(put(service, "b.ndjson", [patient(2)])).result(30)
    second = store.export_to("gs://demo-out/shared").wait(30)
    assert list(first.load()["Patient"]["id"]) == ["p1"]
    assert sorted(second.load()["Patient"]["id"]) == ["p1", "p2"]
    with pytest.raises(lro.ConfigError, match="operation="):
        dataset.read_results("gs://demo-out/shared")
    assert len(dataset.read_results("gs://demo-out/shared", operation=second.id)["Patient"]) == 2
    assert len(lro.read_results(first)["Patient"]) == 1


def test_an_export_is_limited_by_type_and_time(dataset: Dataset, service: Path) -> None:
    store = dataset.fhir_store("limited").create()
    encounter = b'{"resourceType":"Encounter","id":"e1","status":"finished"}'
    store.import_from(put(service, "c.ndjson", [patient(1), encounter])).result(30)
    moment = datetime.now(UTC)
    store.import_from(put(service, "d.ndjson", [patient(2)])).result(30)
    assert list(store.export_to("gs://demo-out/types", types="Encounter").load()) == ["Encounter"]
    recent = store.export_to("gs://demo-out/since", since=moment).load()
    assert list(recent) == ["Patient"]
    assert list(recent["Patient"]["id"]) == ["p2"]
    nothing = store.export_to("gs://demo-out/none", since=moment + timedelta(days=1))
    assert nothing.wait(30).state == "SUCCEEDED"
    assert list(nothing.load()) == []


@pytest.mark.parametrize("structure", ["RESOURCE_PRETTY", "BUNDLE", "BUNDLE_PRETTY"])
def test_every_content_structure_is_read(dataset: Dataset, service: Path, structure: str) -> None:
    resources = [json.loads(patient(n, multipleBirthInteger=n)) for n in range(3)]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": r} for r in resources]}
    folder = bucket(service, "tests") / structure
    folder.mkdir(exist_ok=True)
    if structure == "RESOURCE_PRETTY":
        for resource in resources:
            (folder / f"{resource['id']}.json").write_text(json.dumps(resource, indent=2))
    else:
        text = json.dumps(bundle, indent=2 if structure.endswith("PRETTY") else None)
        (folder / "bundle.json").write_text(text)
    store: FhirStore = dataset.fhir_store(structure.replace("_", "-")).create()
    op = store.import_from(f"gs://tests/{structure}/**", content_structure=structure)
    assert op.wait(30).progress.completed == 3
    frame = store.export_to(f"gs://demo-out/{structure}").load()["Patient"].sort_values("id")
    assert list(frame["multipleBirthInteger"]) == [0, 1, 2]


def test_what_this_machine_started_is_in_the_journal_without_bodies(dataset: Dataset, service: Path) -> None:
    store = dataset.fhir_store("journal").create()
    op = store.import_from(put(service, "e.ndjson", [patient(1, name=[{"family": "Mustermann"}])]))
    op.wait(30)
    row = lro.started().set_index("name").loc[op.name]
    assert (row["method"], row["state"], row["source"]) == (
        "fhirStores.import",
        "SUCCEEDED",
        "gs://tests/e.ndjson",
    )
    content = Journal().path.read_bytes()
    assert b"Mustermann" not in content
    assert local.ensure(service).token.encode() not in content


def test_to_frame_shows_the_operations_of_a_dataset(dataset: Dataset, service: Path) -> None:
    store = dataset.fhir_store("to-frame").create()
    uri = put(service, "to-frame.ndjson", [patient(1)])
    started = [store.import_from(uri).wait(60).name for _ in range(6)]
    frame = lro.to_frame(dataset.operations())
    frame = frame[frame["name"].isin(started)]
    assert frame["done"].all()
    assert Counter(frame["state"]) == {"SUCCEEDED": 6}
    assert (frame["elapsed"].dropna() >= timedelta(0)).all()


def test_several_operations_at_once(dataset: Dataset, service: Path) -> None:
    uri = put(service, "f.ndjson", [patient(n) for n in range(200)])
    stores = [dataset.fhir_store(f"many-{n}").create() for n in range(8)]
    operations = [store.import_from(uri) for store in stores]
    assert {op.wait(60).state for op in operations} == {"SUCCEEDED"}
    assert [op.progress.completed for op in operations] == [200] * 8
