"""What a Google API's HTTP response holds: its JSON object, or the error that there is no such thing.

Pure functions of an `httpx.Response`; nothing here sends anything, or loads httpx.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lro_notebook.errors import ApiError, Code, LroError
from lro_notebook.http import lenient_json
from lro_notebook.http.retry_policy import RETRIED

if TYPE_CHECKING:
    import httpx

CLOSED = "this client was closed; make a new one. Its operations may still run"
_DOCUMENT = "lro.document"  # the extension of a response that holds its JSON, which is parsed once
MOST = 64 << 20  # bytes of a response, decoded, unless a client says otherwise


class ResponseLost(LroError):
    """A request was sent and may have been carried out, but no usable response came."""


class NoResponse(ApiError):
    """No usable response came from the service: nothing listens, the connection broke, or time ran out."""

    def __init__(self, reason: str, *, url: str) -> None:
        super().__init__(
            f"no answer: {reason}",
            status=0,
            code=Code.UNAVAILABLE,
            url=url,
            hint="Check the endpoint and the network; nothing was changed by this failure.",
        )


class UnusableAnswer(ApiError):
    """The service answered in a way that another request would not change."""

    def __init__(self, reason: str, *, url: str, hint: str = "") -> None:
        super().__init__(
            reason,
            status=0,
            code=Code.INTERNAL,
            url=url,
            hint=hint or "Is this the address of a Google API? Nothing was changed by this failure.",
        )


class NoConnection(ApiError):
    """No connection can be made as things are set up, such as where a certificate is not trusted.

    Attributes
    ----------
    brief : str
        What is wrong, in a few words.
    """

    def __init__(self, reason: str, *, url: str, hint: str, brief: str) -> None:
        self.brief = brief
        super().__init__(reason, status=0, code=Code.UNAVAILABLE, url=url, hint=f"{hint} Nothing was sent.")


class AnswerTooLarge(UnusableAnswer):
    """A response has more bytes than the client takes."""

    def __init__(self, reason: str, *, url: str) -> None:
        super().__init__(
            reason, url=url, hint="Ask for smaller pages, or take more: lro.Client(…, max_answer=…)."
        )


def parsed(response: httpx.Response, url: str, *, changes: bool) -> dict[str, Any]:
    """Return the JSON object of a success response; of a list, as DICOMweb answers, an object of ``items``.

    Raises
    ------
    ResponseLost
        It has none, and the request `changes` something.
    NoResponse
        It has none.
    """
    data = document_of(response)
    if isinstance(data, list) and not changes:
        return {"items": data}
    if isinstance(data, dict):
        return data
    if changes:
        raise ResponseLost("the response is no JSON object")
    raise NoResponse("the response is no JSON object; is this the address of a Google API?", url=url)


def is_spoiled(response: httpx.Response) -> bool:
    """Tell whether a success response holds nothing that can be used, as when it was cut short."""
    return response.is_success and not isinstance(document_of(response), (dict, list))


def is_transient(error: LroError) -> bool:
    """Tell whether a poll that failed with `error` may work later."""
    return isinstance(error, NoResponse) or (isinstance(error, ApiError) and error.status in RETRIED)


def document_of(response: httpx.Response) -> object:
    """Return the JSON of a response, an empty object where it says nothing, None where it is no JSON."""
    if _DOCUMENT not in response.extensions:
        try:
            document: object = lenient_json.loads(response.read() or b"{}")
        except ValueError:
            document = None
        response.extensions[_DOCUMENT] = document
    return response.extensions[_DOCUMENT]
