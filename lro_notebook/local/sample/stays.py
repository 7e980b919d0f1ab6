"""Stays in a hospital, which only the messages of the sample tell of. Pure; knows no patient."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from random import Random

HOSPITAL = "Sampleton General Hospital"
#: Ward -> the service that runs it (HL7 table 0069).
_WARDS = {"MED1": "MED", "MED2": "MED", "SURG": "SUR", "CARD": "CAR"}
_REFERRED, _EMERGENCY = "1", "7"  # HL7 table 0023
_HOME, _NURSING, _HOME_CARE = "01", "03", "06"  # HL7 table 0112
#: Trigger -> the structure of its message.
_STRUCTURES = {"A01": "ADT_A01", "A02": "ADT_A02", "A03": "ADT_A03", "A11": "ADT_A09"}


class Event(NamedTuple):
    """What one message tells of a stay: its trigger, when it happened, and the fields of PV1 by number."""

    trigger: str
    moment: datetime
    visit: dict[int, str]

    @property
    def type(self) -> str:
        """The type of the message, as MSH-9 has it."""
        return f"ADT^{self.trigger}^{_STRUCTURES[self.trigger]}"


def draw_stay(rng: Random, seen: datetime, doctors: Sequence[str], *, cancelled: bool) -> Iterator[Event]:
    """Yield the messages of a stay that follows a visit on the day `seen`: in, often to another ward, out.

    It ends less than a month after the visit. A `cancelled` one is taken back before it begins.
    """
    ward = rng.choice(tuple(_WARDS))
    admitted = seen.replace(minute=0) + timedelta(days=rng.randrange(1, 10), minutes=rng.randrange(0, 300, 5))
    told = {
        2: "I",
        3: _bed(rng, ward),
        7: rng.choice(doctors),
        10: _WARDS[ward],
        14: rng.choice((_REFERRED, _EMERGENCY)),
        19: f"S{rng.randrange(10**7):07d}",
        44: f"{admitted:%Y%m%d%H%M%S%z}",
    }
    yield Event("A01", admitted, dict(told))
    if cancelled:
        yield Event("A11", admitted + timedelta(hours=2), dict(told))
        return
    length = timedelta(days=rng.randrange(1, 13), minutes=rng.randrange(60, 300, 5))
    if rng.random() < 0.4:  # noqa: PLR2004 - share with a transfer
        told |= {3: _bed(rng, "ICU"), 6: told[3]}
        yield Event("A02", admitted + length * rng.uniform(0.1, 0.4), dict(told))
        told |= {3: told[6], 6: told[3]}
        yield Event("A02", admitted + length * rng.uniform(0.5, 0.8), dict(told))
    discharged = admitted + length
    told[36] = rng.choices((_HOME, _NURSING, _HOME_CARE), (80, 8, 12))[0]
    yield Event("A03", discharged, told | {45: f"{discharged:%Y%m%d%H%M%S%z}"})


def _bed(rng: Random, ward: str) -> str:
    return f"{ward}^{rng.randrange(1, 13):02d}^{rng.choice('AB')}^{HOSPITAL}"
