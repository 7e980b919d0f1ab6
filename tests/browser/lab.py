"""One open notebook in JupyterLab or Notebook 7; nothing here knows of operations or cards."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, Self

import nbformat

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from playwright.sync_api import ConsoleMessage, Locator, Page

    from browser.browsers import Browser
    from browser.server import Server

FrontEnd = Literal["lab", "notebook"]
DARK = {"@jupyterlab/apputils-extension/themes": {"theme": "JupyterLab Dark"}}
NO_SUBSHELLS = {"@jupyterlab/apputils-extension/kernels-settings": {"commsOverSubshells": "disabled"}}
#: What a card says once Cancel was clicked: "Cancelling…", or "Cancelled" where that came before a look.
ANSWERED = "Cancell"
#: The bar of what runs, once it has a value.
BAR = ".lro-card progress.lro-bar[value]"
_PATHS: Mapping[FrontEnd, str] = {"lab": "doc/tree", "notebook": "notebooks"}
#: Has the page read the settings of plugins again; its registry of settings has no name outside.
_READ_SETTINGS = """
const services = app.pluginRegistry;
const token = [...services._services.keys()].find(each => each.name.endsWith(":ISettingRegistry"));
const registry = await services.resolveRequiredService(token);
for (const plugin of value) await registry.reload(plugin);
"""
_SHUT_DOWN = """
const sessions = app.serviceManager.sessions;
await sessions.refreshRunning();
for (const { id, path } of [...sessions.running()]) if (value.includes(path)) await sessions.shutdown(id);
"""
_THEMES = "@jupyterlab/apputils-extension/themes"
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
#: The output area of a cell, and what is seen there of a selector.
_AREA = "const area = document.querySelector(`[data-cell='${cell}'] .jp-Cell-outputWrapper`);"
_SEEN = f"""
{_AREA}
const all = [...area?.querySelectorAll(selector) ?? []]
    .filter(one => one.checkVisibility() && one.getClientRects().length);
"""
#: Shows a live part as it is now, and nothing that comes to it; and undoes that.
_HOLD = f"""([cell, selector]) => {{
    {_SEEN}
    if (!all.length) return false;
    window.held = [all[0], all[0].cloneNode(true)];
    all[0].replaceWith(window.held[1]);
    return true;
}}"""
_LET_GO = "() => { const [live, still] = window.held; still.replaceWith(live); delete window.held; }"
#: Seconds until a wait gives up, on a machine that is busy with other things.
PATIENCE = 60.0
#: Milliseconds between two looks at a condition.
_LOOK = 100


class Notebook:
    """One notebook open in a page; a context manager that ends its kernel.

    Parameters
    ----------
    server, browser
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
        browser: Browser,
        path: Path,
        *,
        front_end: FrontEnd = "lab",
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        size: tuple[int, int] = (1200, 900),
    ) -> None:
        self.path, self.console = path, list[str]()
        self._server, self._browser = server, browser
        self.page: Page
        self._front_end, self._settings, self._size = front_end, settings or {}, size
        #: Whether the page may be used again.
        self.reusable = True
        self._paths = {path.name}
        #: The settings that the page has.
        self._used: Mapping[str, Mapping[str, Any]] = {}

    @property
    def url(self) -> str:
        """Where the page of this notebook is."""
        return f"{self._server.url}/{_PATHS[self._front_end]}/{self.path.name}"

    def __enter__(self) -> Self:
        self.page, loaded = self._browser.take(self._front_end)
        self.page.set_viewport_size({"width": self._size[0], "height": self._size[1]})
        self.page.on("console", self._note)
        self.page.on("pageerror", self._note_error)
        if loaded and self._front_end == "lab":
            self.use(self._settings)
            self.reopen()
        else:
            self.reload()
        return self

    def __exit__(self, *_: object) -> None:
        self.shut_down()
        if not self.reusable:
            self.page.close()
            return
        self._dispose()
        self.use({})
        self.page.remove_listener("console", self._note)
        self.page.remove_listener("pageerror", self._note_error)
        self.page.emulate_media(reduced_motion="null", forced_colors="null", contrast="null")
        self._browser.keep(self._front_end, self.page)

    def _note(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.console.append(f"{message.text} ({message.location.get('url', '')})")

    def _note_error(self, error: object) -> None:
        self.console.append(str(error))

    def _await_kernel(self) -> None:
        self.wait_for(f"() => {{ if (!window.jupyterapp) return false; {_PANEL} {_READY} }}")

    def script(self, code: str, value: Any = None) -> Any:
        """Run JavaScript with `app`, `panel`, `nb` and `value`; return what it returns."""
        return self.page.evaluate(f"async value => {{ {_PANEL} {code} }}", value)

    def wait_for(self, condition: str, value: Any = None, seconds: float = PATIENCE) -> Any:
        """Wait until a JavaScript function, which gets `value`, returns something true; return that."""
        found = self.page.wait_for_function(condition, arg=value, timeout=seconds * 1000, polling=_LOOK)
        return found.json_value()

    def measure(
        self, cell: int, selector: str, code: str, value: Any = None, seconds: float = PATIENCE
    ) -> Any:
        """Return what JavaScript reads of what is seen in the output of a cell.

        The output is drawn anew at each tick, so that an element that was found may be gone when it is read.
        Here both are one step, which is repeated until something is seen and there is something to return.

        Parameters
        ----------
        cell : int
            Whose output.
        selector : str
            CSS; only what is visible counts.
        code : str
            A function of the first element, all of them, and `value`; None, null or undefined, is "not yet".
        value
            What the function gets.
        seconds : float
            Until it gives up.
        """
        self.output(cell)
        condition = f"""([cell, selector, value]) => {{
            {_SEEN}
            const found = all.length ? ({code})(all[0], all, value) : null;
            return found === null || found === undefined ? false : [found];
        }}"""
        return self.wait_for(condition, [cell, selector, value], seconds)[0]

    @contextmanager
    def still(self, cell: int, selector: str = ".lro-card") -> Iterator[None]:
        """Show the live part of an output as it is now, for those who look at it in more than one step."""
        self.output(cell)
        self.wait_for(_HOLD, [cell, selector])
        try:
            yield
        finally:
            self.page.evaluate(_LET_GO)

    def reload(self) -> None:
        """Load the page, again if it is there, without saving."""
        self.load()
        self._await_kernel()

    def reopen(self, path: Path | None = None) -> None:
        """Close the document without saving, and open it, or another, in the same page."""
        self._dispose()
        self.path = path or self.path
        self._paths.add(self.path.name)
        self.script("await app.commands.execute('docmanager:open', {path: value});", self.path.name)
        self._await_kernel()

    def _dispose(self) -> None:
        # Not closed: nobody is asked whether to save.
        self.script("for (const widget of [...app.shell.widgets('main')]) widget.dispose();")

    def use(self, settings: Mapping[str, Mapping[str, Any]]) -> None:
        """Replace the settings, in the page that is open."""
        changed = {*self._used, *settings} if settings != self._used else set()
        self._settings = self._used = settings
        if changed:
            self._server.set_settings(settings)
            self.script(_READ_SETTINGS, [":".join(plugin.rsplit("/", 1)) for plugin in changed])
            theme = settings.get(_THEMES, {}).get("theme", "JupyterLab Light")
            self.wait_for("theme => document.body.dataset.jpThemeName === theme", theme)

    def load(self) -> None:
        """Load the page, and do not wait for a kernel."""
        self._server.set_settings(self._settings)
        self._used = self._settings
        self.page.goto(f"{self.url}?reset")

    def resize(self, width: int, height: int = 900) -> None:
        """Give the window a size, and wait until the notebook has taken it."""
        self.page.set_viewport_size({"width": width, "height": height})
        self.wait_for(
            "() => { const { right } = document.querySelector('.jp-NotebookPanel').getBoundingClientRect();"
            " return right <= innerWidth && right > innerWidth - 80; }"
        )

    def activate(self, cell: int) -> None:
        """Select a cell."""
        self.script("nb.activeCellIndex = value; nb.deselectAll();", cell)

    def run(self, cell: int) -> None:
        """Start a cell; does not wait."""
        self.activate(cell)
        # The number of an earlier run would look like the end of this one.
        self.script(
            "nb.widgets[value].model.executionCount = null; void app.commands.execute('notebook:run-cell');",
            cell,
        )

    def run_to_end(self, cell: int, seconds: float = PATIENCE) -> None:
        """Run a cell and wait until it has ended."""
        self.run(cell)
        self.await_end(cell, seconds)

    def await_start(self, cell: int) -> None:
        """Wait until a cell runs, or waits for its turn."""
        self.wait_for(
            f"cell => {{ {_PANEL} return nb.widgets[cell].promptNode?.textContent.includes('*'); }}", cell
        )

    def await_end(self, cell: int, seconds: float = PATIENCE) -> None:
        """Wait until a cell that was started has ended."""
        self.wait_for(
            f"cell => {{ {_PANEL} return /\\d/.test(nb.widgets[cell].promptNode?.textContent); }}",
            cell,
            seconds,
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
        self.output(cell)
        return str(self.page.evaluate(f"cell => {{ {_AREA} return area.innerText; }}", cell))

    def await_text(self, cell: int, *texts: str, seconds: float = PATIENCE) -> None:
        """Wait until the output of a cell shows all `texts` at once."""
        self.output(cell)
        condition = (
            f"([cell, texts]) => {{ {_AREA} return texts.every(text => area.innerText.includes(text)); }}"
        )
        self.wait_for(condition, [cell, texts], seconds)

    def bar(self, cell: int) -> float:
        """Return what the first progress bar in the output of a cell stands at, 0 to 1."""
        return float(self.measure(cell, BAR, "bar => bar.value"))

    def await_bar_beyond(self, cell: int, value: float, seconds: float = PATIENCE) -> None:
        """Wait until the bar stands beyond `value`."""
        self.measure(cell, BAR, "(bar, _, low) => bar.value > low || null", value, seconds)

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
        self._await_kernel()

    def shut_down(self) -> None:
        """End the kernel, and those of others that were open here."""
        self.script("await panel?.sessionContext.shutdown();")
        if others := self._paths - {self.path.name}:
            self.script(_SHUT_DOWN, sorted(others))

    def save(self) -> Any:
        """Save, and return the notebook as it is on disk."""
        self.script("await panel.context.save();")
        return nbformat.read(self.path, as_version=4)
