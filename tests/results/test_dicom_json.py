"""DICOM JSON as the world writes it: bare values, lost kinds, no values, objects over many lines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from results.dicoms import read

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("quiet_pydicom")


def objects(folder: Path, *instances: Mapping[str, Any]) -> Path:
    lines = [{"00080018": {"vr": "UI", "Value": ["1.2"]}, **instance} for instance in instances]
    (folder / "m.ndjson").write_text("\n".join(map(json.dumps, lines)))
    return folder


WRITTEN = [
    ("00100020", {"vr": "LO", "Value": "PAT-42"}, "PatientID", "PAT-42"),
    ("00080020", {"vr": "DA", "Value": "20240105"}, "StudyDate", "20240105"),
    ("00280010", {"vr": "US", "Value": 512}, "Rows", 512),
    ("00280010", {"vr": "US", "Value": ["512"]}, "Rows", 512),
    ("00280010", {"Value": [512]}, "Rows", 512),
    ("00280010", 512, "Rows", 512),
    ("00100020", "PAT-42", "PatientID", "PAT-42"),
    ("00100020", {"vr": "LO", "Value": [42]}, "PatientID", "42"),
    ("00100020", {"vr": "lo", "Value": ["PAT-42"]}, "PatientID", "PAT-42"),
    ("00200013", {"vr": "IS", "Value": ["7"]}, "InstanceNumber", 7),
    ("00200013", {"vr": "IS", "Value": 7}, "InstanceNumber", 7),
    ("00181060", {"vr": "DS", "Value": "1.5"}, "TriggerTime", 1.5),
    ("00189073", {"vr": "FD", "Value": ["1.5"]}, "AcquisitionDuration", 1.5),
    ("00100010", {"vr": "PN", "Value": "Doe^Jo"}, "PatientName", "Doe^Jo"),
    ("00100010", {"vr": "PN", "Value": ["Doe^Jo"]}, "PatientName", "Doe^Jo"),
    ("00100010", {"vr": "PN", "Value": {"Alphabetic": "Doe^Jo"}}, "PatientName", "Doe^Jo"),
    ("00100010", {"Value": [{"Alphabetic": "Doe^Jo"}]}, "PatientName", "Doe^Jo"),
    ("00081140", {"vr": "SQ", "Value": {"00081155": {"vr": "UI", "Value": ["1.5"]}}},
     "ReferencedImageSequence.ReferencedSOPInstanceUID", "1.5"),
    ("00081140", {"Value": [{"00081155": {"Value": "1.5"}}]},
     "ReferencedImageSequence.ReferencedSOPInstanceUID", "1.5"),
]  # fmt: skip


@pytest.mark.parametrize(("tag", "attribute", "column", "value"), WRITTEN)
def test_values_as_other_programs_write_them(
    tmp_path: Path, tag: str, attribute: Any, column: str, value: Any
) -> None:
    rows, bad = read(objects(tmp_path, {tag: attribute}, {}))
    assert [row.get(column) for row in rows] == [value, None]
    assert bad == []


def test_a_name_as_text_has_its_forms(tmp_path: Path) -> None:
    rows, _ = read(objects(tmp_path, {"00100010": {"vr": "PN", "Value": "Yamada=山田=やまだ"}}))
    name = [rows[0][f"PatientName{form}"] for form in ("", ".Ideographic", ".Phonetic")]
    assert name == ["Yamada", "山田", "やまだ"]


def test_several_values_in_one_text_are_several(tmp_path: Path) -> None:
    rows, _ = read(
        objects(tmp_path, {"00080008": {"vr": "CS", "Value": "ORIGINAL\\PRIMARY"}}), lists="nested"
    )
    assert rows[0]["ImageType"] == ["ORIGINAL", "PRIMARY"]


@pytest.mark.parametrize(
    "attribute", [None, {}, {"vr": "LO"}, {"vr": "LO", "Value": None}, {"vr": "LO", "Value": []},
                  {"vr": "LO", "Value": [None]}, {"vr": "LO", "Value": ""}],
)  # fmt: skip
def test_nothing_is_no_value(tmp_path: Path, attribute: Any) -> None:
    rows, bad = read(objects(tmp_path, {"00100020": attribute}, {}))
    assert [row.get("PatientID") for row in rows] == [None, None]
    assert bad == []


@pytest.mark.parametrize(
    ("attribute", "reason"),
    [
        ({"vr": "LO", "Value": [{"a": 1}]}, "has no value of its kind; the rest was read"),
        ({"vr": "LO", "Value": [True]}, "has no value of its kind; the rest was read"),
        ({"vr": "PN", "Value": [1]}, "has no value of its kind; the rest was read"),
        ({"vr": "LO", "value": ["x"]}, "has no value of its kind; the rest was read"),
        ({"vr": "LO", "BulkDataURI": "https://x/y"}, "is not in the file but elsewhere (BulkDataURI)"),
    ],
)
def test_what_is_no_value_is_told_and_the_rest_read(tmp_path: Path, attribute: Any, reason: str) -> None:
    rows, bad = read(objects(tmp_path, {"00100020": attribute, "00280010": {"vr": "US", "Value": [1]}}, {}))
    assert [row.get("Rows") for row in rows] == [1, None]
    assert "PatientID" not in rows[0]
    assert [line.startswith(f"PatientID {reason}") for line in bad] == [True]


def test_bulk_data_of_bytes_is_left_out_like_bytes(tmp_path: Path) -> None:
    given = {
        "7FE00010": {"vr": "OW", "BulkDataURI": "https://x/y"},
        "00091010": {"vr": "UN", "InlineBinary": "AA=="},
    }
    rows, bad = read(objects(tmp_path, given))
    assert (set(rows[0]), bad) == ({"file", "SOPInstanceUID"}, [])


def test_one_object_may_be_set_apart_over_many_lines(tmp_path: Path) -> None:
    whole = {"00080018": {"vr": "UI", "Value": ["1.2"]}, "00100020": {"vr": "LO", "Value": ["p"]}}
    (tmp_path / "a.json").write_text(json.dumps(whole, indent=2))
    (tmp_path / "b.json").write_text(json.dumps([whole, whole], indent=2))
    rows, bad = read(tmp_path)
    assert [row["PatientID"] for row in rows] == ["p"] * 3
    assert bad == []


def test_a_list_that_is_cut_gives_what_comes_before(tmp_path: Path) -> None:
    one = '{"00080018":{"vr":"UI","Value":["1.2"]}}'
    (tmp_path / "a.json").write_text(f"[{one},\n{one},\n{one[:20]}")
    rows, bad = read(tmp_path)
    assert (len(rows), bad) == (2, ["not valid JSON"])


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["00100020", "Alphabetic", "vr", "Value", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)
VRS = st.sampled_from(["LO", "PN", "SQ", "US", "IS", "DS", "AT", "DA", "OB", "UN", "", "??", None, 3])
ATTRIBUTES = JSON | st.fixed_dictionaries({"vr": VRS, "Value": JSON}) | st.fixed_dictionaries({"Value": JSON})


@given(
    st.dictionaries(st.sampled_from(["00100010", "00081140", "00280010", "00091001", "00080000"]), ATTRIBUTES)
)
def test_no_json_ends_a_table(tmp_path_factory: pytest.TempPathFactory, given_: dict[str, Any]) -> None:
    folder = tmp_path_factory.mktemp("json")
    rows, _ = read(objects(folder, given_, {}))
    assert [row["SOPInstanceUID"] for row in rows] == ["1.2", "1.2"]
