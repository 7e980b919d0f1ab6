"""Parquet files that are damaged, or claim what they do not hold: said of each, and the others load."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from results.declared import results_of, rows_and_bad, rows_of
from results.limited import run

from lro_notebook.results.formats.parquet import footer_checks as parquet_claims
from lro_notebook.results.formats.parquet.footer_checks import ClaimError, checked_footer
from lro_notebook.results.formats.parquet.reader import PARQUET
from lro_notebook.results.formats.parquet.thrift import Compact, ThriftError
from lro_notebook.results.limits import DEFAULT, Limits

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = "not readable: the Parquet file is damaged or cut off"
PART = "not read in full: a part of the Parquet file is damaged"


def written(table: pa.Table, **how: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, **how)
    return out.getvalue()


def numbers(count: int = 100, **how: Any) -> bytes:
    return written(pa.table({"x": pa.array(range(count)), "s": pa.array(map(str, range(count)))}), **how)


def beside_a_good_one(folder: Path, data: bytes, **options: Any) -> tuple[int, list[tuple[str, str]]]:
    """Return how many rows a file gives beside one of 100, and what is wrong with it."""
    (folder / "a").write_bytes(data)
    (folder / "b").write_bytes(numbers())
    rows, bad = rows_and_bad(folder, PARQUET, **options)
    assert [row["x"] for row in rows[-100:]] == list(range(100))
    return len(rows) - 100, bad


def varint(number: int) -> bytes:
    number = (number << 1) ^ (number >> 63)
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def field(kind: int, value: bytes, step: int = 1) -> bytes:
    return bytes([step << 4 | kind]) + value


def text(words: bytes) -> bytes:
    return varint(len(words))[:0] + _length(len(words)) + words


def _length(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def many(kind: int, items: list[bytes]) -> bytes:
    head = bytes([len(items) << 4 | kind]) if len(items) < 15 else bytes([0xF0 | kind]) + _length(len(items))
    return head + b"".join(items)


def element(name: bytes, children: int | None) -> bytes:
    """Return an element of a schema: a group, or an optional int64."""
    if children is None:
        return field(5, varint(2)) + field(5, varint(1), 2) + field(8, text(name)) + b"\0"
    return field(5, varint(1), 3) + field(8, text(name)) + field(5, varint(children)) + b"\0"


def footer(elements: list[bytes], rows: int = 0, groups: list[bytes] | None = None) -> bytes:
    body = field(5, varint(1)) + field(9, many(12, elements)) + field(6, varint(rows))
    body += field(9, many(12, groups or [])) + b"\0"
    return b"PAR1" + body + struct.pack("<I", len(body)) + b"PAR1"


@pytest.mark.parametrize("cut", [0, 3, 4, 8, 11, 200, -1, -4, -8, -9, -50])
def test_a_file_that_is_cut_off_is_one_bad_line(cut: int, tmp_path: Path) -> None:
    assert beside_a_good_one(tmp_path, numbers()[:cut]) == (0, [("a", WHOLE)])


def test_a_footer_that_is_hand_damaged_is_one_bad_line(tmp_path: Path) -> None:
    data = numbers()
    for length in (0, 1, len(data) - 12, len(data) - 11, 2**31, 2**32 - 1):
        changed = data[:-8] + struct.pack("<I", length) + data[-4:]
        assert beside_a_good_one(tmp_path, changed) == (0, [("a", WHOLE)]), length
    for place in range(len(data) - 12, len(data) - 200, -37):
        changed = data[:place] + b"\xff" * 3 + data[place + 3 :]
        rows, bad = beside_a_good_one(tmp_path, changed)
        assert (rows, bad) == (100, []) or bad in ([("a", WHOLE)], [("a", PART)]) or rows == 0, place


def test_a_row_group_that_is_damaged_is_left_out_and_the_others_are_read(tmp_path: Path) -> None:
    data = bytearray(numbers(row_group_size=25, use_dictionary=False, compression="none"))
    chunk = pq.ParquetFile(io.BytesIO(data)).metadata.row_group(1).column(1)
    data[chunk.data_page_offset : chunk.data_page_offset + 40] = b"\xff" * 40
    rows, bad = beside_a_good_one(tmp_path, bytes(data))
    assert bad == [("a", PART)]
    assert rows == 75


def test_a_page_is_held_to_its_checksum(tmp_path: Path) -> None:
    data = numbers(compression="none", use_dictionary=False, write_page_checksum=True)
    place = data.index(struct.pack("<qq", 50, 51))
    changed = data[:place] + struct.pack("<q", 7) + data[place + 8 :]
    assert beside_a_good_one(tmp_path, changed) == (0, [("a", PART)])


def test_an_encrypted_file_is_named_so(tmp_path: Path) -> None:
    data = numbers()[:-4] + b"PARE"
    assert beside_a_good_one(tmp_path, data) == (0, [("a", "not readable: the Parquet file is encrypted")])


@pytest.mark.parametrize("rows", [-1, 10**6, 2**62])
def test_claims_of_rows_make_none(rows: int, tmp_path: Path) -> None:
    claims = footer([element(b"root", 1), element(b"x", None)], rows, [])
    count, bad = beside_a_good_one(tmp_path, claims)
    assert count == 0
    assert bad in ([], [("a", WHOLE)], [("a", PART)])


def test_row_groups_that_claim_rows_make_none(tmp_path: Path) -> None:
    group = field(9, many(12, [])) + field(6, varint(0)) + field(6, varint(2**62)) + b"\0"
    claims = footer([element(b"root", 1), element(b"x", None)], 2**62, [group])
    count, bad = beside_a_good_one(tmp_path, claims)
    assert count == 0
    assert len(bad) == 1
    nothing = footer([element(b"root", 0)], 2**62, [group])
    assert beside_a_good_one(tmp_path, nothing)[0] == 0


def test_a_schema_that_nests_deep_is_refused_before_a_library_follows_it(tmp_path: Path) -> None:
    deep = footer([element(b"g", 1)] * 50_000 + [element(b"x", None)])
    count, bad = beside_a_good_one(tmp_path, deep)
    assert (count, bad) == (0, [("a", "nested too deep: more than 100 levels")])
    shallow = footer([element(b"root", 300)] + [element(b"x%d" % n, None) for n in range(300)])
    checked_footer(io.BytesIO(shallow), DEFAULT)


def test_thousands_of_columns_are_too_many_unless_few_are_asked_for(tmp_path: Path) -> None:
    wide = written(pa.table({f"c{n}": pa.array([n]) for n in range(60)} | {"x": pa.array([5])}))
    wrong = ("a", "too wide: more than 50 columns (limits: columns)")
    assert beside_a_good_one(tmp_path, wide, limits={"columns": 50}) == (0, [wrong])
    (tmp_path / "b").unlink()
    assert rows_of(tmp_path, PARQUET, limits={"columns": 50}, columns=["c7"]) == [{"c7": 7}]


def test_a_large_page_or_footer_is_refused_by_a_limit(tmp_path: Path) -> None:
    data = written(pa.table({"x": pa.array(["y" * 30_000] * 10)}), compression="zstd", use_dictionary=False)
    (tmp_path / "a").write_bytes(data)
    rows, bad = rows_and_bad(tmp_path, PARQUET, limits={"line": 100_000})
    assert (rows, bad) == ([], [("a", "not read in full: a page has more than 100,000 bytes (limits: line)")])
    with pytest.raises(ClaimError, match=r"its footer has more than 50 bytes \(limits: line\)"):
        checked_footer(io.BytesIO(numbers()), Limits(line=50))
    rows, bad = rows_and_bad(tmp_path, PARQUET)
    assert (len(rows), bad) == (10, [])


def test_a_footer_that_would_fill_the_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_claims, "available", lambda: 10_000)
    with pytest.raises(ClaimError, match="more memory than there is"):
        checked_footer(io.BytesIO(numbers()), DEFAULT)


def test_a_list_of_too_many_values_is_refused(tmp_path: Path) -> None:
    data = written(pa.table({"x": pa.array([[None] * 300_000], pa.list_(pa.int64()))}))
    assert len(data) < 3000
    (tmp_path / "a").write_bytes(data)
    rows, bad = rows_and_bad(tmp_path, PARQUET, limits={"cells": 100_000})
    assert (rows, bad) == (
        [],
        [("a", "not read in full: a part has more than 100,000 values (limits: cells)")],
    )


BOMBS = {
    # A text of 8 MB that is there once, and stands in 300 rows: 2.4 GB.
    "a dictionary": "pa.table({'x': pa.DictionaryArray.from_arrays("
    "pa.array([0] * 300, pa.int32()), pa.array(['y' * 8_000_000]))})",
    # Each value is the one before it and a letter more.
    "shared beginnings": "pa.table({'x': pa.array(['y' * 20_000 + str(n) for n in range(20_000)])})",
}


@pytest.mark.parametrize("kind", BOMBS)
def test_little_data_that_becomes_much_is_read_in_little_memory(kind: str, tmp_path: Path) -> None:
    program = f"""
import sys, resource, pyarrow as pa, pyarrow.parquet as pq
from pathlib import Path
from lro_notebook.results.formats.parquet.reader import PARQUET
from lro_notebook.results.shards import Shard
from lro_notebook.results.load_place import options_of
from lro_notebook.results.sources.files import Files
from lro_notebook.results.location import locate
path = Path(sys.argv[1]) / "a.parquet"
plain = {{"use_dictionary": False, "column_encoding": "DELTA_BYTE_ARRAY"}}
how = {{}} if {kind!r} == "a dictionary" else plain
pq.write_table({BOMBS[kind]}, path, **how)
assert path.stat().st_size < 10_000_000
shard = Shard(str(path), str(path), "T", path.stat().st_size, format=PARQUET)
now = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + 1_500_000_000,) * 2)
rows = size = 0
for batch in Files(locate(sys.argv[1])).batches([shard], options_of(), lambda _: None):
    assert not batch.bad, batch.bad
    if "T" in batch.tables:
        rows += batch.tables["T"].num_rows
        size += batch.tables["T"].nbytes
print(rows, size)
"""
    rows, size = map(int, run(program, str(tmp_path)).split())
    assert rows in (300, 20_000)
    assert size > 400_000_000


def test_a_long_word_among_many_short_ones_is_not_repeated_at_once(tmp_path: Path) -> None:
    words = ["y" * 600_000] * 200 + [f"a word of its own {n}" for n in range(100_000)]
    (tmp_path / "a").write_bytes(written(pa.table({"x": pa.array(words)}), compression="zstd"))
    encodings = pq.ParquetFile(tmp_path / "a").metadata.row_group(0).column(0).encodings
    assert {"PLAIN", "RLE_DICTIONARY"} <= set(encodings)
    batches = list(results_of(tmp_path, PARQUET)._tables["T"].batches())
    tables = [batch.tables["T"] for batch in batches if batch.tables]
    assert sum(table.num_rows for table in tables) == 100_200
    assert max(table.nbytes for table in tables) < 80_000_000


def test_text_that_is_not_utf8_and_times_out_of_range_are_said_once(tmp_path: Path) -> None:
    table = pa.table(
        {
            "x": pa.array(range(100)),
            "s": pa.array([b"\xff", b"a"] * 50, pa.binary()),
            "t": pa.array([2**60, 0] * 50, pa.int64()).cast(pa.timestamp("ms")),
        }
    )
    buffers = table["s"].chunk(0).buffers()
    table = table.set_column(1, "s", pa.StringArray.from_buffers(100, buffers[1], buffers[2]))
    count, bad = beside_a_good_one(tmp_path, written(table))
    assert count == 100
    assert sorted(reason for _, reason in bad) == [
        "a date or time out of range; it is shown as missing",
        "text that is not valid UTF-8; what is wrong in it is shown as U+FFFD",
    ]


def test_thrift_is_read_without_trust() -> None:
    assert Compact(field(5, varint(-3)) + field(8, text(b"ab"), 4) + b"\0").struct() == {1: -3, 5: b"ab"}
    deep = b"\x1c" * 10_000
    long_list = field(9, b"\xf5" + _length(2**40))
    for data in (b"", b"\x15", deep, long_list, field(8, _length(2**40)), b"\x15" + b"\xff" * 20, b"\x1b"):
        with pytest.raises(ThriftError):
            Compact(data).struct()


def test_rows_that_are_promised_and_do_not_come_are_told(tmp_path: Path) -> None:
    """pyarrow writes one null list with pages of a byte, and then reads nothing of it."""
    data = written(pa.table({"a": pa.array([None], pa.list_(pa.string()))}), data_page_size=1)
    lost = 1 - pq.read_table(io.BytesIO(data)).num_rows
    rows, bad = beside_a_good_one(tmp_path, data)
    assert (rows, [reason for _, reason in bad]) == (1 - lost, [PART] * lost)
