"""``matches()`` and ``repeat``: what the author of a view gives cannot make them run for ever."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lro_notebook.errors import ConfigError, ResultError
from lro_notebook.fhirpath import regex
from lro_notebook.views.view import View

if TYPE_CHECKING:
    from collections.abc import Callable


def _column(path: str, kind: str = "boolean") -> dict[str, Any]:
    return {"column": [{"name": "v", "path": path, "type": kind}]}


def _view(path: str) -> dict[str, Any]:
    return {"resource": "Patient", "select": [_column(path)]}


_PIECES = st.sampled_from(
    ["a", "b", ".", "\n", "[ab]", "[^a]", r"\d", r"\w", r"\s", r"\.", "(a|b)", "(?:ab)", "x"]
)
_COUNTS = st.sampled_from(["", "", "*", "+", "?", "{2}", "{1,2}", "*?", "+?"])
_PATTERNS = st.lists(st.tuples(_PIECES, _COUNTS).map("".join), max_size=6).map("".join)


@given(
    pattern=st.one_of(
        _PATTERNS, _PATTERNS.map(lambda text: f"^{text}"), st.tuples(_PATTERNS, _PATTERNS).map("|".join)
    ),
    texts=st.lists(st.text("ab.x 1_\né-", max_size=12), min_size=1, max_size=5),
)
@settings(max_examples=300, deadline=None)
def test_a_plain_pattern_matches_as_in_python(pattern: str, texts: list[str]) -> None:
    expected = [re.search(pattern, text, re.DOTALL | re.ASCII) is not None for text in texts]
    assert regex.problem(pattern) == ""
    assert regex.search(pa.array(texts), pattern).to_pylist() == expected
    assert [regex.matches(text, pattern) for text in texts] == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("nn", True),  # a part is enough
        ("^A.*a$", True),  # a dot stands for line ends, "single line" mode
        ("^ann", False),  # case counts
        ("(?i)^ann", True),
        (r"\p{L}+", True),
        ("a$", True),
        ("", True),
        ("A\nx", False),
    ],
)
def test_matches_is_for_a_part_of_the_text_and_lines_do_not_count(
    pattern: str,
    expected: bool,  # noqa: FBT001 - the answer
    rows: Callable[..., list[dict[str, Any]]],
) -> None:
    patient = {"resourceType": "Patient", "id": "1", "name": [{"family": "Ann\nMüllera"}]}
    quoted = pattern.replace("\\", "\\\\").replace("\n", "\\n")
    assert rows(_view(f"name.family.matches('{quoted}')"), patient) == [{"v": expected}]


def test_matches_on_arrays_says_nothing_of_nothing(rows: Callable[..., list[dict[str, Any]]]) -> None:
    view = _view("gender.matches('^f')")
    assert View(view).explain()["way"].tolist() == ["arrow"]
    patients = [
        {"resourceType": "Patient", "id": str(n), **more} for n, more in enumerate([{"gender": "female"}, {}])
    ]
    assert [row["v"] for row in rows(view, *patients)] == [True, None]


@pytest.mark.parametrize(
    "pattern", ["(", "a(?=b)", "(?<!a)b", r"(a)\\1", "a++", "(?>a)", "a{1001}", "[b-a]", "x" * 1001]
)
def test_a_pattern_that_cannot_be_read_is_named_when_the_view_is_made(pattern: str) -> None:
    with pytest.raises(
        ConfigError, match=r"select\[0\].column\[0\].path: .*matches\(\): the regular expression"
    ):
        View(_view(f"id.matches('{pattern}')"))
    with pytest.raises(ConfigError, match=r"RE2|longer than 1000"):
        View(
            {
                "resource": "Patient",
                "where": [{"path": f"id.matches('{pattern}')"}],
                "select": [_column("active")],
            }
        )


def test_a_pattern_of_a_constant_is_checked_too() -> None:
    view = {**_view("id.matches(%p)"), "constant": [{"name": "p", "valueString": "(?=a)"}]}
    with pytest.raises(ConfigError, match="no lookaround"):
        View(view)


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a*)*b", "(a|aa)+$", "(.*)*x", "^(([a-z])+.)+[A-Z]([a-z])+$"])
def test_a_pattern_that_could_go_back_for_ever_ends_at_once(
    pattern: str, rows: Callable[..., list[dict[str, Any]]]
) -> None:
    patient = {"resourceType": "Patient", "id": "1", "language": "a" * 50_000 + "!"}
    begun = time.thread_time()
    assert rows(_view(f"language.matches('{pattern}')"), patient)[0]["v"] in (True, False)
    assert time.thread_time() - begun < 5


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (r"birthDate.replaceMatches('(\\d+)-(?P<m>\\d+)-(?P<d>\\d+)', '${m}/$3/$1')", "02/01/2020"),
        (r"birthDate.replaceMatches('[(]|-', '$$ \\')", "2020$$ \\02$$ \\01"),
        ("birthDate.replaceMatches('x', '')", "2020-02-01"),
        ("language.replaceMatches('a.c', '<$0>')", "<a\nc>"),
        ("gender.replaceMatches('a', 'b')", None),
    ],
)
def test_replace_matches_puts_groups_by_number_and_by_name(
    path: str, expected: str | None, rows: Callable[..., list[dict[str, Any]]]
) -> None:
    patient = {"resourceType": "Patient", "id": "1", "birthDate": "2020-02-01", "language": "a\nc"}
    view = {"resource": "Patient", "select": [_column(path, "string")]}
    assert rows(view, patient) == [{"v": expected}]


@pytest.mark.parametrize("substitution", ["$1", "${n}"])
def test_a_group_that_there_is_not_is_named(
    substitution: str, rows: Callable[..., list[dict[str, Any]]]
) -> None:
    view = {"resource": "Patient", "select": [_column(f"id.replaceMatches('b', '{substitution}')", "string")]}
    with pytest.raises(ResultError, match=r"replaceMatches\(\): .*group"):
        rows(view, {"resourceType": "Patient", "id": "b"})
    with pytest.raises(ConfigError, match=r"replaceMatches\(\): the regular expression cannot be read"):
        View(_view("id.replaceMatches('(', '')"))


def test_half_a_surrogate_pair_is_a_character_that_is_not_known(
    rows: Callable[..., list[dict[str, Any]]],
) -> None:
    line = '{"resourceType":"Patient","id":"1","language":"a\\ud800b"}'
    assert rows(_view("language.matches('^a.b$')"), line) == [{"v": True}]
    assert regex.matches("a\ud800b", "^a.b$")
    assert "surrogate" in regex.problem("\ud800")


def test_only_views_with_a_regular_expression_load_arrow() -> None:
    program = (
        "import sys, lro_notebook as lro\n"
        "select = lambda path: [{'column': [{'name': 'v', 'path': path}]}]\n"
        "view = lambda path: lro.View({'resource': 'Patient', 'select': select(path)})\n"
        "view('id'); print('pyarrow' in sys.modules)\n"
        "view(\"id.matches('a')\"); print('pyarrow' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


def _repeat(*paths: str) -> dict[str, Any]:
    select = {"repeat": list(paths), "column": [{"name": "v", "path": "linkId", "type": "string"}]}
    return {"resource": "Questionnaire", "select": [select]}


@pytest.mark.parametrize(
    "path",
    [
        "$this",
        "'x'",
        "1",
        "id & 'x'",
        "%resource",
        "%resource.item",
        "%context.item",
        "item.count()",
        "$this | item",
        "$this.where(true)",
        "iif(true, item, $this)",
        "item.select(%resource)",
        "item.exists()",
    ],
)
def test_a_repeat_that_leads_nowhere_is_refused_with_its_path(path: str) -> None:
    with pytest.raises(ConfigError, match=r"select\[0\].repeat: the path .* has no end") as caught:
        View(_repeat("item", path))
    assert repr(path) in str(caught.value)


@pytest.mark.parametrize(
    "path",
    [
        "item",
        "$this.item",
        "item.where(linkId != '')",
        "where(linkId.empty() or linkId != 'x').item",
        "item | answer.item",
        "iif(true, item)",
        "iif(false, answer.item, item)",
        "select(item)",
        "item.select($this)",
        "item.skip(0)",
        "item.distinct()",
    ],
)
def test_a_repeat_that_leads_down_ends(path: str, rows: Callable[..., list[dict[str, Any]]]) -> None:
    deep = {"linkId": "1", "item": [{"linkId": "1.1", "item": [{"linkId": "1.1.1"}]}, {"linkId": "1.2"}]}
    found = rows(_repeat(path), {"resourceType": "Questionnaire", "id": "q", "item": [deep]})
    assert [row["v"] for row in found] == ["1", "1.1", "1.1.1", "1.2"]


def test_an_element_that_two_paths_lead_to_is_one_row_at_any_depth(
    rows: Callable[..., list[dict[str, Any]]],
) -> None:
    node: dict[str, Any] = {"linkId": "60"}
    for depth in range(59, 0, -1):
        node = {"linkId": str(depth), "item": [node]}
    found = rows(
        _repeat("item", "item.where(true)"), {"resourceType": "Questionnaire", "id": "q", "item": [node]}
    )
    assert [row["v"] for row in found] == [str(depth) for depth in range(1, 61)]  # and not 2**60


def test_equal_elements_in_two_places_are_two_rows(rows: Callable[..., list[dict[str, Any]]]) -> None:
    items = [{"linkId": "a"}, {"linkId": "a"}]
    found = rows(_repeat("item"), {"resourceType": "Questionnaire", "id": "q", "item": items})
    assert [row["v"] for row in found] == ["a", "a"]


def test_a_comment_without_an_end_is_an_error_at_once() -> None:
    path = "id " + "/* " * 6_000
    begun = time.thread_time()
    with pytest.raises(ConfigError, match="comment has no end"):
        View(_view(path))
    assert time.thread_time() - begun < 5
