"""The guards of blocks say what the slow and simple way says."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from lro_notebook.errors import ResultError
from lro_notebook.results.arrow import parser_guards
from lro_notebook.results.arrow.line_blocks import LONG, keys_of
from lro_notebook.results.arrow.parser_guards import check_keys, may_hold_no_numbers, may_nest_deep
from lro_notebook.results.limits import MAX_NESTING, Limits


def nested(levels: int, unit: bytes = b'{"a":', end: bytes = b"}") -> bytes:
    return unit * levels + b"1" + end * levels + b"\n"


@pytest.mark.parametrize("before", [0, 1, 700, 1023, 1024, 1500, 262_100])
@pytest.mark.parametrize("unit", [b"[", b'{"":'])
def test_deep_lines_are_seen_wherever_they_begin(before: int, unit: bytes) -> None:
    end = b"]" if unit == b"[" else b"}"
    pad = b'{"x":"' + b"y" * before + b'"}\n'
    shallow = b'{"a":1}\n' * 50_000
    deep = nested(MAX_NESTING + 1, unit, end)
    assert len(deep) < LONG
    assert may_nest_deep(pad + deep)
    assert may_nest_deep(shallow + pad + deep + shallow)
    assert not may_nest_deep(pad + nested(MAX_NESTING, unit, end) + shallow)


def test_many_brackets_of_many_lines_are_not_deep() -> None:
    assert not may_nest_deep(b"{}\n" * 100_000)
    assert not may_nest_deep(b"[[[[]]]]\n" * 40_000)
    assert not may_nest_deep(b"")


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Inf"])
def test_words_that_pyarrow_takes_for_numbers_are_seen(word: str) -> None:
    assert may_hold_no_numbers(f'{{"a":{word}}}'.encode())
    assert not may_hold_no_numbers(b'{"a":"Nan inf infinity"}')


def some_value(chance: random.Random, depth: int = 0) -> Any:
    keys = [
        "a",
        "ab",
        "x" * 7,
        "x" * 8,
        "x" * 9,
        "y" * 8 + "x",
        "é" * 9,
        "z" * 40,
        "",
        " ",
        "q ",
        "value" * 20,
    ]
    if chance.random() < 0.4 and depth < 4:
        return {chance.choice(keys): some_value(chance, depth + 1) for _ in range(chance.randrange(4))}
    return chance.choice([1, "text", "a", ": ", ',"', None, [1, {"in": "list"}], "line\n", "\\"])


@pytest.mark.parametrize("seed", range(60))
def test_keys_are_counted_as_in_the_slow_way(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    monkeypatch.setattr(parser_guards, "_STRETCH", chance.choice([1, 50, 1 << 18]))
    rows = [{"row": some_value(chance)} for _ in range(chance.randrange(1, 30))]
    separators = chance.choice([(",", ":"), (", ", ": "), (",", " :")])
    data = b"".join(
        json.dumps(row, ensure_ascii=False, separators=separators).encode() + b"\n" for row in rows
    )
    about = parser_guards._about_keys(data)
    assert about is None or about >= len(_keys(rows))
    if separators[1] != " :" and b"\\" not in data:
        assert about == len(_keys(rows)) == keys_of(data)


def _keys(value: Any) -> set[str]:
    if isinstance(value, list):
        return set().union(*map(_keys, value))
    if isinstance(value, dict):
        return set(value).union(*map(_keys, value.values()))
    return set()


@pytest.mark.parametrize("shape", ["{}", "k{}", "long" * 30 + "{}", "long" * 90 + "{}", '{}\\"', "{} "])
def test_too_many_keys_are_told_before_they_are_columns(shape: str) -> None:
    limits = Limits(columns=99)
    rows = [b'{"' + shape.format(n).encode() + b'":1}\n' for n in range(100)]
    check_keys(b"".join(rows[:99]), limits, "T")
    with pytest.raises(ResultError, match="100 columns"):
        check_keys(b"".join(rows), limits, "T")


def test_keys_that_differ_in_the_middle_alone_are_different() -> None:
    limits = Limits(columns=99)
    rows = [b'{"aaaaaaaaaa%04dbbbbbbbbbbbbbb":1}\n' % n for n in range(100)]
    with pytest.raises(ResultError, match="100 columns"):
        check_keys(b"".join(rows), limits, "T")


def test_the_words_of_texts_are_no_keys() -> None:
    check_keys(b"".join(b'{"a":"{\\"k%d\\":1}"}\n' % n for n in range(200)), Limits(columns=99), "T")
