"""Preconditions of requests on objects: which generation they want, or do not want. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lro_notebook.errors import Code
from lro_notebook.local.core.service_errors import ServiceError, invalid_argument

if TYPE_CHECKING:
    from collections.abc import Mapping

_INT64 = re.compile(r"-?\d{1,19}", re.ASCII)
_NAMES = ("GenerationMatch", "GenerationNotMatch", "MetagenerationMatch", "MetagenerationNotMatch")


def failed(query: Mapping[str, str], generation: str, metageneration: str, start: str = "if") -> str | None:
    """Return the name of the first precondition that does not hold; None if all do.

    Parameters
    ----------
    query : mapping
        Names and values of the request's parameters.
    generation, metageneration : str
        Of the object; ``0`` where there is none.
    start : str
        ``if``, or ``ifSource`` for the source of a copy.
    """
    for name in _NAMES:
        text = query.get(start + name, "")
        if not text:
            continue
        if _INT64.fullmatch(text) is None:
            raise invalid_argument(f"{start}{name}: expected a number such as 0 or a generation")
        now = metageneration if "Meta" in name else generation
        if (int(text) == int(now)) is ("Not" in name):
            return start + name
    return None


def error(name: str, uri: str, generation: str) -> ServiceError:
    """Return the error for a precondition that does not hold: HTTP 412."""
    there = f"its generation is {generation}" if generation != "0" else "there is no such object"
    return ServiceError(
        Code.FAILED_PRECONDITION, f"{name} does not hold for {uri[:500]}: {there}; read it again", status=412
    )
