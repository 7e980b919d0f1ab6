"""JSON Patch (RFC 6902), by the library jsonpatch, which is loaded when it is used."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from lro_notebook.local.core.service_errors import not_installed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class UnfitError(ValueError):
    """An operation that does not fit the document; `number` is its place in the patch."""

    def __init__(self, number: int) -> None:
        super().__init__(f"operation {number} of the patch does not fit")
        self.number = number


def apply(document: Any, steps: Iterable[Mapping[str, Any]]) -> Any:
    """Apply the operations of a JSON Patch to `document` in place; return it, or what it was replaced by.

    Raises
    ------
    UnfitError
        The document is not of the form that an operation expects.
    ServiceError
        jsonpatch is not installed.
    """
    try:
        import jsonpatch
    except ImportError as error:
        raise not_installed("jsonpatch", "a JSON Patch") from error
    for number, step in enumerate(steps):
        try:
            # Copied, since a later step may change what this one adds, and other documents get it too.
            document = jsonpatch.apply_patch(document, [deepcopy(dict(step))], in_place=True)
        # It raises what lists and dicts do where the document is not of the form that the path expects.
        except (
            jsonpatch.JsonPatchException,
            jsonpatch.JsonPointerException,
            LookupError,
            TypeError,
            ValueError,
        ) as error:
            raise UnfitError(number) from error
    return document
