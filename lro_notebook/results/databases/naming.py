"""Names in databases, where case does not tell two apart, and any text may be one. Pure."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def quoted(name: str) -> str:
    """Return `name` as an identifier of SQL, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def distinct(names: Iterable[str], taken: Iterable[str] = (), blank: str = "column") -> list[str]:
    """Return `names` so that no two are one name to a database: the later get a number.

    Characters that end text in C become U+FFFD, and an empty name is `blank`.
    """
    used = {name.casefold() for name in taken}
    found = []
    for name in names:
        plain = name.replace("\x00", "\ufffd") or blank
        free = next(
            one
            for number in count(1)
            if (one := plain if number == 1 else f"{plain}_{number}").casefold() not in used
        )
        used.add(free.casefold())
        found.append(free)
    return found
