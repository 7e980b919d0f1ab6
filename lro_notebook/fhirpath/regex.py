"""The regular expressions in FHIRPath, matched by RE2, in time that grows with the text only.

Arrow has RE2 inside. Python's own `re` would go back and forth for ever on ``(a+)+$``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

#: Characters of a pattern that are read at most.
LONGEST = 1000
#: What begins a group, after an escape or a class; and what names one in a substitution.
_GROUPS = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]?|(\()(?:\?P?<(\w+)>|(?!\?))", re.DOTALL)
_NAMED = re.compile(r"\\|\$(?:([0-9])|\{(\w+)\})", re.ASCII)


@lru_cache(maxsize=256)
def fault(pattern: str) -> str:
    """Return why RE2 cannot take `pattern`; empty where it can."""
    import pyarrow as pa  # noqa: PLC0415 - heavy, and only views with such a pattern need it

    if len(pattern) > LONGEST:
        return f"the regular expression is longer than {LONGEST} characters"
    try:
        search(pa.array([""]), pattern)
    except UnicodeEncodeError:
        return "the regular expression has half of a surrogate pair"
    except pa.ArrowInvalid as error:
        reason = str(error).rpartition("Invalid regular expression: ")[2][:200]
        return (
            f"the regular expression cannot be read ({reason}); the syntax is that of RE2, "
            "which has no lookaround, no back-references and no possessive parts"
        )
    return ""


def search(texts: pa.Array, pattern: str) -> pa.Array:
    """Tell of each text whether `pattern` matches a part of it; a dot stands for line ends too."""
    import pyarrow.compute as pc  # noqa: PLC0415 - heavy

    return pc.match_substring_regex(texts, f"(?s){pattern}")


def found(text: str, pattern: str) -> bool:
    """Tell whether `pattern` matches a part of `text`."""
    import pyarrow as pa  # noqa: PLC0415 - heavy

    return bool(search(pa.array([_sound(text)]), pattern)[0].as_py())


def replaced(text: str, pattern: str, substitution: str) -> str:
    """Return `text` with `substitution` in place of each match; ``$1`` and ``${name}`` stand for groups.

    Raises
    ------
    ValueError
        The substitution names a group that the pattern does not have.
    """
    import pyarrow as pa  # noqa: PLC0415 - heavy
    import pyarrow.compute as pc  # noqa: PLC0415 - heavy

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
    """Return `text` without halves of surrogate pairs, which have no place in UTF-8."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
