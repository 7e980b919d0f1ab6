"""The pages of the documentation, and how their code is run."""

from __future__ import annotations

import re
import warnings
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from places import ROOT

import lro_notebook as lro

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
#: What a block begins with that is compiled alone: it needs an account, or is a file of somebody's project.
COMPILED = re.compile(r"# (on Google Cloud|\w+\.py)$", re.MULTILINE)


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def fenced(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", read(page), re.MULTILINE | re.DOTALL)


def run(
    page: Path, names: dict[str, Any], addresses: Mapping[str, str] = MappingProxyType({})
) -> dict[str, Any]:
    """Run the Python of a page, block after block, in `names`; `addresses` take the place of others."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", lro.LroWarning)
        for number, block in enumerate(fenced(page, "python"), start=1):
            text = block
            for address, other in addresses.items():
                text = text.replace(address, other)
            code = compile(text, f"{page.name}, block {number}", "exec")
            if not COMPILED.match(block):
                exec(code, names)  # noqa: S102 - our own pages
    return names
