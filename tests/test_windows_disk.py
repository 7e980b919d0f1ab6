"""The service and its client on a disk with the rules of Windows; `make test-platforms` has what that needs.

A simulation: Linux' Python, on a file system that folds case, reserves names and holds open files.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from patience import GIVE_UP

import lro_notebook as lro
from lro_notebook import local, platforms
from lro_notebook.local.core.buckets import Buckets, parse, parse_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest.importorskip(
    "mfusepy", reason="make test-platforms installs what serves a disk with the rules of Windows"
)
pytestmark = pytest.mark.skipif(not Path("/dev/fuse").exists(), reason="no file systems in user space here")

HERE = Path(__file__).parent
#: As `platforms` does on Windows: wait for files that are open.
PATIENT = """
from lro_notebook import platforms
for function in (platforms.replace, platforms.unlink, platforms.patiently):
    function.__kwdefaults__["windows"] = True
"""
PATIENT_BODY = '{"resourceType": "Patient", "id": "%s"}\n'


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The disk."""
    top = tmp_path_factory.mktemp("windows")
    folder, mount = top / "folder", top / "mount"
    folder.mkdir()
    mount.mkdir()
    serving = subprocess.Popen([sys.executable, HERE / "windows_disk.py", folder, mount])
    deadline = time.monotonic() + GIVE_UP
    while not mount.is_mount():
        assert serving.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    yield mount
    subprocess.run(["fusermount", "-u", "-z", mount], check=True)  # noqa: S607 - of libfuse
    serving.wait(30)


@pytest.fixture(scope="module", autouse=True)
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let this process and the services that it starts wait for open files, as on Windows."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "sitecustomize.py").write_text(PATIENT, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join((str(folder), os.environ.get("PYTHONPATH", ""))))
        for function in (platforms.replace, platforms.unlink, platforms.patiently):
            patch.setattr(function, "__kwdefaults__", {**(function.__kwdefaults__ or {}), "windows": True})
        yield


@pytest.fixture(scope="module")
def data(disk: Path) -> Iterator[Path]:
    """The data directory of a service on the disk."""
    folder = disk / "Data"
    yield folder
    local.stop(folder)


@pytest.fixture
def dataset(data: Path) -> Iterator[lro.Dataset]:
    dataset = lro.connect(data_dir=data)
    yield dataset
    dataset.client.close()


def test_a_data_directory_is_the_same_however_it_is_spelled(data: Path) -> None:
    running = local.ensure(data, timeout=60)
    again = local.ensure(data.with_name("dATA"), timeout=5)
    assert again.identity == running.identity
    local.set_pace(None, data.with_name("DATA"))


def test_names_that_windows_reserves_or_takes_for_one_are_objects_of_their_own(
    dataset: lro.Dataset, data: Path, tmp_path: Path
) -> None:
    names = [
        "Patient.ndjson",
        "patient.ndjson",
        "PATIENT.ndjson",
        "a:b.ndjson",
        "con.ndjson",
        "end.",
        "50%3A.ndjson",
    ]
    for name in names:
        mine = tmp_path / "mine"
        mine.write_text(PATIENT_BODY % name.encode().hex(), encoding="utf-8")
        lro.local.put(mine, f"gs://demo-out/In put/{name}", data_dir=data)
    assert (data / "buckets" / "demo-out" / "In put" / "Patient.ndjson").is_file()
    running = local.ensure(data)
    found = [name for name, _ in Buckets(running.buckets).objects("demo-out", "In put/")]
    assert found == sorted(f"In put/{name}" for name in names)
    store = dataset.fhir_store("names").create()
    assert store.import_from("gs://demo-out/In put/**").wait().progress.completed == len(names)
    client = httpx.Client(headers={"Authorization": f"Bearer {running.token}"}, trust_env=False)
    with client:
        for name in names:
            url = f"{running.endpoint}/storage/v1/b/demo-out/o/In put%2F{name.replace('%', '%25')}"
            answer = client.get(url, params={"alt": "media"})
            assert answer.json()["id"] == name.encode().hex()
        assert (
            client.get(f"{running.endpoint}/storage/v1/b/demo-out/o/In put%2FpATIENT.ndjson").status_code
            == 404
        )
    table = lro.read_results("gs://demo-out/In put/*.ndjson", client=dataset.client)["Patient"]
    assert sorted(table["id"]) == sorted(name.encode().hex() for name in names if name.endswith(".ndjson"))


def test_exports_to_places_that_differ_by_case_do_not_mix(
    dataset: lro.Dataset, data: Path, tmp_path: Path
) -> None:
    tables = {}
    for number, place in enumerate(("Run:1", "run:1", "aux", "1.2.")):
        store = dataset.fhir_store(f"case{number}").create()
        mine = tmp_path / "mine.ndjson"
        mine.write_text(PATIENT_BODY % f"p{number}", encoding="utf-8")
        uri = lro.local.put(mine, f"gs://demo-out/in-{number}/", data_dir=data)
        store.import_from(uri).wait()
        tables[place] = store.export_to(f"gs://demo-out/{place}").load()["Patient"]
    assert [list(table["id"]) for table in tables.values()] == [["p0"], ["p1"], ["p2"], ["p3"]]
    results = lro.read_results("gs://demo-out/run:1", client=dataset.client)
    assert list(results["Patient"]["id"]) == ["p1"]
    with pytest.raises(lro.ResultError):
        _ = lro.read_results("gs://demo-out/RUN:1", client=dataset.client)["Patient"]


def test_images_are_exported_and_read_back(dataset: lro.Dataset) -> None:
    pytest.importorskip("pydicom")
    store = dataset.dicom_store("images").create()
    taken = store.import_from("gs://lro-sample/dicom/**.dcm").wait().progress.completed
    results = store.export_to("gs://demo-out/Images").load(lists="nested")
    assert len(results["instances"]) == taken


def test_results_are_written_over_older_ones(dataset: lro.Dataset, disk: Path) -> None:
    results = lro.read_results("gs://lro-sample/fhir/Patient.ndjson", lists="nested", client=dataset.client)
    for _ in range(2):
        results.to_parquet(disk / "Parquet")
    assert (disk / "parquet" / "PATIENT" / "part-00000.parquet").is_file()
    assert not list((disk / "Parquet" / "Patient").glob(".part*"))


def test_a_service_starts_and_stops_while_programs_read_its_files(disk: Path) -> None:
    """Each reader holds a file open, in which time Windows lets nobody replace or remove it."""
    folder, ended = disk / "read", threading.Event()
    local.ensure(folder)

    def read() -> None:
        while not ended.is_set():
            for name in ("service.json", "token"):
                try:
                    with (folder / name).open("rb") as file:
                        ended.wait(0.05)
                        file.read()
                except FileNotFoundError:
                    pass
            ended.wait(0.03)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        tokens = set()
        for _ in range(3):
            tokens.add(local.ensure(folder).token)
            assert local.stop(folder)
            assert not (folder / "service.json").exists()
    finally:
        ended.set()
        reader.join()
    assert len(tokens) == 3


def test_a_pattern_of_a_request_finds_each_object_once(disk: Path) -> None:
    folders = Buckets(disk / "patterns")
    for name in ("A/x.txt", "a/x.txt", "a/X.txt"):
        place = folders.path(parse(f"gs://demo-out/{name}", field="uri"))
        place.parent.mkdir(exist_ok=True)
        place.write_text(name, encoding="utf-8")
    for pattern, names in {"**": ["A/x.txt", "a/X.txt", "a/x.txt"], "a/*": ["a/X.txt", "a/x.txt"]}.items():
        found = folders.match(parse_pattern(f"gs://demo-out/{pattern}", field="uri"))
        assert [uri.removeprefix("gs://demo-out/") for uri, _ in found] == names
        assert [path.read_text(encoding="utf-8") for _, path in found] == names
