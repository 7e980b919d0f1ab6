"""Objects of buckets as files on a disk: which files are objects, how to open one, how to put one in place.

A user's folder may hold anything: pipes, sockets, circular links, names that are not text. Nothing here
waits for another program, and readers see a file whole or not at all.
"""

from __future__ import annotations

import errno
import logging
import os
import secrets
import shutil
import stat
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING

from lro_notebook import platforms
from lro_notebook.disk_names import SELF

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)

#: Most bytes of an object that is read into memory as a whole; SQLite takes no value of more than 1 GB.
WHOLE_LIMIT = 512 << 20

_BUFFER = 1 << 20
_COPY = ".partial-"
_NOTE = ".copied-to"
#: Held where folders come and go, or an object moves into one: requests and operations do so at once.
changing_folders = threading.Lock()
_FILE_TYPES = (
    (stat.S_ISDIR, "it is a folder"),
    (stat.S_ISFIFO, "it is a named pipe"),
    (stat.S_ISSOCK, "it is a socket"),
    (stat.S_ISCHR, "it is a device"),
    (stat.S_ISBLK, "it is a device"),
)


def shown(name: str) -> str:
    """Return a file name as text, with bytes that are not UTF-8 escaped as in Python."""
    return os.fsencode(name).decode(errors="backslashreplace")


def why_unusable(path: str, root: str) -> str | None:
    """Return why a file cannot be an object of the buckets below `root`; None if it can."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return "its name is not UTF-8"
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - many paths, one call each
    except OSError as error:
        if os.path.islink(path):  # noqa: PTH114
            return "it is a broken or circular link"
        return _read_problem(error)
    except ValueError:
        return "its name is not a possible file name"
    if not is_below(path, root):
        return "it is a link that leads out of the buckets folder"
    return None if stat.S_ISREG(mode) else _file_type(mode)


def is_below(path: str, root: str) -> bool:
    """Return whether a path, after following links, is `root` or below it."""
    try:
        real = os.path.realpath(path)
    except (OSError, ValueError):
        return False
    return real == root or real.startswith(root.rstrip(os.sep) + os.sep)


def open_object(path: Path) -> IO[bytes]:
    """Open an object for reading; never blocks, even if a pipe has taken its place.

    Raises
    ------
    OSError
        It cannot be read, or is not a regular file.
    """
    return open(path, "rb", buffering=_BUFFER, opener=_open_regular)


def read_object(path: Path, limit: int = WHOLE_LIMIT) -> bytes:
    """Return the content of an object of at most `limit` bytes.

    Raises
    ------
    OSError
        It cannot be read, is not a regular file, or is larger.
    """
    with open_object(path) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise OSError(errno.EFBIG, f"it is larger than {limit >> 20} MiB", str(path))
    return content


def place(draft: Path, target: Path, *, rename: Callable[[Path, Path], None] = platforms.replace) -> Path:
    """Move a finished file to its place atomically, even on another file system; return where it is.

    Parameters
    ----------
    draft : Path
        A closed file in the operation's folder of unfinished files.
    target : Path
        Its final place; missing folders are created, also where an object has the name of one. Where a
        folder has its name, it lies in there.
    rename : callable
        `platforms.replace`.
    """
    with changing_folders:
        _make_folder(target.parent)
        target = file_of(target)
        try:
            rename(draft, target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
        else:
            return target
    _copy(draft, target, rename)
    return target


def file_of(path: Path) -> Path:
    """Return the file of the object at a path, which lies within the folder of its name if there is one."""
    return path / SELF if path.is_dir() else path


def _make_folder(folder: Path) -> None:
    """Make a folder; objects that have the name of one on the way move into it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        files = (each for each in (folder, *folder.parents) if each.is_file())
        taken = next((each for each in files if not each.is_symlink()), None)  # a link would lead elsewhere
        if taken is None:
            raise
        aside = taken.with_name(f"{_COPY}{secrets.token_hex(8)}")
        platforms.replace(taken, aside)
        taken.mkdir(exist_ok=True)
        platforms.replace(aside, taken / SELF)
        folder.mkdir(parents=True, exist_ok=True)


def place_folder(draft: Path, target: Path) -> None:
    """Move a finished folder to its place atomically, even on another file system."""
    try:
        platforms.replace(draft, target, rename=os.rename)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # The fixed name lets a later run find and replace the copy of a killed service.
        copy = target.with_name(f"{_COPY}{target.name}")
        remove(copy)
        shutil.copytree(draft, copy)
        platforms.replace(copy, target, rename=os.rename)
        remove(draft)


def clear(folder: Path) -> None:
    """Remove what earlier runs left in the folder of unfinished files, and unfinished copies elsewhere."""
    for item in folder.iterdir():
        if item.is_dir() and not item.is_symlink():
            for note in item.rglob(f"*{_NOTE}"):
                _forget(note, root=folder.parent)
        remove(item)


def remove(item: Path) -> None:
    """Remove a file, a link or a folder; log what cannot be removed."""
    try:
        if item.is_dir() and not item.is_symlink():
            shutil.rmtree(item)
        else:
            platforms.unlink(item)
    except OSError as error:
        logger.warning("%s cannot be removed: %s", item, error)


def _copy(draft: Path, target: Path, rename: Callable[[Path, Path], None]) -> None:
    """Copy a file next to its place, then rename it."""
    copy = target.with_name(f"{_COPY}{secrets.token_hex(8)}")
    note = draft.with_name(f"{draft.name}{_NOTE}")
    # If the service is killed here, its next start finds the copy by this note.
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


def _open_regular(path: str, flags: int) -> int:
    """Return the descriptor of a regular file, without blocking on a pipe."""
    for name in ("O_NONBLOCK", "O_NOCTTY"):
        flags |= getattr(os, name, 0)
    descriptor = os.open(path, flags)
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, _file_type(mode), path)
    return descriptor


def _file_type(mode: int) -> str:
    return next((words for test, words in _FILE_TYPES if test(mode)), "it is not a regular file")


def _read_problem(error: OSError) -> str:
    return f"it cannot be read: {error.strerror}"
