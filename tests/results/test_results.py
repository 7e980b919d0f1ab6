"""Results: lazy, honest about what was left out, and readable."""

from __future__ import annotations

import gzip
import json
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from places import SHARED

from lro_notebook.errors import BadLinesWarning, ConfigError, ResultError, TruncatedListsWarning
from lro_notebook.results import progress_bar
from lro_notebook.results.load_place import read
from lro_notebook.results.results import Results

DATA = SHARED / "data" / "synthea-10"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "out"
    place.mkdir()
    (place / "7_Patient-0-of-2").write_text('{"id":"1","name":[{"family":"A"},{"family":"B"}]}\n')
    (place / "7_Patient-1-of-2").write_text('{"id":"2"}\nbroken\n')
    (place / "7_Claim").write_bytes(gzip.compress(b'{"id":"c"}\n'))
    return place


def quiet(results: Results) -> Results:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dict(results)
    return results


def test_nothing_is_read_before_a_table_is_asked_for(folder: Path) -> None:
    results = read(folder)
    for path in folder.iterdir():
        path.write_bytes(b"")
    assert list(results) == ["Claim", "Patient"]
    assert (len(results), "Patient" in results, "Nope" in results) == (2, True, False)
    assert repr(results) == "<Results of 3 files: Claim, Patient>"
    assert results["Patient"].empty


def test_a_frame_is_read_once_and_knows_where_it_is_from(folder: Path) -> None:
    results = quiet(read(folder))
    frame = results["Patient"]
    assert frame is results["Patient"]
    assert frame["id"].tolist() == ["1", "2"]
    files = [f"{folder}/7_Patient-0-of-2", f"{folder}/7_Patient-1-of-2"]
    assert json.loads(json.dumps(frame.attrs)) == {"operation": "7", "files": files}


def test_summary_has_fixed_types_and_reads_nothing(folder: Path) -> None:
    results = read(folder)
    summary = results.summary
    assert summary.dtypes.astype(str).to_dict() == {
        "table": "string",
        "files": "Int64",
        "bytes": "Int64",
        "rows": "Int64",
    }
    assert summary["rows"].isna().all()
    claims = results["Claim"]
    assert results.summary["rows"].tolist() == [len(claims), pd.NA]
    assert summary["files"].tolist() == [1, 2]
    assert read(folder, tables=["Claim"]).summary["table"].tolist() == ["Claim"]


def test_each_warning_comes_once(folder: Path) -> None:
    results = read(folder)
    with pytest.warns() as caught:
        results["Patient"]
        results["Patient"]
        results.arrow("Patient")
        results["Claim"]
    assert [item.category for item in caught] == [BadLinesWarning, TruncatedListsWarning]
    assert {Path(item.filename).name for item in caught} == {Path(__file__).name}
    assert "broken" not in str(caught[0].message)
    assert "results.truncated" in str(caught[1].message)
    assert 'lists="explode"' in str(caught[1].message)


def test_bad_lines_and_truncated_read_what_is_unread(folder: Path) -> None:
    results = read(folder)
    with pytest.warns(BadLinesWarning), pytest.warns(TruncatedListsWarning):
        bad = results.bad_lines
    assert bad.to_dict("records") == [
        {"file": f"{folder}/7_Patient-1-of-2", "line": 2, "reason": "not valid JSON"}
    ]
    assert results.truncated.to_dict("records") == [{"column": "Patient.name", "rows": 1}]
    empty = read(folder, tables="Claim")
    assert empty.bad_lines.dtypes.astype(str).tolist() == ["string", "Int64", "string"]
    assert empty.truncated.dtypes.astype(str).tolist() == ["string", "Int64"]


def test_errors_raise_names_file_and_line_and_no_content(folder: Path) -> None:
    with pytest.raises(ResultError, match=r"7_Patient-1-of-2 line 2: not valid JSON") as caught:
        read(folder, errors="raise")["Patient"]
    assert "broken" not in str(caught.value)


def test_an_unknown_table_names_those_there(folder: Path) -> None:
    with pytest.raises(
        KeyError, match=r"no table 'Patent' \(did you mean 'Patient'\?\); there are Claim, Patient"
    ):
        read(folder)["Patent"]
    assert read(folder).get("Patent") is None


def test_a_file_that_is_gone_is_a_result_error(folder: Path) -> None:
    results = read(folder)
    (folder / "7_Claim").unlink()
    with pytest.raises(ResultError, match="7_Claim cannot be read: FileNotFoundError"):
        results["Claim"]


def test_html_shows_sizes_and_rows_once_they_are_known(folder: Path) -> None:
    results = read(folder)
    assert results._repr_html_().count("not read yet") == 2
    assert "<td>2</td><td>1</td></tr>" in quiet(results)._repr_html_()


@pytest.mark.parametrize("option", ["decimals", "lists", "errors"])
def test_options_name_the_allowed_words(folder: Path, option: str) -> None:
    wrong: Any = {option: "wrong"}
    with pytest.raises(ConfigError, match=f"{option}='wrong' is not known; use one of "):
        read(folder, **wrong)


def test_the_bar_is_for_big_files_only(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LRO_NOTEBOOK_PROGRESS", "1")
    quiet(read(folder))
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(progress_bar, "_FROM", 1)
    quiet(read(folder))
    assert "Patient" in capsys.readouterr().err


def test_a_response_with_one_list_gives_a_row_per_element() -> None:
    response = {
        "@type": "t",
        "matches": [{"id": 1, "tags": ["x"]}, {"id": 2}],
        "total": "2",
    }
    frame = Results.from_response(response)["response"]
    assert frame.columns.tolist() == ["id", "tags"]
    assert frame["id"].tolist() == [1, 2]
    assert frame.attrs == {"operation": None, "files": [], "response": {"total": "2"}}
    assert Results.from_response({"gcsUris": ["a", "b"]})["response"]["gcsUris"].tolist() == ["a", "b"]


def test_a_response_without_a_list_is_one_row_and_an_empty_one_none() -> None:
    frame = Results.from_response({"@type": "t", "name": "n", "counter": {"success": "3"}})["response"]
    assert frame.to_dict("records") == [{"name": "n", "counter.success": "3"}]
    with pytest.warns(TruncatedListsWarning):
        two = Results.from_response({"a": [1, 2], "b": [3]})
    assert two["response"].to_dict("records") == [{"a": 1, "b": 3}]
    assert two.truncated.to_dict("records") == [{"column": "response.a", "rows": 1}]
    empties: list[dict[str, Any]] = [
        {},
        {"@type": "type.googleapis.com/google.protobuf.Empty"},
        {"items": []},
    ]
    for empty in empties:
        assert Results.from_response(empty)["response"].shape == (0, 0)


@pytest.mark.skipif(not DATA.is_dir(), reason="the shared Synthea sample is not on this machine")
@pytest.mark.parametrize("decimals", ["float", "exact"])
def test_real_bulk_data_keeps_every_resource(decimals: str) -> None:
    results = quiet(read(DATA, decimals=decimals))
    assert results.bad_lines.empty
    for name in results:
        lines = (DATA / f"{name}.000.ndjson").read_bytes().split(b"\n")
        ids = [json.loads(line)["id"] for line in lines if line.strip()]
        assert results[name]["id"].tolist() == ids
        assert all(isinstance(kind, pd.ArrowDtype) for kind in results[name].dtypes)
