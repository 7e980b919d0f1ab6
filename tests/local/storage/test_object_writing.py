"""Objects written over HTTP, request by request: pieces, preconditions, what cannot be an object."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import pytest
from patience import GIVE_UP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.conftest import Program

pytestmark = pytest.mark.service

CHUNK = 256 << 10


def upload(service: Program, name: str, content: bytes = b"x", **query: Any) -> httpx.Response:
    url = f"{service.endpoint}/upload/storage/v1/b/demo-out/o"
    return service.client.post(url, params={"uploadType": "media", "name": name, **query}, content=content)


def url_of(service: Program, name: str) -> str:
    return f"{service.endpoint}/storage/v1/b/demo-out/o/{quote(name, safe='')}"


def begin(service: Program, name: str, **body: Any) -> str:
    url = f"{service.endpoint}/upload/storage/v1/b/demo-out/o"
    started = service.client.post(url, params={"uploadType": "resumable", "name": name}, json=body)
    assert started.status_code == 200, started.text
    return started.headers["location"]


def send(service: Program, url: str, content: bytes, content_range: str) -> httpx.Response:
    return service.client.put(url, content=content, headers={"Content-Range": content_range})


def test_pieces_go_on_where_the_upload_is(service: Program) -> None:
    url = begin(service, "pieces", contentType="a/b", metadata={"k": "v"})
    content = bytes(range(256)) * 2500
    assert len(content) > 2 * CHUNK
    asked = send(service, url, b"", "bytes */*")
    assert (asked.status_code, "range" in asked.headers) == (308, False)
    # A piece that is not the last counts in steps of 256 KiB: the rest of it has to be sent again.
    first = send(service, url, content[: CHUNK + 100], f"bytes 0-{CHUNK + 99}/*")
    assert (first.status_code, first.headers["range"]) == (308, f"bytes=0-{CHUNK - 1}")
    gap = send(service, url, b"x", f"bytes {CHUNK + 1}-{CHUNK + 1}/*")
    assert (gap.status_code, f"has {CHUNK} bytes" in gap.text) == (400, True)
    assert not (service.buckets / "demo-out/pieces").exists()
    # What overlaps is written over.
    last = send(service, url, content[100:], f"bytes 100-{len(content) - 1}/{len(content)}")
    assert last.status_code == 200, last.text
    assert (last.json()["contentType"], last.json()["metadata"]) == ("a/b", {"k": "v"})
    assert (service.buckets / "demo-out/pieces").read_bytes() == content
    assert send(service, url, b"", f"bytes */{len(content)}").json() == last.json()
    whole = begin(service, "whole")
    assert service.client.put(whole, content=b"all").json()["size"] == "3"
    cancelled = begin(service, "never")
    assert service.client.delete(cancelled).status_code == 499
    assert send(service, cancelled, b"x", "bytes 0-0/1").status_code == 404
    assert not list((service.buckets / ".partial").iterdir())


def test_a_piece_that_comes_again_counts_from_its_start(service: Program) -> None:
    """Also one that ends in the middle: what was there of it before is no longer whole."""
    url, chunk = begin(service, "again"), 256 << 10
    send(service, url, b"a" * 2 * chunk, f"bytes 0-{2 * chunk - 1}/*")
    kept = send(service, url, b"b" * chunk, f"bytes 0-{chunk - 1}/*")
    assert (kept.status_code, kept.headers["Range"]) == (308, f"bytes=0-{chunk - 1}")
    with pytest.raises(httpx.ConnectError):
        service.client.put(url, content=_breaking(b"c"), headers={"Content-Range": "bytes 0-*/*"})
    end = time.monotonic() + GIVE_UP
    while (asked := send(service, url, b"", "bytes */*")).status_code != 308 and time.monotonic() < end:
        time.sleep(0.01)  # the service has not noticed yet
    assert (asked.status_code, "Range" in asked.headers) == (308, False)
    assert send(service, url, b"d" * 5, "bytes 0-3/4").status_code == 400
    assert send(service, url, b"dddd", "bytes 0-*/*").json()["size"] == "4"


def _breaking(content: bytes) -> Iterator[bytes]:
    """Yield a content, and hang up."""
    yield content * 1000
    raise httpx.ConnectError("hung up")


def test_preconditions_are_kept(service: Program) -> None:
    made = upload(service, "pre/a", b"1", ifGenerationMatch="0").json()
    refused = upload(service, "pre/a", b"2", ifGenerationMatch="0")
    assert (refused.status_code, refused.json()["error"]["status"]) == (412, "FAILED_PRECONDITION")
    assert made["generation"] in refused.json()["error"]["message"]
    url, now = url_of(service, "pre/a"), made["generation"]
    for query, status in (
        ({"ifGenerationMatch": now}, 200),
        ({"ifGenerationMatch": "1"}, 412),
        ({"ifGenerationNotMatch": now}, 304),
        ({"ifMetagenerationMatch": "1", "alt": "media"}, 200),
        ({"ifMetagenerationMatch": "2", "alt": "media"}, 412),
        ({"ifGenerationMatch": "x"}, 400),
    ):
        assert service.client.get(url, params=query).status_code == status, query
    assert service.client.delete(url, params={"ifGenerationMatch": "1"}).status_code == 412
    assert service.client.patch(url, params={"ifMetagenerationMatch": "9"}, json={}).status_code == 412
    copy = f"{url}/copyTo/b/demo-out/o/pre%2Fb"
    assert service.client.post(copy, params={"ifSourceGenerationMatch": "1"}).status_code == 412
    assert service.client.post(copy, params={"ifGenerationMatch": "0"}).status_code == 200
    assert service.client.post(copy, params={"ifGenerationMatch": "0"}).status_code == 412
    assert service.client.delete(url).status_code == 204
    assert service.client.delete(url).status_code == 404


def test_each_write_is_a_generation_and_notes_belong_to_it(service: Program) -> None:
    generations = [
        int(upload(service, "gen/a", b"%d" % n, ifGenerationNotMatch="0" if n else "").json()["generation"])
        for n in range(20)
    ]
    assert sorted(set(generations)) == generations
    url = url_of(service, "gen/a")
    body = {"contentType": "odd/kind", "metadata": {"a": "1", "b": "2"}}
    assert service.client.patch(url, json=body).status_code == 200
    patched = service.client.patch(url, json={"metadata": {"a": None}}).json()
    assert (patched["contentType"], patched["metadata"], patched["metageneration"]) == (
        "odd/kind",
        {"b": "2"},
        "3",
    )
    assert int(patched["generation"]) == generations[-1]
    read = service.client.get(f"{url}?alt=media")
    assert (read.headers["content-type"], read.headers["x-goog-metageneration"]) == ("odd/kind", "3")
    (service.buckets / "demo-out/gen/a").write_text("a user's own")
    own = service.client.get(url).json()
    assert (own["contentType"], own["metageneration"], own["size"]) == (
        "application/octet-stream",
        "1",
        "12",
    )
    assert "metadata" not in own


def test_what_arrives_damaged_is_refused(service: Program) -> None:
    url = f"{service.endpoint}/upload/storage/v1/b/demo-out/o"
    about = json.dumps({"name": "sum", "md5Hash": "AAAA"})
    body = f"--b\r\nContent-Type: application/json\r\n\r\n{about}\r\n--b\r\n\r\nx\r\n--b--".encode()
    kind = {"Content-Type": "multipart/related; boundary=b"}
    refused = service.client.post(url, params={"uploadType": "multipart"}, content=body, headers=kind)
    assert (refused.status_code, "md5Hash" in refused.text) == (400, True)
    for content in (b"", b"--b\r\n\r\n{}\r\n--b--", body[:-10], body.replace(b"{", b"[")):
        answer = service.client.post(url, params={"uploadType": "multipart"}, content=content, headers=kind)
        assert answer.status_code == 400, content
    assert not (service.buckets / "demo-out/sum").exists()


@pytest.mark.parametrize(
    "name",
    ["", "folder/", "../up", "a//b", "a/./b", "back\\slash", "new\nline", "x" * 300, "linked/a"],
)
def test_what_cannot_be_a_file_is_refused(service: Program, name: str) -> None:
    link = service.buckets / "demo-out/linked"
    if not link.is_symlink():
        link.symlink_to(service.data_dir)
        upload(service, "kept")
    before = sorted(service.data_dir.iterdir())
    assert upload(service, name).status_code == 400
    url = f"{service.endpoint}/upload/storage/v1/b/demo-out/o"
    begun = service.client.post(url, params={"uploadType": "resumable", "name": name}, json={})
    assert (begun.status_code, list((service.buckets / ".partial").iterdir())) == (400, [])
    if name:
        assert service.client.get(url_of(service, name)).status_code in (400, 404)
    assert sorted(service.data_dir.iterdir()) == before
    assert (service.buckets / "demo-out/kept").read_bytes() == b"x"


def test_a_name_may_be_that_of_an_object_and_of_a_folder(service: Program) -> None:
    listing = f"{service.endpoint}/storage/v1/b/demo-out/o"

    def listed(**query: str) -> tuple[list[str], list[str]]:
        page = service.client.get(listing, params={"prefix": "deep", **query}).json()
        return [each["name"] for each in page.get("items", [])], page.get("prefixes", [])

    first = upload(service, "deep", b"1").json()
    upload(service, "deep/er/a", b"2")
    upload(service, "deep/er", b"3")
    assert listed() == (["deep", "deep/er", "deep/er/a"], [])
    assert listed(delimiter="/") == (["deep"], ["deep/"])
    assert service.client.get(url_of(service, "deep")).json() == first
    for name, content in (("deep", b"1"), ("deep/er", b"3"), ("deep/er/a", b"2")):
        assert service.client.get(url_of(service, name), params={"alt": "media"}).content == content
    assert upload(service, "deep", b"4").status_code == 200
    assert service.client.get(url_of(service, "deep"), params={"alt": "media"}).content == b"4"
    assert upload(service, "deep/.lro-object").status_code == 400
    moved = service.client.post(f"{url_of(service, 'deep/er')}/moveTo/o/deep%2Fer%2Fb%2Fc")
    assert moved.status_code == 200, moved.text
    assert listed()[0] == ["deep", "deep/er/a", "deep/er/b/c"]
    for name in ("deep", "deep/er/a", "deep/er/b/c"):
        assert service.client.delete(url_of(service, name)).status_code == 204
    assert listed() == ([], [])
    assert upload(service, "deep").status_code == 200
    assert (service.buckets / "demo-out/deep").read_bytes() == b"x"


def test_what_has_no_effect_here_is_refused(service: Program) -> None:
    url = f"{service.endpoint}/upload/storage/v1/b/demo-out/o"
    query = {"uploadType": "resumable", "name": "n"}
    assert service.client.post(url, params=query, json={"temporaryHold": True}).status_code == 501
    key = {"x-goog-encryption-key": "k"}
    assert service.client.post(url, params=query, json={}, headers=key).status_code == 501
    assert service.client.post(url, params={"name": "n"}).status_code == 400
    assert upload(service, "none/a", b"").status_code == 200
    missing = f"{service.endpoint}/upload/storage/v1/b/none-such/o"
    assert service.client.post(missing, params={"uploadType": "media", "name": "n"}).status_code == 404


def test_a_batch_answers_each_request_and_only_those_of_storage(service: Program) -> None:
    upload(service, "batch/a")
    url = f"{service.endpoint}/batch/storage/v1"
    kind = {"Content-Type": "multipart/mixed; boundary=b"}

    def part(line: str) -> str:
        return f"--b\r\nContent-Type: application/http\r\n\r\n{line}\r\n\r\n\r\n"

    lines = [
        "GET /storage/v1/b/demo-out/o/batch%2Fa?fields=name HTTP/1.1",
        "DELETE /storage/v1/b/demo-out/o/batch%2Fa HTTP/1.1",
        "DELETE /storage/v1/b/demo-out/o/batch%2Fa HTTP/1.1",
    ]
    answer = service.client.post(url, content="".join(map(part, lines)) + "--b--", headers=kind)
    assert answer.status_code == 200, answer.text
    assert [line for line in answer.text.splitlines() if line.startswith("HTTP/")] == [
        "HTTP/1.1 200 OK",
        "HTTP/1.1 204 No Content",
        "HTTP/1.1 404 Not Found",
    ]
    assert '{"name":"batch/a"}' in answer.text
    for bad in ("GET /.lro-local HTTP/1.1", "STOP /storage/v1/b HTTP/1.1", "nonsense"):
        assert service.client.post(url, content=part(bad) + "--b--", headers=kind).status_code == 400
    many = part(lines[0]) * 101 + "--b--"
    assert service.client.post(url, content=many, headers=kind).status_code == 400
