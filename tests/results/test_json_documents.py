"""JSON documents as tables: what a row is, what stands beside it, and what is bad."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from results.json_files import bad, results_of, rows

if TYPE_CHECKING:
    from pathlib import Path

NOT_JSON, CUT = "not valid JSON", "cut off: it does not end in this file"
VISION = {
    "inputConfig": {"gcsSource": {"uri": "gs://b/a.pdf"}, "mimeType": "application/pdf"},
    "responses": [
        {"fullTextAnnotation": {"text": "one"}, "context": {"pageNumber": 1}},
        {"error": {"code": 3, "message": "bad image"}},
    ],
}


def pretty(value: Any) -> str:
    return json.dumps(value, indent=2)


@pytest.mark.parametrize("indent", [None, 2])
def test_a_list_gives_a_row_per_element(tmp_path: Path, indent: int | None) -> None:
    data = json.dumps([{"a": 1, "b": {"c": "x"}}, {"a": 2}], indent=indent)
    assert rows(results_of(tmp_path, data)) == [{"a": 1, "b.c": "x"}, {"a": 2}]


def test_an_object_is_a_row_and_so_is_each_of_several(tmp_path: Path) -> None:
    files = [pretty({"a": 1}), pretty({"a": 2}) + "\n" + pretty({"a": 3}), "[]", "{}"]
    assert rows(results_of(tmp_path, *files)) == [{"a": 1}, {"a": 2}, {"a": 3}, {}]


def test_the_elements_of_an_envelope_are_rows_with_its_fields_beside_them(tmp_path: Path) -> None:
    one = {"inputConfig": VISION["inputConfig"], "responses": [{"fullTextAnnotation": {"text": "last"}}]}
    found = rows(results_of(tmp_path, pretty(VISION), json.dumps(one), pretty({"responses": []})))
    beside = {"inputConfig.gcsSource.uri": "gs://b/a.pdf", "inputConfig.mimeType": "application/pdf"}
    assert found == [
        {**beside, "fullTextAnnotation.text": "one", "context.pageNumber": 1},
        {**beside, "error.code": 3, "error.message": "bad image"},
        {**beside, "fullTextAnnotation.text": "last"},
    ]


def test_the_fields_behind_the_list_stand_beside_all_rows(tmp_path: Path) -> None:
    speech = {"results": [{"channelTag": 1}, {"channelTag": 2}], "totalBilledTime": "15s", "requestId": "7"}
    assert rows(results_of(tmp_path, pretty(speech))) == [
        {"channelTag": tag, "totalBilledTime": "15s", "requestId": "7"} for tag in (1, 2)
    ]


def test_an_envelope_without_its_list_is_a_row_of_what_it_has(tmp_path: Path) -> None:
    speech = {"results": [{"channelTag": 1}], "totalBilledTime": "15s"}
    found = rows(results_of(tmp_path, pretty({"totalBilledTime": "1s"}), pretty(speech)))
    assert found == [{"totalBilledTime": "1s"}, {"channelTag": 1, "totalBilledTime": "15s"}]


def test_a_list_has_either_name_in_video_intelligence(tmp_path: Path) -> None:
    files = ['{"annotation_results":[{"input_uri":"/a"}]}', '{"annotationResults":[{"inputUri":"/b"}]}']
    assert rows(results_of(tmp_path, *files)) == [{"input_uri": "/a"}, {"inputUri": "/b"}]


def test_a_document_of_document_ai_is_one_row_even_with_nothing_but_pages(tmp_path: Path) -> None:
    whole = {
        "text": "abc",
        "mimeType": "application/pdf",
        "pages": [{"pageNumber": 1}, {"pageNumber": 2}],
        "entities": [{"type": "name", "mentionText": "x"}],
        "shardInfo": {"shardCount": "2"},
    }
    files = [pretty({"pages": [{"pageNumber": 3}, {"pageNumber": 4}]}), pretty(whole)]
    assert [row["pages.pageNumber"] for row in rows(results_of(tmp_path, *files))] == [3, 1]


def test_any_list_is_unpacked_where_all_documents_have_that_one(tmp_path: Path) -> None:
    files = [pretty({"items": [{"n": 1}, {"n": 2}], "tags": ["a"], "of": {"k": 1}}), '{"items":[],"of":{}}']
    assert rows(results_of(tmp_path, *files)) == [
        {"n": 1, "tags": "a", "of.k": 1},
        {"n": 2, "tags": "a", "of.k": 1},
    ]


@pytest.mark.parametrize(
    "other",
    [
        '{"items":[{"n":1}],"others":[{"n":1}]}',  # two lists
        '{"name":"x"}',  # none
        '{"items":[{"n":1}]}\n{"items":[{"n":2}]}',  # several in a file
    ],
)
def test_a_document_is_a_row_where_one_of_them_is_no_envelope(tmp_path: Path, other: str) -> None:
    first = pretty({"id": "x", "items": [{"n": 1}, {"n": 2}]})
    for files in ((first, other), (other, first)):
        found = rows(results_of(tmp_path, *files))
        assert {"id": "x", "items.n": 1} in found
        assert len(found) == 2 + other.count("}\n{")


def test_a_field_whose_name_the_elements_have_too_is_put_below_another(tmp_path: Path) -> None:
    files = ['{"id":"out","items":[{"n":1}]}', '{"id":"o2","items":[{"id":"in","n":2}],"x":1}']
    assert rows(results_of(tmp_path, *files)) == [
        {"document.id": "out", "n": 1},
        {"document.id": "o2", "x": 1, "id": "in", "n": 2},
    ]


def test_that_other_name_is_one_that_nobody_has(tmp_path: Path) -> None:
    data = '{"id":"out","items":[{"id":1,"document":2}]}'
    assert rows(results_of(tmp_path, data)) == [{"document_.id": "out", "id": 1, "document": 2}]


def test_parts_that_are_read_apart_have_the_rows_of_the_whole(tmp_path: Path) -> None:
    files = ['{"id":"a","items":[{"id":"x","l":[1,2]}]}', '{"id":"b","items":[{"n":1}]}', '{"items":[]}']
    results = results_of(tmp_path, *files, lists="explode")
    written = results.to_parquet(tmp_path / "out")
    assert written["rows"][written["table"] == "T"].tolist() == [1, 1, 0]
    assert written["rows"][written["table"] == "T.l"].tolist() == [2, 0, 0]
    second = pq.read_table(tmp_path / "out" / "T" / "part-00001.parquet").to_pylist()
    assert second == [{"document.id": "b", "id": None, "l": None, "n": 1}]


def test_numbers_stay_as_exact_as_in_lines(tmp_path: Path) -> None:
    data = '{"big":123456789012345678901234567890.10,"items":[{"n":0.10},{"n":12345678901234567890}]}'
    exact = rows(results_of(tmp_path, data, decimals="exact"))
    assert [row["n"] for row in exact] == [Decimal("0.1"), Decimal(12345678901234567890)]
    assert exact[0]["big"] == Decimal("123456789012345678901234567890.1")
    assert rows(results_of(tmp_path, data, decimals="text"))[0] == {
        "big": "123456789012345678901234567890.10",
        "n": "0.10",
    }


def test_what_is_bad_is_named_by_its_line_and_the_rest_is_read(tmp_path: Path) -> None:
    data = '[\n{"a":1},\n{"a":NaN},\nnull, 5,\n{"a":2,},\n// no\n{"a":"x\ny"},\n{"a":3}\n{"a":4},\n]'
    results = results_of(tmp_path, data, '[{"b":1}]')
    assert rows(results) == [{"a": 1}, {"a": 3}, {"a": 4}, {"b": 1}]
    no_object = ("000", 4, "not a JSON object")
    there = [("000", line, NOT_JSON) for line in (3, 5, 6, 7, 10, 10)]
    assert sorted(bad(results)) == sorted([*there, no_object, no_object])


@pytest.mark.parametrize("packed", [False, True])
def test_a_document_that_is_cut_off_gives_what_comes_before(tmp_path: Path, packed: bool) -> None:  # noqa: FBT001
    data = pretty([{"a": number} for number in range(3)])[:-8].encode()
    results = results_of(tmp_path, gzip.compress(data) if packed else data)
    assert rows(results) == [{"a": 0}, {"a": 1}]
    assert bad(results) == [("000", 8, CUT)]


def test_so_does_an_envelope(tmp_path: Path) -> None:
    data = pretty(VISION)
    results = results_of(tmp_path, data[: data.index('"error"')])
    assert [row["context.pageNumber"] for row in rows(results)] == [1]
    assert [reason for *_, reason in bad(results)] == [CUT]


def test_damaged_compression_gives_what_comes_before(tmp_path: Path) -> None:
    whole = gzip.compress(json.dumps([{"a": str(number) * 50} for number in range(5000)]).encode())
    results = results_of(tmp_path, whole[: len(whole) // 2], whole)
    assert len(rows(results)) > 5000
    assert [reason for *_, reason in bad(results)] == [
        "not readable: the compressed data is damaged from here on"
    ]


def test_other_encodings_and_members_of_gzip_are_read(tmp_path: Path) -> None:
    text = '[{"a":"é"}]'
    files = [text.encode(name) for name in ("utf-16", "utf-32", "utf-8-sig")]
    files.append(gzip.compress(b'[{"a":"') + gzip.compress('é"}]'.encode()))
    assert rows(results_of(tmp_path, *files)) == [{"a": "é"}] * 4


def test_a_value_that_is_too_long_is_left_out(tmp_path: Path) -> None:
    text = json.dumps([{"a": "x" * 100}, {"a": "y"}])
    results = results_of(tmp_path, text, '{"a":"' + "z" * 100 + '"}', limits={"line": 60})
    assert rows(results) == [{"a": "y"}]
    too_long = "too long: more than 60 bytes (limits: line)"
    assert bad(results) == [("000", 1, too_long), ("001", 1, too_long)]


def test_fields_beside_a_long_list_are_not_multiplied_without_bound(tmp_path: Path) -> None:
    data = json.dumps({"responses": [{"error": {}}] * 100, "inputConfig": {"u": "x" * 500}})
    results = results_of(tmp_path, data, limits={"line": 10_000})
    assert rows(results) == []
    assert "beside its list" in bad(results)[0][2]


def test_whose_rows_follow_each_other_is_told(tmp_path: Path) -> None:
    results = results_of(tmp_path, "[{},{}]", "[]", "[{}]")
    (table,) = results._tables.values()
    told = [(shard.uri[-8:-5], count) for batch in table.batches() for shard, count in batch.files]
    assert told == [("000", 2), ("002", 1)]


def test_lines_among_documents_are_read_as_lines_are(tmp_path: Path) -> None:
    lines = '{"instance":{"k":1},"prediction":[{"s":0.5},{"s":0.1}]}\n'
    assert rows(results_of(tmp_path, lines, lines * 2)) == [{"instance.k": 1, "prediction.s": 0.5}] * 3
