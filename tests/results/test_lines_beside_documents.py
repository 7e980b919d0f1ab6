"""Files of lines in the same table as files of documents: each is read as it is alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from results.any_files import put_named, quiet

from lro_notebook.errors import BadLinesWarning
from lro_notebook.results.formats.fhir.resource_type import OTHER_TYPE
from lro_notebook.results.load_place import read as open_

if TYPE_CHECKING:
    from pathlib import Path

Bad = list[tuple[str, int, str]]
PRETTY = json.dumps({"id": "doc"}, indent=1)
PATIENT = json.dumps({"resourceType": "Patient", "id": "doc"}, indent=1)
BROKEN = ("not valid JSON", "two objects on one line", "cut off: it does not end in this file")


def read(folder: Path, files: dict[str, str]) -> tuple[dict[str, list[Any]], Bad]:
    """Return the ids in each table, and the bad lines."""
    results = quiet(put_named(folder, files))
    assert results.skipped.empty
    ids = {name: [row.get("id") for row in results.arrow(name).to_pylist()] for name in results}
    bad = results.bad_lines
    names = [file.rpartition("/")[2] for file in bad["file"]]
    return ids, list(zip(names, map(int, bad["line"]), bad["reason"], strict=True))


LINES = {
    "a quote that opens": ('"\n{"id":"i"}\r', ["i"], [(1, BROKEN[0])]),
    "a bracket that opens": ('{"id":"a"}\n{"n":[\n{"id":"b"}\n', ["a", "b"], [(2, BROKEN[0])]),
    "two on a line": ('{"id":"a"}{"id":"b"}\n\n{"id":"c"}', ["c"], [(1, BROKEN[1])]),
    "a list and a word": (
        '{"id":"a"}\n[{"id":"b"}]\nnull',
        ["a"],
        [(2, "not a JSON object"), (3, "not a JSON object")],
    ),
}


@pytest.mark.parametrize("name", ["T", "out"])  # one is a name that files of FHIR may have
@pytest.mark.parametrize("kind", LINES)
def test_broken_lines_cost_no_other_line_whatever_is_beside_them(
    tmp_path: Path, name: str, kind: str
) -> None:
    text, good, bad = LINES[kind]
    files = {f"{name}.000.ndjson": text, f"{name}.001.ndjson": PRETTY, f"{name}.002.ndjson": text}
    ids, told = read(tmp_path, files)
    assert ids == {name: [*good, "doc", *good]}
    assert told == [(f"{name}.{n}.ndjson", *each) for n in ("000", "002") for each in bad]


def test_a_line_is_a_row_beside_envelopes_too(tmp_path: Path) -> None:
    envelope = {"rows": [{"id": "x"}, {"id": "y"}]}
    files = {
        "T-0.json": json.dumps(envelope, indent=1),
        "T-1.json": '{"id":"a"}\n{"rows":[{"id":"b"}],"id":"c"}\n',
    }
    assert read(tmp_path, files) == ({"T": ["x", "y", "a", "c"]}, [])


def test_lines_in_another_encoding_stay_lines(tmp_path: Path) -> None:
    text = '{"id":"é"}\n"\n{"id":"b"}\n'
    put_named(tmp_path, {"out-0.jsonl": text.encode("utf-16"), "out-1.jsonl": PRETTY})
    assert read(tmp_path, {}) == ({"out": ["é", "b", "doc"]}, [("out-0.jsonl", 2, BROKEN[0])])


def test_resources_of_other_types_are_told_beside_documents_too(tmp_path: Path) -> None:
    """Where a first look does not see them; and text that is no table in CSV, which takes the name."""
    patients = [{"resourceType": "Patient", "id": f"p{n}", "text": "x" * 90} for n in range(90)]
    lines = [*patients, {"resourceType": "Group", "id": "g"}, "word"]
    files = {"a.ndjson": "".join(json.dumps(line) + "\n" for line in lines), "b.json": PATIENT}
    ids, told = read(tmp_path, files)
    assert ids == {"Patient": [*(row["id"] for row in patients), "doc"]}
    assert told == [("a.ndjson", 91, OTHER_TYPE), ("a.ndjson", 92, "not a JSON object")]


def test_resources_are_read_under_a_name_that_another_format_took(tmp_path: Path) -> None:
    files = {"Patient-1.csv": "id,n\nx,1\n", "Patient-2.csv": "id,n\ny,1\n", "one.json": PATIENT}
    assert read(tmp_path, files) == ({"Patient": ["x", "y"], "Patient_fhir_json": ["doc"]}, [])


def test_a_view_reads_the_lines_that_are_whole(tmp_path: Path) -> None:
    line = '{"resourceType":"Patient","id":"a"}\n'
    put_named(tmp_path, {"a.ndjson": f'{line}"\n{line}', "b.json": PATIENT})
    with pytest.warns(BadLinesWarning, match="1 were left out"):
        frame = open_(tmp_path).view(
            {"resource": "Patient", "select": [{"column": [{"name": "id", "path": "id"}]}]}
        )
    assert list(frame["id"]) == ["a", "a", "doc"]
