"""The style sheets: read once, complete for what the html uses, and the same for live and saved cards."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import get_args

import pytest
from handles import NOW, running

from lro_notebook.jupyter import card_html, stylesheets, table_html
from lro_notebook.operations.resource import State

SHEETS = ("card", "contrast", "table")


@pytest.mark.parametrize("name", SHEETS)
def test_a_sheet_is_read_once_and_is_whole(name: str) -> None:
    sheet = stylesheets.read(name)
    assert stylesheets.read(name) is sheet
    assert sheet.count("{") == sheet.count("}") > 0
    assert "/*" not in sheet
    assert "<" not in sheet


@pytest.mark.parametrize("state", get_args(State))
@pytest.mark.parametrize("failed", [0, 3])
def test_a_state_has_one_colour_live_and_saved(state: State, failed: int) -> None:
    card = replace(running(), state=state, failed=failed)
    (name,) = re.findall(r'class="lro-(\w+)"', card_html.classed(card, "x"))
    colour = stylesheets.inline("card", f".lro-{name}")
    assert colour.startswith("color:color-mix(in srgb, ")
    assert f'style="{colour}"' in card_html.coloured(card, "x")


def test_a_saved_card_has_the_box_of_a_card_inline() -> None:
    box = stylesheets.inline("card", ".lro-snapshot")
    assert box == stylesheets.inline("card", ".lro-card")
    assert box.startswith("border:1px solid #8884;border-radius:6px;")
    assert '"' not in box
    assert f'style="{box};max-width:{card_html.NARROW}px"' in card_html.saved_card(running())
    assert f"max-width: {card_html.NARROW}px" in stylesheets.read("card")
    assert f"max-width: {card_html.WIDE}px" in stylesheets.read("card")


def test_a_saved_table_brings_the_sheet_of_a_live_one_and_is_legible_without_it() -> None:
    saved = table_html.saved_table([running()] * 2, NOW)
    assert stylesheets.style("table") in saved
    assert 'class="lro-table" cellpadding="3" style="width:100%;border-collapse:collapse;' in saved
    assert saved.count('class="n" align="right"') == 3 * 3
    assert saved.count('<tr valign="top">') == 2


def test_a_rule_that_is_missing_is_an_error() -> None:
    with pytest.raises(KeyError, match="lro-nothing"):
        stylesheets.inline("card", ".lro-nothing")
