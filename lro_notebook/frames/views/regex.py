"""The regular expressions of a view's author, matched by RE2, in time that grows with the text only.

Arrow has RE2 inside. Python's own `re` would go back and forth for ever on ``(a+)+$``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

#: Characters of a pattern that are read at most.
LONGEST = 1000


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
            f"the regular expression cannot be read ({reason}); views take the syntax of RE2, "
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

    sound = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return bool(search(pa.array([sound]), pattern)[0].as_py())
