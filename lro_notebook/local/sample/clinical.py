"""The clinical record of a person as resources: encounters, conditions, observations, prescriptions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lro_notebook.local.sample import measurements, names_and_codes
from lro_notebook.local.sample.data_types import (
    Resource,
    concept,
    new_id,
    quantity,
    reference,
    resource,
    rounded,
    stamp,
    status,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from lro_notebook.local.sample.data_types import Code
    from lro_notebook.local.sample.life_course import Course, Problem, Visit
    from lro_notebook.local.sample.measurements import Value
    from lro_notebook.local.sample.names_and_codes import Drug
    from lro_notebook.local.sample.people import Person

_ADULT = 18


@dataclass(frozen=True, slots=True)
class Chart:
    """Writes the record of one person, from their data and further random numbers."""

    rng: Random
    person: Person
    course: Course

    def resources(self) -> Iterator[Resource]:
        """Yield the record visit by visit; referenced resources come first."""
        traits = measurements.draw_traits(self.rng, self.person)
        for visit in self.course.visits:
            found = [problem for problem in self.course.problems if problem.recorded is visit]
            yield self._encounter(visit, found)
            for problem in found:
                yield self._condition(problem)
            yield from self._observations(visit, traits)
            yield from self._prescriptions(visit)
        if self.person.odd:
            yield from self._oddities(self.course.visits[-1])

    def _encounter(self, visit: Visit, found: list[Problem]) -> Resource:
        made = resource("Encounter", visit.id)
        made["status"] = "finished"
        made["class"] = {
            "system": f"{names_and_codes.TERMINOLOGY}/v3-ActCode",
            "code": "AMB",
            "display": "ambulatory",
        }
        made["type"] = [concept(self._visit_type(visit))]
        made["subject"] = reference("Patient", self.person.id)
        doctor = reference("Practitioner", self.person.doctor.id)
        made["participant"] = [{"individual": doctor}]
        made["period"] = {"start": stamp(visit.start), "end": stamp(visit.end)}
        if visit.reason == "symptom":
            made["reasonCode"] = [
                concept((names_and_codes.SNOMED, problem.disease.snomed, problem.disease.display))
                for problem in found
            ]
        made["serviceProvider"] = reference("Organization", self.person.doctor.organization)
        return made

    def _visit_type(self, visit: Visit) -> Code:
        if visit.reason == "checkup":
            grown = self.person.age(visit.start.date()) >= _ADULT
            return names_and_codes.CHECKUP if grown else names_and_codes.CHILD_CHECKUP
        return names_and_codes.FOLLOW_UP if visit.reason == "follow-up" else names_and_codes.SYMPTOM

    def _condition(self, problem: Problem) -> Resource:
        disease = problem.disease
        made = resource("Condition", problem.id)
        made["clinicalStatus"] = status("condition-clinical", "resolved" if problem.end else "active")
        made["verificationStatus"] = status("condition-ver-status", "confirmed")
        made["category"] = [status("condition-category", "encounter-diagnosis")]
        made["code"] = concept(
            (names_and_codes.SNOMED, disease.snomed, disease.display),
            (names_and_codes.ICD10, disease.icd10, disease.icd10_display),
        )
        made["subject"] = reference("Patient", self.person.id)
        made["encounter"] = reference("Encounter", problem.recorded.id)
        # Patients with an old disease seldom know the day on which it began.
        long_ago = (problem.recorded.start.date() - problem.onset).days > 366  # noqa: PLR2004 - a year
        made["onsetDateTime"] = problem.onset.isoformat()[: 7 if long_ago else 10]
        if problem.end:
            made["abatementDateTime"] = problem.end.isoformat()
        made["recordedDate"] = stamp(problem.recorded.start)
        if self.person.odd:
            made["note"] = [{"text": names_and_codes.UNUSUAL_NOTE}]
        return made

    def _observations(self, visit: Visit, traits: measurements.Traits) -> Iterator[Resource]:
        person, course, rng = self.person, self.course, self.rng
        for value in measurements.vital_signs(rng, person, course, visit):
            yield self._measured(visit, "vital-signs", value)
        age = person.age(visit.start.date())
        yield self._measured(visit, "vital-signs", measurements.heart_rate(rng, age, traits))
        pressures = measurements.blood_pressure(rng, person, course, traits, visit)
        yield self._pressure(visit, pressures)
        for value in measurements.laboratory(rng, person, course, traits, visit):
            yield self._measured(visit, "laboratory", value)
        if visit.reason == "checkup" and age >= _ADULT:
            made = self._observation(visit, "social-history", names_and_codes.SMOKING)
            made["valueCodeableConcept"] = concept(names_and_codes.SMOKING_ANSWERS[person.smoking])
            yield made

    def _observation(self, visit: Visit, category: str, code: Code) -> Resource:
        made = resource("Observation", new_id(self.rng))
        made["status"] = "final"
        made["category"] = [status("observation-category", category)]
        made["code"] = concept(code)
        made["subject"] = reference("Patient", self.person.id)
        made["encounter"] = reference("Encounter", visit.id)
        made["effectiveDateTime"] = stamp(visit.start)
        made["issued"] = stamp(visit.end)
        return made

    def _measured(self, visit: Visit, category: str, value: Value) -> Resource:
        measure = value[0]
        made = self._observation(visit, category, (names_and_codes.LOINC, measure.code, measure.display))
        # By the limits for adults every child would be ill.
        judged = category == "laboratory" or self.person.age(visit.start.date()) >= _ADULT
        return made | _reading(value, judged=judged)

    def _pressure(self, visit: Visit, pressures: tuple[Value, Value]) -> Resource:
        made = self._observation(visit, "vital-signs", names_and_codes.PRESSURE_PANEL)
        made["component"] = [
            {"code": concept((names_and_codes.LOINC, value[0].code, value[0].display))}
            | _reading(value, judged=False)
            for value in pressures
        ]
        return made

    def _prescriptions(self, visit: Visit) -> Iterator[Resource]:
        """Prescribe at the diagnosis, and again at every check-up while a disease lasts."""
        for problem in self.course.problems:
            drug = problem.disease.drug
            lasting = problem.recorded.start < visit.start and problem.end is None
            renewed = lasting and visit.reason == "checkup"
            if drug is not None and (renewed or problem.recorded is visit):
                yield self._prescription(visit, problem, drug)

    def _prescription(self, visit: Visit, problem: Problem, drug: Drug) -> Resource:
        made = resource("MedicationRequest", new_id(self.rng))
        lasts = problem.end is None and self.person.death is None
        replaced = any(
            later.reason == "checkup" and later.start > visit.start for later in self.course.visits
        )
        made["status"] = "active" if lasts and not replaced else "completed"
        made["intent"] = "order"
        made["medicationCodeableConcept"] = concept((names_and_codes.RXNORM, drug.code, drug.display))
        made["subject"] = reference("Patient", self.person.id)
        made["encounter"] = reference("Encounter", visit.id)
        made["authoredOn"] = stamp(visit.end)
        made["requester"] = reference("Practitioner", self.person.doctor.id)
        made["reasonReference"] = [reference("Condition", problem.id)]
        made["dosageInstruction"] = [_dosage(drug)]
        return made

    def _oddities(self, visit: Visit) -> Iterator[Resource]:
        """Yield valid cases that programs often forget: a value below the limit, and a missing one."""
        below = self._measured(visit, "laboratory", (names_and_codes.CRP, rounded(0.6, 1)))
        below["valueQuantity"]["comparator"] = "<"
        below["note"] = [{"text": names_and_codes.UNUSUAL_NOTE}]
        yield below
        missing = self._observation(
            visit,
            "laboratory",
            (names_and_codes.LOINC, names_and_codes.GLUCOSE.code, names_and_codes.GLUCOSE.display),
        )
        yield missing | {"status": "cancelled", "dataAbsentReason": status("data-absent-reason", "error")}


def _reading(value: Value, *, judged: bool) -> Resource:
    """Return the value of an Observation, with its reference range if it should have one."""
    measure, number = value
    made: Resource = {"valueQuantity": quantity(measure, number)}
    if not judged or (measure.low is None and measure.high is None):
        return made
    letter = "N"
    limits: Resource = {}
    if measure.low is not None:
        limits["low"] = quantity(measure, rounded(measure.low, measure.digits))
        letter = "L" if number < limits["low"]["value"] else letter
    if measure.high is not None:
        limits["high"] = quantity(measure, rounded(measure.high, measure.digits))
        letter = "H" if number > limits["high"]["value"] else letter
    made["interpretation"] = [status("v3-ObservationInterpretation", letter)]
    made["referenceRange"] = [limits]
    return made


def _dosage(drug: Drug) -> Resource:
    """Return how a drug is taken, in words and in data."""
    times = "once" if drug.a_day == 1 else f"{drug.a_day} times"
    wording = f"as needed, at most {times} a day" if drug.as_needed else f"{times} a day"
    return {
        "text": f"1 {drug.unit} {wording}",
        "timing": {"repeat": {"frequency": drug.a_day, "period": 1, "periodUnit": "d"}},
        "asNeededBoolean": drug.as_needed,
        "doseAndRate": [{"doseQuantity": {"value": rounded(1, 1), "unit": drug.unit}}],
    }
