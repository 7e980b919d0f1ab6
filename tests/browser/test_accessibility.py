"""What people meet who use a keyboard, a screen reader, high contrast, or little motion."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image

from browser.lab import BAR, DARK

if TYPE_CHECKING:
    from collections.abc import Callable

    from browser.conftest import Open
    from browser.lab import Notebook

pytestmark = [pytest.mark.browser, pytest.mark.service, pytest.mark.xdist_group("browser")]

SET_UP = 'import lro_notebook as lro\nstore = lro.connect().fhir_store("all").create(exist_ok=True)'
BEGIN = 'op = store.import_from("gs://lro-sample/fhir/*.ndjson")'
SEVERAL = "\n".join([BEGIN, BEGIN.replace("op", "other"), "other.cancel()"])
THEMES = pytest.mark.parametrize("settings", [{}, DARK], ids=["light", "dark"])


def violations(notebook: Notebook, cell: int) -> list[str]:
    """Return what axe-core finds in the output of a cell, with where it is.

    It notes all elements first and looks at them one after the other: what runs must stand still for it.
    """
    notebook.output(cell)
    found = Axe().run(notebook.page, context=f'[data-cell="{cell}"] .jp-Cell-outputWrapper')
    return [
        f"{rule['impact']}: {rule['id']}: {node['html'][:120]} ({node['failureSummary'][:200]})"
        for rule in found.response["violations"]
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("begin", [BEGIN, SEVERAL], ids=["card", "table"])
@THEMES
def test_axe_finds_nothing_in_a_card_or_a_table_that_runs_and_that_has_ended(
    open_notebook: Open,
    pace: Callable[[float | None], None],
    begin: str,
    settings: dict[str, Any],
) -> None:
    pace(300)
    notebook = open_notebook(SET_UP, begin, "op.cancel()", settings=settings)
    notebook.run_to_end(0)
    notebook.run_to_end(1)
    notebook.await_text(1, "Running")
    with notebook.still(1):
        assert violations(notebook, 1) == []
    notebook.run_to_end(2)
    notebook.await_text(1, "Cancelled")
    notebook.wait_for("() => !document.querySelector('.lro-card button')")
    assert violations(notebook, 1) == []


def begun(open_notebook: Open, begin: str = BEGIN) -> Notebook:
    notebook = open_notebook(SET_UP, begin)
    notebook.run_to_end(0)
    notebook.run_to_end(1)
    notebook.await_text(1, "Running")
    return notebook


@pytest.mark.parametrize(
    ("begin", "label"), [(BEGIN, "Cancel"), (SEVERAL, "Cancel all")], ids=["card", "table"]
)
def test_the_keyboard_cancels_and_the_focus_stays_where_it_was(
    open_notebook: Open, pace: Callable[[float | None], None], begin: str, label: str
) -> None:
    pace(300)
    notebook = begun(open_notebook, begin)
    button = notebook.output(1).get_by_role("button", name=label, exact=True)
    button.focus()
    notebook.page.evaluate("window.focused = document.activeElement")
    notebook.page.keyboard.press("Enter")
    notebook.await_text(1, "Ended", "Cancelled")
    assert notebook.page.evaluate("document.activeElement === window.focused")
    assert notebook.page.evaluate("document.activeElement.textContent") == "Ended"
    assert notebook.page.locator(".lro-snapshot:visible").count() == 0
    assert violations(notebook, 1) == []


@pytest.mark.parametrize("media", [{"forced_colors": "active"}, {"contrast": "more"}], ids=["forced", "more"])
def test_in_high_contrast_the_bar_the_signs_the_borders_and_the_focus_are_seen(
    open_notebook: Open, pace: Callable[[float | None], None], media: dict[str, Any]
) -> None:
    pace(1_000)
    notebook = begun(open_notebook)
    notebook.await_bar_beyond(1, 0.1)
    pace(20)  # far from the end, however loaded the machine
    notebook.page.emulate_media(**media)
    button = notebook.output(1).get_by_role("button", name="Cancel")
    notebook.page.keyboard.press("Shift")  # a key, so that the focus is drawn as for those who use keys
    button.focus()
    seen = notebook.measure(
        1,
        ".lro-card",
        """card => {
            const button = card.querySelector('button');
            if (!button) return null;
            const [edge, ring] = [card, button].map(one => getComputedStyle(one));
            return {
                edges: [edge, ring].map(one => one.borderTopStyle + one.borderTopWidth),
                ring: [ring.outlineStyle, ring.outlineWidth],
                sign: card.querySelector('.lro-state').innerText,
            };
        }""",
    )
    assert seen["edges"] == ["solid1px"] * 2
    assert seen["ring"] == ["solid", "2px"]
    assert seen["sign"] == "● Running"
    with notebook.still(1):
        value, box = notebook.measure(1, BAR, "bar => [bar.value, bar.getBoundingClientRect().toJSON()]")
        shown = notebook.page.screenshot()
        assert violations(notebook, 1) == []
    assert 0.1 < value < 0.9
    with Image.open(io.BytesIO(shown)) as page:
        bar = page.crop((box["left"], box["top"], box["right"], box["bottom"])).convert("L")
        middle = bar.tobytes()[bar.width * (bar.height // 2) :][: bar.width]
    assert abs(middle[4] - middle[-4]) > 60, "what is done does not stand out"


def test_nothing_moves_from_one_tick_to_the_next(
    open_notebook: Open, pace: Callable[[float | None], None]
) -> None:
    pace(300)
    notebook = begun(open_notebook)
    notebook.await_text(1, "left")
    where = """(bar, _, before) => bar.getAttribute('value') === before ? null : [
        bar.getAttribute('value'),
        ['.lro-card', '.lro-state', '.lro-bar', '.lro-numbers', '.lro-card button', '.lro-id']
            .map(name => document.querySelector(name).getBoundingClientRect())
            .map(box => [box.x, box.y, box.width, box.height]),
    ]"""
    value, before = notebook.measure(1, BAR, where)
    for _ in range(2):
        value, after = notebook.measure(1, BAR, where, value)
        assert after == before


def test_nothing_moves_for_those_who_ask_for_that(
    open_notebook: Open, pace: Callable[[float | None], None]
) -> None:
    pace(300)
    notebook = begun(open_notebook)
    notebook.page.emulate_media(reduced_motion="reduce")
    moving = notebook.measure(
        1,
        ".lro-card",
        """card => [...card.closest('.jp-Cell-outputWrapper').querySelectorAll('*')].filter(element => {
            const style = getComputedStyle(element);
            return parseFloat(style.animationDuration) > 0 || parseFloat(style.transitionDuration) > 0.2;
        }).map(element => element.className)""",
    )
    assert moving == []
