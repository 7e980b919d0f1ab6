"""The filter of HL7v2 messages, on rows in SQLite."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from lro_notebook.local.core.service_errors import ServiceError
from lro_notebook.local.hl7v2.message_filter import compile_filter

if TYPE_CHECKING:
    from collections.abc import Iterator


def _sent(day: int, hour: int = 12) -> int:
    return int(datetime(2026, 1, day, hour, tzinfo=UTC).timestamp() * 1e6)


@pytest.fixture
def rows() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE messages (id, type, facility, sent, created, labels, patients)")
    connection.executemany(
        "INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            ("a", "ADT", "NORTH", _sent(1), _sent(20), '{"priority":"high"}', '[{"value":"1","type":"MRN"}]'),
            ("b", "ORU", "SOUTH", _sent(2, 1), _sent(21), "{}", '[{"value":"1","type":"SS"},{"value":"2"}]'),
            ("c", "ADT", "NORTHEAST", None, _sent(22), '{"priority":"low"}', "[]"),
        ],
    )
    yield connection
    connection.close()


def found(rows: sqlite3.Connection, text: str, zone: str = "UTC") -> str:
    clause = compile_filter(text, ZoneInfo(zone))
    query = f"SELECT id FROM messages WHERE 1 AND {clause.sql} ORDER BY id"  # noqa: S608 - what is tested
    return "".join(identifier for (identifier,) in rows.execute(query, clause.values))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "abc"),
        ('message_type = "ADT"', "ac"),
        ("messageType=ORU", "b"),
        ('NOT message_type = "ADT"', "b"),
        ('send_facility = "NORTH"', "ac"),  # a text is searched for in the field
        ('message_type = "ADT" AND send_facility = "EAST"', "c"),
        ('message_type = "ORU" OR labels."priority":*', "abc"),
        ('labels.priority = "high"', "a"),
        ('NOT labels."priority" = "high"', "bc"),
        ('PatientId("1", "MRN")', "a"),
        ('PatientId("2", "")', "b"),
        ('send_time < "2026-01-02T00:00:00Z"', "a"),
        ('NOT send_time < "2026-01-02T00:00:00Z"', "bc"),
        ('create_time >= "2026-01-21T12:00:00Z"', "bc"),
        ('send_date = "2026-01-01"', "a"),
        ('send_date > "2026-01-01"', "b"),
        ('send_date <= "2026-01-02"', "ab"),
        ('send_date < "2026-01-02"', "a"),
        ('send_date >= "2026-01-02"', "b"),
    ],
)
def test_a_filter_finds_what_it_says(rows: sqlite3.Connection, text: str, expected: str) -> None:
    assert found(rows, text) == expected


def test_dates_are_days_of_the_zone_of_the_dataset(rows: sqlite3.Connection) -> None:
    assert found(rows, 'send_date = "2026-01-01"', "America/New_York") == "ab"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("message_type", "cannot be parsed"),
        ('message_type < "A"', "cannot be parsed"),
        ('comment = "x"', "cannot be parsed"),
        ('message_type = "A" message_type = "B"', "cannot be parsed"),
        ('message_type = "A" AND', "cannot be parsed"),
        ('message_type = "A" AND send_facility = "B" OR send_facility = "C"', "AND and OR"),
        ('send_time < "today"', "time such as"),
        ('send_date = "31.1.2026"', "date such as"),
        ('send_date = "9999-12-31"', "date such as"),
        ('PatientId("1")', "PatientId"),
        ("labels", "cannot be parsed"),
        ('labels."x" < "y"', "cannot be parsed"),
        ("'; DROP TABLE messages", "cannot be parsed"),
    ],
)
def test_a_filter_that_cannot_be_read_is_refused_with_an_example(text: str, said: str) -> None:
    with pytest.raises(ServiceError, match=said):
        compile_filter(text)
