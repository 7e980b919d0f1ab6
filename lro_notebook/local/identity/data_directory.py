"""Checks that no other user can have created, changed or replaced a data directory and its files.

On Windows owners and modes say nothing. There the user's profile keeps others out; a place outside of it is
told about.
"""

from __future__ import annotations

import os
import stat
from functools import cache
from pathlib import Path

from lro_notebook import platforms
from lro_notebook.errors import ConfigError, LroWarning, warn_caller

#: The files that this package writes to a data directory.
FILES = (
    "service.json",
    "token",
    "service.log",
    "start.lock",
    "service.lock",
    "service.sqlite3",
    "service.sqlite3-wal",
    "service.sqlite3-shm",
    "service.sqlite3-journal",
)

_ROOT = 0
_OWN_ONLY = 0o700
_PEOPLE = 1000  # the first number of a person's account; those below are the system's own
_HOW = "(data_dir= or LRO_NOTEBOOK_DATA_DIR)"
_UID_MAP = Path("/proc/self/uid_map")
_OVERFLOW = Path("/proc/sys/kernel/overflowuid")
#: Folders outside of the profile that were told about.
_told: set[Path] = set()


def make_directory(path: Path) -> Path:
    """Create a data directory and its missing parents, private to their owner; return its real path.

    An existing directory keeps its permissions.

    Raises
    ------
    ConfigError
        It cannot be created, or other users could write to it or replace it.
    """
    try:
        path = path.resolve()
        for folder in (*reversed(path.parents), path):
            if not folder.exists():
                folder.mkdir(exist_ok=True, mode=_OWN_ONLY)
        if not path.is_dir():
            raise NotADirectoryError(0, "it is not a folder")
    except (OSError, RuntimeError, ValueError) as error:
        raise _unusable(path, error) from error
    check_directory(path)
    return path


def resolved(path: Path) -> Path:
    """Return the real path of a folder that may not be there yet.

    Raises
    ------
    ConfigError
        It can be none.
    """
    try:
        return path.expanduser().resolve()
    # A link that leads in a circle, a home that nobody knows; a zero byte, or what is no Unicode.
    except (OSError, RuntimeError, ValueError) as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: Exception) -> ConfigError:
    reason = "it is no path" if isinstance(error, ValueError) else getattr(error, "strerror", None) or error
    shown = str(path) if str(path).isprintable() else ascii(str(path))
    return ConfigError(f"the data directory {shown} cannot be used: {reason}; use another one {_HOW}")


def check_directory(path: Path) -> None:
    """Raise if other users could write to a data directory or its files, or replace them.

    Parameters
    ----------
    path : Path
        Its real path, without links.

    Raises
    ------
    ConfigError
        The message names the folder or file, the problem, and what to do.
    """
    if not platforms.HAS_MODES:
        _tell_outside(path, Path.home().resolve())
        return
    _check_folder(path, path)
    inner = path
    for folder in path.parents:
        # A mount point cannot be renamed by users who can write to its parent.
        if not os.path.ismount(inner):
            _check_folder(folder, path)
        inner = folder
    for name in FILES:
        _check_file(path / name)


def open_private(path: Path, flags: int) -> int:
    """Open one of our files, not through a link; return the file descriptor.

    Raises
    ------
    ConfigError
        Another user could have created or changed it.
    OSError
        It cannot be opened.
    """
    _check_file(path)
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    number = platforms.patiently(lambda: os.open(path, flags, 0o600))
    try:
        if platforms.HAS_MODES:
            _check_status(path, os.fstat(number))
    except BaseException:
        os.close(number)
        raise
    return number


def read_private(path: Path) -> bytes:
    """Return the content of one of our files; see `open_private`."""
    with os.fdopen(open_private(path, os.O_RDONLY), "rb") as file:
        return file.read()


def _tell_outside(path: Path, profile: Path) -> None:
    """Warn, once for each folder, where it does not lie in the user's profile."""
    if path in _told or path.is_relative_to(profile):
        return
    _told.add(path)
    warn_caller(
        f"the data directory {path} is outside of your profile {profile}: who may read and change its files, "
        f"its token among them, Windows decides by their permissions, which are not checked; see them with "
        f'icacls "{path}", or use a folder in your profile {_HOW}',
        LroWarning,
    )


def _check_folder(folder: Path, data_dir: Path) -> None:
    try:
        status = folder.lstat()
    except OSError as error:
        raise ConfigError(f"the data directory {data_dir} cannot be used: {error.strerror}") from error
    own = folder == data_dir
    where = "it" if own else f"{folder} above it"
    if not _is_trusted(status.st_uid, foreign_too=not own):
        raise ConfigError(
            f"the data directory {data_dir} is refused: {where} belongs to another user "
            f"(number {status.st_uid}); use a folder of your own {_HOW}"
        )
    # In a sticky folder such as /tmp only the owner of a file can replace it, but anybody can add one.
    if status.st_mode & stat.S_ISVTX and not own:
        return
    who = _other_writers(folder, status)
    if who and (status.st_mode & stat.S_ISVTX or status.st_uid != os.geteuid()):
        # Shared on purpose, or not ours: do not suggest chmod, as for /tmp.
        raise ConfigError(
            f"the data directory {data_dir} is refused: {where} can be written by {who}; "
            f"use a folder of your own {_HOW}"
        )
    if who:
        raise ConfigError(
            f"the data directory {data_dir} is refused: {where} can be written by {who}; "
            f"run chmod go-w '{folder}', or use another folder {_HOW}"
        )


def _check_file(path: Path) -> None:
    if not platforms.HAS_MODES:
        return
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise ConfigError(f"{path} cannot be used: {error.strerror}") from error
    _check_status(path, status)


def _check_status(path: Path, status: os.stat_result) -> None:
    wrong = None
    if stat.S_ISLNK(status.st_mode):
        wrong = "is a link"
    elif not stat.S_ISREG(status.st_mode):
        wrong = "is not a regular file"
    elif not _is_trusted(status.st_uid):
        wrong = f"belongs to another user (number {status.st_uid})"
    elif status.st_nlink > 1:
        wrong = "has a second name elsewhere"
    elif who := _other_writers(path, status):
        raise ConfigError(f"{path} can be written by {who}; run chmod go-w '{path}' if you know its content")
    if wrong:
        raise ConfigError(f"{path} {wrong}, so it may not be what the service wrote; remove it")


def _is_trusted(owner: int, *, foreign_too: bool = False) -> bool:
    """Tell whether `owner` is trusted; `foreign_too` also trusts owners from outside this container."""
    return owner in (os.geteuid(), _ROOT) or (foreign_too and owner == _nobody_here())


def _other_writers(path: Path, status: os.stat_result) -> str:
    """Return in words who else may write; empty for nobody."""
    if status.st_mode & stat.S_IWOTH:
        return "every user"
    if not status.st_mode & stat.S_IWGRP:
        return ""
    if _has_access_list(path):
        return "those on its access list"
    return "" if _is_alone_in(status.st_gid, os.geteuid()) else f"its group (number {status.st_gid})"


def _has_access_list(path: Path) -> bool:
    """Tell whether an access list gives other users access, where the system has such lists."""
    if not hasattr(os, "listxattr"):
        return False
    try:
        return "system.posix_acl_access" in os.listxattr(path, follow_symlinks=False)
    except OSError:  # a file system without such lists
        return False


@cache
def _is_alone_in(group: int, user: int) -> bool:
    """Tell whether a group has no members besides the user and root, as far as this machine lists accounts.

    Many systems give each user a group of their own, which can write new folders; in common notebook
    containers the only user is in the group ``users``. Who is in a group that is not listed, nobody can
    say, unless it is the user's own.
    """
    import grp
    import pwd

    accounts = pwd.getpwall()
    try:
        me = pwd.getpwuid(user)
        name, own = me.pw_name, me.pw_gid
    except KeyError:
        name, own = "", os.getegid()  # a container under a number of its own
    try:
        entry = grp.getgrgid(group)
    except KeyError:
        if group not in (own, _ROOT):
            return False
        members, title = set[str](), ""
    else:
        members, title = set(entry.gr_mem), entry.gr_name
    if members - {name, "root"}:
        return False
    others = {account.pw_uid for account in accounts if account.pw_gid == group} - {user, _ROOT}
    if group == _ROOT:  # some systems put accounts of theirs in it that only halt the machine
        return all(number < _PEOPLE for number in others)
    if name and all(account.pw_uid != user for account in accounts):
        # The accounts come from a directory that does not list them; a group of the user's own has their
        # name.
        return title == name
    return not others


@cache
def _nobody_here() -> int | None:
    """Return the uid that stands for owners from outside this container; None if there is no such container.

    In rootless containers the root of the machine is such an owner.
    """
    try:
        first = _UID_MAP.read_text("ascii").split()
        if first[:3] == ["0", "0", str(0xFFFFFFFF)]:
            return None
        return int(_OVERFLOW.read_text("ascii"))
    except (OSError, ValueError):
        return None
