"""Folders of which all tables are read, and what is told of their lines."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import pandas as pd

import lro_notebook as lro
from lro_notebook.errors import LroWarning

if TYPE_CHECKING:
    from pathlib import Path

    from lro_notebook.results.results import Results


def loaded(folder: Path, **options: Any) -> Results:
    """Return results of which all tables are read; warnings of others than the package are errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LroWarning)
        results = lro.read_results(folder, **options)
        for name in results:
            results[name]
    return results


def bad(results: Results) -> list[tuple[int | None, str]]:
    return [
        (None if pd.isna(line) else int(line), reason)
        for line, reason in zip(results.bad_lines["line"], results.bad_lines["reason"], strict=True)
    ]
