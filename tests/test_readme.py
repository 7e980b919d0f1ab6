"""README can be followed: its names exist, and it stays short."""

from __future__ import annotations

import re
from typing import Any

from places import ROOT

import lro_notebook as lro

README = (ROOT / "README.md").read_text(encoding="utf-8")
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


def test_every_name_in_its_lines_exists() -> None:
    lines = [found for code in re.findall(r"`([^`\n]+)`", README) for found in CALLED.findall(code)]
    assert len(lines) > 20
    assert [f"{owner}.{name}" for owner, name in lines if not hasattr(OWNERS[owner], name)] == []


def test_it_begins_with_a_sentence_the_picture_and_the_lines_and_stays_short() -> None:
    lines = README.splitlines()
    assert lines[2].count(".") == 1
    assert README.index("docs/images/run-light.gif") < README.index("```python") < README.index("pip install")
    assert len(lines) < 140
