"""The functions and operators of FHIRPath, with values worked out by hand from http://hl7.org/fhirpath/N1."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from lro_notebook.errors import ResultError
from lro_notebook.fhirpath.interpreter import evaluate
from lro_notebook.fhirpath.parser import parse
from lro_notebook.fhirpath.registry import FUNCTIONS
from lro_notebook.fhirpath.scope import Scope
from lro_notebook.fhirpath.units import Quantity
from lro_notebook.fhirpath.values import Item

ORGANIZATION = {"resourceType": "Organization", "id": "o1", "name": "Clinic"}
PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p1",
    "active": True,
    "birthDate": "1970-06-05",
    "name": [{"use": "official", "given": ["Ann", "Bea"]}, {"use": "usual", "given": ["Ann"]}],
    "multipleBirthInteger": 2,
    "contained": [{"resourceType": "Device", "id": "d", "name": "Pump"}],
    "managingOrganization": {"reference": "Organization/o1"},
    "generalPractitioner": [{"reference": "#d"}, {"reference": "Practitioner/none"}],
    "extension": [{"url": "u", "valueQuantity": {"value": 5.5, "unit": "milligram", "code": "mg"}}],
    "item": [{"linkId": "1", "item": [{"linkId": "1.1", "item": [{"linkId": "1.1.1"}]}]}, {"linkId": "2"}],
    "weights": [70.1, 80, 0.1],
}
NOW = datetime(2026, 11, 29, 8, 30, 15, 250_000, UTC)


def values(path: str) -> list[Any]:
    """Return what a path gives on the patient."""
    root = Item(PATIENT)

    def resolve(reference: str) -> dict[str, Any] | None:
        return ORGANIZATION if reference == "Organization/o1" else None

    return [item.value for item in evaluate(parse(path), [root], Scope(root, resolve=resolve, now=NOW))]


CASES: dict[str, list[tuple[str, Any]]] = {
    "existence": [
        ("name.exists()", True),
        ("name.exists(use = 'old')", False),
        ("name.empty()", False),
        ("nothing.empty()", True),
        ("name.all(given.exists())", True),
        ("nothing.all(false)", True),
        ("(true | false).allTrue()", False),
        ("nothing.allTrue()", True),
        ("(true | false).anyTrue()", True),
        ("nothing.anyTrue()", False),
        ("(true | false).allFalse()", False),
        ("nothing.allFalse()", True),
        ("(true | false).anyFalse()", True),
        ("nothing.anyFalse()", False),
        ("active.not()", False),
        ("nothing.not()", None),
        ("(1 | 2).subsetOf(1 | 2 | 3)", True),
        ("(1 | 4).subsetOf(1 | 2 | 3)", False),
        ("nothing.subsetOf(1 | 2)", True),
        ("(1 | 2 | 3).supersetOf(1 | 2)", True),
        ("(1 | 2).supersetOf(1 | 4)", False),
        ("(1 | 2).supersetOf({})", True),
        ("name.given.count()", 3),
        ("nothing.count()", 0),
        ("name.given.distinct()", ["Ann", "Bea"]),
        ("name.given.isDistinct()", False),
        ("name.use.isDistinct()", True),
        ("nothing.isDistinct()", True),
    ],
    "filters": [
        ("name.where(use = 'usual').given", "Ann"),
        ("name.where($index = 1).use", "usual"),
        ("name.select(given.count())", [2, 1]),
        ("name.select($index)", [0, 1]),
        ("repeat(item).linkId", ["1", "2", "1.1", "1.1.1"]),
        ("name.repeat('x')", "x"),
        ("multipleBirth.ofType(integer)", 2),
        ("multipleBirth.ofType(string)", None),
        ("(1 | 2 | 3).aggregate($this + $total, 0)", 6),
        ("(3 | 1 | 2).aggregate(iif($total.empty(), $this, iif($this < $total, $this, $total)))", 1),
        ("iif(active, 'yes', 'no')", "yes"),
        ("iif(nothing, 'yes')", None),
        ("name.given.trace('given').count()", 3),
    ],
    "parts": [
        ("name.given[1]", "Bea"),
        ("name.given[9]", None),
        ("name.given.first()", "Ann"),
        ("name.use.last()", "usual"),
        ("name.given.tail()", ["Bea", "Ann"]),
        ("name.given.skip(2)", "Ann"),
        ("name.given.skip(-1)", ["Ann", "Bea", "Ann"]),
        ("name.given.take(2)", ["Ann", "Bea"]),
        ("name.given.take(0)", None),
        ("active.single()", True),
        ("nothing.single()", None),
        ("(1 | 2 | 3).intersect(2 | 3 | 4)", [2, 3]),
        ("name.given.exclude('Bea')", ["Ann", "Ann"]),
    ],
    "combinations": [
        ("name.given.union('Cy')", ["Ann", "Bea", "Cy"]),
        ("name.given | 'Cy'", ["Ann", "Bea", "Cy"]),
        ("1 | 1.0 | true | '1'", [1, True, "1"]),
        ("@2018-03-01T10:00:00Z | @2018-03-01T12:00:00+02:00", "2018-03-01T10:00:00Z"),
        ("(1 'g' | 1000 'mg' | 1 'mg').count()", 2),
        ("name.given.combine('Ann').count()", 4),
    ],
    "conversions": [
        ("'12'.toInteger()", 12),
        ("'+12'.toInteger()", 12),
        ("'1.5'.toInteger()", None),
        ("true.toInteger()", 1),
        ("'1.50'.toDecimal()", Decimal("1.50")),
        ("3.toDecimal()", 3),
        ("'x'.toDecimal()", None),
        ("1.5.toString()", "1.5"),
        ("true.toString()", "true"),
        ("(5.5 'mg').toString()", "5.5 'mg'"),
        ("'T'.toBoolean()", True),
        ("'no'.toBoolean()", False),
        ("0.toBoolean()", False),
        ("2.toBoolean()", None),
        ("'maybe'.toBoolean()", None),
        ("'2020-01-31T10:00:00Z'.toDate()", "2020-01-31"),
        ("'2020-13'.toDate()", None),
        ("'2020-01'.toDateTime()", "2020-01"),
        ("'10:30'.toTime()", "10:30"),
        ("'2020'.toTime()", None),
        ("'5.5 \\'mg\\''.toQuantity()", Quantity(Decimal("5.5"), "mg")),
        ("'4 days'.toQuantity()", Quantity(Decimal(4), "day", calendar=True)),
        ("5.toQuantity()", Quantity(Decimal(5))),
        ("'5 furlongs'.toQuantity()", None),
        ("(1 'g').toQuantity('mg') = 1000 'mg'", True),
        ("(1 'g').toQuantity('m')", None),
        ("'12'.convertsToInteger()", True),
        ("'x'.convertsToInteger()", False),
        ("nothing.convertsToInteger()", None),
        ("'1.5'.convertsToDecimal()", True),
        ("1.convertsToString()", True),
        ("'2020-02'.convertsToDate()", True),
        ("'10:30'.convertsToDateTime()", False),
        ("'10:30'.convertsToTime()", True),
        ("'y'.convertsToBoolean()", True),
        ("'5 mg'.convertsToQuantity()", False),
    ],
    "text": [
        ("'abcdefg'.indexOf('bc')", 1),
        ("'abcdefg'.indexOf('x')", -1),
        ("'abcdefg'.indexOf('')", 0),
        ("'abab'.lastIndexOf('ab')", 2),
        ("'abcdefg'.substring(3)", "defg"),
        ("'abcdefg'.substring(1, 2)", "bc"),
        ("'abcdefg'.substring(6, 2)", "g"),
        ("'abcdefg'.substring(7, 1)", None),
        ("'abcdefg'.startsWith('abc')", True),
        ("'abcdefg'.startsWith('')", True),
        ("'abcdefg'.endsWith('fgx')", False),
        ("'abc'.contains('b')", True),
        ("'abcdefg'.upper()", "ABCDEFG"),
        ("'AbCd'.lower()", "abcd"),
        ("'abcdefg'.replace('cde', '123')", "ab123fg"),
        ("'abc'.replace('', 'x')", "xaxbxcx"),
        ("'abc'.replace({}, 'x')", None),
        ("'N8000123123'.matches('^N[0-9]{8}$')", False),
        ("'N8000123123'.matches('N[0-9]{10}')", True),
        (r"'11/30/1972'.replaceMatches('(\\d+)/(\\d+)/(\\d+)', '$2-$1-$3')", "30-11-1972"),
        (r"'ab'.replaceMatches('(?P<x>a)', '${x}${x}')", "aab"),
        ("'abc'.length()", 3),
        ("'abc'.toChars()", ["a", "b", "c"]),
        ("'A,B,,C'.split(',')", ["A", "B", "", "C"]),
        ("('A' | 'B').join(',')", "A,B"),
        ("'  a b '.trim()", "a b"),
        ("'é'.encode('base64')", "w6k="),
        ("'w6k='.decode('base64')", "é"),
        ("'é'.encode('hex')", "c3a9"),
        ("'zz'.decode('hex')", None),
        ("'a<b'.escape('html')", "a&lt;b"),
        ("'a&lt;b'.unescape('html')", "a<b"),
        (r"'a\"b'.escape('json')", 'a\\"b'),
        ("nothing.length()", None),
    ],
    "numbers": [
        ("(-5).abs()", 5),
        ("(-5.5 'mg').abs() = 5.5 'mg'", True),
        ("1.1.ceiling()", 2),
        ("(-1.1).ceiling()", -1),
        ("(-2.1).floor()", -3),
        ("101.99999.truncate()", 101),
        ("(-1.56).truncate()", -1),
        ("3.14159.round(3)", Decimal("3.142")),
        ("1.round()", 1),
        ("2.5.round()", 3),
        ("0.exp()", 1),
        ("1.ln()", 0),
        ("16.log(2)", 4),
        ("100.0.log(10.0)", 2),
        ("0.ln()", None),
        ("2.power(3)", 8),
        ("2.5.power(2)", Decimal("6.25")),
        ("(-1).power(0.5)", None),
        ("81.sqrt()", 9),
        ("(-1).sqrt()", None),
        ("nothing.abs()", None),
    ],
    "tree": [
        ("name.children()", ["official", "Ann", "Bea", "usual", "Ann"]),
        ("item.descendants().count()", 6),
        ("item.descendants().linkId", ["1.1", "1.1.1"]),
    ],
    "FHIR": [
        ("extension('u').value.unit", "milligram"),
        ("extension('u').value.value > 5", True),
        ("id.hasValue()", True),
        ("name.hasValue()", False),
        ("id.getValue()", "p1"),
        ("managingOrganization.resolve().name", "Clinic"),
        ("managingOrganization.resolve() is Organization", True),
        ("generalPractitioner.resolve().name", "Pump"),
        ("%loinc", "http://loinc.org"),
        ("%`vs-administrative-gender`", "http://hl7.org/fhir/ValueSet/administrative-gender"),
        ("%resource.id & %context.id", "p1p1"),
        ("name.select(%context.id)", ["p1", "p1"]),
        ("birthDate.lowBoundary()", "1970-06-05"),
    ],
    "time": [
        ("now()", "2026-11-29T08:30:15.250+00:00"),
        ("today()", "2026-11-29"),
        ("timeOfDay()", "08:30:15.250"),
        ("birthDate < today() - 56 years", True),
        ("birthDate < today() - 57 years", False),
    ],
    "types": [
        ("active is boolean", True),
        ("active is Boolean", True),
        ("active.is(boolean)", True),
        ("multipleBirth.as(integer)", 2),
        ("active is System.Boolean", True),
        ("$this is Patient", True),
        ("$this is FHIR.Patient", True),
        ("$this is DomainResource", True),
        ("contained is Device", True),
        ("contained is Patient", False),
        ("(multipleBirth as integer) + 1", 3),
        ("birthDate is date", True),
        ("nothing is integer", None),
        ("1.type().name", "Integer"),
        ("Patient.type().name", "Patient"),
    ],
    "roots": [
        ("Patient.id", "p1"),
        ("Patient.name.use | Practitioner.name.use", ["official", "usual"]),
        ("Practitioner.id", None),
        ("Resource.id", "p1"),
        ("DomainResource.id", "p1"),
        ("FHIR.Patient.id", "p1"),
        ("(Patient.multipleBirth as integer)", 2),
        ("contained.where(Device.name = 'Pump').id", "d"),
    ],
    "quantities": [
        ("extension.value = 5.5 'mg'", True),
        ("extension.value > 0.0054 'g'", True),
        ("extension.value > 5 'cm'", None),
        ("extension.value != 5.5 'cm'", None),
        ("1 'mg/dL' = 0.01 'g/L'", True),
        ("1 year = 12 months", True),
        ("7 days = 1 week", True),
        ("1 year = 1 'a'", None),
        ("3 'mg' + 4 'mg' = 7 'mg'", True),
        ("2 * 3 'mg' = 6 'mg'", True),
        ("6 'mg' / 2 = 3 'mg'", True),
        ("6 'mg' / 2 'mg' = 3", True),
        ("-(3 'mg') = -3 'mg'", True),
    ],
    "decimals": [
        ("weights[0] = 70.1", True),
        ("weights[0] + weights[2] = 70.2", True),
        ("weights.where($this > 70)", [Decimal("70.1"), 80]),
        ("0.1 + 0.2 = 0.3", True),
        ("1 = 1.0", True),
    ],
    "dates": [
        ("@2014-01-31 + 1 month", "2014-02-28"),
        ("@2020-02-29 + 1 year", "2021-02-28"),
        ("@2014 + 24 months", "2016"),
        ("@2014 + 23 months", "2015"),
        ("@2014-05 - 1 year", "2013-05"),
        ("@2014-12-31 + 1 day", "2015-01-01"),
        ("@2014-01-01 + 36 hours", "2014-01-02"),
        ("@2014-01-01T23:30:00Z + 45 minutes", "2014-01-02T00:15:00Z"),
        ("@2014-01-01T00:00:00Z - 1 second", "2013-12-31T23:59:59Z"),
        ("@2014-01-01T00:00:00.000+02:00 + 0.5 seconds", "2014-01-01T00:00:00.500+02:00"),
        ("@T23:30 + 45 minutes", "00:15"),
        ("@T00:15 - 30 minutes", "23:45"),
        ("@2014-01-01 + 2 weeks", "2014-01-15"),
        ("@9999-12-31 + 1 day", None),
        ("@2014-01-01 * 2 days", None),
        ("@2018-03 = @2018-03-01", None),
        ("@2018-03 < @2018-04-01", True),
        ("@2018-03-01T10:00:00Z = @2018-03-01T12:00:00+02:00", True),
        ("birthDate + 1 year > @1971-01-01", True),
    ],
    "logic": [
        ("true xor true", False),
        ("nothing and false", False),
        ("nothing or true", True),
        ("nothing and true", None),
        ("false implies nothing", True),
        ("nothing implies true", True),
        ("1 in (1 | 2)", True),
        ("(1 | 2) contains 3", False),
        ("'A b' ~ 'a  B'", True),
        ("name.given ~ ('Bea' | 'Ann')", False),
        ("(1 | 2) ~ (2 | 1)", True),
    ],
}


@pytest.mark.parametrize(("path", "expected"), [case for cases in CASES.values() for case in cases])
def test_a_path_gives_what_the_standard_says(path: str, expected: object) -> None:
    wanted = expected if isinstance(expected, list) else [] if expected is None else [expected]
    found = values(path)
    assert found == wanted
    assert [isinstance(value, bool) for value in found] == [isinstance(value, bool) for value in wanted]


def test_every_function_that_is_no_view_function_is_tried_above() -> None:
    text = " ".join(path for cases in CASES.values() for path, _ in cases)
    assert [name for name, row in FUNCTIONS.items() if row.standard and f"{name}(" not in text] == [
        "highBoundary"  # tests/frames/views/test_boundary.py
    ]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("name.given.allTrue()", "needs booleans"),
        ("(1).repeat($this + 1)", "at most 100000 elements"),
        ("id.round()", "needs a number"),
        ("1.5.round(-1)", "precision"),
        ("id.encode('rot13')", "takes 'base64'"),
        ("'a'.replaceMatches('a', '$1')", "names a group"),
        ("'a'.substring('x')", "cannot take such arguments"),
        ("name.given.single()", "takes one value, not 3"),
        ("name.given & 'x'", "takes one value, not 3"),
    ],
)
def test_what_has_no_answer_is_an_error_without_the_data(path: str, message: str) -> None:
    with pytest.raises(ResultError, match=message) as caught:
        values(path)
    assert "Ann" not in str(caught.value)


@pytest.mark.parametrize("path", ["10.power(9999999)", "weights.first().power(99999999)", "10000000.exp()"])
def test_numbers_out_of_range_are_arithmetic_errors(path: str) -> None:
    with pytest.raises(ArithmeticError):
        values(path)


def test_long_runs_of_or_are_no_deep_nest() -> None:
    codes = " or ".join(f"id = 'p{number}'" for number in range(999, 0, -1))
    assert values(codes) == [True]


def test_resolve_without_a_way_gives_nothing() -> None:
    root = Item(PATIENT)
    assert evaluate(parse("managingOrganization.resolve()"), [root], Scope(root)) == []
