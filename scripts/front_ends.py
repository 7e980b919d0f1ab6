"""Open each front end in Chromium, each with its own environment, and print what works there.

Usage: PYTHONPATH=tests:. python scripts/front_ends.py [--write] [--only NAME]

In each: does the card move, does Cancel work while a cell waits, does a table of operations live, and does
the saved file read well without a kernel? `--write` puts the table into docs/front-ends.md; pictures go to
``build/front-ends``. The environments are kept under ``build/front-ends``, made with uv.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import nbformat
from browser.browsers import Browser, missing
from browser.classic import ClassicNotebook
from browser.lab import Notebook
from browser.server import Server, free_port, write_notebook
from playwright.sync_api import Error as PlaywrightError

from lro_notebook import local
from scripts.marked import replaced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from playwright.sync_api import Page

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build" / "front-ends"
PAGE = ROOT / "docs" / "front-ends.md"
PACE = 150.0  # resources a second: an import of the sample takes a minute
PATIENCE = 60.0  # seconds: a page loads what draws widgets with the first of them
COLUMNS = ("the card moves", "Cancel while a cell waits", "a table", "the saved file")
VIEW = "application/vnd.jupyter.widget-view+json"

CONNECT = 'import lro_notebook as lro\nstore = lro.connect().fhir_store("front").create(exist_ok=True)'
BEGIN = 'op = store.import_from("gs://lro-sample/fhir/*.ndjson")'
TABLE = f'{BEGIN}\nothers = [store.import_from("gs://lro-sample/fhir/*.ndjson") for _ in range(2)]'
CELLS = (CONNECT, BEGIN, "op.wait()", TABLE, "lro.wait([op, *others])")

#: A notebook of marimo: its refresh runs the card's cell again, and its button cancels.
MARIMO = f"""
import marimo
app = marimo.App()

@app.cell
def _():
    import marimo as mo
    {CONNECT.replace(chr(10), chr(10) + "    ")}
    return lro, mo, store

@app.cell
def _(store):
    {TABLE.replace(chr(10), chr(10) + "    ")}
    return op, others

@app.cell
def _(mo, op):
    refresh = mo.ui.refresh(default_interval="1s")
    cancel = mo.ui.button(label="Cancel it", on_click=lambda _: op.cancel())
    mo.hstack([refresh, cancel])
    return (refresh,)

@app.cell
def _(op, refresh):
    refresh
    op
    return

@app.cell
def _(lro, op, others, refresh):
    refresh
    lro.to_frame([op, *others])
    return
"""


@dataclass(frozen=True)
class FrontEnd:
    """One front end: what it is made of, and what looks at it."""

    name: str
    packages: tuple[str, ...]
    #: The package whose version is told.
    told: str
    look: Callable[[FrontEnd, Path, Browser], dict[str, str]]
    #: What serves it, and what that is made of.
    module: str = ""
    application: Literal["ServerApp", "NotebookApp"] = "ServerApp"


@dataclass
class Findings:
    """What was seen, column by column; a fault in one does not hide the others."""

    found: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def column(self, name: str, works: str = "yes") -> Iterator[None]:
        """Note that a column works, unless what is inside raises."""
        try:
            yield
        except (AssertionError, PlaywrightError) as error:
            self.found[name] = f"NO: {str(error).splitlines()[0][:90]}"
        else:
            self.found[name] = works


def environment(front_end: FrontEnd) -> Path:
    """Return the Python of a front end's environment, with the newest packages that fit."""
    folder = BUILD / "environments" / front_end.name.replace(" ", "-").lower()
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if uv is None:
        sys.exit("uv is needed: pip install uv")
    subprocess.run([uv, "venv", "-q", "--allow-existing", "--python", sys.executable, folder], check=True)
    install = [uv, "pip", "install", "-q", "--upgrade", "--python", str(folder / "bin" / "python")]
    subprocess.run([*install, "--editable", str(ROOT), *front_end.packages], check=True)
    return folder / "bin" / "python"


def version(python: Path, package: str) -> str:
    """Return the version of a package in an environment."""
    code = f"from importlib.metadata import version; print(version({package!r}))"
    return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def look_live(
    opened: Callable[[Server, Browser, Path], Any], front_end: FrontEnd, python: Path, browser: Browser
) -> dict[str, str]:
    """Look at a front end that shows a notebook with a kernel."""
    seen = Findings()
    with served(front_end, python) as server:
        path = write_notebook(server.root / "front.ipynb", CELLS)
        with opened(server, browser, path) as notebook:
            notebook.run_to_end(0)
            with seen.column("the card moves"):
                notebook.run_to_end(1)
                notebook.await_bar_beyond(1, 0, PATIENCE)
                notebook.await_bar_beyond(1, notebook.bar(1), PATIENCE)
            picture(front_end, "card", notebook.page)
            with seen.column("Cancel while a cell waits"):
                notebook.run(2)
                notebook.await_bar_beyond(1, notebook.bar(1), PATIENCE)
                notebook.click(1, "Cancel")
                notebook.await_end(2)
                notebook.await_text(1, "Cancelled")
            local.set_pace(PACE, server.data_dir)
            with seen.column("a table", "live"):
                notebook.run_to_end(3)
                notebook.await_text(3, "3 operations", seconds=PATIENCE)
                notebook.await_bar_beyond(3, 0, PATIENCE)
                picture(front_end, "table", notebook.page)
                local.set_pace(None, server.data_dir)
                notebook.run_to_end(4)
                notebook.await_text(3, "3 operations: 3 succeeded")
            with seen.column("the saved file", "HTML and text, no widget"):
                check_saved(notebook.save, {1: "Cancelled", 3: "Succeeded"})
    return seen.found


def look_voila(front_end: FrontEnd, python: Path, browser: Browser) -> dict[str, str]:
    """Look at the page that Voila makes of a notebook."""
    seen = Findings({"the saved file": "there is none"})
    with served(front_end, python) as server, browser.page() as page:
        for name, cells in {"card": CELLS[:2], "table": (CELLS[0], CELLS[3])}.items():
            write_notebook(server.root / f"{name}.ipynb", cells)
        with seen.column("the card moves", "yes, once its cells have run"):
            page.goto(f"{server.url}/voila/render/card.ipynb")
            page.wait_for_function(
                "() => document.querySelector('.lro-card progress')?.value > 0", timeout=60_000
            )
        picture(front_end, "card", page)
        with seen.column("Cancel while a cell waits", "no cell waits by then; Cancel works"):
            page.get_by_role("button", name="Cancel").click()
            page.get_by_text("Cancelled", exact=True).first.wait_for(timeout=20_000)
        with seen.column("a table", "live"):
            page.goto(f"{server.url}/voila/render/table.ipynb")
            page.get_by_text("3 operations").first.wait_for(timeout=60_000)
            page.wait_for_function("() => document.querySelector('progress.lro-bar')?.value > 0")
        picture(front_end, "table", page)
    return seen.found


def look_marimo(front_end: FrontEnd, python: Path, browser: Browser) -> dict[str, str]:
    """Look at the app that marimo makes of a program."""
    seen = Findings({"the saved file": "a program without outputs; an exported page keeps the HTML"})
    with tempfile.TemporaryDirectory() as name, browser.page() as page:
        folder, program = Path(name), Path(name) / "notebook.py"
        program.write_text(MARIMO, encoding="utf-8")
        local.ensure(folder / "data")
        local.set_pace(PACE, folder / "data")
        port = str(free_port())
        options = ("--headless", "--no-token", "--port", port)
        process = subprocess.Popen(
            [python, "-m", "marimo", "run", program, *options],
            env=own_environment(folder),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            with seen.column("the card moves", "HTML; with marimo's refresh"):
                load(page, f"http://127.0.0.1:{port}")
                page.wait_for_function("() => document.querySelector('progress')?.value > 0", timeout=60_000)
                page.evaluate("window.before = document.querySelector('progress').value")
                page.wait_for_function("() => document.querySelector('progress').value > before")
            picture(front_end, "card", page)
            with seen.column("a table", "`lro.to_frame(ops)`, with marimo's refresh"):
                page.get_by_text("RUNNING").first.wait_for()
            with seen.column("Cancel while a cell waits", "no; without a wait, a button of marimo's cancels"):
                page.get_by_role("button", name="Cancel it").click()
                page.get_by_text("Cancelled", exact=True).first.wait_for(timeout=20_000)
        finally:
            process.terminate()
            process.wait(20)
            local.stop(folder / "data")
    return seen.found


def look_papermill(front_end: FrontEnd, python: Path, browser: Browser) -> dict[str, str]:
    """Run a notebook with papermill, and look at what it has written."""
    del front_end, browser
    seen = Findings({"Cancel while a cell waits": "nobody clicks"})
    with tempfile.TemporaryDirectory() as folder:
        given, kept = (Path(folder) / name for name in ("in.ipynb", "out.ipynb"))
        write_notebook(given, CELLS)
        command = [str(python), "-m", "papermill", str(given), str(kept), "--kernel", "python3"]
        try:
            env = own_environment(Path(folder))
            subprocess.run(command, check=True, env=env, capture_output=True, timeout=180)
        finally:
            local.stop(Path(folder) / "data")
        notebook = nbformat.read(kept, as_version=4)
    for column, cell in {"the card moves": 1, "a table": 3}.items():
        with seen.column(column, "its last state"):
            check_saved(lambda: notebook, {cell: "Succeeded"}, seconds=0)
    with seen.column("the saved file", "HTML and text, no widget"):
        check_saved(lambda: notebook, {1: "Succeeded", 3: "Succeeded"}, seconds=0)
    return seen.found


def check_saved(read: Callable[[], Any], wanted: dict[int, str], seconds: float = 60) -> None:
    """Check what outputs keep: HTML and text that say how it ended, and no view of a widget."""
    deadline = time.monotonic() + seconds
    while True:
        kept = [[output["data"] for output in cell.outputs if "data" in output] for cell in read().cells]
        views = any(VIEW in bundle for bundles in kept for bundle in bundles)
        if not views or time.monotonic() >= deadline:
            break
        time.sleep(1)
    if views:
        raise AssertionError("a widget stays in it")
    for number, word in wanted.items():
        for kind in ("text/html", "text/plain"):
            if not any(word in bundle.get(kind, "") for bundle in kept[number]):
                raise AssertionError(f"{kind} lacks {word}")


@contextmanager
def served(front_end: FrontEnd, python: Path) -> Iterator[Server]:
    """Run the server of a front end, and a slow service for its kernels."""
    with tempfile.TemporaryDirectory() as folder:
        command = [str(python), "-m", front_end.module]
        with Server(Path(folder) / "jupyter", command, application=front_end.application) as server:
            local.ensure(server.data_dir)
            local.set_pace(PACE, server.data_dir)
            try:
                yield server
            finally:
                local.stop(server.data_dir)


def own_environment(folder: Path) -> dict[str, str]:
    """Return the environment variables of a program whose data is in a folder."""
    return {
        **os.environ,
        "LRO_NOTEBOOK_DATA_DIR": str(folder / "data"),
        "LRO_NOTEBOOK_STATE_DIR": str(folder / "state"),
    }


def load(page: Page, url: str, seconds: float = 60) -> None:
    """Load a page of a server that may still be starting."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            page.goto(url)
        except PlaywrightError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
        else:
            return


def picture(front_end: FrontEnd, what: str, page: Page) -> None:
    """Take a picture of a page."""
    BUILD.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=BUILD / f"{front_end.name.replace(' ', '-').lower()}-{what}.png")


LAB = partial(look_live, Notebook)
NOTEBOOK = partial(look_live, partial(Notebook, front_end="notebook"))
CLASSICAL = partial(look_live, ClassicNotebook)
FRONT_ENDS = (
    FrontEnd("JupyterLab 4.0", ("jupyterlab==4.0.*", "ipykernel"), "jupyterlab", LAB, "jupyterlab"),
    FrontEnd("JupyterLab", ("jupyterlab", "ipykernel"), "jupyterlab", LAB, "jupyterlab"),
    FrontEnd("Notebook 7", ("notebook", "ipykernel"), "notebook", NOTEBOOK, "notebook"),
    FrontEnd(
        "Notebook 6.5", ("notebook==6.5.*", "ipykernel"), "notebook", CLASSICAL, "notebook", "NotebookApp"
    ),
    FrontEnd("nbclassic", ("nbclassic", "ipykernel"), "nbclassic", CLASSICAL, "nbclassic"),
    FrontEnd("Voila", ("voila", "ipykernel"), "voila", look_voila, "jupyter_server"),
    FrontEnd("marimo", ("marimo",), "marimo", look_marimo),
    FrontEnd("papermill", ("papermill", "ipykernel"), "papermill", look_papermill),
)


def table(rows: Sequence[tuple[str, str, dict[str, str]]], day: str) -> str:
    """Return what was seen as Markdown: name, version and findings of each front end."""
    head = [f"Run on {day}, in Chromium:", "", f"| front end | version | {' | '.join(COLUMNS)} |"]
    lines = [
        f"| {name} | {version} | {' | '.join(found.get(column, 'NO') for column in COLUMNS)} |"
        for name, version, found in rows
    ]
    return "\n".join([*head, "|---" * (len(COLUMNS) + 2) + "|", *lines])


def main() -> int:
    """Print the table; 0 when nothing in it says NO."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", help="a front end by name; may be repeated")
    parser.add_argument("--write", action="store_true", help="put the table into docs/front-ends.md")
    options = parser.parse_args()
    if lacking := missing():
        sys.exit(lacking)
    rows = []
    for front_end in FRONT_ENDS:
        if options.only and front_end.name not in options.only:
            continue
        python = environment(front_end)
        with Browser() as browser:  # of its own: it keeps pages, which know their server
            found = front_end.look(front_end, python, browser)
        rows.append((front_end.name, version(python, front_end.told), found))
        print(f"{rows[-1][0]} {rows[-1][1]}: {found}", flush=True)
    text = table(rows, f"{datetime.now(UTC):%Y-%m-%d}")
    print(text)
    failed = "| NO" in text
    if options.write and not failed and not options.only:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(replaced(page, "front ends", text), encoding="utf-8")
    return failed


if __name__ == "__main__":
    sys.exit(main())
