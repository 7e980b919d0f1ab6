"""Names of objects as names of files, on disks that cannot hold every name of an object. Pure but for `Disk`.

On disks that tell ``A`` from ``a``, as most of Linux do, a name is itself. Those of Windows and of most Macs
take both for one file, and Windows reserves ``:``, ``CON`` and other names. There a name that Windows
reserves is written with ``%XX`` for what is in the way, and one that differs from a file only by case with
``%XX`` for all that could be folded. Every other name is itself, so people find their files. The way back is
exact.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lro_notebook import platforms

if TYPE_CHECKING:
    from pathlib import Path

#: The file of an object whose name is a folder's too, in that folder.
SELF = ".lro-object"
#: What Windows has in no name, and a per cent sign that reads as the beginning of an escape.
_RESERVED = re.compile(r'[<>:"|?*\\\x00-\x1f]|%(?=[0-9A-Fa-f]{2})')
#: Names of devices, with any suffix.
_DEVICE = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3]) *(?:\..*)?",
    re.IGNORECASE | re.DOTALL,
)
_END = re.compile(r"[. ]$")
#: What no file system folds or shortens.
_SAFE = re.compile(r"[^a-z0-9._ -]")
_ESCAPES = re.compile(r"(?:%[0-9A-F]{2})+")


def _escaped(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode(errors="surrogateescape"))


def written(part: str) -> str:
    """Return one part of a name as Windows can hold it; the same one wherever that is possible."""
    if _DEVICE.fullmatch(part):
        return folded(part)
    return _END.sub(_escaped, _RESERVED.sub(_escaped, part))


def folded(part: str) -> str:
    """Return one part of a name so that no other name differs from it by case or accents alone."""
    text = _END.sub(_escaped, _SAFE.sub(_escaped, part))
    return re.sub(r"[a-z]", _escaped, text, count=1)  # so that it is no other name as `written`


def read(part: str) -> str:
    """Return the name that `written` or `folded` has made into `part`; else `part` itself."""
    try:
        name = _ESCAPES.sub(lambda match: bytes.fromhex(match[0].replace("%", "")).decode(), part)
    except UnicodeDecodeError:
        return part
    return name if part in (written(name), folded(name)) else part


@dataclass(frozen=True, slots=True)
class Disk:
    """How a file system holds names.

    Attributes
    ----------
    folds : bool
        Whether names that differ only by case are one file; then all of the above holds, else none of it.
    """

    folds: bool = False

    def path(self, folder: Path, name: str) -> Path:
        """Return the file of the object `name` below `folder`: where it is, or where it goes."""
        if not self.folds:
            return folder / name
        for part in filter(None, name.split("/")):
            folder = folder / _found(folder, part)
        return folder

    def name(self, path: str) -> str:
        """Return the name of an object from the path of its file below the folder, with slashes."""
        return "/".join(map(read, path.split("/"))) if self.folds else path


def disk_of(buckets: Path) -> Disk:
    """Return how the file system of a folder of buckets holds names; nothing is written for that."""
    known = buckets / ".partial"
    return Disk(folds=platforms.IS_WINDOWS or platforms.is_same(known, known.with_name(known.name.upper())))


def _found(folder: Path, part: str) -> str:
    """Return the name of the file that is `part` in a folder that folds names."""
    usual, other = written(part), folded(part)
    # A name that people gave may read as escaped and not be.
    for name in (part if read(part) == part else usual, usual, other):
        if os.path.lexists(folder / name) and any(item.name == name for item in folder.iterdir()):
            return name
    return other if os.path.lexists(folder / usual) else usual
