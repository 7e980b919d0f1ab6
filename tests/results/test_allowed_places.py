"""What a response or a manifest names is read only where output was asked for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import fsspec
import pytest
from fakes import Scripted, ok, operation

import lro_notebook as lro
from lro_notebook.errors import LroWarning, ResultError
from lro_notebook.operations.client import Client
from lro_notebook.operations.rest_requests import LocalService
from lro_notebook.results import load_place as reading
from lro_notebook.results import location, named_files
from lro_notebook.results.allowed_places import Near, admit
from lro_notebook.results.location import bare

if TYPE_CHECKING:
    from pathlib import Path

    from lro_notebook.operations.operation import Operation

DATASET = "projects/p/locations/l/datasets/d"
ORIGIN = "https://healthcare.googleapis.com"

#: Places that lead elsewhere, whatever was asked for.
ELSEWHERE = [
    "http://169.254.169.254/computeMetadata/v1/token",
    "http://internal/x.ndjson",
    "https://evil.example/x.ndjson",
    f"{ORIGIN}.evil.example/x.ndjson",
    f"{ORIGIN}@evil.example/x.ndjson",
    f"{ORIGIN}:444/x.ndjson",
    f"{ORIGIN}/../x",
    "http://healthcare.googleapis.com/x.ndjson",
    "file:///etc/passwd",
    "file:/etc/passwd",
    "local:///etc/passwd",
    "FILE:///etc/passwd",
    "/etc/passwd",
    "//etc/passwd",
    "../secret.ndjson",
    "a/../../secret.ndjson",
    "C:\\secret.ndjson",
    "s3://b/x",
    "memory://x",
    "zip://x::file:///etc/passwd",
    "gs://b/x::file:///etc/passwd",
    "simplecache::file:///etc/passwd",
    "gs:x",
    "gs://",
    "gs:///x",
    "gs://b/../x",
    "data:,x",
    "",
    "\n",
    "gs://b/x\x00",
]

#: Odd names of files, which are those of a response only with a folder in front.
ODD = ["%2e%2e/secret.ndjson", "..%2fsecret.ndjson", "~/secret.ndjson", "x.ndjson"]


def client_of(folder: Path, *answers: Any) -> Client:
    return Client(
        "http://127.0.0.1:9", transport=Scripted(*answers or (ok({}),)), local=LocalService(folder, folder)
    )


def ended(
    destination: str | None, response: dict[str, Any], folder: Path, method: str = "fhirStores.bulkExport"
) -> Operation:
    done = operation(done=True, name=f"{DATASET}/operations/77", response=response)
    path = f"{DATASET}/fhirStores/s:x"
    return client_of(folder, ok(done)).start(
        "POST", path, {}, title=method, destination=destination, show=False
    )


def manifest(*places: str) -> dict[str, Any]:
    output = [{"type": f"T{chr(65 + number)}", "url": place} for number, place in enumerate(places)]
    return {"transactionTime": "2026-01-01T00:00:00Z", "output": output, "error": []}


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was turned into a file system: the first step of any read."""
    seen: list[str] = []

    def locate(uri: str, **options: Any) -> Any:
        seen.append(str(uri))
        return location.locate(uri, **options)

    monkeypatch.setattr(reading, "locate", locate)
    monkeypatch.setattr(named_files, "locate", locate)
    monkeypatch.setattr(fsspec.core, "url_to_fs", lambda uri, **_: pytest.fail(f"{uri} was reached for"))
    return seen


@pytest.mark.parametrize("place", ELSEWHERE + ODD)
@pytest.mark.parametrize("destination", ["gs://b/out", None])
def test_a_response_leads_nowhere_else(
    place: str, destination: str | None, tmp_path: Path, opened: list[str]
) -> None:
    for response in (manifest(place), {"gcsUris": [place]}):
        with pytest.raises(ResultError, match=r"is not read.*lro\.read_results\(place\)"):
            ended(destination, response, tmp_path).load()
    assert opened == []


@pytest.mark.parametrize("place", ELSEWHERE)
def test_a_kept_manifest_leads_nowhere_else(place: str, tmp_path: Path, opened: list[str]) -> None:
    (tmp_path / "secret.ndjson").write_text('{"id":"s"}\n')
    kept = tmp_path / "keep" / "manifest.json"
    kept.parent.mkdir()
    kept.write_text(json.dumps(manifest(place)))
    for client in (client_of(tmp_path), None):
        with pytest.raises(ResultError, match=r"is not read.*lro\.read_results\(place\)"):
            lro.read_results(kept, client=client)
    assert opened == [str(kept)] * 2


def test_a_manifest_in_a_bucket_leads_nowhere_else(tmp_path: Path, opened: list[str]) -> None:
    (tmp_path / "b").mkdir()
    client = client_of(tmp_path)
    for place in ELSEWHERE:
        (tmp_path / "b" / "manifest.json").write_text(json.dumps(manifest(place)))
        with pytest.raises(ResultError, match="is not read"):
            lro.read_results("gs://b/manifest.json", client=client)
    assert set(opened) == {"gs://b/manifest.json"}


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.ndjson").write_text('{"id":"s"}\n')
    folder = tmp_path / "keep"
    folder.mkdir()
    (folder / "link.ndjson").symlink_to(tmp_path / "secret.ndjson")
    (folder / "manifest.json").write_text(json.dumps(manifest("link.ndjson")))
    with pytest.raises(ResultError, match=r"link\.ndjson, which is not read"):
        lro.read_results(folder / "manifest.json")
    inside = ended(f"file://{folder}", manifest(f"file://{folder}/link.ndjson"), tmp_path)
    with pytest.raises(ResultError, match="is not read"):
        inside.load()


def test_files_where_output_was_asked_for_are_read(tmp_path: Path) -> None:
    (tmp_path / "b" / "out").mkdir(parents=True)
    (tmp_path / "b" / "out" / "77 x.ndjson").write_text('{"id":"a"}\n')
    place = "gs://b/out/77 x.ndjson"
    for destination in ("gs://b/other", None):
        assert ended(destination, manifest(place), tmp_path).load()["TA"]["id"].tolist() == ["a"]
    ids = ended("gs://b/out", {"gcsUris": [place]}, tmp_path, "consentStores.queryAccessibleData")
    assert ids.load()["data_ids"].shape == (1, 1)
    local = ended(f"file://{tmp_path}/b", manifest(f"file://{tmp_path}/{place[5:]}"), tmp_path)
    assert local.load()["TA"]["id"].tolist() == ["a"]


@pytest.mark.parametrize("way", ["relative", "deeper", "absolute", "file"])
def test_a_kept_manifest_names_files_below_its_own_folder(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "Patient.ndjson").write_text('{"resourceType":"TA","id":"p"}\n')
    place = {
        "relative": "out/Patient.ndjson",
        "deeper": "./out/../out/Patient.ndjson",
        "absolute": f"{tmp_path}/out/Patient.ndjson",
        "file": f"file://{tmp_path}/out/Patient.ndjson",
    }[way]
    (tmp_path / "manifest.json").write_text(json.dumps(manifest(place)))
    monkeypatch.chdir(tmp_path)
    for uri in (tmp_path / "manifest.json", "manifest.json", f"file://{tmp_path}/manifest.json"):
        assert lro.read_results(uri)["TA"]["id"].tolist() == ["p"]


def test_a_manifest_in_a_bucket_names_files_beside_it_and_in_other_buckets(tmp_path: Path) -> None:
    for bucket in ("a", "b"):
        (tmp_path / bucket / "out").mkdir(parents=True)
        (tmp_path / bucket / "out" / "x.ndjson").write_text(f'{{"id":"{bucket}"}}\n')
    kept = manifest("out/x.ndjson", "gs://b/out/x.ndjson")
    (tmp_path / "a" / "manifest.json").write_text(json.dumps(kept))
    results = lro.read_results("gs://a/manifest.json", client=client_of(tmp_path))
    assert [results[name]["id"].tolist() for name in ("TA", "TB")] == [["a"], ["b"]]
    (tmp_path / "manifest.json").write_text(json.dumps(manifest("gs://b/out/x.ndjson")))
    results = lro.read_results(tmp_path / "manifest.json", client=client_of(tmp_path))
    assert results["TA"]["id"].tolist() == ["b"]


def test_a_manifest_may_name_its_files_in_several_ways(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.ndjson").write_text(f'{{"id":"{name}"}}\n')
    kept = manifest("a.ndjson", f"file://{tmp_path}/b.ndjson", f"{tmp_path}/c.ndjson")
    (tmp_path / "manifest.json").write_text(json.dumps(kept))
    assert list(lro.read_results(tmp_path / "manifest.json", errors="raise")) == ["TA", "TB", "TC"]


def test_what_is_not_read_is_told_and_the_rest_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_text('{"id":"a"}\n')
    kept = tmp_path / "manifest.json"
    evil = "http://user:pa55word@internal/x.ndjson?token=pa55word#pa55word"
    kept.write_text(json.dumps(manifest("a.ndjson", evil, "gs://b/x", "/etc/passwd")))
    with pytest.warns(LroWarning, match="What the others hold is loaded") as told:
        results = lro.read_results(kept)
    (warning,) = told
    assert "http://internal/x.ndjson, gs://b/x, /etc/passwd" in str(warning.message)
    assert "pa55word" not in str(warning.message)
    assert warning.filename == __file__
    assert list(results) == ["TA"]
    with pytest.raises(ResultError, match=r"http://internal/x\.ndjson") as caught:
        lro.read_results(kept, errors="raise")
    assert "pa55word" not in str(caught.value)
    assert list(lro.read_results(kept, tables="TA")) == ["TA"]


def test_files_of_the_services_own_host_are_asked_for_without_a_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[tuple[str, Any]] = []

    class Found(Exception):
        pass

    def locate(uri: str, **options: Any) -> Any:
        seen.append((uri, options))
        raise Found

    done = operation(done=True, name=f"{DATASET}/operations/77", response=manifest(f"{ORIGIN}/v1/x"))
    client = Client(ORIGIN, credentials="t0ken", transport=Scripted(ok(done)))
    monkeypatch.setattr(named_files, "locate", locate)
    op = client.start(
        "POST", f"{DATASET}/fhirStores/s:x", {}, title="a.bulkExport", destination="gs://b/o", show=False
    )
    with pytest.raises(Found):
        op.load()
    assert seen == [(f"{ORIGIN}/v1/x", {"storage_options": {"allow_redirects": False}})]


def test_places_of_two_kinds_are_not_read_as_one() -> None:
    near = Near("gs://b/x", origin=ORIGIN)
    assert near.resolve("gs://b/y") == "gs://b/y"
    assert near.resolve(f"{ORIGIN}/y") == f"{ORIGIN}/y"
    with pytest.warns(LroWarning, match=f"names {ORIGIN}/y, which"):
        assert admit([("gs://b/y", "A"), (f"{ORIGIN}/y", "B")], near, errors="report") == [("gs://b/y", "A")]
    assert Near("/somewhere").resolve("x") is None
    assert Near("s3://b/x").resolve("s3://b/y") == "s3://b/y"
    assert Near("s3://b/x").resolve("gs://b/y") is None


@pytest.mark.parametrize(
    "entry", [None, 7, "gs://b/x", {}, {"url": "gs://b/x"}, {"url": 7, "type": "A"}, {"type": "A"}]
)
def test_an_entry_that_names_no_file_is_told_by_its_number(entry: Any, tmp_path: Path) -> None:
    body = {**manifest("gs://b/x"), "output": [{"url": "gs://b/x", "type": "A"}, entry]}
    with pytest.raises(ResultError, match="output 2 of the manifest"):
        ended("gs://b/x", body, tmp_path).load()


def test_a_place_is_shown_without_what_may_be_secret() -> None:
    assert bare("https://u:p@h/x?sig=1#f") == "https://h/x"
    assert bare("") == "''"
    assert bare("a\nb") == "'a\\nb'"
    assert len(bare("x" * 9999)) == 301
