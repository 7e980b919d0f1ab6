"""The buckets of the embedded service as a file system, where a disk cannot hold every name of an object."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from fsspec.implementations.local import LocalFileOpener, LocalFileSystem

from lro_notebook import platforms
from lro_notebook.disk_names import Disk, disk_of


class BucketFiles(LocalFileSystem):  # type: ignore[misc]  # it has no types
    """The objects below a folder of buckets under their own names, and paths of any length; to read only.

    Parameters
    ----------
    root : str
        The folder, with slashes.
    """

    def __init__(self, root: str, **options: Any) -> None:
        super().__init__(**options)
        self._root = root
        self._folder = Path(platforms.extended(root))
        self._disk: Disk = disk_of(self._folder)

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        """Leave the paths of files as they are: others would lose the mark of those of any length."""
        text = os.fspath(path) if isinstance(path, str | os.PathLike) else path
        return text if platforms.shown(text) != text else super()._strip_protocol(path)

    def info(self, path: Any, **_: Any) -> dict[str, Any]:
        """Return what the disk says of an object or a folder."""
        found = super().info(path if isinstance(path, os.DirEntry) else self.file(path))
        return {**found, "name": self._object(found["name"])}

    def ls(self, path: Any, detail: bool = False, **_: Any) -> list[Any]:  # noqa: FBT001, FBT002 - as fsspec calls it
        """List a folder, or name a file."""
        here = self.info(path)
        infos = [] if here["type"] == "directory" else [here]
        if not infos:
            with os.scandir(self.file(path)) as entries:
                for entry in entries:
                    with suppress(FileNotFoundError):  # removed since
                        infos.append(self.info(entry))
        return infos if detail else [info["name"] for info in infos]

    def isdir(self, path: Any) -> bool:
        """Tell whether there is such a folder."""
        return os.path.isdir(self.file(path))  # noqa: PTH112 - as fsspec

    def isfile(self, path: Any) -> bool:
        """Tell whether there is such an object."""
        return os.path.isfile(self.file(path))  # noqa: PTH113 - as fsspec

    def lexists(self, path: Any, **_: Any) -> bool:
        """Tell whether there is anything of that name."""
        return os.path.lexists(self.file(path))

    def file(self, path: Any) -> str:
        """Return the file of an object."""
        rest = str(self._strip_protocol(path)).removeprefix(self._root).strip("/")
        return str(self._disk.path(self._folder, rest) if rest else self._folder)

    def _open(self, path: Any, mode: str = "rb", block_size: int | None = None, **options: Any) -> Any:  # noqa: ARG002 - as fsspec calls it
        return LocalFileOpener(self.file(path), mode, fs=self, **options)

    def _object(self, file: str) -> str:
        """Return the path of the object that a file of the disk is."""
        rest = Path(platforms.extended(file)).relative_to(self._folder).as_posix()
        return self._root if rest == "." else f"{self._root}/{self._disk.name(rest)}"
