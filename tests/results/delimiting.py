"""Files of delimited values, written for a test and read as shards of one table."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import LroWarning
from lro_notebook.results.formats.delimited.reader import DELIMITED
from lro_notebook.results.load_place import options_of
from lro_notebook.results.location import locate
from lro_notebook.results.results import Results
from lro_notebook.results.shards import Shard
from lro_notebook.results.sources.files import Files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def load(folder: Path, files: Mapping[str, bytes | str], **options: Any) -> Results:
    """Return the table ``t`` of `files`, written to `folder` and read without warnings."""
    shards = []
    for name, content in files.items():
        data = content.encode() if isinstance(content, str) else content
        path = folder / name
        path.write_bytes(data)
        shards.append(Shard(str(path), str(path), "t", len(data), format=DELIMITED))
    results = Results(Files(locate(folder)), shards, options_of(**options))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LroWarning)
        results["t"]
    return results


def bad(results: Results) -> list[tuple[int | None, str]]:
    """Return number and reason of each bad line."""
    frame = results.bad_lines
    return [
        (None if line is None else int(line), reason)
        for line, reason in zip(
            frame["line"].astype(object).where(frame["line"].notna(), None), frame["reason"], strict=True
        )
    ]
