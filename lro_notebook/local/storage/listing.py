"""A page of the objects of a bucket: ``prefix``, ``delimiter``, offsets and ``matchGlob``. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from lro_notebook.globs import Glob
from lro_notebook.local.core.service_errors import invalid_argument

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_BRACES = re.compile(r"\{([^{}]*)\}")
_ALTERNATIVES_MAX = 100


class Wanted(NamedTuple):
    """What a request wants of a list.

    Attributes
    ----------
    globs : sequence of Glob
        A name must match one of them; empty for all.
    trailing : bool
        Whether an object that ends in the delimiter is listed beside the prefix that it makes.
    after : str
        The last name of the page before.
    """

    prefix: str = ""
    delimiter: str = ""
    start: str = ""
    end: str = ""
    globs: Sequence[Glob] = ()
    trailing: bool = False
    after: str = ""


class Page(NamedTuple):
    """Objects and prefixes of a page, and the name after which the next one starts; empty on the last."""

    items: list[tuple[str, Any]]
    prefixes: list[str]
    last: str


def page(files: Iterable[tuple[str, Any]], wanted: Wanted, limit: int) -> Page:
    """Return the first `limit` entries of `files`, which are sorted by name and start with the prefix."""
    found = Page([], [], "")
    last, count = wanted.after, 0
    for name, file, is_prefix in _entries(files, wanted):
        if name <= wanted.after:
            continue
        if count == limit:
            return found._replace(last=last)
        last, count = name, count + 1
        if is_prefix:
            found.prefixes.append(name)
        if file is not None:
            found.items.append((name, file))
    return found


def globs_of(pattern: str) -> list[Glob]:
    """Return the patterns that a ``matchGlob`` stands for, one for each of its alternatives in braces."""
    done: list[Glob] = []
    waiting = [pattern]
    while waiting:
        text = waiting.pop()
        braces = _BRACES.search(text)
        if braces is not None:
            waiting += [text[: braces.start()] + one + text[braces.end() :] for one in braces[1].split(",")]
        else:
            done.append(_glob(text))
        if len(done) + len(waiting) > _ALTERNATIVES_MAX:
            raise invalid_argument(f"matchGlob: more than {_ALTERNATIVES_MAX} alternatives in braces")
    return done


def _glob(text: str) -> Glob:
    try:
        return Glob(text, classes=True)
    except ValueError as error:
        raise invalid_argument(f"matchGlob: {str(error)[:300]}") from error


def _entries(files: Iterable[tuple[str, Any]], wanted: Wanted) -> Iterator[tuple[str, Any, bool]]:
    """Yield name, file and whether it is a prefix, once for each; a prefix has the file of its name."""
    group = None
    for name, file in files:
        if name < wanted.start or (wanted.end and name >= wanted.end):
            continue
        if wanted.globs and not any(glob.matches(name) for glob in wanted.globs):
            continue
        head, mark, _ = name[len(wanted.prefix) :].partition(wanted.delimiter or "/")
        if not (mark and wanted.delimiter):
            yield name, file, False
        elif group != wanted.prefix + head + mark:
            group = wanted.prefix + head + mark
            yield group, file if wanted.trailing and name == group else None, True
