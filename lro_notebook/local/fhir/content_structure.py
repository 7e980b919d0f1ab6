"""Which ``contentStructure`` a text of an import is in, where it is another one than was asked for. Pure."""

from __future__ import annotations

from typing import Any

import orjson

_REQUESTS = frozenset({"transaction", "batch"})  # types of Bundles that ask for something, and are no content
#: The words of Google's own service.
_NO_BUNDLE = (
    "no bundle is found; if you intend to import individual resources, make sure you specify the appropriate "
    "ContentStructure in the request"
)


def misfit(raw: bytes, *, bundles: bool, whole_files: bool) -> str | None:
    """Return why a text is not in the structure that was asked for, and which one it is in; None if it is.

    Parameters
    ----------
    raw : bytes
        A text of the input, without white space around it: a line, or a whole file.
    bundles, whole_files : bool
        The structure that was asked for.
    """
    value, lines = _value(raw), False
    if value is None and whole_files:
        value, lines = _value(raw.partition(b"\n")[0]), True
    if value is None and not whole_files and raw in (b"{", b"["):
        return f"a text over several lines; {_use(bundles=bundles, whole_files=True)}"
    if not isinstance(value, dict) or not isinstance(value.get("resourceType"), str):
        return None
    is_bundle = value["resourceType"] == "Bundle"
    fitting = _use(bundles=is_bundle, whole_files=whole_files and not lines)
    if is_bundle and not bundles and (lines or "id" not in value or value.get("type") in _REQUESTS):
        return f"a Bundle, where a resource was expected; to import the resources in it, {fitting}"
    if bundles and not is_bundle:
        return f"{_NO_BUNDLE}: {fitting}"
    return f"several texts, each on a line; {fitting}" if lines else None


def _value(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None


def _use(*, bundles: bool, whole_files: bool) -> str:
    return f"use contentStructure {'BUNDLE' if bundles else 'RESOURCE'}{'_PRETTY' if whole_files else ''}"
