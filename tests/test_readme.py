"""README can be followed: its names exist, its links lead somewhere, and it stays short."""

from __future__ import annotations

import re
from typing import Any

import pytest
from places import ROOT

import lro_notebook as lro

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = ["README.md", "docs/comparison.md", "docs/measured.md", "docs/migration.md"]
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")
#: What the names in README's lines stand for.
OWNERS: dict[str, Any] = {
    "lro": lro,
    "lro.local": lro.local,
    "ds": lro.Dataset,
    "store": lro.FhirStore,
    "op": lro.Operation,
    "results": lro.Results,
}
CALLED = re.compile(r"\b(lro\.local|lro|ds|store|op|results)\.(\w+)")


def anchors(text: str) -> set[str]:
    """Return the anchors of a page, as code forges make them of its headings."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def test_every_name_in_its_lines_exists() -> None:
    lines = [found for code in re.findall(r"`([^`\n]+)`", README) for found in CALLED.findall(code)]
    assert len(lines) > 20
    assert [f"{owner}.{name}" for owner, name in lines if not hasattr(OWNERS[owner], name)] == []


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_to_a_heading_that_is_there(name: str) -> None:
    page = ROOT / name
    for path, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), path
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), f"{path}#{anchor}"


def test_it_begins_with_a_sentence_the_picture_and_the_lines_and_stays_short() -> None:
    lines = README.splitlines()
    assert lines[2].count(".") == 1
    assert README.index("docs/images/run-light.gif") < README.index("```python") < README.index("pip install")
    assert len(lines) < 140
