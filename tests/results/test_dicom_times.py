"""Dates, times and instants of DICOM, parsed on request."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from results.dicoms import with_attributes

from lro_notebook.results.formats.dicom.names import times
from lro_notebook.results.load_place import read as read_results

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("quiet_pydicom")


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
    (tmp_path / "a.dcm").write_bytes(with_attributes(**given, **zoned))
    (tmp_path / "b.dcm").write_bytes(with_attributes(**given | {"PatientBirthDate": "unknown"}))
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
