"""What a de-identification has kept, changed and removed, without a value being shown."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lro_notebook as lro
from lro_notebook.errors import ConfigError
from lro_notebook.results import tables
from lro_notebook.results.comparison import compare as comparing
from lro_notebook.results.comparison.compare import SCHEMA
from lro_notebook.results.comparison.hashes import hashes_of
from lro_notebook.results.table_stream import Stream

if TYPE_CHECKING:
    from pathlib import Path

    from lro_notebook.healthcare.dataset import Dataset

COUNTS = ("kept", "changed", "removed", "added")
SALT = "0123456789abcdef"


def of(report: pd.DataFrame, column: str, table: str | None = None) -> dict[str, Any]:
    rows = report[report["column"] == column]
    rows = rows if table is None else rows[rows["table"] == table]
    assert len(rows) == 1
    return {str(name): None if pd.isna(value) else value for name, value in rows.iloc[0].items()}


def counts(report: pd.DataFrame, column: str, table: str | None = None) -> tuple[Any, ...]:
    row = of(report, column, table)
    return tuple(row[name] for name in COUNTS)


BEFORE = pd.DataFrame(
    {
        "id": ["a", "b", "c", "d"],
        "name": ["Ann", "Bob", None, "Dan"],
        "birthDate": ["1970-01-01", "1971-02-02", "1972", None],
        "weight": [50, 60, 70, 80],
    }
)
AFTER = pd.DataFrame(
    {
        "id": ["d", "c", "b", "z"],
        "birthDate": ["1980-01-01", "1972", "1970-01-01", "1970-01-01"],
        "weight": [80.0, 70.0, 60.5, 1.0],
        "note": ["x", None, None, None],
    }
)


def test_rows_are_matched_by_id_and_the_values_of_matched_rows_are_counted() -> None:
    report = lro.compare(BEFORE, AFTER)
    assert report["column"].tolist() == ["id", "name", "birthDate", "weight", "note"]
    assert set(report["table"]) == {"table"}
    assert counts(report, "id") == (3, 0, 0, 0)
    assert counts(report, "name") == (0, 0, 2, 0)
    assert counts(report, "birthDate") == (1, 1, 0, 1)
    assert counts(report, "weight") == (2, 1, 0, 0)  # a whole number is the same as a fraction
    assert counts(report, "note") == (0, 0, 0, 1)
    row = of(report, "birthDate")
    assert (row["matched_by"], row["rows_before"], row["rows_after"], row["matched"]) == ("id", 4, 4, 3)
    assert (row["filled_before"], row["filled_after"]) == (3, 4)
    assert (row["distinct_before"], row["distinct_after"], row["seen_before"]) == (3, 3, 3)
    (note,) = report.attrs["notes"]
    assert note.startswith("table: 3 rows are in both, of 4 before and 4 after; kept, changed")
    assert lro.compare(BEFORE, BEFORE.iloc[::-1]).attrs["notes"] == []


def test_where_no_id_survives_columns_are_compared_as_a_whole_and_that_is_said() -> None:
    report = lro.compare(BEFORE, AFTER.assign(id=["1", "2", "3", "4"]))
    row = of(report, "birthDate")
    assert [row[name] for name in ("matched_by", "matched", *COUNTS)] == [None] * 6
    assert (row["filled_before"], row["filled_after"], row["seen_before"]) == (3, 4, 3)
    assert of(report, "id")["seen_before"] == 0
    for told in (repr(report), str(report._repr_html_())):
        assert "table: no value of id is in both, so rows are not matched" in told
    assert "no column identifies a row" in repr(lro.compare(BEFORE[["name"]], BEFORE[["name"]]))


def test_a_key_of_ones_own_matches_rows() -> None:
    other = AFTER.assign(id=["1", "2", "3", "4"], weight=[80, 70, 60, 1])
    report = lro.compare(BEFORE, other, on="weight")
    assert (of(report, "id")["matched_by"], counts(report, "id")) == ("weight", (0, 3, 0, 0))
    twice = pd.DataFrame({"a": [1, 1, 2, 2], "b": ["x", "y", "x", "y"], "c": ["1", "2", "3", "4"]})
    report = lro.compare(twice, twice.assign(c=pd.Series(["1", "2", "0", None])), on=["a", "b"])
    assert counts(report, "c") == (2, 1, 1, 0)
    assert of(lro.compare(twice, twice, on="a"), "c")["matched"] is None  # each is there twice
    with pytest.raises(ConfigError, match=r"on=\['nobody'\]: no table has that"):
        lro.compare(BEFORE, AFTER, on="nobody")


def test_no_value_is_in_the_report() -> None:
    secret = pd.DataFrame({"id": ["Hollyhurst"], "mixed": ["Hollyhurst"], "list": [["Hollyhurst"]]})
    report = lro.compare(secret, secret.assign(mixed=[7]))
    assert "Hollyhurst" not in repr(report) + str(report._repr_html_()) + json.dumps(report.to_dict("list"))
    mixed = pd.DataFrame({"id": ["1", "2"], "mixed": ["Hollyhurst", 7]})
    assert counts(lro.compare(mixed, mixed), "mixed") == (2, 0, 0, 0)


def test_columns_have_the_same_types_also_without_rows() -> None:
    for frame in (BEFORE, BEFORE.iloc[:0], pd.DataFrame()):
        dtypes = lro.compare(frame, frame).dtypes
        assert {name: dtype.pyarrow_dtype for name, dtype in dtypes.items()} == dict(
            zip(SCHEMA.names, SCHEMA.types, strict=True)
        )
    assert lro.compare(BEFORE.iloc[:0], AFTER).attrs["notes"] == []


def test_a_report_filtered_is_any_frame() -> None:
    left = lro.compare(BEFORE, AFTER).query("kept > 0")
    assert type(left) is pd.DataFrame
    assert left["column"].tolist() == ["id", "birthDate", "weight"]


@pytest.mark.parametrize(
    ("before", "after", "is_same"),
    [
        (pa.array([1], pa.int64()), pa.array([1.0], pa.float64()), True),
        (pa.array(["1.50"]).cast(pa.decimal128(5, 2)), pa.array([1.5]), True),
        (pa.array([0], pa.timestamp("us", "UTC")), pa.array(["1970-01-01T01:00:00+01:00"]), True),
        (pa.array([0], pa.timestamp("us", "UTC")), pa.array(["1971"]), False),
        (pa.array([0], pa.timestamp("us", "UTC")), pa.array(["[DATE]"]), False),
        (pa.array([0], pa.date32()), pa.array([0], pa.timestamp("us", "UTC")), True),
        (pa.array([True]), pa.array(["true"]), True),
        (pa.array(["a"]).dictionary_encode(), pa.array(["a"]), True),
        (pa.array([["a", "b"]]), pa.array([["a"]]), False),
        (pa.array([{"a": 1}]), pa.array([{"a": 1}]), True),
        (pa.array([b"\x00\xff"]), pa.array([b"\x00\xff"]), True),
        (pa.array([""]), pa.array(["x"]), False),
    ],
)
def test_the_same_value_in_another_type_is_kept(before: pa.Array, after: pa.Array, is_same: bool) -> None:  # noqa: FBT001
    sides = [pa.table({"id": ["1"], "value": value}) for value in (before, after)]
    assert counts(lro.compare(*sides), "value") == (is_same, not is_same, 0, 0)


@pytest.mark.parametrize(
    ("same", "other"),
    [
        (pd.Interval(0, 1), pd.Interval(0, 2)),
        (pd.Period("2026-01"), pd.Period("2026-02")),
        (1 + 2j, 2 + 1j),
        (2**200, 2**200 + 1),
        ("\ud800", "\ud801"),
    ],
)
def test_values_that_arrow_does_not_have_are_compared_as_text(same: Any, other: Any) -> None:
    dtypes = (object if isinstance(same, str) else None, object)
    before, after = (
        pd.DataFrame({"id": ["a", "b"], "v": pd.Series([same, second], dtype=dtype)})
        for second, dtype in zip((same, other), dtypes, strict=True)
    )
    assert counts(lro.compare(before, after), "v") == (1, 1, 0, 0)
    after.loc[1, "v"] = None
    assert counts(lro.compare(before, after), "v") == (1, 0, 1, 0)


def test_sparse_columns_are_compared() -> None:
    before = pd.DataFrame({"id": ["a", "b"], "v": pd.arrays.SparseArray([1.5, 0.0])})
    assert counts(lro.compare(before, pd.DataFrame({"id": ["a", "b"], "v": [1.5, 1.0]})), "v") == (1, 1, 0, 0)


def test_a_hash_is_another_one_with_another_salt_and_none_for_no_value() -> None:
    text = pa.chunked_array([["a", None, "b"], ["a"]])
    first = hashes_of(text, SALT)
    assert (first[0] == first[3], first[0] == first[2], first[1]) == (True, False, 0)
    assert not np.isin(hashes_of(text, SALT[::-1])[[0, 2]], first).any()


def test_tables_of_one_side_are_named_and_tables_of_other_names_refused() -> None:
    report = lro.compare({"A": BEFORE, "B": BEFORE}, {"A": BEFORE, "C": AFTER})
    assert report.attrs["notes"] == ["B: there is none after", "C: there is none before"]
    row = of(report, "name", "B")
    assert (row["rows_before"], row["rows_after"], row["filled_after"], row["kept"]) == (4, 0, 0, None)
    with pytest.raises(ConfigError, match=r"no table is there before \(B\) and after \(C\)"):
        lro.compare({"B": BEFORE}, {"C": AFTER})
    with pytest.raises(ConfigError, match="several columns of one name: a"):
        lro.compare(pd.DataFrame([[1, 2]], columns=["a", "a"]), BEFORE)
    with pytest.raises(ConfigError, match="x is a list"):
        lro.compare({"x": [1]}, BEFORE)
    with pytest.raises(ConfigError, match="int cannot be compared"):
        lro.compare(1, BEFORE)


def test_counts_are_those_of_comparing_value_by_value() -> None:
    draw = random.Random(20)  # noqa: S311 - to draw examples
    for _ in range(20):
        ids = [draw.sample(range(60), 40) for _ in range(2)]
        values = [[draw.choice(["a", "b", "c", None]) for _ in side] for side in ids]
        frames = [pd.DataFrame({"id": i, "v": v}) for i, v in zip(ids, values, strict=True)]
        was, now = (dict(zip(i, v, strict=True)) for i, v in zip(ids, values, strict=True))
        both = was.keys() & now.keys()
        expected = (
            sum(was[one] is not None and was[one] == now[one] for one in both),
            sum(None not in (was[one], now[one]) and was[one] != now[one] for one in both),
            sum(was[one] is not None and now[one] is None for one in both),
            sum(was[one] is None and now[one] is not None for one in both),
        )
        assert counts(lro.compare(*frames), "v") == expected


def test_large_tables_are_compared_piece_by_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = 40_000
    for place, shift in (("before", 0), ("after", 1)):
        (tmp_path / place).mkdir()
        lines = (
            f'{{"id": "{number}", "code": {{"text": "{number % 2 + shift}"}}, "value": {number}}}\n'
            for number in range(rows)
        )
        (tmp_path / place / "rows.ndjson").write_text("".join(lines))
    monkeypatch.setattr(tables, "_SMALL", 0)
    monkeypatch.setattr(comparing, "_BYTES", 0)
    before, after = (lro.read_results(tmp_path / place) for place in ("before", "after"))
    report = lro.compare(before, after)
    assert counts(report, "value") == (rows, 0, 0, 0)
    assert counts(report, "code.text") == (0, rows, 0, 0)
    assert of(report, "code.text")["seen_before"] == rows / 2
    assert not before._loaded
    places = (tmp_path / "before", str(tmp_path / "after" / "rows.ndjson"))
    assert lro.compare(*places).equals(report)


@pytest.mark.parametrize("is_kept", [False, True])
def test_some_columns_of_a_table_are_read_without_those_below_them(tmp_path: Path, is_kept: bool) -> None:  # noqa: FBT001
    table = pa.table({"PID.3": ["a^b", "c"], "PID.3.1": ["a", "c"], "PID.4": [None, "x"]})
    pq.write_table(table, tmp_path / "rows.parquet")
    stream = Stream.of_files(table.schema, [tmp_path / "rows.parquet"]) if is_kept else Stream.of(table)
    chosen = stream.only(["PID.4", "PID.3"])
    assert chosen.schema.names == ["PID.4", "PID.3"]
    assert pa.concat_tables(chosen.pieces()).equals(table.select(["PID.4", "PID.3"]))
    assert pa.concat_tables(stream.pieces()).equals(table)


@pytest.mark.filterwarnings("ignore::lro_notebook.TruncatedListsWarning")
def test_the_deidentification_of_fhir_is_told_by_column(dataset: Dataset) -> None:
    store = dataset.fhir_store("compared").create(exist_ok=True)
    store.import_from("gs://lro-sample/fhir/Patient.ndjson").result()
    anonymous = dataset.fhir_store("compared-safe").create(exist_ok=True)
    store.deidentify(anonymous, config={}).result()
    exports = [one.export_to(f"gs://demo-out/{one.id}") for one in (store, anonymous)]
    before, after = (op.load(tables=["Patient"], lists="explode") for op in exports)
    report = lro.compare(before, after)
    patients = len(before["Patient"])
    assert (of(report, "id", "Patient")["matched"], counts(report, "id", "Patient")[0]) == (
        patients,
        patients,
    )
    assert counts(report, "gender", "Patient")[1:] == (0, 0, 0)
    assert of(report, "family", "Patient.name")["matched_by"] == "id, index"
    assert (
        counts(report, "family", "Patient.name")[2] == of(report, "family", "Patient.name")["filled_before"]
    )
    assert counts(report, "value", "Patient.identifier") == (0, patients, 0, 0)
    assert of(report, "value", "Patient.identifier")["seen_before"] == 0
    changed = pd.Series(before["Patient"]["birthDate"]).ne(after["Patient"]["birthDate"]).sum()
    assert counts(report, "birthDate", "Patient")[1] == changed > 0
    first = lro.compare(*(op.load(tables=["Patient"]) for op in exports))
    assert "Patient: only the first elements of lists are compared" in first.attrs["notes"][-1]
    assert counts(lro.compare(exports[0], exports[1].load()), "name.family")[2] == patients


@pytest.mark.filterwarnings("ignore::lro_notebook.TruncatedListsWarning")
def test_the_deidentification_of_dicom_gives_new_uids_and_says_so(dataset: Dataset) -> None:
    store = dataset.dicom_store("compared").create(exist_ok=True)
    store.import_from("gs://lro-sample/dicom/**.dcm").wait()
    anonymous = dataset.dicom_store("compared-safe").create(exist_ok=True)
    store.deidentify(anonymous, config={}).result()
    report = lro.compare(*(one.export_to(f"gs://demo-out/d-{one.id}") for one in (store, anonymous)))
    assert of(report, "SOPInstanceUID")["seen_before"] == 0
    assert of(report, "PatientName")["filled_after"] == 0
    assert of(report, "Modality")["seen_before"] == of(report, "Modality")["rows_after"]
    assert "instances: no value of SOPInstanceUID is in both" in report.attrs["notes"][0]


def test_messages_of_hl7v2_are_matched_by_their_control_id(dataset: Dataset) -> None:
    """Their text changes, and with it their ids; there is no de-identification of them in the API."""
    text = "MSH|^~\\&|A|B|C|D|20260101120000||ADT^A01|M{n}|P|2.5.1\rPID|1||{pid}^^^MR||{name}||19700102|F\r"
    stores = [dataset.hl7v2_store(name).create(exist_ok=True) for name in ("compared", "compared-safe")]
    for number in range(3):
        for store, pid, name in zip(stores, (f"7{number}", f"x{number}"), ("DOE^JANE", ""), strict=True):
            message = text.format(n=number, pid=pid, name=name)
            store.create_message(message)
    report = lro.compare(*(one.export_to(f"gs://demo-out/h-{one.id}") for one in stores))
    assert of(report, "PID.5", "PID")["matched_by"] == "MSH.10, index"
    assert counts(report, "PID.5", "PID") == (0, 0, 3, 0)
    assert counts(report, "PID.3.1", "PID") == (0, 3, 0, 0)
    assert counts(report, "PID.7", "PID") == (3, 0, 0, 0)
    assert of(report, "messageType", "messages")["matched_by"] == "MSH.10"
    assert "PID: ids have changed, so rows are matched by MSH.10, index" in report.attrs["notes"]
