"""What only some systems have, for tests that need it."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from lro_notebook.platforms import HAS_MODES

if TYPE_CHECKING:
    from pathlib import Path

named_pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")


def user() -> int:
    """Return the number of the user; 0 on Windows, which has none."""
    return getattr(os, "getuid", int)()


def has_mode(path: Path, mode: int) -> bool:
    """Tell whether a file or folder has a mode; on Windows, where modes say nothing, each has."""
    return not HAS_MODES or stat.S_IMODE(path.stat().st_mode) == mode


def is_private(path: Path) -> bool:
    """Tell whether a mode keeps others out; the same."""
    return not HAS_MODES or not path.stat().st_mode & 0o077
