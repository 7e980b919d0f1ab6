"""What axe-core, which knows the rules of accessibility, finds in the output of a cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from axe_playwright_python.sync_playwright import Axe

if TYPE_CHECKING:
    from browser.lab import Notebook


def violations(notebook: Notebook, cell: int) -> list[str]:
    """Return what axe-core finds in the output of a cell, with where it is.

    It notes all elements first and looks at them one after the other: what runs must stand still for it.
    """
    notebook.output(cell)
    found = Axe().run(notebook.page, context=f'[data-cell="{cell}"] .jp-Cell-outputWrapper')
    return [
        f"{rule['impact']}: {rule['id']}: {node['html'][:120]} ({node['failureSummary'][:200]})"
        for rule in found.response["violations"]
        for node in rule["nodes"]
    ]
