"""Objects of buckets as files of an ordinary disk: what is one, opening one, placing a finished one.

A folder of a user may hold anything: pipes, sockets, links in a circle, names that are no text. Nothing
here waits for another program, and a file is seen whole or not at all.
"""

from __future__ import annotations

import errno
import logging
import os
import secrets
import shutil
import stat
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)

#: Most bytes of an object that is read into memory as a whole; SQLite takes no value of more than 1 GB.
WHOLE_LIMIT = 512 << 20

_BUFFER = 1 << 20
_COPY = ".partial-"
_NOTE = ".copied-to"
_KINDS = (
    (stat.S_ISDIR, "it is a folder"),
    (stat.S_ISFIFO, "it is a named pipe"),
    (stat.S_ISSOCK, "it is a socket"),
    (stat.S_ISCHR, "it is a device"),
    (stat.S_ISBLK, "it is a device"),
)


def shown(name: str) -> str:
    """Return a file name as text; bytes that are no UTF-8 are escaped, as Python does it."""
    return os.fsencode(name).decode(errors="backslashreplace")


def flaw_of(path: str, root: str) -> str | None:
    """Return why a path is no object of the buckets below `root`; None if it is one."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return "its name is no UTF-8"
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - many paths, one call each
    except OSError as error:
        if os.path.islink(path):  # noqa: PTH114
            return "it is a link that leads nowhere, or in a circle"
        return _sentence(error)
    except ValueError:
        return "its name cannot be one of a file"
    if not is_below(path, root):
        return "it is a link that leads out of the buckets folder"
    return None if stat.S_ISREG(mode) else _kind(mode)


def is_below(path: str, root: str) -> bool:
    """Return whether a path, its links followed, is `root` or lies below it."""
    try:
        real = os.path.realpath(path)
    except (OSError, ValueError):
        return False
    return real == root or real.startswith(root.rstrip(os.sep) + os.sep)


def open_object(path: Path) -> IO[bytes]:
    """Open an object for reading; never waits, whatever has come in its place meanwhile.

    Raises
    ------
    OSError
        It cannot be read, or is no regular file.
    """
    return open(path, "rb", buffering=_BUFFER, opener=_opened)


def read_object(path: Path, limit: int = WHOLE_LIMIT) -> bytes:
    """Return the content of an object of at most `limit` bytes.

    Raises
    ------
    OSError
        It cannot be read, is no regular file, or is larger.
    """
    with open_object(path) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise OSError(errno.EFBIG, f"it is larger than {limit >> 20} MiB", str(path))
    return content


def place(draft: Path, target: Path, *, rename: Callable[[Path, Path], None] = os.replace) -> None:
    """Move a finished file to its place, at once as a whole, on another file system too.

    Parameters
    ----------
    draft : Path
        Closed, in the folder of unfinished files of an operation.
    target : Path
        Where it shall be; its folder is made.
    rename : callable
        `os.replace`.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        rename(draft, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _copy(draft, target, rename)


def place_folder(draft: Path, target: Path) -> None:
    """Move a finished folder to its place, at once as a whole, on another file system too."""
    try:
        draft.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # By this name a copy that a killed service began is found and replaced.
        copy = target.with_name(f"{_COPY}{target.name}")
        remove(copy)
        shutil.copytree(draft, copy)
        copy.rename(target)
        remove(draft)


def clear(folder: Path) -> None:
    """Remove what earlier runs left in the folder of unfinished files, and their copies elsewhere."""
    for item in folder.iterdir():
        if item.is_dir() and not item.is_symlink():
            for note in item.rglob(f"*{_NOTE}"):
                _forget(note, root=folder.parent)
        remove(item)


def remove(item: Path) -> None:
    """Remove a file, a link or a folder; what cannot be removed now is logged and stays."""
    try:
        if item.is_dir() and not item.is_symlink():
            shutil.rmtree(item)
        else:
            item.unlink(missing_ok=True)
    except OSError as error:
        logger.warning("%s cannot be removed: %s", item, error)


def _copy(draft: Path, target: Path, rename: Callable[[Path, Path], None]) -> None:
    """Copy a file beside its place, where a rename is possible."""
    copy = target.with_name(f"{_COPY}{secrets.token_hex(8)}")
    note = draft.with_name(f"{draft.name}{_NOTE}")
    # A service that is killed here finds the copy by this at its next start.
    note.write_text(str(copy), "utf-8")
    try:
        with draft.open("rb") as source, copy.open("xb") as file:
            shutil.copyfileobj(source, file, _BUFFER)
            file.flush()
            os.fsync(file.fileno())
        rename(copy, target)
    finally:
        copy.unlink(missing_ok=True)
        note.unlink()
    draft.unlink()


def _forget(note: Path, *, root: Path) -> None:
    try:
        copy = Path(note.read_text("utf-8"))
        if copy.name.startswith(_COPY) and is_below(str(copy.parent), str(root)):
            copy.unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        logger.warning("an unfinished copy cannot be removed: %s", error)


def _opened(path: str, flags: int) -> int:
    """Return the descriptor of a regular file; opening a pipe would wait for its other end."""
    for name in ("O_NONBLOCK", "O_NOCTTY"):
        flags |= getattr(os, name, 0)
    descriptor = os.open(path, flags)
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, _kind(mode), path)
    return descriptor


def _kind(mode: int) -> str:
    return next((words for test, words in _KINDS if test(mode)), "it is no regular file")


def _sentence(error: OSError) -> str:
    return f"it cannot be read: {error.strerror}"
