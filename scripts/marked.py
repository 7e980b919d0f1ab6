"""The parts of pages that scripts write, between two marks."""

from __future__ import annotations


def replaced(text: str, name: str, part: str) -> str:
    """Return the text of a page with `part` where the marks called `name` are, and the rest as it is."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n{part}\n{end}{after}"
