"""The data directory that nobody has named: on a disk of this machine, also where homes are on a network.

SQLite's write-ahead log needs memory that all its users share, which a network file system does not give
(https://sqlite.org/wal.html), and the service is for the programs of one machine. What is mounted where is
known on Linux alone; elsewhere the usual place is taken.
"""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePath, PurePosixPath

_MOUNTS = Path("/proc/self/mountinfo")
#: Kept when the machine starts again, where the system has the first.
_LOCAL_PLACES = ("/var/tmp", "/tmp")  # noqa: S108 - a folder in them is made private, and refused if it is not ours
#: Types of file systems whose files are on another machine, or behind one.
_NETWORK = {
    "9p",
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "gpfs",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs4",
    "panfs",
    "pvfs2",
    "smb3",
    "smbfs",
}
_NETWORK_FUSE = re.compile(
    r"fuse\.(blobfuse2?|ceph(-fuse)?|drive|drvfs|gcsfuse|gcs|glusterfs|goofys|juicefs|JuiceFS|mount-s3|"
    r"mountpoint-s3|rclone|s3fs|sshfs)$"
)
_ESCAPED = re.compile(r"\\([0-7]{3})")


def network_type(path: PurePath, mounts: str) -> str:
    """Return the type of the network file system that a real path is on; empty if it is on a local one.

    Parameters
    ----------
    path : PurePath
        It may not be there yet.
    mounts : str
        As in ``/proc/self/mountinfo``.
    """
    deepest, found = -1, ""
    for line in mounts.splitlines():
        before, dash, after = line.partition(" - ")
        fields = before.split(" ")
        if not dash or len(fields) < 5:  # noqa: PLR2004 - the fifth is where it is mounted
            continue
        point = PurePosixPath(_ESCAPED.sub(lambda code: chr(int(code[1], 8)), fields[4]))
        # Of two at one place, the later one is seen.
        if len(point.parts) >= deepest and path.is_relative_to(point):
            deepest, found = len(point.parts), after.partition(" ")[0]
    return found if found in _NETWORK or _NETWORK_FUSE.match(found) else ""


def chosen(usual: Path, local: Path, mounts: str) -> Path:
    """Return `local` if only the usual place is on a network file system."""
    return local if network_type(usual, mounts) and not network_type(local, mounts) else usual


def find() -> Path:
    """Return the data directory where nobody has named one; it may not be there yet."""
    usual = _usual()
    return chosen(usual, _local(), _mounts()) if os.name == "posix" else usual


def remark(directory: Path) -> str:
    """Return what somebody who starts a service in a directory should know; usually nothing."""
    if os.name != "posix":
        return ""
    mounts, usual = _mounts(), _usual()
    if kind := network_type(directory, mounts):
        return (
            f"the data directory {directory} of the local service is on {kind}, a network file system: "
            "use it from one machine at a time, or set LRO_NOTEBOOK_DATA_DIR to a folder on a local disk"
        )
    kind = network_type(usual, mounts)
    if directory == _local() and kind:
        return (
            f"the local service keeps its data in {directory}, on this machine: {usual} is on {kind}, "
            "where its database is not safe; set LRO_NOTEBOOK_DATA_DIR to choose a folder"
        )
    return ""


def _usual() -> Path:
    from platformdirs import user_data_path

    return (user_data_path("lro_notebook") / "local").resolve()


def _local() -> Path:
    place = next((place for place in _LOCAL_PLACES if os.access(place, os.W_OK)), _LOCAL_PLACES[-1])
    return Path(place).resolve() / f"lro_notebook-{os.getuid()}" / "local"


def _mounts() -> str:
    try:
        return _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:  # another system, or one that shows none
        return ""
