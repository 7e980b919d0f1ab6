"""Searches where things are odd: whole addresses as references, open ranges, parameters that change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest
from local.fhir.search_store import Store

from lro_notebook.local.core.service_errors import ServiceError
from lro_notebook.local.fhir.search import execution, index, query, routes
from lro_notebook.local.fhir.search.conditions import Place
from lro_notebook.local.fhir.search.index import Indexed
from lro_notebook.local.fhir.search.parameters import Parameter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    yield store
    store.database.close()


def _condition(identifier: str, **more: object) -> dict[str, Any]:
    return {"resourceType": "Condition", "id": identifier, **more}


def test_a_whole_address_within_the_store_is_the_reference_that_it_ends_in(store: Store) -> None:
    """http://hl7.org/fhir/R4/search.html#reference: both are the same where they lead to the same."""
    base = f"http://127.0.0.1:1234/v1/{store.store.name}/fhir"
    addresses = {
        "own": f"{base}/Patient/p",
        "version": f"{base}/Patient/p/_history/3",
        "relative": "Patient/p",
        "foreign": f"http://127.0.0.1:1234/v1/{store.store.name}-2/fhir/Patient/p",
    }
    store.put(
        {"resourceType": "Patient", "id": "p", "gender": "male"},
        *(_condition(name, subject={"reference": address}) for name, address in addresses.items()),
    )
    ours = ["own", "relative", "version"]
    searches = ("subject=Patient/p", "patient=p", f"subject={base}/Patient/p", "patient.gender=male")
    assert {each: sorted(store.find(f"Condition?{each}")) for each in searches} == dict.fromkeys(
        searches, ours
    )
    assert store.find("Patient?_has:Condition:subject:_id=own") == ["p"]
    assert store.find(f"Condition?subject={addresses['foreign']}") == ["foreign"]


def _paged(store: Store, text: str) -> list[str]:
    """Return the ids of a search, page by page, with the tokens as they travel."""
    type_, _, criteria = text.partition("?")
    search = query.read(type_, [("_sort", criteria), ("_count", "1")], query.Vocabulary("", {}), strict=True)
    after, found = None, list[str]()
    for _ in range(20):
        with store.database.write() as connection:
            while (keys := index.keys(connection, store.store.key, search.needs())) is None:
                index.build(connection, store.store.key, search.needs(), limit=100)
            page = execution.run(connection, search, Place(store.store.key, type_, keys), after=after)
            found += [
                connection.execute("SELECT id FROM resources WHERE rowid = ?", hit[:1]).fetchone()[0]
                for hit in page.hits
            ]
        if not page.more:
            return found
        after = orjson.loads(orjson.dumps(page.hits[-1].keys))
    pytest.fail("the pages do not end")


def test_open_ranges_have_a_place_in_the_order_of_every_page(store: Store) -> None:
    store.put(
        _condition("below", onsetRange={"high": {"value": 5}}),
        _condition("at", onsetAge={"value": 5}),
        _condition("above", onsetRange={"low": {"value": 7}}),
        _condition("none"),
    )
    assert _paged(store, "Condition?onset-age,_id") == ["below", "at", "above", "none"]
    assert _paged(store, "Condition?-onset-age,_id") == ["above", "at", "below", "none"]
    assert store.find("Condition?onset-age=gt1e300") == ["above"]


def test_a_build_follows_a_parameter_that_is_configured_otherwise_meanwhile(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "BUILD_STEP", 3)
    store.put(*({"resourceType": "Patient", "id": f"p{n}", "gender": "male"} for n in range(10)))
    old, new = (
        Indexed("Patient", Parameter("mine", "token", f"Patient.{field}")) for field in ("active", "gender")
    )
    configured, turns = [old], 0

    def others_search(_: float) -> None:
        nonlocal turns
        turns += 1
        assert turns < 20, "two searches make the index anew in turn, and neither ends"
        configured[0] = new
        with store.database.write() as connection:
            if index.keys(connection, store.store.key, [new]) is None:
                index.build(connection, store.store.key, [new], limit=3)

    execution.build(store.database, store.store, lambda _: list(configured), sleep=others_search)
    with store.database.read() as connection:
        assert index.keys(connection, store.store.key, [new]) is not None
    assert store.index_rows() == 10


def test_many_values_are_met_each_and_too_many_are_refused(store: Store) -> None:
    store.put(*({"resourceType": "Patient", "id": f"p{n}", "name": [{"family": f"n{n}."}]} for n in range(9)))
    values = ",".join(f"n{n}x" if n > 5 else f"n{n}" for n in range(1_000))
    found = [f"p{n}" for n in range(6)]
    assert sorted(store.find(f"Patient?name={values}")) == found
    assert sorted(store.find(f"Patient?name={values}&_id=p1,p2,p7")) == ["p1", "p2"]
    assert len(store.find("Patient?_id=" + ",".join(f"p{n}" for n in range(20_000)))) == 9
    with pytest.raises(ServiceError, match="at most 5000 values"):
        store.find("Patient?name=" + "a," * 30_000)


def test_several_types_are_in_the_order_that_they_can_be_in() -> None:
    pairs = [("_sort", "-_lastUpdated"), ("_count", "2")]
    types = ("Patient", "Condition")
    assert len(routes.of_types(pairs, query.Vocabulary("", {}), types, strict=True)) == 2
    with pytest.raises(ServiceError, match="in the order of -_lastUpdated only"):
        routes.of_types([("_sort", "_lastUpdated")], query.Vocabulary("", {}), types, strict=True)


@pytest.mark.parametrize("step", ["has-member.", "has-member:Observation.", "_has:Observation:has-member:"])
@pytest.mark.parametrize(
    "last", ["code=x", "code:not=y", "code:missing=false", "_id=o0", "_lastUpdated=gt2020"]
)
def test_chains_are_followed_as_far_as_is_said(store: Store, step: str, last: str) -> None:
    for number in range(5):  # each has the one before as a member, and the first has the last
        member = {"reference": f"Observation/o{(number - 1) % 5}"}
        code = {"coding": [{"code": "x"}]}
        store.put({"resourceType": "Observation", "id": f"o{number}", "code": code, "hasMember": [member]})
    way = -1 if step.startswith("_has") else 1
    for steps in (1, 3):
        expected = [f"o{way * steps % 5}"] if last == "_id=o0" else [f"o{number}" for number in range(5)]
        for more in ("", "&code=x&_sort=-code"):
            assert sorted(store.find(f"Observation?{step * steps}{last}{more}")) == expected
    with pytest.raises(ServiceError, match="at most 3 steps"):
        store.find(f"Observation?{step * 4}{last}")
