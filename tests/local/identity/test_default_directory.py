"""Where the service's data goes when nobody says so: not to a home directory on a network."""

from __future__ import annotations

import os
import warnings
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pytest
from platformdirs import user_data_path

import lro_notebook as lro
from lro_notebook import local
from lro_notebook.local import launch
from lro_notebook.local.identity import default_directory

if TYPE_CHECKING:
    from collections.abc import Callable

MOUNTS = r"""22 1 0:21 / / rw,relatime shared:1 - overlay overlay rw,lowerdir=/a:/b
30 22 8:1 / /scratch rw - ext4 /dev/sda1 rw
31 22 0:30 / /home rw shared:2 - autofs auto.home rw
32 31 0:44 / /home/ada rw,relatime shared:3 master:4 - nfs4 filer:/export/ada rw,vers=4.2
33 32 8:2 / /home/ada/fast rw - xfs /dev/nvme0n1 rw
34 22 0:50 / /mnt/my\040drive rw - fuse.gcsfuse bucket rw
35 22 0:51 / /mnt/twice rw - nfs filer:/x rw
36 22 8:3 / /mnt/twice rw - ext4 /dev/sdb rw
37 22 0:52 / /mnt/overlay rw - fuse.fuse-overlayfs fuse-overlayfs rw
cut short
"""
POSIX = pytest.mark.skipif(os.name != "posix", reason="nothing is looked up on Windows")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/ada/.local/share/x", "nfs4"),
        ("/home/ada", "nfs4"),
        ("/home/adam/x", ""),
        ("/home/ada/fast/x", ""),
        ("/scratch/x", ""),
        ("/mnt/my drive/x", "fuse.gcsfuse"),
        ("/mnt/twice/x", ""),
        ("/mnt/overlay/x", ""),
        ("/srv", ""),
    ],
)
def test_the_file_system_of_a_path_is_that_of_its_deepest_mount(path: str, kind: str) -> None:
    assert default_directory.network_type(PurePosixPath(path), MOUNTS) == kind
    assert default_directory.network_type(PurePosixPath(path), "") == ""


def test_the_local_place_is_taken_only_where_the_usual_one_is_on_a_network() -> None:
    usual, elsewhere, remote = Path("/home/ada/x"), Path("/scratch/y"), Path("/home/ada/y")
    assert default_directory.chosen(usual, elsewhere, MOUNTS) == elsewhere
    assert default_directory.chosen(Path("/home/ada/fast/x"), elsewhere, MOUNTS) == Path("/home/ada/fast/x")
    assert default_directory.chosen(usual, remote, MOUNTS) == usual


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Mount a network file system at a folder, as far as this process can tell."""
    for name in ("home", "disk"):
        (tmp_path / name).mkdir(mode=0o700)
    monkeypatch.delenv("LRO_NOTEBOOK_DATA_DIR", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(default_directory, "_LOCAL_PLACES", (str(tmp_path / "disk"),))
    monkeypatch.setattr(default_directory, "_MOUNTS", tmp_path / "mountinfo")

    def mount(folder: Path) -> None:
        lines = f"1 0 8:1 / / rw - ext4 /dev/sda rw\n2 1 0:9 / {folder} rw - nfs4 filer:/home rw\n"
        (tmp_path / "mountinfo").write_text(lines)

    return mount


@POSIX
@pytest.mark.service
def test_with_a_home_on_a_network_the_data_is_on_a_local_disk_and_who_starts_the_service_is_told(
    network: Callable[[Path], None], tmp_path: Path
) -> None:
    if not user_data_path("lro_notebook").is_relative_to(tmp_path):
        pytest.skip("this system's user data is not where XDG_DATA_HOME says")
    network(tmp_path / "home")
    wanted = tmp_path / "disk" / f"lro_notebook-{os.getuid()}" / "local"
    with pytest.warns(
        lro.LroWarning, match=rf"keeps its data in {wanted}.* is on nfs4.*LRO_NOTEBOOK_DATA_DIR"
    ):
        running = local.ensure()
    try:
        assert running.data_dir == wanted
        assert (wanted / "service.sqlite3").exists()
        assert wanted.stat().st_mode & 0o777 == 0o700
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # who finds it running is not told again
            assert local.ensure().endpoint == running.endpoint
        assert list((tmp_path / "home").iterdir()) == []
    finally:
        assert local.stop()


@POSIX
def test_a_folder_that_somebody_names_is_taken_and_a_network_is_remarked_on(
    network: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network(tmp_path / "home")
    named = tmp_path / "home" / "named"
    monkeypatch.setenv("LRO_NOTEBOOK_DATA_DIR", str(named))
    assert launch._directory(None) == named
    assert "from one machine at a time" in default_directory.remark(named)
    assert default_directory.remark(tmp_path / "disk" / "mine") == ""


@POSIX
def test_a_local_home_keeps_the_data_and_nothing_is_said(
    network: Callable[[Path], None], tmp_path: Path
) -> None:
    network(tmp_path / "elsewhere")
    assert launch._directory(None) == (user_data_path("lro_notebook") / "local").resolve()
    assert default_directory.remark(launch._directory(None)) == ""


@POSIX
def test_without_a_list_of_mounts_the_usual_place_is_taken(
    network: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    del network
    monkeypatch.setattr(default_directory, "_MOUNTS", tmp_path / "none")
    assert default_directory.find() == (user_data_path("lro_notebook") / "local").resolve()
