"""The buckets over HTTP, read by clients that are not ours."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from systems import is_private

from lro_notebook.local import discovery_routes
from lro_notebook.results.file_systems import pinned

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.conftest import Program

pytestmark = pytest.mark.service

PARAMETERS = {"delimiter": "/"}


@pytest.fixture(scope="module")
def exported(service: Program) -> str:
    """Return the folder of an export in a bucket."""
    store = service.store("gcs")
    lines = [f'{{"resourceType":"Patient","id":"p{n}"}}' for n in range(3)]
    service.imported(store, service.put_lines("demo-out/gcs-in.ndjson", lines))
    operation = service.start_export(store, "gs://demo-out/run")
    service.ended(operation)
    return f"demo-out/run/{operation.rpartition('/')[2]}_Patient"


@pytest.mark.filterwarnings("ignore")  # of libraries under gcsfs
def test_gcsfs_reads_what_an_export_has_written(service: Program, exported: str, gcs: Any) -> None:
    assert exported in gcs.find("demo-out/run")
    assert gcs.ls("demo-out/run", detail=False) == [exported]
    content = (service.buckets / exported).read_bytes()
    assert gcs.info(exported)["size"] == len(content)
    assert gcs.cat(exported) == content
    assert gcs.cat_file(exported, start=5, end=20) == content[5:20]
    with gcs.open(exported, "rb") as file:
        assert file.read() == content
    assert gcs.glob("demo-out/run/*_Patient") == [exported]
    assert not gcs.exists("demo-out/none")


def test_objects_are_listed_in_pages_and_by_folder(service: Program) -> None:
    for name in ("a/1", "a/2", "b/1", "c"):
        service.put_lines(f"demo-out/list/{name}", ["x"])
    url = f"{service.endpoint}/storage/v1/b/demo-out/o"
    names, token = [], None
    while True:
        query = {"prefix": "list/", "maxResults": "3", **({"pageToken": token} if token else {})}
        page = service.client.get(url, params=query).json()
        names += [item["name"] for item in page.get("items", ())]
        token = page.get("nextPageToken")
        if not token:
            break
    assert names == ["list/a/1", "list/a/2", "list/b/1", "list/c"]
    folders = service.client.get(url, params={"prefix": "list/", "delimiter": "/"}).json()
    assert folders["prefixes"] == ["list/a/", "list/b/"]
    assert [item["name"] for item in folders["items"]] == ["list/c"]
    buckets = service.client.get(f"{service.endpoint}/storage/v1/b").json()["items"]
    assert [item["name"] for item in buckets] == ["demo-out", "lro-sample"]


@pytest.mark.parametrize(
    "path",
    [
        "b/demo-out/o/..%2F..%2Ftoken",
        "b/demo-out/o/%2Fetc%2Fpasswd",
        "b/..%2F/o/token",
        "b/.partial/o",
        "b/demo-out/o/none",
        "b/none-such/o",
        "b/demo-out/o/link",
        "b/demo-out/o/linked%2Ftoken",
    ],
)
def test_nothing_outside_the_buckets_can_be_read(service: Program, path: str) -> None:
    for name, target in (("link", service.data_dir / "token"), ("linked", service.data_dir)):
        link = service.buckets / "demo-out" / name
        if not link.is_symlink():
            link.symlink_to(target)
    for base in ("storage/v1", "download/storage/v1"):
        answer = service.client.get(httpx.URL(f"{service.endpoint}/{base}/{path}?alt=media"))
        assert answer.status_code in (400, 404), answer.text
        assert service.token not in answer.text
    listed = service.client.get(f"{service.endpoint}/storage/v1/b/demo-out/o").text
    assert '"link' not in listed


def test_a_range_of_an_object_is_read(service: Program, exported: str) -> None:
    bucket, _, name = exported.partition("/")
    url = f"{service.endpoint}/download/storage/v1/b/{bucket}/o/{name.replace('/', '%2F')}?alt=media"
    content = (service.buckets / exported).read_bytes()
    assert service.client.get(url).content == content
    part = service.client.get(url, headers={"Range": "bytes=3-9"})
    assert (part.status_code, part.content) == (206, content[3:10])
    assert service.client.get(url, headers={"Range": "bytes=999999-"}).status_code == 416


@pytest.mark.filterwarnings("ignore")  # of libraries under gcsfs
def test_an_object_is_read_in_the_generation_that_was_listed_or_not_at_all(
    service: Program, gcs: Any
) -> None:
    if pinned(gcs, "1") is None:
        pytest.skip("this gcsfs reads the newest generation alone")
    service.put_lines("demo-out/generation/a", ["old"])
    (listed,) = gcs.ls("demo-out/generation", detail=True)
    read = partial(gcs.cat_file, "demo-out/generation/a", generation=listed["generation"])
    assert read() == b"old\n"
    assert read(start=1, end=3) == b"ld"
    service.put_lines("demo-out/generation/a", ["new"])
    with pytest.raises(FileNotFoundError):
        read()
    assert gcs.cat_file("demo-out/generation/a") == b"new\n"


def _every_address(service: Program) -> list[tuple[str, str]]:
    paths = service.client.get(f"{service.endpoint}/openapi.json").json()["paths"]
    return [(method, path.replace("{", "").replace("}", "")) for path in paths for method in paths[path]]


def test_every_address_needs_the_token_and_a_loopback_host(service: Program) -> None:
    addresses = _every_address(service)
    assert len(addresses) > 60
    with httpx.Client(base_url=service.endpoint, trust_env=False) as client:
        for method, path in addresses:
            bearer = {"Authorization": f"Bearer {service.token}x"}
            # Google's discovery document is public; clients read it before they have credentials.
            refused = (404, "expected v1") if path == discovery_routes.PATH else (401, "no valid token")
            for headers in ({}, bearer):
                answer = client.request(method, path, headers=headers)
                assert (answer.status_code, refused[1] in answer.text) == (refused[0], True), path
            strange = {"Authorization": f"Bearer {service.token}", "Host": "evil.example"}
            assert client.request(method, path, headers=strange).status_code == 403, path
            page = {"Authorization": f"Bearer {service.token}", "Origin": "https://evil.example"}
            assert client.request(method, path, headers=page).status_code == 403, path


def test_what_the_service_writes_is_for_its_owner_alone(
    service: Program, patients: Callable[..., list[str]], exported: str
) -> None:
    del patients
    assert is_private(service.buckets / exported)
    for path in service.data_dir.iterdir():
        if not path.is_dir():
            assert is_private(path), path
