"""The table of many operations in JupyterLab: pages, the keyboard, a narrow window."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from browser.playing import OperationsApi

if TYPE_CHECKING:
    from collections.abc import Iterator

    from browser.conftest import Open
    from browser.lab import Notebook

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

COUNT = 60


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
        "import lro_notebook as lro\nfrom lro_notebook.jupyter.shown import Operations\n"
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
    notebook.page.wait_for_timeout(500)
    output = notebook.output(1)
    output.get_by_role("button", name="›").focus()  # noqa: RUF001 - the button's sign
    notebook.page.keyboard.press("Enter")
    notebook.await_text(1, "51-60 of 60")
    assert output.locator(".lro-card tbody tr").count() == 10
    output.get_by_label("Sort").select_option("failures")
    notebook.await_text(1, "1-50 of 60")
    assert "ward-59" in output.locator(".lro-card tbody tr").first.inner_text()
    output.get_by_role("button", name="Choose…").focus()
    notebook.page.keyboard.press("Space")
    notebook.await_text(1, "Cancel 0 chosen")
    output.locator("select[multiple]").focus()
    notebook.page.keyboard.press("Home")
    notebook.await_text(1, "Cancel 1 chosen")
    output.locator("select[multiple]").select_option(index=[0, 1])
    notebook.await_text(1, "Cancel 2 chosen")
    notebook.click(1, "Cancel 2 chosen")
    notebook.await_text(1, "2 cancelling")
    cancelled = {name for name, found in api.operations.items() if "cancelRequested" in found["metadata"]}
    assert cancelled == {"operations/59", "operations/58"}
    assert notebook.prompt(2) == "[*]:"
    for found in api.operations.values():
        found |= {"done": True, "response": {}}
    notebook.await_end(2)
    notebook.await_text(1, f"{COUNT} operations: {COUNT} succeeded")
    assert output.locator("button:visible, select:visible").count() == 0


def test_no_heading_is_broken_and_nothing_is_cut_at_600_pixels(notebook: Notebook) -> None:
    output = notebook.output(1)
    heads = output.locator(".lro-card thead th")
    assert heads.all_inner_texts() == ["State", "Method", "Target", "Progress", "Rate", "Elapsed", "Failed"]
    heights = heads.evaluate_all("cells => cells.map(cell => cell.getBoundingClientRect().height)")
    assert max(heights) < 30
    frame = output.locator(".lro-card .lro-scroll")
    assert frame.evaluate("box => box.clientWidth") <= 600
    assert frame.evaluate("box => box.scrollWidth <= box.clientWidth + 1")
