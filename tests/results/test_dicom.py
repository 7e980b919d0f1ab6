"""DICOM objects and DICOM JSON to a table, compared with what pydicom reads."""

from __future__ import annotations

import json
import shutil
import sys
import warnings
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pydicom
import pytest
from fsspec import AbstractFileSystem
from fsspec.spec import AbstractBufferedFile
from pydicom.errors import InvalidDicomError

from lro_notebook.errors import BadLinesWarning, ConfigError, LroWarning
from lro_notebook.results.arrow.batch import Options
from lro_notebook.results.formats.dicom.reader import DICOM
from lro_notebook.results.load_place import read
from lro_notebook.results.location import Location
from lro_notebook.results.shards import Shard
from lro_notebook.results.sources.files import Files

if TYPE_CHECKING:
    from lro_notebook.results.results import Results

FILES = Path(pydicom.__file__).parent / "data" / "test_files"

pytestmark = pytest.mark.usefixtures("quiet_pydicom")


def export(folder: Path, *names: str) -> Path:
    """Lay bundled objects out as an export does: study, series, instance."""
    for number, name in enumerate(names):
        place = folder / f"1.{number % 2}" / "2.5"
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(FILES / name, place / f"{number:03d}.dcm")
    return folder


def quiet(results: Results) -> Results:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LroWarning)
        dict(results)
    return results


def test_every_object_that_pydicom_reads_is_a_row_with_its_values(tmp_path: Path) -> None:
    names = sorted(path.name for path in FILES.glob("*.dcm"))
    readable = {}
    for name in names:
        try:
            bare = name in {"ExplVR_LitEndNoMeta.dcm", "ExplVR_BigEndNoMeta.dcm", "rtstruct.dcm"}
            readable[name] = pydicom.dcmread(FILES / name, stop_before_pixels=True, force=bare)
        except InvalidDicomError:
            continue
    assert len(readable) > 40
    for name in names:
        shutil.copy(FILES / name, tmp_path / name)
    results = quiet(read(tmp_path))
    rows = {Path(row["file"]).name: row for row in results.arrow("instances").to_pylist()}
    assert set(rows) == set(readable)
    for name, dataset in readable.items():
        for keyword in ("SOPInstanceUID", "Modality", "PatientID", "PatientName", "StudyDate", "Rows"):
            value = dataset.get(keyword)
            wanted = None if value is None or str(value) == "" else value
            assert rows[name].get(keyword) == (wanted if wanted is None or keyword == "Rows" else str(wanted))
    unread = {Path(file).name for file in results.bad_lines["file"]}
    assert set(names) - set(readable) <= unread
    assert "rtplan_truncated.dcm" in unread
    assert results.bad_lines["line"].isna().all()


def test_columns_are_keywords_and_pixels_are_not_read(tmp_path: Path) -> None:
    results = quiet(read(export(tmp_path / "out", "CT_small.dcm")))
    (row,) = results.arrow("instances").to_pylist()
    assert row["file"].endswith("1.0/2.5/000.dcm")
    assert row["PatientName"] == "CompressedSamples^CT1"
    assert (row["Rows"], row["InstanceNumber"], row["KVP"]) == (128, 1, 120.0)
    assert (row["StudyDate"], row["Modality"]) == ("20040119", "CT")
    assert row["TransferSyntaxUID"] == "1.2.840.10008.1.2.1"
    assert row["OtherPatientIDsSequence.PatientID"] == "ABCD1234"
    assert row["00091001"] == "GE_GENESIS_FF"
    assert "PixelData" not in row
    hidden = results.truncated.set_index("column")["rows"].to_dict()
    assert hidden["instances.ImageType"] == 1
    assert hidden["instances.PixelSpacing"] == 1


def test_lists_and_sequences_are_nested_or_exploded(tmp_path: Path) -> None:
    place = export(tmp_path / "out", "CT_small.dcm", "MR_small.dcm")
    nested = quiet(read(place, lists="nested"))["instances"]
    assert list(nested["ImageType"].iloc[0]) == ["ORIGINAL", "PRIMARY", "AXIAL"]
    others = [item["PatientID"] for item in nested["OtherPatientIDsSequence"].iloc[0]]
    assert others == ["ABCD1234", "1234ABCD"]
    exploded = quiet(read(place, lists="explode"))
    sequence = exploded.arrow("instances.OtherPatientIDsSequence").to_pylist()
    assert [row["PatientID"] for row in sequence] == ["ABCD1234", "1234ABCD"]
    assert {row["SOPInstanceUID"] for row in sequence} == {exploded["instances"]["SOPInstanceUID"].iloc[0]}


def test_decimal_strings_are_exact_on_request(tmp_path: Path) -> None:
    place = export(tmp_path / "out", "CT_small.dcm")
    assert quiet(read(place))["instances"]["SliceThickness"].tolist() == [5.0]
    exact = quiet(read(place, decimals="exact", columns=["SliceThickness"]))["instances"]
    assert exact["SliceThickness"].tolist() == [Decimal(5)]
    assert exact.columns.tolist() == ["SliceThickness"]
    assert quiet(read(place, decimals="text"))["instances"]["SliceThickness"].tolist() == ["5.000000"]


def test_names_of_persons_keep_their_three_forms(tmp_path: Path) -> None:
    dataset = pydicom.dcmread(FILES / "CT_small.dcm")
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName = "Yamada^Tarou=山田^太郎=やまだ^たろう"
    dataset.save_as(tmp_path / "a.dcm")
    shutil.copy(FILES / "MR_small.dcm", tmp_path / "b.dcm")
    frame = quiet(read(tmp_path))["instances"]
    assert frame["PatientName"].tolist() == ["Yamada^Tarou", "CompressedSamples^MR1"]
    assert frame["PatientName.Ideographic"].dropna().tolist() == ["山田^太郎"]
    assert frame["PatientName.Phonetic"].dropna().tolist() == ["やまだ^たろう"]


def test_unreadable_files_and_values_are_reported_and_the_rest_kept(tmp_path: Path) -> None:
    whole = (FILES / "CT_small.dcm").read_bytes()
    (tmp_path / "a.dcm").write_bytes(whole)
    (tmp_path / "b.dcm").write_bytes(b"not DICOM at all")
    (tmp_path / "c.dcm").write_bytes(b"")
    (tmp_path / "d.dcm").write_bytes(whole[:1000])
    (tmp_path / "e.dcm").write_bytes(
        whole.replace(b"\x10\x00US\x02\x00\x80\x00", b"\x10\x00US\x03\x00\x80\x00\x00")
    )
    results = read(tmp_path)
    with pytest.warns(
        BadLinesWarning, match=r"bad lines in instances: \d+, the first one .*b\.dcm \(not a DICOM"
    ):
        frame = quiet_truncation(results)
    bad = results.bad_lines
    assert [Path(name).name for name in bad["file"]] == ["b.dcm", "c.dcm", "d.dcm", "e.dcm"]
    assert bad["reason"].tolist()[3] == "Rows has no value of its kind; the rest was read"
    assert frame["Rows"].dropna().tolist() == [128]
    assert frame["Columns"].tolist() == [128, 128]
    assert [Path(name).name for name in frame["file"]] == ["a.dcm", "e.dcm"]


def quiet_truncation(results: Results) -> Any:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="lists in")
        return results["instances"]


@pytest.mark.parametrize("form", ["array", "lines"])
def test_dicom_json_gives_what_the_objects_give(tmp_path: Path, form: str) -> None:
    names = ["CT_small.dcm", "MR_small.dcm", "rtplan.dcm", "reportsi.dcm"]
    objects = [pydicom.dcmread(FILES / name, stop_before_pixels=True).to_json_dict() for name in names]
    text = json.dumps(objects) if form == "array" else "\n".join(map(json.dumps, objects))
    (tmp_path / "json").mkdir()
    (tmp_path / "json" / "metadata.json").write_text(text)
    from_json = quiet(read(tmp_path / "json")).arrow("instances").to_pylist()
    from_files = quiet(read(export(tmp_path / "dcm", *names))).arrow("instances").to_pylist()
    by_uid = {row["SOPInstanceUID"]: row for row in from_files}
    assert len(from_json) == len(names)
    for row in from_json:
        other = by_uid[row.pop("SOPInstanceUID")]
        row.pop("file")
        assert {name: value for name, value in row.items() if value is not None} == {
            name: value for name, value in other.items() if value is not None and name in row
        }


def test_bad_dicom_json_is_named_by_line(tmp_path: Path) -> None:
    good = json.dumps(pydicom.dcmread(FILES / "MR_small.dcm", stop_before_pixels=True).to_json_dict())
    (tmp_path / "m.ndjson").write_text(f'{good}\nbroken\n{{"a":1}}\n{good}\n')
    results = quiet(read(tmp_path))
    assert len(results["instances"]) == 2
    assert results.bad_lines["line"].tolist() == [2, 3]
    (tmp_path / "m.ndjson").write_text(f"[{good}")
    assert quiet(read(tmp_path)).bad_lines["reason"].tolist() == ["not valid JSON"]


class Remote(AbstractFileSystem):  # type: ignore[misc] # fsspec has no types
    """A file system that counts what is fetched from it."""

    protocol = "counted"
    fetched = 0

    def info(self, path: str, **_: object) -> dict[str, Any]:
        return {"name": path, "size": Path(path).stat().st_size, "type": "file"}

    def _open(self, path: str, mode: str = "rb", block_size: int | None = None, **how: Any) -> Any:
        return Part(self, path, mode, block_size, **how)


class Part(AbstractBufferedFile):  # type: ignore[misc] # fsspec has no types
    def _fetch_range(self, start: int, end: int) -> bytes:
        data = Path(self.path).read_bytes()[start:end]
        Remote.fetched += len(data)
        return data


def test_only_the_head_of_a_remote_object_is_fetched(tmp_path: Path) -> None:
    dataset = pydicom.dcmread(FILES / "CT_small.dcm")
    dataset.PixelData = b"\0" * 20_000_000
    dataset.save_as(tmp_path / "big.dcm")
    shards = [Shard(f"counted://{n}", str(tmp_path / "big.dcm"), "instances", 20_000_000) for n in range(3)]
    location = Location(Remote(), str(tmp_path), "counted://x")
    (batch,) = DICOM.read(Files(location), shards, Options(), lambda _: None)
    assert batch.tables["instances"]["file"].to_pylist() == [shard.uri for shard in shards]
    assert Remote.fetched < 3 * 300_000


def test_parquet_and_dask_take_many_objects_at_once(tmp_path: Path) -> None:
    place = export(tmp_path / "out", *["CT_small.dcm", "MR_small.dcm"] * 3)
    loaded = quiet(read(place))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LroWarning)
        written = read(place).to_parquet(tmp_path / "pq")
        parts = read(place).dask("instances")
    assert written["rows"].tolist() == [6]
    assert pq.read_table(tmp_path / "pq" / "instances").to_pylist() == loaded.arrow("instances").to_pylist()
    assert parts.npartitions == 1


def test_without_pydicom_the_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(ConfigError, match=r"pip install pydicom"):
        read(export(tmp_path / "out", "CT_small.dcm"))["instances"]
