"""References between resources, read from the text of their bodies."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lro_notebook.local.operations.method import Step

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Generator

_REFERENCE = re.compile(rb'"reference"\s*:\s*"([A-Z][A-Za-z]{0,63}/[A-Za-z0-9.-]{1,64})(?:/_history/[^"]*)?"')


def references(body: bytes) -> frozenset[str]:
    """Return the relative references of a resource, as ``Patient/1234``."""
    return frozenset(match.group(1).decode() for match in _REFERENCE.finditer(body))


def everything_of(
    connection: sqlite3.Connection, store: int, patients: frozenset[str]
) -> Generator[Step, None, frozenset[str]]:
    """Return the patients (``Patient/1234``), the resources that refer to them, and what those refer to.

    Yields an empty step now and then, so that the operation can stop.
    """
    everything: set[str] = set(patients)
    referenced: set[str] = set()
    rows = connection.execute("SELECT type, id, body FROM resources WHERE store = ?", (store,))
    for number, (type_, identifier, body) in enumerate(rows):
        name, targets = f"{type_}/{identifier}", references(body)
        # A list of patients, such as a Group, belongs to none of them.
        if name in patients or (type_ not in ("Group", "List") and not patients.isdisjoint(targets)):
            everything.add(name)
            referenced |= targets
        if number % 10_000 == 0:
            yield Step()
    return frozenset(everything | {name for name in referenced if not name.startswith("Patient/")})
