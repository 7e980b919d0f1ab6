"""JSON of any style gives the rows that the same objects give in lines, wherever pieces of it end."""

from __future__ import annotations

import gzip
import io
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from results.json_files import quietly, results_of

from lro_notebook.results.arrow import json_values
from lro_notebook.results.arrow.json_values import value_blocks
from lro_notebook.results.arrow.line_blocks import sort_lines
from lro_notebook.results.formats.json.documents import JSON_DOCUMENTS
from lro_notebook.results.formats.json.envelopes import Envelope
from lro_notebook.results.formats.json.large_envelopes import rows_of
from lro_notebook.results.formats.json.lines import JSON_LINES
from lro_notebook.results.limits import Limits

if TYPE_CHECKING:
    from lro_notebook.results.arrow.line_blocks import Block

TEXT = st.text(alphabet=st.sampled_from('ab"\\{}[],:\n é\U0001f600\u2028'), max_size=6)
NUMBERS = st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | TEXT | NUMBERS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(st.sampled_from(["a", "b", "c", "é", "x.y"]), VALUES, max_size=4)
STYLES = st.fixed_dictionaries(
    {
        "indent": st.sampled_from([None, 0, 2, "\t"]),
        "separators": st.sampled_from([(",", ":"), (", ", ": "), (" ,", " :\n")]),
        "ensure_ascii": st.booleans(),
    }
)


def _line(block: Block, number: int) -> int:
    return block.numbers[number - block.line] if block.numbers else number


def found(data: bytes, limits: Limits) -> list[tuple[int, bytes | str]]:
    """Return line and text of each object, line and reason of each bad one."""
    rows: list[tuple[int, bytes | str]] = []
    for block in value_blocks(io.BytesIO(data), limits):
        good, bad = sort_lines(block)
        rows += [(_line(block, number), line) for number, line in good]
        rows += [(_line(block, number), reason) for number, reason in bad]
    return rows


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    objects=st.lists(OBJECTS, max_size=6),
    style=STYLES,
    layout=st.sampled_from(["list", "several", "lists"]),
    packed=st.booleans(),
    lists=st.sampled_from(["first", "nested", "explode"]),
    decimals=st.sampled_from(["float", "exact", "text"]),
)
def test_documents_are_read_as_lines_are(  # noqa: PLR0917 - what may vary
    objects: list[dict[str, Any]],
    style: dict[str, Any],
    layout: str,
    packed: bool,  # noqa: FBT001
    lists: str,
    decimals: str,
) -> None:
    texts = [json.dumps(each, **style) for each in objects]
    joined = {
        "list": "[" + " ,\n".join(texts) + "]\n",
        "several": "\n".join(texts) + "\n{}{}\n" * (not texts),
        "lists": "".join(f"[{text}\n]" for text in texts) + "[]",
    }[layout]
    data = joined.encode()
    lines = "".join(json.dumps(each) + "\n" for each in objects) or "{}\n{}\n" * (layout == "several")
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        options = {"lists": lists, "decimals": decimals}
        # What looks like an envelope is told apart by a second object in its file.
        more = "{}\n{}\n"
        documents = results_of(
            Path(one), gzip.compress(data) if packed else data, more, reading=JSON_DOCUMENTS, **options
        )
        expected = results_of(Path(other), lines, more, reading=JSON_LINES, **options)
        assert list(quietly(documents)) == list(quietly(expected))
        for name in expected:
            assert documents.arrow(name).equals(expected.arrow(name))
        assert documents.bad_lines.empty


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    objects=st.lists(OBJECTS, max_size=4),
    style=STYLES,
    piece=st.integers(1, 40),
    edits=st.lists(st.tuples(st.integers(0, 300), st.sampled_from('"\\{}[],x5 \n')), max_size=2),
)
def test_it_does_not_matter_where_pieces_end(
    objects: list[dict[str, Any]], style: dict[str, Any], piece: int, edits: list[tuple[int, str]]
) -> None:
    text = json.dumps(objects, **style)
    for place, what in edits:
        text = text[: place % len(text)] + what + text[place % len(text) :]
    data = text.encode()
    whole = found(data, Limits())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_values, "_PIECE", piece)
        apart = found(data, Limits())
    assert _good(apart) == _good(whole)
    assert bool(_bad(apart)) == bool(_bad(whole))
    if not edits:
        assert [json.loads(line) for line in _good(whole)] == objects
        assert not _bad(whole)


ENVELOPES = st.dictionaries(
    st.sampled_from(["list", "a", "b", "c"]),
    st.lists(OBJECTS, max_size=4) | VALUES,
    max_size=4,
)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    documents=st.lists(ENVELOPES, min_size=1, max_size=2),
    style=STYLES,
    piece=st.integers(1, 40),
    missing=st.sampled_from([0, 0, 0, 1, 5, 20]),
)
def test_an_envelope_that_is_not_held_gives_the_same(
    documents: list[dict[str, Any]], style: dict[str, Any], piece: int, missing: int
) -> None:
    data = " \n".join(json.dumps(each, **style) for each in documents).encode()
    data = data[: len(data) - missing]
    envelope = Envelope(frozenset({"list"}), None, frozenset({"b"}))

    def read(hold: int) -> tuple[list[tuple[int, Any]], int]:
        rows, bad = [], 0
        for block in rows_of(envelope, io.BytesIO(data), Limits(), hold=hold):
            good, wrong = sort_lines(block)
            rows += [(_line(block, number), json.loads(line)) for number, line in good]
            bad += len(wrong)
        return rows, bad

    held = read(10_000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_values, "_PIECE", piece)
        assert read(1) == held
    if not missing:
        first = documents[0]
        beside = {key: value for key, value in first.items() if key not in {"list", "b"}}
        if "b" in first:
            beside["document"] = {"b": first["b"]}
        elements = first["list"] if isinstance(first.get("list"), list) else []
        if all(isinstance(each, dict) for each in elements) and elements:
            assert [row for _, row in held[0]][: len(elements)] == [beside | each for each in elements]


def _good(rows: list[tuple[int, bytes | str]]) -> list[bytes]:
    return [what for _, what in rows if isinstance(what, bytes)]


def _bad(rows: list[tuple[int, bytes | str]]) -> list[str]:
    return [what for _, what in rows if isinstance(what, str)]


def test_lines_are_numbered_as_in_the_file_across_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_values, "_PIECE", 7)
    data = b'[\n{"a":\n1},\n\n{"b":[\n\n]},{"c":NaN}\n]\n{"d":1}\n}\n{"e":1}'
    assert found(data, Limits()) == [
        (2, b'{"a": 1}'),
        (5, b'{"b":[  ]}'),
        (9, b'{"d":1}'),
        (11, b'{"e":1}'),
        (7, "not valid JSON"),
        (10, "not valid JSON"),
    ]


def test_many_brackets_that_close_nothing_end_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    data = b'\n{"a":1}}' * 1000
    rows = found(data, Limits())
    assert len(_good(rows)) == 100
    assert _bad(rows)[-1] == json_values.LOST
    monkeypatch.setattr(json_values, "_PIECE", 100)
    assert len(_good(found(data, Limits()))) == 100


def test_a_list_of_many_numbers_stays_small() -> None:
    data = b"[" + b",".join(b"%d" % number for number in range(400_000)) + b',{"a":1}]'
    rows = found(data, Limits(bad_lines=10))
    assert _good(rows) == [b'{"a":1}']
    assert {str(reason) for reason in _bad(rows)} == {
        "not a JSON object",
        "more than 10 bad lines (limits: bad_lines)",
    }


@pytest.mark.parametrize("value", ["[" * 200_000, '{"a":' * 200_000, "[" * 100_000 + "]" * 100_000])
def test_deep_nesting_costs_nothing(value: str) -> None:
    assert _good(found(f'[{{"a":1}},{value}'.encode(), Limits())) == [b'{"a":1}']
    assert _good(found(f'[{{"a":1}},{{"b":{value}}}]'.encode(), Limits()))[:1] == [b'{"a":1}']
