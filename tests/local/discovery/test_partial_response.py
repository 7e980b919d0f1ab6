"""What ``fields`` selects of a response."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lro_notebook.local.discovery.document import document
from lro_notebook.local.discovery.partial_response import Selection, SelectionError, checked, parse, select

DATA = {
    "kind": "k",
    "items": [{"id": 1, "author": {"uri": "u", "email": "e"}}, {"id": 2, "title": "t"}],
    "empty": {},
}


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        ("kind", {"kind": "k"}),
        ("kind,items/id", {"kind": "k", "items": [{"id": 1}, {"id": 2}]}),
        ("items(id,author/email)", {"items": [{"id": 1, "author": {"email": "e"}}, {"id": 2}]}),
        ("items.author", {"items": [{"author": {"uri": "u", "email": "e"}}, {}]}),
        ("items/*/email", {"items": [{"id": 1, "author": {"email": "e"}}, {"id": 2, "title": "t"}]}),
        ("items ( id ) , kind", {"kind": "k", "items": [{"id": 1}, {"id": 2}]}),
        ("*", DATA),
        ("items(id),items(title)", {"items": [{"id": 1}, {"id": 2, "title": "t"}]}),
        ("items,items/id", {"items": DATA["items"]}),
        ("items/id,items", {"items": DATA["items"]}),
        ("*/id,items/title", {"kind": "k", "items": [{"id": 1}, {"id": 2, "title": "t"}], "empty": {}}),
        ("none", {}),
    ],
)
def test_a_selection_is_cut_out(text: str, selected: dict[str, Any]) -> None:
    assert select(DATA, parse(text)) == selected


@pytest.mark.parametrize(
    "text",
    [
        "",
        ",",
        "a,",
        ",a",
        "a//b",
        "a(",
        "a)",
        "a(b",
        "a()",
        "a(b)c",
        "a(b)/c",
        "/a",
        "a b(",
        "ä",
        "a;b",
        "a/" * 99,
        "(" * 5000,
        "a(" * 2000,
        "a," * 9000,
    ],
)
def test_what_is_no_selection_is_refused(text: str) -> None:
    with pytest.raises(SelectionError):
        parse(text)


def test_fields_that_a_response_cannot_have_are_refused() -> None:
    v1 = document("v1")
    selection = checked(
        parse("operations(name,metadata/counter),next_page_token"), v1, "ListOperationsResponse"
    )
    assert selection == {
        "operations": {"name": None, "metadata": {"counter": None}},
        "nextPageToken": None,
    }
    assert checked(parse("*,labels/a,consentConfig(*)"), v1, "FhirStore")["labels"] == {"a": None}
    for text, path in (
        ("nam", "nam"),
        ("operations/nam", "operations.nam"),
        ("nextPageToken/x", "nextPageToken.x"),
    ):
        with pytest.raises(SelectionError, match=f"Cannot find matching fields for path '{path}'"):
            checked(parse(text), v1, "ListOperationsResponse")


_NAMES = st.sampled_from(["a", "b", "c", "*"])
_SELECTIONS = st.recursive(
    st.none(), lambda inner: st.dictionaries(_NAMES, inner, min_size=1, max_size=3), max_leaves=8
).filter(bool)
_DATA = st.recursive(
    st.integers(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abcd"), inner),
    max_leaves=10,
)


def written(selection: Selection) -> str:
    return ",".join(
        name if inner is None else f"{name}({written(inner)})" for name, inner in selection.items()
    )


def is_part(part: Any, whole: Any) -> bool:
    if isinstance(whole, dict):
        return isinstance(part, dict) and all(key in whole and is_part(part[key], whole[key]) for key in part)
    if isinstance(whole, list):
        return len(part) == len(whole) and all(map(is_part, part, whole))
    return bool(part == whole)


@settings(max_examples=150, derandomize=True, database=None, deadline=None)
@given(_SELECTIONS, _DATA)
def test_a_selection_can_be_written_and_selects_a_part_once(selection: Selection, data: Any) -> None:
    assert parse(written(selection)) == selection
    part = select(data, selection)
    assert is_part(part, data)
    assert select(part, selection) == part
    both = parse(f"{written(selection)},{written(selection)}")
    assert both == selection
