"""The course of a person's life: diseases and visits. Pure; creates no resources."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Literal

from lro_notebook.local.sample import names_and_codes
from lro_notebook.local.sample.data_types import ZONE, new_id
from lro_notebook.local.sample.people import RECORDS_END

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from lro_notebook.local.sample.names_and_codes import Disease
    from lro_notebook.local.sample.people import Person

Reason = Literal["checkup", "follow-up", "symptom"]

_OBESE = 30


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit to the clinic."""

    id: str
    reason: Reason
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Problem:
    """A disease of a person: when it began, at which visit it was recorded, when it ended."""

    id: str
    disease: Disease
    onset: date
    recorded: Visit
    end: date | None = None


@dataclass(frozen=True, slots=True)
class Course:
    """Everything that happens to a person, in order of time."""

    visits: tuple[Visit, ...]
    problems: tuple[Problem, ...]

    def since(self, disease: Disease, day: date) -> float | None:
        """Return for how many years the person has had `disease` on `day`; None before it began."""
        for problem in self.problems:
            if problem.disease is disease and problem.onset <= day:
                return (day - problem.onset).days / 365.25
        return None


def draw_course(rng: Random, person: Person) -> Course:
    """Draw diseases and visits."""
    chronic = list(_chronic(rng, person))
    visits = tuple(_visits(rng, person, often=bool(chronic)))
    problems = [_recorded(rng, person, disease, visits) for disease in chronic]
    problems += [_acute(rng, person, visit) for visit in visits if visit.reason == "symptom"]
    return Course(visits, tuple(sorted(problems, key=lambda problem: problem.recorded.start)))


def _chronic(rng: Random, person: Person) -> Iterator[Disease]:
    """Draw the chronic diseases; their probabilities depend on age, weight, sex and smoking."""
    age, heavy = person.age(person.first_visit), person.bmi >= _OBESE
    grown = max(age - 30, 0)
    likely = {
        names_and_codes.OBESITY: 1.0 if heavy and age > 18 else 0.0,  # noqa: PLR2004 - the limits for adults
        names_and_codes.HYPERTENSION: 0.05 + 0.009 * grown + 0.12 * heavy if grown else 0.0,
        names_and_codes.HYPERLIPIDEMIA: 0.05 + 0.006 * grown if grown else 0.0,
        names_and_codes.DEPRESSION: 0.1 if grown else 0.0,
        names_and_codes.ASTHMA: 0.08,
        names_and_codes.COPD: 0.006 * grown if person.smoking != "never" else 0.0,
        names_and_codes.HYPOTHYROIDISM: (0.09 if person.female else 0.03) if grown else 0.0,
        names_and_codes.OSTEOARTHRITIS: 0.008 * max(grown - 20, 0),
    }
    sugar, diabetic = rng.random(), 0.06 + 0.003 * grown + 0.15 * heavy if grown else 0.0
    if sugar < diabetic:
        yield names_and_codes.DIABETES
    elif sugar < diabetic * 1.7:
        yield names_and_codes.PREDIABETES
    for disease, chance in likely.items():
        if rng.random() < chance:
            yield disease


def _visits(rng: Random, person: Person, *, often: bool) -> Iterator[Visit]:
    last_day = RECORDS_END if person.death is None else person.death.date() - timedelta(days=1)
    day, checked = person.first_visit, None
    while day <= last_day:
        reason: Reason = "symptom"
        if checked is None or (day - checked).days >= 330:  # noqa: PLR2004 - once a year
            reason, checked = "checkup", day
        elif often and rng.random() < 0.7:  # noqa: PLR2004 - most visits of the chronically ill
            reason = "follow-up"
        start = datetime.combine(day, time(rng.randrange(8, 17), rng.randrange(0, 60, 5)), ZONE)
        yield Visit(new_id(rng), reason, start, start + timedelta(minutes=rng.randrange(15, 60, 5)))
        day += timedelta(days=rng.randrange(165, 370) if often else rng.randrange(210, 430))


def _recorded(rng: Random, person: Person, disease: Disease, visits: tuple[Visit, ...]) -> Problem:
    """Begin a chronic disease in the past 12 years, and record it at the next visit."""
    last = visits[-1].start.date()
    earliest = max(person.birth, last - timedelta(days=12 * 365))
    onset = earliest + timedelta(days=rng.randrange((last - earliest).days + 1))
    at = next(visit for visit in visits if visit.start.date() >= onset)
    return Problem(new_id(rng), disease, onset, at)


def _acute(rng: Random, person: Person, visit: Visit) -> Problem:
    """Begin an acute disease days before the visit and end it after, unless death comes first."""
    day = visit.start.date()
    onset, end = day - timedelta(days=rng.randrange(1, 6)), day + timedelta(days=rng.randrange(4, 21))
    outlived = end > RECORDS_END or (person.death is not None and end >= person.death.date())
    return Problem(new_id(rng), rng.choice(names_and_codes.ACUTE), onset, visit, None if outlived else end)
