"""Many kinds of segments with many fields each: bounded over all of them, before any is a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from results.header import MSH

from lro_notebook.errors import ResultError
from lro_notebook.results.formats.hl7v2 import tables as hl7v2_tables
from lro_notebook.results.load_place import read

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, names: int, fields: int, part: str = "1") -> None:
    kinds = [f"Z{first}{second}" for first in "ABCDEFGHIJ" for second in "0123456789"]
    segments = "".join(name + f"|{part}" * fields + "\r" for name in kinds[:names])
    (folder / "m.hl7").write_text(MSH + segments)


@pytest.mark.parametrize(("names", "fields", "part"), [(60, 900, "1"), (60, 90, "1^1^1^1^1^1^1&1&1&1")])
def test_too_many_columns_over_all_segments(
    tmp_path: Path, names: int, fields: int, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, names, fields, part)
    made: list[object] = []

    def noted(*given: object) -> list[object]:
        made.append(given)
        return []

    monkeypatch.setattr(hl7v2_tables, "_fields", noted)
    with pytest.raises(ResultError, match=r"61 kinds of segments .* more than 20,000 columns together \(limits: all_columns\)"):  # fmt: skip  # noqa: E501
        read(tmp_path)["messages"]
    assert made == []


def test_the_limit_can_be_raised(tmp_path: Path) -> None:
    write(tmp_path, 5, 100)
    with pytest.raises(ResultError, match="more than 500 columns together"):
        read(tmp_path, limits={"all_columns": 500})["messages"]
    assert len(read(tmp_path, limits={"all_columns": 600})["ZA0"].columns) == 102
