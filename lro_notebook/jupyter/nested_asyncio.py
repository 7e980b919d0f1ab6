"""Nested event loops for the user's own ``asyncio.run`` in cells: opt-in, and never needed by this package.

nest-asyncio 1.6 loses queued cells on ipykernel 7.1 and later, and breaks Python 3.14. Its maintained fork,
nest-asyncio2, does neither. So the fork is used where it is installed, and broken combinations are refused
with a message that says what to install.
"""

from __future__ import annotations

import importlib.util
import sys
from importlib import metadata
from typing import Literal

from lro_notebook.errors import ConfigError

Patch = Literal["nest_asyncio2", "nest_asyncio"]
_INSTALL = "pip install nest-asyncio2, restart the kernel, and call this again"


def choose(
    *,
    installed: set[str],
    python: tuple[int, int],
    ipykernel: tuple[int, int] | None,
    patched_by: str | None = None,
) -> Patch:
    """Return which package is to patch asyncio. Pure.

    Parameters
    ----------
    installed : set of str
        Those of ``nest_asyncio2`` and ``nest_asyncio`` that can be imported.
    python, ipykernel : tuple of int
        Major and minor version; None outside ipykernel.
    patched_by : str, optional
        The package that has already patched asyncio in this process.

    Raises
    ------
    ConfigError
        Neither package is installed, or the installed one breaks this kernel; the message says what to do.
    """
    broken = _breaks(python, ipykernel)
    if patched_by == "nest_asyncio" and broken:
        raise ConfigError(f"nest-asyncio has patched asyncio in this kernel, and {broken}. {_INSTALL}.")
    if "nest_asyncio2" in installed:
        return "nest_asyncio2"
    if "nest_asyncio" not in installed:
        raise ConfigError(f"neither nest-asyncio2 nor nest-asyncio is installed: {_INSTALL}.")
    if broken:
        raise ConfigError(f"nest-asyncio is installed, but {broken}. {_INSTALL}.")
    return "nest_asyncio"


def enable_nested_asyncio() -> None:
    """Let ``asyncio.run`` and ``run_until_complete`` be called where a loop already runs, as in a notebook.

    For your own coroutines: nothing in this package needs it. It patches asyncio for the whole process, and
    only a restart undoes that. A second call does nothing.

    Raises
    ------
    ConfigError
        The installed patch would lose cells or break this Python, or the loop cannot be patched.
    """
    installed = {name for name in ("nest_asyncio2", "nest_asyncio") if importlib.util.find_spec(name)}
    patch = choose(
        installed=installed,
        python=sys.version_info[:2],
        ipykernel=_version("ipykernel") if "ipykernel" in sys.modules else None,
        patched_by=_patched_by(),
    )
    try:
        importlib.import_module(patch).apply()
    except ValueError as error:  # uvloop, or another loop that is not asyncio's own
        raise ConfigError(
            f"{error}; nested runs need asyncio's own event loop: start the kernel without the other one"
        ) from error


def _breaks(python: tuple[int, int], ipykernel: tuple[int, int] | None) -> str:
    """Return what nest-asyncio 1.6 breaks here; empty if nothing."""
    if python >= (3, 14):
        return f"it breaks Python {python[0]}.{python[1]}: timeouts and task groups fail in every task"
    if ipykernel is not None and ipykernel >= (7, 1):
        return f"it loses queued cells on ipykernel {ipykernel[0]}.{ipykernel[1]}"
    return ""


def _patched_by() -> str | None:
    import asyncio  # loaded in a kernel, 20 ms elsewhere

    if not hasattr(asyncio, "_nest_patched") and not hasattr(asyncio, "_nest_asyncio2"):
        return None
    return "nest_asyncio2" if hasattr(asyncio, "_nest_asyncio2") else "nest_asyncio"


def _version(package: str) -> tuple[int, int]:
    major, minor, *_ = metadata.version(package).split(".")
    return int(major), int(minor)
