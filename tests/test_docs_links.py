"""Every link, anchor and picture of README.md, docs/ and the notebooks is there; others are well formed.

`make docs` asks the same of the site; here it holds for the files as a forge shows them.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from docs_pages import DOCS, PAGES, read
from places import ROOT

if TYPE_CHECKING:
    from pathlib import Path

_FENCE = re.compile(r"^(`{3,})[^\n]*\n.*?^\1$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)", re.DOTALL)
_LINK = re.compile(r"\[[^\[\]]*(?:\[[^\]]*\][^\[\]]*)*\]\(([^()\s]*(?:\([^()\s]*\)[^()\s]*)*)\)")
_ATTRIBUTE = re.compile(r'<(?:img|source|a)\b[^>]*?\b(?:src|srcset|href)="([^"]+)"')
_REFERENCE = re.compile(r"\]\[([\w.]+)\]")
_NAMED = re.compile(r"^::: ([\w.]+)$", re.MULTILINE)
#: A part of a page that is only for one of the themes.
_THEMES = ("only-light", "only-dark")
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
FILES = [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *NOTEBOOKS]


@cache
def text(path: Path) -> str:
    """Return the Markdown of a file, without code."""
    content = read(path)
    if path.suffix == ".ipynb":
        cells = json.loads(content)["cells"]
        content = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    return _FENCE.sub("", content)


def links(path: Path) -> list[str]:
    plain = _CODE.sub("code", text(path))
    return _LINK.findall(plain) + _ATTRIBUTE.findall(plain)


@cache
def anchors(path: Path) -> frozenset[str]:
    """Return the anchors of headings, as both a forge and the site make them, and of the reference."""
    known: Counter[str] = Counter()
    made = set(_NAMED.findall(text(path)))
    for heading in re.findall(r"^#{1,6} (.+?)(?: \{[^}]*\})?$", text(path), re.MULTILINE):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        plain = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode()
        site = re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower())
        forge = re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", words.strip().lower()))
        if site == forge:  # others would work in one of the two places only
            made.add(f"{site}_{known[site]}" if known[site] else site)
        known[site] += 1
    return frozenset(made)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path: Path) -> None:
    wrong = []
    for link in links(path):
        address = urlsplit(link)
        if address.scheme:
            if address.scheme not in ("https", "mailto") or not (address.netloc or address.path):
                wrong.append(f"{link}: not https")
            elif address.scheme == "https" and not re.fullmatch(
                r"(?:[a-z0-9-]+\.)+[a-z]{2,}", address.netloc
            ):
                wrong.append(f"{link}: no name of a host")
            continue
        target = (path.parent / address.path).resolve() if address.path else path
        if not target.exists():
            wrong.append(f"{link}: no such file")
        elif target.suffix == ".md" and address.fragment not in {"", *_THEMES, *anchors(target)}:
            wrong.append(f"{link}: no such heading, or one that a forge and the site name otherwise")
    assert not wrong


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_picture_has_a_text_and_one_for_each_theme(path: Path) -> None:
    pictures = re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", text(path))
    assert all(len(said) > 15 for said, _ in pictures)
    themed = Counter(to.partition("#only-")[2] for _, to in pictures if "#only-" in to)
    assert themed["light"] == themed["dark"]


def test_every_name_that_a_page_refers_to_is_in_the_reference() -> None:
    shown = {name for page in (DOCS / "reference").glob("*.md") for name in _NAMED.findall(read(page))}
    wanted = {(page.name, name) for page in PAGES for name in _REFERENCE.findall(text(page))}
    assert wanted
    assert not {
        (page, name) for page, name in wanted if name not in shown and name.rpartition(".")[0] not in shown
    }


def test_no_page_is_left_out_of_the_navigation() -> None:
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    listed = set(re.findall(r"([\w./-]+\.md)$", nav, re.MULTILINE))
    notebooks = {f"examples/{path.stem}.md" for path in NOTEBOOKS}
    assert listed == {str(page.relative_to(DOCS)) for page in PAGES if DOCS in page.parents} | notebooks
