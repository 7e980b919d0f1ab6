"""Write the table of methods of docs/fidelity.md, from the table in code that the service answers by.

Usage: PYTHONPATH=. python scripts/fidelity_table.py
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from lro_notebook.local.discovery.fidelity import Row, rows
from scripts.marked import replaced

if TYPE_CHECKING:
    from collections.abc import Iterable

PAGE = Path(__file__).parents[1] / "docs" / "fidelity.md"


def table(methods: Iterable[Row]) -> str:
    """Return the methods as Markdown; those of a resource of which the same is said share a line."""
    methods = sorted(methods, key=lambda row: (_resource(row), not row.is_served, row.sure, row.note))
    served = sum(row.is_served for row in methods)
    counts = f"{served} of the {len(methods)} methods are served; {len(methods) - served} answer 501."
    head = [
        f"{counts} Those with ¹ exist in v1beta1 alone: in v1 they answer 404.",
        "",
        "| resource | methods | here | how sure | what differs, or why not |",
        "|---|---|---|---|---|",
    ]
    alike = groupby(methods, key=lambda row: (_resource(row), row.is_served, row.sure, row.note))
    return "\n".join([*head, *(_line(list(group)) for _, group in alike)])


def _line(group: list[Row]) -> str:
    first = group[0]
    names = ", ".join(f"`{_name(row)}`{'' if 'v1' in row.versions else '¹'}" for row in group)
    here = "served" if first.is_served else "501"
    return f"| `{_resource(first)}` | {names} | {here} | {first.sure} | {first.note} |"


def _resource(row: Row) -> str:
    """Return the resource of a method, without the datasets that all are in."""
    resource = row.method.rpartition(".")[0]
    return resource.removeprefix("datasets.") or "locations"


def _name(row: Row) -> str:
    return row.method.rpartition(".")[2]


def page(text: str) -> str:
    """Return the text of the page with the table of today."""
    return replaced(text, "methods", table(rows()))


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"{PAGE}: {len(rows())} methods")
