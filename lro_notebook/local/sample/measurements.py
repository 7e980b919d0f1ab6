"""Measurements at a visit: plausible values for age, sex and diseases. Pure; creates no resources."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from lro_notebook.local.sample import names_and_codes
from lro_notebook.local.sample.data_types import rounded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal
    from random import Random

    from lro_notebook.local.sample.life_course import Course, Visit
    from lro_notebook.local.sample.names_and_codes import Measure
    from lro_notebook.local.sample.people import Person

Value = tuple["Measure", "Decimal"]

# Age in years: share of the adult height, share of the adult body mass index.
_GROWTH = ((0, 0.29, 0.52), (1, 0.45, 0.68), (3, 0.56, 0.64), (6, 0.68, 0.62), (10, 0.81, 0.68),
           (14, 0.95, 0.80), (18, 1.0, 0.92), (25, 1.0, 1.0), (130, 1.0, 1.0))  # fmt: skip
_LAB_AGE = 18


@dataclass(frozen=True, slots=True)
class Traits:
    """The personal values of a person, so that measurements are consistent from visit to visit.

    `sugar` is the HbA1c of a diabetic at the onset, and `drift` its change per year.
    """

    sugar: float
    drift: float
    pressure: float
    pulse: float
    ldl: float
    hdl: float
    creatinine: float


def draw_traits(rng: Random, person: Person) -> Traits:
    """Draw the traits of a person."""
    return Traits(
        sugar=max(rng.gauss(7.3, 0.8), 6.6),
        drift=rng.gauss(0.12, 0.08),
        pressure=rng.gauss(0, 6),
        pulse=rng.gauss(72, 7),
        ldl=rng.gauss(108, 18),
        hdl=rng.gauss(57 if person.female else 48, 8),
        creatinine=rng.gauss(0.78 if person.female else 0.96, 0.1),
    )


def vital_signs(rng: Random, person: Person, course: Course, visit: Visit) -> Iterator[Value]:
    """Draw the measurements of a visit; the BMI follows from height and weight as reported."""
    age = person.age(visit.start.date())
    tall, heavy = _growth(age)
    height = rounded(person.height * tall, 1)
    weight = rounded(max(person.bmi * heavy + rng.gauss(0, 0.4), 11) * float(height / 100) ** 2, 1)
    yield names_and_codes.HEIGHT, height
    yield names_and_codes.WEIGHT, weight
    yield names_and_codes.BMI, rounded(float(weight / (height / 100) ** 2), 1)
    if visit.reason == "symptom":
        yield names_and_codes.TEMPERATURE, rounded(min(max(rng.gauss(37.4, 0.7), 36.0), 40.2), 1)
        yield names_and_codes.BREATHS, rounded(rng.gauss(16, 1.5) + 20 / (age + 1), 0)
    if any(
        course.since(lungs, visit.start.date()) is not None
        for lungs in (names_and_codes.ASTHMA, names_and_codes.COPD)
    ):
        yield names_and_codes.OXYGEN, rounded(min(rng.gauss(95, 1.5), 100), 0)


def heart_rate(rng: Random, age: float, traits: Traits) -> Value:
    """Draw the heart rate; a small child's is higher."""
    return names_and_codes.HEART_RATE, rounded(
        max(traits.pulse + 55 / (1 + age / 3) + rng.gauss(-4, 4), 45), 0
    )


def blood_pressure(
    rng: Random, person: Person, course: Course, traits: Traits, visit: Visit
) -> tuple[Value, Value]:
    """Draw systolic and diastolic pressure; hypertension raises them, treatment takes part of it away."""
    day = visit.start.date()
    age, years = person.age(day), course.since(names_and_codes.HYPERTENSION, day)
    usual = 88 + 1.6 * age if age < _LAB_AGE else 114 + 0.12 * (age - _LAB_AGE)
    raised = 0.0 if years is None else max(30 - 2.5 * years, 17)
    systolic = usual + traits.pressure + raised + rng.gauss(0, 5)
    diastolic = systolic * 0.6 + rng.gauss(4, 3)
    return (names_and_codes.SYSTOLIC, rounded(systolic, 0)), (
        names_and_codes.DIASTOLIC,
        rounded(diastolic, 0),
    )


def laboratory(rng: Random, person: Person, course: Course, traits: Traits, visit: Visit) -> Iterator[Value]:
    """Draw the blood values of a visit: a full panel at check-ups of adults, less at follow-ups."""
    day = visit.start.date()
    if person.age(day) < _LAB_AGE or visit.reason == "symptom":
        return
    diabetic = course.since(names_and_codes.DIABETES, day)
    full = visit.reason == "checkup"
    if full or diabetic is not None:
        yield from _sugar(rng, course, traits, visit)
    if full:
        yield from _lipids(rng, course, traits, visit)
        wear = max(person.age(day) - 50, 0) * 0.004 + (0.02 * diabetic if diabetic else 0)
        yield names_and_codes.CREATININE, rounded(max(traits.creatinine + wear + rng.gauss(0, 0.05), 0.4), 2)
        yield names_and_codes.SODIUM, rounded(rng.gauss(140, 1.8), 0)
        yield names_and_codes.POTASSIUM, rounded(rng.gauss(4.3, 0.3), 1)
        yield names_and_codes.HEMOGLOBIN, rounded(rng.gauss(13.5 if person.female else 15.1, 0.8), 1)
    if course.since(names_and_codes.HYPOTHYROIDISM, day) is not None:
        yield names_and_codes.TSH, rounded(max(rng.gauss(3.6, 1.8), 0.05), 2)


def _sugar(rng: Random, course: Course, traits: Traits, visit: Visit) -> Iterator[Value]:
    day = visit.start.date()
    years = course.since(names_and_codes.DIABETES, day)
    if years is not None:
        a1c = min(traits.sugar + traits.drift * years + rng.gauss(0, 0.2), 13.5)
    elif any(
        problem.disease in (names_and_codes.DIABETES, names_and_codes.PREDIABETES)
        for problem in course.problems
    ):
        a1c = min(max(rng.gauss(6.0, 0.15), 5.7), 6.4)
    else:
        a1c = min(max(rng.gauss(5.3, 0.18), 4.6), 5.6)
    yield names_and_codes.HBA1C, rounded(a1c, 1)
    # The usual conversion from HbA1c to the average glucose it stands for; fasting values are lower.
    yield names_and_codes.GLUCOSE, rounded(max(28.7 * a1c - 46.7 + rng.gauss(-15, 9), 60), 0)


def _lipids(rng: Random, course: Course, traits: Traits, visit: Visit) -> Iterator[Value]:
    years = course.since(names_and_codes.HYPERLIPIDEMIA, visit.start.date())
    raised = 0.0 if years is None else max(50 - 8 * years, 15)
    ldl = rounded(max(traits.ldl + raised + rng.gauss(0, 8), 45), 0)
    hdl = rounded(max(traits.hdl + rng.gauss(0, 3), 25), 0)
    triglyceride = rounded(max(rng.gauss(120 + raised, 25), 45), 0)
    yield names_and_codes.CHOLESTEROL, rounded(float(ldl + hdl + triglyceride / 5), 0)
    yield names_and_codes.LDL, ldl
    yield names_and_codes.HDL, hdl
    yield names_and_codes.TRIGLYCERIDE, triglyceride


def _growth(age: float) -> tuple[float, float]:
    for (start, tall, heavy), (end, taller, heavier) in pairwise(_GROWTH):
        if age < end:
            part = (age - start) / (end - start)
            return tall + part * (taller - tall), heavy + part * (heavier - heavy)
    return 1.0, 1.0
