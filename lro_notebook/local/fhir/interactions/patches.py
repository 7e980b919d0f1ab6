"""JSON Patch of a resource; numbers keep the form in which they are written. Pure."""

from __future__ import annotations

import json
import re
import secrets
from typing import Any

from lro_notebook.local.core import json_patch, nesting
from lro_notebook.local.core.service_errors import invalid_argument


def apply(body: bytes, patch: bytes) -> bytes:
    """Return a resource to which the operations of a JSON Patch were applied.

    Raises
    ------
    ServiceError
        The patch is none, or does not fit the resource.
    """
    mark = secrets.token_hex(16)  # a text that begins so is a number on its way through the patch
    try:
        nesting.loads(patch)
        steps = _loads(patch, mark)
    except nesting.Unreadable as error:
        raise invalid_argument(f"the JSON Patch cannot be read: {error}") from error
    document = _loads(body, mark)
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        raise invalid_argument("expected a JSON Patch: a list of objects with op and path")
    for number, step in enumerate(steps):
        if _is_protected(step):
            raise invalid_argument(f"operation {number} of the patch changes id or resourceType")
    try:
        document = json_patch.apply(document, steps)
    except json_patch.UnfitError as error:
        raise invalid_argument(f"operation {error.number} of the patch does not fit the resource") from error
    if not isinstance(document, dict):
        raise invalid_argument("the patch leaves no resource")
    return re.sub(f'"{mark}([^"]*)"', r"\1", json.dumps(document, ensure_ascii=False)).encode()


def _loads(text: bytes, mark: str) -> Any:
    return json.loads(text, parse_float=lambda number: mark + number)


def _is_protected(step: dict[str, Any]) -> bool:
    return step.get("path") in ("/id", "/resourceType", "") and step.get("op") != "test"
