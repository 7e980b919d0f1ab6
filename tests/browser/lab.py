"""JupyterLab and Notebook 7 in a real browser: a server of our own, Debian's Chromium, one open notebook.

The server has private root, configuration and settings folders on a free loopback port and needs no
network. It serves both front ends, and settings are read when a page loads, so that one server serves
every test. Nothing here knows of operations or cards.
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

    from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, Playwright

FrontEnd = Literal["lab", "notebook"]
#: Settings files by plugin; what a test sets comes on top.
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
}
DARK = {"@jupyterlab/apputils-extension/themes": {"theme": "JupyterLab Dark"}}
NO_SUBSHELLS = {"@jupyterlab/apputils-extension/kernels-settings": {"commsOverSubshells": "disabled"}}
#: What a card says once Cancel was clicked: "Cancelling…", or "Cancelled" where that came before a look.
ANSWERED = "Cancell"
_BAR = ".lro-card progress.lro-bar[value]"
_CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_PATHS: Mapping[FrontEnd, str] = {"lab": "doc/tree", "notebook": "notebooks"}
#: The notebook of the page, in every script below.
_PANEL = """
const app = window.jupyterapp;
const panel = [...app.shell.widgets('main')].find(widget => widget.content?.widgets && widget.sessionContext);
const nb = panel?.content;
"""
_READY = """
const kernel = panel?.sessionContext.session?.kernel;
return Boolean(nb?.widgets.length && kernel?.connectionStatus === 'connected' && kernel.status === 'idle');
"""


def missing() -> str:
    """Return what browser tests lack on this machine, empty if nothing."""
    try:
        import playwright.sync_api  # noqa: F401 - only asked for
    except ImportError:
        return "playwright is not installed"
    return "" if _chromium() else "no chromium is on PATH"


def _chromium() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser")


def write_notebook(path: Path, cells: Sequence[str]) -> Path:
    """Write a notebook of code cells."""
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.cells = [
        nbformat.v4.new_code_cell(source, id=f"cell-{number}") for number, source in enumerate(cells)
    ]
    nbformat.write(notebook, path)
    return path


class Server:
    """A Jupyter server with folders of its own under `folder`; a context manager.

    Attributes
    ----------
    url : str
        ``http://127.0.0.1:PORT``.
    root : Path
        Where its notebooks are.
    data_dir, state_dir : Path
        What ``LRO_NOTEBOOK_DATA_DIR`` and ``LRO_NOTEBOOK_STATE_DIR`` say in its kernels.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.root, self.data_dir, self.state_dir = folder / "root", folder / "data", folder / "state"
        self._settings, self._log = folder / "settings", folder / "server.log"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        for folder in (self.root, self.data_dir, self.state_dir):
            folder.mkdir(parents=True)
        flags = {
            "ServerApp.ip": "127.0.0.1",
            "ServerApp.port": self._port,
            "ServerApp.port_retries": 0,
            "ServerApp.root_dir": self.root,
            "ServerApp.open_browser": False,
            "ServerApp.password": "",
            "ServerApp.allow_root": True,
            "IdentityProvider.token": "",
            "LabApp.expose_app_in_browser": True,
            "LabApp.extension_manager": "readonly",
            "JupyterNotebookApp.expose_app_in_browser": True,
        }
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "jupyterlab", *(f"--{name}={value}" for name, value in flags.items())],
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


class Chromium:
    """The browser; a context manager.

    Parameters
    ----------
    scale : float
        Device pixels per CSS pixel.
    """

    def __init__(self, scale: float = 1.0) -> None:
        self._scale = scale

    def __enter__(self) -> Self:
        from playwright.sync_api import sync_playwright

        self._playwright: Playwright = sync_playwright().start()
        self._browser = self._playwright.chromium.launch(executable_path=_chromium(), args=_CHROMIUM_ARGS)
        self.context: BrowserContext = self._browser.new_context(device_scale_factor=self._scale)
        return self

    def __exit__(self, *_: object) -> None:
        self._browser.close()
        self._playwright.stop()


class Notebook:
    """One notebook open in a page; a context manager that ends its kernel.

    Parameters
    ----------
    server, chromium
        Who serves and who shows it.
    path : Path
        The notebook, in ``server.root``.
    front_end : {"lab", "notebook"}
        JupyterLab in its single-document mode, or Notebook 7.
    settings : mapping
        Settings by plugin, for this page.
    size : (int, int)
        Of the window.

    Attributes
    ----------
    page : Page
        The page, for whatever has no method here.
    console : list of str
        Errors of the page's console, so far.
    """

    def __init__(
        self,
        server: Server,
        chromium: Chromium,
        path: Path,
        *,
        front_end: FrontEnd = "lab",
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        size: tuple[int, int] = (1200, 900),
    ) -> None:
        self.path, self.console = path, list[str]()
        self._server, self._chromium = server, chromium
        self._front_end, self._settings, self._size = front_end, settings or {}, size

    def __enter__(self) -> Self:
        self._server.set_settings(self._settings)
        self.page: Page = self._chromium.context.new_page()
        self.page.set_viewport_size({"width": self._size[0], "height": self._size[1]})
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.console.append(str(error)))
        self._load()
        return self

    def __exit__(self, *_: object) -> None:
        self.shut_down()
        self.page.close()

    def _note(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.console.append(f"{message.text} ({message.location.get('url', '')})")

    def _load(self) -> None:
        self.page.goto(f"{self._server.url}/{_PATHS[self._front_end]}/{self.path.name}?reset")
        self.page.wait_for_function(f"() => {{ if (!window.jupyterapp) return false; {_PANEL} {_READY} }}")

    def script(self, code: str, value: Any = None) -> Any:
        """Run JavaScript with `app`, `panel`, `nb` and `value`; return what it returns."""
        return self.page.evaluate(f"async value => {{ {_PANEL} {code} }}", value)

    def reload(self) -> None:
        """Load the page again without saving."""
        self._load()

    def activate(self, cell: int) -> None:
        """Select a cell."""
        self.script("nb.activeCellIndex = value; nb.deselectAll();", cell)

    def run(self, cell: int) -> None:
        """Start a cell; does not wait."""
        self.activate(cell)
        self.script("void app.commands.execute('notebook:run-cell');")

    def run_to_end(self, cell: int, seconds: float = 60) -> None:
        """Run a cell and wait until it has ended."""
        self.run(cell)
        self.await_end(cell, seconds)

    def await_start(self, cell: int) -> None:
        """Wait until a cell runs, or waits for its turn."""
        self.page.wait_for_function(
            f"cell => {{ {_PANEL} return nb.widgets[cell].promptNode.textContent.includes('*'); }}", arg=cell
        )

    def await_end(self, cell: int, seconds: float = 60) -> None:
        """Wait until a cell that was started has ended."""
        self.page.wait_for_function(
            f"cell => {{ {_PANEL} return /\\d/.test(nb.widgets[cell].promptNode.textContent); }}",
            arg=cell,
            timeout=seconds * 1000,
        )

    def prompt(self, cell: int) -> str:
        """Return the prompt of a cell, such as ``[*]:``."""
        return str(self.script("return nb.widgets[value].promptNode.textContent;", cell))

    def output(self, cell: int) -> Locator:
        """Return the output area of a cell."""
        self.script("nb.widgets[value].node.setAttribute('data-cell', value);", cell)
        return self.page.locator(f'[data-cell="{cell}"] .jp-Cell-outputWrapper').first

    def text(self, cell: int) -> str:
        """Return the text that the output of a cell shows."""
        return self.output(cell).inner_text()

    def await_text(self, cell: int, text: str, seconds: float = 20) -> None:
        """Wait until the output of a cell shows `text`."""
        self.output(cell)
        self.page.wait_for_function(
            "([cell, text]) => document.querySelector(`[data-cell='${cell}'] .jp-Cell-outputWrapper`)"
            ".innerText.includes(text)",
            arg=[cell, text],
            timeout=seconds * 1000,
        )

    def bar(self, cell: int) -> float:
        """Return what the first progress bar in the output of a cell stands at, 0 to 1."""
        return float(self.output(cell).locator(_BAR).first.get_attribute("value") or 0)

    def await_bar_beyond(self, cell: int, value: float, seconds: float = 20) -> None:
        """Wait until the bar stands beyond `value`."""
        self.page.wait_for_function(
            "([cell, bar, value]) => document.querySelector(`[data-cell='${cell}'] ${bar}`)?.value > value",
            arg=[cell, _BAR, value],
            timeout=seconds * 1000,
        )

    def click(self, cell: int, label: str) -> None:
        """Click the button `label` in the output of a cell."""
        self.output(cell).get_by_role("button", name=label, exact=True).click()

    def seconds_to(self, cell: int, text: str, click: str) -> float:
        """Click what the selector finds in the page, and return how long the output takes to show `text`."""
        self.output(cell)
        self.page.evaluate(
            """([cell, text]) => {
                const area = document.querySelector(`[data-cell='${cell}'] .jp-Cell-outputWrapper`);
                window.shown = new Promise(resolve => document.addEventListener('pointerdown', () => {
                    const start = performance.now();
                    const look = () => {
                        const seconds = (performance.now() - start) / 1000;
                        if (area.innerText.includes(text) || seconds > 10) resolve(seconds);
                        else setTimeout(look, 5);
                    };
                    look();
                }, {capture: true, once: true}));
            }""",
            [cell, text],
        )
        self.page.locator(click).first.click()  # by mouse: the toolbar does not hear a script's click
        return float(self.page.evaluate("window.shown"))

    def restart(self) -> None:
        """Restart the kernel."""
        self.script("await panel.sessionContext.session.kernel.restart();")
        self.page.wait_for_function(f"() => {{ {_PANEL} {_READY} }}")

    def shut_down(self) -> None:
        """End the kernel."""
        self.script("await panel?.sessionContext.shutdown();")

    def save(self) -> Any:
        """Save, and return the notebook as it is on disk."""
        self.script("await panel.context.save();")
        return nbformat.read(self.path, as_version=4)
