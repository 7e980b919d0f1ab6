"""A data directory that others could have made, and such files in it, are refused with one sentence."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from services import start_warm

import lro_notebook as lro
from lro_notebook import local, platforms
from lro_notebook.errors import ConfigError
from lro_notebook.local.identity import data_directory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from warm import Warm

grp = pytest.importorskip("grp", reason="only POSIX has owners as numbers")
pwd = pytest.importorskip("pwd")
STRANGER, STRANGERS = 65534, 54321
HOW = r"\(data_dir= or LRO_NOTEBOOK_DATA_DIR\)"
as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file to another user")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder as its user makes it."""
    folder = tmp_path / "above" / "data"
    folder.mkdir(parents=True, mode=0o755)
    return folder


@pytest.fixture(autouse=True)
def accounts() -> Iterator[None]:
    data_directory._is_alone_in.cache_clear()
    yield
    data_directory._is_alone_in.cache_clear()


def refused(path: Path, match: str) -> None:
    """Check that a directory is refused in one line, and that nothing was written to it."""
    before = sorted(path.iterdir()) if path.is_dir() else []
    for call in (local.ensure, local.stop, lambda folder: local.set_pace(1, folder)):
        with pytest.raises(ConfigError, match=match) as caught:
            call(path)
        assert "\n" not in str(caught.value)
    assert (sorted(path.iterdir()) if path.is_dir() else []) == before


@pytest.mark.service
def test_the_program_refuses_what_its_clients_refuse(data: Path) -> None:
    def said() -> str:
        command = [sys.executable, "-m", "lro_notebook.local", "--port", "0", "--data-dir", str(data)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert (ended.returncode, ended.stdout) == (2, "")
        return ended.stderr

    data.chmod(0o777)
    assert said() == (
        f"the data directory {data} is refused: it can be written by every user; "
        f"run chmod go-w '{data}', or use another folder (data_dir= or LRO_NOTEBOOK_DATA_DIR)\n"
    )
    assert list(data.iterdir()) == []
    data.chmod(0o755)
    (data / "service.sqlite3").symlink_to(data / "x")
    assert said() == f"{data}/service.sqlite3 is a link, so it may not be what the service wrote; remove it\n"


def test_a_folder_that_all_can_write_is_refused(data: Path) -> None:
    for mode in (0o777, 0o707, 0o702):
        data.chmod(mode)
        refused(data, rf"can be written by every user; run chmod go-w '{data}'")
    data.chmod(0o1777)  # as /tmp: nobody is told to change that
    refused(data, rf"can be written by every user; use a folder of your own {HOW}$")
    data.chmod(0o755)
    data_directory.check_directory(data)


@as_root
def test_a_folder_that_a_group_can_write_is_refused(data: Path) -> None:
    os.chown(data, -1, 1)  # its group has the member 'daemon'
    data.chmod(0o770)
    refused(data, r"can be written by its group \(number 1\); run chmod go-w")


@as_root
def test_the_own_group_of_a_user_is_no_other_user(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many systems make folders 0775, for the group that has the user alone."""
    os.chown(data, -1, STRANGERS)
    data.chmod(0o775)
    monkeypatch.setattr(grp, "getgrgid", lambda number: grp.struct_group(("root-too", "x", number, ["root"])))
    data_directory.check_directory(data)
    nobody = pwd.getpwuid(STRANGER)
    moved = pwd.struct_passwd((*nobody[:3], STRANGERS, *nobody[4:]))
    data_directory._is_alone_in.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(pwd, "getpwall", lambda: [pwd.getpwuid(0), moved])
        with pytest.raises(ConfigError, match="its group"):
            data_directory.check_directory(data)
    data_directory._is_alone_in.cache_clear()
    monkeypatch.setattr(grp, "getgrgid", lambda number: grp.struct_group(("team", "x", number, ["ann"])))
    with pytest.raises(ConfigError, match="its group"):
        data_directory.check_directory(data)


def test_accounts_that_are_not_listed_may_be_in_any_group_but_the_own_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A directory service such as LDAP does not list its accounts."""
    me = pwd.struct_passwd(("ann", "x", 70_001, 70_001, "", "/home/ann", "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwall", list)
    monkeypatch.setattr(pwd, "getpwuid", lambda _: me)
    names = {70_001: "ann", 70_002: "staff"}
    monkeypatch.setattr(grp, "getgrgid", lambda number: grp.struct_group((names[number], "x", number, [])))
    assert data_directory._is_alone_in(70_001, 70_001)
    assert not data_directory._is_alone_in(70_002, 70_001)
    assert data_directory._is_alone_in(0, 70_001)


@as_root
def test_a_group_that_nobody_knows_may_be_anybody(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.chown(data, -1, STRANGERS)
    for mode in (0o775, 0o2775):
        data.chmod(mode)
        refused(data, rf"can be written by its group \(number {STRANGERS}\); run chmod go-w")
    root = pwd.getpwuid(0)
    monkeypatch.setattr(pwd, "getpwuid", lambda _: pwd.struct_passwd((*root[:3], STRANGERS, *root[4:])))
    data_directory._is_alone_in.cache_clear()
    data_directory.check_directory(data)  # it is the user's own


@as_root
def test_the_group_of_root_is_a_group_like_others(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data.chmod(0o775)
    os.chown(data, -1, 0)
    data_directory.check_directory(data)
    root = pwd.getpwuid(0)
    halt, person = (
        pwd.struct_passwd((name, "x", number, 0, "", "/", "/bin/sh"))
        for name, number in (("halt", 7), ("default", 1001))
    )
    for accounts, members, alone in (
        ([halt], [], True),
        ([person], [], False),
        ([halt], ["ann"], False),
    ):
        data_directory._is_alone_in.cache_clear()
        with monkeypatch.context() as patch:
            patch.setattr(pwd, "getpwall", lambda accounts=accounts: [root, *accounts])
            patch.setattr(
                grp, "getgrgid", lambda number, names=members: grp.struct_group(("root", "x", number, names))
            )
            if alone:
                data_directory.check_directory(data)
            else:
                refused(data, r"can be written by its group \(number 0\)")


@as_root
def test_a_user_whose_number_the_platform_gives_is_told_what_to_do(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenShift: the home belongs to 1000:0, mode 775, and the user is any number in the group of root."""
    anybody = 1_000_680_000
    home = data.parent
    os.chown(home, 1000, 0)
    home.chmod(0o775)
    home.parent.chmod(0o1777)
    data.rmdir()
    with monkeypatch.context() as patch:
        patch.setattr(os, "geteuid", lambda: anybody)
        refused(data, rf"{home} above it belongs to another user \(number 1000\); use a folder .* {HOW}$")
        own = home.parent / "own"
        own.mkdir(mode=0o700)
        os.chown(own, anybody, 0)
        data_directory.check_directory(own)


@as_root
def test_a_folder_of_another_user_is_refused(data: Path) -> None:
    os.chown(data, STRANGER, -1)
    data.chmod(0o700)
    refused(data, rf"belongs to another user \(number {STRANGER}\); use a folder of your own {HOW}$")


@as_root
def test_a_folder_above_of_another_user_is_refused(data: Path) -> None:
    os.chown(data.parent, STRANGER, -1)
    refused(data, rf"{data.parent} above it belongs to another user")
    refused(data / "new" / "one", rf"{data.parent} above it belongs to another user")


def test_a_folder_above_that_all_can_write_is_refused_unless_it_is_like_tmp(data: Path) -> None:
    data.parent.chmod(0o777)
    refused(data, rf"{data.parent} above it can be written by every user")
    data.parent.chmod(0o1777)
    data_directory.check_directory(data)


@as_root
def test_what_another_user_has_made_in_tmp_is_refused(data: Path) -> None:
    data.parent.chmod(0o1777)
    planted = data.parent / "planted"
    planted.mkdir()
    os.chown(planted, STRANGER, -1)
    refused(planted, "belongs to another user")
    (planted / "data").mkdir(mode=0o700)
    refused(planted / "data", f"{planted} above it belongs to another user")


@pytest.mark.parametrize("name", data_directory.FILES)
def test_a_link_in_place_of_one_of_our_files_is_refused(data: Path, tmp_path: Path, name: str) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (data / name).symlink_to(precious)
    with pytest.raises(ConfigError, match=rf"{name} is a link, so .*remove it"):
        local.ensure(data)
    (data / name).unlink()
    os.link(precious, data / name)
    with pytest.raises(ConfigError, match=rf"{name} has a second name"):
        local.stop(data)
    (data / name).unlink()
    (data / name).symlink_to(tmp_path / "nowhere")
    refused(data, rf"{name} is a link")
    assert not (tmp_path / "nowhere").exists()
    assert precious.read_text() == "mine"


@pytest.mark.parametrize("name", ["service.json", "token", "service.log", "service.sqlite3"])
def test_what_is_no_plain_file_is_refused_without_opening_it(data: Path, name: str) -> None:
    os.mkfifo(data / name)
    refused(data, rf"{name} is not a regular file")


@pytest.mark.parametrize("name", ["service.json", "token", "service.log"])
def test_a_file_that_others_can_write_is_refused(data: Path, name: str) -> None:
    (data / name).write_text("{}")
    (data / name).chmod(0o666)
    refused(data, rf"{name} can be written by every user")


@as_root
@pytest.mark.parametrize("name", ["service.json", "token", "service.log", "service.sqlite3"])
def test_a_file_of_another_user_is_refused(data: Path, name: str) -> None:
    (data / name).write_text("{}")
    os.chown(data / name, STRANGER, -1)
    refused(data, rf"{name} belongs to another user")


def test_a_link_that_is_put_there_between_check_and_opening_is_not_followed(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_directory, "_check_file", lambda _: None)
    (data / "service.log").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match=r"service\.log"):
        data_directory.open_private(data / "service.log", os.O_WRONLY | os.O_CREAT)
    assert not (tmp_path / "precious").exists()


@pytest.mark.service
@pytest.mark.parametrize("mode", [0o755, 0o700, 0o750])
def test_a_folder_of_the_user_keeps_its_mode_and_what_the_service_makes_is_private(
    data: Path, mode: int, monkeypatch: pytest.MonkeyPatch, warm: Warm | None
) -> None:
    start_warm(monkeypatch, warm, "--sample-patients", "3")
    data.chmod(mode)
    local.ensure(data)
    try:
        assert stat.S_IMODE(data.stat().st_mode) == mode
        for path in data.iterdir():
            if path.name != "start.lock":  # which holds nothing
                assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    finally:
        local.stop(data)


def test_what_is_missing_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        made = data_directory.make_directory(tmp_path / "a" / "b" / "c")
    finally:
        os.umask(before)
    assert made == tmp_path / "a" / "b" / "c"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (made, made.parent)] == [0o700, 0o700]


def test_a_link_of_the_user_to_his_folder_is_followed(data: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(data)
    assert data_directory.make_directory(tmp_path / "link") == data


def test_a_path_that_cannot_be_a_folder_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    for path in (tmp_path / "file", tmp_path / "file" / "x", tmp_path / "circle"):
        with pytest.raises(ConfigError, match="cannot be used: "):
            data_directory.make_directory(path)


@pytest.mark.parametrize("name", ["a\0b", "a\ud800b", "~nobody-has-this-name/x"])
def test_what_is_no_path_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    for call in (lro.connect, local.stop):
        with pytest.raises(ConfigError, match=rf"cannot be used: .*; use another one {HOW}$") as caught:
            call(data_dir=Path(name))
        assert str(caught.value).isprintable()
    with pytest.raises(ConfigError, match="cannot be used: it is no path"):
        data_directory.make_directory(tmp_path / "a\0b")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def without_modes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A system where owners have no numbers, as Windows is; the user's profile."""
    monkeypatch.setattr(platforms, "HAS_MODES", False)
    monkeypatch.setattr(data_directory, "_told", set())
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "above")
    return tmp_path / "above"


@pytest.mark.usefixtures("without_modes")
def test_where_owners_have_no_numbers_a_folder_in_the_profile_is_taken(data: Path) -> None:
    data.chmod(0o777)
    data_directory.check_directory(data)


def test_where_owners_have_no_numbers_a_folder_outside_of_the_profile_is_told_once(
    without_modes: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "elsewhere"
    told = f"{re.escape(str(outside))} is outside of your profile {re.escape(str(without_modes))}: .*icacls"
    with pytest.warns(lro.LroWarning, match=told) as caught:
        data_directory.make_directory(outside)
        data_directory.check_directory(outside)
    assert len(caught) == 1


@pytest.mark.parametrize(
    ("mapped", "number"), [("0 0 4294967295", None), ("0 1000 1", 65534), ("1000 1000 1", 65534), ("", 65534)]
)
def test_owners_without_a_number_are_known_in_a_container_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mapped: str, number: int | None
) -> None:
    (tmp_path / "map").write_text(mapped)
    (tmp_path / "overflow").write_text("65534\n")
    monkeypatch.setattr(data_directory, "_UID_MAP", tmp_path / "map")
    monkeypatch.setattr(data_directory, "_OVERFLOW", tmp_path / "overflow")
    data_directory._nobody_here.cache_clear()
    try:
        assert data_directory._nobody_here() == number
    finally:
        data_directory._nobody_here.cache_clear()
