"""Which addresses in the manifest of a bulk export name objects of Cloud Storage."""

from __future__ import annotations

import pytest

from lro_notebook.healthcare.bulk_export import _with_objects

HERE = "http://127.0.0.1:8080"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (f"{HERE}/storage/v1/b/out/o/a%2F1_Patient.ndjson?alt=media", "gs://out/a/1_Patient.ndjson"),
        ("https://storage.googleapis.com/download/storage/v1/b/out/o/a%20b?alt=media", "gs://out/a b"),
        ("gs://out/a", "gs://out/a"),
        (f"{HERE}/storage/v1/b/out/o/a", None),
        ("http://127.0.0.1:8081/storage/v1/b/out/o/a?alt=media", None),
        ("https://storage.googleapis.com.example.org/storage/v1/b/out/o/a?alt=media", None),
    ],
)
def test_an_object_is_named_by_its_uri_where_its_host_is_known(url: str, expected: str | None) -> None:
    manifest = {"output": [{"type": "Patient", "url": url}], "error": []}
    (file,) = _with_objects(manifest, HERE)["output"]
    assert file == {"type": "Patient", "url": expected or url}


@pytest.mark.parametrize("odd", [None, [], {}, {"output": None}, {"output": [7, {}]}])
def test_what_is_no_manifest_stays_as_it_is(odd: object) -> None:
    assert _with_objects(odd, HERE) == odd
