"""Admissions from ADT messages, studies and series from DICOM instances."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import pandas as pd
import pydicom
import pytest
from results.dicoms import made

from lro_notebook.errors import LroWarning
from lro_notebook.results import tables
from lro_notebook.results.formats.hl7v2.admissions import SCHEMA
from lro_notebook.results.load_place import read

if TYPE_CHECKING:
    from pathlib import Path

DOCTOR = "77^HOUSE^GREG"


def adt(
    event: str,
    sent: str,
    *,
    visit: str = "V1",
    patient: str = "123",
    ward: str = "W1^2^A^HOSP",
    admitted: str = "",
    discharged: str = "",
) -> str:
    left = "01" if discharged else ""
    places = {
        2: "I",
        3: ward,
        7: DOCTOR,
        10: "MED",
        14: "7",
        19: visit,
        36: left,
        44: admitted,
        45: discharged,
    }
    pv1 = "|".join(["PV1", "1", *(places.get(number, "") for number in range(2, 46))])
    return (
        f"MSH|^~\\&|ADT|H|E|C|{sent}||ADT^{event}^ADT_A01|{event}{sent}|P|2.5.1\r"
        f"EVN|{event}|{sent}\rPID|1||{patient}^^^H^MR||DOE^JANE||19700102|F\r{pv1}\r"
    )


def admitted(folder: Path, *messages: str, **options: Any) -> pd.DataFrame:
    for number, message in enumerate(messages):
        (folder / f"{number}.hl7").write_text(message)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LroWarning)
        return read(folder, **options).admissions()


def of(frame: pd.DataFrame, row: int = 0) -> dict[str, Any]:
    return {str(name): None if pd.isna(value) else value for name, value in frame.iloc[row].items()}


def test_results_of_something_else_have_no_admissions_studies_or_series(tmp_path: Path) -> None:
    (tmp_path / "Patient.ndjson").write_text('{"resourceType":"Patient","id":"a"}\n')
    results = read(tmp_path)
    with pytest.raises(
        KeyError, match=r"no table 'messages'; there are Patient; admissions\(\) is of HL7v2 messages"
    ):
        results.admissions()
    for ask in (results.studies, results.series):
        with pytest.raises(KeyError, match=r"no table 'instances'; there are Patient; s\w+\(\) is of DICOM"):
            ask()


def test_the_segments_are_in_the_repr_once_they_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.hl7").write_text(adt("A01", "20260101120000"))
    results = read(tmp_path)
    assert repr(results) == "<Results of 1 file: messages and the tables in it>"
    results.admissions()
    assert repr(results) == "<Results of 1 file: messages (with MSH, EVN, PID, PV1)>"


@pytest.mark.parametrize("parse_dates", [False, True])
def test_a_visit_is_as_its_last_messages_have_it(tmp_path: Path, parse_dates: bool) -> None:  # noqa: FBT001
    frame = admitted(
        tmp_path,
        adt("A03", "20260103090000", ward="W2^1^B^HOSP", discharged="20260103083000"),
        adt("A01", "20260101120000", admitted="20260101113000"),
        adt("A02", "20260102100000", ward="W2^1^B^HOSP"),
        adt("A04", "20260102110000", visit="V2", patient="9"),
        parse_dates=parse_dates,
    )
    assert frame["visit"].tolist() == ["V1", "V2"]
    visit = of(frame)
    assert (visit["patient"], visit["status"], visit["events"]) == ("123", "finished", "A01 A02 A03")
    assert (visit["ward"], visit["room"], visit["bed"], visit["facility"]) == ("W2", "1", "B", "HOSP")
    assert (visit["doctor_id"], visit["doctor_family"], visit["doctor_given"]) == ("77", "HOUSE", "GREG")
    assert visit["admitted"] == pd.Timestamp("2026-01-01T11:30Z")
    assert visit["discharged"] == pd.Timestamp("2026-01-03T08:30Z")
    assert (visit["messages"], visit["class"], visit["service"]) == (3, "I", "MED")
    assert (visit["source"], visit["disposition"]) == ("7", "01")
    other = of(frame, 1)
    assert (other["status"], other["admitted"]) == ("in-progress", pd.Timestamp("2026-01-02T11:00Z"))
    assert other["discharged"] is None


@pytest.mark.parametrize(
    ("events", "status"),
    [
        (["A01"], "in-progress"),
        (["A05"], "planned"),
        (["A05", "A38"], "cancelled"),
        (["A01", "A11"], "cancelled"),
        (["A01", "A11", "A01"], "in-progress"),
        (["A01", "A03"], "finished"),
        (["A01", "A03", "A13"], "in-progress"),
        (["A08"], "unknown"),
    ],
)
def test_what_is_taken_back_did_not_happen(tmp_path: Path, events: list[str], status: str) -> None:
    messages = [adt(event, f"2026010{number + 1}") for number, event in enumerate(events)]
    frame = admitted(tmp_path, *messages)
    assert frame["status"].tolist() == [status]
    assert frame["admitted"].notna().tolist() == [status in ("in-progress", "finished")]
    assert frame["discharged"].notna().tolist() == [status == "finished"]


def test_visits_without_a_number_are_known_by_their_patient_and_time(tmp_path: Path) -> None:
    frame = admitted(
        tmp_path,
        adt("A01", "20260101", visit="", admitted="20260101"),
        adt("A03", "20260102", visit="", admitted="20260101"),
        adt("A01", "20260301", visit="", admitted="20260301"),
        adt("A01", "20260101", visit="", admitted="20260101", patient="9"),
        adt("A08", "20260401", visit=""),
    )
    assert sorted(frame["events"]) == ["A01", "A01", "A01 A03", "A08"]
    assert frame["visit"].isna().all()


def test_columns_are_the_same_where_nothing_tells_of_a_visit(tmp_path: Path) -> None:
    message = "MSH|^~\\&|A|B|C|D|20260101||ORU^R01|1|P|2.5.1\rPID|1||1\r"
    for frame in (admitted(tmp_path, message), admitted(tmp_path, message, adt("A01", "20260101"))):
        dtypes = {name: dtype.pyarrow_dtype for name, dtype in frame.dtypes.items()}
        assert dtypes == dict(zip(SCHEMA.names, SCHEMA.types, strict=True))


@pytest.mark.parametrize("small", [0, 32_000_000])
def test_instances_are_counted_by_study_and_series(
    tmp_path: Path, small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "_SMALL", small)
    (tmp_path / "x.dcm").write_bytes(made())
    told = [("1", "1.1", "CT"), ("1", "1.1", "CT"), ("1", "1.2", "SR"), ("2", "2.1", None)]
    for number, (study, series, modality) in enumerate(told):
        data = pydicom.dcmread(tmp_path / "x.dcm")
        data.StudyInstanceUID, data.SeriesInstanceUID = study, series
        data.SOPInstanceUID, data.PatientID, data.StudyDate = f"9.{number}", f"P{study}", "20240105"
        data.Modality = modality
        data.save_as(tmp_path / f"{number}.dcm")
    (tmp_path / "x.dcm").unlink()
    results = read(tmp_path)
    studies = results.studies()
    assert studies["StudyInstanceUID"].tolist() == ["1", "2"]
    assert studies["ModalitiesInStudy"].tolist() == [["CT", "SR"], []]
    assert studies["NumberOfStudyRelatedSeries"].tolist() == [2, 1]
    assert studies["NumberOfStudyRelatedInstances"].tolist() == [3, 1]
    assert studies["PatientID"].tolist() == ["P1", "P2"]
    assert studies["StudyDescription"].isna().all()
    rows = results.series()
    assert rows["SeriesInstanceUID"].tolist() == ["1.1", "1.2", "2.1"]
    assert rows["NumberOfSeriesRelatedInstances"].tolist() == [2, 1, 1]
    assert rows["Modality"].fillna("-").tolist() == ["CT", "SR", "-"]
    with pytest.raises(KeyError, match="there are"):
        results.studies("pictures")
