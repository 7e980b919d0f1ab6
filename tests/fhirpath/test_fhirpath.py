"""FHIRPath in views, each path worked out by the compiler and by the interpreter, which must agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lro_notebook.errors import ConfigError, ResultError

if TYPE_CHECKING:
    from collections.abc import Callable

    Values = Callable[..., list[Any]]

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p1",
    "active": True,
    "birthDate": "1970-06-05",
    "multipleBirthInteger": 2,
    "managingOrganization": {"reference": "Organization/o1"},
    "generalPractitioner": [
        {"reference": "Practitioner/a/_history/3"},
        {"reference": "http://x.org/fhir/Organization/b"},
    ],
    "link": [{"other": {"reference": "Patient/p1"}}],
    "name": [
        {
            "use": "official",
            "family": "Ash",
            "given": ["Ann", "Bea"],
            "period": {"start": "2001-02-03T10:00:00Z"},
        },
        {"use": "usual", "given": ["Cy"], "period": {"start": "2001-02-03T11:00:00+01:00", "end": "2002"}},
    ],
    "telecom": [],
    "extension": [
        {"url": "u1", "valueCode": "F"},
        {
            "url": "u2",
            "extension": [{"url": "in", "valueString": "deep"}, {"url": "other", "valueInteger": 1}],
        },
    ],
    "contained": [{"resourceType": "Organization", "id": "c", "name": "Org"}],
}
BARE = {
    "resourceType": "Patient",
    "id": "p2",
    "name": [{"given": [None, "Di"]}],
    "extension": [{"url": "u1", "valueString": "M"}],
}


@pytest.mark.parametrize(
    ("path", "first", "second"),
    [
        ("id", "p1", "p2"),
        ("Patient.id", "p1", "p2"),
        ("Patient.name.where(use = 'official').family", "Ash", None),
        ("$this.id", "p1", "p2"),
        ("`id`", "p1", "p2"),
        ("'it''s'", None, None),
        (r"'it\'s \u0041'", "it's A", "it's A"),
        ("{}", None, None),
        ("name.family", "Ash", None),
        ("name.given.first()", "Ann", "Di"),
        ("name.given[1]", "Bea", None),
        ("name.given[2]", "Cy", None),
        ("name.given[5]", None, None),
        ("name.given.last()", "Cy", "Di"),
        ("name[1].given", "Cy", None),
        ("name.given.count()", 3, 1),
        ("name.given.tail().first()", "Bea", None),
        ("name.given.skip(1).take(1)", "Bea", None),
        ("name.given.join()", "AnnBeaCy", "Di"),
        ("name.given.join(', ')", "Ann, Bea, Cy", "Di"),
        ("name.family.join('-')", "Ash", ""),
        ("name.select(given.first()).join('|')", "Ann|Cy", "Di"),
        ("telecom.exists()", False, False),
        ("telecom.empty()", True, True),
        ("name.exists(use = 'usual')", True, False),
        ("name.where(use = 'usual').given", "Cy", None),
        ("name.where(given = 'Cy').use", "usual", None),
        ("name.where(given.exists($this = 'Bea')).use", "official", None),
        ("name.all(given.exists())", True, True),
        ("active", True, None),
        ("active.not()", False, None),
        ("active and true", True, None),
        ("active or true", True, True),
        ("active and false", False, False),
        ("active xor true", False, None),
        ("active implies false", False, None),
        ("{} implies true", True, True),
        ("active and name[0]", True, None),
        ("name.family = 'Ash'", True, None),
        ("name.family != 'Ash'", False, None),
        ("name.given = 'Ann'", False, False),
        ("name.given != 'Ann'", True, True),
        ("name.given = name.given", True, True),
        ("name.family ~ 'ash'", True, False),
        ("name.family !~ 'ash'", False, True),
        ("'Ann' in name.given", True, False),
        ("name.given contains 'Di'", False, True),
        ("(name.given | name.given).count()", 3, 1),
        ("name.given.distinct().count()", 3, 1),
        ("name.given.count() > 2", True, False),
        ("name.given.count() + 1", 4, 2),
        ("name.given.count() * 2 - 1", 5, 1),
        ("7 / 2", 3.5, 3.5),
        ("7 div 2", 3, 3),
        ("7 mod 2", 1, 1),
        ("-7 div 2", -3, -3),
        ("7 / 0", None, None),
        ("0.1 + 0.2", 0.3, 0.3),
        ("0.1 + 0.2 = 0.3", True, True),
        ("1 + 2 * 3", 7, 7),
        ("(1 + 2) * 3", 9, 9),
        ("-(3)", -3, -3),
        ("2 = 2.0", True, True),
        ("'a' + 'b'", "ab", "ab"),
        ("name.family + '!'", "Ash!", None),
        ("name.family & '!'", "Ash!", "!"),
        ("name.family.length()", 3, None),
        ("name.family.startsWith('A')", True, None),
        ("name.family.endsWith('h')", True, None),
        ("name.family.contains('x')", False, None),
        ("name.family.upper()", "ASH", None),
        ("name.family.substring(1)", "sh", None),
        ("name.family.substring(1, 1)", "s", None),
        ("name.family.replace('s', 'c')", "Ach", None),
        ("name.family.matches('^A')", True, None),
        ("iif(active, 'yes', 'no')", "yes", "no"),
        ("multipleBirth", 2, None),
        ("multipleBirth.ofType(integer)", 2, None),
        ("multipleBirth.ofType(boolean)", None, None),
        ("multipleBirth is integer", True, None),
        ("(multipleBirth as integer) > 1", True, None),
        ("multipleBirth.ofType(integer) > 1", True, None),
        ("multipleBirth.ofType(integer) = '2'", False, None),
        ("multipleBirth.ofType(integer) > '1'", None, None),
        ("multipleBirth.toString()", "2", None),
        ("extension('u1').value.ofType(code)", "F", None),
        ("extension('u1').value.ofType(string)", "F", "M"),
        ("extension('u2').extension('in').value.ofType(string)", "deep", None),
        ("extension('none').value.ofType(string)", None, None),
        ("getResourceKey()", "p1", "p2"),
        ("managingOrganization.getReferenceKey()", "o1", None),
        ("managingOrganization.getReferenceKey(Organization)", "o1", None),
        ("managingOrganization.getReferenceKey(Patient)", None, None),
        ("generalPractitioner.getReferenceKey()", "a", None),
        ("generalPractitioner.getReferenceKey(Practitioner)", "a", None),
        ("getResourceKey() = link.other.getReferenceKey(Patient)", True, None),
        ("contained.ofType(Organization).name", "Org", None),
        ("contained.where($this is Patient).count()", 0, 0),
        ("birthDate = @1970-06-05", True, None),
        ("birthDate < @1970-07", True, None),
        ("birthDate < @1970-06", None, None),
        ("birthDate > @1969-12-31", True, None),
        ("birthDate = '1970-06-05'", True, None),
        ("name[0].period.start = name[1].period.start", True, None),
        ("name[0].period.start < name[1].period.start", False, None),
        ("name[1].period.end > @2001-02-03T10:00:00Z", True, None),
        ("@2020-01-31", "2020-01-31", "2020-01-31"),
        ("%rowIndex", 0, 0),
        ("%resource.id", "p1", "p2"),
        ("true // a remark", True, True),
        ("nothing.at.all", None, None),
        ("id.nothing", None, None),
    ],
)
def test_paths(path: str, first: object, second: object, values: Values) -> None:
    if path == "'it''s'":  # a quote is escaped, not doubled
        with pytest.raises(ConfigError, match="does not belong here"):
            values(path, PATIENT, BARE)
        return
    assert values(path, PATIENT, BARE) == [first, second]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("name.given", "gives 3 values for one row"),
        ("name", "several|values"),
        ("name[0]", "elements with parts"),
        ("name.given.single()", "takes one value, not 3"),
        ("name.given > 'A'", "the operator > takes one value"),
        ("name.where(given).use", "a condition takes one value"),
        ("photo.size.join(',')", "join\\(\\) needs text"),
        ("id.lowBoundary()", "needs a number, a date or a time"),
        ("name[active]", "an index must be a whole number"),
        ("name[0.5]", "an index must be a whole number"),
        ("id.startsWith(1)", r"startsWith\(\) cannot take such arguments"),
        ("id.matches(name.family.first() & '(')", r"matches\(\): the regular expression cannot be read"),
        ("id.matches(1)", r"matches\(\) cannot take such arguments"),
        ("name.skip('a')", r"skip\(\) cannot take such arguments"),
        ("1.5.lowBoundary('x')", r"lowBoundary\(\) cannot take such arguments"),
        ("(photo.size * 1.5).lowBoundary()", "a number is out of range"),
        ("-id", "needs a number"),
        ("id | 1", "gives 2 values"),
    ],
)
def test_what_the_data_does_not_allow_is_an_error_with_the_column_and_the_path(
    path: str, message: str, values: Values
) -> None:
    patient = {**PATIENT, "photo": [{"size": 10**90}]}
    with pytest.raises(ResultError, match=message) as caught:
        values(path, patient)
    assert repr(path) in str(caught.value)
    assert "Ann" not in str(caught.value)


def test_quantities_compare_exactly_and_by_value(values: Values) -> None:
    lines = [
        '{"resourceType":"Observation","valueQuantity":{"value":0.1}}',
        '{"resourceType":"Observation","valueQuantity":{"value":140}}',
        '{"resourceType":"Observation","valueString":"x"}',
    ]
    assert values("value.ofType(Quantity).value > 0.1", *lines) == [False, True, None]
    assert values("value.ofType(Quantity).value = 140", *lines) == [False, True, None]
    assert values("value.exists()", *lines) == [True, True, True]


def test_age_is_a_quantity_and_code_a_string(values: Values) -> None:
    lines = [
        {"resourceType": "Condition", "onsetAge": {"value": 40}},
        {"resourceType": "Condition", "onsetDateTime": "2001"},
    ]
    assert values("onset.ofType(Quantity).value", *lines) == [40, None]
    assert values("onset.ofType(Age).value", *lines) == [40, None]
    assert values("onset.ofType(dateTime)", *lines) == [None, "2001"]
    assert values("onset.ofType(Period).start", *lines) == [None, None]
