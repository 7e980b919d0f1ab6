"""No token and no patient data in what this package shows, logs or keeps: a run with marked values."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import nbformat
import pytest
from nbclient import NotebookClient
from services import start_warm

from lro_notebook import local

if TYPE_CHECKING:
    from pathlib import Path

    from warm import Warm

pytestmark = [pytest.mark.service, pytest.mark.kernel]

MARK = "Xyzzyplugh"  # a name that stands in no text of ours
PATIENT = {"resourceType": "Patient", "id": "p1", "name": [{"family": MARK}]}
BROKEN = [
    json.dumps(PATIENT)[:-2],  # cut off
    json.dumps({**PATIENT, "id": f"not an id {MARK}"}),
    json.dumps({**PATIENT, "resourceType": f"No type {MARK}"}),
    json.dumps(PATIENT) + json.dumps(PATIENT),
]
CELLS = """\
import logging
logging.basicConfig(filename="everything.log", level=logging.DEBUG)
import lro_notebook as lro
ds = lro.connect()
store = ds.fhir_store("private").create(exist_ok=True)
#
op = store.import_from("gs://private-in/*.ndjson")
#
op.wait()
#
print(repr(op), op, ds, store, ds.client, ds.client.session.auth, op.metadata, op.progress)
op.failures()
#
results = store.export_to("gs://private-out/x").load()
results, results.summary, results.bad_lines
#
ds.dicom_store("private").create(exist_ok=True).studies(PatientID="Xyzzy" + "plugh")
#
lro.started()
#
try:
    lro.read_results("gs://private-in", errors="raise")["Patient"]
except lro.LroError as error:
    print(error)
#
try:
    ds.client.session.call("GET", "nonsense", role="read")
except lro.LroError as error:
    print(error)
"""


def test_marked_values_are_found_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warm: Warm | None
) -> None:
    data = tmp_path / "data"
    start_warm(monkeypatch, warm, "--sample-patients", "3")
    local.ensure(data)
    source = data / "buckets" / "private-in"
    source.mkdir(parents=True)
    source.with_name("private-out").mkdir()
    (source / "Patient.ndjson").write_text("\n".join([json.dumps(PATIENT), *BROKEN]) + "\n")
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS.split("#\n")]
    )
    try:
        NotebookClient(notebook, resources={"metadata": {"path": str(tmp_path)}}, timeout=90).execute()
    finally:
        local.stop(data)
    saved = nbformat.writes(notebook)
    places = {
        "the notebook": saved,
        "the log": (tmp_path / "everything.log").read_text(),
        "the journal": "".join(
            path.read_bytes().decode("utf-8", "replace")
            for path in (tmp_path / "state").rglob("*")
            if path.is_file()
        ),
    }
    token = (data / "token").read_text().strip()
    assert len(token) > 20
    assert "of its units failed" in saved
    for name, text in places.items():
        assert MARK not in text, name
        assert token not in text, name
