"""Kernels that jupyter_client starts in this process, from a Python that has imported what they need.

Usage as a program, for a module that starts kernels: python warm_kernels.py MODULE ARGUMENT...
"""

from __future__ import annotations

import os
import runpy
import sys
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any
from unittest import mock

from jupyter_client.launcher import launch_kernel
from jupyter_client.provisioning import local_provisioner
from warm import Program, Warm

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Mapping

    from warm import Process

#: Nothing of the package itself: its import is part of what tests in kernels look at.
_IMPORTED = (
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
    "debugpy",
    "ipywidgets",
    "httpx",
    "pandas_of_kernels",
)
_COMMAND = [sys.executable, "-m", "ipykernel_launcher"]


@contextmanager
def warm_kernels(*modules: str) -> Iterator[None]:
    """Start kernels of this Python from one that has these modules, too; in other Pythons, as ever."""
    # As kernels say it themselves, before they import matplotlib.
    with mock.patch.dict(os.environ, MPLBACKEND="module://matplotlib_inline.backend_inline"):
        warm = Warm(*_IMPORTED, *modules)

    def launch(cmd: list[str], **options: Any) -> Process | subprocess.Popen[bytes]:
        environment = options.get("env") or os.environ
        if cmd[:3] != _COMMAND or _of_python(environment) != _of_python(os.environ):
            return launch_kernel(cmd, **options)
        arguments = [*cmd[3:], f"--IPKernelApp.parent_handle={warm.pid}"]  # it ends when that has gone
        return warm.start(Program("-m", cmd[2], arguments), 1, 2, environment, options.get("cwd") or ".")

    with closing(warm), mock.patch.object(local_provisioner, "launch_kernel", launch):
        yield


def _of_python(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what a Python reads when it starts."""
    return {name: value for name, value in environment.items() if name.startswith("PYTHON")}


if __name__ == "__main__":
    del sys.path[0]  # the folder of this file
    with warm_kernels():
        sys.argv = sys.argv[1:]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
