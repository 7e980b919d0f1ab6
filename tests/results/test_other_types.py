"""Resources of another type than their table: named as bad lines, and nothing of them is in the table."""

from __future__ import annotations

import gzip
import json
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lro_notebook as lro
from lro_notebook.errors import BadLinesWarning, LroWarning, ResultError
from lro_notebook.results.formats.fhir.resource_type import OTHER_TYPE
from lro_notebook.results.load_place import read

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lro_notebook.results.results import Results

FAR = 200  # lines, which are more than a first look sees


def condition(number: int) -> dict[str, Any]:
    return {"resourceType": "Condition", "id": f"c{number}", "code": {"text": "x" * 60}}


OUTCOME = {"resourceType": "OperationOutcome", "id": "o", "issue": [{"severity": "error", "code": "timeout"}]}
CLASH = {"resourceType": "Patient", "id": "p", "code": 5, "birthDate": "1980"}


def text(rows: Sequence[Any], *, gap: str = " ") -> bytes:
    return b"".join(json.dumps(row, separators=(",", f":{gap}")).encode() + b"\n" for row in rows)


def quietly(results: Results) -> Results:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LroWarning)
        list(results.bad_lines["line"])
    return results


def bad(results: Results) -> list[tuple[str, int, str]]:
    frame = quietly(results).bad_lines
    names = [file.rpartition("/")[2] for file in frame["file"]]
    return list(zip(names, frame["line"].astype(int), frame["reason"], strict=True))


@pytest.mark.parametrize("other", [OUTCOME, CLASH])
@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"columns": ["id"]},
        {"decimals": "exact"},
        {"decimals": "text"},
        {"lists": "nested"},
        {"lists": "explode"},
        {"source_file": True},
    ],
)
def test_a_line_far_in_a_file_adds_no_row_and_no_column(
    tmp_path: Path, options: dict[str, Any], other: dict[str, Any], *, packed: bool
) -> None:
    rows = [condition(number) for number in range(FAR)]
    data = text([*rows[:150], other, *rows[150:], other])
    (tmp_path / "1.Condition.ndjson").write_bytes(gzip.compress(data) if packed else data)
    results = quietly(read(tmp_path, **options))
    assert list(results) == ["Condition"]
    table = results.arrow("Condition")
    assert table["id"].to_pylist() == [row["id"] for row in rows]
    assert not {"issue.code", "birthDate", "code"} & set(table.column_names)
    assert bad(results) == [("1.Condition.ndjson", line, OTHER_TYPE) for line in (151, 202)]


def test_it_is_told_and_an_error_where_that_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "Condition.ndjson").write_bytes(text([*map(condition, range(FAR)), OUTCOME]))
    with pytest.warns(BadLinesWarning, match=f"line {FAR + 1} .{OTHER_TYPE}"):
        assert len(lro.read_results(str(tmp_path))["Condition"]) == FAR
    with pytest.raises(ResultError, match=f"Condition.ndjson line {FAR + 1}: {OTHER_TYPE}"):
        lro.read_results(str(tmp_path), errors="raise")["Condition"]


def test_a_line_that_a_first_look_sees_is_in_a_table_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "Condition.ndjson").write_bytes(text([condition(1), CLASH, condition(2), OUTCOME]))
    results = lro.read_results(str(tmp_path))
    assert {name: len(results[name]) for name in results} == {
        "Condition": 2,
        "OperationOutcome": 1,
        "Patient": 1,
    }
    assert not len(results.bad_lines)


def test_lines_are_named_by_their_files_where_files_are_read_together(tmp_path: Path) -> None:
    files = {
        "Condition.1.ndjson": [condition(1)],
        "Condition.2.ndjson": [condition(2), CLASH, condition(3)],
        "Condition.3.ndjson": [OUTCOME],
        "Condition.4.ndjson": [condition(4)],
    }
    for name, rows in files.items():
        (tmp_path / name).write_bytes(b"\n" + text(rows) + b"broken\n")
    results = quietly(read(tmp_path, source_file=True))
    table = results.arrow("Condition")
    uris = [uri.rpartition("/")[2] for uri in table["source_file"].to_pylist()]
    assert list(zip(table["id"].to_pylist(), uris, strict=True)) == [
        ("c1", "Condition.1.ndjson"),
        ("c2", "Condition.2.ndjson"),
        ("c3", "Condition.2.ndjson"),
        ("c4", "Condition.4.ndjson"),
    ]
    told = [(name, line) for name, line, reason in bad(results) if reason == OTHER_TYPE]
    assert told == [("Condition.2.ndjson", 3), ("Condition.3.ndjson", 2)]


def test_a_manifest_says_the_type_and_counts_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_bytes(text([condition(1), CLASH]))
    manifest = {
        "transactionTime": "2024-01-01T00:00:00Z",
        "output": [{"type": "Condition", "url": "a.ndjson", "count": 2}],
    }
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    results = quietly(lro.read_results(str(tmp_path / "manifest.json")))
    assert results.arrow("Condition")["id"].to_pylist() == ["c1"]
    assert bad(results) == [("a.ndjson", 2, OTHER_TYPE)]


@pytest.mark.parametrize("name", ["1_history_Condition", "run1_history_Condition.ndjson"])
def test_the_bundles_of_a_history_and_lines_without_a_type_stay(tmp_path: Path, name: str) -> None:
    versions = {"resourceType": "Bundle", "type": "history", "entry": [{"resource": condition(1)}]}
    (tmp_path / name).write_bytes(text([versions, versions]))
    (tmp_path / name.replace("history_", "")).write_bytes(text([condition(1), {"id": "bare"}]))
    results = read(tmp_path, lists="nested")
    assert results.arrow("Condition")["id"].to_pylist() == ["c1", "bare"]
    assert results.arrow("Condition_history")["resourceType"].to_pylist() == ["Bundle", "Bundle"]
    assert not len(results.bad_lines)


def test_a_view_has_only_its_own_type(tmp_path: Path) -> None:
    (tmp_path / "Condition.ndjson").write_bytes(text([*map(condition, range(FAR)), OUTCOME]))
    view = {"resource": "Condition", "select": [{"column": [{"name": "id", "path": "id"}]}]}
    assert list(lro.read_results(str(tmp_path)).view(view)["id"]) == [f"c{n}" for n in range(FAR)]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from(["own", "other", "clash", "blank", "broken"]), max_size=12),
    st.sampled_from(["", " "]),
    st.sampled_from([1, 3, 100]),
)
def test_rows_and_bad_lines_are_all_the_lines_there_are(
    tmp_path_factory: pytest.TempPathFactory, kinds: list[str], gap: str, each: int
) -> None:
    folder = tmp_path_factory.mktemp("lines")
    first = [text([condition(number) for number in range(FAR)])]
    made = {
        "own": text([condition(FAR)], gap=gap),
        "other": text([OUTCOME], gap=gap),
        "clash": text([CLASH], gap=gap),
        "blank": b" \n",
        "broken": b'{"resourceType":\n',
    }
    parts = [kinds[start : start + each] for start in range(0, len(kinds), each)]
    for number, lines in enumerate([first, *([made[kind] for kind in part] for part in parts)]):
        (folder / f"Condition-{number}.ndjson").write_bytes(b"".join(lines))
    results = quietly(read(folder, partial=True))
    assert results.arrow("Condition").num_rows == FAR + kinds.count("own")
    reasons = [reason for _, _, reason in bad(results)]
    assert reasons.count(OTHER_TYPE) == kinds.count("other") + kinds.count("clash")
    assert len(reasons) - reasons.count(OTHER_TYPE) == kinds.count("broken")
