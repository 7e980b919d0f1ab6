"""The quickstart path, once on the local service and once, where it is asked for, on Google Cloud.

Both run the same lines. `make test-live` asks for the cloud; CONTRIBUTING says what that needs and leaves.
"""

from __future__ import annotations

import json
import os
import secrets
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

import lro_notebook as lro
from lro_notebook.local import sample
from lro_notebook.results.location import locate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lro_notebook import Dataset
    from lro_notebook.testing import LroService

PATIENTS = 20
NEEDED = ("LRO_LIVE_DATASET", "LRO_LIVE_BUCKET")


@dataclass(frozen=True)
class Place:
    """Where the path is run.

    Attributes
    ----------
    connect : callable
        Returns the dataset, each time with a client that knows nothing yet.
    folder : str
        ``gs://bucket/folder`` without objects.
    slow_down : callable
        Makes the next operations slow enough to be cancelled, where the service can do that.
    cancelled : set of str
        States in which an operation may end that was asked to stop.
    """

    connect: Callable[[], Dataset]
    folder: str
    slow_down: Callable[[], None]
    cancelled: set[str]


def local_place(service: LroService, bucket: str) -> Place:
    def connect() -> Dataset:
        return lro.connect(service.dataset, endpoint=service.endpoint, credentials=service.token)

    return Place(connect, f"gs://{service.bucket(bucket).name}", lambda: service.pace(200), {"CANCELLED"})


def cloud_place(name: str) -> Place:
    dataset, bucket = (os.environ[variable] for variable in NEEDED)

    def connect() -> Dataset:
        return lro.connect(dataset)

    folder = f"gs://{bucket.removeprefix('gs://').strip('/')}/{name}"
    # Google cancels as well as it can: an import may have ended before.
    return Place(connect, folder, lambda: None, {"CANCELLED", "SUCCEEDED"})


@pytest.fixture(params=["local", pytest.param("cloud", marks=pytest.mark.live)])
def place(request: pytest.FixtureRequest) -> Place:
    name = f"lro-live-{secrets.token_hex(4)}"
    if request.param == "local":
        return local_place(request.getfixturevalue("lro_service"), name)
    if request.config.option.markexpr != "live":
        pytest.skip("only 'make test-live' goes to Google Cloud")
    if missing := [variable for variable in NEEDED if not os.environ.get(variable)]:
        pytest.fail(f"set {' and '.join(missing)}; CONTRIBUTING.md says to what")
    return cloud_place(name)


@pytest.fixture
def dataset(place: Place) -> Iterator[Dataset]:
    connected = place.connect()
    yield connected
    connected.client.close()


@pytest.fixture
def store(place: Place, dataset: Dataset, tmp_path: Path) -> Iterator[lro.FhirStore]:
    """A new store, and files of synthetic patients in the bucket; both are removed again."""
    sample.write(tmp_path / "in", patients=PATIENTS)
    local = dataset.client.local()
    at = locate(
        place.folder,
        buckets=str(local.buckets) if local else None,
        storage_options=dataset.client.storage_options(),
    )
    store = dataset.fhir_store(f"lro-live-{secrets.token_hex(4)}")
    with ExitStack() as after:
        after.callback(at.fs.rm, at.path, recursive=True)
        for path in (tmp_path / "in").iterdir():
            at.fs.pipe_file(f"{at.path}/{path.name}", path.read_bytes())
        after.callback(store.delete)
        yield store.create()


def ids_of(folder: Path) -> dict[str, set[str]]:
    """Return the ids of the resources in NDJSON files, by type."""
    return {
        path.stem: {json.loads(line)["id"] for line in path.read_bytes().splitlines()}
        for path in folder.iterdir()
    }


@pytest.mark.service
@pytest.mark.timeout(3600)  # Google takes minutes for each operation
@pytest.mark.filterwarnings(
    "ignore::lro_notebook.errors.TruncatedListsWarning"
)  # patients have several names
def test_the_quickstart_path(place: Place, dataset: Dataset, store: lro.FhirStore, tmp_path: Path) -> None:
    expected = ids_of(tmp_path / "in")
    source = f"{place.folder}/*.ndjson"
    imported = store.import_from(source).wait()
    assert (imported.state, imported.progress.failed or 0) == ("SUCCEEDED", 0), imported.error
    assert imported.progress.completed == sum(map(len, expected.values()))

    exported = store.export_to(f"{place.folder}/out")
    results = exported.load()
    assert {name: set(results[name]["id"]) for name in results} == expected
    assert results.bad_lines.empty

    again = place.connect()  # as after a restart of the kernel: only the journal knows the destination
    assert list(again.operation(exported.name).load()) == list(results)
    assert exported.name in {operation.name for operation in again.operations()}
    again.client.close()

    place.slow_down()
    stopped = store.import_from(source)
    stopped.cancel()
    assert stopped.wait().state in place.cancelled
    assert set(lro.started()["state"]) <= {"SUCCEEDED", stopped.state}
    assert dataset.operation(stopped.name).state == stopped.state
