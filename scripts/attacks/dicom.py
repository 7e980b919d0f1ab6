"""Damaged DICOM and odd times, seeded: a bad object or attribute ends no table, and no time is a guess."""

from __future__ import annotations

import json
import tempfile
import time
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from lro_notebook.results.arrow.dates import FULL
from lro_notebook.results.formats.dicom.sniff import looks
from lro_notebook.results.load_place import read

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

_SECONDS = 12
_MOST = 300
_TAGS = ["00100010", "00080020", "00081140", "00280010", "00091001", "60020010", "00080201", "0008002A", "x"]
_VRS = ["LO", "PN", "SQ", "US", "IS", "DS", "AT", "DA", "DT", "OB", "UN", "", "??", None, 3]
_GOOD = {"00080018": {"vr": "UI", "Value": ["1.2"]}}


def _samples() -> list[bytes]:
    """Return the headers of pydicom's own objects."""
    import pydicom

    folder = Path(pydicom.__file__).parent / "data"
    return [path.read_bytes()[:6000] for path in sorted(folder.rglob("*.dcm"))]


def _damaged(data: bytes, dice: random.Random) -> bytes:
    """Return an object of which some bytes are others, more, or fewer."""
    changed = bytearray(data)
    for _ in range(dice.randrange(1, 12)):
        place = dice.randrange(len(changed) + 1)
        way = dice.randrange(3)
        if way == 0 and place < len(changed):
            changed[place] = dice.randrange(256)
        elif way == 1:
            changed[place:place] = dice.randbytes(dice.randrange(1, 9))
        else:
            del changed[place : place + dice.randrange(1, 9)]
    return bytes(changed if dice.random() < 0.8 else changed[: dice.randrange(len(changed) + 1)])  # noqa: PLR2004


def _objects(dice: random.Random) -> tuple[int, int]:
    """Read damaged objects beside a good one, which must stay."""
    samples, tried, held, start = _samples(), 0, 0, time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "good.json").write_text(json.dumps(_GOOD))
        while tried < _MOST and time.monotonic() - start < _SECONDS:
            for number in range(10):
                (folder / f"{number}.dcm").write_bytes(_damaged(dice.choice(samples), dice))
            held += _is_kept(folder, dice)
            tried += 1
    return tried, held


def _json(dice: random.Random) -> tuple[int, int]:
    """Read DICOM JSON of anything beside a good line, which must stay."""
    tried, held, start = 0, 0, time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        while tried < _MOST and time.monotonic() - start < _SECONDS:
            lines = [{dice.choice(_TAGS): _attribute(dice) for _ in range(3)} for _ in range(20)]
            text = [json.dumps(line) for line in lines]
            (folder / "m.ndjson").write_text("\n".join([json.dumps(_GOOD), *text]))
            held += _is_kept(folder, dice)
            tried += 1
    return tried, held


def _attribute(dice: random.Random, level: int = 0) -> Any:
    if level > 3 or dice.random() < 0.3:  # noqa: PLR2004 - deep enough
        return dice.choice([None, True, -1, 1.5, 2**70, "", "a\\b", "2024", "\ud800", [], {}])
    inner = [_attribute(dice, level + 1) for _ in range(dice.randrange(3))]
    way = dice.randrange(4)
    if way == 0:
        return inner
    if way == 1:
        return {"vr": dice.choice(_VRS), "Value": dice.choice([inner, *inner, None])}
    if way == 2:  # noqa: PLR2004 - one way after the other
        return {dice.choice([*_TAGS, "Alphabetic", "BulkDataURI", "Value"]): one for one in inner}
    return {"vr": dice.choice(_VRS)}


def _is_kept(folder: Path, dice: random.Random) -> bool:
    options: dict[str, Any] = {
        "lists": dice.choice(["first", "nested", "explode"]),
        "decimals": dice.choice(["float", "exact", "text"]),
        "parse_dates": dice.random() < 0.5,  # noqa: PLR2004
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = read(folder, **options).arrow("instances")
    return any(value in ("1.2", ["1.2"]) for value in table["SOPInstanceUID"].to_pylist())


def _times(dice: random.Random) -> tuple[int, int]:
    """Change characters of instants: what Python reads as well must be the same, alone and in a column."""
    tried, held, start = 0, 0, time.monotonic()
    while tried < 40 * _MOST and time.monotonic() - start < _SECONDS:
        texts = [_instant(dice) for _ in range(20)]
        column = pa.chunked_array([pa.array(texts, pa.string())])
        alone = [FULL(pa.chunked_array([pa.array([text], pa.string())]))[0].as_py() for text in texts]
        together = FULL(column).to_pylist()
        for text, one, other in zip(texts, alone, together, strict=True):
            tried += 1
            held += one == other and _agrees(text, one)
    return tried, held


def _instant(dice: random.Random) -> str:
    whole = datetime.fromtimestamp(dice.randrange(-62_000_000_000, 253_000_000_000), UTC)
    text = whole.isoformat(dice.choice("T "))[: dice.choice([10, 16, 19, 25, 25, 25])]
    if dice.random() < 0.5:  # noqa: PLR2004
        place = dice.randrange(len(text))
        text = text[:place] + dice.choice("0123456789-+:TZ .") + text[place + 1 :]
    return text


def _agrees(text: str, found: datetime | None) -> bool:
    try:
        known = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        return True  # ours reads a little more: leap seconds, the end of a day
    if found is None:
        return True  # and less: weeks, basic forms
    known = known if known.tzinfo else known.replace(tzinfo=UTC)
    return known - found == found - found


def _others(dice: random.Random) -> tuple[int, int]:
    """Look at bytes that are no DICOM: random ones, numbers in a row, text."""
    tried, held = 20_000, 0
    for _ in range(tried):
        way = dice.randrange(3)
        if way == 0:
            data = dice.choice([b"\x08\0", b"\x02\0", b"\0\x08", b""]) + dice.randbytes(dice.randrange(200))
        elif way == 1:
            size = dice.choice([2, 4, 8])
            first, step = dice.randrange(20), dice.randrange(1, 9)
            data = b"".join((first + step * n).to_bytes(size, "little") for n in range(50))
        else:
            data = json.dumps({dice.choice(_TAGS): dice.randrange(9)}).encode()
        held += not looks("x", data)
    return tried, held


ATTACKS: list[tuple[str, Callable[[random.Random], tuple[int, int]]]] = [
    ("damaged DICOM objects beside a good one", _objects),
    ("DICOM JSON of anything beside a good line", _json),
    ("instants with a changed character, alone and in a column", _times),
    ("bytes that are no DICOM", _others),
]
