"""Voila: a notebook as a page without code, whose kernel lives on behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from browser.server import write_notebook

if TYPE_CHECKING:
    from collections.abc import Callable

    from browser.browsers import Browser
    from browser.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.service, pytest.mark.xdist_group("browser")]

CODE = """\
import lro_notebook as lro
store = lro.connect().fhir_store("voila").create(exist_ok=True)
op = store.import_from("gs://lro-sample/fhir/*.ndjson")
"""


def test_the_card_lives_in_a_voila_page_and_can_be_cancelled_there(
    server: Server, browser: Browser, pace: Callable[[float | None], None]
) -> None:
    pace(300)
    write_notebook(server.root / "voila.ipynb", [CODE])
    with browser.page() as page:
        page.goto(f"{server.url}/voila/render/voila.ipynb")
        button = page.get_by_role("button", name="Cancel")
        button.wait_for(timeout=60_000)
        page.wait_for_function("() => document.querySelector('.lro-card progress')?.value > 0", polling=50)
        button.click()
        page.get_by_text("Cancelled", exact=True).first.wait_for(timeout=20_000)
        button.wait_for(state="hidden")
