"""The moving picture of the README, from a real run in JupyterLab: start, card, DataFrame, plot.

Usage: PYTHONPATH=tests python scripts/movie.py

Writes ``docs/images/run-{light,dark}.gif``. Each frame is what Chromium shows at that moment; a frame in
which nothing has changed prolongs the one before. It needs what the browser tests need.
"""

from __future__ import annotations

import io
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from browser.browsers import Browser, missing
from browser.lab import DARK, Notebook
from browser.server import Server, write_notebook
from PIL import Image, ImageChops

from lro_notebook import local

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

IMAGES = Path(__file__).parents[1] / "docs" / "images"
THEMES: Mapping[str, Mapping[str, Any]] = {"light": {}, "dark": DARK}
SIZE = (860, 700)  # CSS pixels
SCALE = 1.25
#: The style of matplotlib that fits a theme.
PLOTS: Mapping[str, str] = {"light": "default", "dark": "dark_background"}
COLOURS = 64
LIMIT = 2_000_000  # bytes
PACE = 1_600  # resources a second, so that the card can be seen moving
WAIT = 60.0  # seconds for a cell
TICK = 0.25  # seconds between two looks at a running cell
KEYS = 7  # characters typed between two frames
KEYSTROKES, READING, LAST = 0.09, 1.6, 4.0  # how long frames are shown, in seconds
#: Only the notebook is of interest.
_BARE = """
const style = document.createElement('style');
style.textContent = `.jp-Notebook-footer, .jp-cell-toolbar { display: none !important }
  .jp-Notebook { scrollbar-width: none }`;
document.head.append(style);
"""
_FRAME = ".jp-WindowedPanel-outer"
#: The cells: what a reader of the README would type.
CELLS = (
    """\
import lro_notebook as lro

ds = lro.connect()
store = ds.fhir_store("demo").create(exist_ok=True)
store.import_from("gs://lro-sample/fhir/*.ndjson").wait()""",
    """\
results = store.export_to("gs://demo-out/run-1").load()
results["Patient"][["id", "name.family", "gender", "birthDate"]].head()""",
    'results.events(results["Patient"]["id"][3]).plot(measurements=3);',
)


class Frame(NamedTuple):
    """A picture, and how long it is shown, in seconds."""

    picture: Image.Image
    seconds: float


def main() -> None:
    """Record the run in both themes."""
    if lacking := missing():
        sys.exit(lacking)
    IMAGES.mkdir(parents=True, exist_ok=True)
    with Browser(scale=SCALE) as browser:
        for theme, settings in THEMES.items():
            with tempfile.TemporaryDirectory() as folder, Server(Path(folder) / "jupyter") as server:
                local.ensure(server.data_dir)
                local.set_pace(PACE, server.data_dir)
                try:
                    _set_style(server, PLOTS[theme])
                    path = write_notebook(server.root / "run.ipynb", [""] * len(CELLS))
                    with Notebook(server, browser, path, settings=settings, size=SIZE) as notebook:
                        notebook.reusable = False
                        frames = list(merged(_record(notebook)))
                finally:
                    local.stop(server.data_dir)
            target = IMAGES / f"run-{theme}.gif"
            write(target, frames)
            shown = sum(frame.seconds for frame in frames)
            print(f"{target.name}: {len(frames)} frames, {shown:.0f} s, {target.stat().st_size:,} bytes")


def merged(frames: Iterator[Frame]) -> Iterator[Frame]:
    """Join frames that look the same."""
    last = next(frames)
    for frame in frames:
        if ImageChops.difference(last.picture, frame.picture).getbbox() is None:
            last = Frame(last.picture, last.seconds + frame.seconds)
        else:
            yield last
            last = frame
    yield last


def write(target: Path, frames: Sequence[Frame]) -> None:
    """Write the frames in one palette, so that what stays costs nothing."""
    wide, high = frames[0].picture.size
    longest = max(frames, key=lambda frame: frame.seconds)
    samples = (longest, frames[len(frames) // 2], frames[-1])  # with all colours
    sheet = Image.new("RGB", (wide, high * len(samples)))
    for number, frame in enumerate(samples):
        sheet.paste(frame.picture, (0, high * number))
    palette = sheet.quantize(COLOURS, dither=Image.Dither.NONE)
    pictures = [frame.picture.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    pictures[0].save(
        target,
        save_all=True,
        append_images=pictures[1:],
        duration=[round(1000 * frame.seconds) for frame in frames],
        loop=0,
        optimize=True,
    )
    if target.stat().st_size > LIMIT:
        sys.exit(f"{target} has {target.stat().st_size:,} bytes, more than {LIMIT:,}")


def _set_style(server: Server, style: str) -> None:
    """Have matplotlib draw in `style` in the kernels of the server."""
    startup = server.root.parent / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True, exist_ok=True)
    (startup / "style.py").write_text(f"import matplotlib.pyplot\nmatplotlib.pyplot.style.use({style!r})\n")


def _record(notebook: Notebook) -> Iterator[Frame]:
    """Type and run the cells, one after the other."""
    notebook.page.evaluate(_BARE)
    notebook.script("nb.node.scrollTop = 0;")
    for number, source in enumerate(CELLS):
        notebook.activate(number)
        for end in range(0, len(source), KEYS):
            _type(notebook, number, source[:end])
            yield _look(notebook, KEYSTROKES)
        _type(notebook, number, source)
        yield _look(notebook, 3 * KEYSTROKES)
        yield from _run(notebook, number)
        yield _look(notebook, LAST if number == len(CELLS) - 1 else READING)


def _run(notebook: Notebook, number: int) -> Iterator[Frame]:
    """Run a cell, and look at it until it has ended and its pictures are drawn."""
    notebook.run(number)
    began = time.monotonic()
    while "*" in (prompt := notebook.prompt(number)) or prompt == "[ ]:":
        yield _look(notebook, TICK)
        if time.monotonic() - began > WAIT:
            raise TimeoutError(f"cell {number} did not end")
        time.sleep(TICK / 2)
    notebook.page.wait_for_function("() => [...document.images].every(image => image.complete)")
    notebook.script("nb.widgets[value].node.scrollIntoView({block: 'end'});", number)


def _type(notebook: Notebook, number: int, source: str) -> None:
    notebook.script("nb.widgets[value[0]].model.sharedModel.setSource(value[1]);", [number, source])
    notebook.script("nb.widgets[value].node.scrollIntoView({block: 'nearest'});", number)


def _look(notebook: Notebook, seconds: float) -> Frame:
    shown = notebook.page.locator(_FRAME).first.screenshot(caret="hide")
    with Image.open(io.BytesIO(shown)) as picture:
        return Frame(picture.convert("RGB"), seconds)


if __name__ == "__main__":
    main()
