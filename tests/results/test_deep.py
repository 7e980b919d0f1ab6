"""Lines that nest deep: the same ones are bad, and every other one is there, however a table is read."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from lro_notebook.errors import LroWarning
from lro_notebook.results.arrow import line_blocks as blocks
from lro_notebook.results.limits import MAX_NESTING
from lro_notebook.results.load_place import read

if TYPE_CHECKING:
    from pathlib import Path

    from lro_notebook.results.results import Results

REASON = "nested too deep: more than 400 levels"
DEPTHS = (99, 101, 254, 399, 400, 401, 500, 700, 990, 1023, 1024, 1025, 5000)
VIEW = {"resource": "Patient", "select": [{"column": [{"name": "id", "path": "id"}]}]}


def nested(depth: int, kind: str, key: str) -> str:
    """Return a Patient whose brackets nest exactly `depth` levels deep."""
    start, end = ("[", "]") if kind == "list" else ('{"a":', "}")
    inner = start * (depth - 1) + "1" + end * (depth - 1)
    return json.dumps({"resourceType": "Patient", "id": f"{kind}{depth}"})[:-1] + f',"{key}":{inner}}}'


@pytest.fixture(params=["one block", "many blocks"])
def results(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that reads a file in which every second line nests."""
    lines = []
    for number, depth in enumerate(DEPTHS):
        for kind in ("list", "object"):
            plain = {"resourceType": "Patient", "id": f"plain{number}{kind}"}
            lines += [json.dumps(plain), nested(depth, kind, "x")]
    (tmp_path / "Patient.000.ndjson").write_text("\n".join(lines) + "\n")

    def run(**options: Any) -> Results:
        if request.param == "many blocks":
            # With a table for each of 100 levels, a block is much work: six of them instead of thirty.
            size = 6000 if options.get("lists") == "explode" else 300
            monkeypatch.setattr(blocks.blocks, "__kwdefaults__", {"first": size, "size": size})
        return read(tmp_path, **options)

    return run


BAD = [2 * place + 2 for place in range(2 * len(DEPTHS)) if DEPTHS[place // 2] > MAX_NESTING]
IDS = [
    name
    for number, depth in enumerate(DEPTHS)
    for kind in ("list", "object")
    for name in (f"plain{number}{kind}", *([f"{kind}{depth}"] if depth <= MAX_NESTING else ()))
]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"decimals": "exact"},
        {"decimals": "text"},
        {"lists": "nested"},
        {"lists": "explode"},
        {"columns": ["id"]},
    ],
    ids=str,
)
def test_tables(results: Any, options: dict[str, Any]) -> None:
    found = results(**options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LroWarning)
        assert found.arrow("Patient")["id"].to_pylist() == IDS
        bad = found.bad_lines
    assert bad["line"].tolist() == BAD
    assert set(bad["reason"]) == {REASON}


@pytest.mark.filterwarnings("ignore::lro_notebook.LroWarning")
def test_parquet_dask_and_views(results: Any, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    results().to_parquet(tmp_path / "parquet")
    file = tmp_path / "parquet" / "Patient" / "part-00000.parquet"
    assert pq.ParquetFile(file).read(["id"])["id"].to_pylist() == IDS
    pytest.importorskip("dask.dataframe", reason="dask is not installed")
    assert results().dask("Patient")["id"].compute().tolist() == IDS
    assert results().view(VIEW)["id"].tolist() == IDS
    results().scan(VIEW).to_parquet(tmp_path / "view.parquet")
    assert pq.ParquetFile(tmp_path / "view.parquet").read()["id"].to_pylist() == IDS


def test_brackets_in_text_do_not_nest(tmp_path: Path) -> None:
    line = json.dumps({"id": "a", "text": '{["' * 3000})
    (tmp_path / "Patient.000.ndjson").write_text(line + "\n" + line + "\n")
    assert len(read(tmp_path)["Patient"]) == 2
