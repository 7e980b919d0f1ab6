"""The same frames from every pandas that pyproject.toml admits; ``make test-lowest`` has the oldest."""

from __future__ import annotations

import json
import warnings
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

import lro_notebook as lro
from lro_notebook.reports.frames import OPERATION_DTYPES, typed
from lro_notebook.results.comparison.compare import Comparison
from lro_notebook.views.events import Events

if TYPE_CHECKING:
    from lro_notebook.results.results import Results

PAGE = Path(__file__).parents[2] / "docs" / "results.md"
LATE = datetime(2999, 12, 31, 23, 59, 59, tzinfo=UTC)
ROWS = [
    {
        "resourceType": "Patient",
        "id": "a",
        "active": True,
        "birthDate": "1950-01-02",
        "deceasedDateTime": "2999-12-31T23:59:59Z",
        "multipleBirthInteger": 2,
        "score": 1.25,
        "name": [{"family": "É", "given": ["A", "B"]}],
    },
    {"resourceType": "Patient", "id": "b", "birthDate": "9999-12-31"},
]
#: Column -> its dtype, and its values as Python has them.
GOLDEN: dict[str, tuple[str, list[Any]]] = {
    "resourceType": ("string[pyarrow]", ["Patient", "Patient"]),
    "id": ("string[pyarrow]", ["a", "b"]),
    "active": ("bool[pyarrow]", [True, None]),
    "birthDate": (
        "timestamp[us, tz=UTC][pyarrow]",
        [datetime(1950, 1, 2, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)],
    ),
    "deceasedDateTime": ("timestamp[us, tz=UTC][pyarrow]", [LATE, None]),
    "multipleBirthInteger": ("int64[pyarrow]", [2, None]),
    "score": ("decimal128(3, 2)[pyarrow]", [Decimal("1.25"), None]),
    "name": (
        "list<item: struct<family: string, given: list<item: string>>>[pyarrow]",
        [[{"family": "É", "given": ["A", "B"]}], None],
    ),
}


@pytest.fixture
def results(tmp_path: Path) -> Results:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "Patient.ndjson").write_text("\n".join(map(json.dumps, ROWS)), encoding="utf-8")
    return lro.read_results(folder, parse_dates=True, decimals="exact", lists="nested")


def test_a_table_has_these_types_and_values(results: Results) -> None:
    frame = results["Patient"]
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == {
        name: dtype for name, (dtype, _) in GOLDEN.items()
    }
    assert {name: frame[name].array.__arrow_array__().to_pylist() for name in frame} == {
        name: values for name, (_, values) in GOLDEN.items()
    }


def test_dates_past_2262_are_dates(results: Results) -> None:
    frame = results["Patient"]
    late = frame["deceasedDateTime"]
    assert late.dt.year.tolist()[0] == 2999
    assert late.dt.date.tolist()[0] == date(2999, 12, 31)
    assert (late > pd.Timestamp("2500-01-01", tz="UTC")).tolist()[0] is True
    assert frame.sort_values("birthDate", ascending=False)["id"].tolist() == ["b", "a"]
    assert frame.groupby(frame["birthDate"].dt.year).size().to_dict() == {1950: 1, 9999: 1}
    assert frame["birthDate"].max() == pd.Timestamp(datetime(9999, 12, 31, tzinfo=UTC))


def test_frames_of_operations_hold_them_too() -> None:
    frame = typed(
        [{"created": LATE, "ended": None, "elapsed": LATE - datetime(1, 1, 1, tzinfo=UTC)}], OPERATION_DTYPES
    )
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == dict(OPERATION_DTYPES)
    assert frame["created"].tolist() == [LATE]
    assert frame["elapsed"].tolist() == [LATE - datetime(1, 1, 1, tzinfo=UTC)]


def test_the_recipes_of_the_docs_do_the_same_everywhere(results: Results) -> None:
    section = PAGE.read_text(encoding="utf-8").partition("## On each version of pandas")[2]
    code = section.partition("```python\n")[2].partition("```")[0]
    space: dict[str, Any] = {"results": results}
    exec(code, space)  # noqa: S102 - it is ours
    assert list(space["text"]) == ["resourceType", "id"]
    assert list(space["numbers"]) == ["multipleBirthInteger"]
    assert list(space["dates"]) == ["birthDate", "deceasedDateTime"]
    assert str(space["born"].dtype) == "datetime64[us, UTC]"
    assert space["born"].tolist() == GOLDEN["birthDate"][1]


def test_what_pandas_makes_of_our_frames_is_made_without_a_warning() -> None:
    plain = pd.DataFrame({"patient": ["b", "a"], "value": [2.0, 1.0]})
    for given, made in ((Events(plain), Events), (Comparison(plain), pd.DataFrame)):
        given.attrs["undated"] = {"Claim": 1}
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            frames = [
                given[given["value"] > 1],
                given[["value"]],
                given.copy(),
                given.sort_values("patient"),
                given.assign(more=1),
                given.reset_index(),
                given.T,
                given.groupby("patient").first(),
                given.merge(plain, on="patient"),
                pd.concat([given, given]),
            ]
        assert {type(frame) for frame in frames} == {made}
        assert frames[0].attrs == frames[3].attrs == {"undated": {"Claim": 1}}
        assert frames[3]["value"].tolist() == [1.0, 2.0]
        assert type(given["value"]) is pd.Series
