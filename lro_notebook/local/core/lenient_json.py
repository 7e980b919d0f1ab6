"""JSON as Google's front end reads it in bodies of requests: also with bare names and single quotes. Pure.

Google's own examples for curl are written so, such as ``{notification_config: {pubsub_topic: "…"}}``.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN = re.compile(
    r"""(?P<space>\s+)|(?P<double>"(?:[^"\\]|\\.)*")|'(?P<single>(?:[^'\\]|\\.)*)'"""
    r"""|(?P<name>[A-Za-z_$][\w$]*)|(?P<mark>[{}\[\]:,])|(?P<other>[^\s{}\[\]:,"']+)""",
    re.ASCII | re.DOTALL,
)
#: Longer texts are read as strict JSON alone.
SIZE_MAX = 1 << 20
_ESCAPED = re.compile(r"""\\(.)|(")""", re.DOTALL)


def strict(text: bytes) -> bytes:
    """Return the same as strict JSON, or something that is no JSON if `text` cannot be meant as such."""
    try:
        given = "" if len(text) > SIZE_MAX else text.decode()
    except UnicodeDecodeError:
        given = ""
    parts: list[str] = [""]
    for (kind, part), (_, following) in pairwise([*_tokens(given), ("mark", "")]):
        if kind == "name" and following == ":":
            parts.append(f'"{part}"')
        elif part != "," or following not in ("}", "]") or parts[-1] in ("", "{", "[", ","):
            parts.append(part)
    return " ".join(parts[1:]).encode()


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    """Yield what each token is, and its text; those in single quotes come in double ones."""
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:  # a quote without an end
            yield "other", text[place:]
            return
        place = match.end()
        kind = str(match.lastgroup)
        if kind == "single":
            yield "double", f'"{_ESCAPED.sub(_in_double_quotes, match["single"])}"'
        elif kind != "space":
            yield kind, match[kind]


def _in_double_quotes(match: re.Match[str]) -> str:
    if match[2] or match[1] == '"':
        return r"\""
    return "'" if match[1] == "'" else match[0]
