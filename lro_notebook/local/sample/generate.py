"""Generates resources and files from a number of patients and a seed, one patient at a time."""

from __future__ import annotations

from contextlib import ExitStack
from decimal import Decimal
from typing import TYPE_CHECKING, BinaryIO

import orjson

from lro_notebook.errors import ConfigError
from lro_notebook.local.sample import people
from lro_notebook.local.sample.clinical import Chart
from lro_notebook.local.sample.life_course import draw_course

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lro_notebook.local.sample.data_types import Resource

DEFAULT_PATIENTS, DEFAULT_SEED = 100, 20260101


def resources(patients: int = DEFAULT_PATIENTS, seed: int = DEFAULT_SEED) -> Iterator[Resource]:
    """Return synthetic FHIR R4 resources: the staff, then each patient followed by their record.

    The same arguments give the same resources, and a larger sample starts with a smaller one of the
    same seed. References point to what was yielded before. Decimals are `decimal.Decimal`: the zeros
    at the end of 1.10 are part of a laboratory value.

    Raises
    ------
    ConfigError
        `patients` is negative.
    """
    if patients < 0:
        raise ConfigError(f"patients={patients}: a sample cannot have fewer than 0 patients")
    return _draw(patients, seed)


def _draw(patients: int, seed: int) -> Iterator[Resource]:
    staff = people.draw_staff(seed)
    yield from people.organizations(staff)
    yield from people.practitioners(staff)
    for number in range(patients):
        rng = people.seeded(seed, f"patient/{number}")
        person = people.draw_person(rng, number, staff)
        yield people.patient(person, rng)
        yield from Chart(rng, person, draw_course(rng, person)).resources()


def write(
    out: Path,
    *,
    patients: int = DEFAULT_PATIENTS,
    seed: int = DEFAULT_SEED,
    progress: Callable[[int], None] | None = None,
) -> dict[str, int]:
    """Write the sample to ``{Type}.ndjson`` files in the folder `out`, and return resources per type.

    The same arguments give the same bytes. Files of these names are replaced. Memory does not grow with
    the number of patients.

    Parameters
    ----------
    out : Path
        A folder; made if need be.
    patients : int
        How many patients; each has about 75 resources.
    seed : int
        Another seed gives other patients.
    progress : callable, optional
        Called with the number of patients begun so far.
    """
    stream = resources(patients, seed)
    out.mkdir(parents=True, exist_ok=True)
    counts: dict[str, int] = {}
    files: dict[str, BinaryIO] = {}
    with ExitStack() as stack:
        for made in stream:
            type_ = made["resourceType"]
            if type_ not in files:
                files[type_] = stack.enter_context((out / f"{type_}.ndjson").open("wb"))
                counts[type_] = 0
            files[type_].write(orjson.dumps(made, default=_decimal, option=orjson.OPT_APPEND_NEWLINE))
            counts[type_] += 1
            if progress is not None and type_ == "Patient":
                progress(counts[type_])
    return counts


def _decimal(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value))
    raise TypeError(f"{type(value).__name__} has no JSON form here")
