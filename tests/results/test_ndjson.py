"""Nasty files: every trap that real exports hold."""

from __future__ import annotations

import gzip
import io
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from lro_notebook.results.arrow.json_lines import Reader
from lro_notebook.results.arrow.line_blocks import Block, blocks, count_objects

if TYPE_CHECKING:
    from collections.abc import Callable

    from lro_notebook.results.results import Results

    Load = Callable[..., Results]

INT53 = 2**53 + 1


def rows(results: Results) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = results.arrow("T").to_pylist()
    return found


def bad(results: Results) -> list[tuple[int, str]]:
    frame = results.bad_lines
    return list(zip(frame["line"], frame["reason"], strict=True))


def test_schema_may_drift_between_shards(load: Load) -> None:
    got = rows(load('{"a":1}\n', '{"b":{"c":"x"}}\n{"a":2.5}\n', '{"d":[true],"a":7}\n'))
    assert got == [
        {"a": 1.0, "b.c": None, "d": None},
        {"a": None, "b.c": "x", "d": None},
        {"a": 2.5, "b.c": None, "d": None},
        {"a": 7.0, "b.c": None, "d": True},
    ]


def test_a_key_first_seen_in_the_last_row_is_a_column(load: Load) -> None:
    lines = '{"id":"x"}\n' * 50_000 + '{"id":"y","late":{"k":"v"}}'
    frame = load(lines)["T"]
    assert len(frame) == 50_001
    assert frame["late.k"].dropna().tolist() == ["v"]


def test_scalar_object_and_array_at_one_path_are_all_kept(load: Load) -> None:
    lines = '{"a":"s"}\n{"a":{"b":1}}\n{"a":["t","u"]}\n{"a":[{"b":2}]}\n{"a":5}\n'
    assert rows(load(lines)) == [
        {"a": "s", "a.b": None},
        {"a": None, "a.b": 1},
        {"a": "t", "a.b": None},
        {"a": None, "a.b": 2},
        {"a": "5", "a.b": None},
    ]


def test_the_same_holds_when_each_kind_is_in_a_shard_of_its_own(load: Load) -> None:
    got = rows(load('{"a":1}\n{"a":20}', '{"a":{"b":1}}', '{"a":["t"]}', '{"a":true}'))
    assert [row["a"] for row in got] == ["1", "20", None, "t", "true"]
    assert [row["a.b"] for row in got] == [None, None, 1, None, None]


def test_bad_lines_are_named_and_the_good_ones_kept(load: Load) -> None:
    data = b'{"a":1}\nnull\n[1]\n\n"x"\n{"a":2}{"a":3}\n{"a":NaN}\n{"a":"\xff"}\nsecret\n{"a":4}\n{"a":'
    results = load(data)
    assert [row["a"] for row in rows(results)] == [1, 4]
    assert bad(results) == [
        (2, "not a JSON object"),
        (3, "not a JSON object"),
        (5, "not a JSON object"),
        (6, "two objects on one line"),
        (7, "not valid JSON"),
        (8, "not valid UTF-8"),
        (9, "not valid JSON"),
        (11, "not valid JSON"),
    ]
    assert results.bad_lines["file"].str.endswith("T.000.ndjson").all()


def test_a_file_of_null_alone_does_not_end_the_process(load: Load) -> None:
    assert bad(load("null\n")) == [(1, "not a JSON object")]


def test_glued_objects_and_a_split_one_do_not_cancel_out(load: Load) -> None:
    results = load('{"a":1}{"a":2}\n{"a":\n3}\n{"a":4}\n')
    assert rows(results) == [{"a": 4}]
    assert [line for line, _ in bad(results)] == [1, 2, 3]


def test_nan_and_infinity_are_no_json_wherever_they_stand(load: Load) -> None:
    results = load('{"a":[{"b":1}]}\n{"a":[{"b":Infinity}]}\n{"a":[{"b":2}]}\n')
    assert rows(results) == [{"a.b": 1}, {"a.b": 2}]
    assert bad(results) == [(2, "not valid JSON")]


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n\n  \n", b"\xef\xbb\xbf"])
def test_a_file_without_objects_gives_an_empty_frame(load: Load, content: bytes) -> None:
    results = load(content)
    assert results["T"].shape == (0, 0)
    assert results.bad_lines.empty


def test_rows_without_columns_are_rows(load: Load) -> None:
    assert len(load("{}\n{}\n")["T"]) == 2
    assert len(load('{}\n{"a":[]}\n', '{"a":null}\n')["T"]) == 3


def test_bom_crlf_blank_lines_and_no_final_newline(load: Load) -> None:
    results = load(b'\xef\xbb\xbf{"a":"1"}\r\n\r\n{"a":"2"}\r\n', b'{"a":"3"}')
    assert [row["a"] for row in rows(results)] == ["1", "2", "3"]
    assert results.bad_lines.empty


def test_gzip_is_known_by_its_bytes_and_may_have_several_members(load: Load) -> None:
    member = gzip.compress(b'{"a":"1"}\n')
    results = load(member + gzip.compress(b'{"a":"2"}\n{"a":"3"}'), b'{"a":"4"}')
    assert [row["a"] for row in rows(results)] == ["1", "2", "3", "4"]


def test_damaged_gzip_is_reported(load: Load) -> None:
    results = load(gzip.compress(b'{"a":"1"}\n' * 1000)[:-9], b'{"a":"2"}\n')
    assert rows(results)[-1] == {"a": "2"}
    assert bad(results)[0][1] == "not readable: the compressed data is damaged from here on"


def test_a_line_longer_than_a_block_is_read(load: Load) -> None:
    big = "x" * 9_000_000
    got = rows(load('{"a":"s"}\n{"a":"' + big + '"}\n{"a":"t"}\n'))
    assert [len(row["a"]) for row in got] == [1, len(big), 1]


def test_line_separators_inside_strings_break_no_line(load: Load) -> None:
    text = "a\u2028b\u2029c\u0085d"
    assert rows(load(json.dumps({"a": text}, ensure_ascii=False))) == [{"a": text}]


def test_lone_surrogates_keep_the_row(load: Load) -> None:
    assert rows(load('{"a":"x\\ud800y"}\n{"a":"\\ud83d\\ude00"}\n')) == [{"a": "x\ufffdy"}, {"a": "😀"}]


def test_deep_nesting_becomes_text_and_never_ends_the_process(load: Load) -> None:
    deep = '{"a":' * 300 + "1" + "}" * 300
    results = load(f'{{"id":"1"}}\n{deep}\n' + '{"a":' + "[" * 20_000 + "]" * 20_000 + "}\n")
    got = rows(results)
    assert len(got) == 2
    (value,) = [value for name, value in got[1].items() if name.startswith("a.a.")]
    assert value.startswith('{"a": {"a": ')
    assert bad(results) == [(3, "nested too deep: more than 400 levels")]


def test_codes_and_ids_stay_text(load: Load) -> None:
    assert rows(load('{"id":"00007","zip":"02139","code":"2011","at":"2020-01-01T10:00:00-05:00"}\n')) == [
        {"id": "00007", "zip": "02139", "code": "2011", "at": "2020-01-01T10:00:00-05:00"}
    ]


def test_partial_dates_stay_as_they_are(load: Load) -> None:
    got = rows(load('{"birthDate":"1970"}\n{"birthDate":"1970-03"}\n{"birthDate":"1970-03-01"}\n'))
    assert [row["birthDate"] for row in got] == ["1970", "1970-03", "1970-03-01"]


def test_integers_past_2_53_are_exact(load: Load) -> None:
    results = load(f'{{"n":{INT53}}}\n', '{"n":-3}\n')
    assert [row["n"] for row in rows(results)] == [INT53, -3]
    assert str(results["T"]["n"].dtype) == "int64[pyarrow]"


def test_a_fraction_in_a_later_block_turns_integers_to_floats(load: Load) -> None:
    results = load('{"n":1,"m":7}\n', '{"n":2.5,"m":8}\n')
    assert rows(results) == [{"n": 1.0, "m": 7}, {"n": 2.5, "m": 8}]
    assert [str(kind) for kind in results["T"].dtypes] == ["double[pyarrow]", "int64[pyarrow]"]


def test_exact_decimals(load: Load) -> None:
    long = "0.12345678901234567890123456789012345678"
    results = load(f'{{"n":1.50,"m":{long}}}\n{{"n":{INT53}}}\n{{"n":1e-5}}\n', decimals="exact")
    got = rows(results)
    assert [row["n"] for row in got] == [Decimal("1.5"), Decimal(INT53), Decimal("0.00001")]
    assert got[0]["m"] == Decimal(long)
    assert str(results.arrow("T").schema.field("n").type) == "decimal256(21, 5)"


@pytest.mark.parametrize("number", ["1E40", "0." + "1" * 45, "9" * 45, "1E400"])
def test_a_number_that_no_decimal_holds_makes_its_column_text(load: Load, number: str) -> None:
    got = rows(load('{"n":1.50}\n', f'{{"n":{number}}}\n{{"n":2}}\n', decimals="exact"))
    assert [Decimal(row["n"]) for row in got] == [Decimal("1.5"), Decimal(number), Decimal(2)]
    assert [row["n"] for row in got][::2] == ["1.5", "2"]


def test_a_number_past_double_is_never_infinite(load: Load) -> None:
    assert [row["n"] for row in rows(load('{"n":1E40}\n{"n":1E400}\n'))] == ["1E40", "1E400"]


@pytest.mark.parametrize("decimals", ["float", "exact"])
def test_an_exponent_beyond_any_sense_is_kept_as_text(load: Load, decimals: str) -> None:
    number = "1e99999999999999999999"
    assert rows(load(f'{{"n":{number}}}\n', decimals=decimals)) == [{"n": number}]


def test_numbers_as_text_keep_their_words(load: Load) -> None:
    got = rows(load('{"n":1.50,"s":"x"}\n{"n":1E3}\n{"n":[-0.0]}\nbad\n', decimals="text"))
    assert [row["n"] for row in got] == ["1.50", "1E3", "-0.0"]


def test_nulls_at_the_start_of_a_list_are_not_lost(load: Load) -> None:
    lines = '{"a":[null,1,2],"_given":[null,{"id":"x"}]}\n{"a":[3],"_given":[{"id":"y"}]}\n'
    assert rows(load(lines)) == [{"a": None, "_given.id": None}, {"a": 3, "_given.id": "y"}]
    nested = load(lines, lists="nested").arrow("T").to_pylist()
    assert nested[0] == {"a": [None, 1, 2], "_given": [None, {"id": "x"}]}


def test_lists_of_nulls_alone_are_no_values(load: Load) -> None:
    results = load('{"a":[null,null]}\n', '{"b":{"c":[null,null]},"d":[[],null]}\n{"b":{"c":["x"]}}\n')
    assert rows(results) == [{"b.c": None}, {"b.c": None}, {"b.c": "x"}]


def test_a_key_twice_in_one_object_takes_the_last_as_json_does(load: Load) -> None:
    assert rows(load('{"a":1,"a":2}\n')) == [{"a": 2}]


def test_only_a_failing_block_leaves_the_fast_path(monkeypatch: pytest.MonkeyPatch) -> None:
    slow: list[int] = []

    def sort(block: Block) -> tuple[list[tuple[int, bytes]], list[tuple[int, str]]]:
        slow.append(block.line)
        return [], []

    monkeypatch.setattr("lro_notebook.results.arrow.json_lines.sort_lines", sort)
    reader = Reader()
    data = b'{"a":"x","n":1}\n' * 4 + b'{"a":[1]}\n' + b'{"a":"y","n":2.5}\n' * 4
    for block in blocks(io.BytesIO(data), first=64, size=64):
        reader.learn(reader.job(block)())
    assert slow == [5]


@pytest.mark.parametrize("size", [1, 7, 16, 1000])
def test_blocks_end_at_lines_and_lose_no_byte(size: int) -> None:
    data = b'{"a":1}\n\n{"b":"' + b"x" * 50 + b'"}\r\n{"c":3}'
    found = list(blocks(io.BytesIO(data), first=size, size=size))
    assert b"".join(block.data for block in found) == data
    assert all(block.data.endswith(b"\n") for block in found[:-1])
    lines = [1 + b"".join(block.data for block in found[:n]).count(b"\n") for n in range(len(found))]
    assert [block.line for block in found] == lines


@pytest.mark.parametrize(
    ("data", "count"),
    [
        (b'{"a":1}\n{}\r\n{"b":2}', 3),
        (b"", None),
        (b"\n", None),
        (b'{"a":1}\n\n', None),
        (b'{"a":1} \n', None),
        (b'{"a":"\xff"}', None),
        (b'null\n{"a":1}', None),
        (b'{"a":' + b"[" * 3000 + b"]" * 3000 + b"}", None),
    ],
)
def test_only_plain_lines_go_to_the_fast_parser(data: bytes, count: int | None) -> None:
    assert count_objects(data) == count
