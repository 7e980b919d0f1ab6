"""HL7v2 text in random sets, with random breaks and damage: no message is lost or read as another."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from lro_notebook.errors import LroWarning
from lro_notebook.results.load_place import read

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

_ROUNDS = 60
_SETS = {
    "8859/2": ("iso8859_2", "ŁódźŘřŠ"),
    "8859/5": ("iso8859_5", "МирДом"),
    "KS X 1001": ("euc_kr", "한글나라"),
    "GB 18030-2000": ("gb18030", "张袁英𠀀é"),
    "BIG-5": ("big5", "許功蓋張"),
    "~ISO IR87": ("iso2022_jp", "山田太郎ア"),
    "UNICODE UTF-8": ("utf-8", "é张😀Ж"),
}
_PLAIN = "abc .,:-MSHOBX\n"


def _header(charset: str) -> bytes:
    return f"MSH|^~\\&|A|B|C|D|20240101||ORU^R01|1|P|2.5||||||{charset}\r".encode()


def _column(data: bytes) -> list[str]:
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", LroWarning)
        place = Path(folder, "m.hl7")
        place.write_bytes(data)
        found: list[str] = read(place)["NTE"]["NTE.3"].tolist()
    return found


def _text(dice: random.Random, letters: str) -> str:
    # Two letters that no UTF-8 begins with by chance; no line that could be a segment.
    middle = "".join(dice.choices(letters + _PLAIN, k=dice.randrange(40)))
    return f"{letters[:2]}{middle}{letters[0]}."


def _written(dice: random.Random) -> tuple[int, int]:
    held = 0
    for _ in range(_ROUNDS):
        parts, right = [], []
        for charset, (codec, letters) in dice.sample(sorted(_SETS.items()), 3):
            text = _text(dice, letters)
            raw = text.encode(codec)
            digits = b"".join(b"\\X%02X\\" % code for code in raw)
            parts += [_header(charset), b"NTE|1||", raw, b"|x\rNTE|2||", digits, b"|x\r"]
            right += [text, text]
        held += _column(b"".join(parts)) == right
    return _ROUNDS, held


def _damaged(dice: random.Random) -> tuple[int, int]:
    held = 0
    for _ in range(_ROUNDS):
        raw = bytes(code for code in dice.randbytes(dice.randrange(60)) if code not in b"\r\n|")
        charset = dice.choice([*_SETS, "", "ASCII", "KLINGON", "CNS 11643-1992"])
        data = _header(charset) + b"NTE|1||" + raw + b"\r" + _header("") + b"NTE|2||whole|x\r"
        held += _column(data)[-1:] == ["whole"]
    return _ROUNDS, held


ATTACKS: list[tuple[str, Callable[[random.Random], tuple[int, int]]]] = [
    ("HL7v2 text in the sets that it names, as it is and as digits", _written),
    ("HL7v2 text of random bytes beside a whole message", _damaged),
]
