"""Pages of lists: the size that a request asks for, where its page starts, and the token of the next page.

A token names its list, and the row after which the page starts.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from typing import TYPE_CHECKING, Any

from lro_notebook.local.core import resource_names
from lro_notebook.local.core.service_errors import invalid_argument, json_response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from lro_notebook.local.core.service_errors import ServiceError

_PAGE_DEFAULT = 100
_PAGE_MAX = 1000
#: Enough for the longest name of a row with its prefix, in base64.
_TOKEN_MAX = 2048
_INT64 = re.compile(r"-?\d{1,19}", re.ASCII)


def limit_of(request: Request, parameter: str = "pageSize") -> int:
    """Return the page size that a request asks for, 100 by default and 1000 at most."""
    text = request.query_params.get(parameter) or "0"
    number = resource_names.whole_number(text)
    if number is None:
        raise invalid_argument(f"{parameter}: expected a number from 0 to {_PAGE_MAX}")
    return min(number, _PAGE_MAX) or _PAGE_DEFAULT


def token_of(request: Request, key: object) -> str:
    """Return the token of the page of a request's list that comes after `key`."""
    return base64.urlsafe_b64encode(f"{_list_of(request)}:{key}".encode()).decode()


def text_after(request: Request, parameter: str = "pageToken") -> str:
    """Return the text that the page of a request comes after; empty for the first page."""
    return _key(request, request.query_params.get(parameter, ""), parameter)


def number_after(request: Request, *, default: int, parameter: str = "pageToken") -> int:
    """Return the number that the page of a request comes after."""
    return number_of(request, request.query_params.get(parameter, ""), default=default, parameter=parameter)


def number_of(request: Request, token: object, *, default: int, parameter: str = "pageToken") -> int:
    """Return the number in a token, which may come from the body of a request."""
    text = _key(request, token, parameter)
    number = resource_names.whole_number(text) if text else default
    if number is None:
        raise _bad_token(parameter)
    return number


def pair_after(request: Request) -> tuple[int, int] | None:
    """Return the two numbers that the page of a request comes after; None for the first page."""
    text = text_after(request)
    if not text:
        return None
    parts = text.split(":")
    numbers = [int(part) for part in parts if _INT64.fullmatch(part)]
    if len(parts) != 2 or len(numbers) != 2 or not all(-(2**63) <= one < 2**63 for one in numbers):  # noqa: PLR2004 - a pair
        raise _bad_token("pageToken")
    return numbers[0], numbers[1]


def page_response(
    request: Request, field: str, rows: list[dict[str, Any]], keys: Sequence[object], limit: int
) -> Response:
    """Return a page of `limit` rows; an extra row means that there is another page."""
    page: dict[str, Any] = {field: rows[:limit]} if rows else {}
    if len(rows) > limit:
        page["nextPageToken"] = token_of(request, keys[limit - 1])
    return json_response(page)


def _key(request: Request, token: object, parameter: str) -> str:
    """Return the key in a token, which must belong to the list that the request asks for."""
    if token == "":
        return ""
    if not isinstance(token, str) or len(token) > _TOKEN_MAX:
        raise _bad_token(parameter)
    try:
        text = base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise _bad_token(parameter) from error
    mark, _, key = text.partition(":")
    if mark != _list_of(request) or not key:
        raise _bad_token(parameter)
    return key


def _list_of(request: Request) -> str:
    """Return the mark of the list that a request asks for, the same in every version of the API.

    A search by POST has the mark of one by GET.
    """
    path = "/".join(request.scope["path"].removesuffix("/_search").rstrip("/").split("/")[2:])
    return f"{zlib.crc32(path.encode()):08x}"


def _bad_token(parameter: str) -> ServiceError:
    return invalid_argument(f"{parameter} is not a token of this list; start again without it")
