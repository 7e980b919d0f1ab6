"""One open notebook in a classic page: Notebook 6 or nbclassic, as `browser.lab.Notebook` in others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import nbformat

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Locator

    from browser.browsers import Browser
    from browser.server import Server

_CELL = "const cell = Jupyter.notebook.get_cell(value), area = cell.output_area.wrapper[0];"


class ClassicNotebook:
    """One notebook open in a page; a context manager that ends its kernel."""

    def __init__(self, server: Server, browser: Browser, path: Path) -> None:
        self.path, self._url, self._browser = path, f"{server.url}/notebooks/{path.name}", browser

    def __enter__(self) -> Self:
        self.page, _ = self._browser.take("classic")
        self.page.goto(self._url)
        self.page.wait_for_function("() => window.Jupyter?.notebook?.kernel?.is_connected()")
        self.page.wait_for_function("() => !document.querySelector('.kernel_busy_icon')")
        return self

    def __exit__(self, *_: object) -> None:
        self.page.evaluate("() => new Promise(done => Jupyter.notebook.session.delete(done, done))")
        self.page.close()

    def script(self, code: str, value: Any = None) -> Any:
        """Run JavaScript with `cell` and `area`, those of the number `value`."""
        return self.page.evaluate(f"async value => {{ {_CELL} {code} }}", value)

    def run(self, cell: int) -> None:
        """Start a cell; does not wait."""
        self.script("Jupyter.notebook.execute_cells([value]);", cell)

    def run_to_end(self, cell: int, seconds: float = 60) -> None:
        """Run a cell and wait until it has ended."""
        self.run(cell)
        self.await_end(cell, seconds)

    def await_end(self, cell: int, seconds: float = 60) -> None:
        """Wait until a cell that was started has ended."""
        self.page.wait_for_function(
            f"value => {{ {_CELL} return typeof cell.input_prompt_number === 'number'; }}",
            arg=cell,
            timeout=seconds * 1000,
        )

    def output(self, cell: int) -> Locator:
        """Return the output area of a cell."""
        self.script("area.setAttribute('data-cell', value);", cell)
        return self.page.locator(f'[data-cell="{cell}"]').first

    def text(self, cell: int) -> str:
        """Return the text that the output of a cell shows."""
        return str(self.script("return area.innerText;", cell))

    def await_text(self, cell: int, *texts: str, seconds: float = 20) -> None:
        """Wait until the output of a cell shows all `texts` at once."""
        self.page.wait_for_function(
            f"([value, texts]) => {{ {_CELL} return texts.every(text => area.innerText.includes(text)); }}",
            arg=[cell, texts],
            timeout=seconds * 1000,
        )

    def bar(self, cell: int) -> float:
        """Return what the first progress bar in the output of a cell stands at, 0 to 1."""
        return float(self.script("return area.querySelector('progress.lro-bar')?.value ?? 0;", cell))

    def await_bar_beyond(self, cell: int, value: float, seconds: float = 20) -> None:
        """Wait until the bar stands beyond `value`."""
        self.page.wait_for_function(
            f"([value, low]) => {{ {_CELL} return area.querySelector('progress.lro-bar')?.value > low; }}",
            arg=[cell, value],
            timeout=seconds * 1000,
        )

    def click(self, cell: int, label: str) -> None:
        """Click the button `label` in the output of a cell."""
        self.output(cell).get_by_role("button", name=label, exact=True).click()

    def save(self) -> Any:
        """Save, and return the notebook as it is on disk."""
        self.page.evaluate("() => Jupyter.notebook.save_notebook()")
        return nbformat.read(self.path, as_version=4)
