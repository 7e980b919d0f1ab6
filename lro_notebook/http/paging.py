"""`paginate`: the pages of any list of a service, with a guard against lists that have no end (AIP-158).

Knows nothing of HTTP: the pages come from a function. What a page holds is checked here, so that whoever
reads on meets JSON objects only.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from lro_notebook.http.responses import UnusableAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Fetch = Callable[[str | None], Mapping[str, Any]]  # the token, None at first -> the page

MOST_PAGES = 10_000  # of one list
MOST_EMPTY = 100  # in a row: services may give some while they search
_LONGEST_TOKEN = 60_000  # characters as an address has them: 65,536 are the most that one may have in all
_log = logging.getLogger(__name__)


def paginate(
    fetch: Fetch,
    items: str,
    *,
    where: str,
    next_token: Callable[[Mapping[str, Any]], object] = lambda page: page.get("nextPageToken"),
    most_pages: int = MOST_PAGES,
    most_empty: int = MOST_EMPTY,
) -> Iterator[list[dict[str, Any]]]:
    """Yield the items of each page, JSON objects all.

    An item that is none is left out, with a warning in the log.

    Parameters
    ----------
    fetch : callable
        Returns the page of a token, the first one for None.
    items : str
        The field that holds them.
    where : str
        What is listed, for errors.
    next_token : callable
        Returns the token in a page, something empty where it is the last one.
    most_pages, most_empty : int
        So many pages has a list at most, and so many of them without an item in a row.

    Raises
    ------
    UnusableAnswer
        The items are no list, the token is no text or came before, or there are too many pages.
    """
    token: str | None = None
    seen: set[str] = set()
    empty = 0
    for _ in range(most_pages):
        page = fetch(token)
        objects = _objects(page, items, where)
        yield objects
        token = _checked(next_token(page), where)
        if token is None:
            return
        if token in seen:
            raise _endless(where, "a page token came twice")
        seen.add(token)
        empty = 0 if objects else empty + 1
        if empty >= most_empty:
            raise _endless(where, f"{empty:,} pages in a row were empty")
    raise _endless(where, f"there are more than {most_pages:,} pages")


def _objects(page: Mapping[str, Any], items: str, where: str) -> list[dict[str, Any]]:
    """Return the items of a page that are JSON objects."""
    listed = page.get(items)
    if listed is None:
        return []
    if not isinstance(listed, list):
        raise UnusableAnswer(f"{items!r} is no list in the response", url=where)
    objects = [item for item in listed if isinstance(item, dict)]
    if len(objects) < len(listed):
        left = len(listed) - len(objects)
        _log.warning("%s: %d of %d items are no objects and were left out", where, left, len(listed))
    return objects


def _checked(token: object, where: str) -> str | None:
    if token is None or token == "":
        return None
    if not isinstance(token, str):
        raise UnusableAnswer(f"the page token is {type(token).__name__}, not text", url=where)
    length = len(quote(token, safe="", errors="replace"))
    if length > _LONGEST_TOKEN:
        raise UnusableAnswer(f"the page token has {length:,} characters, as it is sent", url=where)
    return token


def _endless(where: str, why: str) -> UnusableAnswer:
    hint = "What came before is all that was read; a filter, or a larger page, makes the list shorter."
    return UnusableAnswer(f"the list has no end: {why}", url=where, hint=hint)
