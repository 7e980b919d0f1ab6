"""DICOM files with millions of items, elements or values: one bad line, or one failure, in little memory."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian
from results.dicoms import element, made, opened, read
from results.limited import read_in_little_memory

from lro_notebook.local.dicom import dicom_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MANY = 2_000_000
ITEM = struct.pack("<HHI", 0xFFFE, 0xE000, 0)
END = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
TINY = struct.pack("<HH2sH", 0x0009, 0x1001, b"LO", 0)


def sequence(content: bytes, *, defined: bool, kind: bytes = b"SQ") -> bytes:
    length = len(content) if defined else 0xFFFFFFFF
    head = struct.pack("<HH2sHI", 0x0040, 0xA730, kind, 0, length)
    return head + content + (b"" if defined else END)


def item(content: bytes) -> bytes:
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(content)) + content


#: Each makes its megabytes where they are wanted: every process that collects the tests has this module.
BODIES: dict[str, Callable[[], bytes]] = {
    "items": lambda: sequence(ITEM * MANY, defined=True),
    "items without length": lambda: sequence(ITEM * MANY, defined=False),
    "unknown": lambda: sequence(ITEM * MANY, defined=True, kind=b"UN"),
    "unknown without length": lambda: sequence(ITEM * MANY, defined=False, kind=b"UN"),
    "inside": lambda: sequence(item(sequence(ITEM * MANY, defined=True)), defined=True),
    "elements": lambda: sequence(item(TINY * MANY), defined=True),
    "values": lambda: element(0x0040, 0xA160, "UT", b"x") + element(0x0044, 0x0001, "UT", b"1\\" * MANY),
}


FEW = {"parts": 4_000}


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the service take fewer parts of a file than it takes without a setting."""
    monkeypatch.setenv(dicom_file.PARTS_VARIABLE, "5000")


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_millions_of_parts_are_refused(tmp_path: Path, body: Callable[[], bytes]) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(made() + body())
    said = read_in_little_memory(tmp_path, 400_000_000, limits=FEW)
    assert said == ["0", "<NA>: too wide: more than 4,000 elements and items (limits: parts)"]
    assert opened(path, 500_000_000) == (
        "the file has more than 5,000 elements and items of sequences; "
        "LRO_NOTEBOOK_LOCAL_DICOM_PARTS of the service sets the limit"
    )


def test_the_limits_without_a_setting(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(made() + BODIES["values"]())  # of all shapes the one that takes the least time
    said = read_in_little_memory(tmp_path, 400_000_000)
    assert said == ["0", "<NA>: too wide: more than 200,000 elements and items (limits: parts)"]
    assert opened(path, 500_000_000) == (
        "the file has more than 500,000 elements and items of sequences; "
        "LRO_NOTEBOOK_LOCAL_DICOM_PARTS of the service sets the limit"
    )


@pytest.mark.usefixtures("few")
def test_a_small_deflated_file_of_millions_of_items(tmp_path: Path) -> None:
    plain, packed = made(), made(DeflatedExplicitVRLittleEndian)
    body = plain[plain.index(b"\x08\x00\x16\x00UI") :] + sequence(ITEM * 3_900_000, defined=True)
    head = packed[: 144 + struct.unpack_from("<I", packed, 140)[0]]
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    path = tmp_path / "a.dcm"
    path.write_bytes(head + packer.compress(body) + packer.flush())
    assert path.stat().st_size < 50_000
    (found,) = read_in_little_memory(tmp_path, 500_000_000, limits=FEW)[1:]
    assert "(limits: parts)" in found
    assert "elements and items" in opened(path, 500_000_000)


def test_the_limit_of_the_service_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    body = made() + sequence(ITEM * 300, defined=True)
    assert dicom_file.read(body).id
    monkeypatch.setenv(dicom_file.PARTS_VARIABLE, "200")
    with pytest.raises(dicom_file.ParseError, match="more than 200 elements"):
        dicom_file.read(body)


def test_the_limit_can_be_raised(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(made() + sequence(ITEM * 300, defined=True))
    rows, bad = read(tmp_path, limits={"parts": 300})
    assert rows == []
    assert bad == ["too wide: more than 300 elements and items (limits: parts)"]
    rows, bad = read(tmp_path, limits={"parts": 1000})
    assert (len(rows), bad) == (1, [])
