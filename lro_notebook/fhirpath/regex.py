"""Regular expressions in FHIRPath, matched by RE2 in time linear in the length of the text.

RE2 is part of Arrow. Python's `re` would backtrack for ever on ``(a+)+$``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

#: Characters in a pattern.
MAX_LENGTH = 1000
#: The beginning of a group, skipping escapes and classes; and a reference to a group in a substitution.
_GROUPS = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]?|(\()(?:\?P?<(\w+)>|(?!\?))", re.DOTALL)
_NAMED = re.compile(r"\\|\$(?:([0-9])|\{(\w+)\})", re.ASCII)


@lru_cache(maxsize=256)
def problem(pattern: str) -> str:
    """Return why RE2 does not accept `pattern`; empty if it does."""
    import pyarrow as pa  # heavy, and only views with such a pattern need it

    if len(pattern) > MAX_LENGTH:
        return f"the regular expression is longer than {MAX_LENGTH} characters"
    try:
        search(pa.array([""]), pattern)
    except UnicodeEncodeError:
        return "the regular expression has half of a surrogate pair"
    except pa.ArrowInvalid as error:
        reason = str(error).rpartition("Invalid regular expression: ")[2][:200]
        return (
            f"the regular expression cannot be read ({reason}); the syntax is that of RE2, "
            "which has no lookaround, no back-references and no possessive quantifiers"
        )
    return ""


def search(texts: pa.Array, pattern: str) -> pa.Array:
    """Tell for each text whether `pattern` matches a part of it; a dot also matches line ends."""
    import pyarrow.compute as pc

    return pc.match_substring_regex(texts, f"(?s){pattern}")


def matches(text: str, pattern: str) -> bool:
    """Tell whether `pattern` matches a part of `text`."""
    import pyarrow as pa

    return bool(search(pa.array([_sound(text)]), pattern)[0].as_py())


def replaced(text: str, pattern: str, substitution: str) -> str:
    """Return `text` with each match replaced by `substitution`, in which ``$1`` and ``${name}`` are groups.

    Raises
    ------
    ValueError
        The substitution names a group that the pattern does not have.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    groups = _GROUPS.findall(pattern)
    numbers = {name: number for number, name in enumerate((name for mark, name in groups if mark == "("), 1)}
    numbers |= {str(number): number for number in range(10)}

    def rewritten(part: re.Match[str]) -> str:
        if part[0] == "\\":
            return "\\\\"
        name = part[1] or part[2]
        if numbers.get(name, 10) > 9:  # noqa: PLR2004 - RE2 numbers them by one digit
            raise ValueError(f"there is no group {name}, or it is beyond the ninth")
        return f"\\{numbers[name]}"

    sound = [_sound(part) for part in (text, _NAMED.sub(rewritten, substitution))]
    try:
        done = pc.replace_substring_regex(pa.array(sound[:1]), f"(?s){pattern}", sound[1])
    except pa.ArrowInvalid as error:
        raise ValueError("the substitution names a group that the pattern does not have") from error
    return str(done[0].as_py())


def _sound(text: str) -> str:
    """Return `text` without lone surrogates, which UTF-8 cannot encode."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
