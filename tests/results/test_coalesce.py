"""Small files are parsed together; what is said of their lines, and where they end, stays theirs."""

from __future__ import annotations

import base64
import gzip
import json
import random
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from results.limited import loaded
from results.nasty_files import KINDS, check_rows_and_bad_lines

from lro_notebook.results.arrow.coalesce import coalesced, place
from lro_notebook.results.arrow.line_blocks import BLOCK, FIRST_BLOCK, Block, blocks
from lro_notebook.results.arrow.unify import together
from lro_notebook.results.limits import Limits
from lro_notebook.results.load_place import read
from lro_notebook.results.load_table import MainTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from lro_notebook.results.arrow.batch import BadLine, Batch
    from lro_notebook.results.results import Results

BOM = b"\xef\xbb\xbf"
MESSAGE = "MSH|^~\\&|LAB|N|E|W|2026||ORU^R01|%d|P|2.5\rPID|1||%d\r"
VIEW = {"resource": "Patient", "select": [{"column": [{"name": "id", "path": "id"}]}]}


def patients(*numbers: int, more: Mapping[str, Any] | None = None) -> bytes:
    rows = ({"resourceType": "Patient", "id": str(n), **(more or {})} for n in numbers)
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def messages(*numbers: int, named: bool = True) -> bytes:
    return b"".join(
        json.dumps(
            {
                **({"name": f"p/messages/{n}"} if named else {}),
                "data": base64.b64encode((MESSAGE % (n, n)).encode()).decode(),
            }
        ).encode()
        + b"\n"
        for n in numbers
    )


def put(folder: Path, *files: bytes, stem: str = "Patient.{:03d}.ndjson") -> Path:
    folder.mkdir(exist_ok=True)
    for number, data in enumerate(files):
        (folder / stem.format(number)).write_bytes(data)
    return folder


def batches(folder: Path, **options: Any) -> list[Batch]:
    results = read(folder, **options)
    (main,) = results._tables.values()
    assert isinstance(main, MainTable)
    return list(main.batches())


def places(bad: list[BadLine]) -> list[tuple[str, int | None]]:
    return [(line.file.rpartition("/")[2], line.line) for line in bad]


def test_two_hundred_small_files_are_a_few_pieces(tmp_path: Path) -> None:
    put(tmp_path, *(patients(*range(n, n + 50)) for n in range(200)))
    pieces = batches(tmp_path)
    assert len(pieces) <= 2
    assert sum(piece.tables["Patient"].num_rows for piece in pieces) == 200 * 50


def test_messages_of_small_files_are_a_few_pieces(tmp_path: Path) -> None:
    put(tmp_path, *(messages(n) for n in range(60)), stem="messages-{}-of-60")
    pieces = batches(tmp_path)
    assert len(pieces) == 1
    assert pieces[0].tables["PID"].num_rows == 60


def test_resources_of_small_files_are_a_few_pieces_of_a_view(tmp_path: Path) -> None:
    put(tmp_path, *(patients(n) for n in range(100)))
    frame = read(tmp_path).view(VIEW)
    assert frame["id"].tolist() == [str(n) for n in range(100)]
    assert sum(frame.attrs["ways"]["id"].values()) == 1


def test_bad_lines_are_named_by_their_own_file_and_line(tmp_path: Path) -> None:
    put(
        tmp_path,
        patients(1) + b"broken\n" + patients(2),
        b"",
        BOM + patients(3),
        b"broken",  # without a line feed at its end
        patients(4)[:-1],
        gzip.compress(b"\n" + patients(5) + b"[1]\n"),
        b"\n\n\n" + BOM + patients(6) + b"null",
        b'{"resourceType":"Patient",\n"id":"7"}\n',
        patients(8),
        b"\xff\n" + patients(9),
    )
    found = batches(tmp_path)
    assert places([line for piece in found for line in piece.bad]) == [
        ("Patient.000.ndjson", 2),
        ("Patient.003.ndjson", 1),
        ("Patient.005.ndjson", 3),
        ("Patient.006.ndjson", 5),
        ("Patient.007.ndjson", 1),
        ("Patient.007.ndjson", 2),
        ("Patient.009.ndjson", 1),
    ]
    ids = [row["id"] for piece in found if piece.tables for row in piece.tables["Patient"].to_pylist()]
    assert ids == ["1", "2", "3", "4", "5", "6", "8", "9"]


def test_no_object_goes_over_the_seam_of_two_files(tmp_path: Path) -> None:
    put(
        tmp_path,
        b'{"id":"a"',
        b',"n":1}\n',
        b'{"id":"b","t":"',
        b'"}\n{"id":"c"}',
        b'{"id":"d"}{"id":',
        b'"e"}',
    )
    found = loaded(tmp_path)
    assert found["Patient"]["id"].tolist() == ["c"]
    assert found.bad_lines["line"].tolist() == [1] * 6
    assert found.bad_lines["file"].str[-10:-7].tolist() == ["000", "001", "002", "003", "004", "005"]


def test_a_damaged_file_between_others_is_told_and_costs_nothing_else(tmp_path: Path) -> None:
    cut = gzip.compress(patients(*range(100, 900)), mtime=0)[:-300]
    put(tmp_path, patients(1), cut, patients(2), cut, patients(3))
    found = loaded(tmp_path)
    first = found["Patient"]["id"].tolist()
    kept = (len(first) - 3) // 2
    assert kept > 0
    assert first == ["1", *map(str, range(100, 100 + kept)), "2", *map(str, range(100, 100 + kept)), "3"]
    bad = found.bad_lines
    assert bad["line"].tolist() == [kept + 1] * 2
    assert bad["file"].str[-10:-7].tolist() == ["001", "003"]


@pytest.mark.parametrize("spare", [0, -1])
def test_the_longest_line_is_as_long_as_in_one_file(tmp_path: Path, spare: int) -> None:
    line = patients(1, more={"note": "x" * 500})[:-1]
    put(tmp_path, patients(5), line, line + b"\n" + patients(6), line)
    found = loaded(tmp_path, limits={"line": len(line) + spare})
    bad = found.bad_lines
    if spare == 0:
        assert found["Patient"]["id"].tolist() == ["5", "1", "1", "6", "1"]
        assert bad.empty
    else:
        assert found["Patient"]["id"].tolist() == ["5", "6"]
        assert [(file[-10:-7], line) for file, line in zip(bad["file"], bad["line"], strict=True)] == [
            ("001", 1),
            ("002", 1),
            ("003", 1),
        ]


def test_bad_lines_past_the_limit_are_counted_over_all_files(tmp_path: Path) -> None:
    put(tmp_path, *(b"bad\n" * 3 + patients(n) for n in range(5)))
    results = read(tmp_path, limits={"bad_lines": 4})
    with pytest.warns(match=r"bad lines in Patient: 15,"):
        assert len(results["Patient"]) == 5
    listed = results.bad_lines
    assert listed["line"].tolist()[:4] == [1, 2, 3, 1]
    assert listed["file"].str[-10:-7].tolist()[:4] == ["000", "000", "000", "001"]


def test_rows_of_exploded_lists_are_counted_over_all_files(tmp_path: Path) -> None:
    rows = [b'{"tag":["%d",{"x":%d}],"other":[%d]}\n' % (n, n, n) for n in range(30)]
    put(tmp_path / "many", *rows)
    put(tmp_path / "one", b"".join(rows))
    many, one = (read(tmp_path / name, lists="explode") for name in ("many", "one"))
    for name in one:
        assert many.arrow(name).equals(one.arrow(name))
    assert many["Patient.other"]["row"].tolist() == list(range(30))


def test_progress_reaches_the_size_of_all_files(tmp_path: Path) -> None:
    files = [patients(n) for n in range(20)] + [gzip.compress(patients(99)), b"", b"bad"]
    put(tmp_path, *files)
    (main,) = read(tmp_path)._tables.values()
    told: list[int] = []
    list(main.batches(told.append))
    assert sum(told) == sum(map(len, files)) == main.size


def test_messages_without_a_name_are_known_by_their_file_and_line(tmp_path: Path) -> None:
    put(tmp_path, messages(1, named=False), b"bad\n" + messages(2, named=False), stem="messages-{}-of-2")
    found = loaded(tmp_path)
    assert found["messages"]["message"].tolist() == ["messages-0-of-2:1", "messages-1-of-2:2"]
    bad = found.bad_lines
    assert bad["line"].tolist() == [1]
    assert bad["file"].str.endswith("messages-1-of-2").all()


def test_a_view_names_a_bad_line_by_its_own_file(tmp_path: Path) -> None:
    put(tmp_path, patients(1), patients(2) + b"bad\n", patients(3))
    with pytest.warns(match=r"Patient\.001\.ndjson line 2"):
        assert read(tmp_path).view(VIEW)["id"].tolist() == ["1", "2", "3"]


def test_a_view_reads_files_whose_types_do_not_go_together(tmp_path: Path) -> None:
    odd = patients(2, more={"active": {"x": "y"}}) + b"bad\n"
    put(tmp_path, patients(1, more={"active": True}), odd, patients(3, more={"active": "text"}))
    columns = [{"name": "id", "path": "id"}, {"name": "there", "path": "active.exists()", "type": "boolean"}]
    with pytest.warns(match=r"Patient\.001\.ndjson line 2"):
        frame = read(tmp_path).view({"resource": "Patient", "select": [{"column": columns}]})
    assert frame.to_numpy().tolist() == [["1", True], ["2", True], ["3", True]]


def _blocks(*sizes: int, first: int | None = None) -> list[tuple[int, int]]:
    """Return the bytes and the files of each block that files of such sizes become."""

    def every() -> Iterator[tuple[int, Block]]:
        for number, size in enumerate(sizes):
            yield number, Block(b"x" * (size - 1) + b"\n", 1, taken=size)

    joined = list(coalesced(every(), first=first or FIRST_BLOCK))
    assert sum(block.taken for block, _ in joined) == sum(sizes)
    return [(len(block.data), len(pieces)) for block, pieces in joined]


def test_blocks_are_joined_up_to_their_usual_size() -> None:
    small = BLOCK // 100
    joined = _blocks(*[small] * 1_000)
    assert joined[0][0] <= FIRST_BLOCK
    assert max(size for size, _ in joined) <= BLOCK
    assert len(joined) <= 16


def test_large_blocks_stay_alone() -> None:
    assert _blocks(BLOCK, BLOCK, 10, BLOCK, first=BLOCK) == [(BLOCK, 1), (BLOCK, 1), (10, 1), (BLOCK, 1)]


def test_blocks_of_one_file_are_not_joined_again() -> None:
    limits = Limits(line=100)
    pieces = [Block(b"a\n", 1, limits=limits), Block(b"b\n", 2, limits=limits)]
    assert [block.data for block, _ in coalesced(("file", piece) for piece in pieces)] == [b"a\n", b"b\n"]


def test_a_fault_is_a_block_by_itself() -> None:
    whole, fault = Block(b"a\n", 1, 5), Block(b"", 2, 3, "damaged")
    joined = list(coalesced([("x", whole), ("y", whole), ("y", fault), ("z", whole)]))
    assert [(block.data, block.fault, block.taken) for block, _ in joined] == [
        (b"a\na\n", "", 10),
        (b"", "damaged", 3),
        (b"a\n", "", 5),
    ]
    assert place(joined[0][1], 2) == ("y", 1)
    assert place(joined[1][1], 2) == ("y", 2)


def test_the_last_line_of_a_file_may_lack_its_end(tmp_path: Path) -> None:
    found: list[tuple[str, Block]] = []
    for name in "abc":
        (tmp_path / name).write_bytes(b"1\n2")
        with (tmp_path / name).open("rb") as file:
            found += [(name, block) for block in blocks(file)]
    assert [block.data for _, block in found] == [b"1\n", b"2"] * 3
    ((block, pieces),) = coalesced(found)
    assert block.data == b"1\n2\n" * 3
    assert [place(pieces, line) for line in range(1, 7)] == [
        (name, line) for name in "abc" for line in (1, 2)
    ]


@pytest.mark.usefixtures("apart")
@pytest.mark.parametrize("kind", [kind for kind, files in KINDS.items() if len(files) > 1])
@pytest.mark.parametrize("decimals", ["float", "exact", "text"])
def test_nasty_files_are_read_as_well_apart(kind: str, decimals: str, load: Callable[..., Results]) -> None:
    check_rows_and_bad_lines(kind, decimals, load)


#: What files are cut and spoiled with, and wrapped in.
LINES = [
    b'{"id":"a","n":1}',
    b'{"id":"b","n":2.5,"l":[{"x":"y"},null]}',
    b'{"id":"c","n":"text"}',
    b'{"l":{"x":1}}',
    b'{"id":"\xc3\xa9"}',
    b'{"id":"\xff"}',
    b"{",
    b"}",
    b"null",
    b"",
    b" ",
    BOM + b'{"id":"d"}',
    b'{"id":"e"}{"id":"f"}',
    b'{"id":"g"}\r',
    b'{"n":NaN}',
    b'{"n":12345678901234567890}',
]


@pytest.mark.parametrize("seed", range(40))
def test_files_together_are_as_each_alone(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(seed)  # noqa: S311 - test data
    files = []
    for _ in range(chance.randrange(2, 12)):
        data = b"\n".join(chance.choices(LINES, k=chance.randrange(8))) + chance.choice([b"", b"\n"])
        data = chance.choice([b"", BOM]) + data
        files.append(gzip.compress(data) if chance.random() < 0.2 else data)
    put(tmp_path, *files)
    joined = _seen(tmp_path)
    alone = partial(coalesced, first=1, size=1)
    monkeypatch.setattr("lro_notebook.results.formats.json.blocks.coalesced", alone)
    assert joined == _seen(tmp_path)


def _seen(folder: Path) -> tuple[list[list[str | None]], list[tuple[str, int, str]]]:
    """Return the ids and lists' elements of the rows, and the bad lines, of a folder."""
    found = loaded(folder)
    bad = found.bad_lines
    table = found.arrow("Patient")
    texts = [[row.get("id"), row.get("l.x") and str(row["l.x"])] for row in table.to_pylist()]
    return texts, list(zip(bad["file"], bad["line"], bad["reason"], strict=True))


def test_what_one_file_has_of_another_type_changes_nothing_in_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, b'{"a":1.50,"l":[1]}\n', b'{"a":"x","l":[2]}\nbad\n', b'{"a":2,"l":"y"}\n', b"bad")
    joined = {lists: _whole(tmp_path, lists) for lists in ("first", "nested", "explode")}
    monkeypatch.setattr(
        "lro_notebook.results.formats.json.blocks.coalesced", partial(coalesced, first=1, size=1)
    )
    assert joined == {lists: _whole(tmp_path, lists) for lists in ("first", "nested", "explode")}
    assert joined["nested"][0][1]["l"] == "[2]"


def _whole(folder: Path, lists: str) -> tuple[list[dict[str, Any]], list[int]]:
    found = loaded(folder, lists=lists)
    rows = [row for name in found for row in found.arrow(name).to_pylist()]
    return rows, found.bad_lines["line"].tolist()


def test_the_order_of_columns_is_that_of_one_file(tmp_path: Path) -> None:
    rows = [
        b'{"id":"1","l":[{"x":1}],"z":1}\n',
        b'{"l":[{"y":2}],"a.b":{"c":1,"":{"":2}}}\n',
        b'{"a.b":{"d":1,"":{"e":1}},"w":{"v":1},"":{"":1},"q":[[1]]}\n',
    ]
    put(tmp_path / "one", b"".join(rows))
    put(tmp_path / "many", *rows)
    names = read(tmp_path / "one").arrow("Patient").column_names
    many = read(tmp_path / "many")
    assert many.arrow("Patient").column_names == names
    many.to_parquet(tmp_path / "parquet")
    assert pq.read_table(tmp_path / "parquet" / "Patient").column_names == names


@pytest.mark.parametrize(
    ("seen", "wanted"),
    [
        (["a", "b", "a.c"], ["a", "a.c", "b"]),
        (["a.c", "b", "a", "a.d"], ["a", "a.c", "a.d", "b"]),
        (["a", r"a\.b", "a.b"], ["a", "a.b", r"a\.b"]),
        (["", "x", ".", "..", ".y"], ["", ".", "..", ".y", "x"]),
        (["x.", "y", "x", "x.."], ["x", "x.", "x..", "y"]),
        ([r"a\\.b", "c", r"a\\"], [r"a\\", r"a\\.b", "c"]),
        ([], []),
    ],
)
def test_columns_of_one_object_stand_together(seen: list[str], wanted: list[str]) -> None:
    assert together(seen) == wanted
