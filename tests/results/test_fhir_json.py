"""FHIR resources in Bundles, lists, alone and in lines of several types, as tables by type."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

from results.json_files import bad, results_of, rows

from lro_notebook.results.formats.fhir.json import FHIR_JSON, types_in
from lro_notebook.results.limits import Limits

if TYPE_CHECKING:
    from pathlib import Path

PATIENTS = [{"resourceType": "Patient", "id": f"p{number}"} for number in range(3)]
CONDITION = {"id": "c", "subject": {"reference": "Patient/p0"}, "resourceType": "Condition"}
BUNDLE = {
    "resourceType": "Bundle",
    "type": "searchset",
    "entry": [
        {"fullUrl": "urn:1", "resource": PATIENTS[0]},
        {"resource": CONDITION, "search": {"mode": "match"}},
        {"request": {"method": "DELETE", "url": "Patient/9"}},
    ],
}


def test_the_types_in_a_file_are_told() -> None:
    lines = "".join(json.dumps(each) + "\n" for each in (CONDITION, *PATIENTS))
    for text, expected in (
        (json.dumps(BUNDLE, indent=2), {"Patient": 1, "Condition": 1}),
        (lines, {"Condition": 1, "Patient": 3}),
        (json.dumps(PATIENTS, indent=1), {"Patient": 3}),
        (json.dumps(CONDITION, indent=1), {"Condition": 1}),
        ('{"a":1}', {}),
    ):
        assert types_in(io.BytesIO(text.encode()), Limits()) == expected


def test_a_table_has_the_resources_of_its_type(tmp_path: Path) -> None:
    texts = [
        json.dumps(BUNDLE, indent=2),
        json.dumps([*PATIENTS, CONDITION]),
        json.dumps(CONDITION, indent=2),
    ]
    results = results_of(tmp_path, *texts, reading=FHIR_JSON, table="Condition")
    assert rows(results) == [
        {"id": "c", "subject.reference": "Patient/p0", "resourceType": "Condition"} for _ in range(3)
    ]
    assert bad(results) == []


def test_what_is_no_resource_is_bad_in_each_table(tmp_path: Path) -> None:
    text = json.dumps(BUNDLE, indent=2).replace('"id": "p0"', '"id": NaN') + "\nno\n" + json.dumps(PATIENTS)
    results = results_of(tmp_path, text, reading=FHIR_JSON, table="Patient")
    assert len(rows(results)) == 3
    entry = text[: text.index('"fullUrl"')].count("\n")
    assert bad(results) == [
        ("000", entry, "not valid JSON"),
        ("000", text[: text.index("\nno")].count("\n") + 2, "not valid JSON"),
    ]
