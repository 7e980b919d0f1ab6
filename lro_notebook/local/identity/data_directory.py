"""Folders and files that nobody else can have made, changed or put in place of ours.

Only where the owner of a file is a number (POSIX). On Windows nothing is checked: there the user's profile
keeps others out.
"""

from __future__ import annotations

import os
import stat
from functools import cache
from pathlib import Path

from lro_notebook.errors import ConfigError

#: What this package writes at the top of a data directory.
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

_POSIX = os.name == "posix"
_ROOT = 0
_OWN_ONLY = 0o700
_PEOPLE = 1000  # the first number of a person's account; those below are the system's own
_HOW = "(data_dir= or LRO_NOTEBOOK_DATA_DIR)"
_UID_MAP = Path("/proc/self/uid_map")
_OVERFLOW = Path("/proc/sys/kernel/overflowuid")


def make_directory(path: Path) -> Path:
    """Make a data directory and what is missing above it, for their owner alone; return its real path.

    One that is there already is left as it is.

    Raises
    ------
    ConfigError
        It cannot be made, or others could write to it or replace it.
    """
    try:
        path = path.resolve()
        for folder in (*reversed(path.parents), path):
            if not folder.exists():
                folder.mkdir(exist_ok=True, mode=_OWN_ONLY)
        if not path.is_dir():
            raise NotADirectoryError(0, "it is no folder")
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
    """Refuse a data directory that others could write to or replace, and such files in it.

    Parameters
    ----------
    path : Path
        Its real path, without links.

    Raises
    ------
    ConfigError
        The sentence names the folder or file, what is wrong, and what to do.
    """
    if not _POSIX:
        return
    _check_folder(path, path)
    inner = path
    for folder in path.parents:
        # What is mounted on a folder cannot be moved away by who may write beside it.
        if not os.path.ismount(inner):
            _check_folder(folder, path)
        inner = folder
    for name in FILES:
        _check_file(path / name)


def open_private(path: Path, flags: int) -> int:
    """Open one of our own files, never through a link; return the file descriptor.

    Raises
    ------
    ConfigError
        Somebody else could have made or changed it.
    OSError
        It cannot be opened.
    """
    _check_file(path)
    number = os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        if _POSIX:
            _check_status(path, os.fstat(number))
    except BaseException:
        os.close(number)
        raise
    return number


def read_private(path: Path) -> bytes:
    """Return the content of one of our own files; see `open_private`."""
    with os.fdopen(open_private(path, os.O_RDONLY), "rb") as file:
        return file.read()


def _check_folder(folder: Path, data_dir: Path) -> None:
    try:
        found = folder.lstat()
    except OSError as error:
        raise ConfigError(f"the data directory {data_dir} cannot be used: {error.strerror}") from error
    own = folder == data_dir
    where = "it" if own else f"{folder} above it"
    if not _is_trusted(found.st_uid, foreign_too=not own):
        raise ConfigError(
            f"the data directory {data_dir} is refused: {where} belongs to another user "
            f"(number {found.st_uid}); use a folder of your own {_HOW}"
        )
    # In a folder such as /tmp only the owner of a file may replace it; but anybody may add one.
    if found.st_mode & stat.S_ISVTX and not own:
        return
    who = _other_writers(folder, found)
    if who and (found.st_mode & stat.S_ISVTX or found.st_uid != os.geteuid()):
        # Shared on purpose, or not ours to change: no chmod for /tmp.
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
    if not _POSIX:
        return
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise ConfigError(f"{path} cannot be used: {error.strerror}") from error
    _check_status(path, found)


def _check_status(path: Path, found: os.stat_result) -> None:
    wrong = None
    if stat.S_ISLNK(found.st_mode):
        wrong = "is a link"
    elif not stat.S_ISREG(found.st_mode):
        wrong = "is no plain file"
    elif not _is_trusted(found.st_uid):
        wrong = f"belongs to another user (number {found.st_uid})"
    elif found.st_nlink > 1:
        wrong = "has a second name elsewhere"
    elif who := _other_writers(path, found):
        raise ConfigError(f"{path} can be written by {who}; run chmod go-w '{path}' if it is what you know")
    if wrong:
        raise ConfigError(f"{path} {wrong}, so it may not be what the service wrote; remove it")


def _is_trusted(owner: int, *, foreign_too: bool = False) -> bool:
    """Tell whether we trust `owner`; `foreign_too` counts owners that have no number here."""
    return owner in (os.geteuid(), _ROOT) or (foreign_too and owner == _nobody_here())


def _other_writers(path: Path, found: os.stat_result) -> str:
    """Return who else may write, as words; empty for nobody."""
    if found.st_mode & stat.S_IWOTH:
        return "every user"
    if not found.st_mode & stat.S_IWGRP:
        return ""
    if _has_access_list(path):
        return "those on its access list"
    return "" if _is_alone_in(found.st_gid, os.geteuid()) else f"its group (number {found.st_gid})"


def _has_access_list(path: Path) -> bool:
    """Tell whether more users than owner and group were given access, where the system tells it."""
    if not hasattr(os, "listxattr"):
        return False
    try:
        return "system.posix_acl_access" in os.listxattr(path, follow_symlinks=False)
    except OSError:  # a file system without such lists
        return False


@cache
def _is_alone_in(group: int, user: int) -> bool:
    """Tell whether a group has no member but the user and root, as far as this machine lists its accounts.

    Many systems give each user a group of his own and let new folders be written by it; in the usual
    containers of notebooks the one user is in the group ``users``. Who is in a group that is not listed,
    nobody can say, unless it is the user's own.
    """
    import grp  # noqa: PLC0415 - both only where there are numbers for users
    import pwd  # noqa: PLC0415

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
        # The accounts come from a directory that does not list them: only the name tells a user's own group.
        return title == name
    return not others


@cache
def _nobody_here() -> int | None:
    """Return the number that owners get who have none in this container, None outside of one.

    Root of the machine is one of them in containers that users start without privileges.
    """
    try:
        first = _UID_MAP.read_text("ascii").split()
        if first[:3] == ["0", "0", str(0xFFFFFFFF)]:
            return None
        return int(_OVERFLOW.read_text("ascii"))
    except (OSError, ValueError):
        return None
