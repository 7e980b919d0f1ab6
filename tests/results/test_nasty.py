"""Nasty files, one kind each: every row is compared with what `json.loads` sees, every bad line by number."""

from __future__ import annotations

import gzip
import json
import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from results.nasty_files import KINDS, check_rows_and_bad_lines, sound
from results.oracle import oracle, same

from lro_notebook.results.arrow import line_blocks as blocks
from lro_notebook.results.arrow.flatten import flatten
from lro_notebook.results.arrow.json_lines import Reader
from lro_notebook.results.arrow.line_blocks import Block

if TYPE_CHECKING:
    from collections.abc import Callable

    from lro_notebook.results.results import Results


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("decimals", ["float", "exact", "text"])
def test_every_row_is_kept_and_every_bad_line_is_named(
    kind: str, decimals: str, load: Callable[..., Results]
) -> None:
    check_rows_and_bad_lines(kind, decimals, load)


@pytest.mark.parametrize("kind", KINDS)
def test_some_columns_are_read_as_all_are(kind: str, load: Callable[..., Results]) -> None:
    data = [file.data for file in KINDS[kind]]
    whole = load(*data)
    names = whole.arrow("T").column_names[:2]
    some = load(*data, columns=names)
    assert some.arrow("T").equals(whole.arrow("T").select(names))
    assert some.bad_lines.equals(whole.bad_lines)


SOUND = [
    b'{"a":1,"b":{"c":"x"},"l":[1,{"e":null}]}',
    b'{"a":"t","n":9007199254740993}',
    b'{"":[[1],[2]],"n":1.5}',
]
DAMAGE = [bytes([code]) for code in b'"{}[],:-e.0\\\0\t\xff'] + [b"null", b"NaN", b'{"a":1}']


@settings(max_examples=150, deadline=None)
@given(
    lines=st.lists(
        st.tuples(
            st.sampled_from(SOUND),
            st.lists(st.tuples(st.integers(0, 50), st.sampled_from(DAMAGE)), max_size=2),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_whatever_the_damage_lines_are_judged_as_json_judges_them(
    lines: list[tuple[bytes, list[tuple[int, bytes]]]],
) -> None:
    damaged: list[bytes] = []
    for line, wounds in lines:
        for place, piece in wounds:
            line = line[:place] + piece + line[place:]  # noqa: PLW2901 - wound after wound
        damaged.append(line)
    wanted, bad = [], []
    for number, line in enumerate(damaged, 1):
        try:
            value = json.loads(line.decode(), parse_constant=_refuse, parse_float=_number)
        except ValueError:
            bad.append(number)
            continue
        if isinstance(value, dict):
            wanted.append(oracle(value))
        else:
            bad.append(number)
    parsed = Reader().job(Block(b"\n".join(damaged), 1))()
    assert [number for number, _ in parsed.bad] == bad
    table = None if parsed.table is None else flatten(parsed.table).table
    assert (0 if table is None else table.num_rows) == len(wanted)
    for row, want in zip((table.to_pylist() if table else []) or [{}] * len(wanted), wanted, strict=True):
        assert {name for name, value in row.items() if value is not None} == set(want)
        assert all(same(row[name], sound(value)) for name, value in want.items())


def _number(words: str) -> float | str:
    return float(words) if math.isfinite(float(words)) else words


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def test_what_comes_before_a_damage_is_read_to_the_last_line(load: Callable[..., Results]) -> None:
    lines = [b'{"n":%d}' % number for number in range(200_000)]
    whole = gzip.compress(b"\n".join(lines) + b"\n", mtime=0)
    results = load(whole[: len(whole) // 2])
    rows = results["T"]["n"].tolist()
    assert len(rows) > 80_000
    assert rows == list(range(len(rows)))
    assert results.bad_lines["line"].tolist() == [len(rows) + 1]


def test_small_blocks_change_nothing(load: Callable[..., Results], monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [b'{"id":"%d","n":%d,"l":[{"x":"%d"}]}' % (n, n, n) for n in range(500)]
    lines[250] = b"broken"
    lines[400] = b'{"id":"400","n":"text"}'
    monkeypatch.setattr(blocks.blocks, "__kwdefaults__", {"first": 100, "size": 300})
    results = load(b"\n".join(lines))
    assert results["T"]["id"].tolist() == [str(n) for n in range(500) if n != 250]
    assert results["T"]["n"].tolist() == [str(n) if n != 400 else "text" for n in range(500) if n != 250]
    assert results.bad_lines["line"].tolist() == [251]
