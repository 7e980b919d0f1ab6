"""Names of objects that a disk of Windows would refuse, take for a device, or for one another.

An attempt held if the name has a file of its own there, which Windows takes and which leads back to the name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lro_notebook.disk_names import folded, read, written

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

_NAMES = 40_000
_PIECES = [
    *'aAbBeEkKsSiI0129.:<>"|?*%~ -_',
    "\u212a",
    "é",
    "e\u0301",
    "ß",
    "\u017f",
    "\u0131",
    "\u0130",
    "%3A",
    "%61",
    "%6a",
]
_DEVICES = ["con", "CON", "Nul", "aux", "PRN", "com1", "LPT9", "COM\u00b9", "conin$"]
_REFUSED = re.compile(
    r'[<>:"|?*\\\x00-\x1f]|[. ]$|^(?:con|prn|aux|nul|conin\$|com[0-9\u00b9]|lpt[0-9]) *(?:\.|$)',
    re.IGNORECASE,
)


def names(draw: random.Random) -> tuple[int, int]:
    """Write names in both ways, and look for two that end in one file."""
    held, files = 0, dict[str, str]()
    for _ in range(_NAMES):
        name = "".join(draw.choices(_PIECES, k=draw.randint(1, 6)))
        if not draw.randrange(10):
            name = draw.choice(_DEVICES) + draw.choice(["", ".", " .txt", ".txt", name])
        both = written(name), folded(name)
        whole = all(read(file) == name and not _REFUSED.search(file) for file in both)
        held += whole and files.setdefault(both[1].casefold(), name) == name
    return _NAMES, held


#: What was tried, and the function that tries it.
ATTACKS: list[tuple[str, Callable[[random.Random], tuple[int, int]]]] = [
    ("names of objects that Windows reserves, or takes for one", names),
]
