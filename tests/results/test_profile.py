"""A data dictionary of a table: the same whatever the format, and in bounded memory."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from places import SHARED
from results.dicoms import made

from lro_notebook.results import tables
from lro_notebook.results.load_place import read
from lro_notebook.results.profile import SCHEMA, profile
from lro_notebook.results.table_stream import Stream

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

SYNTHEA = SHARED / "data" / "synthea-10"
HL7V2 = "MSH|^~\\&|A|B|C|D|20260101120000||ADT^A01|M{n}|P|2.5.1\rPID|1||{n}^^^MR||DOE^J||19700102|F\r"


def by_column(frame: pd.DataFrame) -> dict[str, dict[str, Any]]:
    return {row["column"]: row for row in json.loads(frame.to_json(orient="records", date_format="iso"))}


def of(table: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return by_column(profile(Stream.of(pa.table(table)), None))


def test_a_column_is_told_by_its_type_filling_values_and_ends() -> None:
    told = of(
        {
            "code.coding.code": ["a", "b", "a", None],
            "code.coding.display": ["Apple", None, "Apples", "lost"],
            "number": [1.5, -2.0, None, None],
            "birthDate": ["1970-03", "1980-01-01", None, "1960"],
            "empty": pa.nulls(4, pa.string()),
            "id": ["1", "2", "3", "4"],
            "flag": [True, True, None, False],
            "list": [["a"], None, [], None],
        }
    )
    code = told["code.coding.code"]
    assert (code["dtype"], code["filled"], code["distinct"], code["estimated"]) == ("string", 0.75, 2, False)
    assert code["top"] == "a Apple: 2; b: 1"
    assert code["values"] == [
        {"value": "a", "text": "Apple", "count": 2},
        {"value": "b", "text": None, "count": 1},
    ]
    assert (told["number"]["min"], told["number"]["max"], told["number"]["filled"]) == (-2, 1.5, 0.5)
    ends = (told["birthDate"]["first"][:10], told["birthDate"]["last"][:10])
    assert ends == ("1960-01-01", "1980-01-01")
    assert (told["empty"]["filled"], told["empty"]["distinct"], told["empty"]["top"]) == (0, 0, None)
    assert (told["id"]["distinct"], told["id"]["top"], told["id"]["first"]) == (4, None, None)
    assert told["flag"]["top"] == "True: 2; False: 1"
    assert (told["list"]["filled"], told["list"]["distinct"]) == (0.5, None)


def test_columns_have_the_same_types_also_without_rows() -> None:
    for table in ({"a": pa.nulls(0, pa.string())}, {"a": ["x"]}, {}):
        frame = profile(Stream.of(pa.table(table)), None)
        assert {name: dtype.pyarrow_dtype for name, dtype in frame.dtypes.items()} == dict(
            zip(SCHEMA.names, SCHEMA.types, strict=True)
        )


def test_a_text_that_is_no_date_leaves_no_first_and_last() -> None:
    told = of({"date": ["2020-01-01", "soon"], "other": ["2020-01-01", "2021-01-01T00:00:00+01:00"]})
    assert told["date"]["first"] is None
    assert told["other"]["last"].startswith("2020-12-31T23:00:00")


def test_more_values_than_are_counted_are_estimated_and_the_frequent_ones_found() -> None:
    rows = 200_000
    keys = [f"key{number}" for number in range(rows)]
    mixed = ["often" if number % 4 == 0 else f"rare{number}" for number in range(rows)]
    told = of({"key": keys, "mixed": mixed, "number": pa.array(range(rows))})
    for name, distinct in (("key", rows), ("mixed", rows * 3 / 4 + 1), ("number", rows)):
        assert told[name]["estimated"]
        assert abs(told[name]["distinct"] / distinct - 1) < 0.06
    assert told["mixed"]["values"][0] == {"value": "often", "text": None, "count": rows // 4}
    assert told["key"]["top"] is None


def test_what_is_kept_of_a_column_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    from lro_notebook.results import profile as module

    columns: list[Any] = []

    class Watched(module._Column):
        def add(self, *args: Any) -> None:
            super().add(*args)
            columns.append((len(self.counts), len(self.texts), len(self.hashes)))

    monkeypatch.setattr(module, "_Column", Watched)
    values = [f"v{number % 70_000}" for number in range(140_000)]
    profile(Stream.of(pa.table({"code": values, "display": values})), None)
    assert max(map(max, columns)) <= module._COUNTED


def test_long_text_is_shown_by_its_beginning() -> None:
    told = of({"note": ["x" * 10_000] * 2})
    assert told["note"]["top"] == "x" * 80 + "…: 2"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pq.write_table(pa.table({"code": ["a", "a"], "when": ["2020-01-01", None]}), tmp_path / "parquet.parquet")
    (tmp_path / "csv.csv").write_text("code,when\na,2020-01-01\na,\n")
    rows = (
        '{"resourceType":"Patient","id":"1","name":[{"family":"A"}]}\n',
        '{"resourceType":"Patient","id":"2"}',
    )
    (tmp_path / "Patient.ndjson").write_text("".join(rows))
    return tmp_path


@pytest.mark.parametrize("small", [0, 32_000_000])
@pytest.mark.parametrize("name", ["parquet", "csv"])
def test_a_table_is_told_of_alike_loaded_or_read_piece_by_piece(
    folder: Path, name: str, small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "_SMALL", small)
    results = read(folder)
    frame = results.profile(name)
    told = by_column(frame)
    assert (told["code"]["top"], told["code"]["distinct"]) == ("a: 2", 1)
    assert (told["when"]["filled"], told["when"]["first"][:10]) == (0.5, "2020-01-01")
    assert (frame.attrs["rows"], len(frame.attrs["files"])) == (2, 1)
    assert by_column(read(folder, parse_dates=True).profile(name))["when"]["top"] == "2020-01-01: 1"
    assert by_column(results.profile(name)) == told
    results[name]
    assert by_column(results.profile(name)) == told


@pytest.mark.parametrize("small", [0, 32_000_000])
def test_tables_of_lists_are_told_of_and_unknown_ones_refused(
    folder: Path, small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "_SMALL", small)
    results = read(folder, lists="explode")
    assert by_column(results.profile("Patient.name"))["family"]["top"] == "A: 1"
    with pytest.raises(KeyError, match="there are"):
        results.profile("Patient.nope")
    with pytest.raises(KeyError, match="there are"):
        read(folder).profile("Nope")


def test_dates_of_hl7v2_and_dicom_are_those_of_their_standards(tmp_path: Path) -> None:
    (tmp_path / "adt.hl7").write_text(HL7V2.format(n=1))
    told = by_column(read(tmp_path).profile("PID"))
    assert told["PID.7"]["first"].startswith("1970-01-02")
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "x.dcm").write_bytes(made())
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="pydicom")
        instances = by_column(read(tmp_path / "one").profile("instances"))
    assert instances["StudyInstanceUID"]["top"] == "1.2: 1"


@pytest.mark.skipif(not SYNTHEA.is_dir(), reason="../shared/data/synthea-10 is not here")
def test_the_codes_of_real_data_have_their_texts() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = read(SYNTHEA)
        frame, told = results["Observation"], by_column(results.profile("Observation"))
    for name in frame.columns:
        if told[name]["distinct"] is not None and not told[name]["estimated"]:
            assert told[name]["distinct"] == frame[name].nunique()
        assert told[name]["filled"] == pytest.approx(frame[name].notna().mean())
    assert "8462-4 Diastolic Blood Pressure: " in told["component.code.coding.code"]["top"]
