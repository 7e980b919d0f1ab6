"""What another program writes is there at the next look, through real gcsfs on the buckets of the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from lro_notebook.errors import ResultError
from lro_notebook.results.load_place import read

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.conftest import Program

    from lro_notebook.results.results import Results

pytestmark = [pytest.mark.service, pytest.mark.filterwarnings("ignore")]  # of libraries under gcsfs

Reader = "Callable[..., Results]"


@pytest.fixture
def options(service: Program) -> dict[str, Any]:
    """Return how real gcsfs reaches the buckets of the service."""
    pytest.importorskip("gcsfs.core", reason="gcsfs is not installed")
    credentials = pytest.importorskip("google.oauth2.credentials").Credentials(token=service.token)
    return {"project": "local", "token": credentials, "endpoint_url": service.endpoint}


@pytest.fixture
def load(options: dict[str, Any]) -> Callable[..., Results]:
    return lambda place, **more: read(place, storage_options=options, **more)


def patients(*ids: int) -> list[str]:
    return [f'{{"resourceType":"Patient","id":"p{number}"}}' for number in ids]


def exported(service: Program, store: str, place: str) -> str:
    operation = service.start_export(store, place)
    service.ended(operation)
    return operation.rpartition("/")[2]


def test_a_second_export_to_one_prefix_is_there(service: Program, load: Callable[..., Results]) -> None:
    store = service.store("fresh")
    service.imported(store, service.put_lines("demo-out/fresh-in.ndjson", patients(1, 2, 3)))
    for _ in range(2):
        operation = exported(service, store, "gs://demo-out/fresh")
        assert len(load("gs://demo-out/fresh", operation=operation)["Patient"]) == 3


def test_a_shard_that_grew_or_was_added_is_whole(
    service: Program, load: Callable[..., Results], options: dict[str, Any]
) -> None:
    from gcsfs.core import GCSFileSystem  # the newer class would ask over gRPC first

    theirs = GCSFileSystem(**options)
    place = service.put_lines("demo-out/grown/Patient.000.ndjson", patients(1, 2, 3)).rpartition("/")[0]
    assert len(theirs.ls("demo-out/grown")) == 1
    assert len(load(place)["Patient"]) == 3
    service.put_lines("demo-out/grown/Patient.000.ndjson", patients(1, 2, 3, 4))
    assert len(load(place)["Patient"]) == 4
    service.put_lines("demo-out/grown/Patient.001.ndjson", patients(5, 6))
    results = load(place)
    assert len(results["Patient"]) == 6
    assert len(results.view("Patient")) == 6
    assert len(results.dask("Patient").compute()) == 6
    assert len(load(f"{place}/Patient*.ndjson")["Patient"]) == 6
    assert len(theirs.ls("demo-out/grown")) == 1  # what others remember is theirs


def test_a_manifest_that_was_written_anew_is_read_anew(
    service: Program, load: Callable[..., Results]
) -> None:
    for count in (1, 2):
        service.put_lines(f"demo-out/listed/{count}.ndjson", patients(*range(count)))
        output = ",".join(
            f'{{"url":"gs://demo-out/listed/{n}.ndjson","type":"Patient"}}' for n in range(1, count + 1)
        )
        place = service.put_lines(
            "demo-out/listed/manifest.json", [f'{{"transactionTime":"x","output":[{output}]}}']
        )
        assert len(load(place)["Patient"]) == (1, 3)[count - 1]


@pytest.mark.parametrize("after", [patients(4, 5, 6), patients(1), patients(*range(9))])
def test_the_generation_that_was_listed_is_read_or_none(
    service: Program, load: Callable[..., Results], after: list[str]
) -> None:
    service.put_lines("demo-out/pinned/Patient.000.ndjson", patients(1, 2, 3))
    service.put_lines("demo-out/pinned/Encounter.000.ndjson", ['{"resourceType":"Encounter","id":"e"}'])
    results = load("gs://demo-out/pinned")
    service.put_lines("demo-out/pinned/Patient.000.ndjson", after)
    with pytest.raises(ResultError, match=r"Patient.000.ndjson changed while it was being read; load again"):
        results["Patient"]
    assert len(results["Encounter"]) == 1
    assert len(load("gs://demo-out/pinned")["Patient"]) == len(after)
    (service.buckets / "demo-out/pinned/Patient.000.ndjson").unlink()
    with pytest.raises(ResultError, match="it was deleted"):
        results["Patient"]


def test_another_generation_is_not_found(service: Program) -> None:
    service.put_lines("demo-out/generations/a", ["a"])
    for base in ("storage/v1", "download/storage/v1"):
        url = httpx.URL(f"{service.endpoint}/{base}/b/demo-out/o/generations%2Fa")
        now = service.client.get(f"{service.endpoint}/storage/v1/b/demo-out/o/generations%2Fa").json()[
            "generation"
        ]
        assert service.client.get(url, params={"alt": "media", "generation": now}).text == "a\n"
        assert service.client.get(url, params={"alt": "media", "generation": "1"}).status_code == 404
