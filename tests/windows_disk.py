"""A disk with the rules of Windows, for tests on Linux: a file system in user space over a folder.

``A`` and ``a`` are one name, kept as it was first spelled; what Windows reserves is refused; and what a
program has open can be neither renamed, nor replaced, nor removed. ``python windows_disk.py FOLDER MOUNT``
serves it until it is unmounted.
"""

from __future__ import annotations

import errno
import os
import re
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import mfusepy

_RESERVED = re.compile(
    r'[<>:"|?*\\\x00-\x1f]|[. ]$|^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)', re.IGNORECASE
)
_STATUS = ("mode", "nlink", "uid", "gid", "size", "atime", "mtime", "ctime", "blocks", "ino")


class WindowsDisk(mfusepy.Operations):  # type: ignore[misc]  # it has no types
    """The file system; each method is named after what it serves."""

    use_ns = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: Counter[str] = Counter()  # files that are open, by their real path
        self._paths: dict[int, str] = {}

    def _real(self, path: str) -> str:
        """Return the real path of a name in any case; a missing last part as it is spelled."""
        here = self._folder
        for part in path.strip("/").split("/") if path != "/" else ():
            if _RESERVED.search(part):
                raise mfusepy.FuseOSError(errno.EINVAL)
            try:
                known = [item.name for item in here.iterdir()]
            except OSError as error:
                raise mfusepy.FuseOSError(error.errno or errno.EIO) from error
            same = (name for name in known if name.casefold() == part.casefold())
            here = here / (part if part in known else next(same, part))
        return str(here)

    def _names(self, path: str) -> list[str]:
        return [item.name for item in Path(self._real(path)).iterdir()]

    def _unless_open(self, *paths: str) -> None:
        # `filelock` locks in another way on Windows than here, where it removes files that it has open.
        if any(self._open[path] for path in paths if "lock" not in Path(path).name):
            raise mfusepy.FuseOSError(errno.EACCES)

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:  # noqa: ARG002
        status = os.lstat(self._real(path))
        found = {f"st_{name}": getattr(status, f"st_{name}") for name in _STATUS}
        return found | {
            f"st_{name}": getattr(status, f"st_{name}_ns") for name in ("atime", "mtime", "ctime")
        }

    def readdir(self, path: str, fh: int) -> list[Any]:  # noqa: ARG002
        inside = path.rstrip("/")
        return [
            ".",
            "..",
            *((name, self.getattr(f"{inside}/{name}"), 0) for name in self._names(path)),
        ]

    def create(self, path: str, mode: int, fi: Any = None) -> int:  # noqa: ARG002
        return self._opened(self._real(path), os.O_RDWR | os.O_CREAT, mode)

    def open(self, path: str, flags: int) -> int:
        # The kernel reads where a program only writes, to fill pages.
        flags = flags & ~(os.O_APPEND | os.O_WRONLY) | (os.O_RDWR if flags & os.O_WRONLY else 0)
        return self._opened(self._real(path), flags)

    def _opened(self, real: str, flags: int, mode: int = 0o666) -> int:
        number = os.open(real, flags, mode)
        self._paths[number] = real
        self._open[real] += 1
        return number

    def release(self, path: str, fh: int) -> int:  # noqa: ARG002
        self._open[self._paths.pop(fh)] -= 1
        os.close(fh)
        return 0

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:  # noqa: ARG002
        return os.pread(fh, size, offset)

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:  # noqa: ARG002
        return os.pwrite(fh, data, offset)

    def truncate(self, path: str, length: int, fh: int | None = None) -> int:  # noqa: ARG002
        os.truncate(self._real(path), length)
        return 0

    def fsync(self, path: str, datasync: int, fh: int) -> int:  # noqa: ARG002
        os.fsync(fh)
        return 0

    def rename(self, old: str, new: str) -> int:
        source, target = self._real(old), self._real(new)
        self._unless_open(source, target)
        Path(source).replace(Path(target).with_name(Path(new).name) if source == target else target)
        return 0

    def unlink(self, path: str) -> int:
        self._unless_open(self._real(path))
        Path(self._real(path)).unlink()
        return 0

    def mkdir(self, path: str, mode: int) -> int:
        Path(self._real(path)).mkdir(mode)
        return 0

    def rmdir(self, path: str) -> int:
        Path(self._real(path)).rmdir()
        return 0

    def chmod(self, path: str, mode: int) -> int:
        Path(self._real(path)).chmod(mode)
        return 0

    def utimens(self, path: str, times: tuple[int, int] | None = None) -> int:
        now = time.time_ns()
        os.utime(self._real(path), ns=times or (now, now))
        return 0

    def statfs(self, path: str) -> dict[str, int]:  # noqa: ARG002
        status = os.statvfs(self._folder)
        return {
            name: getattr(status, name) for name in ("f_bsize", "f_frsize", "f_blocks", "f_bfree", "f_bavail")
        }


if __name__ == "__main__":
    mfusepy.FUSE(
        WindowsDisk(Path(sys.argv[1])),
        sys.argv[2],
        foreground=True,
        nothreads=True,
        default_permissions=True,
        use_ino=True,  # one folder is one folder, however it is spelled
    )
