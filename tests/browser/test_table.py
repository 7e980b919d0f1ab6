"""The table of 200 operations in JupyterLab: pages, the keyboard, narrow windows, and after the end."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from browser.playing import OperationsApi

if TYPE_CHECKING:
    from collections.abc import Iterator

    from browser.conftest import Open
    from browser.lab import Notebook

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser"), pytest.mark.timeout(180)]

COUNT = 200


@pytest.fixture
def api() -> Iterator[OperationsApi]:
    with OperationsApi() as serving:
        for number in range(COUNT):
            metadata = {
                "createTime": datetime.now(UTC).isoformat(),
                "apiMethodName": "google.cloud.healthcare.v1.fhir.FhirStoreService.ImportResources",
                "target": f"projects/p/locations/l/datasets/d/fhirStores/ward-{number}",
                "counter": {"pending": "100000", "success": "41200", "failure": str(number)},
            }
            serving.put(f"operations/{number}", metadata=metadata)
        yield serving


@pytest.fixture
def notebook(api: OperationsApi, open_notebook: Open) -> Notebook:
    set_up = (
        "import lro_notebook as lro\nfrom lro_notebook.jupyter.operation_list import Operations\n"
        f"client = lro.Client({api.endpoint!r})\n"
        f"ops = Operations(client.get(f'operations/{{n}}') for n in range({COUNT}))"
    )
    opened = open_notebook(set_up, "ops", "lro.wait(ops);", size=(740, 1600))
    opened.run_to_end(0)
    opened.run_to_end(1)
    opened.await_text(1, f"{COUNT} operations: {COUNT} running")
    return opened


def test_the_keyboard_works_the_table_while_a_cell_waits(notebook: Notebook, api: OperationsApi) -> None:
    notebook.run(2)
    notebook.await_start(2)
    output, page = notebook.output(1), notebook.page
    focused = "document.activeElement.textContent"
    output.get_by_role("button", name="›").focus()  # noqa: RUF001 - the button's sign
    for shown in ("51-100 of 200", "101-150 of 200", "151-200 of 200"):
        page.keyboard.press("Enter")
        notebook.await_text(1, shown)
        assert page.evaluate(focused) == "›"  # noqa: RUF001 - the button's sign
    assert output.locator(".lro-card tbody tr").count() == 50
    output.get_by_label("Sort").select_option("failures")
    notebook.await_text(1, "1-50 of 200")
    assert "ward-199" in output.locator(".lro-card tbody tr").first.inner_text()
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
    assert cancelled == {"operations/199", "operations/197"}
    assert notebook.prompt(2) == "[*]:"
    for found in api.operations.values():
        found |= {"done": True, "response": {}}
    notebook.await_end(2)
    notebook.await_text(1, f"{COUNT} operations: {COUNT} succeeded")
    assert page.evaluate(focused) == "Ended"


def finish_all(api: OperationsApi) -> None:
    for found in api.operations.values():
        found |= {"done": True, "response": {}}


#: Of the table that is seen: how far each cell and heading that is seen stands out on the right; in one step,
#: because the table is drawn anew.
_BEYOND = """area => {
    const table = [...area.querySelectorAll('.lro-table')].find(one => one.checkVisibility());
    const right = table.closest('.lro-scroll').getBoundingClientRect().right;
    return [...table.querySelectorAll('th, td')].filter(one => one.getBoundingClientRect().width)
        .map(one => one.getBoundingClientRect().right - right);
}"""
#: Notes each height that the output takes, frame after frame.
_NOTE_HEIGHTS = """area => {
    window.heights = [area.offsetHeight];
    const look = () => {
        if (area.offsetHeight !== window.heights.at(-1)) window.heights.push(area.offsetHeight);
        requestAnimationFrame(look);
    };
    look();
}"""


@pytest.mark.parametrize("width", [600, 800, 1200])
def test_nothing_is_cut_in_windows_of_any_width_live_ended_and_saved(
    notebook: Notebook, api: OperationsApi, width: int
) -> None:
    output = notebook.output(1)
    notebook.page.set_viewport_size({"width": width, "height": 900})
    for ended in (False, True):
        if ended:
            finish_all(api)
            notebook.await_text(1, f"{COUNT} operations: {COUNT} succeeded")
        assert max(output.evaluate(_BEYOND)) <= 1
    notebook.page.evaluate("document.querySelector('.lro-card').remove()")
    output.locator(".lro-card").wait_for(state="detached")
    style = notebook.page.add_style_tag(content=".lro-snapshot { display: block !important; }")
    beyond = output.evaluate(_BEYOND)
    style.evaluate("one => one.remove()")  # the page is used again
    assert max(beyond) <= 1
    assert output.locator(".lro-snapshot tbody tr").count() == COUNT


def test_the_table_keeps_its_height_while_operations_end_and_while_it_is_leafed_through(
    notebook: Notebook, api: OperationsApi
) -> None:
    notebook.page.set_viewport_size({"width": 1200, "height": 900})
    output = notebook.output(1)
    notebook.page.wait_for_function("document.querySelector('.lro-card').offsetWidth > 700")
    output.evaluate(_NOTE_HEIGHTS)
    for part in range(4):
        for number in range(part * 50, part * 50 + 50):
            api.operations[f"operations/{number}"] |= {"done": True, "response": {}}
        notebook.await_text(1, f"{50 * part + 50} succeeded")
    notebook.await_text(1, f"{COUNT} operations: {COUNT} succeeded")
    output.get_by_label("State").select_option("failed")
    notebook.await_text(1, "none")
    assert len(notebook.page.evaluate("window.heights")) == 1


def test_after_the_end_pages_and_filter_live_on_and_a_saved_notebook_has_all_rows(
    notebook: Notebook, api: OperationsApi
) -> None:
    finish_all(api)
    api.operations["operations/7"] |= {"error": {"code": 5, "message": "no such bucket"}}
    del api.operations["operations/7"]["response"]
    notebook.await_text(1, f"{COUNT} operations: {COUNT - 1} succeeded")
    notebook.click(1, "›")  # noqa: RUF001 - the button's sign
    notebook.await_text(1, "51-100 of 200")
    notebook.output(1).get_by_label("State").select_option("failed")
    notebook.await_text(1, "1-1 of 1")
    notebook.await_text(1, "no such bucket")
    notebook.save()
    notebook.reload()
    notebook.await_text(1, "1-1 of 1")
    notebook.save()
    notebook.script("await panel.sessionContext.session.kernel.restart();")
    notebook.reload()
    notebook.await_text(1, "ward-199")
    assert "odel not found" not in notebook.text(1)
    assert notebook.output(1).locator(".lro-snapshot tbody tr").count() == COUNT + 1
    assert notebook.output(1).locator(".lro-snapshot").bounding_box()["height"] < 560  # type: ignore[index]


def test_three_are_chosen_and_cancelled_where_the_table_stood(notebook: Notebook, api: OperationsApi) -> None:
    notebook.page.set_viewport_size({"width": 1200, "height": 900})
    notebook.click(1, "Choose…")
    notebook.await_text(1, "Cancel 0 chosen")
    output = notebook.output(1)
    chosen = output.get_by_label("Choose with Ctrl+click")
    chosen.select_option(index=[3, 5, 8])
    notebook.await_text(1, "Cancel 3 chosen")
    assert not output.locator(".lro-card .lro-table").is_visible()
    boxes = [
        chosen.bounding_box(),
        output.get_by_role("button", name="Cancel 3 chosen").bounding_box(),
    ]
    assert all(box is not None and 0 < box["y"] < 900 - box["height"] for box in boxes)
    notebook.click(1, "Cancel 3 chosen")
    notebook.await_text(1, "3 cancelling")
    assert output.locator(".lro-card .lro-table").is_visible()
    cancelled = {name for name, found in api.operations.items() if "cancelRequested" in found["metadata"]}
    assert cancelled == {"operations/3", "operations/5", "operations/8"}


def test_no_heading_is_broken_and_nothing_is_cut_at_600_pixels(notebook: Notebook) -> None:
    output = notebook.output(1)
    heads = output.locator(".lro-card thead th")
    assert heads.all_text_contents() == ["State", "Method", "Target", "Progress", "Rate", "Elapsed", "Failed"]
    heights = heads.evaluate_all("cells => cells.map(cell => cell.getBoundingClientRect().height)")
    assert max(heights) < 30
    frame = output.locator(".lro-card .lro-scroll")
    assert frame.evaluate("box => box.clientWidth") <= 600
    assert frame.evaluate("box => box.scrollWidth <= box.clientWidth + 1")
    target = output.locator(".lro-card tbody td:nth-child(3)").first
    # In one step: the table may be drawn anew between two.
    width, height = target.evaluate("cell => [cell.offsetWidth, cell.offsetHeight]")
    assert width > 70
    assert height < 60
