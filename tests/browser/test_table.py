"""The table of many operations in JupyterLab: pages, the keyboard, narrow windows, and after the end."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from browser.lab import Notebook
from browser.playing import OperationsApi
from browser.server import write_notebook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from browser.browsers import Browser
    from browser.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser"), pytest.mark.timeout(180)]

COUNT = 120  # three pages, the last of 20
ROWS = ".lro-card tbody tr"


@pytest.fixture(scope="module")
def serving() -> Iterator[OperationsApi]:
    with OperationsApi() as serving:
        yield serving


@pytest.fixture
def api(serving: OperationsApi) -> OperationsApi:
    for number in range(COUNT):
        metadata = {
            "createTime": datetime.now(UTC).isoformat(),
            "apiMethodName": "google.cloud.healthcare.v1.fhir.FhirStoreService.ImportResources",
            "target": f"projects/p/locations/l/datasets/d/fhirStores/ward-{number}",
            "counter": {"pending": "100000", "success": "41200", "failure": str(number)},
        }
        serving.put(f"operations/{number}", metadata=metadata)
    return serving


@pytest.fixture(scope="module")
def opened(serving: OperationsApi, server: Server, browser: Browser) -> Iterator[Notebook]:
    """A notebook that the tests share; each makes its table anew, with a client of its own."""
    set_up = (
        "import lro_notebook as lro\nfrom lro_notebook.jupyter.operation_list import Operations\n"
        f"client = lro.Client({serving.endpoint!r})\n"
        f"ops = Operations(client.get(f'operations/{{n}}') for n in range({COUNT}))"
    )
    path = write_notebook(server.root / "table.ipynb", (set_up, "ops", "lro.wait(ops);", "ops[0]"))
    with Notebook(server, browser, path) as notebook:
        yield notebook


def finish_all(api: OperationsApi) -> None:
    for found in api.operations.values():
        found |= {"done": True, "response": {}}


@pytest.fixture
def notebook(
    api: OperationsApi, opened: Notebook, photographed: Callable[[Notebook], Notebook]
) -> Iterator[Notebook]:
    assert len(api.operations) == COUNT
    notebook = photographed(opened)
    notebook.resize(740, 1600)
    notebook.script("await app.commands.execute('notebook:clear-all-cell-outputs');")
    notebook.run_to_end(0)
    notebook.run_to_end(1)
    notebook.await_text(1, f"{COUNT} operations: {COUNT} running")
    yield notebook
    finish_all(api)
    notebook.run_to_end(2)  # until none is asked for any more


def test_the_keyboard_works_the_table_while_a_cell_waits(notebook: Notebook, api: OperationsApi) -> None:
    notebook.run(2)
    notebook.await_start(2)
    output, page = notebook.output(1), notebook.page
    focused = "document.activeElement.textContent"
    output.get_by_role("button", name="›").focus()  # noqa: RUF001 - the button's sign
    for shown, rows in (("51-100 of 120", 50), ("101-120 of 120", 20)):
        page.keyboard.press("Enter")
        notebook.await_text(1, shown)
        assert page.evaluate(focused) == "›"  # noqa: RUF001 - the button's sign
        notebook.measure(1, ROWS, "(_, all, rows) => all.length === rows || null", rows)
    output.get_by_label("Sort").select_option("failures")
    notebook.await_text(1, "1-50 of 120")
    notebook.measure(1, ROWS, "first => first.innerText.includes('ward-119') || null")
    output.get_by_role("button", name="Choose…").focus()
    page.keyboard.press("Space")
    notebook.await_text(1, "Cancel 0 chosen")
    # Plain arrows, and those with Shift, move between the cells in JupyterLab's command mode.
    output.get_by_label("Choose with Ctrl+click").focus()
    page.keyboard.press("Home")
    notebook.await_text(1, "Cancel 1 chosen")
    for _ in range(2):
        page.keyboard.press("Control+ArrowDown")
    page.keyboard.press("Control+Space")
    notebook.await_text(1, "Cancel 2 chosen")
    output.get_by_role("button", name="Cancel 2 chosen").focus()
    page.keyboard.press("Enter")
    notebook.await_text(1, "2 cancelling")
    cancelled = {name for name, found in api.operations.items() if "cancelRequested" in found["metadata"]}
    assert cancelled == {"operations/119", "operations/117"}
    assert notebook.prompt(2) == "[*]:"
    for found in api.operations.values():
        found |= {"done": True, "response": {}}
    notebook.await_end(2)
    notebook.await_text(1, f"{COUNT} operations: {COUNT} succeeded")
    assert page.evaluate(focused) == "Ended"


#: How far each cell and heading of a table that is seen stands out on the right.
_BEYOND = """table => {
    const right = table.closest('.lro-scroll').getBoundingClientRect().right;
    return [...table.querySelectorAll('th, td')].filter(one => one.getBoundingClientRect().width)
        .map(one => one.getBoundingClientRect().right - right);
}"""
#: Notes each height that the output takes, frame after frame.
_NOTE_HEIGHTS = """card => {
    const area = card.closest('.jp-Cell-outputWrapper');
    window.heights = [area.offsetHeight];
    const look = () => {
        if (!window.heights) return;
        if (area.offsetHeight !== window.heights.at(-1)) window.heights.push(area.offsetHeight);
        requestAnimationFrame(look);
    };
    look();
    return true;
}"""


def test_nothing_is_cut_in_windows_of_any_width_live_ended_and_saved(
    notebook: Notebook, api: OperationsApi
) -> None:
    def beyond(table: str) -> dict[int, float]:
        found = {}
        for width in (600, 800, 1200):
            notebook.resize(width)
            found[width] = max(notebook.measure(1, table, _BEYOND))
        return {width: most for width, most in found.items() if most > 1}

    assert not beyond(".lro-card .lro-table")
    finish_all(api)
    notebook.await_text(1, f"{COUNT} operations: {COUNT} succeeded")
    assert not beyond(".lro-card .lro-table")
    notebook.page.evaluate("document.querySelector('.lro-card').remove()")
    style = notebook.page.add_style_tag(content=".lro-snapshot { display: block !important; }")
    saved = beyond(".lro-snapshot .lro-table")
    style.evaluate("one => one.remove()")  # the page is used again
    assert not saved
    assert notebook.measure(1, ".lro-snapshot", "one => one.querySelectorAll('tbody tr').length") == COUNT


def test_the_table_keeps_its_height_while_operations_end_and_while_it_is_leafed_through(
    notebook: Notebook, api: OperationsApi
) -> None:
    notebook.resize(1200)
    notebook.run_to_end(3)  # a card below brings its style sheet after that of the table
    notebook.measure(3, ".lro-card progress", "() => true")
    assert notebook.measure(1, ".lro-many", "table => table.offsetHeight") == 420
    notebook.measure(1, ".lro-card", _NOTE_HEIGHTS)
    for part in range(4):
        for number in range(part * COUNT // 4, (part + 1) * COUNT // 4):
            api.operations[f"operations/{number}"] |= {"done": True, "response": {}}
        notebook.await_text(1, f"{(part + 1) * COUNT // 4} succeeded")
    notebook.await_text(1, f"{COUNT} operations: {COUNT} succeeded")
    notebook.output(1).get_by_label("State").select_option("failed")
    notebook.await_text(1, "none")
    heights = notebook.page.evaluate(
        "() => { const { heights } = window; delete window.heights; return heights; }"
    )
    assert len(heights) == 1


def test_after_the_end_pages_and_filter_live_on_and_a_saved_notebook_has_all_rows(
    notebook: Notebook, api: OperationsApi
) -> None:
    finish_all(api)
    api.operations["operations/7"] |= {"error": {"code": 5, "message": "no such bucket"}}
    del api.operations["operations/7"]["response"]
    notebook.await_text(1, f"{COUNT} operations: {COUNT - 1} succeeded")
    notebook.click(1, "›")  # noqa: RUF001 - the button's sign
    notebook.await_text(1, "51-100 of 120")
    notebook.output(1).get_by_label("State").select_option("failed")
    notebook.await_text(1, "1-1 of 1", "no such bucket")
    notebook.save()
    notebook.reopen()
    notebook.await_text(1, "1-1 of 1")
    notebook.save()
    notebook.restart()
    notebook.reopen()
    notebook.await_text(1, "ward-119")
    assert "odel not found" not in notebook.text(1)
    count, height = notebook.measure(
        1, ".lro-snapshot", "one => [one.querySelectorAll('tbody tr').length, one.offsetHeight]"
    )
    assert count == COUNT + 1
    assert height < 560


def test_three_are_chosen_and_cancelled_where_the_table_stood(notebook: Notebook, api: OperationsApi) -> None:
    notebook.resize(1200)
    notebook.click(1, "Choose…")
    notebook.await_text(1, "Cancel 0 chosen")
    output = notebook.output(1)
    chosen = output.get_by_label("Choose with Ctrl+click")
    chosen.select_option(index=[3, 5, 8])
    notebook.await_text(1, "Cancel 3 chosen")
    output.locator(".lro-card .lro-table").wait_for(state="hidden")
    places = notebook.measure(
        1,
        ".lro-card select, .lro-card button",
        """(_, all) => [all.find(one => one.multiple), all.find(one => one.textContent === 'Cancel 3 chosen')]
            .map(one => one.getBoundingClientRect().toJSON())""",
    )
    assert all(0 < place["top"] < place["bottom"] < 900 for place in places)
    assert places[0]["height"] > 250, "of 18 rows only some are seen"
    notebook.click(1, "Cancel 3 chosen")
    notebook.await_text(1, "3 cancelling")
    output.locator(".lro-card .lro-table").wait_for(state="visible")
    cancelled = {name for name, found in api.operations.items() if "cancelRequested" in found["metadata"]}
    assert cancelled == {"operations/3", "operations/5", "operations/8"}


def test_no_heading_is_broken_and_nothing_is_cut_at_600_pixels(notebook: Notebook) -> None:
    heads = notebook.measure(
        1,
        ".lro-card thead th",
        "(_, all) => all.map(cell => [cell.textContent, cell.getBoundingClientRect().height])",
    )
    names, heights = zip(*heads, strict=True)
    assert names == ("State", "Method", "Target", "Progress", "Rate", "Elapsed", "Failed")
    assert max(heights) < 30
    chosen = notebook.measure(1, "select", "(_, all) => all.map(one => one.offsetWidth)")
    assert min(chosen) > 95, "what is chosen is cut"
    bars = notebook.measure(1, ".lro-many", "box => getComputedStyle(box).scrollbarColor")
    assert bars.endswith("rgba(0, 0, 0, 0)"), "white on a dark page, in Firefox"
    # A border of the first row would be under the heading, which stays while rows scroll, in Firefox too.
    lines = notebook.measure(
        1,
        ".lro-card thead th",
        """cell => [getComputedStyle(cell).boxShadow,
            ...[...document.querySelectorAll('.lro-card tbody tr')].slice(0, 2)
                .map(row => getComputedStyle(row).borderTopWidth)]""",
    )
    assert lines[0].endswith("0px -1px 0px 0px inset")
    assert lines[1:] == ["0px", "1px"]
    inner, whole = notebook.measure(1, ".lro-card .lro-scroll", "box => [box.clientWidth, box.scrollWidth]")
    assert inner <= 600
    assert whole <= inner + 1
    width, height = notebook.measure(
        1, ".lro-card tbody td:nth-child(3)", "cell => [cell.offsetWidth, cell.offsetHeight]"
    )
    assert width > 70
    assert height < 60
    notebook.resize(600)
    cut = "(_, all) => all.filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.textContent)"
    assert notebook.measure(1, ".lro-card thead th", cut) == []
    notebook.page.emulate_media(contrast="more")
    same = "cell => getComputedStyle(cell).color === getComputedStyle(cell.querySelector('div')).color"
    assert notebook.measure(1, ".lro-card tbody td:nth-child(3)", same), "the id stands back in high contrast"
    notebook.page.emulate_media(contrast="null", forced_colors="active")  # which draws no shadows
    line = "cell => getComputedStyle(cell).borderBottomWidth"
    assert notebook.measure(1, ".lro-card thead th", line) == "1px"
    notebook.page.emulate_media(forced_colors="null")
