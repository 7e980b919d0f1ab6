"""lowBoundary and highBoundary: the range that a number, a date or a time can have been rounded from."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from lro_notebook.errors import ResultError
from lro_notebook.fhirpath.temporal import boundary
from lro_notebook.fhirpath.values import decimal_boundary

if TYPE_CHECKING:
    from collections.abc import Callable

    Values = Callable[..., list[Any]]


@pytest.mark.parametrize(
    ("number", "places", "low", "high"),
    [
        ("1.587", None, "1.58650000", "1.58750000"),
        ("1.587", 6, "1.586500", "1.587500"),
        ("1.587", 2, "1.58", "1.59"),
        ("1.587", 0, "1", "2"),
        ("-1.587", None, "-1.58750000", "-1.58650000"),
        ("-1.587", 2, "-1.59", "-1.58"),
        ("-1.587", 0, "-2", "-1"),
        ("1.0", None, "0.95000000", "1.05000000"),
        ("1.00", None, "0.99500000", "1.00500000"),
        ("1", None, "0.50000000", "1.50000000"),
        ("0", None, "-0.50000000", "0.50000000"),
        ("120", 2, "119.50", "120.50"),
        ("1E2", 1, "99.5", "100.5"),
    ],
)
def test_a_number_has_half_of_its_last_place_around_it(
    number: str, places: int | None, low: str, high: str
) -> None:
    assert str(decimal_boundary(Decimal(number), high=False, precision=places)) == low
    assert str(decimal_boundary(Decimal(number), high=True, precision=places)) == high


@pytest.mark.parametrize("places", [-1, 32, 39])
def test_a_precision_that_decimals_do_not_have_gives_nothing(places: int) -> None:
    assert decimal_boundary(Decimal("1.587"), high=False, precision=places) is None


@pytest.mark.parametrize(
    ("text", "kind", "digits", "low", "high"),
    [
        ("1970-06", "date", None, "1970-06-01", "1970-06-30"),
        ("1970", "date", None, "1970-01-01", "1970-12-31"),
        ("2024-02", "date", None, "2024-02-01", "2024-02-29"),
        ("1900-02", "date", None, "1900-02-01", "1900-02-28"),
        ("1970-06-05", "date", None, "1970-06-05", "1970-06-05"),
        ("2014", "date", 6, "2014-01", "2014-12"),
        ("2014-05-06", "date", 4, "2014", "2014"),
        ("2014", "date", 17, None, None),
        ("2014", "date", 5, None, None),
        ("2010-10-10", "dateTime", None, "2010-10-10T00:00:00.000+14:00", "2010-10-10T23:59:59.999-12:00"),
        ("2010", "dateTime", None, "2010-01-01T00:00:00.000+14:00", "2010-12-31T23:59:59.999-12:00"),
        ("2010-10-10", "dateTime", 8, "2010-10-10", "2010-10-10"),
        ("2010-10-10T08:05Z", "dateTime", None, "2010-10-10T08:05:00.000Z", "2010-10-10T08:05:59.999Z"),
        (
            "2014-01-01T08:05:09+08:00",
            "dateTime",
            17,
            "2014-01-01T08:05:09.000+08:00",
            "2014-01-01T08:05:09.999+08:00",
        ),
        (
            "2014-01-01T08:05:09.123-05:00",
            "instant",
            None,
            "2014-01-01T08:05:09.123-05:00",
            "2014-01-01T08:05:09.123-05:00",
        ),
        ("2014-01-01T08", "DateTime", 17, "2014-01-01T08:00:00.000+14:00", "2014-01-01T08:59:59.999-12:00"),
        ("12:34", "time", None, "12:34:00.000", "12:34:59.999"),
        ("12:34:56", "time", None, "12:34:56.000", "12:34:56.999"),
        ("12", "Time", 4, "12:00", "12:59"),
        ("12:34", "time", 17, None, None),
    ],
)
def test_a_date_or_time_begins_and_ends_with_what_it_does_not_say(
    text: str, kind: str, digits: int | None, low: str | None, high: str | None
) -> None:
    assert boundary(text, kind, high=False, precision=digits) == low
    assert boundary(text, kind, high=True, precision=digits) == high


def test_bounds_use_the_digits_that_the_file_has(values: Values) -> None:
    lines = [
        '{"resourceType":"Observation","id":"a","valueQuantity":{"value":1.0}}',
        '{"resourceType":"Observation","id":"b","valueQuantity":{"value":1.00}}',
        '{"resourceType":"Observation","id":"c","valueQuantity":{"value":1}}',
        '{"resourceType":"Observation","id":"d"}',
    ]
    path = "value.ofType(Quantity).value.{}()"
    assert values(path.format("lowBoundary"), *lines, type="decimal") == [0.95, 0.995, 0.5, None]


def test_what_an_element_is_decides_whether_it_is_a_date_or_a_date_and_time(values: Values) -> None:
    patient = {"resourceType": "Patient", "birthDate": "1970-06", "deceasedDateTime": "2010-10-10"}
    patient["name"] = [{"period": {"start": "2001", "end": "2002-03"}}]  # type: ignore[assignment]
    assert values("birthDate.highBoundary()", patient, type="date") == ["1970-06-30"]


def test_a_choice_element_has_the_type_in_its_name(values: Values) -> None:
    observation = {"resourceType": "Observation", "effectiveDateTime": "2010-10-10"}
    assert values("effective.ofType(dateTime).lowBoundary()", observation, type="dateTime") == [
        "2010-10-10T00:00:00.000+14:00"
    ]


def test_a_period_has_the_bounds_of_its_ends(values: Values) -> None:
    encounter = {"resourceType": "Encounter", "period": {"start": "2001-02-03", "end": "2002"}}
    paths = "period.lowBoundary(8) & '/' & period.highBoundary()"
    assert values(paths, encounter) == ["2001-02-03/2002-12-31T23:59:59.999-12:00"]


def test_bounds_of_several_or_of_what_has_none_are_errors(values: Values) -> None:
    patient = {"resourceType": "Patient", "name": [{"family": "A"}], "photo": [{"size": 1}, {"size": 2}]}
    for path in ("name.family.lowBoundary()", "photo.size.highBoundary()"):
        with pytest.raises(ResultError, match=r"path 'name|path 'photo"):
            values(path, patient)
