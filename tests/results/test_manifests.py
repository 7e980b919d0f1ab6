"""What the manifest of a bulk export says beside its files: counts, errors and deletions."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from fakes import Scripted, ok, operation

import lro_notebook as lro
from lro_notebook.errors import BadLinesWarning, LroWarning, PartialFailureWarning, ResultError
from lro_notebook.operations.client import Client
from lro_notebook.operations.rest_requests import LocalService
from lro_notebook.reports.failures import failures

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from lro_notebook.operations.operation import Operation
    from lro_notebook.results.results import Results

DATASET = "projects/p/locations/l/datasets/d"
LEFT_OUT = {"severity": "error", "code": "exception", "diagnostics": "2 patients were left out"}


def lines(*values: Any) -> str:
    return "".join(f"{json.dumps(value)}\n" for value in values)


def patients(count: int) -> str:
    return lines(*({"resourceType": "Patient", "id": f"p{number}"} for number in range(count)))


def outcome(*issues: Any) -> dict[str, Any]:
    return {"resourceType": "OperationOutcome", "issue": list(issues)}


def deletion(*urls: Any) -> dict[str, Any]:
    entries = [{"request": {"method": "DELETE", "url": url}} for url in urls]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def manifest(*output: dict[str, Any], **more: Any) -> dict[str, Any]:
    entries = [{"type": "Patient", **entry} for entry in output]
    return {"transactionTime": "2026-01-01T00:00:00Z", "output": entries, "error": [], **more}


def kept(folder: Path, value: dict[str, Any], **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.ndjson").write_text(text)
    (folder / "manifest.json").write_text(json.dumps(value))
    return folder / "manifest.json"


def loaded(place: Path, **options: Any) -> tuple[Results, list[str]]:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        results = lro.read_results(place, **options)
        for name in results:
            results[name]
    return results, [str(each.message) for each in seen]


@pytest.mark.parametrize(("held", "count"), [(1, 3), (3, 1), (0, 2), (2, "4")])
@pytest.mark.parametrize("lists", ["first", "explode"])
def test_a_file_that_does_not_hold_what_was_counted_is_told_with_both_numbers(
    tmp_path: Path, held: int, count: Any, lists: str
) -> None:
    place = kept(tmp_path, manifest({"url": "a.ndjson", "count": count}), a=patients(held))
    results, told = loaded(place, lists=lists)
    assert len(results["Patient"]) == held
    (message,) = told
    assert f"a.ndjson: the manifest counts {count} resources, the file holds {held}" in message
    assert results.bad_lines["reason"].tolist() == [
        f"the manifest counts {count} resources, the file holds {held}"
    ]
    assert results.bad_lines["line"].isna().all()


@pytest.mark.parametrize("count", [2, "2", 2.0, None, -1, True, "two", [2], 2.5])
def test_a_count_that_is_reached_or_is_none_is_not_told(tmp_path: Path, count: Any) -> None:
    place = kept(tmp_path, manifest({"url": "a.ndjson", "count": count}), a=patients(2))
    assert loaded(place)[1] == []


def test_each_file_is_counted_by_itself_and_bad_lines_count_as_lines(tmp_path: Path) -> None:
    output: list[dict[str, Any]] = [
        {"url": "a.ndjson", "count": 2},
        {"url": "b.ndjson", "count": 3},
        {"url": "c.ndjson"},
    ]
    place = kept(tmp_path, manifest(*output), a=f"no JSON\n{patients(1)}", b=patients(2), c=patients(5))
    results, told = loaded(place)
    assert [text.partition(";")[0].partition(": ")[0].rpartition("/")[2] for text in told] == [
        "bad lines in Patient",
        "b.ndjson",
    ]
    assert len(results.bad_lines) == 2
    place.write_text(json.dumps(manifest(output[1])))
    with pytest.raises(ResultError, match=r"b\.ndjson: the manifest counts 3 resources, the file holds 2"):
        loaded(place, errors="raise")


def test_a_wrong_count_is_told_past_the_limit_of_bad_lines_and_by_every_way_out(tmp_path: Path) -> None:
    place = kept(tmp_path, manifest({"url": "a.ndjson", "count": 9}), a="no\n" * 5 + patients(1))
    results, told = loaded(place, limits={"bad_lines": 2})
    assert "counts 9 resources, the file holds 6" in told[1]
    assert len(results.bad_lines) == 3
    place = kept(tmp_path, manifest({"url": "a.ndjson", "count": 9}), a=patients(1))
    ways: list[Callable[[Results], object]] = [
        lambda each: each.to_parquet(tmp_path / "out"),
        lambda each: each.bad_lines,
    ]
    for way in ways:
        with pytest.warns(BadLinesWarning, match="counts 9 resources, the file holds 1"):
            way(lro.read_results(place))


def test_the_issues_in_error_files_are_failures(tmp_path: Path) -> None:
    rich = {
        "severity": "warning",
        "code": "not-found",
        "details": {"coding": [{"display": "no such group"}]},
        "expression": ["Group/1"],
    }
    words = outcome(LEFT_OUT, rich, {"severity": "information", "diagnostics": "fine"}, 5, {})
    place = kept(
        tmp_path,
        manifest({"url": "a.ndjson"}, error=[{"type": "OperationOutcome", "url": "e.ndjson"}]),
        a=patients(1),
        e=lines(words, {"resourceType": "Patient"}) + "no JSON\n" + "[" * 1000 + "\n",
    )
    results, told = loaded(place)
    assert list(results) == ["Patient"]
    assert "names files of errors, e.ndjson" in told[0]
    with pytest.warns(BadLinesWarning, match="bad lines in failures: 3"):
        frame = results.failures
    assert frame.astype(object).where(frame.notna(), None).to_numpy().tolist() == [
        ["error", "exception", None, "2 patients were left out"],
        ["warning", "not-found", "Group/1", "no such group"],
        [None, None, None, None],
    ]
    assert len(results.bad_lines) == 3


def test_results_without_error_files_have_no_failures(tmp_path: Path) -> None:
    results, told = loaded(kept(tmp_path, manifest({"url": "a.ndjson"}), a=patients(1)))
    assert told == []
    assert (len(results.failures), list(results.failures)) == (
        0,
        ["severity", "code", "resource", "message"],
    )


@pytest.mark.parametrize("options", [{}, {"columns": ["id"]}, {"lists": "explode"}])
def test_deletions_are_a_table(tmp_path: Path, options: dict[str, Any]) -> None:
    read = {"resourceType": "Bundle", "entry": [{"request": {"method": "PUT", "url": "Patient/no"}}, None]}
    text = lines(deletion("Patient/1", "https://x.example/fhir/Observation/2"), deletion("Patient?a=b"), read)
    place = kept(
        tmp_path,
        manifest({"url": "a.ndjson"}, deleted=[{"type": "Bundle", "url": "d.ndjson"}]),
        a=patients(1),
        d=text,
    )
    results, told = loaded(place, **options)
    assert told == []
    assert list(results) == ["Patient", "deleted"]
    assert results["deleted"][["resourceType", "id"]].dropna().to_numpy().tolist() == [
        ["Patient", "1"],
        ["Observation", "2"],
    ]
    assert results["deleted"]["resource"].tolist()[2] == "Patient?a=b"
    assert list(loaded(place, tables="Patient")[0]) == ["Patient"]
    assert list(loaded(place, tables="deleted")[0]) == ["deleted"]


ODD: list[tuple[dict[str, Any], str]] = [
    ({"error": [{"url": "gone.ndjson"}]}, "gone.ndjson"),
    ({"deleted": [{"url": "/etc/passwd"}]}, "is not read"),
    ({"error": [{"url": "http://169.254.169.254/x"}, 5, {"url": None}]}, "2 entries of 'error'"),
    ({"deleted": ["x"]}, "1 entries of 'deleted'"),
    ({"link": [{"relation": "next", "url": "https://x.example/2"}]}, "goes on in another one"),
]


@pytest.mark.parametrize(("more", "said"), ODD)
def test_what_cannot_be_read_beside_the_results_is_told_and_costs_nothing_else(
    tmp_path: Path, more: dict[str, Any], said: str
) -> None:
    results, told = loaded(kept(tmp_path, manifest({"url": "a.ndjson"}, **more), a=patients(1)))
    assert list(results) == ["Patient"]
    assert any(said in each for each in told)


@pytest.mark.parametrize("word", ["error", "deleted", "link"])
@pytest.mark.parametrize("value", [None, 5, "x", {}, {"url": "x"}, []])
def test_words_that_hold_no_list_are_passed_over(tmp_path: Path, word: str, value: Any) -> None:
    results, told = loaded(kept(tmp_path, manifest({"url": "a.ndjson"}, **{word: value}), a=patients(1)))
    assert (list(results), told) == (["Patient"], [])


def exported(folder: Path, response: dict[str, Any]) -> Operation:
    done = operation(done=True, name=f"{DATASET}/operations/77", response=response)
    client = Client(
        "http://127.0.0.1:9",
        transport=Scripted(ok(done), ok({"entries": []})),
        local=LocalService(folder, folder),
    )
    return client.start(
        "POST",
        f"{DATASET}/fhirStores/s:x",
        {},
        title="fhirStores.bulkExport",
        destination="gs://b/out",
        show=False,
    )


def written(folder: Path, issues: Sequence[Any]) -> dict[str, Any]:
    (folder / "b" / "out").mkdir(parents=True)
    (folder / "b" / "out" / "a.ndjson").write_text(patients(1))
    (folder / "b" / "out" / "e.ndjson").write_text(lines(*map(outcome, issues)))
    error = [{"type": "OperationOutcome", "url": "gs://b/out/e.ndjson"}]
    return manifest({"url": "gs://b/out/a.ndjson"}, error=error)


def test_the_failures_of_an_operation_are_those_of_its_manifest(tmp_path: Path) -> None:
    op = exported(tmp_path, written(tmp_path, [LEFT_OUT, LEFT_OUT, {"severity": "fatal", "code": "timeout"}]))
    with pytest.warns(PartialFailureWarning, match=r"names 1 files? of errors; op\.failures\(\)"):
        op.wait()
    frame = failures(op)
    assert frame["code"].tolist() == ["exception", "exception", "timeout"]
    assert frame["message"].tolist()[:2] == ["2 patients were left out"] * 2
    with pytest.warns(PartialFailureWarning, match="gs://b/out/e.ndjson"):
        assert len(op.load()["Patient"]) == 1


def test_error_files_elsewhere_are_not_read(tmp_path: Path) -> None:
    response = written(tmp_path, [LEFT_OUT])
    response["error"] = [{"url": f"file://{tmp_path}/b/out/e.ndjson"}]
    op = exported(tmp_path, response)
    with pytest.warns(LroWarning) as seen:
        assert failures(op).empty
    assert any("is not read" in str(each.message) for each in seen)
