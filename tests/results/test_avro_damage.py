"""Avro files that are damaged, or claim what they do not hold: said of each, and the others load."""

from __future__ import annotations

import json
import random
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest
from results.avros import SYNC, block, header, number, record, text, written
from results.declared import results_of, rows_and_bad

from lro_notebook.errors import BadLinesWarning, ResultError
from lro_notebook.results.formats.avro.reader import AVRO

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = "not readable: the Avro file is damaged or cut off"
PART = "not read in full: the Avro file is damaged or cut off"
LONGS = record(x="long")


def read(folder: Path, data: bytes, **options: Any) -> tuple[list[Any], list[str]]:
    """Return the column of a file beside a good one, and what is wrong with it."""
    (folder / "a").write_bytes(data)
    (folder / "b").write_bytes(written(LONGS, [{"x": -1}]))
    rows, bad = rows_and_bad(folder, AVRO, **options)
    assert rows.pop()["x"] in (-1, "-1")
    assert {name for name, _ in bad} <= {"a"}
    return [row["x"] for row in rows], [reason for _, reason in bad]


def longs(count: int) -> bytes:
    return b"".join(number(n) for n in range(count))


@pytest.mark.parametrize("cut", [0, 2, 4, 5, 30, -17])
def test_a_header_that_is_cut_off_is_one_bad_line(cut: int, tmp_path: Path) -> None:
    assert read(tmp_path, header(LONGS)[:cut]) == ([], [WHOLE])


def test_a_file_that_is_cut_off_gives_the_rows_before(tmp_path: Path) -> None:
    head, data = header(LONGS), block(100, longs(100))
    for cut in (-1, -15, -16, -17, -50, 60, 2, 1):
        values, bad = read(tmp_path, head + data + data[:cut])
        assert bad == [PART], cut
        assert values[:100] == list(range(100))
        assert values[100:] == list(range(len(values) - 100))
    assert len(read(tmp_path, head + data + data[:50])[0]) > 140


def test_a_wrong_sync_marker_ends_a_file_behind_its_block(tmp_path: Path) -> None:
    good, wrong = block(10, longs(10)), block(10, longs(10), SYNC[::-1])
    assert read(tmp_path, header(LONGS) + good + wrong + good) == ([*range(10)] * 2, [PART])


def test_a_damaged_block_costs_its_rest_alone(tmp_path: Path) -> None:
    schema = record(x={"type": "enum", "name": "E", "symbols": ["P", "Q"]})
    good, wrong = block(2, number(0) + number(1)), block(3, number(1) + number(9) + number(0))
    (tmp_path / "a").write_bytes(header(schema) + good + wrong + good)
    rows, bad = rows_and_bad(tmp_path, AVRO)
    assert [row["x"] for row in rows] == ["P", "Q", "Q", "P", "Q"]
    assert bad == [("a", PART)]


@pytest.mark.parametrize("count", [-1, 11, 10**6, 2**62])
def test_a_block_that_claims_more_rows_than_it_has_bytes_gives_those_it_has(
    count: int, tmp_path: Path
) -> None:
    values, bad = read(tmp_path, header(LONGS) + block(count, longs(10)))
    assert bad == [PART]
    assert values == ([] if count < 0 else [*range(10)])


def test_bytes_behind_the_rows_of_a_block_are_damage(tmp_path: Path) -> None:
    assert read(tmp_path, header(LONGS) + block(5, longs(10))) == ([*range(5)], [PART])


@pytest.mark.parametrize("size", [-1, 10**9, 2**40, 2**62])
def test_a_length_that_is_claimed_asks_for_no_memory(size: int, tmp_path: Path) -> None:
    good = block(10, longs(10))
    values, bad = read(tmp_path, header(LONGS) + good + number(1) + number(size) + b"x" * 100)
    assert values == [*range(10)]
    assert len(bad) == 1
    key = b"Obj\x01" + number(1) + number(size) + b"x"
    assert len(read(tmp_path, key)[1]) == 1
    inner = header(record(x="string")) + block(1, number(size) + b"ab")
    assert read(tmp_path, inner) == ([], [PART])


@pytest.mark.parametrize(
    ("schema", "data"),
    [
        (record(x={"type": "array", "items": "null"}), number(2**60)),
        (record(x={"type": "array", "items": {**record(), "name": "N"}}), number(2**60)),
        (record(x={"type": "array", "items": {"type": "fixed", "name": "F", "size": 0}}), number(2**60)),
    ],
)
def test_lists_of_nothing_without_an_end_are_refused(schema: Any, data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(header(schema) + block(1, data))
    rows, bad = rows_and_bad(tmp_path, AVRO)
    assert rows == []
    assert [reason for _, reason in bad] == [
        "not read: its schema has lists of nothing, which may be without an end"
    ]


def test_rows_of_nothing_are_counted_up_to_a_limit(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(header(record(x="null")) + block(5, b""))
    assert rows_and_bad(tmp_path, AVRO) == ([{"x": None}] * 5, [])
    (tmp_path / "a").write_bytes(header(record(x="null")) + block(2**60, b""))
    assert rows_and_bad(tmp_path, AVRO) == ([], [("a", PART)])


def test_lists_that_claim_elements_end_with_the_bytes(tmp_path: Path) -> None:
    for item in ("boolean", "int", "string", "double", ["null", "int"]):
        schema = record(x={"type": "array", "items": item})
        (tmp_path / "a").write_bytes(header(schema) + block(1, number(2**60) + bytes(8)))
        assert rows_and_bad(tmp_path, AVRO) == ([], [("a", PART)]), item


def nested(levels: int) -> Any:
    kind: Any = "int"
    for level in range(levels):
        kind = {"type": "record", "name": f"R{level}", "fields": [{"name": "x", "type": kind}]}
    return kind


def chain(levels: int, width: int = 1) -> Any:
    """Return a schema whose types name each other, each `width` times."""
    kinds = [{"type": "record", "name": "R0", "fields": [{"name": "x", "type": "int"}]}]
    for level in range(1, levels):
        fields = [{"name": f"f{number}", "type": f"R{level - 1}"} for number in range(width)]
        kinds.append({"type": "record", "name": f"R{level}", "fields": fields})
    return record(**{f"t{number}": kind for number, kind in enumerate(kinds)})


DEEP = "nested too deep: more than 100 levels"
RECURSIVE = {
    "type": "record",
    "name": "T",
    "fields": [{"name": "v", "type": "int"}, {"name": "next", "type": ["null", "T"]}],
}


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        (RECURSIVE, "not read: its schema is recursive, and a table is not"),
        ({"type": "array", "items": RECURSIVE}, "not read: its schema is recursive, and a table is not"),
        (nested(130), DEEP),
        (nested(300), DEEP),
        (chain(150), DEEP),
        (chain(40, 2), "too wide: more than 5,000 columns (limits: columns)"),
        (
            record(**{f"c{n}": "int" for n in range(5001)}),
            "too wide: more than 5,000 columns (limits: columns)",
        ),
        (record(x="nobody"), "not read: its schema is not understood"),
        ({"type": "record"}, "not read: its schema is not understood"),
        ({"type": "array"}, "not read: its schema is not understood"),
        ({"type": "fixed", "name": "F", "size": "x"}, "not read: its schema is not understood"),
        ([], None),
        (5, "not read: its schema is not understood"),
        (None, "not read: its schema is not understood"),
    ],
)
def test_a_schema_that_no_table_has_is_named(schema: Any, reason: str | None, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(header(schema) + block(1, b"\0" * 20))
    rows, bad = rows_and_bad(tmp_path, AVRO)
    assert len(bad) == 1
    assert reason in (None, bad[0][1])
    assert rows == []


@pytest.mark.parametrize(
    "words", [b"", b"{", b"\xff", b"[" * 100_000, b'{"type": "record", "fields": {}}', b"NaN"]
)
def test_a_schema_that_is_none_is_named(words: bytes, tmp_path: Path) -> None:
    head = b"Obj\x01" + number(1) + text(b"avro.schema") + text(words) + b"\0" + SYNC
    (tmp_path / "a").write_bytes(head)
    rows, bad = rows_and_bad(tmp_path, AVRO)
    assert (rows, len(bad)) == ([], 1)


def test_values_out_of_range_are_missing_and_said_once(tmp_path: Path) -> None:
    schema = record(
        d={"type": "int", "logicalType": "date"},
        t={"type": "long", "logicalType": "timestamp-millis"},
        n={"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2},
        h={"type": "int", "logicalType": "time-millis"},
    )
    row = number(2**40) + number(2**61) + text(b"\x7f" * 40) + number(-1)
    fine = number(0) + number(0) + text(b"\x01") + number(0)
    (tmp_path / "a").write_bytes(header(schema) + block(3, row + fine + row))
    rows, bad = rows_and_bad(tmp_path, AVRO)
    assert [list(row.values()) for row in (rows[0], rows[2])] == [[None] * 4] * 2
    assert None not in rows[1].values()
    assert rows[1]["n"] == 0.01
    assert sorted(reason for _, reason in bad) == [
        "a date or time out of range; it is shown as missing",
        "a decimal with more digits than its type has; it is shown as missing",
    ]


def test_text_that_is_not_utf8_ends_its_block(tmp_path: Path) -> None:
    good, wrong = block(1, text(b"a")), block(2, text(b"b") + text(b"\xff\xfe"))
    assert read(tmp_path, header(record(x="string")) + wrong + good) == (["b", "a"], [PART])


def test_a_block_that_grows_too_large_is_not_kept(tmp_path: Path) -> None:
    data = written(record(x="string"), [{"x": "a" * 1_000_000}], codec="deflate")
    values, bad = read(tmp_path, data, limits={"line": 100_000})
    assert (values, bad) == ([], ["not read in full: a block has more than 100,000 bytes (limits: line)"])


def test_a_bad_file_is_an_error_where_that_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(header(LONGS)[:20])
    with pytest.raises(ResultError, match="damaged or cut off"):
        results_of(tmp_path, AVRO, errors="raise").arrow("T")


def test_no_reason_has_a_value_of_the_file(tmp_path: Path) -> None:
    name = "Doe-7421"
    data = written(record(name="string"), [{"name": name}] * 50)
    draw = random.Random(3)  # noqa: S311 - no secret
    for _ in range(60):
        changed = bytearray(data)
        changed[draw.randrange(len(data))] = draw.randrange(256)
        (tmp_path / "a").write_bytes(changed)
        results = results_of(tmp_path, AVRO)
        with pytest.warns(BadLinesWarning) if rows_and_bad(tmp_path, AVRO)[1] else nullcontext():
            reasons = json.dumps(results.bad_lines["reason"].tolist())
        assert name[:3] not in reasons
