"""How the card of a running operation looks; every test looks at the same card."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from browser.axe import violations
from browser.lab import BAR, DARK, Notebook
from browser.server import write_notebook
from lro_notebook import local

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from browser.browsers import Browser
    from browser.server import Server
    from lro_notebook.testing import LroService

pytestmark = [pytest.mark.browser, pytest.mark.service, pytest.mark.xdist_group("browser")]

CELLS = (
    'import lro_notebook as lro\nstore = lro.connect().fhir_store("look").create(exist_ok=True)',
    'op = store.import_from("gs://lro-sample/fhir/*.ndjson")',
)


@pytest.fixture(scope="module")
def running(server: Server, browser: Browser, embedded: LroService) -> Iterator[Notebook]:
    local.set_pace(1_000, server.data_dir)
    with Notebook(server, browser, write_notebook(server.root / "running-card.ipynb", CELLS)) as notebook:
        notebook.run_to_end(0)
        notebook.run_to_end(1)
        notebook.await_bar_beyond(1, 0.1)
        local.set_pace(20, server.data_dir)  # far from the end, however loaded the machine
        yield notebook
    embedded.reset()


@pytest.fixture
def notebook(running: Notebook, photographed: Callable[[Notebook], Notebook]) -> Iterator[Notebook]:
    yield photographed(running)
    running.page.emulate_media(reduced_motion="null", forced_colors="null", contrast="null")
    running.resize(1200)
    running.use({})


@pytest.mark.parametrize("media", [{"forced_colors": "active"}, {"contrast": "more"}], ids=["forced", "more"])
def test_in_high_contrast_the_bar_the_signs_the_borders_and_the_focus_are_seen(
    notebook: Notebook, media: dict[str, Any]
) -> None:
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


def test_nothing_moves_from_one_tick_to_the_next(notebook: Notebook) -> None:
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


def test_nothing_moves_for_those_who_ask_for_that(notebook: Notebook) -> None:
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


@pytest.mark.parametrize("settings", [{}, DARK], ids=["light", "dark"])
def test_the_card_fits_a_narrow_window_in_both_themes(notebook: Notebook, settings: dict[str, Any]) -> None:
    notebook.use(settings)
    notebook.resize(600, 800)
    sizes = notebook.measure(
        1,
        ".lro-card, .lro-card *",
        "(_, all) => all.map(element => [element.scrollWidth, element.clientWidth, element.className])",
    )
    assert not [size for size in sizes if size[1] and size[0] > size[1] + 1]
    colours = notebook.measure(
        1,
        ".lro-numbers",
        "line => [getComputedStyle(line).color,"
        " getComputedStyle(document.querySelector('.jp-Notebook')).backgroundColor]",
    )
    assert colours[0] != colours[1]
