"""The table of the documentation is that of the ready views."""

from __future__ import annotations

from lro_notebook import View
from scripts import view_columns


def test_the_columns_of_the_docs_are_those_of_the_ready_views() -> None:
    text = view_columns.PAGE.read_text(encoding="utf-8")
    assert view_columns.page(text) == text, "run scripts/view_columns.py"
    assert [name for name in View.names() if f"\n| {name} | `id`, " not in text] == []
