"""What files may cost: each tiny nasty one loads, or is one bad line or one clear error, in little memory."""

from __future__ import annotations

import base64
import gzip
import io
import json
import struct
import time
import zlib
from typing import TYPE_CHECKING, Any

import growth
import pyarrow as pa
import pytest
from results.header import MSH
from results.limited import bad, loaded, read_in_little_memory

from lro_notebook.errors import ConfigError, ResultError
from lro_notebook.results import memory_estimate
from lro_notebook.results.arrow import line_blocks as blocks
from lro_notebook.results.arrow.line_blocks import Gunzip, keys_of, nests_deeper
from lro_notebook.results.arrow.unify import Columns
from lro_notebook.results.formats.hl7v2 import decoding as hl7v2_decoding
from lro_notebook.results.formats.hl7v2.escapes import Encoding, unescape
from lro_notebook.results.limits import DEFAULT, Limits
from lro_notebook.results.load_place import read
from lro_notebook.results.memory_estimate import Gauge

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lro_notebook.results.results import Results

    Load = Callable[..., Results]


# A line


def zipped(start: bytes, part: bytes, count: int, end: bytes) -> bytes:
    """Return a gzip of `start`, so many times `part`, and `end`; `part` is compressed once."""
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    head = packer.compress(start) + packer.flush(zlib.Z_FULL_FLUSH)
    packed = packer.compress(part) + packer.flush(zlib.Z_FULL_FLUSH)  # depends on nothing before it
    tail = packer.compress(end) + packer.flush()
    checksum = 0
    for piece in (start, *[part] * count, end):
        checksum = zlib.crc32(piece, checksum)
    size = len(start) + count * len(part) + len(end)
    header = b"\x1f\x8b\x08" + bytes(6) + b"\xff"
    return header + head + packed * count + tail + struct.pack("<II", checksum, size & 0xFFFFFFFF)


def test_a_line_of_gigabytes_in_a_small_gzip_is_one_bad_line(tmp_path: Path) -> None:
    text = zipped(b'{"id":"a"}\n{"id":"', b"x" * 1_000_000, 500, b'"}\n{"id":"b"}\n')
    (tmp_path / "T.000.ndjson").write_bytes(text)
    assert (tmp_path / "T.000.ndjson").stat().st_size < 2_000_000
    found = read_in_little_memory(tmp_path, 300_000_000)
    assert found == ["2", "2: too long: more than 64,000,000 bytes (limits: line)"]


@pytest.mark.parametrize("size", [100, 101, 300])
@pytest.mark.parametrize("compressed", [False, True])
def test_exactly_the_lines_over_the_limit_are_bad(
    size: int, load: Load, monkeypatch: pytest.MonkeyPatch, *, compressed: bool
) -> None:
    monkeypatch.setattr(blocks.blocks, "__kwdefaults__", {"first": 64, "size": size})
    lengths = [20, 99, 100, 101, 500, 20, 5000, 100, 101, 101, 99, 7000]
    lines = [b'{"id":"%s"}' % (b"x" * (length - 9)) for length in lengths]
    assert [len(line) for line in lines] == lengths
    data = b"\n".join(lines)
    results = load(gzip.compress(data) if compressed else data, limits={"line": 100})
    assert [number for number, _ in bad(results)] == [
        n for n, length in enumerate(lengths, 1) if length > 100
    ]
    assert results["T"]["id"].str.len().tolist() == [length - 9 for length in lengths if length <= 100]


def test_gunzip_gives_no_more_than_it_is_asked_for() -> None:
    data = gzip.compress(b"\n" * 50_000_000) + gzip.compress(b"x" * 70_000)
    source, parts = Gunzip(io.BytesIO(data)), []
    while part := source.read(1 << 20):
        assert len(part) <= 1 << 20
        parts.append(part)
    assert b"".join(parts) == b"\n" * 50_000_000 + b"x" * 70_000
    assert not source.damaged


def test_many_members_are_one_file() -> None:
    member = gzip.compress(b"")
    source = Gunzip(io.BytesIO(member * 20_000 + gzip.compress(b"end")))
    assert source.read(10) == b"end"
    assert source.read(10) == b""
    assert not source.damaged


def test_a_gzip_of_a_gzip_is_bad_lines(load: Load) -> None:
    results = load(gzip.compress(gzip.compress(b'{"id":"a"}\n' * 100)))
    assert len(results["T"]) == 0
    assert len(bad(results)) >= 1


# Memory


def test_the_gauge_counts_what_is_held_not_what_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_estimate, "available", lambda: 1_000_000_000)
    gauge = Gauge("T", 6_000_000)  # of which each tenth of a megabyte becomes 66
    for _ in range(2):
        gauge.hold(66_000_000)
        gauge.advance(100_000)
    gauge.hold(66_000_000)
    with pytest.raises(ResultError, match=r"table T will take about 4\.0 GB of memory"):
        gauge.advance(100_000)
    monkeypatch.setattr(memory_estimate, "available", lambda: 100_000_000)
    gauge = Gauge("T", 10)
    gauge.hold(200_000_000)
    with pytest.raises(ResultError, match="columns="):  # all is read, but not yet unpacked
        gauge.advance(10)


def test_the_gauge_lets_fit_what_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_estimate, "available", lambda: 1_000_000_000)
    gauge = Gauge("T", 100_000_000)
    for _ in range(100):
        gauge.hold(2_000_000)
        gauge.advance(1_000_000)
    gauge.need(900_000_000)
    with pytest.raises(ResultError):
        gauge.need(1_100_000_000)


# Columns


def test_the_work_is_linear_in_the_number_of_columns() -> None:
    def least(count: int) -> float:
        table = pa.table({f"k{number}": [1] for number in range(count)})
        columns = Columns()
        columns.add(table)
        spent = []
        for _ in range(5):
            start = time.process_time()
            columns.fit(table)
            spent.append(time.process_time() - start)
        return min(spent)

    assert least(8000) < 9 * least(2000)  # four times is linear, sixteen quadratic


def test_five_lines_of_a_thousand_keys_each_are_a_table(load: Load) -> None:
    lines = [json.dumps({f"k{row}_{n}": n for n in range(1000)}) for row in range(5)]
    table = load("\n".join(lines)).arrow("T")
    assert table.num_columns == 5000
    assert [row[f"k{n}_7"] for n, row in enumerate(table.to_pylist())] == [7] * 5


@pytest.mark.parametrize("decimals", ["float", "exact", "text"])
def test_a_line_of_too_many_keys_is_bad_alone(load: Load, decimals: str) -> None:
    wide = json.dumps({"a": [{f"k{n}": 1 for n in range(6000)}]})
    results = load(f'{{"id":"a"}}\n{wide}\n{{"id":"b"}}\n', decimals=decimals)
    assert results["T"]["id"].tolist() == ["a", "b"]
    assert bad(results) == [(2, "too wide: more than 5,000 different keys (limits: columns)")]
    results = load(f'{{"id":"a"}}\n{wide}\n', decimals=decimals, limits={"columns": 7000})
    assert bad(results) == []
    assert len(results["T"].columns) == 6001


def test_the_same_keys_many_times_are_not_wide(load: Load) -> None:
    line = json.dumps({"id": "a", "l": [{"x": 1, "y": n} for n in range(20_000)]})
    assert len(load(line + "\n")["T"]) == 1


def test_few_names_may_make_many_columns(load: Load) -> None:
    tree: Any = 1
    for _ in range(13):
        tree = {"a": tree, "b": tree}
    results = load('{"id":"x"}\n' + json.dumps(tree) + "\n")
    assert results["T"]["id"].tolist() == ["x"]
    assert [number for number, _ in bad(results)] == [2]


def test_wide_elements_of_lists_count_too(load: Load) -> None:
    lists = json.dumps({"l": [{f"k{n % 4000}": 1} for n in range(40_000)]})
    with pytest.raises(ResultError, match=r"columns by 40,00\d rows: more than 100,000,000 cells"):
        load(lists)


def test_ids_as_keys_end_in_one_sentence(load: Load) -> None:
    lines = "".join(f'{{"m":{{"id-{n}":1}}}}\n' for n in range(30_000))
    with pytest.raises(ResultError, match=r'table T would have 30,00\d columns: .*limits=\{"columns": …\}'):
        load(lines)
    with pytest.raises(ResultError, match=r"columns by .* rows: more than 100,000,000 cells"):
        load(lines, limits={"columns": 100_000})


def test_columns_that_grow_from_block_to_block_end_too(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks.blocks, "__kwdefaults__", {"first": 1000, "size": 3000})
    lines = "".join(f'{{"m":{{"id-{n}":1}}}}\n' for n in range(500))
    with pytest.raises(ResultError, match=r"more than 400 columns \(limits: columns\)"):
        load(lines, limits={"columns": 400})
    assert len(load(lines, limits={"columns": 500})["T"].columns) == 500


# Numbers


@pytest.mark.parametrize("decimals", ["float", "exact", "text"])
@pytest.mark.parametrize(
    "number",
    ["1e999999999", "1e-999999999", "-1E99999999999999999999", "7" * 1_000_000, "1" + "0" * 1_000_000,
     "0." + "1" * 1_000_000, "1." + "0" * 1_000_000, "1" * 20_000 + ".5e5"],
)  # fmt: skip
def test_huge_numbers_are_kept_in_their_words(load: Load, number: str, decimals: str) -> None:
    results = load(f'{{"id":"a","n":{number}}}\n{{"id":"b","n":1}}\n', decimals=decimals)
    assert results["T"]["id"].tolist() == ["a", "b"]
    assert bad(results) == []
    cell = results["T"]["n"].tolist()[0]
    assert str(cell) == number or float(cell) == float(number)


def test_views_take_huge_integers(tmp_path: Path) -> None:
    line = '{"resourceType":"Patient","id":"a","n":%s,"m":[{"x":"y"}]}\n' % ("7" * 10_000)
    paths = [("id", "id"), ("n", "n.exists()"), ("all", "m.where(x.lower() = 'y').x.first()")]
    view = {"resource": "Patient", "select": [{"column": [{"name": n, "path": p} for n, p in paths]}]}
    (tmp_path / "Patient.ndjson").write_text(line)
    rows = read(tmp_path).view(view)
    assert rows["id"].tolist() == ["a"]


# Names


@pytest.mark.parametrize("total", ["9999999999", "9" * 100])
def test_a_number_in_a_name_is_no_amount_of_work(tmp_path: Path, total: str) -> None:
    (tmp_path / f"Patient-0-of-{total}.ndjson").write_text('{"id":"a"}\n')
    with pytest.raises(ResultError, match=r"incomplete: 1-of-9+, 2-of-9+, .* more missing .*partial=True"):
        read(tmp_path)
    assert read(tmp_path, partial=True)["Patient"]["id"].tolist() == ["a"]


# HL7v2


@pytest.mark.parametrize("word", [".sp999999999", ".sp101", ".sp+99999999999", ".sp" + "9" * 5000, ".sp²"])
def test_an_escape_that_repeats_too_often_stays_as_it_is(word: str) -> None:
    assert unescape(f"a\\{word}\\b", Encoding()) == f"a\\{word}\\b"


def test_escapes_that_repeat_a_little_are_undone() -> None:
    assert unescape("a\\.sp3\\b\\.sp\\c\\.sp+2\\d\\.sp 2\\", Encoding()) == "a\n\n\nb\nc\n\nd\n\n"
    assert unescape("\\.sp100\\", Encoding()) == "\n" * 100
    assert unescape("\\.sp101\\", Encoding(), 101) == "\n" * 101
    assert all(
        unescape(f"\\.{word}999999\\", Encoding()) == f"\\.{word}999999\\" for word in ("in", "ti", "sk")
    )


def hl7(tmp_path: Path, *messages: str, **options: Any) -> Results:
    (tmp_path / "m.hl7").write_bytes("".join(messages).encode())
    return loaded(tmp_path, **options)


def test_a_segment_of_too_many_fields_is_one_bad_message(tmp_path: Path) -> None:
    wide = MSH + "PID" + "|" * 1_000_000 + "x\r"
    deep = MSH + "PID|" + "^".join(["x"] * 5000) + "\r"
    much = MSH + "PID|" + "|".join(["a^b^c^d^e^f"] * 900) + "\r"
    results = hl7(tmp_path, MSH, wide, MSH + "PID|1\r", deep, much)
    assert len(results["messages"]) == 2
    assert len(bad(results)) == 3
    assert {reason for _, reason in bad(results)} == {
        "too wide: more than 1,000 fields or components in a segment (limits: positions)"
    }


def test_long_messages_of_many_segments_and_repetitions_are_read(tmp_path: Path) -> None:
    segments = "".join(f"OBX|{n}|ST|c||v\r" for n in range(100_000))
    repeated = "PID|1||" + "~".join(["x^y"] * 100_000) + "\r"
    results = hl7(tmp_path, MSH, segments, repeated, lists="explode")
    assert len(results["OBX"]) == 100_000
    assert len(results["PID.repetitions"]) == 100_000


def test_text_is_read_message_by_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lro_notebook.results.formats.hl7v2.reader.BLOCK", 50)
    one = [MSH.replace("|1|P", f"|{n}|P") + f"PID|{n}\r\n" for n in range(40)]
    long = MSH + "NTE|1||" + "x" * 3000 + "\r\n"
    results = hl7(tmp_path, *one[:20], long, *one[20:], limits={"line": 500})
    assert results["PID"]["PID.1"].tolist() == [str(n) for n in range(40)]
    assert bad(results) == [(41, "too long: more than 500 bytes (limits: line)")]
    assert results["messages"]["message"].tolist() == [
        f"m.hl7:{1 + 2 * n + (2 if n >= 20 else 0)}" for n in range(40)
    ]


@pytest.mark.parametrize(
    "segments",
    [
        [{"segmentId": "PID", "fields": {"999999999": "x"}}],
        [{"segmentId": "PID", "fields": {"1[999999999]": "x"}}],
        [{"segmentId": "PID", "fields": {"1.999999999.999999999": "x"}}],
        [{"segmentId": "PID", "fields": {"1[99999].99999": "x"}}] * 50,
    ],
)
def test_positions_are_no_amount_of_work(load: Load, tmp_path: Path, segments: list[Any]) -> None:
    del load
    lines = [{"name": "a/1", "parsedData": {"segments": segments}}, {"name": "a/2", "data": _data(MSH)}]
    (tmp_path / "m.ndjson").write_text("".join(json.dumps(line) + "\n" for line in lines))
    results = loaded(tmp_path)
    assert results["messages"]["message"].tolist() == ["2"]
    assert [number for number, _ in bad(results)] == [1]


@pytest.mark.parametrize("codec", ["punycode", "idna", "unicode_escape", "zlib", "rot13", "no-such"])
def test_a_message_names_a_character_set_not_a_program(tmp_path: Path, codec: str) -> None:
    text = MSH.replace("\r", "||||||" + codec + "\r").encode() + b"PID|\xff\r"
    (tmp_path / "m.hl7").write_bytes(text)
    results = loaded(tmp_path)
    assert bad(results)[0][1].startswith(hl7v2_decoding.NOT_KNOWN)
    assert results["PID"]["PID.1"].tolist() == ["ÿ"]


def _data(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


# The words


def test_limits_are_checked() -> None:
    with pytest.raises(ConfigError, match="limits: 'lines' is not known; there are line, inflated, columns"):
        Limits.of({"lines": 1})
    for value in (0, -1, 1.5, True, "9"):
        with pytest.raises(ConfigError, match="not a whole number"):
            Limits.of({"line": value})  # type: ignore[dict-item]
    assert Limits.of(None) == DEFAULT
    assert Limits.of({"spaces": 7}) == Limits(spaces=7)


@pytest.mark.parametrize("pump", ['"\\', '"x', '"x" ', "\\"])
def test_text_that_does_not_end_costs_no_more_than_its_length(pump: str) -> None:
    def texts(length: int) -> Callable[[], object]:
        data = b"[" * 500 + pump.encode() * length
        return lambda: nests_deeper(data, 400)

    def keys(length: int) -> Callable[[], object]:
        data = b'{"' + pump.encode() * length
        return lambda: keys_of(data)

    assert growth.growth(texts, 20_000) < growth.LINEAR
    assert growth.growth(keys, 20_000) < growth.LINEAR


def test_keys_are_counted_and_values_are_not() -> None:
    assert keys_of(b'{"a":"b:","c\\"" : [{"a":1,"d":"e"}]}\n{"f":"not ended') == 4
