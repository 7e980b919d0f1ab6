"""The package's style sheets (``*.css`` beside this module), each read once.

The live parts bring a sheet. A saved card has its declarations inline, because viewers of saved notebooks
drop style sheets; it takes them from the same rules, so each colour is written in one place.
"""

from __future__ import annotations

import re
from functools import cache

_COMMENT = re.compile(r"/\*.*?\*/\s*", re.DOTALL)
_RULE = re.compile(r"^([^@{}]+) \{ ([^{}]+) \}$", re.MULTILINE)
_GAP = re.compile(r"(?<=[:;])\s+")


@cache
def read(name: str) -> str:
    """Return the sheet ``{name}.css`` without its comments."""
    from importlib.resources import files  # 10 ms that the import of the package need not take

    text = files(__package__).joinpath(f"{name}.css").read_text(encoding="utf-8")
    return _COMMENT.sub("", text).rstrip()


def style(*names: str) -> str:
    """Return a ``<style>`` element with the named sheets."""
    sheets = "\n".join(map(read, names))
    return f"<style>{sheets}</style>"


@cache
def inline(name: str, selector: str) -> str:
    """Return the declarations of a sheet's first rule for `selector`, as a ``style`` attribute takes them.

    Raises
    ------
    KeyError
        No rule of the sheet has this selector.
    """
    for selectors, declarations in _RULE.findall(read(name)):
        if selector in re.split(r",\s+", selectors):
            return _GAP.sub("", declarations).rstrip(";")
    raise KeyError(selector)
