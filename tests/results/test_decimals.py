"""``decimals="exact"``: the narrowest type that holds a column, so that pandas can calculate with it."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lro_notebook.results.arrow.decimals import bounds_of, dtype_of, least_places, to_decimals, whole_digits
from lro_notebook.results.arrow.infer_schema import DECIMAL
from lro_notebook.results.arrow.unify import stack, text_of
from lro_notebook.results.load_place import read

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd

PAST_64_BITS = 2**63


def column(folder: Path, *values: str, decimals: str = "exact") -> pd.Series[Any]:
    """Return the column of numbers written as `values`, a file for each."""
    for number, value in enumerate(values):
        (folder / f"T.{number:03d}.ndjson").write_text(f'{{"n":{value}}}\n')
    series: pd.Series[Any] = read(folder, decimals=decimals)["T"]["n"]
    return series


ARITHMETIC: dict[str, Callable[[Any], Any]] = {
    "s + 1": lambda s: s + 1,
    "s * 2": lambda s: s * 2,
    "s / 2": lambda s: s / 2,
    "s * s": lambda s: s * s,
    "s / s": lambda s: s / s,
    "s - s.mean()": lambda s: s - s.mean(),
    "s.diff()": lambda s: s.diff(),
}


@pytest.mark.parametrize("what", ARITHMETIC)
@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1.50", "2.25", "36.6"], "decimal128(4, 2)"),
        (["1", "2.25", "36.6"], "decimal128(4, 2)"),
        (["0.001", "0.5"], "decimal128(3, 3)"),
        (["12345678901234567.5", "0.5"], "decimal128(18, 1)"),
        (["72.48214925883213", "1.0"], "decimal128(16, 14)"),
        (["1234567.123456789012", "1.0"], "decimal256(19, 12)"),
        ([str(PAST_64_BITS), "1"], "decimal256(19, 0)"),
        ([f"-{PAST_64_BITS * 10}", "0.25"], "decimal256(22, 2)"),
    ],
    ids=str,
)
def test_pandas_can_calculate(values: list[str], kind: str, what: str, tmp_path: Path) -> None:
    series = column(tmp_path, *values)
    assert str(series.dtype) == f"{kind}[pyarrow]"
    assert series.tolist() == [Decimal(value) for value in values]
    result = ARITHMETIC[what](series).dropna()
    floats = ARITHMETIC[what](series.astype(float)).dropna()
    assert result.astype(float).tolist() == pytest.approx(floats.tolist(), rel=1e-4, abs=1)


def test_integers_past_64_bits_are_as_narrow_whatever_decimals_says(tmp_path: Path) -> None:
    series = column(tmp_path, "7", str(PAST_64_BITS), decimals="float")
    assert str(series.dtype) == "decimal256(19, 0)[pyarrow]"
    assert (series * 2).tolist() == [14, PAST_64_BITS * 2]


def test_a_view_holds_its_decimals_as_narrow(tmp_path: Path) -> None:
    lines = [
        {"resourceType": "Observation", "valueQuantity": {"value": value}} for value in (1.5, 2.25, 36.6)
    ]
    (tmp_path / "Observation.ndjson").write_text("\n".join(map(json.dumps, lines)))
    columns = [{"name": "value", "path": "value.ofType(Quantity).value", "type": "decimal"}]
    view = {"resource": "Observation", "select": [{"column": columns}]}
    series = read(tmp_path, decimals="exact").view(view)["value"]
    assert str(series.dtype) == "decimal128(4, 2)[pyarrow]"
    assert (series * 2).tolist() == [Decimal("3.00"), Decimal("4.50"), Decimal("73.20")]


@st.composite
def numbers(draw: st.DrawFn) -> Decimal:
    """Return a number of at most 38 digits on either side of the point."""
    places = draw(st.integers(0, 38))
    most = 10 ** min(draw(st.integers(1, 76)), 38 + places)
    number = draw(st.integers(-most + 1, most - 1))
    return Decimal((number < 0, tuple(map(int, str(abs(number)))), -places))


def exactly(number: Decimal) -> tuple[int, int]:
    """Return the digits before the point and the places behind it that a number needs, by its text."""
    whole, _, places = f"{number.copy_abs():f}".partition(".")
    return len(whole.lstrip("0")), len(places.rstrip("0"))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.lists(st.one_of(st.none(), numbers(), st.integers(-(2**63), 2**63 - 1)), min_size=1, max_size=40),
        min_size=1,
        max_size=3,
    )
)
def test_the_type_is_the_narrowest_however_the_rows_are_cut(pieces: list[list[Any]]) -> None:
    tables = []
    for piece in pieces:
        whole_only = all(value is None or isinstance(value, int) for value in piece)
        dtype = pa.int64() if whole_only else DECIMAL
        values = piece if whole_only else [value if value is None else Decimal(value) for value in piece]
        tables.append(pa.table({"n": pa.array(values, dtype)}))
    got = stack(tables)["n"]
    every = [value for piece in pieces for value in piece]
    assert got.to_pylist() == every
    if pa.types.is_decimal(got.type):
        needs = [exactly(Decimal(value)) for value in every if value is not None] or [(0, 0)]
        assert got.type == dtype_of(max(whole for whole, _ in needs), max(places for _, places in needs))


def test_a_number_deep_in_a_column_decides_too() -> None:
    values = [Decimal("1.5")] * 1_000 + [Decimal("0.123456789")]
    column = pa.chunked_array([pa.array(values, DECIMAL)])
    assert least_places(column, 1) == 9
    assert [whole_digits(bound) for bound in bounds_of(column)] == [0, 1]
    assert to_decimals(column, dtype_of(1, 9)).to_pylist() == values


@pytest.mark.parametrize("number", ["4611686018396697470", "79228162514264337593543.940515"])
def test_a_number_that_arrow_divides_wrongly_is_kept(number: str) -> None:
    values = [Decimal(number), Decimal("0.01")]
    column = pa.chunked_array([pa.array(values, DECIMAL)])
    places = exactly(values[0])[1] or 2
    got = stack([pa.table({"n": column})])["n"]
    assert got.to_pylist() == values
    assert got.type.scale == places
    assert stack([pa.table({"n": part}) for part in (column[:1], column[1:])])["n"].to_pylist() == values


def test_nothing_but_nulls_is_a_column_of_decimals() -> None:
    got = stack([pa.table({"n": pa.array([None, None], DECIMAL)})])["n"]
    assert got.to_pylist() == [None, None]
    assert got.type == pa.decimal128(1, 0)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1e-20", "1E-20"),
        ("-1.5e-20", "-1.5E-20"),
        ("0", "0E-30"),
        ("100", "100"),
        ("1.20", "1.2"),
        ("0.5", "0.5"),
        ("20.05", "20.05"),
        ("10.0", "10"),
    ],
)
def test_the_text_of_a_decimal_is_that_number_in_its_shortest_form(value: str, text: str) -> None:
    column = pa.chunked_array([pa.array([Decimal(value)], pa.decimal128(38, 30))])
    assert text_of(column).to_pylist() == [text]
    assert Decimal(text) == Decimal(value)
