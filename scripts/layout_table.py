"""Write the table of docs/other-apis.md: what `op.load()` gives for each layout, from the rows of the tests.

Usage: PYTHONPATH=tests:notebooks:. python scripts/layout_table.py
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from layouts.table import LAYOUTS

from scripts.marked import replaced

if TYPE_CHECKING:
    from collections.abc import Iterable

    from layouts.layout import Layout

PAGE = Path(__file__).parents[1] / "docs" / "other-apis.md"


def table(layouts: Iterable[Layout]) -> str:
    """Return the layouts as Markdown."""
    layouts = sorted(layouts, key=lambda each: (each.api, each.method))
    head = [
        f"{len(layouts)} layouts of {len({each.api for each in layouts})} APIs:",
        "",
        "| API | method | tables | not in a table |",
        "|---|---|---|---|",
    ]
    return "\n".join([*head, *map(_line, layouts)])


def _line(layout: Layout) -> str:
    way = f", {layout.way}" if layout.way else ""
    names: dict[str, list[str]] = {}
    for name, each in layout.tables.items():
        names.setdefault(each.of, []).append(f"`{name}`")
    tables = "; ".join(f"{', '.join(those)}: {_rows(of)}" for of, those in names.items())
    tables = tables or "none: an error says what it is"
    return f"| {layout.api} | `{layout.method}`{way} | {tables} | {layout.aside} |"


def _rows(of: str) -> str:
    """Return what the rows of a table are: those of another table, or one for each of something."""
    return f"the rows of {of.removeprefix('row of ')}" if of.startswith("row of ") else f"a row per {of}"


def page(text: str) -> str:
    """Return the text of the page with the table of today."""
    return replaced(text, "layouts", table(LAYOUTS))


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"{PAGE}: {len(LAYOUTS)} layouts")
