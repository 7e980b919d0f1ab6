"""Imports of files in another ``content_structure``: who started one is told which would do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import lro_notebook as lro

if TYPE_CHECKING:
    from lro_notebook import Dataset

PATIENT = '{"resourceType": "Patient", "id": "p"}'
BUNDLE = f'{{"resourceType": "Bundle", "type": "transaction", "entry": [{{"resource": {PATIENT}}}]}}'


@pytest.mark.service
@pytest.mark.parametrize(
    ("asked", "text", "fitting"),
    [
        ("RESOURCE", f"{BUNDLE}\n{BUNDLE}", "BUNDLE"),
        ("BUNDLE", f"{PATIENT}\n{PATIENT}", "RESOURCE"),
        ("BUNDLE_PRETTY", json.dumps(json.loads(PATIENT), indent=2), "RESOURCE_PRETTY"),
    ],
)
def test_who_imports_in_another_structure_is_told_which_would_do(
    dataset: Dataset, asked: str, text: str, fitting: str
) -> None:
    local = dataset.client.local()
    assert local is not None
    store = dataset.fhir_store(f"structures-{asked}").create(exist_ok=True)
    place = local.buckets / "demo-out" / f"structures-{asked}.json"
    place.write_text(text)
    with pytest.warns(lro.PartialFailureWarning, match="another content_structure"):
        op = store.import_from(f"gs://demo-out/{place.name}", content_structure=asked).wait()
    with pytest.warns(lro.LroWarning, match="another content_structure than the import was told"):
        frame = op.failures()
    assert frame["message"].str.endswith(f"use contentStructure {fitting}").all()
    again = store.import_from(f"gs://demo-out/{place.name}", content_structure=fitting).wait()
    assert not again.progress.failed


@pytest.mark.service
def test_who_imports_messages_as_they_are_is_told_what_an_import_takes(dataset: Dataset) -> None:
    local = dataset.client.local()
    assert local is not None
    place = local.buckets / "demo-out" / "as-they-are.hl7"
    place.write_text("MSH|^~\\&|A|B|C|D|20260101||ADT^A01|1|P|2.5\rPID|1||9\r")
    words = r'has to be a message in JSON, {"data": "…"} with its bytes in base64\. store\.create_message'
    store = dataset.hl7v2_store("as-they-are").create(exist_ok=True)
    with pytest.warns(lro.PartialFailureWarning, match=words):
        op = store.import_from(f"gs://demo-out/{place.name}").wait()
    with pytest.warns(lro.LroWarning, match=words):
        assert len(op.failures()) == 1
