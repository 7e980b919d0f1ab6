"""The sample as HL7v2 messages: the same patients, visits and results as its FHIR resources, and stays.

A registration (ADT^A04) for each visit, and the results of it (ORU^R01). Every fifth patient has been in
hospital: admission (A01), transfers (A02), discharge (A03). One admission is taken back (A11).
"""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

import orjson

from lro_notebook.local.sample.generate import DEFAULT_PATIENTS, DEFAULT_SEED, resources
from lro_notebook.local.sample.people import seeded
from lro_notebook.local.sample.stays import HOSPITAL, draw_stay

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from lro_notebook.local.sample.data_types import Resource
    from lro_notebook.local.sample.stays import Event

#: Which of every five patients has been in hospital; which of every hundred has a cancelled admission.
_IN_HOSPITAL, _CANCELLED = 2, 17
#: HL7 escape sequences of the separator characters.
_ESCAPES = str.maketrans({"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\"})
_SEX = {"female": "F", "male": "M", "other": "O"}
#: Lines that are not messages, to show how an import reports them.
_BROKEN = (
    {"data": base64.b64encode(b"PID|1||00001001^^^^MR").decode()},
    {"data": "this is no base64!"},
    {"labels": {"kind": "empty"}},
)


class _Patient(NamedTuple):
    """What the sample has of one patient: the resource, the visits, and the results by visit."""

    number: int
    resource: Resource
    visits: list[Resource]
    results: dict[str, list[Resource]]


def messages(patients: int = DEFAULT_PATIENTS, seed: int = DEFAULT_SEED) -> Iterator[bytes]:
    """Yield the messages of the sample with the same arguments, patient by patient."""
    clinics: dict[str, str] = {}
    doctors: dict[str, str] = {}
    patient: _Patient | None = None
    numbers = count()
    for made in resources(patients, seed):
        type_ = made["resourceType"]
        if type_ == "Organization":
            clinics[f"Organization/{made['id']}"] = made["name"]
        elif type_ == "Practitioner":
            doctors[f"Practitioner/{made['id']}"] = _doctor(made)
        elif type_ == "Patient":
            if patient is not None:
                yield from _of_patient(patient, clinics, doctors, seed)
            patient = _Patient(next(numbers), made, [], {})
        elif patient is not None and type_ == "Encounter":
            patient.visits.append(made)
        elif patient is not None and type_ == "Observation" and "valueQuantity" in made:
            patient.results.setdefault(made["encounter"]["reference"], []).append(made)
    if patient is not None:
        yield from _of_patient(patient, clinics, doctors, seed)


def write_messages(out: Path, *, patients: int = DEFAULT_PATIENTS, seed: int = DEFAULT_SEED) -> int:
    """Write ``messages.ndjson`` for an import, and ``broken.ndjson`` with lines that cannot be read.

    Returns
    -------
    int
        The number of messages.
    """
    out.mkdir(parents=True, exist_ok=True)
    written = 0
    with (out / "messages.ndjson").open("wb") as file:
        for message in messages(patients, seed):
            written += 1
            line = {"data": base64.b64encode(message).decode(), "labels": {"origin": "sample"}}
            file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
    lines = [orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in _BROKEN]
    (out / "broken.ndjson").write_bytes(b"".join(lines))
    return written


def _of_patient(
    patient: _Patient, clinics: Mapping[str, str], doctors: Mapping[str, str], seed: int
) -> Iterator[bytes]:
    person = _pid(patient.resource)
    stays = _stays(patient, tuple(doctors.values()), seed)
    for visit in patient.visits:
        facility = clinics.get(visit["serviceProvider"]["reference"], "SAMPLE")
        doctor = doctors.get(visit["participant"][0]["individual"]["reference"], "")
        start, end = (_time(datetime.fromisoformat(visit["period"][key])) for key in ("start", "end"))
        yield _message(
            [
                _header(facility, "ADT^A04^ADT_A01", start, visit["id"]),
                f"EVN|A04|{start}",
                person,
                _pv1({2: "O", 7: doctor, 19: visit["id"][:8]}),
            ]
        )
        measured = patient.results.get(f"Encounter/{visit['id']}", ())
        if measured:
            header = _header(facility, "ORU^R01^ORU_R01", end, f"{visit['id']}/results")
            order = f"OBR|1||{visit['id'][:8]}|18842-5^Results of the visit^LN|||{start}"
            yield _message([header, person, order, *map(_obx, range(1, len(measured) + 1), measured)])
        for event in stays.get(visit["id"], ()):
            moment = _time(event.moment)
            header = _header(HOSPITAL, event.type, moment, f"{visit['id']}/{moment}")
            yield _message([header, f"EVN|{event.trigger}|{moment}", person, _pv1(event.visit)])


def _stays(patient: _Patient, doctors: Sequence[str], seed: int) -> dict[str, list[Event]]:
    """Return the stays by the visit that they follow; after the last visit a patient may have died."""
    earlier = patient.visits[:-1]
    if patient.number % 5 != _IN_HOSPITAL or not earlier:
        return {}
    rng = seeded(seed, f"stays/{patient.number}")
    followed = rng.sample(earlier, min(len(earlier), rng.choice((1, 1, 2))))
    stays = {}
    for visit in followed:
        seen = datetime.fromisoformat(visit["period"]["start"])
        is_cancelled = patient.number % 100 == _CANCELLED and visit is followed[0]
        stays[visit["id"]] = list(draw_stay(rng, seen, doctors, cancelled=is_cancelled))
    return stays


def _doctor(practitioner: Resource) -> str:
    name = practitioner["name"][0]
    parts = practitioner["identifier"][0]["value"], name["family"], name["given"][0]
    return "^".join(map(escaped, parts))


def _pv1(fields: Mapping[int, str]) -> str:
    return "|".join(["PV1", "1", *(fields.get(number, "") for number in range(2, max(fields) + 1))])


def _header(facility: str, message_type: str, moment: str, key: str) -> str:
    control = hashlib.sha256(f"{message_type}/{key}".encode()).hexdigest()[:20]
    return rf"MSH|^~\&|SAMPLE|{escaped(facility)}|LRO|NOTEBOOK|{moment}||{message_type}|{control}|T|2.5.1"


def _pid(patient: Resource) -> str:
    name, number = patient["name"][0], patient["identifier"][0]["value"]
    address = (patient.get("address") or [{}])[0]
    given = name.get("given", [])
    parts = [
        "PID",
        "1",
        "",
        f"{number}^^^SAMPLE^MR",
        "",
        "^".join(escaped(part) for part in (name.get("family", ""), given[0] if given else "", *given[1:2])),
        "",
        patient.get("birthDate", "").replace("-", ""),
        _SEX.get(patient.get("gender", ""), "U"),
        "",
        "",
        "^".join(
            escaped(part)
            for part in (
                address.get("line", [""])[0],
                "",
                address.get("city", ""),
                address.get("state", ""),
                address.get("postalCode", ""),
            )
        ),
    ]
    return "|".join(parts)


def _obx(number: int, result: Resource) -> str:
    coding, quantity = result["code"]["coding"][0], result["valueQuantity"]
    code = f"{coding['code']}^{escaped(coding.get('display', ''))}^LN"
    unit = escaped(quantity.get("unit", ""))
    moment = _time(datetime.fromisoformat(result["effectiveDateTime"]))
    return f"OBX|{number}|NM|{code}||{quantity['value']}|{unit}|||||F|||{moment}"


def _message(segments: Sequence[str]) -> bytes:
    return "".join(f"{segment}\r" for segment in segments).encode()


def escaped(text: str) -> str:
    """Return a text with its separator characters escaped."""
    return text.translate(_ESCAPES)


def _time(moment: datetime) -> str:
    """Return a time in the format of HL7."""
    return moment.strftime("%Y%m%d%H%M%S%z")
