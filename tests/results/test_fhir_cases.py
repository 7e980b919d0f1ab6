"""What users reported of tools that read FHIR: inputs with right values, and some kept beside the project."""

from __future__ import annotations

import json
import warnings
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from places import SHARED

import lro_notebook as lro
from lro_notebook.errors import BadLinesWarning, LroWarning, PartialFailureWarning

if TYPE_CHECKING:
    from pathlib import Path

CASES = SHARED / "cases"
DETAIL = "http://example.org/StructureDefinition/gender-detail"
BIRTH_TIME = "http://hl7.org/fhir/StructureDefinition/patient-birthTime"
EXTENSIONS = {
    "resource": "Patient",
    "select": [
        {
            "column": [
                {"name": "id", "path": "id"},
                {"name": "detail", "path": f"gender.extension('{DETAIL}').value.ofType(Coding).code"},
                {"name": "time", "path": f"birthDate.extension('{BIRTH_TIME}').value.ofType(dateTime)"},
                {"name": "more", "path": "birthDate.extension.exists()"},
                {"name": "there", "path": "gender.exists()"},
            ]
        }
    ],
}

AT = {"name": "at", "path": "issued", "type": "instant"}


def kept(name: str) -> pytest.MarkDecorator:
    """Return a mark for a test of an input that lies beside the project."""
    return pytest.mark.skipif(not (CASES / name).is_dir(), reason=f"../shared/cases/{name} is not here")


def lines(*rows: Any) -> str:
    return "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)


def records(frame: pd.DataFrame) -> list[dict[Any, Any]]:
    return frame.astype(object).where(frame.notna(), None).to_dict("records")


@kept("03-view-primitive-extension")
def test_kept_extensions_of_primitives() -> None:
    shown = records(lro.read_results(str(CASES / "03-view-primitive-extension")).view(EXTENSIONS))
    assert [row["detail"] for row in shown] == ["D", None, "X"]
    assert [row["there"] for row in shown] == [True, True, True]
    assert shown[0]["time"] == "1970-01-02T03:04:05Z"
    assert [row["more"] for row in shown[:2]] == [True, False]


def test_extensions_of_primitives(tmp_path: Path) -> None:
    beside = {
        "extension": [{"url": "urn:other", "valueCode": "n"}, {"url": DETAIL, "valueCoding": {"code": "Y"}}]
    }
    time = {"extension": [{"url": BIRTH_TIME, "valueDateTime": "2001-02-03T04:05:06+07:00"}]}
    patients = [
        {"id": "a", "_gender": beside, "_birthDate": {"id": "no-extension"}},
        {"id": "b", "birthDate": "2001-02-03", "_birthDate": time},
        {"id": "c", "gender": "male", "_gender": {"extension": None}},
    ]
    (tmp_path / "x.ndjson").write_text(lines(*({"resourceType": "Patient", **each} for each in patients)))
    assert records(lro.read_results(str(tmp_path)).view(EXTENSIONS)) == [
        {"id": "a", "detail": "Y", "time": None, "more": False, "there": True},
        {"id": "b", "detail": None, "time": "2001-02-03T04:05:06+07:00", "more": True, "there": False},
        {"id": "c", "detail": None, "time": None, "more": False, "there": True},
    ]


def test_only_what_stands_beside_the_elements_of_a_list(tmp_path: Path) -> None:
    line = {"extension": [{"url": "urn:line", "valueString": "kept"}]}
    patients = [{"id": "a", "address": [{"_line": [line]}]}, {"id": "b", "address": [{"line": ["x"]}]}]
    (tmp_path / "x.ndjson").write_text(lines(*({"resourceType": "Patient", **each} for each in patients)))
    paths = {
        "kept": "address.line.extension('urn:line').value.ofType(string)",
        "there": "address.line.exists()",
    }
    columns = [{"name": name, "path": path} for name, path in paths.items()]
    view = {"resource": "Patient", "select": [{"column": columns}]}
    shown = records(lro.read_results(str(tmp_path)).view(view))
    assert shown == [{"kept": "kept", "there": True}, {"kept": None, "there": True}]


@kept("06-parse-dates-seven-digits")
def test_kept_digits_of_a_second(tmp_path: Path) -> None:
    _is_microseconds(CASES / "06-parse-dates-seven-digits", tmp_path)


@pytest.mark.parametrize("digits", ["1234567", "123456789", "1234560000000"])
def test_digits_of_a_second(tmp_path: Path, digits: str) -> None:
    row = {"id": "o1", "meta": {"lastUpdated": f"2024-03-01T10:20:30.{digits}Z"}, "status": "final"}
    issued = {"issued": f"2024-03-01T05:20:30.{digits}-05:00"}
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "o.ndjson").write_text(lines({"resourceType": "Observation", **row, **issued}))
    _is_microseconds(folder, tmp_path)


def _is_microseconds(folder: Path, out: Path) -> None:
    right = pd.Timestamp("2024-03-01T10:20:30.123456Z")
    results = lro.read_results(str(folder), parse_dates=True)
    frame = results["Observation"]
    assert [frame[name][0] for name in ("meta.lastUpdated", "issued")] == [right, right]
    view = {"resource": "Observation", "select": [{"column": [AT]}]}
    assert results.view(view)["at"][0] == right
    results.to_parquet(str(out / "parquet"))
    assert lro.read_results(str(out / "parquet"))["Observation"]["issued"][0] == right
    assert results.dask("Observation").compute()["issued"].iloc[0] == right


@kept("14-fhir-names-of-other-exporters")
@pytest.mark.parametrize(
    ("folder", "wanted"),
    [
        ("bulk_data_client", {"Condition": 2, "Patient": 1}),
        ("client_beside_plain", {"Condition": 1, "Patient": 1}),
        ("labels", {"Observation": 2}),
        ("underscore", {"Patient": 2}),
        ("two_numbers", {"Patient": 2}),
        ("one_shard_more", {"Patient": 2}),
        ("json_suffix", {"Observation": 1, "Patient": 1}),
    ],
)
def test_kept_names_of_other_exporters(folder: str, wanted: dict[str, int]) -> None:
    results = lro.read_results(str(CASES / "14-fhir-names-of-other-exporters" / folder))
    assert {name: len(results[name]) for name in results if name != "log"} == wanted


@kept("15-manifest-says-incomplete")
def test_kept_manifest_that_is_not_reached() -> None:
    _tells_both(CASES / "15-manifest-says-incomplete" / "manifest.json", "2 patients were left out")


def test_a_manifest_that_is_not_reached(tmp_path: Path) -> None:
    outcome = {"issue": [{"severity": "fatal", "code": "timeout", "details": {"text": "cut short"}}]}
    (tmp_path / "p.ndjson").write_text(lines({"resourceType": "Patient", "id": "p"}))
    (tmp_path / "e.ndjson").write_text(lines({"resourceType": "OperationOutcome", **outcome}))
    manifest = {
        "transactionTime": "2024-01-01T00:00:00Z",
        "output": [{"type": "Patient", "url": "p.ndjson", "count": "3"}],
        "error": [{"type": "OperationOutcome", "url": "e.ndjson"}],
    }
    (tmp_path / "m.json").write_text(json.dumps(manifest))
    _tells_both(tmp_path / "m.json", "cut short")


def _tells_both(manifest: Path, message: str) -> None:
    with pytest.warns(PartialFailureWarning, match="something was not exported"):
        results = lro.read_results(str(manifest))
    with pytest.warns(BadLinesWarning, match="the manifest counts 3 resources, the file holds 1"):
        assert len(results["Patient"]) == 1
    assert results.failures["message"].tolist() == [message]


@kept("30-exact-decimals-arithmetic")
def test_kept_exact_decimals() -> None:
    _is_calculable(CASES / "30-exact-decimals-arithmetic", ["1.50", "2.25", "36.6"])


@pytest.mark.parametrize(
    "numbers", [["0.1", "10", "-3"], ["12345678901234567.89", "1"], ["1E-7", "2.5"], ["0.10", "0.100"]]
)
def test_exact_decimals(tmp_path: Path, numbers: list[str]) -> None:
    rows = (f'{{"resourceType":"Observation","valueQuantity":{{"value":{number}}}}}' for number in numbers)
    (tmp_path / "Observation.ndjson").write_text(lines(*rows))
    _is_calculable(tmp_path, numbers)


def _is_calculable(folder: Path, numbers: list[str]) -> None:
    values = lro.read_results(str(folder), decimals="exact")["Observation"]["valueQuantity.value"]
    exact = [Decimal(number) for number in numbers]
    assert values.tolist() == exact
    assert (values + 1).tolist() == [number + 1 for number in exact]
    assert (values * 2).tolist() == [number * 2 for number in exact]
    assert (values / 2).tolist() == pytest.approx([number / 2 for number in exact])
    assert values.diff().tolist()[1:] == [b - a for a, b in pairwise(exact)]
    mean: Any = values.mean()
    assert (values - mean).tolist() == [number - mean for number in exact]


MIXED = {
    "number and text": (["1.5", '"q12h"'], ["1.5", "q12h"]),
    "text and null": (['"PressureError"', "null"], ["PressureError", None]),
    "object and null": (['{"one":1}', "null"], None),
}


@pytest.mark.parametrize("kinds", MIXED)
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("apart", [False, True])
def test_values_do_not_depend_on_what_comes_first(
    tmp_path: Path, kinds: str, *, turned: bool, apart: bool
) -> None:
    words, wanted = MIXED[kinds]
    rows = [f'{{"resourceType":"Dose","id":"{number}","x":{word}}}' for number, word in enumerate(words)]
    rows = rows[::-1] if turned else rows
    for number, part in enumerate([[row] for row in rows] if apart else [rows]):
        (tmp_path / f"{number}.ndjson").write_text(lines(*part))
    table = lro.read_results(str(tmp_path))["Dose"].sort_values("id").reset_index(drop=True)
    if wanted is None:
        assert [None if pd.isna(value) else int(value) for value in table["x.one"]] == [1, None]
    else:
        assert [None if pd.isna(value) else str(value) for value in table["x"]] == wanted


def test_what_is_broken_in_a_file_is_told_and_ends_nothing(tmp_path: Path) -> None:
    good = [{"resourceType": "Patient", "id": str(number)} for number in range(3)]
    broken = [
        '{"resourceType":"Patient","n":NaN}',
        '{"resourceType":"Patient",}',
        "# note",
        '{"resourceType":"Pat',
    ]
    (tmp_path / "Patient.ndjson").write_text("\n \n" + lines(*good, *broken[:-1], *good) + broken[-1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LroWarning)
        results = lro.read_results(str(tmp_path))
        assert results["Patient"]["id"].tolist() == ["0", "1", "2"] * 2
    assert results.bad_lines["line"].tolist() == [6, 7, 8, 12]
