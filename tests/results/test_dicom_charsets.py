"""The characters of DICOM objects: text that is not in its declared set is told."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from results.dicoms import element, read

CHARSETS = Path(pydicom.__file__).parent / "data" / "charset_files"
TELLS = "PatientID has text that is not in its declared character set"

pytestmark = pytest.mark.usefixtures("quiet_pydicom")


def with_text(charset: bytes | None, value: bytes, kind: str = "LO") -> bytes:
    declared = b"" if charset is None else element(0x0008, 0x0005, "CS", charset + b" " * (len(charset) % 2))
    value += b" " * (len(value) % 2)
    return bytes(128) + b"DICM" + element(2, 0x10, "UI", b"1.2.840.10008.1.2.1\0") + declared + element(
        0x10, 0x20, kind, value
    )  # fmt: skip


@pytest.mark.parametrize(
    ("charset", "value", "text", "told"),
    [
        (None, b"plain", "plain", ""),
        (None, "é".encode(), "é", "read as UTF-8"),
        (None, "é".encode("latin-1"), "é", "read as ISO 8859-1"),
        (b"ISO_IR 6", "Zoë".encode(), "Zoë", "read as UTF-8"),
        (b"ISO_IR 100", "é".encode("latin-1"), "é", ""),
        (b"ISO_IR 100", "Müller".encode(), "Müller", "read as UTF-8"),
        (b"ISO_IR 100", b"a\x93b", "a\x93b", "as far as it can be"),
        (b"ISO_IR 192", "é".encode(), "é", ""),
        (b"ISO_IR 192", b"a\xe9b", "a\ufffdb", "as far as it can be"),
        (b"ISO_IR 144", "Иван".encode("iso8859-5"), "Иван", ""),
        (b"GB18030", "张".encode("gb18030"), "张", ""),
        (b"NOT A SET", "Zoë".encode("latin-1"), "Zoë", "read as ISO 8859-1"),
        (b"NOT A SET", "Zoë".encode(), "Zoë", "read as UTF-8"),
        (b"\\ISO 2022 IR 87", b"\x1b$B;3ED\x1b(B", "山田", ""),
        (b"\\ISO 2022 IR 87", b"caf\xe9", "café", "read as ISO 8859-1"),
        (b"ISO_IR 100", b"\x1b$B;3ED\x1b(B", None, "as far as it can be"),
    ],
)
def test_text_that_is_not_in_its_declared_set_is_told(
    tmp_path: Path, charset: bytes | None, value: bytes, text: str | None, told: str
) -> None:
    (tmp_path / "a.dcm").write_bytes(with_text(charset, value))
    (row,), bad = read(tmp_path)
    assert text is None or row["PatientID"] == text
    assert [line.startswith("PatientID has text") and told in line for line in bad] == [True] * bool(told)


def test_text_of_kinds_without_a_set_is_told_too(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(with_text(b"ISO_IR 192", "MÄNNL".encode(), "CS"))
    (row,), bad = read(tmp_path)
    assert row["PatientID"] == "MÄNNL"
    assert bad == [f"{TELLS}; it was read as UTF-8, which it is"]


@pytest.mark.parametrize("path", sorted(CHARSETS.glob("*.dcm")), ids=lambda path: path.name)
def test_right_characters_are_not_told(tmp_path: Path, path: Path) -> None:
    (tmp_path / path.name).write_bytes(path.read_bytes())
    (row,), bad = read(tmp_path)
    wanted = pydicom.dcmread(path).get("PatientName")
    assert wanted is None or row["PatientName"] == str(wanted.alphabetic)
    assert [reason for reason in bad if "character set" in reason] == []
