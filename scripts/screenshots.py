"""Pictures of the card and the table in JupyterLab, in every state, both themes and high contrast.

Usage: PYTHONPATH=tests python scripts/screenshots.py

Writes ``build/screens/{what}-{light,dark}[-contrast,-forced,-narrow].png``, and the few that the docs show to
``docs/images/{card,table,partly-failed}-{light,dark}.png``. It needs what the browser tests need.
"""

from __future__ import annotations

import io
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from browser.browsers import Browser, missing
from browser.lab import DARK, Notebook
from browser.playing import OperationsApi
from browser.server import Server, write_notebook
from PIL import Image

from lro_notebook import local

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playwright.sync_api import Locator

ROOT = Path(__file__).parents[1]
SCREENS, IMAGES = ROOT / "build" / "screens", ROOT / "docs" / "images"
DATASET = "projects/hospital/locations/europe-west3/datasets/research"
THEMES: Mapping[str, Mapping[str, Any]] = {"light": {}, "dark": DARK}
SCALE = 2
README_PACE = 900  # resources a second
FIRST_ID = 4208170392110303

_DENIED = (
    "the service account of the project cannot read gs://hospital-inbox/2026-03/*.ndjson: "
    "storage.objects.list is missing"
)
#: The fields of each state's operation; times and moving counters are filled in.
STATES: Mapping[str, Mapping[str, Any]] = {
    "pending": {},
    "running": {"metadata": {"counter": {"pending": "100000", "success": "41200"}}},
    "running_without_total": {"metadata": {"counter": {"success": "41200", "failure": "12"}}},
    "retrying": {"metadata": {"counter": {"pending": "100000", "success": "41200"}}},
    "cancelling": {
        "metadata": {"counter": {"pending": "100000", "success": "41200"}, "cancelRequested": True},
    },
    "cancelled": {
        "metadata": {"counter": {"pending": "100000", "success": "41200"}, "cancelRequested": True},
        "error": {"code": 1, "message": "cancelled"},
    },
    "failed": {"metadata": {"counter": {"failure": "1"}}, "error": {"code": 7, "message": _DENIED}},
    "partly_failed": {"metadata": {"counter": {"success": "141173", "failure": "27"}}, "response": {}},
    "succeeded": {"metadata": {"counter": {"success": "141200"}}, "response": {}},
}
BOX = ".lro-card:visible, .lro-snapshot:visible"
TABLE = ("running", "running_without_total", "retrying", "failed", "partly_failed", "succeeded")
SIZES = (3, 50, 1_000)  # operations in a table
#: Those whose counters go up while they are looked at.
MOVING = ("running", "running_without_total")
NARROW = 600  # pixels
COLOURS = 160  # of a picture in the docs; with fewer, red is not told from orange


def main() -> None:
    """Take the pictures."""
    if lacking := missing():
        sys.exit(lacking)
    SCREENS.mkdir(parents=True, exist_ok=True)
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, Server(Path(folder) / "jupyter") as server:
        local.ensure(server.data_dir)
        local.set_pace(README_PACE, server.data_dir)
        try:
            with Browser(scale=SCALE) as browser:
                for theme, settings in THEMES.items():
                    _states(server, browser, theme, settings)
                    _tables(server, browser, theme, settings)
                    _readme(server, browser, theme, settings)
        finally:
            local.stop(server.data_dir)


def _states(server: Server, browser: Browser, theme: str, settings: Mapping[str, Mapping[str, Any]]) -> None:
    """Take pictures of each state: a cell each, and one cell that starts several."""
    with OperationsApi() as api:
        cells = [f"import lro_notebook as lro\nclient = lro.Client({api.endpoint!r})"]
        cells += [_start(api, state, number) for number, state in enumerate(STATES, 1)]
        cells += ["\n".join(_start(api, state, number) for number, state in enumerate(TABLE, 20))]
        path = write_notebook(server.root / f"states-{theme}.ipynb", cells)
        with Notebook(server, browser, path, settings=settings, size=(1000, 2800)) as notebook:
            for cell in range(len(cells)):
                notebook.run_to_end(cell)
            notebook.activate(0)
            api.unavailable |= {name for name, operation in api.operations.items() if operation["fails"]}
            for _ in range(12):
                _advance(api)
                time.sleep(0.5)
            shown = {cell: f"{state}-{theme}" for cell, state in enumerate([*STATES, "table"], 1)}
            _shoot(notebook, shown)
            for cell, name in shown.items():
                if name.startswith(("table", "partly_failed")):
                    _for_docs(notebook.output(cell).locator(BOX), f"{name.replace('_', '-')}.png")
            api.unavailable.clear()
            for operation in api.operations.values():
                operation |= {"done": True, **({} if "error" in operation else {"response": {}})}
            notebook.output(cell).locator(".lro-snapshot").wait_for()
            _shoot(notebook, {cell: f"table_ended-{theme}"})


def _tables(server: Server, browser: Browser, theme: str, settings: Mapping[str, Mapping[str, Any]]) -> None:
    """Take pictures of small and large tables, and of the list for choosing."""
    with OperationsApi() as api:
        fields = [STATES[state] for state in (*TABLE, *TABLE[:2], "pending", "cancelled")]
        for number in range(max(SIZES)):
            _put(api, number, fields[number % len(fields)])
        set_up = (
            f"import lro_notebook as lro\nfrom lro_notebook.jupyter.operation_list import Operations\n"
            f"client = lro.Client({api.endpoint!r})\n"
            f"names = [f'{DATASET}/operations/{{n}}' for n in range({FIRST_ID}, {FIRST_ID + max(SIZES)})]"
        )
        cells = [set_up, *(f"Operations(client.get(name) for name in names[:{size}])" for size in SIZES)]
        path = write_notebook(server.root / f"tables-{theme}.ipynb", cells)
        with Notebook(server, browser, path, settings=settings, size=(1000, 3200)) as notebook:
            notebook.run_to_end(0)
            for cell, size in enumerate(SIZES, 1):
                notebook.run_to_end(cell)
                notebook.await_text(cell, "operations:")
                if size == max(SIZES):
                    notebook.output(cell).get_by_role("button", name="Choose…").click()
                    notebook.await_text(cell, "Cancel 0 chosen")
                notebook.activate(0)
                _shoot(notebook, {cell: f"table_{size}-{theme}"})


def _shoot(notebook: Notebook, shown: Mapping[int, str]) -> None:
    """Take pictures of the outputs of cells, as they are, in high contrast and in a narrow window."""
    page = notebook.page
    size = page.viewport_size or {"width": 1000, "height": 1000}
    _crop(notebook, shown, "")
    page.emulate_media(contrast="more")
    _crop(notebook, shown, "-contrast")
    page.emulate_media(contrast="no-preference", forced_colors="active")
    _crop(notebook, shown, "-forced")
    page.emulate_media(forced_colors="none")
    page.set_viewport_size({"width": NARROW, "height": size["height"]})
    _crop(notebook, shown, "-narrow")
    page.set_viewport_size(size)


def _crop(notebook: Notebook, shown: Mapping[int, str], look: str) -> None:
    """Take one picture of the page, and cut the outputs out of it."""
    notebook.output(min(shown)).evaluate("output => output.scrollIntoView()")
    boxes = {name: notebook.output(cell).bounding_box() for cell, name in shown.items()}
    with Image.open(io.BytesIO(notebook.page.screenshot())) as picture:
        for name, box in boxes.items():
            if box is not None:
                left, top = SCALE * box["x"], SCALE * box["y"]
                right, bottom = left + SCALE * box["width"], top + SCALE * box["height"]
                part = picture.crop((left, max(0.0, top), right, min(bottom, picture.height)))
                part.save(SCREENS / f"{name}{look}.png")


def _for_docs(shown: Locator, name: str) -> None:
    """Take a picture for the docs, in few colours, so that it is small."""
    path = IMAGES / name
    shown.screenshot(path=path)
    with Image.open(path) as picture:
        few = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


def _start(api: OperationsApi, state: str, number: int) -> str:
    """Have the service know an operation in `state`; return the line that starts it."""
    store = f"{DATASET}/fhirStores/ward-{number}"
    name = _put(api, number * 7919, STATES[state], moves=state in MOVING, fails=state == "retrying")
    api.operations[f"{store}:import"] = api.operations[name]
    return (
        f'client.start("POST", {f"{store}:import"!r}, {{}}, title="fhirStores.import",\n'
        f'             source="gs://hospital-inbox/2026-03/*.ndjson", destination={store!r});'
    )


def _put(
    api: OperationsApi, number: int, state: Mapping[str, Any], *, moves: bool = False, fails: bool = False
) -> str:
    """Have the service know an operation with the fields of `state`; return its name."""
    fields: dict[str, Any] = {key: dict(value) for key, value in state.items()}
    done = "error" in fields or "response" in fields
    if metadata := fields.get("metadata"):
        now = datetime.now(UTC)
        metadata["counter"] = dict(metadata["counter"])
        metadata["apiMethodName"] = "google.cloud.healthcare.v1.fhir.FhirStoreService.ImportResources"
        metadata["target"] = f"{DATASET}/fhirStores/ward-{number}"
        metadata["createTime"] = (now - timedelta(minutes=3, seconds=10)).isoformat()
        metadata["logsUrl"] = "https://console.cloud.google.com/logs/query"
        if done:
            metadata["endTime"] = now.isoformat()
    name = f"{DATASET}/operations/{FIRST_ID + number}"
    return api.put(name, done=done, moves=moves, fails=fails, **fields)


def _advance(api: OperationsApi) -> None:
    """Let some time pass at the service."""
    for path, operation in api.operations.items():
        if operation["moves"] and path == operation["name"]:
            counter = operation["metadata"]["counter"]
            counter["success"] = str(int(counter["success"]) + 206)
            if "pending" in counter:
                counter["pending"] = str(int(counter["pending"]) - 206)


def _readme(server: Server, browser: Browser, theme: str, settings: Mapping[str, Mapping[str, Any]]) -> None:
    """Take the picture for the README: the first lines that somebody types, and the running card."""
    start = (
        "import lro_notebook as lro\n\n"
        "ds = lro.connect()\n"
        'store = ds.fhir_store("demo").create(exist_ok=True)\n'
        'op = store.import_from("gs://lro-sample/fhir/*.ndjson")'
    )
    path = write_notebook(server.root / f"card-{theme}.ipynb", [start, ""])
    with Notebook(server, browser, path, settings=settings, size=(900, 700)) as notebook:
        notebook.run_to_end(0)
        notebook.activate(1)
        notebook.await_text(0, "left")
        notebook.await_bar_beyond(0, 0.4)
        notebook.output(0)
        _for_docs(notebook.page.locator('[data-cell="0"]'), f"card-{theme}.png")


if __name__ == "__main__":
    main()
