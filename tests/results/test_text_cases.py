"""Inputs on which the package was wrong once: kept ones where they are there, and own small ones for each."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
from places import SHARED
from results.dicoms import made
from results.header import MSH
from results.whole import loaded

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lro_notebook.results.results import Results

CASES = SHARED / "cases"
CHINESE = MSH.replace("|2.5\r", "|2.5||||||GB 18030-2000\r")
LATIN = MSH.replace("|2.5\r", "|2.5||||||8859/1\r")
OBJECT = '{"00080018":{"vr":"UI","Value":["1.2.3.9"]},%s}\n{"00080018":{"vr":"UI","Value":["1.2.3.9"]}}\n'
REPORT = "Findings:\nWBC: 5.2\nRBC: 4.1\nCT-scan: none"


def seven_digits(folder: Path) -> None:
    (folder / "Observation.ndjson").write_text(
        '{"resourceType":"Observation","id":"o1","issued":"2024-03-01T11:20:30.1234567+01:00"}\n'
    )


def line_feeds(folder: Path) -> None:
    text = f"OBX|1|TX|A^Report||{REPORT}||||||F\rNTE|1||See\nMRI, ordered\rOBX|2|NM|B||180|cm|||||F\r"
    (folder / "report.hl7").write_bytes((MSH + text).encode())


def gb18030(folder: Path) -> None:
    for name, person in (("also", "英^平"), ("short", "袁^伟"), ("usual", "张^丽")):
        (folder / f"{name}.hl7").write_bytes(f"{CHINESE}PID|1||77||{person}\r".encode("gb18030"))


def escapes(folder: Path) -> None:
    text = "OBX|1|ST|A||caf\\XE9\\\rOBX|2|ST|A||\\XE0\\ é\rOBX|3|ST|A||a\\X0D0A\\b\r"
    (folder / "m.hl7").write_bytes((LATIN + text).encode("latin-1"))


def other_suffixes(folder: Path) -> None:
    for number, name in enumerate(("1.2.3.99", "IM0001", "a.dcm", "b.IMA", "c.dicom", "d.img")):
        data = made().replace(b"LO\x02\x00p\x20", b"LO\x02\x00P%d" % number)
        (folder / name).write_bytes(data)


def bare_values(folder: Path) -> None:
    for name, value in (
        ("date", '"00080020":{"vr":"DA","Value":"20240105"}'),
        ("number", '"00280010":{"vr":"US","Value":512}'),
        ("sequence", '"00081140":{"vr":"SQ","Value":{"00081155":{"vr":"UI","Value":["1.2"]}}}'),
        ("text", '"00100020":{"vr":"LO","Value":"PAT-42"}'),
    ):
        (folder / f"{name}.json").write_text(OBJECT % value)


def check_seven_digits(results: Results) -> None:
    told = dt.datetime(2024, 3, 1, 10, 20, 30, 123456, tzinfo=dt.UTC)
    assert results.arrow("Observation")["issued"].to_pylist() == [told]
    assert results.unparsed_dates.empty


def check_line_feeds(results: Results) -> None:
    assert results["OBX"]["OBX.5"].tolist() == [REPORT, "180"]
    assert results["OBX"]["OBX.11"].tolist() == ["F", "F"]
    assert results["NTE"]["NTE.3"].tolist() == ["See\nMRI, ordered"]


def check_gb18030(results: Results) -> None:
    assert sorted(results["PID"]["PID.5.1"]) == ["张", "英", "袁"]


def check_escapes(results: Results) -> None:
    assert results["OBX"]["OBX.5"].tolist() == ["café", "à é", "a\r\nb"]


def check_other_suffixes(results: Results) -> None:
    assert sorted(results["instances"]["PatientID"]) == [f"P{number}" for number in range(6)]


def check_bare_values(results: Results) -> None:
    rows = results["instances"]
    assert len(rows) == 8
    assert rows["PatientID"].dropna().tolist() == ["PAT-42"]
    assert rows["Rows"].dropna().tolist() == [512]
    assert rows["ReferencedImageSequence.ReferencedSOPInstanceUID"].dropna().tolist() == ["1.2"]
    assert [str(day)[:10] for day in rows["StudyDate"].dropna()] == ["2024-01-05"]


@pytest.mark.parametrize(
    ("case", "write", "check"),
    [
        ("06-parse-dates-seven-digits", seven_digits, check_seven_digits),
        ("07-hl7-line-feed-in-text", line_feeds, check_line_feeds),
        ("09-hl7-charset-gb18030", gb18030, check_gb18030),
        ("10-hl7-hex-escape-in-charset", escapes, check_escapes),
        ("18-dicom-other-suffixes/mixed", other_suffixes, check_other_suffixes),
        ("20-dicom-json-bare-values", bare_values, check_bare_values),
    ],
)
@pytest.mark.parametrize("kept", [False, True], ids=["own", "kept"])
def test_what_was_wrong_once_is_right(
    case: str,
    write: Callable[[Path], None],
    check: Callable[[Results], None],
    *,
    kept: bool,
    tmp_path: Path,
) -> None:
    folder = CASES / case if kept else tmp_path
    if not folder.is_dir():
        pytest.skip(f"the kept inputs are not at {CASES}")
    if not kept:
        write(folder)
    results = loaded(folder, parse_dates=True)
    check(results)
    assert results.bad_lines.empty
    assert results.skipped.empty
