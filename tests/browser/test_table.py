"""The table of 200 operations in JupyterLab: pages, the keyboard, a narrow window."""

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
