"""Views over files: types, blocks, damage, mixed data, Parquet, and a type that was not exported."""

from __future__ import annotations

import gzip
import json
import warnings
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from places import SHARED

from lro_notebook import View
from lro_notebook.errors import BadLinesWarning, ResultError
from lro_notebook.results.arrow import line_blocks as blocks_module
from lro_notebook.results.load_place import read

if TYPE_CHECKING:
    from collections.abc import Callable

    from lro_notebook.results.results import Results

    Store = Callable[..., Results]

SYNTHEA = SHARED / "data" / "synthea-10"
TYPED = [
    {"name": "id", "path": "id", "type": "id"},
    {"name": "flag", "path": "active", "type": "boolean"},
    {
        "name": "whole",
        "path": "multipleBirth.ofType(integer)",
        "type": "http://hl7.org/fhir/StructureDefinition/integer",
    },
    {"name": "number", "path": "extension.value.ofType(decimal)", "type": "decimal"},
    {"name": "born", "path": "birthDate", "type": "date"},
    {"name": "given", "path": "name.given", "type": "string", "collection": True},
]
VIEW = {"resource": "Patient", "select": [{"column": TYPED}]}
DTYPES = {
    "id": "string[pyarrow]",
    "flag": "bool[pyarrow]",
    "whole": "int64[pyarrow]",
    "number": "double[pyarrow]",
    "born": "string[pyarrow]",
    "given": "list<item: string>[pyarrow]",
}
PATIENT = {
    "resourceType": "Patient",
    "id": "007",
    "active": True,
    "multipleBirthInteger": 2,
    "birthDate": "1970-03",
    "extension": [{"url": "u", "valueDecimal": 1.50}],
    "name": [{"given": ["A", "B"]}],
}


def dtypes(frame: pd.DataFrame) -> dict[str, str]:
    return {str(name): f"{kind.pyarrow_dtype}[pyarrow]" for name, kind in frame.dtypes.items()}


def column(path: str, **more: Any) -> dict[str, Any]:
    return {"resource": "Patient", "select": [{"column": [{"name": "v", "path": path, **more}]}]}


def test_columns_have_the_arrow_type_of_their_fhir_type_also_without_rows(store: Store) -> None:
    assert dtypes(store([PATIENT]).view(VIEW)) == DTYPES
    empty = store([{"resourceType": "Group", "id": "g"}]).view(VIEW)
    assert (len(empty), dtypes(empty)) == (0, DTYPES)


def test_a_view_of_a_type_that_is_not_there_has_its_columns(store: Store) -> None:
    frame = store([PATIENT]).view(
        {
            "resource": "Group",
            "select": [{"column": [{"name": "a", "path": "x"}, {"name": "b", "path": "x.exists()"}]}],
        }
    )
    assert list(frame.columns) == ["a", "b"]
    assert frame.empty


def test_a_file_that_is_not_named_by_a_type_may_hold_any(tmp_path: Path) -> None:
    path = tmp_path / "mine.ndjson"
    path.write_text(json.dumps(PATIENT) + '\n{"resourceType":"Group","id":"g"}\n')
    assert read(path).view(VIEW)["id"].tolist() == ["007"]


def test_whole_numbers_past_64_bits_are_compared_all_the_same(store: Store) -> None:
    patient = json.dumps(PATIENT).replace('Integer": 2', f'Integer": {2**70}')
    paths = {
        "same": f"multipleBirth = {2**70}",
        "more": f"multipleBirth > {2**70 - 1}",
        "less": f"2 < {2**70}",
    }
    columns = [{"name": name, "path": path} for name, path in paths.items()]
    for line in (patient, json.dumps(PATIENT)):
        frame = store([line]).view({"resource": "Patient", "select": [{"column": columns}]})
        assert frame.iloc[0].tolist() == [line is patient, line is patient, True]


def test_decimals_are_as_the_results_hold_them(store: Store) -> None:
    line = json.dumps(PATIENT).replace("1.5}", "1.50}")
    assert store([line]).view(VIEW)["number"].tolist() == [1.5]
    assert store([line], decimals="exact").view(VIEW)["number"].tolist() == [Decimal("1.50")]
    assert store([line], decimals="text").view(VIEW)["number"].tolist() == ["1.50"]


def test_dates_are_text_unless_they_are_to_be_parsed(store: Store) -> None:
    assert store([PATIENT]).view(VIEW)["born"].tolist() == ["1970-03"]
    parsed = store([PATIENT], parse_dates=True).view(VIEW)["born"]
    assert parsed.tolist() == [pd.Timestamp("1970-03-01", tz="UTC")]


def test_one_view_can_ask_for_dates_or_for_text(store: Store) -> None:
    first_of_march = [pd.Timestamp("1970-03-01", tz="UTC")]
    text, dates = store([PATIENT]), store([PATIENT], parse_dates=True)
    assert text.view(VIEW, parse_dates=True)["born"].tolist() == first_of_march
    assert text.scan(VIEW, parse_dates=True).to_pandas()["born"].tolist() == first_of_march
    assert text.view(VIEW)["born"].tolist() == ["1970-03"]
    assert dates.view(VIEW, parse_dates=False)["born"].tolist() == ["1970-03"]
    assert dates.view(VIEW)["born"].tolist() == first_of_march


def test_the_frame_says_where_it_is_from_and_how_it_was_made(store: Store) -> None:
    frame = store([PATIENT]).view({**VIEW, "name": "people"})
    assert frame.attrs["view"] == "people"
    assert [Path(file).name for file in frame.attrs["files"]] == ["Patient.ndjson"]
    assert frame.attrs["ways"]["id"] == {"arrow": 1}


@pytest.mark.parametrize(
    ("path", "kind", "message"),
    [
        ("id", "integer", "is declared as integer, and the data has text"),
        ("active", "string", "is declared as string, and the data has true or false"),
        ("multipleBirth", "boolean", "is declared as boolean, and the data has whole numbers"),
        ("name.first()", "string", "elements with parts"),
        ("id", "HumanName", "is declared as HumanName, and the data has text"),
        ("name.first()", None, 'declare its "type"'),
        ("extension.value.ofType(decimal)", "integer", "has a number that its type cannot hold"),
        ("extension.value.ofType(decimal) + 1", "integer", "has a number that its type cannot hold"),
        ("odd", None, 'declare its "type"'),
        ("iif(id = '007', active, id) | 5", None, "gives 2 values"),
    ],
)
def test_values_of_another_type_than_declared_are_an_error(
    path: str, kind: str | None, message: str, store: Store
) -> None:
    more = {"type": kind} if kind else {}
    with pytest.raises(ResultError, match=message):
        store([{**PATIENT, "odd": [[1]]}]).view(column(path, **more))


def test_values_of_several_types_in_one_column_are_an_error(store: Store) -> None:
    patients = [PATIENT, {"resourceType": "Patient", "multipleBirthBoolean": True}]
    with pytest.raises(ResultError, match=r"different types; pick one with ofType\(\)"):
        store(patients).view(column("multipleBirth"))


def test_a_declared_complex_type_gives_json_text(store: Store) -> None:
    frame = store([PATIENT, {"resourceType": "Patient"}]).view(column("name", type="HumanName"))
    assert frame["v"].tolist() == ['{"given": ["A", "B"]}', pd.NA]


def test_an_element_is_whole_also_where_the_view_unnests_it(store: Store) -> None:
    whole = {"column": [{"name": "whole", "path": "name", "type": "HumanName"}]}
    part = {"forEach": "name", "column": [{"name": "given", "path": "given.first()"}]}
    patient = {**PATIENT, "name": [{"family": "F", "given": ["A", "B"]}]}
    frame = store([patient] * 3).view({"resource": "Patient", "select": [whole, part]})
    assert frame["whole"].tolist() == ['{"family": "F", "given": ["A", "B"]}'] * 3
    assert frame["given"].tolist() == ["A"] * 3


def write_many(folder: Path, rows: int) -> None:
    """Write patients whose later lines hold what the first ones do not show."""
    with (folder / "Patient.ndjson").open("w") as file:
        for number in range(rows):
            late: dict[str, Any] = {}
            if number == rows - 1:
                late = {
                    "deceasedDateTime": "2001",
                    "maritalStatus": {"text": "M"},
                    "multipleBirthBoolean": True,
                }
            elif number > rows // 2:
                late = {"extension": [{"url": "u", "valueDecimal": number + 0.5}]}
            patient = {"resourceType": "Patient", "id": str(number), "name": [{"family": "F"}], **late}
            file.write(json.dumps(patient) + "\n")


LATE = {
    "resource": "Patient",
    "select": [
        {
            "column": [
                {"name": "id", "path": "id"},
                {"name": "died", "path": "deceased.ofType(dateTime)"},
                {"name": "any", "path": "deceased.exists()"},
                {"name": "twin", "path": "multipleBirth"},
                {"name": "text", "path": "maritalStatus.text"},
                {"name": "number", "path": "extension('u').value.ofType(decimal)", "type": "decimal"},
            ]
        }
    ],
}


def test_what_shows_up_in_a_late_block_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks_module.blocks, "__kwdefaults__", {"first": 500, "size": 2000})
    write_many(tmp_path, 300)
    frame = read(tmp_path).view(LATE)
    assert sum(frame.attrs["ways"]["id"].values()) > 5
    assert frame["id"].tolist() == [str(number) for number in range(300)]
    assert frame.iloc[-1].tolist()[1:5] == ["2001", True, True, "M"]
    assert frame["any"].sum() == 1
    assert frame["number"].dropna().tolist() == [number + 0.5 for number in range(151, 299)]


def test_a_view_goes_to_parquet_block_by_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks_module.blocks, "__kwdefaults__", {"first": 500, "size": 2000})
    write_many(tmp_path, 300)
    typed = json.loads(
        json.dumps(LATE).replace('"path": "multipleBirth"', '"type": "boolean", "path": "multipleBirth"')
    )
    results = read(tmp_path)
    path = results.scan(typed).to_parquet(tmp_path / "out" / "late.parquet")
    assert pq.ParquetFile(path).num_row_groups > 5
    pd.testing.assert_frame_equal(
        pd.read_parquet(path, dtype_backend="pyarrow"), results.view(typed), check_like=False
    )
    assert [file.name for file in path.parent.iterdir()] == ["late.parquet"]
    with pytest.raises(ResultError, match=r"'twin'.* in the first block and .* later"):
        results.scan(LATE).to_parquet(path)
    assert [file.name for file in path.parent.iterdir()] == ["late.parquet"]


def test_a_view_without_rows_goes_to_parquet_with_its_columns(tmp_path: Path, store: Store) -> None:
    path = store([PATIENT]).scan({**VIEW, "resource": "Group"}).to_parquet(tmp_path / "none.parquet")
    assert pq.read_table(path).column_names == list(DTYPES)


def test_a_view_goes_to_dask_a_partition_for_each_file(tmp_path: Path) -> None:
    pytest.importorskip("dask.dataframe", reason="dask is not installed")
    for number in range(3):
        (tmp_path / f"Patient.{number:03d}.ndjson").write_text(
            json.dumps({**PATIENT, "id": str(number)}) + "\n"
        )
    lazy = read(tmp_path).scan(VIEW).dask()
    assert lazy.npartitions == 3
    assert lazy.compute()["id"].tolist() == ["0", "1", "2"]


def test_mixed_and_damaged_lines_are_seen_and_the_rest_is_right(tmp_path: Path) -> None:
    lines = [
        '{"resourceType":"Patient","id":"1","name":[{"family":"A"}],"multipleBirthInteger":1}',
        "broken",
        '{"resourceType":"Patient","id":"2","name":{"family":"B"},"multipleBirthInteger":"x"}',
        '{"resourceType":"Patient","id":3,"name":"text"}',
        '{"resourceType":"Patient","id":"4","name":[{"family":"\\ud800"}]}',
    ]
    (tmp_path / "Patient.ndjson.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    columns = [{"name": "family", "path": "name.family"}, {"name": "three", "path": "id = 3"}]
    view = View({"resource": "Patient", "select": [{"column": columns}]})
    with pytest.warns(
        BadLinesWarning, match=r"bad lines in Patient: 1 .* line 2 \(not valid JSON\)"
    ) as caught:
        frame = read(tmp_path).view(view)
    assert Path(caught[0].filename) == Path(__file__)
    assert frame["family"].tolist() == ["A", "B", pd.NA, "\ufffd"]
    assert frame["three"].tolist() == [False, False, True, False]
    assert set(frame.attrs["ways"]["family"]) == {"python"}
    with pytest.raises(ResultError, match="line 2: not valid JSON"):
        read(tmp_path, errors="raise").view(view)


def test_a_line_that_only_pyarrow_takes_for_json_is_reported_and_shifts_no_other(tmp_path: Path) -> None:
    lines = [json.dumps({**PATIENT, "id": str(number)}) for number in range(6000)]
    lines[5000] = lines[5000].replace('"active": true', '"active": true, "odd": NaN')
    (tmp_path / "Patient.ndjson").write_text("\n".join(lines) + "\n")
    columns = [{"name": "id", "path": "id"}, {"name": "upper", "path": "id.upper()"}]
    with pytest.warns(BadLinesWarning, match="line 5001"):
        frame = read(tmp_path).view({"resource": "Patient", "select": [{"column": columns}]})
    expected = [str(number) for number in range(6000) if number != 5000]
    assert frame["id"].tolist() == frame["upper"].tolist() == expected


def test_compressed_data_that_breaks_off_is_reported(tmp_path: Path) -> None:
    whole = gzip.compress(json.dumps(PATIENT).encode() + b"\n")
    (tmp_path / "Patient.000.ndjson.gz").write_bytes(whole)
    (tmp_path / "Patient.001.ndjson.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.warns(BadLinesWarning, match="damaged from here on"):
        assert len(read(tmp_path).view(VIEW)) == 1


def test_explain_says_which_way_each_column_goes_and_why() -> None:
    columns = [
        {"name": "id", "path": "id", "type": "id"},
        {"name": "low", "path": "birthDate.lowBoundary()", "type": "date"},
    ]
    repeat = {"repeat": ["contact"], "column": [{"name": "deep", "path": "id"}]}
    explained = View({"resource": "Patient", "select": [{"column": columns}, repeat]}).explain()
    assert explained["way"].tolist() == ["arrow", "python", "python"]
    assert explained["reason"].tolist() == [pd.NA, "lowBoundary()", "below a repeat"]
    assert set(explained.dtypes.astype(str)) == {"string"}


@pytest.mark.skipif(not SYNTHEA.is_dir(), reason="../shared/data/synthea-10 is not here")
@pytest.mark.parametrize("name", View.names())
def test_ready_views_fit_real_data_and_run_in_arrow(name: str) -> None:
    view = View(name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frame = read(SYNTHEA).view(view)
    assert list(frame.columns) == view.columns
    if (SYNTHEA / f"{view.resource}.000.ndjson").exists():
        assert len(frame) > 0
