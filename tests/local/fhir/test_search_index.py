"""The search index: right from the first search on, whatever is written, deleted or configured later."""

from __future__ import annotations

import json
import random
import sqlite3
from calendar import monthrange
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from local.fhir.search_store import DATASET, Store

from lro_notebook.errors import ConfigError
from lro_notebook.local import registry
from lro_notebook.local.core.database import SCHEMA_VERSION, Database
from lro_notebook.local.datasets import stores
from lro_notebook.local.fhir import rows
from lro_notebook.local.fhir.rows import Stored
from lro_notebook.local.fhir.search import date_ranges, execution, index, parameter_expressions, parameters
from lro_notebook.local.fhir.search.index import Indexed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    yield store
    store.database.close()


def _patient(identifier: str, gender: str = "male", **more: object) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": identifier, "gender": gender, **more}


def test_nobody_pays_who_never_searches(store: Store) -> None:
    store.put(_patient("a"))
    assert store.find("Patient?_id=a") == ["a"]
    assert store.index_rows() == 0


def test_what_is_written_later_is_found(store: Store) -> None:
    store.put(_patient("a"))
    assert store.find("Patient?gender=male") == ["a"]
    store.put(_patient("b"), _patient("c", "female"), _patient("b", "female"), _patient("d"))
    assert sorted(store.find("Patient?gender=male")) == ["a", "d"]
    store.put(_patient("a", "female"))
    assert sorted(store.find("Patient?gender=female")) == ["a", "b", "c"]
    assert store.find("Patient?gender=male") == ["d"]


def test_what_is_deleted_is_found_no_more_and_leaves_nothing(store: Store) -> None:
    store.put(_patient("a", birthDate="1980"), _patient("b", birthDate="1980"))
    assert len(store.find("Patient?gender=male&birthdate=1980")) == 2
    store.delete("Patient", "a")
    assert store.find("Patient?gender=male&birthdate=1980") == ["b"]
    with store.database.write() as connection:
        rows.purge(connection, store.store.key, ("Patient", "b"), until=None, current=True)
    assert store.find("Patient?gender=male") == []
    assert store.index_rows() == 0


def test_versions_that_are_imported_with_their_own_times_are_found(store: Store) -> None:
    store.put(_patient("a"))
    assert store.find("Patient?gender=male") == ["a"]
    body = b'{"resourceType":"Patient","id":"old","gender":"male"}'
    with store.database.write() as connection:
        rows.insert_versions(connection, store.store.key, "Patient", [Stored("old", 1, 1_000, body)])
    assert store.find("Patient?gender=male") == ["a", "old"]
    assert store.find("Patient?_lastUpdated=1970&gender=male") == ["old"]


def test_a_deleted_store_leaves_nothing(store: Store) -> None:
    store.put(_patient("a", birthDate="1980"))
    assert store.find("Patient?gender=male&birthdate=1980") == ["a"]
    with store.database.write() as connection:
        stores.delete_store(connection, DATASET, "s", collection="fhirStores")
    assert store.index_rows() == 0
    with store.database.read() as connection:
        assert connection.execute("SELECT count(*) FROM search_parameters").fetchone() == (0,)


def test_stores_do_not_find_what_others_have(store: Store) -> None:
    store.put(_patient("a"))
    assert store.find("Patient?gender=male") == ["a"]
    with store.database.write() as connection:
        stores.add_store(connection, DATASET, "other", {}, collection="fhirStores")
        store.store = stores.find_store(connection, DATASET, "other", collection="fhirStores")
    assert store.find("Patient?gender=male") == []


def test_the_index_is_built_in_steps_between_which_others_write(store: Store) -> None:
    for number in range(10):
        store.put(_patient(f"p{number}"))
    needed = [Indexed("Patient", parameters.standard("Patient")["gender"])]
    key = store.store.key
    for step in range(4):
        with store.database.write() as connection:
            assert index.keys(connection, key, needed) is None
            index.build(connection, key, needed, limit=3)
        store.put(_patient("p0", f"changed-{step}"), _patient(f"new{step}"))
        store.delete("Patient", f"p{step + 5}")
    while True:
        with store.database.write() as connection:
            if index.keys(connection, key, needed) is not None:
                break
            index.build(connection, key, needed, limit=3)
    expected = {*(f"p{number}" for number in (1, 2, 3, 4, 9)), *(f"new{step}" for step in range(4))}
    assert set(store.find("Patient?gender=male")) == expected
    assert store.find("Patient?gender=changed-3") == ["p0"]
    assert store.find("Patient?gender=changed-2") == []


def test_data_of_the_version_before_is_opened_and_searched(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.put(_patient("a"))
    with store.database.write() as connection:
        for trigger in ("parameter_deleted", "resource_deleted", "resource_replaced"):
            connection.execute(f"DROP TRIGGER search_{trigger}")
        for table in ("parameters", "texts", "ranges"):
            connection.execute(f"DROP TABLE search_{table}")
        connection.execute("DROP INDEX resources_updated")
        connection.execute("PRAGMA user_version = 2")
    store.database.close()
    store.database = Database(tmp_path / "service.sqlite3", registry.tables())
    assert store.find("Patient?gender=male") == ["a"]
    store.put(_patient("b"))
    assert store.find("Patient?gender=male") == ["b", "a"]
    store.database.close()
    with closing(sqlite3.connect(tmp_path / "service.sqlite3")) as connection, connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(ConfigError, match="has schema version 99"):
        Database(tmp_path / "service.sqlite3", registry.tables())


def test_large_sets_are_met_in_the_order_of_their_change_and_found_the_same(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(7)  # noqa: S311 - the same each time
    for number in range(60):
        gender = chance.choice(["male", "female"])
        store.put(
            _patient(f"p{number}", gender, birthDate=_some_date(chance)[:10], active=chance.random() < 0.5)
        )
    searches = [
        "Patient?gender=male",
        "Patient?gender=male&active=true",
        "Patient?gender:not=male&birthdate=ge2021",
        "Patient?birthdate=ge2021&_lastUpdated=gt2020",
        "Patient?active=true,false&gender=female",
        "Patient?active:missing=false",
    ]
    sorted_ = [store.find(search) for search in searches]
    monkeypatch.setattr(execution, "_SORTED_MAX", 2)
    assert [store.find(search) for search in searches] == sorted_
    assert all(sorted_)


def test_every_parameter_of_the_standard_can_be_indexed() -> None:
    empty = 0
    for type_ in ("Patient", "Observation", "Bundle", "Group", "ActivityDefinition", "Task", "Encounter"):
        assert len(parameters.standard(type_)) > 8
        for each in parameters.standard(type_).values():
            walk = parameter_expressions.walker(each.expression, type_, each.systems)
            empty += walk({"resourceType": type_}) == []
    assert empty > 100


def _naive_span(text: str) -> tuple[datetime, datetime]:
    """Return start and end of a date, by the calendar."""
    day, _, clock = text.partition("T")
    numbers = [int(part) for part in day.split("-")]
    year, month, date = (*numbers, *(1, 1)[: 3 - len(numbers)])[:3] if len(numbers) < 3 else numbers
    start = datetime(year, month, date, tzinfo=UTC)
    if clock:
        hour, minute = (int(part) for part in clock.rstrip("Z").split(":")[:2])
        start += timedelta(hours=hour, minutes=minute)
        return start, start + timedelta(minutes=1)
    days = {1: 366 if year % 4 == 0 else 365, 2: monthrange(year, month)[1], 3: 1}[len(numbers)]
    return start, start + timedelta(days=days)


def _naive_date(prefix: str, wanted: str, kept: str) -> bool:
    """Compare as http://hl7.org/fhir/R4/search.html#prefix words it."""
    (first, last), (low, high) = _naive_span(wanted), _naive_span(kept)
    contains, above, below = first <= low and high <= last, high > last, low < first
    return {
        "eq": contains,
        "ne": not contains,
        "gt": above,
        "lt": below,
        "ge": above or contains,
        "le": below or contains,
        "sa": low >= last,
        "eb": high <= first,
    }[prefix]


def _some_date(chance: random.Random) -> str:
    parts = [
        f"20{chance.randrange(20, 23)}",
        f"{chance.randrange(1, 13):02d}",
        f"{chance.randrange(1, 29):02d}",
    ]
    clock = f"T{chance.randrange(24):02d}:{chance.randrange(60):02d}Z" if chance.random() < 0.3 else ""
    return "-".join(parts) + clock if clock else "-".join(parts[: chance.randrange(1, 4)])


def test_dates_are_compared_as_a_naive_reading_of_the_standard_does(store: Store) -> None:
    chance = random.Random(22)  # noqa: S311 - the same each time
    kept = {f"o{number}": _some_date(chance) for number in range(60)}
    store.put(
        *(
            {"resourceType": "Observation", "id": identifier, "effectiveDateTime": date}
            for identifier, date in kept.items()
        )
    )
    for _ in range(250):
        prefix = chance.choice(["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb"])
        wanted = _some_date(chance) if chance.random() < 0.5 else chance.choice(list(kept.values()))
        expected = {identifier for identifier, date in kept.items() if _naive_date(prefix, wanted, date)}
        assert set(store.find(f"Observation?date={prefix}{wanted}")) == expected, (prefix, wanted)


def test_tokens_are_compared_as_a_naive_reading_of_the_standard_does(store: Store) -> None:
    chance = random.Random(22)  # noqa: S311 - the same each time
    systems, codes = ["", "urn:a", "urn:b"], ["x", "y", "z"]
    pairs = [(system, code) for system in systems for code in codes]
    kept = {f"o{number}": chance.sample(pairs, chance.randrange(3)) for number in range(60)}
    for identifier, held in kept.items():
        codings = [{"code": code, **({"system": system} if system else {})} for system, code in held]
        document: dict[str, Any] = {"resourceType": "Observation", "id": identifier}
        store.put({**document, **({"code": {"coding": codings}} if codings else {})})

    def naive(value: str, held: list[tuple[str, str]]) -> bool:
        system, bar, code = value.partition("|")
        return any(
            (own_code == value if not bar else own_system == system and code in ("", own_code))
            for own_system, own_code in held
        )

    for _ in range(250):
        values = [
            chance.choice([code, f"{system}|{code}", f"{system}|" if system else code])
            for system, code in chance.sample(pairs, chance.randrange(1, 3))
        ]
        negated = chance.random() < 0.3
        expected = {
            identifier
            for identifier, held in kept.items()
            if any(naive(value, held) for value in values) != negated
        }
        search = f"Observation?code{':not' * negated}={','.join(values)}"
        assert set(store.find(search)) == expected, search


@pytest.mark.parametrize(
    ("text", "low", "seconds"),
    [
        ("2026", "2026-01-01T00:00:00Z", 365 * 86_400),
        ("2024-02", "2024-02-01T00:00:00Z", 29 * 86_400),
        ("2024-12", "2024-12-01T00:00:00Z", 31 * 86_400),
        ("2026-03-01", "2026-03-01T00:00:00Z", 86_400),
        ("2026-03-01T09:30", "2026-03-01T09:30:00Z", 60),
        ("2026-03-01T09:30:15", "2026-03-01T09:30:15Z", 1),
        ("2026-03-01T09:30:15-05:00", "2026-03-01T14:30:15Z", 1),
        ("2026-03-01T09:30-05:00", "2026-03-01T14:30:00Z", 60),
        ("2026-03-01T09:30:15.25Z", "2026-03-01T09:30:15.25Z", 0.01),
        ("2026-03-01T09:30:15.123456789Z", "2026-03-01T09:30:15.123456Z", 0.000001),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z", 1),
        ("9999-12-31", "9999-12-31T00:00:00Z", 86_400),
    ],
)
def test_a_date_means_all_that_it_can_mean(text: str, low: str, seconds: float) -> None:
    start = datetime.fromisoformat(low) - datetime(1970, 1, 1, tzinfo=UTC)
    microseconds = start // timedelta(microseconds=1)
    assert date_ranges.span(text) == (microseconds, microseconds + round(seconds * 1_000_000))


@pytest.mark.parametrize(
    "text", ["", "x", "26", "2026-13", "2026-02-30", "2026-02-01T25:00Z", "0000", "2026-W01-1", None, 2026]
)
def test_what_is_no_date_means_nothing(text: object) -> None:
    assert date_ranges.span(text) is None


def test_real_resources_are_found_as_reading_them_all_finds_them(store: Store, data: Path) -> None:
    by_type: dict[str, list[dict[str, Any]]] = {"Patient": [], "Condition": []}
    for type_, documents in by_type.items():
        for path in sorted((data / "synthea-10").glob(f"*{type_}*.ndjson")):
            documents += [json.loads(line) for line in path.read_text().splitlines()]
        store.put(*documents)
    active = [
        each["subject"]["reference"].removeprefix("Patient/")
        for each in by_type["Condition"]
        if any(coding["code"] == "active" for coding in each["clinicalStatus"]["coding"])
    ]
    men = {
        each["id"] for each in by_type["Patient"] if each["gender"] == "male" and each["birthDate"] < "1980"
    }
    assert len(active) > 50
    assert len(store.find("Condition?clinical-status=active")) == len(active)
    assert set(store.find("Patient?_has:Condition:patient:clinical-status=active")) == set(active)
    assert set(store.find("Patient?gender=male&birthdate=lt1980")) == men
    theirs = [each["id"] for each in by_type["Condition"] if each["subject"]["reference"][8:] in men]
    assert sorted(store.find("Condition?patient.gender=male&patient.birthdate=lt1980")) == sorted(theirs)
