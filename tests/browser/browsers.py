"""The browsers of the tests: Debian's Chromium and Firefox, and the pages that they have open.

Loading JupyterLab is what costs most here, and in a new page twice as much as in one where it was loaded
before. So pages are kept: the next notebook in the same front end opens where one was closed, and one in
another loads a page again.
"""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from playwright.sync_api import Browser as PlaywrightBrowser
    from playwright.sync_api import BrowserContext, Page, Playwright

#: Browser -> the names of its program.
PROGRAMS: Mapping[str, tuple[str, ...]] = {
    "chromium": ("chromium", "chromium-browser"),
    "firefox": ("firefox-esr", "firefox"),
}
#: The browser that the tests run in; `make test-firefox` sets the other.
NAME = os.environ.get("LRO_TEST_BROWSER", "chromium")
_CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
#: The kind of page of most notebooks.
_USUAL = "lab"


def missing() -> str:
    """Return what browser tests lack on this machine, empty if nothing."""
    try:
        import playwright.sync_api  # noqa: F401 - only asked for
    except ImportError:
        return "playwright is not installed"
    return "" if _program() else f"no {NAME} is on PATH"


def _program() -> str | None:
    return next(filter(None, map(shutil.which, PROGRAMS[NAME])), None)


class Browser:
    """The browser; a context manager.

    Parameters
    ----------
    scale : float
        Device pixels per CSS pixel.
    """

    def __init__(self, scale: float = 1.0) -> None:
        self._scale = scale
        self._kept: dict[str, Page] = {}

    def __enter__(self) -> Self:
        from playwright.sync_api import sync_playwright

        self._playwright: Playwright = sync_playwright().start()
        self._browser = self._launched()
        self.context: BrowserContext = self._browser.new_context(device_scale_factor=self._scale)
        return self

    def _launched(self) -> PlaywrightBrowser:
        if NAME == "firefox":
            # A Firefox that Playwright has not patched speaks WebDriver BiDi.
            return self._playwright.firefox.launch(executable_path=_program(), channel="moz-firefox")
        return self._playwright.chromium.launch(executable_path=_program(), args=_CHROMIUM_ARGS)

    def __exit__(self, *_: object) -> None:
        self._browser.close()
        self._playwright.stop()

    def take(self, kind: str) -> tuple[Page, bool]:
        """Return a page, and whether what it shows is of this kind; else it is to be loaded."""
        if kind in self._kept:
            return self._kept.pop(kind), True
        spare = next((other for other in self._kept if other != _USUAL), None)
        return (self._kept.pop(spare) if spare else self.context.new_page()), False

    def keep(self, kind: str, page: Page) -> None:
        """Keep a page where no notebook is open: at most a usual one and another."""
        if kind in self._kept or (kind != _USUAL and len(self._kept.keys() - {_USUAL}) > 0):
            page.close()
        else:
            self._kept[kind] = page

    @contextmanager
    def page(self) -> Iterator[Page]:
        """Give a page for anything else."""
        page, _ = self.take("")
        yield page
        self.keep("", page)
