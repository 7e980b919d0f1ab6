"""A small day's work of Google's own storage client and of gcsfs, on buckets of the service."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.conftest import Program

pytestmark = [pytest.mark.service, pytest.mark.filterwarnings("ignore")]  # of libraries under the clients

CHUNK = 256 << 10


@pytest.fixture(scope="module")
def google(service: Program) -> Iterator[Any]:
    storage = pytest.importorskip("google.cloud.storage", reason="google-cloud-storage is not installed")
    credentials = pytest.importorskip("google.oauth2.credentials").Credentials(token=service.token)
    client = storage.Client(
        project="local", credentials=credentials, client_options={"api_endpoint": service.endpoint}
    )
    yield client
    client.close()


def test_google_cloud_storage_writes_reads_and_removes(service: Program, google: Any) -> None:
    exceptions = pytest.importorskip("google.api_core.exceptions")
    bucket = google.create_bucket("day-google")
    with pytest.raises(exceptions.Conflict):
        google.create_bucket("day-google")
    blob = bucket.blob("in/ä b?#%.txt")
    blob.metadata = {"who": "me"}
    blob.upload_from_string(b"hello", content_type="text/x-odd", if_generation_match=0)
    assert (service.buckets / "day-google" / "in" / "ä b?#%.txt").read_bytes() == b"hello"
    with pytest.raises(exceptions.PreconditionFailed):
        blob.upload_from_string(b"again", if_generation_match=0)
    first = blob.generation
    blob.upload_from_string(b"second", content_type="text/x-odd", if_generation_match=first)
    read = bucket.get_blob(blob.name)
    assert (read.size, read.content_type, read.metadata) == (6, "text/x-odd", {"who": "me"})
    assert read.generation > first
    assert read.download_as_bytes(checksum="crc32c") == b"second"
    assert read.download_as_bytes(start=2, end=3) == b"co"
    assert read.download_as_bytes(if_generation_match=read.generation) == b"second"
    with pytest.raises(exceptions.NotFound):
        bucket.blob(blob.name, generation=first).download_as_bytes()
    read.metadata = {"who": "you"}
    read.patch()
    assert read.metageneration == 2
    assert bucket.get_blob(blob.name).metadata == {"who": "you"}

    large = bytes(range(256)) * 3 * 1024 + b"end"
    pieces = bucket.blob("large", chunk_size=CHUNK)
    pieces.upload_from_string(large, content_type="application/octet-stream", checksum="md5")
    assert pieces.download_as_bytes() == large
    assert pieces.md5_hash == bucket.get_blob("large").md5_hash

    joined = bucket.blob("joined")
    joined.compose([read, pieces])
    assert joined.download_as_bytes() == b"second" + large
    copy = bucket.copy_blob(joined, google.bucket("demo-out"), "day/copy")
    assert copy.size == len(large) + 6
    token, *_ = google.bucket("demo-out").blob("day/rewritten").rewrite(read)
    assert token is None
    assert google.bucket("demo-out").get_blob("day/rewritten").metadata == {"who": "you"}
    names = [blob.name for blob in bucket.list_blobs(match_glob="*{oin,arg}*")]
    assert names == ["joined", "large"]
    assert [blob.name for blob in bucket.list_blobs(start_offset="j", end_offset="l")] == ["joined"]
    assert [blob.name for blob in bucket.list_blobs(fields="items(name),nextPageToken", page_size=1)] == [
        blob.name,
        "joined",
        "large",
    ]
    assert bucket.exists()
    with pytest.raises(exceptions.Conflict):
        bucket.delete()
    with google.batch():
        for one in ("joined", "large"):
            bucket.delete_blob(one)
    assert not bucket.blob("large").exists()
    blob.delete()
    bucket.delete()
    assert not (service.buckets / "day-google").exists()


def test_gcsfs_writes_reads_moves_and_removes(service: Program, gcs: Any) -> None:
    gcs.mkdir("day-gcsfs")
    gcs.pipe("day-gcsfs/a/one.txt", b"one\r", metadata={"x": "y"})
    assert gcs.cat("day-gcsfs/a/one.txt") == b"one\r"
    assert gcs.info("day-gcsfs/a/one.txt")["metadata"] == {"x": "y"}
    assert gcs.setxattrs("day-gcsfs/a/one.txt", content_type="text/odd", z="1") == {"x": "y", "z": "1"}
    content = bytes(range(251)) * 5000
    with gcs.open("day-gcsfs/a/two", "wb", block_size=CHUNK, consistency="md5") as file:
        for start in range(0, len(content), 100_000):
            file.write(content[start : start + 100_000])
    assert (service.buckets / "day-gcsfs/a/two").read_bytes() == content
    with gcs.open("day-gcsfs/a/two", "rb", block_size=CHUNK) as file:
        file.seek(1_000_000)
        assert file.read(10) == content[1_000_000:1_000_010]
    if "mode" in inspect.signature(gcs._pipe_file).parameters:  # since gcsfs 2024.12
        with pytest.raises(FileExistsError):
            gcs.pipe("day-gcsfs/a/two", b"", mode="create")
    gcs.cp("day-gcsfs/a/one.txt", "day-gcsfs/b/copy")
    gcs.mv("day-gcsfs/b/copy", "day-gcsfs/b/moved")
    gcs.merge("day-gcsfs/b/both", ["day-gcsfs/a/one.txt", "day-gcsfs/b/moved"])
    assert gcs.cat("day-gcsfs/b/both") == b"one\rone\r"
    assert sorted(gcs.find("day-gcsfs")) == [
        "day-gcsfs/a/one.txt",
        "day-gcsfs/a/two",
        "day-gcsfs/b/both",
        "day-gcsfs/b/moved",
    ]
    assert gcs.glob("day-gcsfs/*/m*") == ["day-gcsfs/b/moved"]
    gcs.touch("day-gcsfs/empty")
    assert gcs.cat("day-gcsfs/empty") == b""
    gcs.rm("day-gcsfs", recursive=True)
    assert not gcs.exists("day-gcsfs")
