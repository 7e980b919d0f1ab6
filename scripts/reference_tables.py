"""A hook of mkdocs: each page of the reference begins with what users call, a line each, from the docstrings.

A comment says which names, in the order of the table; `op` is what they are called on in the examples:

    <!-- names: op = lro_notebook.Operation: load, wait, state -->
"""

from __future__ import annotations

import importlib
import inspect
import re
from typing import Any

_ASKED = re.compile(r"<!-- names: (?:(?P<on>\w+) = )?(?P<owner>[\w.]+): (?P<names>[\w, \n]+?) -->")


def table(on: str | None, owner: str, names: list[str]) -> str:
    """Return a Markdown table with a row for each name: how it is called, the first line of its docstring."""
    module, _, kind = owner.rpartition(".") if owner.rpartition(".")[2][0].isupper() else (owner, "", "")
    holder = importlib.import_module(module)
    holder = getattr(holder, kind) if kind else holder
    rows = [f"| [`{_call(on, holder, name)}`][{owner}.{name}] | {_line(holder, name)} |" for name in names]
    return "\n".join(["| name | what it does |", "|---|---|", *rows])


def _call(on: str | None, holder: Any, name: str) -> str:
    member = inspect.getattr_static(holder, name, None)
    called = inspect.isroutine(member) and not isinstance(member, type)
    return (f"{on}." if on else "") + name + ("(…)" if called else "")


def _line(holder: Any, name: str) -> str:
    said = inspect.getdoc(getattr(holder, name, None)) if hasattr(holder, name) else None
    if not said:
        message = (
            f"{holder.__name__}.{name} is not there, or has no docstring; the table of the reference names it"
        )
        raise LookupError(message)
    line = " ".join(said.partition("\n\n")[0].split())
    return re.sub(r"``([^`]+)``", r"`\1`", line).replace("|", "\\|")


def on_page_markdown(markdown: str, **_: object) -> str:
    """Put a table in place of each comment."""
    return _ASKED.sub(
        lambda asked: table(asked["on"], asked["owner"], re.split(r",\s*", asked["names"].strip())), markdown
    )
