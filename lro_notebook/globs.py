"""Match names against patterns with ``*``, ``?`` and ``**``, without backtracking. Pure.

Both sides use it: the service for objects of a bucket, the client for files of results.
"""

from __future__ import annotations

import re

_STARS = re.compile(r"\*+")
_FOLDERS = r"(?:[^/]+/+)*"  # what "**/" stands for


class Glob:
    """A pattern of names whose parts are divided by slashes.

    A star stands for any characters but a slash, a question mark for one of them, ``**`` as a whole part
    for any number of parts, and ``**`` elsewhere for any characters.

    Each piece between two stars is matched once, at the first place it fits (an atomic group): a later place
    never helps what follows. So there is no backtracking.

    Parameters
    ----------
    pattern : str
        The pattern.
    classes : bool
        Whether ``[abc]``, ``[a-z]`` and ``[!a]`` stand for one character; otherwise they are plain text.

    Raises
    ------
    ValueError
        A wildcard follows ``**`` in the same part.

    Examples
    --------
    >>> from lro_notebook.globs import Glob
    >>> Glob("in/*.ndjson").matches("in/b.ndjson"), Glob("in/*.ndjson").matches("in/deep/b.ndjson")
    (True, False)
    """

    def __init__(self, pattern: str, *, classes: bool = False) -> None:
        self.pattern = pattern
        self._classes = classes
        self._match = re.compile(self._whole(), re.DOTALL).fullmatch

    def __repr__(self) -> str:
        return f"Glob({self.pattern!r})"

    def matches(self, name: str) -> bool:
        """Tell whether the pattern stands for the whole of `name`."""
        return self._match(name) is not None

    def coarse(self) -> str:
        """Return a pattern for at least the same names, with one star in a part and one ``**`` at most.

        For what lists by patterns with a matcher of its own, which may be slow with several.
        """
        parts = self.pattern.split("/")
        deep = [place for place, part in enumerate(parts) if part == "**"]
        if deep:
            parts[deep[0] : deep[-1] + 1] = ["**"]
        return "/".join(part if part == "**" else _one_star(part) for part in parts)

    def _whole(self) -> str:
        *folders, last = self.pattern.split("/")
        done, group, deep = "", "", False
        for part in folders:
            if part == "**":
                done += rf"(?>{_FOLDERS}?{group})" if deep else group
                group, deep = "", True
            else:
                group += f"(?>{self._part(part)}/)"
        return done + (_FOLDERS if deep else "") + group + self._part(last)

    def _part(self, text: str) -> str:
        before, deep, after = text.partition("**")
        if not deep:
            return self._starred(text)
        if "*" in after:
            raise ValueError(f"{text!r} has a wildcard behind '**'")
        return self._starred(before) + ".*" + self._fixed(after)

    def _starred(self, text: str) -> str:
        first, *pieces = map(self._fixed, _STARS.split(text))
        inner = "".join(f"(?>[^/]*?{piece})" for piece in pieces[:-1])
        return first + inner + "".join(f"[^/]*{piece}" for piece in pieces[-1:])

    def _fixed(self, text: str) -> str:
        """Return what a piece without stars stands for: a fixed number of characters."""
        expression, place = "", 0
        while place < len(text):
            end = text.find("]", place + 2) if self._classes and text[place] == "[" else -1
            if text.startswith("[!", place):
                end = text.find("]", place + 3) if end != -1 else -1
            if end != -1:
                expression += _class_of(text[place + 1 : end])
                place = end + 1
            else:
                expression += "[^/]" if text[place] == "?" else re.escape(text[place])
                place += 1
        return expression


def _one_star(part: str) -> str:
    pieces = _STARS.split(part)
    return part if len(pieces) < 3 else f"{pieces[0]}*{pieces[-1]}"  # noqa: PLR2004 - two stars


def _class_of(text: str) -> str:
    """Return what stands for one of the characters, or the ranges, of ``[text]``."""
    negated, rest = text.startswith("!"), text.removeprefix("!")
    members, place = "", 0
    while place < len(rest):
        first, last = rest[place], rest[place + 2 : place + 3]
        if rest[place + 1 : place + 2] == "-" and last:
            members += f"{re.escape(first)}-{re.escape(last)}" if first <= last else ""
            place += 3
        else:
            members += re.escape(first)
            place += 1
    if negated:
        return f"[^/{members}]"
    return f"(?!/)[{members}]" if members else "(?!)"
