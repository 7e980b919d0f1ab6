"""What the recipes of the cookbook find: files in their folder, and a server in Google's place."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from imitation import Imitation, Script
from nbformat import v4, writes

if TYPE_CHECKING:
    from collections.abc import Iterator

VERTEX = "https://us-central1-aiplatform.googleapis.com"
JOB = "projects/demo/locations/us-central1/batchPredictionJobs/7"
OUTPUT = "demo-out/prediction-7"


@dataclass
class Prediction:
    """A batch prediction that has ended at the second look."""

    looks: int = 0

    def as_json(self) -> dict[str, Any]:
        self.looks += 1
        job = {"name": JOB, "displayName": "readmission", "createTime": "2026-11-02T08:00:00Z"}
        if self.looks < 2:
            return {**job, "state": "JOB_STATE_RUNNING"}
        ended = {"state": "JOB_STATE_SUCCEEDED", "endTime": "2026-11-02T08:05:00Z"}
        return {**job, **ended, "outputInfo": {"gcsOutputDirectory": f"gs://{OUTPUT}"}}


def never(method: str) -> Script:
    raise AssertionError(method)


@contextmanager
def vertex() -> Iterator[str]:
    """Give the address of a server that has one batch prediction, and a bucket with what it wrote."""
    buckets = TemporaryDirectory()
    with Imitation(never, buckets=buckets) as server:
        folder = Path(buckets.name) / OUTPUT
        folder.mkdir(parents=True)
        for number in range(2):
            line = {"instance": {"id": str(number)}, "prediction": {"score": number / 4}}
            (folder / f"prediction.results-0000{number}-of-00002").write_text(f"{json.dumps(line)}\n")
        server.operations[JOB] = Prediction()  # type: ignore[assignment]  # has what is asked of one
        yield server.rest


def bundle(number: int) -> dict[str, Any]:
    """Return a patient as Synthea writes one: a transaction with references to what is in it."""
    patient, condition = f"urn:uuid:{number:08d}-0000-4000-8000-000000000001", f"urn:uuid:{number:08d}-c"
    resources: dict[str, dict[str, Any]] = {
        patient: {"resourceType": "Patient", "id": patient[9:], "birthDate": f"19{50 + number}-03-01"},
        condition: {
            "resourceType": "Condition",
            "id": f"c{number}",
            "subject": {"reference": patient},
            "code": {"text": "Hypertension"},
        },
    }
    entries = [
        {"fullUrl": url, "resource": body, "request": {"method": "POST", "url": body["resourceType"]}}
        for url, body in resources.items()
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def lay_out(folder: Path) -> None:
    """Put into a folder what the recipes read: two patients of Synthea, and a notebook with parameters."""
    patients = folder / "output" / "fhir"
    patients.mkdir(parents=True)
    for number in range(2):
        (patients / f"patient_{number}.json").write_text(json.dumps(bundle(number), indent=2))
    cells = [v4.new_code_cell('dest = "gs://demo-out/try"'), v4.new_code_cell("print(dest)")]
    cells[0].metadata["tags"] = ["parameters"]
    kernel = {"name": "python3", "display_name": "Python", "language": "python"}
    notebook = v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    (folder / "nightly.ipynb").write_text(writes(notebook), encoding="utf-8")


def untrue(names: dict[str, Any]) -> list[str]:
    """Return what the recipes say of what comes out, and which does not hold for these names."""
    runs = sorted(Path.cwd().glob("nightly-*.ipynb"))
    synthea, labs = names["read"].join("Condition", "Patient"), names["labs"]
    files = map(Path, ("patients.csv", "observations.parquet", "export-parquet/Patient"))
    held = {
        "the patients of Synthea are joined": list(synthea["Patient.birthDate"].notna()) == [True, True],
        "a colleague's files are a table": len(names["patients"]) > 10,
        "labs are a cohort's": len(labs) > 10 and labs["patient_id"].isin(names["diabetes"]).all(),
        "conditions have their patients": names["people"].attrs["join"]["matched"] == len(names["people"]),
        "resources are counted": names["sizes"].set_index("type")["count"]["Patient"] > 10,
        "a week's changes are there": len(names["changed"]["Patient"]) > 10,
        "visits are rows": len(names["visits"]) > 5,
        "images are rows": len(names["images"]["instances"]) > 5,
        "no name is kept": names["report"].query("column == 'name.family'")["kept"].sum() == 0,
        "SQL gives counts": names["top"]["n"].is_monotonic_decreasing and len(names["top"]) > 3,
        "CSV and Parquet are there": all(path.exists() for path in files),
        "3 of 30 exports are cancelled": dict(names["ended"]) == {"SUCCEEDED": 27, "CANCELLED": 3},
        "the end was told": len(names["told"]) == 1,
        "predictions are rows": list(names["predictions"]["prediction.score"]) == [0.0, 0.25],
        "papermill passed the parameter": 'dest = "gs://demo-out/2' in runs[-1].read_text().replace("\\", ""),
    }
    return [what for what, holds in held.items() if not holds]
