"""Workers of Dask: they attach by name, and their errors come back."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from children import forks
from results.uneven import write_uneven

import lro_notebook as lro
from lro_notebook.results.load_place import read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lro_notebook.healthcare.dataset import Dataset

# Whole, before anything forks: a child waits for good for an import that another thread has begun.
distributed = pytest.importorskip("distributed")
pytestmark = [
    pytest.mark.service,
    pytest.mark.filterwarnings("ignore"),  # distributed's own, of sockets and forks
]


@pytest.fixture(scope="module", params=["spawn", pytest.param("fork", marks=forks)])
def workers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    import dask

    settings = {
        "distributed.worker.multiprocessing-method": request.param,
        "temporary-directory": str(tmp_path_factory.mktemp("dask")),
    }
    with (
        dask.config.set(settings),
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=2,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",  # not the one port that is everybody's
            scheduler_kwargs={"dashboard": False},
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def exported(folder: Path, number: int) -> tuple[int, str, int]:
    """Export in a worker, and load what it wrote."""
    dataset = lro.connect(data_dir=folder)
    op = dataset.fhir_store("demo").export_to(f"gs://demo-out/worker-{number}", types="Patient")
    return os.getpid(), op.wait(60).destination or "", len(op.load(lists="nested")["Patient"])


def state(folder: Path, name: str) -> str:
    """Attach in a worker."""
    return lro.connect(data_dir=folder).operation(name).wait(60).state


def test_workers_start_attach_and_fail_as_this_process_does(
    dataset: Dataset,
    service: Path,
    workers: Any,
) -> None:
    store = dataset.fhir_store("demo").create(exist_ok=True)
    op = store.import_from("gs://lro-sample/fhir/*.ndjson").wait()
    done = workers.gather([workers.submit(exported, service, number) for number in range(6)])
    assert os.getpid() not in {pid for pid, _, _ in done}
    assert [place for _, place, _ in done] == [f"gs://demo-out/worker-{number}" for number in range(6)]
    assert len({count for _, _, count in done}) == 1
    assert workers.submit(state, service, op.name).result(60) == "SUCCEEDED"
    with pytest.raises(lro.ApiError) as caught:
        workers.submit(state, service, "no-such-one").result(60)
    assert caught.value.status == 404
    with pytest.raises(TypeError) as refused:
        workers.submit(lambda given: given.state, op).result(60)
    assert "Send op.name" in str(refused.value.__cause__)


def test_the_rows_of_an_export_are_read_in_workers(workers: Any, tmp_path: Path) -> None:
    write_uneven(tmp_path)
    with workers.as_current():
        frame = read(tmp_path).dask("T")
        assert frame["id"].compute().tolist() == ["1", "2", "3", "4", "5"]
        assert frame["n"].sum().compute() == 11.5
        assert frame.groupby("late.key", dropna=False).size().compute().sum() == 5
