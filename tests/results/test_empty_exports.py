"""An export that succeeded with nothing to write loads as empty tables; a wrong place stays an error."""

from __future__ import annotations

import json
import pickle
import warnings
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from fakes import Scripted, ok, operation

import lro_notebook as lro
from lro_notebook import local
from lro_notebook.jupyter.card_model import card_of
from lro_notebook.operations.client import Client

if TYPE_CHECKING:
    from pathlib import Path

DATASET = "projects/p/locations/l/datasets/d"
FHIR = "google.cloud.healthcare.v1.fhir.FhirService.ExportResources"
#: What the Healthcare API says at the end of an export of nothing: what is zero, it leaves out.
NONE = {
    "apiMethodName": FHIR,
    "createTime": "2026-01-01T10:00:00Z",
    "endTime": "2026-01-01T10:05:00Z",
}


def exported(
    place: Path | str, metadata: dict[str, Any], method: str = "fhirStores.export", **more: Any
) -> lro.Operation:
    return _started(place, method, {"response": {}, "metadata": metadata}, **more)


def ended_with(error: dict[str, Any], place: Path) -> lro.Operation:
    return _started(place, "fhirStores.export", {"error": error, "metadata": NONE})


def _started(place: Path | str, method: str, end: dict[str, Any], **more: Any) -> lro.Operation:
    done = operation(done=True, name=f"{DATASET}/operations/77", **end)
    client = Client("https://example.com", credentials="t", transport=Scripted(ok(done)))
    kind, verb = method.split(".")
    return client.start(
        "POST", f"{DATASET}/{kind}/s:{verb}", {}, title=method, destination=_uri(place), show=False, **more
    )


def _uri(place: Path | str) -> str:
    return place if isinstance(place, str) else f"file://{place}"


def place_of_others(folder: Path) -> Path:
    """Return a folder where another export has written."""
    (folder / "11_Patient").write_text('{"resourceType":"Patient","id":"other"}\n')
    return folder


@pytest.mark.parametrize("counter", [{}, {"counter": {}}, {"counter": {"success": "0"}}])
@pytest.mark.parametrize("others", [False, True])
def test_an_export_of_nothing_is_empty(tmp_path: Path, counter: dict[str, Any], *, others: bool) -> None:
    place = place_of_others(tmp_path) if others else tmp_path
    results = exported(place, {**NONE, **counter}).load()
    assert len(results) == 0
    assert list(results) == []
    assert results.summary.empty
    assert results.bad_lines.empty
    with pytest.raises(
        KeyError, match="no table 'Patient'; there are none; the export had nothing to write; an export with"
    ):
        results["Patient"]


def test_an_export_of_nothing_says_so_and_since_when(tmp_path: Path) -> None:
    op = exported(tmp_path, NONE, since="2026-11-29T00:00:00Z")
    words = "no tables: the export had nothing to write, as nothing was changed since 2026-11-29T00:00:00Z"
    assert words in repr(op.load())
    assert words.replace("no tables", "No tables") in op.load()._repr_html_()
    sentence = card_of(op, datetime.now(UTC)).sentence
    assert sentence == "Nothing has changed since 2026-11-29T00:00:00Z: 0 done in 5:00."


def test_the_tables_that_were_asked_for_are_there_with_their_keys(tmp_path: Path) -> None:
    results = exported(tmp_path, NONE, types=("Patient", "Observation")).load()
    assert list(results) == ["Patient", "Observation"]
    frame = results["Patient"]
    assert len(frame) == 0
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == {
        "resourceType": "string[pyarrow]",
        "id": "string[pyarrow]",
    }
    assert results.summary["files"].tolist() == [0, 0]
    view = results.view("Patient")
    assert len(view) == 0
    assert view.columns.tolist() == list(lro.View("Patient").columns)
    written = results.to_parquet(tmp_path / "parquet")
    assert written["rows"].tolist() == [0, 0]


def test_columns_and_tables_that_a_load_asks_for_are_there(tmp_path: Path) -> None:
    op = exported(tmp_path, NONE, types=("Patient",))
    results = op.load(tables=["Condition"], columns=["id", "code.text"])
    assert list(results) == ["Condition"]
    assert results["Condition"].columns.tolist() == ["id", "code.text"]


def test_the_tables_of_a_history_have_their_names(tmp_path: Path) -> None:
    op = exported(tmp_path, NONE, "fhirStores.exportHistory", types=("Patient",))
    assert list(op.load()) == ["Patient_history"]


def test_a_type_of_which_there_was_nothing_is_an_empty_table_beside_the_others(tmp_path: Path) -> None:
    (tmp_path / "77_Patient").write_text('{"resourceType":"Patient","id":"p1"}\n')
    op = exported(tmp_path, {**NONE, "counter": {"success": "1"}}, types=("Observation", "Patient"))
    results = op.load()
    assert sorted(results) == ["Observation", "Patient"]
    assert (len(results["Patient"]), len(results["Observation"])) == (1, 0)
    assert results.summary.set_index("table")["files"].to_dict() == {"Patient": 1, "Observation": 0}
    everything = exported(tmp_path, {**NONE, "counter": {"success": "1"}}).load()
    assert list(everything) == ["Patient"]


def test_dask_reads_an_empty_table(tmp_path: Path) -> None:
    pytest.importorskip("dask.dataframe")
    results = exported(tmp_path, NONE, types=("Patient",)).load()
    assert len(results.dask("Patient")) == 0


@pytest.mark.parametrize(
    "metadata",
    [
        {**NONE, "counter": {"success": "3"}},  # it has written something: the place is a wrong one
        {**NONE, "counter": {"failure": "3"}},
        {"createTime": NONE["createTime"], "endTime": NONE["endTime"]},  # not said
        {},
    ],
)
def test_a_wrong_place_is_an_error(tmp_path: Path, metadata: dict[str, Any]) -> None:
    op = exported(place_of_others(tmp_path), metadata)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", lro.PartialFailureWarning)
        with pytest.raises(lro.ResultError, match="left no results") as caught:
            op.load()
    assert type(caught.value) is lro.ResultError  # whose name people see
    assert pickle.loads(pickle.dumps(caught.value)).nothing_there  # noqa: S301 - our own


def test_a_part_of_nothing_says_why_the_operation_failed(tmp_path: Path) -> None:
    op = ended_with({"code": 5, "message": "no such bucket"}, tmp_path)
    with pytest.raises(lro.ResultError, match=r"77 left no results at .*77 failed: NOT_FOUND .*no such"):
        op.load(partial=True)


def test_a_place_that_cannot_be_listed_is_an_error() -> None:
    op = exported("file:///proc/1/nowhere/**x/y", NONE)
    with pytest.raises((lro.ResultError, lro.ConfigError)):
        op.load()


def test_an_import_of_nothing_is_no_export_of_nothing(tmp_path: Path) -> None:
    op = exported(tmp_path, {**NONE, "counter": {"success": "0"}}, "fhirStores.bulkDelete")
    with pytest.raises(lro.ResultError):
        op.load()


@pytest.mark.service
def test_a_quiet_night_on_the_local_service(dataset: lro.Dataset, service: Path) -> None:
    store = dataset.fhir_store("quiet").create(bulk_export_uri="gs://demo-out/quiet-bulk")
    place = local.ensure(service).buckets / "demo-out" / "quiet.ndjson"
    place.write_text(json.dumps({"resourceType": "Patient", "id": "p1"}) + "\n")
    store.import_from("gs://demo-out/quiet.ndjson").result(60)
    assert len(store.export_to("gs://demo-out/quiet").load()["Patient"]) == 1
    tonight = store.export_to("gs://demo-out/quiet", types="Patient", since="last").load()
    assert len(tonight["Patient"]) == 0
    assert list(store.export_to("gs://demo-out/quiet", types="Observation").load()) == ["Observation"]
    assert list(store.bulk_export(types="Observation").load()) == ["Observation"]
    for empty in (dataset.dicom_store("quiet-d").create(), dataset.hl7v2_store("quiet-h").create()):
        assert len(empty.export_to("gs://demo-out/quiet-none").load()) == 0
