r"""The characters that separate in an HL7v2 message, and its escapes: ``\T\``, ``\.br\``, ``\X0D\``. Pure."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from lro_notebook.results.formats.hl7v2.charsets import DEFAULT
from lro_notebook.results.formats.hl7v2.decoding import text_of_bytes
from lro_notebook.results.limits import DEFAULT as DEFAULT_LIMITS

_SPACES = re.compile(r"\.sp ?\+?(\d{1,9})", re.ASCII)


class Encoding(NamedTuple):
    """The characters that separate, as MSH-1 and MSH-2 of a message give them.

    Behind them the codecs in which bytes are that a message has as hexadecimal digits, in the order in which
    they are tried.
    """

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"
    codecs: tuple[str, ...] = ("utf_8", *DEFAULT)

    @property
    def second(self) -> str:
        """MSH-2."""
        return self.component + self.repetition + self.escape + self.subcomponent


def unescape(text: str, encoding: Encoding, spaces: int = DEFAULT_LIMITS.spaces) -> str:
    r"""Return `text` without its escapes: ``\F\`` and its like, ``\.br\``, ``\X0D\``; others stay.

    So do a ``\.sp`` that skips more lines than `spaces`, and bytes that are in no set of the message.
    """
    mark = encoding.escape
    plain = {
        "F": encoding.field,
        "S": encoding.component,
        "T": encoding.subcomponent,
        "R": encoding.repetition,
        "E": mark,
        "H": "",  # highlighting on and off
        "N": "",
    }

    def replace(match: re.Match[str]) -> str:
        if match[1]:
            pieces = [bytes.fromhex(digits.strip("X")) for digits in match[1].split(mark) if digits]
            return text_of_bytes(pieces, encoding.codecs, lambda piece: f"{mark}X{piece.hex().upper()}{mark}")
        word = match[2]
        if word in plain:
            return plain[word]
        if word.startswith(".br"):
            return "\n"
        if word.startswith(".sp"):
            number = _SPACES.fullmatch(word)
            count = int(number[1]) if number else 0 if any(map(str.isdigit, word)) else 1
            return "\n" * count if 0 < count <= spaces else match[0] if number or not count else ""
        return match[0]

    return _escapes(mark).sub(replace, text)


@lru_cache(maxsize=100)
def _escapes(mark: str) -> re.Pattern[str]:
    """Return the pattern of hexadecimal bytes, those that follow each other together, and of the rest."""
    quoted = re.escape(mark)
    return re.compile(rf"((?:{quoted}X(?:[0-9A-Fa-f]{{2}})+{quoted})+)|{quoted}([^{quoted}]*){quoted}")


def escape(text: str, encoding: Encoding) -> str:
    """Return `text` with the characters that separate as escapes."""
    names = {
        encoding.field: "F",
        encoding.component: "S",
        encoding.subcomponent: "T",
        encoding.repetition: "R",
        encoding.escape: "E",
    }
    mark = encoding.escape
    return "".join(f"{mark}{names[letter]}{mark}" if letter in names else letter for letter in text)
