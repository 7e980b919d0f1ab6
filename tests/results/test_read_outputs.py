"""From the places that an operation names to its tables: which may be read, and what is told of the rest."""

from __future__ import annotations

import json
import sqlite3
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from fakes import Scripted, ok, operation
from results.any_files import CSV, FILES, ROWS, columns, put_named

import lro_notebook as lro
from lro_notebook.errors import ConfigError, LeftOutWarning, LroWarning, OperationFailed, ResultError
from lro_notebook.operations.client import Client
from lro_notebook.operations.journal import Journal
from lro_notebook.operations.rest_requests import LocalService

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lro_notebook.operations.operation import Operation

NAME, ID = "projects/p/locations/l/operations/4711", "4711"
MODEL = "v1/projects/p/locations/l/models/m:run"


class Service:
    """A service of some API that writes into the buckets of this machine."""

    def __init__(self, folder: Path) -> None:
        self.buckets = folder / "buckets"
        (self.buckets / "b").mkdir(parents=True)
        self.clients: list[Client] = []

    def client(self, answer: Any) -> Client:
        local = LocalService(self.buckets.parent, self.buckets)
        client = Client("https://example.com", credentials="t", transport=Scripted(ok(answer)), local=local)
        self.clients.append(client)
        return client

    def ended(
        self,
        response: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
        body: dict[str, Any] | None = None,
        *,
        error: dict[str, Any] | None = None,
        path: str = MODEL,
        **kept: Any,
    ) -> Operation:
        """Return an operation that was started with `body`, and that has ended so."""
        how = {"response": response or {}} if error is None else {"error": error}
        done = operation(done=True, name=NAME, metadata=metadata or {}, **how)
        return self.client(done).start("POST", path, body or {}, show=False, **kept)

    def put(self, **folders: dict[str, bytes | str]) -> None:
        """Write files into folders of bucket ``b``."""
        for folder, files in folders.items():
            put_named(self.buckets / "b" / folder, files)


pytestmark = pytest.mark.usefixtures("no_other_clients")


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path)
    yield service
    for client in service.clients:
        client.close()


def where(operation: Operation) -> list[tuple[str, str, str]]:
    frame = operation.outputs
    return list(zip(frame["where"], frame["role"], frame["told_by"], strict=True))


def test_the_response_wins_over_the_metadata_and_those_over_the_request(service: Service) -> None:
    response = {"outputInfo": {"gcsOutputDirectory": "gs://b/response"}}
    metadata = {"outputConfig": {"gcsDestination": {"uri": "gs://b/metadata"}}}
    body = {"outputConfig": {"gcsDestination": {"uri": "gs://b/request"}}}
    assert where(service.ended(response, metadata, body)) == [("gs://b/response", "output", "response")]
    assert where(service.ended({}, metadata, body)) == [("gs://b/metadata", "output", "metadata")]
    assert where(service.ended({}, {}, body)) == [("gs://b/request", "output", "request")]
    assert where(service.ended()) == []


def test_places_of_errors_come_from_whoever_names_them(service: Service) -> None:
    metadata = {"errorsConfig": {"gcsPrefix": "gs://b/errors"}}
    body = {"outputUri": "gs://b/rows", "errorConfig": {"gcsPrefix": "gs://b/asked"}}
    frame = service.ended({}, metadata, body).outputs
    assert dict(zip(frame["role"], frame["where"], strict=True)) == {
        "errors": "gs://b/errors",
        "output": "gs://b/rows",
    }
    assert list(frame.columns) == ["what", "where", "role", "format", "told_by", "field"]
    assert set(map(str, frame.dtypes)) <= {"string", "string[pyarrow]"}


def test_tables_of_bigquery_are_told_as_such(service: Service) -> None:
    target = {"projectId": "q", "datasetId": "d", "tableId": "t"}
    frame = service.ended({"outputConfig": {"bigqueryDestination": target}}).outputs
    assert frame[["what", "where"]].to_numpy().tolist() == [["BigQuery", "bq://q.d.t"]]


def test_the_journal_keeps_the_places_of_the_body_and_nothing_else_of_it(
    service: Service, state_dir: Path
) -> None:
    body = {
        "outputConfig": {"gcsDestination": {"uri": "gs://b/out"}, "predictionsFormat": "jsonl"},
        "inputConfig": {"gcsSource": {"uris": ["gs://b/secret-input"]}},
        "patient": "Erika Mustermann",
        "notificationConfig": {"token": "hunter2"},
    }
    service.ended({}, {}, body)
    (record,) = Journal().all()
    assert record.outputs == (("gs://b/out", "output", "outputConfig.gcsDestination.uri", "jsonl"),)
    held = b"".join(path.read_bytes() for path in state_dir.rglob("*") if path.is_file())
    assert b"gs://b/out" in held
    assert not [word for word in (b"secret-input", b"Mustermann", b"hunter2") if word in held]


def test_a_journal_of_an_older_version_gets_the_column(service: Service, state_dir: Path) -> None:
    service.ended({}, {}, {"outputUri": "gs://b/old"})
    with closing(sqlite3.connect(state_dir / "journal.sqlite3")) as file, file:
        file.execute("ALTER TABLE started DROP COLUMN outputs")
    file.close()
    assert [record.outputs for record in Journal().all()] == [()]
    service.ended({}, {}, {"outputUri": "gs://b/new"})
    assert [[place[0] for place in record.outputs] for record in Journal().all()] == [[], ["gs://b/new"]]


@pytest.mark.parametrize(
    "row",
    [
        "no JSON",
        "[1]",
        "[[1, 2]]",
        '["abcd"]',
        '{"a": 1}',
        "null",
        "5",
        "[" * 100_000,
        b"\xff\xfe",
        '[["gs://b/rows", "evil", "f", null]]',
    ],
)
def test_a_row_that_somebody_has_damaged_names_no_place(
    service: Service, state_dir: Path, row: str | bytes
) -> None:
    service.ended({}, {}, {"outputUri": "gs://b/rows"})
    with closing(sqlite3.connect(state_dir / "journal.sqlite3")) as file, file:
        file.execute("UPDATE started SET outputs = ?", (row,))
    file.close()
    again = service.client(operation(done=True, name=NAME, response={})).get(NAME)
    assert where(again) == []
    assert list(again.load()) == ["response"]


HOSTILE = [
    "gs://b/../../secret",
    "gs://b/%2e%2E/secret",
    "gs://u:hunter2@b/rows",
    "gs://b/x::file:///etc/passwd",
    "gs://b/a\\b",
    "gs:///etc",
]


@pytest.mark.parametrize("place", HOSTILE)
def test_a_place_that_leads_elsewhere_is_refused_and_the_others_are_read(
    service: Service, place: str
) -> None:
    service.put(rows={"rows.csv": CSV})
    alone = service.ended({"outputFiles": [place]})
    with pytest.raises(ResultError, match="which is not read") as refused:
        alone.load()
    assert "hunter2" not in str(refused.value)
    beside = service.ended({"outputFiles": [place, "gs://b/rows/rows.csv"]})
    with pytest.warns(LroWarning, match="What the others hold is loaded"):
        results = beside.load()
    assert columns(results) == {"rows": ROWS}
    with pytest.raises(ResultError, match="which is not read"):
        beside.load(errors="raise")


@pytest.mark.parametrize(
    "place", ["http://127.0.0.1:9/x", "https://evil.example/x", "file:///etc", "/etc/hosts"]
)
def test_a_journal_that_names_other_kinds_of_places_leads_nowhere(
    service: Service, state_dir: Path, place: str
) -> None:
    service.ended({}, {}, {"outputUri": "gs://b/rows"})
    with closing(sqlite3.connect(state_dir / "journal.sqlite3")) as file, file:
        file.execute("UPDATE started SET outputs = ?", (json.dumps([[place, "output", "f", None]]),))
    file.close()
    again = service.client(operation(done=True, name=NAME, response={})).get(NAME)
    with pytest.raises(ResultError, match="which is not read"):
        again.load()


def test_a_place_that_the_user_named_is_read_wherever_it_is(service: Service, tmp_path: Path) -> None:
    put_named(tmp_path / "mine", {"rows.csv": CSV})
    started = service.ended(destination=f"file://{tmp_path}/mine")
    with pytest.warns(LroWarning, match="cannot be told"):
        assert columns(started.load()) == {"rows": ROWS}


def test_places_where_nothing_is_are_told_beside_those_with_rows(service: Service) -> None:
    service.put(rows={"rows.csv": CSV})
    lost = [f"gs://b/lost/{number}.csv" for number in range(7)]
    some = service.ended({"outputFiles": ["gs://b/rows/rows.csv", *lost]})
    with pytest.warns(
        LroWarning, match=r"nothing is at gs://b/lost/0.csv, .*4.csv and 2 more\. What is at the"
    ):
        assert columns(some.load()) == {"rows": ROWS}
    other = service.ended({"outputFiles": ["gs://b/rows/rows.csv", "gs://none/x.csv"]})
    with pytest.warns(LroWarning, match=r"no results at gs://none/x.csv: .* other places of 4711 is loaded"):
        assert columns(other.load()) == {"rows": ROWS}
    with pytest.raises(ResultError, match=r"no results at gs://b/lost/0.csv"):
        service.ended({"outputFiles": lost[:1]}).load()


def test_what_is_left_out_is_told_once(service: Service) -> None:
    service.put(rows={"rows.csv": CSV, "a.pdf": b"%PDF-1.7", "_SUCCESS": ""})
    put_named(service.buckets / "c", {"more.csv": CSV, "b.zip": b"PK\x03\x04"})
    with pytest.warns(LeftOutWarning, match=r"1 file at gs://b/rows left out: a.pdf \(a PDF") as one:
        service.ended({"outputUri": "gs://b/rows"}).load()
    with pytest.warns(
        LeftOutWarning, match=r"2 files at the places of operation 4711 left out: a.pdf"
    ) as two:
        results = service.ended({"outputFiles": ["gs://b/rows", "gs://c"]}).load()
    assert (len(one), len(two)) == (1, 1)
    assert sorted(results.skipped["file"].str.rpartition("/")[2]) == ["_SUCCESS", "a.pdf", "b.zip"]


def test_tables_may_be_at_different_places(service: Service) -> None:
    service.put(rows={"rows.csv": CSV, "others.csv": CSV})
    put_named(service.buckets / "c", {"more.csv": CSV})
    both = service.ended({"outputFiles": ["gs://b/rows", "gs://c/more.csv"]})
    assert list(both.load(tables=["rows", "more"])) == ["rows", "more"]
    assert list(both.load(tables="more")) == ["more"]
    with pytest.raises(ResultError, match=r"no table Rows at the places of operation 4711; op.load.*summary"):
        both.load(tables=["Rows", "more"])
    with pytest.raises(ResultError, match=r"no table Rows at gs://b/rows .*; there are others, rows"):
        service.ended({"outputUri": "gs://b/rows"}).load(tables=["Rows"])


def test_tables_of_one_name_at_two_places_are_two_and_know_their_files(service: Service) -> None:
    service.put(rows={"rows.csv": CSV})
    put_named(service.buckets / "c", {"rows.csv": "id,other\n5,z\n"})
    results = service.ended({"outputFiles": ["gs://b/rows", "gs://c/rows.csv"]}).load(source_file=True)
    assert results.summary["table"].tolist() == ["rows", "rows_2"]
    assert results["rows"]["source_file"].tolist() == ["gs://b/rows/rows.csv"] * 2
    assert results["rows_2"].to_dict("list") == {
        "id": [5],
        "other": ["z"],
        "source_file": ["gs://c/rows.csv"],
    }
    assert results["rows_2"].attrs["files"] == ["gs://c/rows.csv"]
    assert len(results.to_parquet(service.buckets / "parquet")) == 2
    assert results.dask("rows_2").compute(scheduler="sync")["other"].tolist() == ["z"]


def test_a_place_that_the_service_made_is_its_own_whatever_the_names(service: Service) -> None:
    service.put(own={"1111111111111111_a.csv": CSV, "2222222222222222_a.csv": CSV})
    assert len(service.ended({"outputUri": "gs://b/own"}).load()["a"]) == 4


def test_files_of_a_failed_operation_are_read_where_asked(service: Service) -> None:
    service.put(rows={"rows.csv": CSV})
    failed = service.ended(metadata={"outputUri": "gs://b/rows"}, error={"code": 3, "message": "bad"})
    with pytest.raises(OperationFailed):
        failed.load()
    with pytest.warns(
        LroWarning, match="4711 ended as FAILED: this is what it left, and rows .* may be missing$"
    ):
        results = failed.load(partial=True)
    assert columns(results) == {"rows": ROWS}
    assert repr(results) == "<Results of 1 file, a part: the operation ended as FAILED: rows>"
    assert "1 table, a part: the operation ended as FAILED. Next:" in results._repr_html_()
    assert results["rows"].attrs["partial"] == "FAILED"
    assert "partial" not in service.ended({"outputUri": "gs://b/rows"}).load()["rows"].attrs


@pytest.mark.parametrize("suffix", FILES)
def test_a_place_that_is_given_is_used_for_any_api(service: Service, tmp_path: Path, suffix: str) -> None:
    service.put(named={"wrong.csv": CSV})
    folder = put_named(tmp_path / "given", {f"rows_{ID}.{suffix}": FILES[suffix]})
    named = service.ended({"outputUri": "gs://b/named"})
    for given in (str(folder), folder, f"file://{folder}", folder / f"rows_{ID}.{suffix}"):
        assert columns(named.load(given)) == columns(named.load(source=given)) == {"rows": ROWS}


def test_the_buckets_of_the_one_local_service_need_no_gcsfs(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    service.put(rows={"rows.csv": CSV})
    only = service.client({})
    assert columns(lro.read_results("gs://b/rows")) == {"rows": ROWS}
    assert columns(lro.read_results("gs://b/r*/*.csv")) == {"rows": ROWS}
    service.client({})
    with pytest.raises(
        ConfigError,
        match=r"2 clients are open.* whose gs://b/rows is\. ds\.read_results\('gs://b/rows'\) .*client=",
    ):
        lro.read_results("gs://b/rows")
    assert columns(lro.read_results("gs://b/rows", client=only)) == {"rows": ROWS}
    assert columns(lro.read_results(service.buckets / "b" / "rows")) == {"rows": ROWS}


@pytest.mark.parametrize("place", ["bq://p", "bq://p.d.t.x", "bq://p.d../x"])
def test_a_place_that_is_none_in_bigquery_is_told_beside_files(service: Service, place: str) -> None:
    service.put(rows={"rows.csv": CSV})
    with pytest.raises(ConfigError, match="is no place in BigQuery"):
        service.ended({"outputFiles": [place]}).load()
    with pytest.warns(LroWarning, match=r"is no place in BigQuery.*\. What is at the other places"):
        results = service.ended({"outputFiles": [place, "gs://b/rows"]}).load()
    assert columns(results) == {"rows": ROWS}


def test_files_are_loaded_where_the_library_of_bigquery_is_missing(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    import google.cloud

    monkeypatch.setitem(sys.modules, "google.cloud.bigquery", None)
    monkeypatch.delattr(google.cloud, "bigquery", raising=False)  # as where nothing has imported it
    service.put(rows={"rows.csv": CSV})
    both = service.ended({"outputs": ["bq://p.d.t", "gs://b/rows"]})
    with pytest.warns(LroWarning, match=r"google-cloud-bigquery\[bqstorage\]"):
        assert columns(both.load()) == {"rows": ROWS}


def test_many_places_take_time_that_grows_with_them(service: Service) -> None:
    """Not with their square: that were more than all of a test's time for these."""
    places = [f"gs://b/rows/{number:06d}.jsonl" for number in range(40_000)]
    assert len(service.ended({"outputFiles": places}).outputs) == 40_000
    service.put(rows={f"{number:06d}.jsonl": '{"a":1}\n' for number in range(200)})
    some = service.ended({"outputFiles": places[:3_000]})
    with pytest.warns(LroWarning, match=r"nothing is at gs://b/rows/000200.jsonl, .* and 2,795 more"):
        assert len(some.load()["rows"]) == 200


def test_names_at_the_top_of_a_bucket_are_told_without_folders_of_this_machine(service: Service) -> None:
    put_named(service.buckets / "c", {"zz": ""})
    with pytest.raises(ResultError) as told:
        service.ended({"outputUris": ["gs://c/", "gs://c/yy*"]}).load()
    assert str(service.buckets) not in str(told.value)
