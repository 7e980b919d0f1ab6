"""Times of HL7v2 tables with ``parse_dates``."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from lro_notebook.errors import LroWarning
from lro_notebook.results.load_place import read

if TYPE_CHECKING:
    from pathlib import Path

    from lro_notebook.results.results import Results

FORMS = {
    "2024": "2024-01-01T00:00:00Z",
    "202402": "2024-02-01T00:00:00Z",
    "20240229": "2024-02-29T00:00:00Z",
    "2024022913": "2024-02-29T13:00:00Z",
    "202402291314": "2024-02-29T13:14:00Z",
    "20240229131415": "2024-02-29T13:14:15Z",
    "20240229131415.1": "2024-02-29T13:14:15.100000Z",
    "20240229131415.1234": "2024-02-29T13:14:15.123400Z",
    "20240229131415.1234567": "2024-02-29T13:14:15.123456Z",
    "20240229131415+0100": "2024-02-29T12:14:15Z",
    "202402291314-0530": "2024-02-29T18:44:00Z",
    "20240229131415.5+0000": "2024-02-29T13:14:15.500000Z",
}


def loaded(folder: Path, births: list[str]) -> Results:
    text = "".join(
        f"MSH|^~\\&|A|B|C|D|{born}||ADT^A01|1|P|2.5\rPID|1||7^^^^MR^^{born}||Roe||{born}^D|F\r"
        for born in births
    )
    (folder / "m.hl7").write_bytes(text.encode())
    results = read(folder / "m.hl7", parse_dates=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LroWarning)
        dict(results)
    return results


def test_every_form_of_the_standard_is_an_instant(tmp_path: Path) -> None:
    results = loaded(tmp_path, list(FORMS))
    right = [pd.Timestamp(text) for text in FORMS.values()]
    for table, column in (
        ("MSH", "MSH.7"),
        ("MSH", "date_time_of_message"),
        ("PID", "PID.7.1"),
        ("PID", "PID.3.7"),
        ("PID", "patient_identifier_list.effective_date"),
    ):
        assert str(results[table][column].dtype) == "timestamp[us, tz=UTC][pyarrow]"
        assert results[table][column].tolist() == right
    assert results["PID"]["PID.3.1"].tolist() == ["7"] * len(FORMS)
    assert results["MSH"]["MSH.10"].tolist() == ["1"] * len(FORMS)


@pytest.mark.parametrize("wrong", ["20240230", "unknown", "2024-02-29", "202402291", "20241301"])
def test_what_is_no_time_stays_text_and_is_told(tmp_path: Path, wrong: str) -> None:
    results = loaded(tmp_path, ["20240229", wrong])
    assert results["MSH"]["MSH.7"].tolist() == ["20240229", wrong]
    told = results.unparsed_dates.set_index("column")["values"].to_dict()
    assert told["MSH.MSH.7"] == 1
