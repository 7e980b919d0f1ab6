"""A manifest that nests deep is one error, not that of Python's stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lro_notebook.errors import ResultError
from lro_notebook.results.load_place import read

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("depth", [1_000, 100_000])
def test_a_deep_manifest(tmp_path: Path, depth: int) -> None:
    nested = "[" * depth + "]" * depth
    text = f'{{"transactionTime":"2020-01-01T00:00:00Z","output":[],"extension":{nested}}}'
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ResultError, match=r"manifest\.json is nested too deep: more than 400 levels"):
        read(tmp_path / "manifest.json")
