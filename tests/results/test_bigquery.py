"""BigQuery exports, read by Google's own library from a loopback server that answers as REST does."""

from __future__ import annotations

import json
import sys
import threading
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pyarrow.parquet as pq
import pytest

from lro_notebook.errors import AuthError, ConfigError, ResultError, TruncatedListsWarning
from lro_notebook.results.arrow.batch import Options
from lro_notebook.results.formats.dicom.reader import DICOM
from lro_notebook.results.load_place import read
from lro_notebook.results.sources.bigquery import Warehouse, find_tables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = {
    "name": "name",
    "type": "RECORD",
    "mode": "REPEATED",
    "fields": [
        {"name": "family", "type": "STRING", "mode": "NULLABLE"},
        {"name": "given", "type": "STRING", "mode": "REPEATED"},
    ],
}
FIELDS: dict[str, list[dict[str, Any]]] = {
    "Patient": [
        {"name": "id", "type": "STRING", "mode": "NULLABLE"},
        NAME,
        {"name": "active", "type": "BOOLEAN", "mode": "NULLABLE"},
        {"name": "count", "type": "INTEGER", "mode": "NULLABLE"},
        {"name": "weight", "type": "FLOAT", "mode": "NULLABLE"},
        {"name": "cost", "type": "NUMERIC", "mode": "NULLABLE"},
        {"name": "seen", "type": "TIMESTAMP", "mode": "NULLABLE"},
    ],
    "Empty": [{"name": "id", "type": "STRING", "mode": "NULLABLE"}],
}


def name(family: str, *given: str) -> dict[str, Any]:
    return {"v": {"f": [{"v": family}, {"v": [{"v": one} for one in given]}]}}


ROWS: dict[str, list[list[Any]]] = {
    "Patient": [
        [
            "0007",
            [name("Doe", "Jane", "Q"), name("Roe")],
            "true",
            "9007199254740993",
            "1.5",
            "2.50",
            "1767225600000000",
        ],
        ["0008", [], None, "2", None, None, None],
        ["0009", [name("Poe")], "false", None, None, None, None],
    ],
    "Empty": [],
}


class Handler(BaseHTTPRequestHandler):
    """tables.list, tables.get and tabledata.list, two rows a page."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        Handler.asked.append(self.path)
        parts = url.path.strip("/").split("/")[2:]  # behind bigquery/v2
        if parts[3:4] != ["d"]:
            return self._answer(
                {"error": {"code": 404, "message": "Not found: Dataset p:x", "status": "NOT_FOUND"}}, 404
            )
        if len(parts) == 5:
            tables = [{"kind": "bigquery#table", **_reference(table), "type": "TABLE"} for table in FIELDS]
            return self._answer({"kind": "bigquery#tableList", "tables": tables, "totalItems": len(tables)})
        table = parts[5]
        query = parse_qs(url.query)
        chosen = query.get("selectedFields", [""])[0].split(",")
        places = [n for n, field in enumerate(FIELDS[table]) if not any(chosen) or field["name"] in chosen]
        if parts[-1] == "data":
            start = int(query.get("pageToken", ["0"])[0])
            rows = [{"f": [{"v": row[n]} for n in places]} for row in ROWS[table][start : start + 2]]
            more = {"pageToken": str(start + 2)} if start + 2 < len(ROWS[table]) else {}
            total = str(len(ROWS[table]))
            return self._answer({"kind": "bigquery#tableDataList", "totalRows": total, "rows": rows, **more})
        return self._answer(
            {
                "kind": "bigquery#table",
                **_reference(table),
                "schema": {"fields": FIELDS[table]},
                "numRows": str(len(ROWS[table])),
                "numBytes": "321",
                "type": "TABLE",
            }
        )

    def _answer(self, body: dict[str, Any], status: int = 200) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _reference(table: str) -> dict[str, Any]:
    reference = {"projectId": "p", "datasetId": "d", "tableId": table}
    return {"id": f"p:d.{table}", "tableReference": reference}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    Handler.asked.clear()
    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", f"http://127.0.0.1:{running.server_port}")
    yield
    running.shutdown()
    running.server_close()
    thread.join()


@pytest.mark.usefixtures("server")
def test_tables_have_the_names_that_files_would_give() -> None:
    results = read("bq://p.d")
    assert list(results) == ["Patient", "Empty"]
    assert results.summary["bytes"].tolist() == [321, 321]
    with pytest.warns(TruncatedListsWarning):
        frame = results["Patient"]
    assert frame.columns.tolist() == [
        "id",
        "name.family",
        "name.given",
        "active",
        "count",
        "weight",
        "cost",
        "seen",
    ]
    assert frame["id"].tolist() == ["0007", "0008", "0009"]
    assert frame["name.family"].fillna("-").tolist() == ["Doe", "-", "Poe"]
    assert frame["name.given"].dropna().tolist() == ["Jane"]
    assert frame["count"].dropna().tolist() == [9007199254740993, 2]
    assert frame["cost"].dropna().tolist() == [Decimal("2.5")]
    assert frame["seen"].dropna().tolist() == [pd.Timestamp("2026-01-01", tz="UTC")]
    assert all(isinstance(kind, pd.ArrowDtype) for kind in frame.dtypes)
    assert frame.attrs == {"operation": None, "files": ["bq://p.d.Patient"]}
    assert results.truncated.set_index("column")["rows"].to_dict() == {
        "Patient.name": 1,
        "Patient.name.given": 1,
    }
    assert results["Empty"].columns.tolist() == ["id"]
    assert results.bad_lines.empty


@pytest.mark.usefixtures("server")
def test_only_the_columns_that_are_asked_for_are_sent() -> None:
    frame = read("bq://p.d.Patient", columns=["count", "id"])["Patient"]
    assert frame.columns.tolist() == ["count", "id"]
    pages = [asked for asked in Handler.asked if "/data?" in asked]
    assert len(pages) == 2
    sent = [parse_qs(urlsplit(page).query)["selectedFields"][0] for page in pages]
    assert {frozenset(fields.split(",")) for fields in sent} == {frozenset({"count", "id"})}


@pytest.mark.usefixtures("server")
def test_lists_explode_and_go_to_parquet(tmp_path: Path) -> None:
    results = read("bq://p.d", tables="Patient", lists="explode")
    assert results.arrow("Patient.name").select(["id", "index", "family"]).to_pylist() == [
        {"id": "0007", "index": 0, "family": "Doe"},
        {"id": "0007", "index": 1, "family": "Roe"},
        {"id": "0009", "index": 0, "family": "Poe"},
    ]
    read("bq://p.d", tables="Patient", lists="explode").to_parquet(tmp_path)
    assert pq.read_table(tmp_path / "Patient.name.given")["value"].to_pylist() == ["Jane", "Q"]


@pytest.mark.usefixtures("server")
def test_a_prefix_of_names_gives_the_tables_that_begin_so() -> None:
    assert list(read("bq://p.d.Pat*")) == ["Patient"]
    assert list(read("bq://p.d.*")) == ["Patient", "Empty"]
    assert list(read("bq://p.d.Patient")) == ["Patient"]
    with pytest.raises(ResultError, match=r"no tables at bq://p\.d\.None_\*"):
        read("bq://p.d.None_*")
    for place in ("bq://p.*", "bq://p.d*.t", "bq://p.d.a*b", "bq://*.d.t", "bq://p.d."):
        with pytest.raises(ConfigError, match="no place in BigQuery"):
            read(place)


@pytest.mark.usefixtures("server")
def test_each_batch_says_which_table_its_rows_are_of() -> None:
    warehouse, shards = find_tables("bq://p.d")
    batches = list(warehouse.batches(shards[:1], Options(), lambda _: None))
    assert [(shard.uri, rows) for batch in batches for shard, rows in batch.files] == [
        ("bq://p.d.Patient", batch.tables["Patient"].num_rows) for batch in batches
    ]
    assert sum(rows for batch in batches for _, rows in batch.files) == 3


@pytest.mark.usefixtures("server")
def test_the_storage_api_is_used_where_its_library_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        sys.modules, "google.cloud.bigquery_storage", SimpleNamespace(BigQueryReadClient=dict)
    )
    warehouse = Warehouse("p")
    assert warehouse.fast_client() is None  # an emulator has none
    monkeypatch.delenv("BIGQUERY_EMULATOR_HOST")
    assert warehouse.fast_client() == {"credentials": None, "client_options": None}
    monkeypatch.setitem(sys.modules, "google.cloud.bigquery_storage", None)
    assert warehouse.fast_client() is None


@pytest.mark.usefixtures("server")
def test_what_is_not_there_is_said() -> None:
    with pytest.raises(ResultError, match=r"bq://p\.x cannot be read: 404 .*Not found: Dataset p:x"):
        read("bq://p.x")
    with pytest.raises(ResultError, match=r"no table Nope at bq://p\.d; there are Empty, Patient"):
        read("bq://p.d", tables=["Nope"])
    for place in ("bq://p", "bq://p?x.d", "bq://p.d#.t", "bq://p/x.d", "bq://%2e%2e.d", "bq://p.d\\.t"):
        with pytest.raises(ConfigError, match=r"no place in BigQuery, such as bq://project\.dataset"):
            read(place)


@pytest.mark.usefixtures("server")
def test_the_table_of_a_dicom_export_is_called_instances() -> None:
    assert list(read("bq://p.d.Patient", only=DICOM)) == ["instances"]


def test_without_the_library_or_credentials_the_next_step_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BIGQUERY_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "")
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("CLOUDSDK_CONFIG", "/nonexistent")
    with pytest.raises(AuthError, match="gcloud auth application-default login"):
        read("bq://p.d")
    monkeypatch.setitem(sys.modules, "google.cloud.bigquery", None)
    monkeypatch.delattr("google.cloud.bigquery", raising=False)
    with pytest.raises(ConfigError, match=r'pip install "google-cloud-bigquery\[bqstorage\]"'):
        read("bq://p.d")
