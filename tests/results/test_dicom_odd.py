"""DICOM as the world writes it: odd JSON, repeating groups, wrong characters, times, no preamble."""

from __future__ import annotations

import gzip
import io
import json
import warnings
from datetime import UTC, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from results.dicoms import element, read

from lro_notebook.results.formats.dicom.names import column_of, tag_of, times
from lro_notebook.results.formats.dicom.sniff import looks
from lro_notebook.results.load_place import read as read_results

if TYPE_CHECKING:
    from collections.abc import Mapping

FILES = Path(pydicom.__file__).parent / "data" / "test_files"
CHARSETS = FILES.parent / "charset_files"
TELLS = "PatientID has text that is not in its declared character set"


@pytest.fixture(autouse=True)
def _quiet_pydicom() -> Any:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="pydicom")
        yield


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


def made(syntax: str = ExplicitVRLittleEndian, *, bare: bool = False, **attributes: Any) -> bytes:
    """Return an object with these attributes; a bare one has neither preamble nor header."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.2.3"
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    buffer = io.BytesIO()
    kind = pydicom.uid.UID(syntax)
    if bare:
        dataset.save_as(buffer, implicit_vr=kind.is_implicit_VR, little_endian=kind.is_little_endian)
    else:
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = kind
        dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


SYNTAXES = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian]


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("bare", [False, True])
def test_objects_in_every_order_of_bytes_with_and_without_a_preamble(
    tmp_path: Path, syntax: str, *, bare: bool
) -> None:
    data = made(syntax, bare=bare, PatientID="p", Rows=512, StudyDate="20240105", ReferencedImageSequence=[])
    (tmp_path / "a.dcm").write_bytes(data)
    (tmp_path / "b.dcm").write_bytes(gzip.compress(data))
    rows, bad = read(tmp_path)
    assert [(row["PatientID"], row["Rows"], row["StudyDate"]) for row in rows] == [("p", 512, "20240105")] * 2
    assert "ReferencedImageSequence" not in rows[0]
    assert bad == []
    assert looks("x", data[:8192])


@pytest.mark.parametrize("path", sorted(FILES.glob("*.dcm")), ids=lambda path: path.name)
def test_pydicoms_own_objects_look_like_dicom(path: Path) -> None:
    start = path.read_bytes()[:8192]
    text_only = path.name in {"no_meta.dcm", "meta_missing_tsyntax.dcm"}
    assert looks(path.name, start) or text_only or start[128:132] != b"DICM"


@pytest.mark.parametrize(
    ("start", "is_dicom"),
    [
        (b"", False),
        (bytes(8192), False),
        (b"\xff" * 8192, False),
        (b"\x08\0\0\0", False),
        (b"\x08\0\0\0\x02\0\0\0\x09\0\0\0\x08\0\0\0\x02\0\0\0\x0a\0\0\0", False),
        (b"BM" + bytes(100), False),
        (b"\x93NUMPY\x01\0v\0{'descr': '<i4', 'fortran_order': False, 'shape': (3,), }", False),
        (b"PK\x03\x04\x14\0\x08\0\x08\0", False),
        (b"DICM" + bytes(200), False),
        (bytes(128) + b"DICM", True),
        (b'{"00080018":{"vr":"UI","Value":["1.2"]}}', True),
        (b'\xef\xbb\xbf [ {"00080018" : {"Value":["1.2"],"vr":"UI"}}', True),
        (b'{"00100020":null,"00080018":{"vr":"UI"}}', True),
        (b'{"00100020":{},"00080018":{"vr":"UI"}}', True),
        (b'{"00080018":"1.2"}', False),
        (b'{"resourceType":"Patient","id":"00080018"}', False),
        (b'{"20240105":{"total":1}}', False),
        (b"00080018,1.2\n", False),
    ],
)
def test_what_is_dicom_and_what_is_not(start: bytes, is_dicom: bool) -> None:  # noqa: FBT001 - a parameter
    assert looks("IM0001", start) is is_dicom


@given(st.binary(max_size=300))
def test_hardly_any_bytes_look_like_dicom(start: bytes) -> None:
    assert not looks("x", start)


def test_the_directory_of_a_medium_is_no_instance() -> None:
    for path in FILES.rglob("DICOMDIR*"):
        assert not looks(path.name, path.read_bytes()[:8192])


def test_groups_that_repeat_are_columns_of_their_own(tmp_path: Path) -> None:
    parts = [element(0x6000 + 2 * n, 0x10, "US", (100 + n).to_bytes(2, "little")) for n in range(3)]
    parts += [element(0x6010, 0x4000, "LT", b"note")]
    curves = [element(0x5000 + 2 * n, 0x22, "LO", text) for n, text in enumerate([b"AA", b"BB"])]
    (tmp_path / "a.dcm").write_bytes(made() + b"".join([*curves, *parts]))
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


def texts(values: list[str | None]) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values, pa.string())])


@pytest.mark.parametrize(
    ("column", "text", "wanted"),
    [
        ("StudyDate", "20240105", datetime(2024, 1, 5, tzinfo=UTC)),
        ("StudyDate", "2024.01.05", datetime(2024, 1, 5, tzinfo=UTC)),
        ("Sequence.StudyDate", "99991231", datetime(9999, 12, 31, tzinfo=UTC)),
        ("StudyDate", "20240230", None),
        ("StudyDate", "2024", None),
        ("StudyTime", "10", time(10)),
        ("StudyTime", "1015", time(10, 15)),
        ("StudyTime", "101530.1234567", time(10, 15, 30, 123456)),
        ("StudyTime", "10:15:30", time(10, 15, 30)),
        ("StudyTime", "240000", None),
        ("StudyTime", "236000", None),
        ("AcquisitionDateTime", "20240105101530.5+0130", datetime(2024, 1, 5, 8, 45, 30, 500000, UTC)),
        ("AcquisitionDateTime", "202401051015-0500", datetime(2024, 1, 5, 15, 15, tzinfo=UTC)),
        ("AcquisitionDateTime", "2024", datetime(2024, 1, 1, tzinfo=UTC)),
        ("AcquisitionDateTime", "2024010524", datetime(2024, 1, 6, tzinfo=UTC)),
        ("AcquisitionDateTime", "soon", None),
    ],
)
def test_times_of_dicom(column: str, text: str, wanted: datetime | time | None) -> None:
    parse = times("instances", column)
    assert parse is not None
    assert parse(texts([text, None])).to_pylist() == [wanted, None]


@pytest.mark.parametrize("column", ["PatientID", "Rows", "file", "00091001", "PatientName.Ideographic"])
def test_other_columns_hold_no_times(column: str) -> None:
    assert times("instances", column) is None


def test_dates_times_and_instants_are_parsed_on_request(tmp_path: Path) -> None:
    given: dict[str, Any] = {"StudyDate": "20240105", "StudyTime": "101530.5", "PatientBirthDate": "19700101"}
    zoned: dict[str, Any] = {"AcquisitionDateTime": "20240105101530", "TimezoneOffsetFromUTC": "+0100"}
    (tmp_path / "a.dcm").write_bytes(made(**given, **zoned))
    (tmp_path / "b.dcm").write_bytes(made(**given | {"PatientBirthDate": "unknown"}))
    (tmp_path / "c.json").write_text(json.dumps({
        "00080201": {"vr": "SH", "Value": ["-0500"]}, "0008002A": {"vr": "DT", "Value": ["20240105101530"]}
    }))  # fmt: skip
    plain = read_results(tmp_path).arrow("instances")
    assert plain["AcquisitionDateTime"].to_pylist() == ["20240105101530", None, "20240105101530"]
    results = read_results(tmp_path, parse_dates=True)
    with pytest.warns(
        UserWarning, match=r"stay text: 1, the first one instances\.PatientBirthDate, of which 1 value"
    ):
        table = results.arrow("instances")
    assert table["StudyDate"].to_pylist() == [datetime(2024, 1, 5, tzinfo=UTC)] * 2 + [None]
    assert table["StudyTime"].to_pylist() == [time(10, 15, 30, 500000)] * 2 + [None]
    hours = [at and at.hour for at in table["AcquisitionDateTime"].to_pylist()]
    assert hours == [9, None, 15]
    assert table["PatientBirthDate"].to_pylist() == ["19700101", "unknown", None]
    frame = results["instances"]
    assert frame["StudyTime"].iloc[0] == time(10, 15, 30, 500000)
    results.to_parquet(tmp_path / "pq")
