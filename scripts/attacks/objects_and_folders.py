"""Objects whose names are those of folders too: written, replaced and removed in any order.

An attempt held if the bucket then has exactly the objects that a dictionary has, each with its content.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from lro_notebook.local.core import buckets, objects

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

_ROUNDS, _CHANGES = 60, 40
_BUCKET = buckets.OUTPUT_BUCKET


def changes(draw: random.Random) -> tuple[int, int]:
    """Change a bucket and a dictionary alike."""
    held = 0
    for _ in range(_ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            there, wanted = buckets.Buckets(Path(folder)), dict[str, bytes]()
            for number in range(_CHANGES):
                name = "/".join(draw.choices("ab", k=draw.randint(1, 4)))
                file = objects.file_of(there.path(buckets.Location(_BUCKET, name)))
                if name in wanted and draw.randrange(2):
                    file.unlink()
                    del wanted[name]
                else:
                    draft = there.partial / str(number)
                    wanted[name] = b"%d" % number
                    draft.write_bytes(wanted[name])
                    objects.place(draft, file)
                found = {name: path.read_bytes() for name, path in there.objects(_BUCKET, "")}
                one = there.match(buckets.Location(_BUCKET, name)) if name in wanted else [("", file)]
                held += found == wanted and len(one) == 1
    return _ROUNDS * _CHANGES, held


#: What was tried, and the function that tries it.
ATTACKS: list[tuple[str, Callable[[random.Random], tuple[int, int]]]] = [
    ("change objects whose names are those of folders too", changes),
]
