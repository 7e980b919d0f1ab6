"""A Jupyter server of the tests' own, which serves its front ends from private folders.

It listens on a free loopback port and needs no network. Settings are read when a page loads, so that one
server serves every test.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, Literal, Self

import httpx
import nbformat

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

#: Settings files by plugin; what a test sets comes on top.
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
}
#: What no test looks at, and its loading costs a quarter of each page's; and Node, twice, to ask for a build.
LEAN: Mapping[str, Any] = {
    "buildCheck": False,
    "disabledExtensions": dict.fromkeys(
        (
            "@jupyterlab/debugger-extension",
            "@jupyterlab/extensionmanager-extension",
            "@jupyterlab/fileeditor-extension:language-server",
            "@jupyterlab/hub-extension",
            "@jupyterlab/inspector-extension",
            "@jupyterlab/logconsole-extension",
            "@jupyterlab/lsp-extension",
            "@jupyterlab/notebook-extension:language-server",
            "@jupyterlab/notebook-extension:toc",
            "@jupyterlab/toc-extension",
            "@voila-dashboards/jupyterlab-preview",
        ),
        True,
    ),
}


def write_notebook(path: Path, cells: Sequence[str]) -> Path:
    """Write a notebook of code cells."""
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.cells = [
        nbformat.v4.new_code_cell(source, id=f"cell-{number}") for number, source in enumerate(cells)
    ]
    nbformat.write(notebook, path)
    return path


def free_port() -> int:
    """Return a port of this machine that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class Server:
    """A Jupyter server with folders of its own under `folder`; a context manager.

    Parameters
    ----------
    folder : Path
        Must be empty, or not there.
    program : sequence of str
        What serves; JupyterLab of this environment, with Notebook 7, unless given.
    application : {"ServerApp", "NotebookApp"}
        What it is made of; the latter is of Notebook 6 alone.
    page_config : mapping
        What its pages have besides, such as `LEAN`.

    Attributes
    ----------
    url : str
        ``http://127.0.0.1:PORT``.
    root : Path
        Where its notebooks are.
    data_dir, state_dir : Path
        What ``LRO_NOTEBOOK_DATA_DIR`` and ``LRO_NOTEBOOK_STATE_DIR`` say in its kernels.
    """

    def __init__(
        self,
        folder: Path,
        program: Sequence[str] = (sys.executable, "-m", "jupyterlab"),
        *,
        application: Literal["ServerApp", "NotebookApp"] = "ServerApp",
        page_config: Mapping[str, Any] | None = None,
    ) -> None:
        self._application, self._page_config = application, page_config or {}
        self._folder, self._program = folder, program
        self.root, self.data_dir, self.state_dir = folder / "root", folder / "data", folder / "state"
        self._settings, self._log = folder / "settings", folder / "server.log"
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        for folder in (self.root, self.data_dir, self.state_dir):
            folder.mkdir(parents=True)
        config = self._folder / "config" / "labconfig"
        config.mkdir(parents=True)
        (config / "page_config.json").write_text(json.dumps(self._page_config))
        is_classic = self._application == "NotebookApp"
        flags = {
            f"{self._application}.ip": "127.0.0.1",
            f"{self._application}.port": self._port,
            f"{self._application}.port_retries": 0,
            f"{self._application}.{'notebook_dir' if is_classic else 'root_dir'}": self.root,
            f"{self._application}.open_browser": False,
            f"{self._application}.password": "",
            f"{self._application}.allow_root": True,
            "NotebookApp.token" if is_classic else "IdentityProvider.token": "",
            "LabApp.expose_app_in_browser": True,
            "LabApp.extension_manager": "readonly",
            "JupyterNotebookApp.expose_app_in_browser": True,
        }
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*self._program, *(f"--{name}={value}" for name, value in flags.items())],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment(),
                cwd=self.root,
                start_new_session=True,
            )
        self._await_answer()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)  # it shuts its kernels down, too
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def set_settings(self, settings: Mapping[str, Mapping[str, Any]]) -> None:
        """Replace the settings, by plugin; pages that load from now on have them."""
        shutil.rmtree(self._settings, ignore_errors=True)
        for plugin, values in {**SETTINGS, **settings}.items():
            file = self._settings / f"{plugin}.jupyterlab-settings"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(values))

    def _environment(self) -> dict[str, str]:
        own = {
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "jupyter",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
            "IPYTHONDIR": "ipython",
        }
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")}
        return {
            **inherited,
            **{name: str(self._folder / folder) for name, folder in own.items()},
            "LRO_NOTEBOOK_DATA_DIR": str(self.data_dir),
            "LRO_NOTEBOOK_STATE_DIR": str(self.state_dir),
        }

    def _await_answer(self) -> None:
        deadline = time.monotonic() + 60
        with httpx.Client(trust_env=False) as client:
            while True:
                try:
                    client.get(f"{self.url}/api/status").raise_for_status()
                except httpx.HTTPError:
                    if self._process.poll() is not None or time.monotonic() > deadline:
                        raise RuntimeError(f"no Jupyter server: {self._log.read_text()[-2000:]}") from None
                    time.sleep(0.05)
                else:
                    return
