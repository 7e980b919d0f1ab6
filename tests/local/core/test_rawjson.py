from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lro_notebook.local.core import rawjson

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=15,
)
_STAMP = b'"versionId":"7","lastUpdated":"2026-01-01T00:00:00.000000Z"'
_STAMP_FIELDS = {"versionId": "7", "lastUpdated": "2026-01-01T00:00:00.000000Z"}


def _stamped(raw: bytes) -> bytes:
    head, tail = rawjson.meta_slot(raw, orjson.loads(raw))
    return head + _STAMP + tail


@given(
    value=st.dictionaries(st.text(), _JSON), indent=st.sampled_from([None, 0, 2]), ascii_only=st.booleans()
)
def test_members_are_the_text_of_each_value(
    value: dict[str, Any], indent: int | None, *, ascii_only: bool
) -> None:
    raw = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    try:
        orjson.loads(raw)
    except orjson.JSONDecodeError:
        return  # lone surrogates: such text never reaches the scanner
    found = {item.key: json.loads(raw[item.start : item.end]) for item in rawjson.members(raw)}
    assert found == value


@given(value=st.lists(_JSON), indent=st.sampled_from([None, 2]))
def test_elements_are_the_text_of_each_item(value: list[Any], indent: int | None) -> None:
    raw = json.dumps(value, indent=indent).encode()
    assert [json.loads(item) for item in rawjson.elements(raw)] == value


@given(value=_JSON)
def test_compact_is_one_line_with_the_same_meaning(value: Any) -> None:
    raw = json.dumps({"a": value}, indent=3).encode()
    compact = rawjson.compact(raw)
    assert b"\n" not in compact
    assert json.loads(compact) == {"a": value}


@given(
    meta=st.none() | st.dictionaries(st.sampled_from(["versionId", "lastUpdated", "tag", "meta"]), _JSON),
    others=st.dictionaries(
        st.sampled_from(["id", "text", "note"]), _JSON | st.just("meta") | st.just({"meta": {}})
    ),
    first=st.booleans(),
    indent=st.sampled_from([None, 1]),
)
def test_a_stamp_changes_meta_and_nothing_else(
    meta: dict[str, Any] | None, others: dict[str, Any], *, first: bool, indent: int | None
) -> None:
    parts: list[dict[str, Any]] = [{} if meta is None else {"meta": meta}, others]
    document = {"resourceType": "Patient", **parts[not first], **parts[first]}
    stamped = json.loads(_stamped(json.dumps(document, indent=indent).encode()))
    assert stamped == {**document, "meta": {**(meta or {}), **_STAMP_FIELDS}}


def test_a_stamp_keeps_every_other_byte() -> None:
    raw = b'{"resourceType":"X","v":1.00,"meta": {"profile" :["a"]},"w":1e400,"n":"\\u00e9\xc3\xa9"}'
    raw = raw.replace(b"1e400", b"1E+2")
    assert _stamped(raw) == raw.replace(b'{"profile"', b"{" + _STAMP + b',"profile"')


@pytest.mark.parametrize(
    "raw",
    [
        b'{"resourceType":"X","text":"\\"meta\\"","meta":{}}',
        b'{"resourceType":"X","a":{"meta":{"b":1}},"\\u006deta":{"tag":[]}}',
        b'{"resourceType":"X","meta":{"tag":1},"meta":{"tag":2}}',
    ],
)
def test_the_top_level_meta_is_found_behind_look_alikes(raw: bytes) -> None:
    assert json.loads(_stamped(raw))["meta"] == {**json.loads(raw)["meta"], **_STAMP_FIELDS}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'{"resourceType":"X"}', b'{"id":"new","resourceType":"X"}'),
        (b'{"a":{"id":"inner"},"id": "old" }', b'{"a":{"id":"inner"},"id": "new" }'),
        (b"{ }", b'{"id":"new"}'),
    ],
)
def test_with_id_sets_the_top_level_id(raw: bytes, expected: bytes) -> None:
    assert rawjson.with_id(raw, "new") == expected


def test_a_repeated_key_is_read_as_its_last_one() -> None:
    raw = b'{"a":1,"b":2,"a":3}'
    found = rawjson.member(raw, "a")
    assert found is not None
    assert raw[found.start : found.end] == b"3"
