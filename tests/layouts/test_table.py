"""The table of the documentation is that of the layouts."""

from __future__ import annotations

from layouts.table import LAYOUTS

from scripts import layout_table


def test_the_table_of_the_docs_is_that_of_the_layouts() -> None:
    text = layout_table.PAGE.read_text(encoding="utf-8")
    assert layout_table.page(text) == text, "run scripts/layout_table.py"
    assert sum(text.count(f"\n| {api} |") for api in {each.api for each in LAYOUTS}) == len(LAYOUTS)
