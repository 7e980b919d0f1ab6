"""The form of the recipes of the cookbook; tests/test_docs.py runs them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from docs_pages import DOCS, fenced, read

if TYPE_CHECKING:
    from lro_notebook.testing import LroService

PAGE = DOCS / "cookbook.md"


@pytest.mark.service
@pytest.mark.filterwarnings("ignore::lro_notebook.TruncatedListsWarning")  # names are lists
def test_the_recipe_for_pytest_holds(lro_service: LroService) -> None:
    (block,) = [block for block in fenced(PAGE, "python") if block.startswith("def test_")]
    names: dict[str, Any] = {}
    exec(block, names)  # noqa: S102 - our own page
    (test,) = [value for name, value in names.items() if name.startswith("test_")]
    test(lro_service)
    assert not lro_service.to_come


def test_every_recipe_is_a_question_with_short_code_and_one_link_for_more() -> None:
    recipes = re.split(r"^### ", read(PAGE), flags=re.MULTILINE)[1:]
    assert len(recipes) >= 20
    for recipe in recipes:
        question, _, answer = recipe.partition("\n")
        answer = answer.partition("\n## ")[0]
        assert question.endswith("?"), question
        (code,) = re.findall(r"^```python\n(.*?)^```$", answer, re.MULTILINE | re.DOTALL)
        assert 2 <= len([line for line in code.splitlines() if line.strip()]) <= 15, question
        assert len(re.findall(r"More:\s+\[[^\]]+\]\([^)]+\)\.$", answer.strip())) == 1, question
