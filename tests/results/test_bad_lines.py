"""Many bad lines and many blank ones: the first are listed, the others counted, in little memory."""

from __future__ import annotations

import gzip
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from results.limited import LIMITED, bad, loaded, read_in_little_memory

from lro_notebook.errors import BadLinesWarning
from lro_notebook.results.arrow import line_blocks as blocks
from lro_notebook.results.load_place import read

if TYPE_CHECKING:
    from pathlib import Path

VIEW = {"resource": "Patient", "select": [{"column": [{"name": "id", "path": "id"}]}]}


def test_millions_of_bad_lines_are_counted(tmp_path: Path) -> None:
    assert "bad_lines" in LIMITED
    (tmp_path / "T.000.ndjson.gz").write_bytes(gzip.compress(b'{"id":"a"}\n' + b"x\n" * 2_500_000))
    found = read_in_little_memory(tmp_path, 300_000_000)
    assert found[0] == "1"
    assert len(found) == 10_001
    assert found[1] == "2: not valid JSON"


def test_a_hundred_million_blank_lines(tmp_path: Path) -> None:
    (tmp_path / "T.000.ndjson.gz").write_bytes(gzip.compress(b"\n" * 100_000_000 + b'{"id":"a"}\nx\n'))
    found = read_in_little_memory(tmp_path, 600_000_000)
    assert found == ["1", "100000002: not valid JSON"]


@pytest.mark.parametrize("size", [30, 10_000])
def test_the_rest_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(blocks.blocks, "__kwdefaults__", {"first": size, "size": size})
    text = '{"id":"a"}\n\n \t\r\n' + 'x\n{"id":\n[1]\n' * 10 + '{"id":"b"}\n'
    (tmp_path / "Patient.000.ndjson").write_text(text)
    results = read(tmp_path, limits={"bad_lines": 4})
    with pytest.warns(
        BadLinesWarning, match=r"bad lines in Patient: 30, .* lists the first ones, and 26 more"
    ):
        assert results["Patient"]["id"].tolist() == ["a", "b"]
    assert [number for number, _ in bad(results)] == [4, 5, 6, 7]
    assert list(results.bad_lines.columns) == ["file", "line", "reason"]
    assert results.bad_lines.attrs["more"] == 26
    assert ">30<" in results._repr_html_()
    with pytest.warns(BadLinesWarning, match="bad lines in Patient: 30"):
        assert len(results.view(VIEW)) == 2
    everything = loaded(tmp_path)
    assert len(bad(everything)) == 30
    assert everything.bad_lines.attrs["more"] == 0


def test_parquet_counts_them_too(tmp_path: Path) -> None:
    (tmp_path / "Patient.000.ndjson").write_text('{"id":"a"}\n' + "x\n" * 10)
    results: Any = read(tmp_path, limits={"bad_lines": 4})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BadLinesWarning)
        results.to_parquet(tmp_path / "parquet")
        assert (len(results.bad_lines), results.bad_lines.attrs["more"]) == (4, 6)
