"""DICOM files that are tiny and cost much: each is a row, or one bad line, in little memory."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING

import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian
from results.dicoms import deflated, element, made, opened, read
from results.limited import read_in_little_memory

from lro_notebook.local.dicom import dicom_file, inflate

if TYPE_CHECKING:
    from pathlib import Path


def test_an_object_that_inflates_to_gigabytes(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    deflated(path, 1_500_000_000)
    assert path.stat().st_size < 2_000_000
    assert read_in_little_memory(tmp_path, 400_000_000) == ["1"]  # its pixels are not needed
    parse_error = opened(path, 700_000_000)
    assert parse_error == (
        "not a DICOM file that can be read: it has more than 200,000,000 bytes when inflated; "
        "LRO_NOTEBOOK_LOCAL_INFLATED_BYTES of the service sets the limit"
    )


def test_a_deflated_object_is_what_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deflated(tmp_path / "a.dcm", 1_000_000)
    rows, bad = read(tmp_path)
    assert bad == []
    assert rows[0]["PatientID"] == "p"
    assert rows[0]["TransferSyntaxUID"] == DeflatedExplicitVRLittleEndian
    data = (tmp_path / "a.dcm").read_bytes()
    file = dicom_file.open_file(data)
    assert file.file_meta.TransferSyntaxUID == DeflatedExplicitVRLittleEndian
    assert len(file.PixelData) == 1_000_000
    again = dicom_file.open_file(dicom_file.written(file))
    assert (again.PatientID, len(again.PixelData)) == ("p", 1_000_000)
    monkeypatch.setenv(inflate.VARIABLE, "1000")
    with pytest.raises(dicom_file.ParseError, match="more than 1,000 bytes when inflated"):
        dicom_file.open_file(data)


def test_attributes_past_the_limit_are_reported(tmp_path: Path) -> None:
    deflated(tmp_path / "a.dcm", 1_000_000)
    rows, bad = read(tmp_path, limits={"inflated": 60})
    assert bad == ["not read to its end: more than 60 bytes (limits: inflated)"]
    assert rows[0]["SOPClassUID"] is not None


@pytest.mark.parametrize("kind", ["DS", "IS"])
@pytest.mark.parametrize("value", [b"1" * 20_000, b"1" * 19_999 + b"x", b"1" + b"0" * 19_999, b"9" * 4000])
def test_a_number_of_thousands_of_digits_is_no_work(tmp_path: Path, kind: str, value: bytes) -> None:
    number = 0x0050 if kind == "DS" else 0x1150
    (tmp_path / "a.dcm").write_bytes(made() + element(0x0018, number, kind, value))
    (tmp_path / "b.dcm").write_bytes(made())
    for decimals in ("float", "exact", "text"):
        rows, bad = read(tmp_path, decimals=decimals)
        assert len(rows) == 2
        assert len(bad) == 1
        assert "more than 64 characters" in bad[0] or "no value of its kind" in bad[0]
    assert dicom_file.read((tmp_path / "a.dcm").read_bytes()).id == "1.2.3"


def sequences(depth: int) -> bytes:
    """Return sequences in sequences, all of unknown length."""
    start = struct.pack("<HH2sHI", 0x0040, 0xA730, b"SQ", 0, 0xFFFFFFFF) + struct.pack(
        "<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF
    )
    end = struct.pack("<HHI", 0xFFFE, 0xE00D, 0) + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    return start * depth + end * depth


@pytest.mark.parametrize("depth", [5, 49, 60, 90, 120, 2000])
def test_sequences_in_sequences(tmp_path: Path, depth: int) -> None:
    data = made() + sequences(depth)
    (tmp_path / "a.dcm").write_bytes(data)
    (tmp_path / "b.dcm").write_bytes(made())
    rows, bad = read(tmp_path)
    assert "p" in [row["PatientID"] for row in rows]
    assert bool(bad) == (depth > 50)
    try:
        metadata = dicom_file.read(data).metadata
    except dicom_file.ParseError:
        return
    (tmp_path / "exported").mkdir()
    shown = {tag: {"vr": value["vr"], **value} for tag, value in json.loads(metadata).items()}
    (tmp_path / "exported" / "a.json").write_text(json.dumps(shown) + "\n")
    assert len(read(tmp_path / "exported")[0]) == 1


@pytest.mark.parametrize("length", [0xFFFFFFFE, 0x7FFFFFFF, 0x80000000])
def test_a_length_that_is_claimed_is_not_taken(tmp_path: Path, length: int) -> None:
    head = struct.pack("<HH2sHI", 0x0009, 0x1001, b"UN", 0, length)
    (tmp_path / "a.dcm").write_bytes(made() + head + b"xx")
    rows, *found = read_in_little_memory(tmp_path, 300_000_000)
    assert rows == "1"
    assert found[0].startswith("<NA>: cut inside an attribute")


def test_attributes_without_number(tmp_path: Path) -> None:
    many = b"".join(
        element(0x0009 + 2 * (n >> 15), 0x1000 + (n & 0x7FFF), "LO", b"x ") for n in range(60_000)
    )
    (tmp_path / "a.dcm").write_bytes(made() + many)
    (tmp_path / "b.dcm").write_bytes(made())
    rows, bad = read(tmp_path)
    assert bad == ["too wide: more than 5,000 attributes (limits: columns)"]
    assert len(rows) == 1
    with pytest.raises(dicom_file.ParseError, match="more than 50,000 attributes"):
        dicom_file.read((tmp_path / "a.dcm").read_bytes())


def test_dicom_json_that_is_deep_wide_long_or_no_object(tmp_path: Path) -> None:
    plain = {"00080018": {"vr": "UI", "Value": ["1.2.3"]}}
    wide = {f"{0x00090000 + n:08X}": {"vr": "LO", "Value": ["x"]} for n in range(6000)}
    deep = '{"00080018":{"vr":"UI","Value":' + "[" * 900 + "]" * 900 + "}}"
    (tmp_path / "a.json").write_text(f"{json.dumps(plain)}\n{json.dumps(wide)}\n{deep}\n")
    (tmp_path / "b.json").write_text(json.dumps([plain, wide, "a secret"]))
    (tmp_path / "c.json").write_text(f"[{json.dumps(plain)}, {deep}]")
    rows, bad = read(tmp_path)
    assert len(rows) == 2
    assert sorted(bad) == [
        "nested too deep: more than 400 levels",
        "nested too deep: more than 400 levels",
        "not a JSON object",
        "too wide: more than 5,000 attributes (limits: columns)",
        "too wide: more than 5,000 different keys (limits: columns)",
    ]
    rows, bad = read(tmp_path, limits={"line": 5000})
    assert "too long: more than 5,000 bytes (limits: line)" in bad


@pytest.mark.parametrize("value", ["1", '"a secret"', '["x"]', '[["x"]]', '{"a":1}', "[1, {}]", "[null]"])
def test_sequences_of_what_is_no_object(tmp_path: Path, value: str) -> None:
    (tmp_path / "a.json").write_text(
        '{"00080018":{"vr":"UI","Value":["1.2"]}}\n'
        f'{{"00080018":{{"vr":"UI","Value":["1.3"]}},"0040A730":{{"vr":"SQ","Value":{value}}}}}\n'
    )
    rows, bad = read(tmp_path)
    assert [row["SOPInstanceUID"] for row in rows] == ["1.2", "1.3"]
    assert len(bad) == (value != "[null]")
    assert all(row.get("ContentSequence") is None for row in rows)
    assert set(bad) <= {"ContentSequence has no value of its kind; the rest was read"}
