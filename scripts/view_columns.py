"""Write the table of docs/views.md: the columns of each ready view, from the views themselves.

Usage: PYTHONPATH=. python scripts/view_columns.py
"""

from __future__ import annotations

from pathlib import Path

from lro_notebook import View
from scripts.marked import replaced

PAGE = Path(__file__).parents[1] / "docs" / "views.md"


def table() -> str:
    """Return the columns of every ready view as Markdown."""
    names = View.names()
    lines = [
        f"The {len(names)} ready views, and their columns in order:",
        "",
        "| view | columns |",
        "|---|---|",
    ]
    for name in names:
        columns = ", ".join(f"`{column}`" for column in View(name).columns)
        lines.append(f"| {name} | {columns} |")
    return "\n".join(lines)


def page(text: str) -> str:
    """Return the text of the page with the table of today."""
    return replaced(text, "columns", table())


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"{PAGE}: {len(View.names())} views")
