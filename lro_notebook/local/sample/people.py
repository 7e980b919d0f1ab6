"""Who is in the sample: staff and persons, drawn from a seed, and their resources."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random
from typing import NamedTuple

from lro_notebook.local.sample import names_and_codes
from lro_notebook.local.sample.data_types import ZONE, Resource, concept, new_id, reference, resource, stamp

RECORDS_START, RECORDS_END = date(2021, 1, 1), date(2025, 12, 31)
_ODD_ONE_IN = 40
_ADULT = 18


class Doctor(NamedTuple):
    """A practitioner and where they work."""

    id: str
    organization: str
    given: str
    family: str


class Staff(NamedTuple):
    """Organizations as (id, name), and their practitioners."""

    organizations: tuple[tuple[str, str], ...]
    doctors: tuple[Doctor, ...]


@dataclass(frozen=True, slots=True)
class Person:
    """The facts about a person; the records may have fewer.

    Attributes
    ----------
    number : int
        Position in the sample, from 0.
    female : bool
        Shapes names and values, also where the record has no gender.
    first_visit : date
        Since when the clinic knows them.
    death : datetime or None
        After the first visit, before the end of the records.
    height, bmi : float
        As an adult, in cm and kg/m2.
    smoking : str
        A key of `names_and_codes.SMOKING_ANSWERS`.
    odd : bool
        The record is unusual, though valid.
    """

    number: int
    id: str
    female: bool
    birth: date
    first_visit: date
    death: datetime | None
    height: float
    bmi: float
    smoking: str
    odd: bool
    doctor: Doctor

    def age(self, day: date) -> float:
        """Return the age in years on `day`."""
        return (day - self.birth).days / 365.25


def seeded(seed: int, part: str) -> Random:
    """Return the random numbers of one part of the sample, independent of all other parts."""
    return Random(f"{seed}/{part}")  # noqa: S311 - made-up data; a fixed seed is the point


def draw_staff(seed: int) -> Staff:
    """Draw the organizations and three practitioners for each."""
    rng = seeded(seed, "staff")
    organizations = tuple((new_id(rng), name) for name in names_and_codes.CLINICS)
    doctors = tuple(
        Doctor(
            new_id(rng),
            organization,
            rng.choice(names_and_codes.GIVEN_FEMALE + names_and_codes.GIVEN_MALE),
            _family(rng),
        )
        for organization, _ in organizations
        for _ in range(3)
    )
    return Staff(organizations, doctors)


def draw_person(rng: Random, number: int, staff: Staff) -> Person:
    """Draw one person."""
    identity, female = new_id(rng), rng.random() < 0.52  # noqa: PLR2004 - share of women
    birth = RECORDS_END - timedelta(days=int(365.25 * rng.triangular(1, 96, 54)))
    first_visit = max(birth + timedelta(days=14), RECORDS_START + timedelta(days=rng.randrange(400)))
    age = (first_visit - birth).days / 365.25
    smoking = "never" if age < _ADULT else rng.choices(("never", "former", "daily"), (60, 27, 13))[0]
    return Person(
        number=number,
        id=identity,
        female=female,
        birth=birth,
        first_visit=first_visit,
        death=_draw_death(rng, age, first_visit),
        height=min(max(rng.gauss(163 if female else 177, 6.5), 142), 205),
        bmi=min(max(rng.gauss(27, 5), 18), 48),
        smoking=smoking,
        odd=number % _ODD_ONE_IN == 7,  # noqa: PLR2004 - the eighth, so that small samples have one
        doctor=rng.choice(staff.doctors),
    )


def _draw_death(rng: Random, age: float, first_visit: date) -> datetime | None:
    if rng.random() > (age / 100) ** 3 * 0.4:
        return None
    day = first_visit + timedelta(days=rng.randrange(90, (RECORDS_END - first_visit).days))
    return datetime.combine(day, time(rng.randrange(24), rng.randrange(60)), ZONE)


def organizations(staff: Staff) -> list[Resource]:
    """Return the Organization resources."""
    made = []
    for number, (identity, name) in enumerate(staff.organizations):
        town, state, postal_code = names_and_codes.TOWNS[number]
        made.append(
            resource("Organization", identity)
            | {
                "identifier": [
                    {"system": f"{names_and_codes.SYNTHETIC}/organization", "value": f"{number + 1:04d}"}
                ],
                "active": True,
                "type": [
                    concept(
                        (f"{names_and_codes.TERMINOLOGY}/organization-type", "prov", "Healthcare Provider")
                    )
                ],
                "name": name,
                "telecom": [{"system": "phone", "value": f"555-01{number:02d}", "use": "work"}],
                "address": [{"city": town, "state": state, "postalCode": postal_code, "country": "US"}],
            }
        )
    return made


def practitioners(staff: Staff) -> list[Resource]:
    """Return the Practitioner resources."""
    return [
        resource("Practitioner", doctor.id)
        | {
            "identifier": [
                {"system": f"{names_and_codes.SYNTHETIC}/practitioner", "value": f"{number + 1:05d}"}
            ],
            "active": True,
            "name": [{"family": doctor.family, "given": [doctor.given], "prefix": ["Dr."]}],
        }
        for number, doctor in enumerate(staff.doctors)
    ]


def patient(person: Person, rng: Random) -> Resource:
    """Return the Patient resource of `person`."""
    made = resource("Patient", person.id)
    made["identifier"] = [
        {
            "use": "usual",
            "type": concept((f"{names_and_codes.TERMINOLOGY}/v2-0203", "MR", "Medical record number")),
            "system": f"{names_and_codes.SYNTHETIC}/mrn",
            # Spread out, as record numbers are, but never the same twice.
            "value": f"{person.number * 7 + 1001:08d}",
        }
    ]
    made["active"] = person.death is None
    made["name"] = _names(person, rng)
    made["telecom"] = [{"system": "phone", "value": f"555-01{rng.randrange(100):02d}", "use": "home"}]
    if rng.random() < 0.4:  # noqa: PLR2004 - share of records with an address for mail
        email = f"patient{person.number:06d}@example.org"
        made["telecom"].append({"system": "email", "value": email})
    if not person.odd:
        made["gender"] = "female" if person.female else "male"
    made["birthDate"] = person.birth.isoformat()[: rng.choices((10, 7, 4), (92, 4, 4))[0]]
    if person.death is not None:
        made["deceasedDateTime"] = stamp(person.death)
    made["address"] = _addresses(person, rng)
    if person.age(person.first_visit) >= _ADULT:
        code, display = rng.choices(names_and_codes.MARITAL, (52, 30, 11, 7))[0]
        made["maritalStatus"] = concept((f"{names_and_codes.TERMINOLOGY}/v3-MaritalStatus", code, display))
    language, display = rng.choices(names_and_codes.LANGUAGES, (80, 13, 3, 4))[0]
    made["communication"] = [{"language": concept(("urn:ietf:bcp:47", language, display)), "preferred": True}]
    made["generalPractitioner"] = [reference("Practitioner", person.doctor.id)]
    made["managingOrganization"] = reference("Organization", person.doctor.organization)
    return made


def _family(rng: Random) -> str:
    return rng.choice(names_and_codes.FAMILY_STARTS) + rng.choice(names_and_codes.FAMILY_ENDS)


def _names(person: Person, rng: Random) -> list[Resource]:
    pool = names_and_codes.GIVEN_FEMALE if person.female else names_and_codes.GIVEN_MALE
    given = rng.sample(pool, 2 if rng.random() < 0.3 else 1)  # noqa: PLR2004 - share with a middle name
    family = _family(rng)
    names: list[Resource] = [{"use": "official", "family": family, "given": given}]
    if person.odd:
        first, last = rng.choice(names_and_codes.UNUSUAL_NAMES)
        names[0] = {"use": "official", "family": last, "given": [first, *given], "text": f"{first} {last}"}
        names.append({"use": "old", "family": family})
    if person.odd or rng.random() < 0.1:  # noqa: PLR2004 - share with a nickname
        names.append({"use": "nickname", "given": [rng.choice(names_and_codes.NICKNAMES)]})
    return names


def _addresses(person: Person, rng: Random) -> list[Resource]:
    addresses: list[Resource] = []
    for use in ("home", "old") if person.odd else ("home",):
        town, state, postal_code = rng.choice(names_and_codes.TOWNS)
        street = f"{rng.randrange(1, 400)} {rng.choice(names_and_codes.STREETS)}"
        addresses.append(
            {
                "use": use,
                "line": [street, "Apt 3\nRear entrance"] if person.odd else [street],
                "city": town,
                "state": state,
                "postalCode": postal_code,
                "country": "US",
            }
        )
    return addresses
