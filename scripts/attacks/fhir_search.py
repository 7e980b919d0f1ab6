"""FHIR search under odd parameters, and its index under any order of writes and searches."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from local.fhir.search_store import Store

from lro_notebook.local.core.service_errors import ServiceError
from lro_notebook.local.fhir.search import parameters, values

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator

_CODES = (
    "identifier", "name", "birthdate", "gender", "general-practitioner", "deceased", "_id", "_lastUpdated",
    "_tag", "_profile", "_has:Observation:patient:code", "_has:Patient:link:name", "link:Patient.name",
    "organization.name", "_sort", "_include", "_revinclude:iterate", "_count", "_elements", "_summary",
)  # fmt: skip
_MODIFIERS = (
    "",
    "",
    "",
    "",
    ":not",
    ":missing",
    ":exact",
    ":contains",
    ":text",
    ":identifier",
    ":Patient",
    ":;",
)
_PIECES = (
    "a", "M-1", "|", "||", ",", "\\", "\\,", "$", "'", '"', ";--", "%", "_", "\x00", "é", "\U0001d4b3",
    "\u202e", "-", "1e5", "ge2020", "2020-02-30", "9999-12-31T23:59:60Z", "0000", "NaN", "1e999",
    "Patient/1", "http://x/fhir/Patient/1", "*", "Observation:subject", "true", "urn:a|x", " ", "*" * 300,
)  # fmt: skip
_FIELDS = (
    "code", "system", "value", "coding", "display", "text", "unit", "currency", "low", "high", "start", "end",
    "event", "repeat", "boundsPeriod", "reference", "identifier", "type", "family", "given", "line",
)  # fmt: skip
_KINDS = ("code", "date", "subject", "value-string", "value-quantity", "_profile")
_GENDERS = ("male", "female", "other")


def _odd_searches(chance: random.Random) -> tuple[int, int]:
    """Search with parameters made of odd pieces; each must find something or be refused with a reason."""
    tried = held = 0
    with _opened() as store:
        store.put({"resourceType": "Patient", "id": "1", "name": [{"family": "a'b"}], "birthDate": "1980"})
        for _ in range(3000):
            pairs = []
            for _ in range(chance.randrange(1, 3)):
                name = chance.choice(_CODES) + chance.choice(_MODIFIERS)
                value = "".join(chance.choices(_PIECES, k=chance.randrange(4)))
                pairs.append(f"{quote(name)}={quote(value)}")
            tried += 1
            try:
                store.find(f"Patient?{'&'.join(pairs)}")
            except ServiceError as refused:
                held += refused.status in (400, 501)
            else:
                held += 1
    return tried, held


def _any_order(chance: random.Random) -> tuple[int, int]:
    """Write, delete and search in any order; a search must find what a plain dictionary has."""
    tried = held = 0
    with _opened() as store:
        model: dict[str, str] = {}
        for _ in range(2000):
            identifier, gender = f"p{chance.randrange(12)}", chance.choice(_GENDERS)
            match chance.randrange(4):
                case 0 | 1:
                    store.put({"resourceType": "Patient", "id": identifier, "gender": gender})
                    model[identifier] = gender
                case 2:
                    store.delete("Patient", identifier)
                    model.pop(identifier, None)
                case 3:
                    tried += 1
                    expected = {name for name, kept in model.items() if kept == gender}
                    held += set(store.find(f"Patient?gender={gender}")) == expected
        tried += 1
        held += store.index_rows() in (0, len(model))
    return tried, held


def _odd_values(chance: random.Random) -> tuple[int, int]:
    """Keep values of any shape for parameters of every type; none may be more than SQLite stores."""
    tried = held = 0

    def some(depth: int = 0) -> Any:
        kind = chance.randrange(8 if depth < 3 else 6)  # noqa: PLR2004 - deep enough
        if kind == 6:  # noqa: PLR2004 - an object
            return {name: some(depth + 1) for name in chance.sample(_FIELDS, 4)}
        if kind == 7:  # noqa: PLR2004 - a list
            return [some(depth + 1) for _ in range(chance.randrange(3))]
        scalars = (None, True, chance.choice(_PIECES), chance.choice((-1, 2**63, 0)), 1.5e300, "2020-01-01")
        return scalars[kind]

    kinds = [each for each in parameters.standard("Observation").values() if each.code in _KINDS]
    for _ in range(20_000):
        each = chance.choice(kinds)
        flavour = chance.choice(("", {"token": "text", "reference": "identifier"}.get(each.kind, "")))
        kept = values.Kept()
        values.keeper(replace(each, flavour=flavour))([(some(), "")], kept)
        tried += 1
        texts: list[object] = [part for pair in kept.texts for part in pair]
        texts += [part for _, _, *unit in kept.ranges for part in unit]
        ends: list[object] = [end for low, high, *_ in kept.ranges for end in (low, high)]
        held += all(type(text) is str for text in texts) and all(type(end) in (int, float) for end in ends)
    return tried, held


@contextmanager
def _opened() -> Iterator[Store]:
    """Return a store in a folder that lives as long as the block."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        try:
            yield store
        finally:
            store.database.close()


ATTACKS: list[tuple[str, Callable[[random.Random], tuple[int, int]]]] = [
    ("FHIR searches with odd names, modifiers and values", _odd_searches),
    ("values of any shape for the search index", _odd_values),
    ("writes, deletions and FHIR searches in any order", _any_order),
]
