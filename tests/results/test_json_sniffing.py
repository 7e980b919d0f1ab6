"""Which files are JSON Lines, which JSON documents, and which neither; and what their tables are called."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest
from results.json_files import bad, results_of, rows

from lro_notebook.results.formats.json.documents import JSON_DOCUMENTS
from lro_notebook.results.formats.json.google_documents import is_fhir, name_hint, resource_type
from lro_notebook.results.formats.json.lines import JSON_LINES

if TYPE_CHECKING:
    from pathlib import Path

LONG = '{"a":"' + "x" * 9000


def judged(name: str, start: str | bytes) -> str | None:
    data = start.encode() if isinstance(start, str) else start
    formats = {"lines": JSON_LINES, "documents": JSON_DOCUMENTS}
    found = [word for word, each in formats.items() if each.looks and each.looks(name, data[:8192])]
    assert len(found) < 2
    return found[0] if found else None


@pytest.mark.parametrize(
    ("name", "start", "what"),
    [
        ("part-00000", '{"a":1}\n{"a":2}\n', "lines"),
        ("000000000000.json", '{"a":1}\n{"a":2}\n', "lines"),
        ("x.JSON.gz", '\n\n{"a":1} \r\n\n{"a', "lines"),
        ("x.csv", '{"a":{"b":[1,{}]}}\n{"a', "lines"),
        ("x.jsonl", '{"a":1}', "lines"),
        ("x.jsonl", LONG, "lines"),
        ("x.ndjson", "{}\n{}", "lines"),
        ("part-00000", '{"a":1}', "lines"),
        ("part-00000", LONG, "lines"),
        ("x.json", '{"a":1}\n', "documents"),
        ("x.json", LONG, "documents"),
        ("x.json", "{}", "documents"),
        ("x.json", '{\n  "a": 1\n}\n', "documents"),
        ("x.jsonl", '{\n  "a": 1\n}\n{\n  "a', "documents"),
        ("x.jsonl", '{"a":"b"\n{"a":2}\n', "lines"),
        ("x.ndjson.gz", '{"a":"\n{"a":"b', "documents"),
        ("x.ndjson.gz", '{"a":"\nword\n{"a":"b"}\n{"a":', "lines"),
        ("x.jsonl", '{"a":[\n{"b":1},\n{"b":2}\n]}', "documents"),
        ("x.jsonl", '{"a":[\n{"b":1}\n{"b":2}\n]}', "lines"),
        ("x.jsonl", '{"a":' * 1500 + "\n{}", "documents"),
        ("x.json", '{"a":"b"\n{"a":2}\n', "documents"),
        ("x.jsonl", '{"a":[\n{"b":1},\n{"b":2}\n', "documents"),
        ("x", '{\n  "a": [\n' + "    1,\n" * 3000, "documents"),
        ("x", '{"a": {\n  "b": 1}', "documents"),
        ("x.json", '[{"a":1},{"a', "documents"),
        ("x", '\ufeff[\n  {\n    "a": 1', "documents"),
        ("x", "[]\n", "documents"),
        ("x", "[{}]", "documents"),
        ("x.json", '[{"a":1}]'.encode("utf-16"), "documents"),
        ("x.json", '{"a":1}\n{"a":2}'.encode("utf-32"), "lines"),
        ("x.json", '{"a":1}\nno', None),
        ("x.json", '{"a":1} {"a":2}', None),
        ("x.json", "[1,2]", None),
        ("x.json", "[[1,2]]", None),
        ("x.json", "[] x", None),
        ("x.json", "[section]\na=1\n", None),
        ("x.json", "{a: 1}", None),
        ("x.json", "{{ template }}", None),
        ("x.json", "{'a': 1}", None),
        ("x.json", '"text"', None),
        ("x.json", "null", None),
        ("x.json", "", None),
        ("x.json", "a,b\n1,2\n", None),
        ("x.json", 'a\t"{}"\n', None),
        ("x.json", "Patient/1\nPatient/2\n", None),
        ("x.json", "MSH|^~\\&|A|B\rPID|1", None),
        ("x.json", '{"name":"projects/p/hl7V2Stores/s/messages/1","data":"TVNIfA=="}\n', None),
        ("x.json", '[{"00080005":{"vr":"CS","Value":["ISO_IR 100"]}}]', None),
        ("x.json", b"\0" * 128 + b"DICM", None),
        ("x.json", b"PAR1\x15\x04", None),
        ("x.json", b"{\xff\xfe\x00", None),
        ("x.json", b"Obj\x01\x04", None),
        ("x.ndjson", '{"resourceType":"Patient","id":"1"}\n', None),
        ("x.json", '{\n  "id": "1",\n  "resourceType": "Patient"\n}', None),
        ("x.json", '{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Patient', None),
        ("x.ndjson", '{"resourceType":"projects","id":"1"}\n', "lines"),
        ("x.ndjson", '{"a":{"resourceType":"Patient"}}\n', "lines"),
    ],
)
def test_a_file_is_known_by_what_it_holds_first(name: str, start: str | bytes, what: str | None) -> None:
    assert judged(name, start) == what


def test_resources_are_known_wherever_their_type_stands() -> None:
    resource = {"id": "1", "name": [{"family": "resourceType"}], "resourceType": "Patient"}
    for text in (json.dumps(resource), json.dumps([resource], indent=1), json.dumps(resource) + "\n{}"):
        assert resource_type(text.encode()) == "Patient"
        assert is_fhir(text.encode())
    assert resource_type(b'{"resourceType": "Bundle", "entry": [{"resource": {"re') == "Bundle"
    assert not is_fhir(b'{"resourceType": 1}')


@pytest.mark.parametrize(
    ("start", "hint"),
    [
        ('{"inputConfig":{},"responses":[{"fullTextAnnotation":{"te', "annotations"),
        ('{"responses":[]}', "annotations"),
        ('{"annotation_results": [ {"input_uri": "/b/o", "segm', "annotations"),
        ('{"annotationResults":[{"inputUri":"/b/o","segm', "annotations"),
        ('{"results":[{"alternatives":[{"transcript":"a"}],"channelTag":1}],"totalBilled', "transcripts"),
        ('{"totalBilledTime":"1s"}', "transcripts"),
        ('{"uri":"","mimeType":"application/pdf","text":"a b c d', "documents"),
        ('{"pages":[{"pageNumber":1,"dimension":{"wi', "documents"),
        ('{"shardInfo":{"shardIndex":"1"},"pages":[]}', "documents"),
        ('{"results":[]}', None),
        ('{"results":[{"id":1}]}', None),
        ('{"id":1,"responses":[{"error":{}}]}', None),
        ('{"pages":[{"title":1}]}', None),
        ('{"text":"a"}', None),
        ("[]", None),
        ("", None),
    ],
)
def test_tables_are_called_as_their_documents_are_known(start: str, hint: str | None) -> None:
    assert name_hint(start.encode()) == hint


def test_lines_are_read_in_other_encodings_and_styles(tmp_path: Path) -> None:
    text = '{"a":"é","b":1.50}\n\n{"a":NaN}\n{"a":"x"}\n[1]\n'
    damaged = gzip.compress(text.encode("utf-16") * 200)[:-8]
    files = [text.encode(), gzip.compress(text.encode("utf-16")), text.encode("utf-32"), damaged]
    results = results_of(tmp_path, *files, reading=JSON_LINES, decimals="text")
    found = rows(results)
    assert found[:6] == [{"a": "é", "b": "1.50"}, {"a": "x"}] * 3
    places = [place for place in bad(results) if place[0] != "003"]
    assert places == [
        (file, line, reason)
        for file in ("000", "001", "002")
        for line, reason in ((3, "not valid JSON"), (5, "not a JSON object"))
    ]
    assert bad(results)[-1][2] == "not readable: the compressed data is damaged from here on"


def test_what_is_no_text_in_its_encoding_is_bad(tmp_path: Path) -> None:
    data = '{"a":"x"}\n{"b":"'.encode("utf-16") + b"\x00\xdc" + '"}\n'.encode("utf-16-le")
    results = results_of(tmp_path, data, reading=JSON_LINES)
    assert rows(results) == [{"a": "x"}]
    assert bad(results) == [("000", 2, "not valid UTF-8")]
