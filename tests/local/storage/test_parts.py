"""Parts of the storage, each alone: lists, preconditions, checksums, multipart bodies, drafts."""

from __future__ import annotations

import errno
import hashlib
import time
from typing import TYPE_CHECKING, Any

import pytest

from lro_notebook.local.core.buckets import Buckets
from lro_notebook.local.core.service_errors import ServiceError
from lro_notebook.local.http import multipart
from lro_notebook.local.storage import checksums, listing, object_writing, preconditions, resumable_uploads

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ["a", "a-b", "a-b-c", "a-c", "b/1", "b/2/x", "b/2/y", "c-", "c-d"]


def listed(limit: int = 100, **wanted: Any) -> tuple[list[str], list[str]]:
    """Return the names and prefixes of all pages."""
    items: list[str] = []
    prefixes: list[str] = []
    after = ""
    while True:
        want = listing.Wanted(**{**wanted, "after": after})
        files = [(name, object()) for name in NAMES if name.startswith(want.prefix)]
        page = listing.page(files, want, limit)
        items += [name for name, _ in page.items]
        prefixes += page.prefixes
        if not page.last:
            return items, prefixes
        assert page.last > after
        after = page.last


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_a_list_is_the_same_in_pages_of_every_size(limit: int) -> None:
    assert listed(limit) == (NAMES, [])
    assert listed(limit, delimiter="/") == (["a", "a-b", "a-b-c", "a-c", "c-", "c-d"], ["b/"])
    assert listed(limit, prefix="b/", delimiter="/") == (["b/1"], ["b/2/"])
    assert listed(limit, delimiter="-") == (["a", "b/1", "b/2/x", "b/2/y"], ["a-", "c-"])
    assert listed(limit, delimiter="-", trailing=True) == (["a", "b/1", "b/2/x", "b/2/y", "c-"], ["a-", "c-"])
    assert listed(limit, start="a-b-c", end="b/2/y") == (["a-b-c", "a-c", "b/1", "b/2/x"], [])
    assert listed(limit, globs=listing.globs_of("a-?")) == (["a-b", "a-c"], [])
    assert listed(limit, globs=listing.globs_of("b/*")) == (["b/1"], [])
    assert listed(limit, globs=listing.globs_of("b/**")) == (["b/1", "b/2/x", "b/2/y"], [])
    assert listed(limit, globs=listing.globs_of("{a,c-}{,[bd]}")) == (["a", "c-", "c-d"], [])


def test_a_glob_of_too_many_alternatives_is_refused() -> None:
    with pytest.raises(ServiceError, match="more than 100 alternatives"):
        listing.globs_of("{a,b}" * 40)


def test_preconditions_hold_for_the_generation_that_is_there() -> None:
    for query, failing in (
        ({"ifGenerationMatch": "0"}, "ifGenerationMatch"),
        ({"ifGenerationMatch": "5"}, None),
        ({"ifGenerationNotMatch": "5"}, "ifGenerationNotMatch"),
        ({"ifGenerationNotMatch": "0"}, None),
        ({"ifMetagenerationMatch": "2"}, None),
        ({"ifMetagenerationNotMatch": "2"}, "ifMetagenerationNotMatch"),
        ({"ifGenerationMatch": "5", "ifMetagenerationMatch": "1"}, "ifMetagenerationMatch"),
    ):
        assert preconditions.failed(query, "5", "2") == failing, query
    assert preconditions.failed({"ifSourceGenerationMatch": "4"}, "5", "1", "ifSource") is not None
    assert preconditions.failed({"ifGenerationMatch": "0"}, "0", "0") is None
    with pytest.raises(ServiceError, match="expected a number"):
        preconditions.failed({"ifGenerationMatch": "x"}, "5", "1")


def test_checksums_are_those_of_the_standards(tmp_path: Path) -> None:
    assert checksums.extend_slowly(0, b"123456789") == 0xE3069283
    assert checksums.extend_slowly(checksums.extend_slowly(0, b"1234"), b"56789") == 0xE3069283
    (tmp_path / "a").write_bytes(b"123456789")
    found = checksums.of(tmp_path / "a")
    assert found.crc32c == "4waSgw=="
    assert found.md5 == checksums._text(hashlib.md5(b"123456789", usedforsecurity=False).digest())


@pytest.mark.parametrize("line", [b"\r\n", b"\n"])
@pytest.mark.parametrize("content", [b"", b"\r", b"\n", b"\r\n", b"--x-", b"a\r\n--xy", bytes(range(256))])
def test_a_multipart_body_is_taken_apart(line: bytes, content: bytes) -> None:
    body = line.join([b"--x", b"Content-Type: a/b; c=d", b"", content, b"--x", b"", b"2", b"--x--", b""])
    first, second = multipart.parts(body, "x")
    assert first.headers == {"content-type": "a/b; c=d"}
    assert (body[first.start : first.stop], body[second.start : second.stop]) == (content, b"2")
    with_preamble = b"preamble" + line + body
    assert [one.stop - one.start for one in multipart.parts(with_preamble, "x")] == [len(content), 1]


@pytest.mark.parametrize(
    ("body", "boundary"),
    [
        (b"", "x"),
        (b"--x--", ""),
        (b"--y\r\n\r\n--y--", "x"),
        (b"--x\r\nA: b\r\n\r\nno end", "x"),
        (b"--x\r\nno header\r\n--x--", "x"),
        (b"--x", "x"),
    ],
)
def test_what_is_not_multipart_is_refused(body: bytes, boundary: str) -> None:
    with pytest.raises(multipart.MultipartError):
        multipart.parts(body, boundary)


def test_what_only_begins_like_a_boundary_takes_no_time() -> None:
    content = b"\r\n--bx" * 400_000
    began = time.process_time()
    (part,) = multipart.parts(b"--b\r\n\r\n" + content + b"\r\n--b--", "b")
    assert (part.stop - part.start, time.process_time() - began < 1) == (len(content), True)


def test_what_is_written_can_be_taken_apart() -> None:
    body = b"".join(multipart.written([("a/b", b"1"), ("c/d", b"\r\n")], "x"))
    found = multipart.parts(body, "x")
    assert [(one.headers["content-type"], body[one.start : one.stop]) for one in found] == [
        ("a/b", b"1"),
        ("c/d", b"\r\n"),
    ]


def test_a_header_is_read_with_its_quotes() -> None:
    read = multipart.parameters_of('Multipart/Related; type="application/dicom"; boundary="=x; y="')
    assert read == ("multipart/related", {"type": "application/dicom", "boundary": "=x; y="})
    assert multipart.parameters_of("") == ("", {})


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, number: int) -> None:
    folders = Buckets(tmp_path)

    def write() -> None:
        with object_writing.draft(folders) as path:
            path.write_bytes(b"half")
            raise OSError(number, "no room")

    with pytest.raises(ServiceError, match="disk of the buckets is full") as caught:
        write()
    assert caught.value.status == 507
    assert list(folders.partial.iterdir()) == []


@pytest.mark.parametrize(
    ("header", "piece"),
    [
        (None, (0, None, True)),
        ("bytes 0-9/10", (0, 10, False)),
        ("bytes 5-9/*", (5, None, False)),
        ("bytes 0-*/10", (0, 10, True)),
        ("bytes 5-*/*", (5, None, True)),
        ("bytes */*", (None, None, False)),
        ("bytes */7", (None, 7, False)),
    ],
)
def test_a_piece_says_where_it_goes(header: str | None, piece: tuple[int | None, int | None, bool]) -> None:
    assert resumable_uploads.piece_of(header) == piece


@pytest.mark.parametrize("header", ["bytes 9-5/10", "bytes 0-10/10", "0-1/2", "bytes a-b/c", "bytes *-9/10"])
def test_a_piece_that_cannot_be_is_refused(header: str) -> None:
    with pytest.raises(ServiceError, match="Content-Range"):
        resumable_uploads.piece_of(header)
