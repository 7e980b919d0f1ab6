"""Files of an ordinary disk as objects: odd ones are left out with a word, finished ones are placed whole."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from lro_notebook.disk_names import SELF
from lro_notebook.local.core import buckets, objects
from lro_notebook.local.core.buckets import Buckets
from lro_notebook.local.core.service_errors import ServiceError

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")

UNREADABLE_NAME = os.fsdecode(b"caf\xe9.ndjson")


@pytest.fixture
def odd(tmp_path: Path) -> Buckets:
    """A bucket with one object, and beside it whatever a disk may hold."""
    folders = Buckets(tmp_path / "buckets")
    folder = folders.root / "demo-out" / "odd"
    folder.mkdir()
    (folder / "good.ndjson").write_text("{}")
    os.mkfifo(folder / "pipe")
    # From within the folder: the path of a socket has 108 characters at most.
    with socket.socket(socket.AF_UNIX) as listener, contextlib.chdir(folder):
        listener.bind("socket")
    (folder / "circle").symlink_to("circle")
    (folder / "first").symlink_to("second")
    (folder / "second").symlink_to("first")
    (folder / "dangling").symlink_to("nothing")
    (folder / "outside").symlink_to("/etc/hostname")
    (folder / "device").symlink_to("/dev/zero")
    (folder / "self").symlink_to(".")
    (folder / UNREADABLE_NAME).write_text("{}")
    return folders


def test_only_regular_files_are_objects_and_the_rest_is_named(
    odd: Buckets, caplog: pytest.LogCaptureFixture
) -> None:
    found = odd.survey(buckets.parse_pattern("gs://demo-out/odd/*", field="uri"))
    assert [uri for uri, _ in found.objects] == ["gs://demo-out/odd/good.ndjson"]
    why = {uri.rpartition("/")[2]: reason for uri, reason in found.left_out}
    assert why["pipe"] == "it is a named pipe"
    assert why["socket"] == "it is a socket"
    assert why["circle"] == why["first"] == why["second"] == why["dangling"]
    assert why["dangling"] == "it is a broken or circular link"
    assert why["outside"] == why["device"] == "it is a link that leads out of the buckets folder"
    assert why["caf\\xe9.ndjson"] == "its name is not UTF-8"
    assert "gs://demo-out/odd/pipe is left out: it is a named pipe" in caplog.text
    caplog.clear()
    odd.survey(buckets.parse_pattern("gs://demo-out/odd/*", field="uri"))
    assert caplog.text == ""


@pytest.mark.parametrize("name", ["pipe", "socket", "circle", "dangling", "nothing"])
def test_what_is_no_object_is_refused_by_its_name(odd: Buckets, name: str) -> None:
    location = buckets.parse_pattern(f"gs://demo-out/odd/{name}", field="uri")
    odd.check(location, field="uri")
    with pytest.raises(ServiceError, match="no object matches") as caught:
        odd.match(location)
    assert caught.value.status == 404


def test_the_list_of_objects_holds_regular_files_only(odd: Buckets) -> None:
    assert [name for name, _ in odd.objects("demo-out", "odd/")] == ["odd/good.ndjson"]


def test_opening_never_waits_whatever_came_in_the_place_of_a_file(odd: Buckets) -> None:
    folder = odd.root / "demo-out" / "odd"
    results: list[int | None] = []

    def try_all() -> None:
        for name in ("pipe", "socket", "circle", "dangling", "device", "self"):
            try:
                objects.open_object(folder / name).close()
            except OSError as error:
                results.append(error.errno)

    thread = threading.Thread(target=try_all, daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    assert len(results) == 6


def test_a_file_over_the_limit_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "big"
    with file.open("wb") as opened:
        opened.truncate(1 << 40)
    with pytest.raises(OSError, match="larger than 1 MiB"):
        objects.read_object(file, 1 << 20)


@pytest.mark.parametrize(
    "path", ["a" * 256, "x/" + "é" * 128, "/".join(["a" * 200] * 6), "b" * 2000, "é" * 600]
)
def test_a_name_that_no_disk_takes_is_refused(path: str) -> None:
    with pytest.raises(ServiceError, match="at most 1024 bytes") as caught:
        buckets.parse(f"gs://demo-out/{path}", field="uri")
    assert caught.value.status == 400
    assert buckets.parse(f"gs://demo-out/{'a' * 255}", field="uri").path == "a" * 255


def across(draft: Path, target: Path) -> None:
    """Rename as between two file systems."""
    if draft.parent != target.parent:
        raise OSError(errno.EXDEV, "Invalid cross-device link", str(draft), None, str(target))
    os.replace(draft, target)  # noqa: PTH105 - what is stood in for


def test_a_file_gets_to_another_file_system_whole(tmp_path: Path) -> None:
    draft, target = tmp_path / "drafts" / "7", tmp_path / "b" / "deep" / "file"
    draft.parent.mkdir()
    draft.write_bytes(b"x" * 3_000_000)
    objects.place(draft, target, rename=across)
    assert target.read_bytes() == b"x" * 3_000_000
    assert list(draft.parent.iterdir()) == []
    assert list(target.parent.iterdir()) == [target]


def test_a_copy_that_fails_leaves_nothing(tmp_path: Path) -> None:
    draft, target = tmp_path / "drafts" / "7", tmp_path / "b" / SELF
    draft.parent.mkdir()
    draft.write_bytes(b"x")
    target.mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        objects.place(draft, target.parent, rename=across)
    assert list(target.parent.iterdir()) == [target]
    assert list(draft.parent.iterdir()) == [draft]


def test_a_copy_of_a_killed_service_is_removed_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = Buckets(tmp_path / "buckets")
    drafts = folders.partial / "7"
    drafts.mkdir()
    (drafts / "0").write_bytes(b"x")
    place = folders.root / "demo-out" / "out"

    def killed(draft: Path, target: Path) -> None:
        if draft.parent == target.parent:
            raise KeyboardInterrupt
        across(draft, target)

    # As a killed process does not: keep what the cleaning of an exception removes.
    with monkeypatch.context() as patch:
        patch.setattr(type(drafts), "unlink", lambda *_, **__: None)
        with pytest.raises(KeyboardInterrupt):
            objects.place(drafts / "0", place / "file", rename=killed)
    (left,) = place.iterdir()
    assert left.name.startswith(".partial-")
    (drafts / "1.copied-to").write_text(str(tmp_path / "elsewhere" / ".partial-1"))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / ".partial-1").write_text("not ours")
    objects.clear(folders.partial)
    assert list(place.iterdir()) == []
    assert list(folders.partial.iterdir()) == []
    assert (tmp_path / "elsewhere" / ".partial-1").exists()


def test_what_stands_in_the_folder_of_unfinished_files_stops_no_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folders = Buckets(tmp_path / "buckets")
    (folders.partial / ".DS_Store").write_bytes(b"\0")
    os.mkfifo(folders.partial / "pipe")
    (folders.partial / "link").symlink_to(tmp_path)
    (folders.partial / "7" / "deep").mkdir(parents=True)
    (folders.partial / "7" / ".DS_Store").write_bytes(b"\0")
    with caplog.at_level(logging.WARNING):
        objects.clear(folders.partial)
    assert list(folders.partial.iterdir()) == []
    assert caplog.text == ""
    assert tmp_path.exists()
