"""Links to the Google Cloud console: from names alone, for Google's Healthcare API alone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from fakes import operation
from handles import NOW, handle

from lro_notebook import Operation
from lro_notebook.jupyter import card_html
from lro_notebook.jupyter.card_model import card_of
from lro_notebook.jupyter.console_links import links_of

DATASET = "projects/p-1/locations/us-central1/datasets/d"
GOOGLE = "https://healthcare.googleapis.com"
HERE = "https://console.cloud.google.com/healthcare/browser/locations/us-central1/datasets/d"


def on_google(name: str = f"{DATASET}/operations/7", endpoint: str = GOOGLE, **fields: Any) -> Any:
    """Return what the links are made of."""
    given = {"source": None, "destination": None, "target": "", "resource": SimpleNamespace(metadata={})}
    client = SimpleNamespace(endpoint=endpoint, is_local=False)
    return SimpleNamespace(**(given | {"name": name, "client": client} | fields))


def test_an_operation_on_a_store_of_google_cloud_has_links_to_it_its_dataset_and_its_log() -> None:
    assert dict(links_of(on_google(source=f"{DATASET}/fhirStores/demo", destination="gs://out/run-1"))) == {
        "operations": f"{HERE}/operations?project=p-1",
        "store": f"{HERE}/fhirStores/demo/details/overview?project=p-1",
        "log": "https://console.cloud.google.com/logs/query;query=operation.id%3D%22projects%2Fp-1%2Flocations"
        "%2Fus-central1%2Fdatasets%2Fd%2Foperations%2F7%22?project=p-1",
    }


def test_other_stores_are_found_in_the_list_and_a_log_that_is_told_is_linked_once() -> None:
    told = SimpleNamespace(metadata={"logsUrl": "https://console.cloud.google.com/logs/query/x"})
    found = links_of(on_google(target=f"{DATASET}/dicomStores/d", resource=told))
    assert found == (
        ("operations", f"{HERE}/operations?project=p-1"),
        ("stores", f"{HERE}/datastores?project=p-1"),
    )


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://healthcare.googleapis.com",
        "https://healthcare.googleapis.com.example.org",
        "https://example.org/healthcare.googleapis.com",
        "https://vision.googleapis.com",
        "http://127.0.0.1:8080",
        "",
    ],
)
def test_no_other_service_has_links(endpoint: str) -> None:
    assert links_of(on_google(endpoint=endpoint)) == ()


def test_the_local_service_has_none_and_a_regional_endpoint_has_them() -> None:
    assert links_of(on_google(client=SimpleNamespace(endpoint=GOOGLE, is_local=True))) == ()
    assert links_of(on_google(endpoint="https://healthcare.europe-west4.rep.googleapis.com"))


@pytest.mark.parametrize("bad", ['"><script>', "a b", "x/../y", "x?y", "x#y", "é", "x" * 300, ""])
def test_a_name_that_is_no_plain_name_makes_no_link(bad: str) -> None:
    assert links_of(on_google(name=f"projects/{bad}/locations/l/datasets/d/operations/7")) == ()
    words = [word for word, _ in links_of(on_google(source=f"{DATASET}/fhirStores/{bad}"))]
    assert words == ["operations", "stores", "log"]


def test_a_card_shows_the_links_of_its_operation() -> None:
    op = handle(operation(name=f"{DATASET}/operations/7"), source=f"{DATASET}/fhirStores/demo")
    assert "console.cloud" not in card_html.details(card_of(op, NOW))
    client: Any = SimpleNamespace(endpoint=GOOGLE, is_local=False)
    shown = card_html.details(card_of(Operation(op.poller, client=client), NOW))
    assert shown.count('<a href="https://console.cloud.google.com/') == 3
    assert shown.count('target="_blank" rel="noopener noreferrer"') == 3
