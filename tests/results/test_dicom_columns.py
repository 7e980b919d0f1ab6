"""The columns of DICOM's tags: groups that repeat have columns of their own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from results.dicoms import element, read, with_attributes

from lro_notebook.results.formats.dicom.names import column_of, tag_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("quiet_pydicom")


def test_groups_that_repeat_are_columns_of_their_own(tmp_path: Path) -> None:
    parts = [element(0x6000 + 2 * n, 0x10, "US", (100 + n).to_bytes(2, "little")) for n in range(3)]
    parts += [element(0x6010, 0x4000, "LT", b"note")]
    curves = [element(0x5000 + 2 * n, 0x22, "LO", text) for n, text in enumerate([b"AA", b"BB"])]
    (tmp_path / "a.dcm").write_bytes(with_attributes() + b"".join([*curves, *parts]))
    (tmp_path / "b.json").write_text(json.dumps(
        {"60020010": {"vr": "US", "Value": [7]}, "60000010": {"vr": "US", "Value": [8]}}
    ))  # fmt: skip
    rows, bad = read(tmp_path)
    overlays = [[row.get(f"OverlayRows{group}") for group in ("", "_6002", "_6004")] for row in rows]
    assert overlays == [[100, 101, 102], [8, 7, None]]
    assert (rows[0]["CurveDescription"], rows[0]["CurveDescription_5002"]) == ("AA", "BB")
    assert rows[0]["OverlayComments_6010"] == "note"
    assert bad == []
    chosen, _ = read(tmp_path, columns=["OverlayRows_6002", "OverlayRows"])
    assert [list(row.values()) for row in chosen] == [[101, 100], [7, 8]]


@pytest.mark.parametrize(
    ("tag", "column"),
    [
        (0x60000010, "OverlayRows"),
        (0x601E0010, "OverlayRows_601E"),
        (0x50020030, "AxisUnits_5002"),
        (0x00203101, "SourceImageIDs_3101"),
        (0x60010010, "60010010"),
        (0x00091001, "00091001"),
        (0x00100020, "PatientID"),
    ],
)
def test_a_column_and_its_tag_name_each_other(tag: int, column: str) -> None:
    assert column_of(tag)[0] == column
    assert tag_of(column) == tag


@given(st.integers(0, 0xFFFFFFFF))
def test_no_two_tags_have_one_column(tag: int) -> None:
    if tag & 0xFFFF:
        assert tag_of(column_of(tag)[0]) == tag


@pytest.mark.parametrize(
    "column", ["OverlayRows_", "OverlayRows_zzzz", "OverlayRows_6001", "No_6002", "_6002", ""]
)
def test_a_name_that_is_no_column_has_no_tag(column: str) -> None:
    assert tag_of(column) is None
