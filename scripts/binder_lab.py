"""JupyterLab, started as Binder starts it: a notebook is cleared and run in it, in a browser, to its end."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import httpx
import nbformat
from browser.browsers import Browser, missing
from browser.server import free_port

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LONGEST = 300.0  # seconds
#: A notebook is open, and its kernel waits for work.
_READY = """() => {
  const panel = window.jupyterapp?.shell.currentWidget;
  const kernel = panel?.sessionContext?.session?.kernel;
  return Boolean(panel?.content?.widgets?.length && kernel?.status === 'idle');
}"""
_RUN = """async () => {
  for (const name of ['notebook:clear-all-cell-outputs', 'notebook:run-all-cells', 'docmanager:save'])
    await window.jupyterapp.commands.execute(name);
}"""


def run(notebook: Path, clone: Path, env: Mapping[str, str]) -> str:
    """Run a notebook of the clone in JupyterLab, which saves it; return what was seen, or end and say why."""
    port, token = free_port(), secrets.token_hex()
    # As repo2docker's image does, whose address is that of all its network.
    command = ["jupyter-lab", "--ip=127.0.0.1", f"--port={port}", "--no-browser", "--allow-root"]
    with subprocess.Popen(
        [*command, "--LabApp.expose_app_in_browser=True"],
        cwd=clone,
        env={**env, "JUPYTER_TOKEN": token},
        executable=shutil.which("jupyter-lab", path=env["PATH"]),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as lab:
        try:
            url = f"http://127.0.0.1:{port}/lab/tree/{notebook.relative_to(clone).as_posix()}?token={token}"
            _await_answer(url, lab)
            if missing():
                return f"JupyterLab answers; nothing was run in it: {missing()}"
            _run_all(url)
        finally:
            lab.terminate()  # it ends its kernels, too
            lab.wait(60)
    return _seen(notebook)


def _await_answer(url: str, lab: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _LONGEST
    with httpx.Client(trust_env=False, follow_redirects=True) as client:
        while time.monotonic() < deadline and lab.poll() is None:
            try:
                client.get(url).raise_for_status()
            except httpx.HTTPError:
                time.sleep(0.2)
            else:
                return
    sys.exit("JupyterLab does not answer")


def _run_all(url: str) -> None:
    with Browser() as browser, browser.page() as page:
        page.goto(url, timeout=1000 * _LONGEST)
        page.wait_for_function(_READY, timeout=1000 * _LONGEST)
        page.evaluate(_RUN)


def _seen(notebook: Path) -> str:
    """Return what the saved notebook shows; end where a cell was not run, or failed."""
    cells = [cell for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]
    outputs = [output for cell in cells for output in cell.outputs]
    failed = [output.ename for output in outputs if output.output_type == "error"]
    if failed or not all(cell.execution_count for cell in cells):
        sys.exit(f"{notebook.name} did not run to its end in JupyterLab: {', '.join(failed) or 'it stopped'}")
    pictures = sum("image/png" in output.get("data", {}) for output in outputs)
    return f"{notebook.name} in JupyterLab: {len(cells)} cells run, {pictures} picture"
