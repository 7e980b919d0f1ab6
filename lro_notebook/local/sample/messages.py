"""The sample as HL7v2 messages: the same patients, visits and results as its FHIR resources.

A registration (ADT^A04) or admission (ADT^A01) for each visit, and the results of it (ORU^R01).
"""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from typing import TYPE_CHECKING

import orjson

from lro_notebook.local.sample.generate import DEFAULT_PATIENTS, DEFAULT_SEED, resources

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from lro_notebook.local.sample.elements import Resource

#: HL7 escape sequences of the separator characters.
_ESCAPES = str.maketrans({"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\"})
_SEX = {"female": "F", "male": "M", "other": "O"}
#: Lines that are not messages, to show how an import reports them.
_BROKEN = (
    {"data": base64.b64encode(b"PID|1||00001001^^^^MR").decode()},
    {"data": "this is no base64!"},
    {"labels": {"kind": "empty"}},
)


def messages(patients: int = DEFAULT_PATIENTS, seed: int = DEFAULT_SEED) -> Iterator[bytes]:
    """Yield the messages of the sample with the same arguments, patient by patient."""
    names: dict[str, str] = {}
    patient: Resource | None = None
    visits: list[Resource] = []
    results: dict[str, list[Resource]] = {}
    for made in resources(patients, seed):
        type_ = made["resourceType"]
        if type_ == "Organization":
            names[f"Organization/{made['id']}"] = made["name"]
        elif type_ == "Patient":
            yield from _of_patient(patient, visits, results, names)
            patient, visits, results = made, [], {}
        elif type_ == "Encounter":
            visits.append(made)
        elif type_ == "Observation" and "valueQuantity" in made:
            results.setdefault(made["encounter"]["reference"], []).append(made)
    yield from _of_patient(patient, visits, results, names)


def write_messages(out: Path, *, patients: int = DEFAULT_PATIENTS, seed: int = DEFAULT_SEED) -> int:
    """Write ``messages.ndjson`` for an import, and ``broken.ndjson`` with lines that cannot be read.

    Returns
    -------
    int
        The number of messages.
    """
    out.mkdir(parents=True, exist_ok=True)
    count = 0
    with (out / "messages.ndjson").open("wb") as file:
        for message in messages(patients, seed):
            count += 1
            line = {"data": base64.b64encode(message).decode(), "labels": {"origin": "sample"}}
            file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
    lines = [orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in _BROKEN]
    (out / "broken.ndjson").write_bytes(b"".join(lines))
    return count


def _of_patient(
    patient: Resource | None,
    visits: Sequence[Resource],
    results: Mapping[str, Sequence[Resource]],
    names: Mapping[str, str],
) -> Iterator[bytes]:
    if patient is None:
        return
    person = _pid(patient)
    for visit in visits:
        facility = names.get(visit.get("serviceProvider", {}).get("reference", ""), "SAMPLE")
        inpatient = visit["class"]["code"] != "AMB"
        event = "A01" if inpatient else "A04"
        start, end = (_time(visit["period"].get(key) or visit["period"]["start"]) for key in ("start", "end"))
        yield _message(
            [
                _header(facility, f"ADT^{event}^ADT_A01", start, visit["id"]),
                f"EVN|{event}|{start}",
                person,
                f"PV1|1|{'I' if inpatient else 'O'}|||||||||||||||||{visit['id'][:8]}",
            ]
        )
        measured = results.get(f"Encounter/{visit['id']}", ())
        if measured:
            header = _header(facility, "ORU^R01^ORU_R01", end, f"{visit['id']}/results")
            order = f"OBR|1||{visit['id'][:8]}|18842-5^Results of the visit^LN|||{start}"
            yield _message([header, person, order, *map(_obx, range(1, len(measured) + 1), measured)])


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
    moment = _time(result["effectiveDateTime"])
    return f"OBX|{number}|NM|{code}||{quantity['value']}|{unit}|||||F|||{moment}"


def _message(segments: Sequence[str]) -> bytes:
    return "".join(f"{segment}\r" for segment in segments).encode()


def escaped(text: str) -> str:
    """Return a text with its separator characters escaped."""
    return text.translate(_ESCAPES)


def _time(text: str) -> str:
    """Return an ISO time in the format of HL7."""
    return datetime.fromisoformat(text).strftime("%Y%m%d%H%M%S%z")
