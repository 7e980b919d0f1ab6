"""What differs between Linux, macOS and Windows, in one place. Imports nothing of the package.

Whether this is Windows is asked nowhere else; the functions take it as a parameter, so that the answers for
each system are tested on any.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

IS_WINDOWS = sys.platform == "win32"
#: Whether the owner and the mode of a file say who may write to it. On Windows they say nothing.
HAS_MODES = hasattr(os, "geteuid")

#: The signals that ask a program to stop; SIGBREAK is Ctrl-Break on Windows.
STOPPING = [signal.Signals[name] for name in ("SIGTERM", "SIGINT", "SIGBREAK") if hasattr(signal, name)]

#: Flags of CreateProcess, which `subprocess` has on Windows only: no Ctrl-C from the console, no window.
_NEW_PROCESS_GROUP, _NO_WINDOW = 0x200, 0x0800_0000
#: Takes a port for this program alone; `socket` names it on Windows only.
_EXCLUSIVE = ~int(socket.SO_REUSEADDR)
#: Before paths that may be longer than 260 characters and are taken as they are.
_EXTENDED, _EXTENDED_SHARE = "\\\\?\\", "\\\\?\\UNC\\"
#: Seconds between tries to replace or remove a file that another program has open: 2.5 in all.
_PAUSES = (0.01, 0.02, 0.04, 0.08, 0.15, 0.2, *[0.25] * 8)


def apart(*, windows: bool = IS_WINDOWS) -> dict[str, Any]:
    """Return arguments of `subprocess.Popen` for a program that no Ctrl-C and no Stop button reaches.

    It has a session of its own; on Windows a process group of its own, and no console window.
    """
    if windows:
        return {"creationflags": _NEW_PROCESS_GROUP | _NO_WINDOW}
    return {"start_new_session": True}


def claim_port(listener: socket.socket, *, windows: bool = IS_WINDOWS) -> None:
    """Set a socket, before it is bound, so that no two programs share its port.

    A port of a program that has just ended can be taken at once. On Windows SO_REUSEADDR would let two
    programs share it.
    """
    listener.setsockopt(socket.SOL_SOCKET, _EXCLUSIVE if windows else socket.SO_REUSEADDR, 1)


def replace(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    rename: Callable[..., None] = os.replace,
    windows: bool = IS_WINDOWS,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Move a file into the place of another, atomically; the one way in which this package does it.

    Windows refuses that while a program has either of them open, as virus scanners do for a moment: see
    `patiently`.
    """
    patiently(lambda: rename(source, target), windows=windows, sleep=sleep)


def unlink(path: Path, *, windows: bool = IS_WINDOWS, sleep: Callable[[float], None] = time.sleep) -> None:
    """Remove a file if it is there; as patient as `replace`."""
    patiently(lambda: path.unlink(missing_ok=True), windows=windows, sleep=sleep)


def patiently(
    touch: Callable[[], T], *, windows: bool = IS_WINDOWS, sleep: Callable[[float], None] = time.sleep
) -> T:
    """Do something with a file; on Windows try again for 2.5 seconds while another program is at it."""
    for pause in _PAUSES if windows else ():
        try:
            return touch()
        except PermissionError:
            sleep(pause)
    return touch()


def is_same(first: str | os.PathLike[str], second: str | os.PathLike[str]) -> bool:
    """Tell whether two paths lead to the same file or folder, however they are spelled.

    Where file systems do not tell upper from lower case, one folder has many spellings.
    """
    try:
        return Path(first).samefile(second)
    except (OSError, ValueError):
        return False


def extended(path: str, *, windows: bool = IS_WINDOWS) -> str:
    r"""Return an absolute path so that Windows takes it at any length: ``\\?\C:\...``."""
    if not windows or path.startswith(_EXTENDED):
        return path
    path = path.replace("/", "\\")
    return _EXTENDED_SHARE + path[2:] if path.startswith("\\\\") else _EXTENDED + path


def shown(path: str) -> str:
    r"""Return an `extended` path as people write it, without ``\\?\``."""
    if path.startswith(_EXTENDED_SHARE):
        return "\\\\" + path.removeprefix(_EXTENDED_SHARE)
    return path.removeprefix(_EXTENDED)
