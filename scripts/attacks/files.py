"""Nasty files of each format, seeded: a load gives rows, bad lines or one clear error, in little memory."""

from __future__ import annotations

import gzip
import json
import string
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from lro_notebook.errors import ConfigError, LroWarning, ResultError
from lro_notebook.results.arrow.memory_pool import POOL
from lro_notebook.results.load_place import read

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

_SECONDS = 12
_MEMORY = 1_500_000_000  # bytes of Arrow's memory that one small file may take
_GOOD = {"resourceType": "Patient", "id": "good"}
_HEADER = "MSH|^~\\&|A|B|C|D|20200101||ADT^A01|%s|P|2.5\r"
_OPTIONS: list[dict[str, Any]] = [
    {"decimals": decimals, "lists": lists}
    for decimals in ("float", "exact", "text")
    for lists in ("first", "nested", "explode")
]


def _number(dice: random.Random) -> str:
    digits = "".join(dice.choices(string.digits, k=dice.choice([1, 20, 400, 5000, 100_000])))
    return dice.choice(
        [
            f"1e{dice.choice('+-')}{dice.randrange(10 ** dice.randrange(1, 12))}",
            "1" + digits,
            f"-0.{digits}",
            f"{dice.randrange(1, 99)}.{digits}E-{dice.randrange(999)}",
            "NaN",
        ]
    )


def _value(dice: random.Random) -> str:
    """Return a JSON value that is deep, wide, long, numeric, or damaged."""
    depth = dice.choice([3, 14, 90, 150, 399, 500, 1023, 3000])
    kind = dice.randrange(7)
    if kind == 0:
        return "[" * depth + _number(dice) + "]" * depth
    if kind == 1:
        return '{"a":' * depth + "null" + "}" * depth
    if kind == 2:  # noqa: PLR2004 - one kind after the other
        return json.dumps({f"k{dice.randrange(10**9)}": 1 for _ in range(dice.choice([5, 500, 7000]))})
    if kind == 3:  # noqa: PLR2004
        return json.dumps("".join(dice.choices('{}[]":,\\é\u2028', k=dice.randrange(3000))))
    if kind == 4:  # noqa: PLR2004
        return json.dumps([[dice.choice([1, "x", None, {"b": [1]}])] for _ in range(dice.randrange(2000))])
    return _number(dice) if kind == 5 else '{"a":[' * dice.randrange(9)  # noqa: PLR2004


def _ndjson(dice: random.Random, folder: Path) -> int:
    """Write nasty lines between good ones; return how many are good."""
    count = dice.randrange(1, 6)
    lines = []
    for _ in range(count):
        lines += [json.dumps(_GOOD), f'{{"id":"nasty","v":{_value(dice)}}}']
    data = "\n".join([*lines, ""]).encode()
    wrapped = [data, gzip.compress(data), gzip.compress(data[:9]) + gzip.compress(data[9:])]
    name = dice.choice(["Patient.000.ndjson", "Patient-0-of-1.ndjson", "7_Patient"])
    (folder / name).write_bytes(dice.choice(wrapped))
    return count


def _hl7(dice: random.Random, folder: Path) -> int:
    count = dice.randrange(1, 5)
    text = ""
    for number in range(count):
        escape = dice.choice([".sp", ".in", ".br", "X", ".sk+"]) + str(10 ** dice.randrange(12))
        nasty = [
            f"NTE|1||a\\{escape}\\b",
            "PID" + "|" * dice.choice([3, 2000, 100_000]) + "x",
            "PID|" + "^".join("x" * dice.choice([3, 2000])),
            "OBX|1||" + "~".join(["a^b&c"] * dice.choice([3, 20_000])),
            "OBX|" + "".join(dice.choices("|^~\\&x\n", k=dice.randrange(300))),
        ]
        text += _HEADER % f"good{number}" + "EVN|1\r" + _HEADER % "nasty" + dice.choice(nasty) + "\r"
    (folder / "messages.hl7").write_text(text)
    return count


def _parsed(dice: random.Random, folder: Path) -> int:
    place = dice.choice(["{n}", "1[{n}]", "1.{n}", "1.1.{n}", "PID.{n}"])
    key = place.format(n=dice.choice([2, 999, 99_999, 999_999_999, 10**30]))
    good = [{"segmentId": "EVN", "fields": {"1": "x"}}]
    nasty = [{"segmentId": "PID", "fields": {key: "x"}}] * dice.randrange(1, 9)
    data = [
        {"name": f"hl7V2Stores/s/messages/{name}", "parsedData": {"segments": segments}}
        for name, segments in (("good", good), ("nasty", nasty))
    ]
    (folder / "messages.ndjson").write_text("".join(json.dumps(line) + "\n" for line in data))
    return 1


def _dicom_json(dice: random.Random, folder: Path) -> int:
    good = json.dumps({"00080018": {"vr": "UI", "Value": ["good"]}})
    kind = dice.choice(["DS", "IS", "SQ", "PN", "LO"])
    nasty = f'{{"00180050":{{"vr":"{kind}","Value":[{_value(dice)}]}}}}'
    (folder / "a.json").write_text(f"{good}\n{nasty}\n")
    return 1


def _attack(
    write: Callable[[random.Random, Path], int], good: Callable[[pa.Table], int]
) -> Callable[[random.Random], tuple[int, int]]:
    """Return what writes files and loads them, until its time is over; every good row has to be there."""

    def run(dice: random.Random) -> tuple[int, int]:
        tried = held = 0
        end = time.monotonic() + _SECONDS
        while time.monotonic() < end and tried < 300:  # noqa: PLR2004 - enough
            tried += 1
            with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
                warnings.simplefilter("ignore", LroWarning)
                wanted = write(dice, Path(name))
                before = _allocated()
                try:
                    results = read(name, **dice.choice(_OPTIONS))
                    table = results.arrow(next(iter(results)))
                except (ConfigError, ResultError) as error:
                    held += "limits" in str(error) or "memory" in str(error)
                    continue
                held += good(table) == wanted and _allocated() - before < _MEMORY
        return tried, held

    return run


def _allocated() -> int:
    """Return the bytes that Arrow holds, in all of its pools that are used."""
    return int(pa.total_allocated_bytes() + POOL.bytes_allocated())


def _named(column: str, word: str) -> Callable[[pa.Table], int]:
    return lambda table: sum(str(cell).startswith(word) for cell in table[column].to_pylist())


ATTACKS: list[tuple[str, Callable[[random.Random], tuple[int, int]]]] = [
    ("nasty lines of NDJSON between good ones", _attack(_ndjson, _named("id", "good"))),
    (
        "nasty segments in HL7v2 text",
        _attack(_hl7, lambda table: sum("good" in str(cell) for cell in table["data"].to_pylist())),
    ),
    ("nasty positions in parsed HL7v2 messages", _attack(_parsed, _named("message", "good"))),
    ("nasty values in DICOM JSON", _attack(_dicom_json, _named("SOPInstanceUID", "good"))),
]
