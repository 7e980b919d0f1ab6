"""A request as it is sent; what cannot be sent is refused here, before anything is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from lro_notebook.errors import ConfigError

if TYPE_CHECKING:
    from lro_notebook.http.session import Request


def built(http: httpx.Client, url: httpx.URL, request: Request) -> httpx.Request:
    """Return `request`, to `url`, as `http` sends it.

    Raises
    ------
    ConfigError
        Its address is too long, or its body is no JSON. What may be a value of the body is not repeated.
    """
    method, _, _, json, params, headers, _ = request
    try:
        return http.build_request(method, url, json=json, params=params, headers=headers)
    except httpx.InvalidURL as error:
        what = f"the query {', '.join(params or ())} is too long for an address; shorten it"
        raise ConfigError(f"{method} {url.path}: {what}. Nothing was sent") from error
    except (TypeError, ValueError, RecursionError) as error:
        what = (
            "what is to be sent is no JSON: it has values such as NaN, a set or bytes, is too deeply "
            f"nested, or holds text that is no Unicode ({type(error).__name__})"
        )
        raise ConfigError(f"{method} {url.path}: {what}; nothing was sent") from None
