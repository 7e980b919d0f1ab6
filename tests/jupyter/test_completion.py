"""What Tab offers inside quotes; keywords that are not there."""

from __future__ import annotations

from typing import Any

import pytest

import lro_notebook as lro
from lro_notebook.healthcare.fhir_types import TYPES
from lro_notebook.jupyter.completion import Words, offered, words_of

WORDS: Words = words_of(
    [lro.Operation.load, lro.FhirStore.export_to, lro.FhirStore.import_from, lro.View],
    {"types": ["Patient", "Person"], "definition": ["Patient"]},
)
LISTS = ["first", "nested", "explode"]
READ: Any = lro.read_results
CONNECT: Any = lro.connect
LINES = {
    'op.load(lists="': LISTS,
    "x = op.load('gs://b/f', decimals = 'exact', lists='ne": LISTS,
    'op.load(since(a("b"), c), lists="': LISTS,
    'store.export_to("gs://b", types="Pat': ["Patient", "Person"],
    'store.export_to("gs://b", types="Patient,': ["Patient", "Person"],
    'store.export_to("gs://b", types=["Patient", "P': ["Patient", "Person"],
    "store.import_from(uri, content_structure='": ["RESOURCE", "BUNDLE", "RESOURCE_PRETTY", "BUNDLE_PRETTY"],
    "lro.View('": ["Patient"],
    'store.export_to("gs': [],
    "store.export_to(types=": [],
    'other(types="': [],
    'types="': [],
    'op.load(lists="first"': [],
    'op.load(lists="first")["': [],
}


@pytest.mark.parametrize("line", LINES)
def test_the_words_of_an_argument_are_offered_in_its_quotes(line: str) -> None:
    assert offered(line, WORDS) == LINES[line]


def test_the_types_are_those_of_fhir() -> None:
    assert {"Patient", "Observation", "MedicationRequest"} <= TYPES["R4"]


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: READ("x", list="nested"),
            "unexpected keyword argument 'list'; did you mean 'lists'",
        ),
        (lambda: CONNECT(data_folder="x"), "argument 'data_folder'; did you mean 'data_dir'"),
        (lambda: CONNECT(zzz=1), r"argument 'zzz'; it takes dataset, credentials, endpoint"),
    ],
)
def test_an_unknown_keyword_names_the_nearest(call: Any, sentence: str) -> None:
    with pytest.raises(TypeError, match=sentence):
        call()


def test_all_methods_that_start_or_read_name_the_nearest_keyword() -> None:
    dataset = lro.connect("projects/p/locations/l/datasets/d", endpoint="http://127.0.0.1:9", credentials="t")
    store = dataset.fhir_store("s")
    methods: list[tuple[Any, str, str]] = [
        (store.export_to, "typs", "types"),
        (store.import_from, "content", "content_structure"),
        (store.create, "exists_ok", "exist_ok"),
        (dataset.hl7v2_store("h").create, "exists_ok", "exist_ok"),
        (dataset.dicom_store("i").export_to, "sho", "show"),
        (dataset.read_results, "column", "columns"),
        (dataset.deidentify, "confg", "config"),
    ]
    for method, wrong, right in methods:
        with pytest.raises(TypeError, match=f"{wrong!r}; did you mean {right!r}"):
            method("gs://b/x", **{wrong: None})


def test_only_public_names_are_listed() -> None:
    assert dir(lro) == sorted(lro.__all__)
    with lro.Client("http://127.0.0.1:9", credentials="t") as client:
        names = dir(lro.watch({"name": "operations/1", "done": True}, client=client))
    assert {"load", "wait", "progress", "failures"} <= set(names)
    inner = {"poller", "record", "samples", "snapshot", "about_to_block"}
    assert not inner & set(names)
    assert not [name for name in names if name.startswith("_")]


def test_to_frame_says_where_from_and_where_to_also_when_empty() -> None:
    empty = lro.to_frame([])
    assert empty[["source", "destination"]].dtypes.astype(str).tolist() == ["string", "string"]
    with lro.Client("http://127.0.0.1:9", credentials="t") as client:
        frame = lro.to_frame(lro.watch({"name": "operations/1", "done": True}, client=client))
    assert frame[["source", "destination"]].isna().all(axis=None)
    assert frame.dtypes.equals(empty.dtypes)
