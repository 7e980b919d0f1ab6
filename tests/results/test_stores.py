"""What an operation left in a store is read as a file of the same format is: its tables and its views."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import httpx
import pyarrow.parquet as pq
import pytest
from fakes import Scripted, ok, operation

from lro_notebook import local
from lro_notebook.errors import BadLinesWarning, ResultError
from lro_notebook.http.session import Session
from lro_notebook.operations.client import Client
from lro_notebook.results.formats.fhir.ndjson import FHIR_NDJSON
from lro_notebook.results.load_place import read
from lro_notebook.results.results import Results
from lro_notebook.results.shards import Shard
from lro_notebook.results.sources.bigquery import Warehouse
from lro_notebook.results.sources.store import FhirStore, _Lines

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lro_notebook import Dataset

DATASET = "projects/p/locations/l/datasets/d"
STORE = f"{DATASET}/fhirStores/s"
PATIENTS: list[dict[str, Any]] = [
    {"resourceType": "Patient", "id": "a", "gender": "female", "name": [{"family": "F"}, {"family": "G"}]},
    {"resourceType": "Patient", "id": "b", "multipleBirthInteger": 2},
    {"resourceType": "Patient", "id": "c", "extension": [{"url": "u", "valueDecimal": 1.50}]},
]

pytestmark = pytest.mark.filterwarnings("ignore::lro_notebook.errors.TruncatedListsWarning")


def imported(*pages: Sequence[object], **options: Any) -> Results:
    """Return what an import loads into a store that has these pages of patients."""
    done = operation(done=True, name=f"{DATASET}/operations/77", response={}, metadata={})
    metrics = {"metrics": [{"resourceType": "Patient", "count": "9", "structuredStorageSizeBytes": "99"}]}

    def search(request: httpx.Request) -> httpx.Response:
        number = int(dict(parse_qsl(request.url.query.decode())).get("page", 0))
        more = [{"relation": "next", "url": f"https://elsewhere/x?page={number + 1}"}]
        entries = [{"resource": resource} for resource in pages[number]]
        return ok({"entry": entries, "link": more if number + 1 < len(pages) else []})

    transport = Scripted(ok(done), ok(metrics), search)
    client = Client("https://example.com", credentials="t", transport=transport)
    method = "fhirStores.import"
    started = client.start("POST", f"{STORE}:import", {}, title=method, destination=STORE, show=False)
    return started.load(**options)


def test_a_view_reads_what_an_import_left_in_a_store() -> None:
    results = imported(PATIENTS[:2], [], PATIENTS[2:])
    frame = results.view("Patient")
    assert frame["id"].tolist() == ["a", "b", "c"]
    assert frame["gender"].fillna("-").tolist() == ["female", "-", "-"]
    assert frame.attrs["files"] == [f"{STORE}/fhir/Patient"]
    assert len(results["Patient"]) == len(frame) == 3


@pytest.mark.parametrize("lists", ["first", "nested", "explode"])
@pytest.mark.parametrize("decimals", ["float", "exact", "text"])
def test_a_store_gives_the_tables_and_views_of_a_file(tmp_path: Path, lists: str, decimals: str) -> None:
    (tmp_path / "Patient.ndjson").write_text("".join(json.dumps(one) + "\n" for one in PATIENTS))
    of_file = read(tmp_path, lists=lists, decimals=decimals)
    of_store = imported(PATIENTS, lists=lists, decimals=decimals)
    assert list(of_store) == list(of_file)
    for name in of_file:
        assert of_store.arrow(name).equals(of_file.arrow(name))
    assert of_store.view("Patient").equals(of_file.view("Patient"))


def test_a_view_of_a_store_goes_to_parquet(tmp_path: Path) -> None:
    path = imported(PATIENTS).scan("Patient").to_parquet(tmp_path / "patients.parquet")
    assert pq.read_table(path)["id"].to_pylist() == ["a", "b", "c"]


def test_a_store_whose_pages_hold_nothing_has_an_empty_table() -> None:
    results = imported([], [5, None])
    assert results["Patient"].shape == (0, 0)
    assert results.view("Patient").shape[0] == 0


def test_columns_of_a_store_are_chosen_and_their_names_checked_as_those_of_a_file() -> None:
    assert imported(PATIENTS, columns={"Patient": ["id"]})["Patient"].columns.tolist() == ["id"]
    with pytest.raises(ResultError, match="gendre; near to it: gender"):
        _ = imported(PATIENTS, columns={"Patient": ["id", "gendre"]})["Patient"]


@pytest.mark.parametrize("depth", [500, 1020])
def test_what_nests_too_deep_in_a_store_costs_only_its_own_row(depth: int) -> None:
    good = [json.dumps({"resource": one}) for one in PATIENTS[:2]]
    deep = '{"resource":{"id":"deep","x":' + '{"a":' * (depth - 4) + "1" + "}" * (depth - 2)
    entries = f'{{"entry":[{good[0]},{deep},{good[1]}]}}'
    transport = Scripted(httpx.Response(200, content=entries.encode()))
    store = FhirStore(Session("https://example.com", transport=transport), STORE)
    shard = Shard(f"{STORE}/fhir/Patient", "fhir/Patient", "Patient", 0, format=FHIR_NDJSON)
    results = Results(store, [shard])
    with pytest.warns(BadLinesWarning, match="bad lines in Patient: 1, .*line 2 .nested too deep"):
        assert results["Patient"]["id"].tolist() == ["a", "b"]
    with pytest.warns(BadLinesWarning):
        assert results.view("Patient")["id"].tolist() == ["a", "b"]


def test_a_page_that_is_read_can_be_read_again_and_no_other() -> None:
    lines = _Lines(iter([b"", b"ab\n", b"cd\n"]))
    assert (lines.read(2), lines.tell()) == (b"ab", 2)
    assert (lines.seek(0), lines.read(9)) == (0, b"ab\n")
    assert (lines.read(1), lines.tell()) == (b"c", 4)
    assert (lines.seek(3), lines.read(9), lines.read(9)) == (3, b"cd\n", b"")
    with pytest.raises(io.UnsupportedOperation, match="the page that was read last"):
        lines.seek(0)


def test_a_view_of_tables_that_are_no_fhir_json_says_so_instead_of_giving_no_rows() -> None:
    shard = Shard("bq://p.d.Patient", "p.d.Patient", "Patient", 9)
    with pytest.raises(ResultError, match=r"reads FHIR JSON, which bq://p\.d\.Patient is not"):
        Results(Warehouse("p"), [shard]).view("Patient")


@pytest.mark.service
def test_the_embedded_service_shows_an_import_as_a_view(dataset: Dataset, service: Path) -> None:
    store = dataset.fhir_store("viewed").create()
    lines = "".join(json.dumps(one) + "\n" for one in PATIENTS)
    (local.ensure(service).buckets / "demo-out" / "viewed.ndjson").write_text(lines)
    results = store.import_from("gs://demo-out/viewed.ndjson", show=False).load()
    assert sorted(results.view("Patient")["id"]) == ["a", "b", "c"]
    assert sorted(results["Patient"]["id"]) == ["a", "b", "c"]
