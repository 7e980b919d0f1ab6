"""A text in another ``contentStructure`` than an import was told of: the failure names what would do."""

from __future__ import annotations

import json

import pytest

from lro_notebook.local.fhir.content_structure import misfit

PATIENT = {"resourceType": "Patient", "id": "p"}
BUNDLE = {"resourceType": "Bundle", "type": "transaction", "entry": [{"resource": PATIENT}]}
KEPT = {"resourceType": "Bundle", "id": "b", "type": "collection", "entry": [{"resource": PATIENT}]}


def line(value: object) -> bytes:
    return json.dumps(value).encode()


def lines(*values: object) -> bytes:
    return b"\n".join(map(line, values))


def pretty(value: object) -> bytes:
    return json.dumps(value, indent=2).encode()


@pytest.mark.parametrize(
    ("asked", "raw", "fitting"),
    [
        ("RESOURCE", line(BUNDLE), "BUNDLE"),
        ("RESOURCE", line({**BUNDLE, "id": "b"}), "BUNDLE"),
        ("RESOURCE", b"{", "RESOURCE_PRETTY"),
        ("RESOURCE_PRETTY", pretty(BUNDLE), "BUNDLE_PRETTY"),
        ("RESOURCE_PRETTY", lines(PATIENT, PATIENT), "RESOURCE"),
        ("RESOURCE_PRETTY", lines(BUNDLE, BUNDLE), "BUNDLE"),
        ("RESOURCE_PRETTY", lines(KEPT, KEPT), "BUNDLE"),
        ("BUNDLE", line(PATIENT), "RESOURCE"),
        ("BUNDLE", b"{", "BUNDLE_PRETTY"),
        ("BUNDLE_PRETTY", pretty(PATIENT), "RESOURCE_PRETTY"),
        ("BUNDLE_PRETTY", lines(PATIENT, PATIENT), "RESOURCE"),
        ("BUNDLE_PRETTY", lines(BUNDLE, BUNDLE), "BUNDLE"),
        ("RESOURCE", line(PATIENT), None),
        ("RESOURCE", line(KEPT), None),
        ("RESOURCE", line({"resourceType": "Patient"}), None),
        ("BUNDLE", line(BUNDLE), None),
        ("BUNDLE", b"no JSON", None),
        ("BUNDLE", b"[]", None),
        ("BUNDLE", b'{"a": 1}', None),
        ("RESOURCE_PRETTY", pretty(PATIENT), None),
        ("RESOURCE_PRETTY", b"{\nno JSON", None),
    ],
)
def test_the_structure_that_fits_is_named(asked: str, raw: bytes, fitting: str | None) -> None:
    said = misfit(raw, bundles=asked.startswith("BUNDLE"), whole_files=asked.endswith("PRETTY"))
    assert (said and said.rpartition("use contentStructure ")[2]) == fitting
