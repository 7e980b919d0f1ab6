"""JSON that was broken in places, judged by Python's json: it is read as there, or said to be bad."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any, NoReturn
from unittest.mock import patch

from lro_notebook.results.arrow import json_values
from lro_notebook.results.arrow.json_values import value_blocks
from lro_notebook.results.arrow.line_blocks import sort_lines
from lro_notebook.results.formats.json.documents import JSON_DOCUMENTS
from lro_notebook.results.formats.json.envelopes import Envelope
from lro_notebook.results.formats.json.large_envelopes import rows_of
from lro_notebook.results.formats.json.lines import JSON_LINES
from lro_notebook.results.limits import Limits

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator

    from lro_notebook.results.arrow.line_blocks import Block

_TEXTS = 2500
_ENVELOPES = 700
_STARTS = 6000
_PIECES = [
    "{",
    "}",
    "[",
    "]",
    '"',
    "\\",
    ",",
    ":",
    "\n",
    " ",
    "NaN",
    "1",
    "null",
    "//",
    "\x00",
    "é",
    "tr",
    "-",
]
_SIZES = [1, 3, 10, 1 << 20]  # of pieces
_DEEP = 3
_KEYS = ["a", "b", "list", 'q"', "é\n", "{"]


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


_DECODER = json.JSONDecoder(parse_constant=_refuse)


def _value(draw: random.Random, depth: int = 0) -> Any:
    if depth < _DEEP and draw.choice([True, False, False]):
        inner = [_value(draw, depth + 1) for _ in range(draw.randrange(4))]
        return draw.choice([inner, {draw.choice(_KEYS): each for each in inner}])
    return draw.choice([None, True, 5, -2.5e-3, "", "x\\", 'say "x"', "{[", "]}\n", "é\u2028"])


def _object(draw: random.Random) -> dict[str, Any]:
    return {key: _value(draw) for key in draw.sample(_KEYS, draw.randrange(4))}


def _text(draw: random.Random, value: Any) -> str:
    text = json.dumps(value, indent=draw.choice([None, 0, 2]), ensure_ascii=draw.choice([True, False]))
    for _ in range(draw.randrange(4)):
        place, more = draw.randrange(len(text) + 1), draw.randrange(3)
        text = text[:place] + draw.choice(_PIECES) * draw.randrange(2) + text[place + more :]
    return text


def _expected(text: str) -> list[Any] | None:
    """Return the rows of a text of JSON values, one after the other; None where it is something else."""
    rows: list[Any] = []
    place = len(text) - len(text.lstrip(" \t\r\n"))
    try:
        while place < len(text):
            value, place = _DECODER.raw_decode(text, place)
            rows += value if isinstance(value, list) else [value]
            place += len(text[place:]) - len(text[place:].lstrip(" \t\r\n"))
    except ValueError:
        return None
    return rows if all(isinstance(row, dict) for row in rows) else None


def _read(blocks: Iterator[Block]) -> tuple[list[Any], int]:
    rows, bad = [], 0
    for block in blocks:
        good, wrong = sort_lines(block)
        rows += [_DECODER.decode(line.decode()) for _, line in good]
        bad += len(wrong)
    return rows, bad


def values(draw: random.Random) -> tuple[int, int]:
    """Break lists of objects and single ones, and read them in pieces that end anywhere."""
    held = 0
    for _ in range(_TEXTS):
        text = _text(draw, draw.choice([_object(draw), [_object(draw), _object(draw)]]))
        with patch.object(json_values, "_PIECE", draw.choice(_SIZES)):
            rows, bad = _read(value_blocks(io.BytesIO(text.encode()), Limits()))
        expected = _expected(text)
        held += bad > 0 if expected is None else (rows == expected and not bad)
    return _TEXTS, held


def envelopes(draw: random.Random) -> tuple[int, int]:
    """Break envelopes, and read them held as a whole and as a stream."""
    envelope, held = Envelope(frozenset({"list"})), 0
    for _ in range(_ENVELOPES):
        whole = {**_object(draw), "list": [_object(draw) for _ in range(draw.randrange(4))], "z": 1}
        data = _text(draw, whole).encode()
        kept = _read(rows_of(envelope, io.BytesIO(data), Limits(), hold=len(data)))
        with patch.object(json_values, "_PIECE", draw.choice(_SIZES)):
            streamed = _read(rows_of(envelope, io.BytesIO(data), Limits(), hold=1))
        is_told = kept[1] > 0 and streamed[1] > 0
        held += is_told if _expected(data.decode()) is None else kept == streamed
    return _ENVELOPES, held


def starts(draw: random.Random) -> tuple[int, int]:
    """Show the first bytes of files, some of them no JSON; at most one format may take them."""
    held = 0
    for _ in range(_STARTS):
        text = _text(draw, draw.choice([_object(draw), _value(draw), [_object(draw)]])).encode()
        data = draw.choice([text, text * 2, text + b"\n" + text, text[: draw.randrange(len(text) + 1)]])
        data = draw.choice([data, draw.randbytes(20), data.decode(errors="ignore").encode("utf-16")])
        name = f"x{draw.choice(['', '.json', '.jsonl', '.csv', '.JSON.gz'])}"
        taken = [each.looks(name, data) for each in (JSON_LINES, JSON_DOCUMENTS) if each.looks]
        held += not all(taken) and (not any(taken) or data.lstrip()[:1] in {b"{", b"[", b"\xff"})
    return _STARTS, held


#: What was tried, and the function that tries it.
ATTACKS: list[tuple[str, Callable[[random.Random], tuple[int, int]]]] = [
    ("JSON that was broken, in pieces that end anywhere", values),
    ("envelopes that were broken, held and as a stream", envelopes),
    ("first bytes that are JSON, or look like it", starts),
]
