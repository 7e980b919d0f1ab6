"""Ids and extensions of primitive elements (`_birthDate`) made at random: views against a plain reading."""

from __future__ import annotations

import json
import tempfile
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lro_notebook.results.load_place import read

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    Read = Callable[[dict[str, Any]], list[Any]]

_ROUNDS, _PATIENTS = 40, 30


def _beside(rng: random.Random) -> dict[str, Any] | None:
    extension = [{"url": rng.choice("uv"), "valueCode": rng.choice("cd")} for _ in range(rng.randrange(1, 3))]
    return rng.choice((None, {"id": "i"}, {"extension": extension}, {"id": "j", "extension": extension}))


def _patient(rng: random.Random) -> dict[str, Any]:
    name = {
        "given": [rng.choice(("Ada", "B", None)) for _ in range(rng.randrange(4))],
        "_given": [_beside(rng) for _ in range(rng.randrange(4))],
    }
    fields = {
        "birthDate": rng.choice(("1970", None)),
        "_birthDate": _beside(rng),
        "name": [{key: name[key] for key in name if rng.random() < 0.8}],  # noqa: PLR2004 - mostly
        "_deceasedBoolean": _beside(rng),
    }
    kept = {key: value for key, value in fields.items() if value is not None and rng.random() < 0.7}  # noqa: PLR2004
    return {"resourceType": "Patient", **kept}


def _elements(parent: dict[str, Any], name: str) -> list[tuple[Any, dict[str, Any]]]:
    """Return value, and what is beside it, of each element."""
    sides = [parent.get(key) for key in (name, f"_{name}")]
    pairs = zip_longest(*(side if isinstance(side, list) else [side] for side in sides))
    return [(value, beside or {}) for value, beside in pairs if (value, beside) != (None, None)]


def _given(one: dict[str, Any]) -> list[tuple[Any, dict[str, Any]]]:
    return [found for name in one.get("name", []) for found in _elements(name, "given")]


_READINGS: dict[str, Read] = {
    "birthDate.exists().not()": lambda one: [not _elements(one, "birthDate")],
    "birthDate.hasValue()": lambda one: ["birthDate" in one],
    "birthDate.extension('u').value": lambda one: [
        part["valueCode"]
        for _, beside in _elements(one, "birthDate")
        for part in beside.get("extension", [])
        if part["url"] == "u"
    ],
    "deceased.exists()": lambda one: ["_deceasedBoolean" in one],
    "name.given": lambda one: [value for value, _ in _given(one) if value],
    "name.given.count()": lambda one: [len(_given(one))],
    "name.given[1]": lambda one: [value for value, _ in _given(one)[1:2] if value],
    "name.given.last().id": lambda one: [beside["id"] for _, beside in _given(one)[-1:] if "id" in beside],
    "name.given.where(extension.exists())": lambda one: [
        value for value, beside in _given(one) if value and "extension" in beside
    ],
    "name.given.tail().where(id = 'j').count()": lambda one: [  # `tail()` is interpreted
        sum(beside.get("id") == "j" for _, beside in _given(one)[1:])
    ],
}


def _views(rng: random.Random) -> tuple[int, int]:
    columns = [{"name": f"v{at}", "path": path, "collection": True} for at, path in enumerate(_READINGS)]
    view = {"resource": "Patient", "select": [{"column": columns}]}
    tried = held = 0
    for _ in range(_ROUNDS):
        patients = [_patient(rng) for _ in range(_PATIENTS)]
        with tempfile.TemporaryDirectory() as folder:
            for number in range(3):  # blocks that know nothing of each other when they are parsed
                lines = "".join(json.dumps(one) + "\n" for one in patients[number::3])
                (Path(folder) / f"Patient.{number:03d}.ndjson").write_text(lines)
            frame = read(folder).view(view)
        ordered = [one for number in range(3) for one in patients[number::3]]
        for name, reading in zip(frame, _READINGS.values(), strict=True):
            found = [list(row) for row in frame[name]]
            tried += len(ordered)
            held += sum(row == reading(one) for row, one in zip(found, ordered, strict=True))
    return tried, held


ATTACKS: list[tuple[str, Callable[[random.Random], tuple[int, int]]]] = [
    ("extensions and ids of primitive elements, in lists of different lengths", _views),
]
