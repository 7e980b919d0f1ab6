"""The compiled and the interpreted way give the same rows, or the same refusal, on random data and paths."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from viewing import data_of, run

TEXT = st.sampled_from(["a", "b", "official", "2020-01-02", "2020-01-02T10:00:00Z", "é", ""])
NUMBER = st.one_of(st.integers(-3, 3), st.sampled_from([0.5, 1.0, 2.25]))
QUANTITY = st.fixed_dictionaries({}, optional={"value": NUMBER, "unit": TEXT})
CHOICES = [
    st.just({}),
    TEXT.map(lambda text: {"valueString": text}),
    TEXT.map(lambda text: {"valueCode": text}),
    QUANTITY.map(lambda quantity: {"valueQuantity": quantity}),
    st.integers(-3, 3).map(lambda number: {"valueInteger": number}),
    st.booleans().map(lambda flag: {"valueBoolean": flag}),
]
PLAIN_CHOICE = st.one_of(CHOICES)
#: The id and extensions of a primitive element, which are beside it.
BESIDE = st.fixed_dictionaries(
    {},
    optional={
        "id": TEXT,
        "extension": st.lists(
            st.builds(lambda url, value: {"url": url, **value}, st.sampled_from(["u", "v"]), PLAIN_CHOICE),
            min_size=1,
            max_size=2,
        ),
    },
)
BESIDE_CHOICE = st.one_of(
    st.builds(lambda text, beside: {"valueString": text, "_valueString": beside}, TEXT, BESIDE),
    st.builds(lambda beside: {"_valueString": beside}, BESIDE),
    st.builds(lambda beside: {"_valueBoolean": beside}, BESIDE),
)
CHOICE = st.one_of(PLAIN_CHOICE, BESIDE_CHOICE)
EXTENSION = st.builds(lambda url, value: {"url": url, **value}, st.sampled_from(["u", "v"]), CHOICE)
NAME = st.fixed_dictionaries(
    {},
    optional={
        "use": TEXT,
        "family": TEXT,
        "_family": BESIDE,
        "given": st.lists(st.one_of(TEXT, st.none()), max_size=3),
        "_given": st.lists(st.one_of(BESIDE, st.none()), max_size=3),
        "period": st.fixed_dictionaries({}, optional={"start": TEXT, "end": TEXT}),
        "extension": st.lists(EXTENSION, max_size=2),
    },
)
REFERENCE = st.sampled_from(["Patient/1", "Group/2/_history/1", "#c", "http://h/Patient/3", "urn:uuid:4"])
FIELDS = st.fixed_dictionaries(
    {"resourceType": st.just("Patient"), "id": TEXT},
    optional={
        "active": st.booleans(),
        "_active": BESIDE,
        "_count": BESIDE,
        "count": st.integers(-3, 3),
        "name": st.lists(NAME, max_size=3),
        "extension": st.lists(EXTENSION, max_size=3),
        "subject": st.fixed_dictionaries({"reference": REFERENCE}),
        "odd": st.one_of(TEXT, NUMBER, st.lists(TEXT, max_size=2)),
    },
)
RESOURCE = st.builds(lambda fields, value: {**fields, **value}, FIELDS, CHOICE)

ATOMS = [
    "$this", "id", "active", "count", "name", "name.use", "name.family", "name.given", "name.period.start",
    "name[0]", "name[1].given", "value", "value.ofType(string)", "value.ofType(Quantity).value",
    "value.ofType(integer)", "extension('u').value.ofType(string)", "name.extension('v').value", "nothing",
    "subject.getReferenceKey()", "subject.getReferenceKey(Patient)", "getResourceKey()", "%rowIndex", "{}",
    "'a'", "'official'", "1", "0.5", "true", "@2020-01-02", "given", "use", "family",
    "active.extension('u').value", "name.given.extension('u').value.ofType(string)", "extension",
    "name.given.id", "value.ofType(boolean)",
]  # fmt: skip
SIGNS = ("=", "!=", "<", ">=", "and", "or", "xor", "implies", "+", "*", "|")
TEMPLATES = [
    "value.exists()", "{0}.first()", "{0}.last()", "{0}.exists()", "{0}.empty()", "{0}.not()", "{0}.count()",
    "{0}.join('/')", "{0}[0]", "{0}[1]", "{0}.where({1})", "{0}.exists({1})", "{0}.select({1})",
    "{0}.startsWith('a')", "{0}.value", "{0}.given", "{0}.use",
    "{0}.hasValue()", "{0}.extension('u')", "{0}.extension.url", "{0}.id", "{0}.single()",
    *(f"({{0}} {sign} {{1}})" for sign in SIGNS),
]  # fmt: skip
PATH = st.recursive(
    st.sampled_from(ATOMS),
    lambda inner: st.builds(str.format, st.sampled_from(TEMPLATES), inner, inner),
    max_leaves=4,
)


BLOCKS = st.lists(st.lists(RESOURCE, min_size=1, max_size=4).map(data_of), min_size=1, max_size=3)

_PLAIN: Any = {"collection": False, "kind": None}


@settings(max_examples=200, deadline=None)
@given(BLOCKS, PATH, st.booleans(), st.sampled_from([None, "string", "boolean", "integer", "decimal"]))
@example(blocks=[data_of([{"resourceType": "Patient", "name": [{}]}])], path="name.hasValue()", **_PLAIN)
@example(
    blocks=[data_of([{"resourceType": "Patient", "odd": 1}, {"resourceType": "Patient", "odd": {}}])],
    path="odd.hasValue()",
    **_PLAIN,
)
def test_columns_agree(blocks: list[bytes], path: str, collection: bool, kind: str | None) -> None:  # noqa: FBT001
    column = {"name": "v", "path": path, "collection": collection, **({"type": kind} if kind else {})}
    view = {"resource": "Patient", "select": [{"column": [column]}]}
    assert run(view, blocks, compiled=True) == run(view, blocks, compiled=False)


@settings(max_examples=100, deadline=None)
@given(
    BLOCKS, st.sampled_from(["name", "name.given", "extension", "value", "name.where(use = 'a')"]), PATH, PATH
)
def test_rows_agree(blocks: list[bytes], each: str, path: str, condition: str) -> None:
    columns = [{"name": "v", "path": path, "collection": True}, {"name": "n", "path": "%rowIndex"}]
    inner = [{"forEachOrNull": "given", "column": [{"name": "g", "path": "$this"}]}]
    outer = {"column": [{"name": "id", "path": "id"}]}
    view = {
        "resource": "Patient",
        "where": [{"path": f"({condition}).exists()"}],
        "select": [outer, {"forEachOrNull": each, "column": columns, "select": inner}],
    }
    assert run(view, blocks, compiled=True) == run(view, blocks, compiled=False)
