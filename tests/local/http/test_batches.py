"""Batches that are odd or large: streams in them, other hosts, bodies with empty lines, parts that break."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from local.dicom.images import NAMES, filled
from starlette.applications import Starlette
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from lro_notebook.local.core.service_errors import ServiceError
from lro_notebook.local.http import batch
from lro_notebook.local.http import service as routes
from lro_notebook.local.http.method_override import without_tokens

if TYPE_CHECKING:
    from starlette.requests import Request

if TYPE_CHECKING:
    from local.conftest import DATASET, Program
else:
    from local.conftest import DATASET

_KIND = {"Content-Type": "multipart/mixed; boundary=b"}


def _body(*requests: str) -> bytes:
    parts = (f"--b\r\nContent-Type: application/http\r\n\r\n{each}\r\n" for each in requests)
    return "".join((*parts, "--b--")).encode()


def _broken(_: Request) -> Response:
    raise RuntimeError("broken")


def _stream(_: Request) -> Response:
    return StreamingResponse(b"x" * 100 for _ in range(10))


def _refused(_: Request, error: Exception) -> Response:
    return Response(str(error), 400)


def _send(body: bytes) -> httpx.Response:
    """Send a batch to an application of which some parts break, and others stream."""
    app = Starlette(
        routes=[
            batch.route("/batch", "/v1", calls_max=10),
            Route("/v1/broken", _broken),
            Route("/v1/stream", _stream),
        ],
        exception_handlers={ServiceError: _refused},
    )

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.post("/batch", content=body, headers=_KIND)

    return asyncio.run(send())


def _statuses(answer: httpx.Response) -> list[str]:
    return [line for line in answer.text.splitlines() if line.startswith("HTTP/")]


@pytest.mark.service
def test_what_streams_is_answered_in_a_batch_and_to_a_get_that_is_a_post(service: Program) -> None:
    """A stream waits for its client to hang up: it must not be told the body again and again."""
    store = filled(service, "streams", NAMES[0])
    study = service.client.get(f"{store}/dicomWeb/studies").json()[0]["0020000D"]["Value"][0]
    path = f"/v1/{DATASET}/{store}/dicomWeb/studies/{study}"
    headers = {"X-HTTP-Method-Override": "GET", "Content-Type": "application/x-www-form-urlencoded"}
    whole = service.client.post(service.endpoint + path, headers=headers, content="prettyPrint=true")
    assert (whole.status_code, whole.content.count(b"DICM")) == (200, 1)
    body = _body(*[f"GET {path} HTTP/1.1\r\n\r\n"] * 2)
    answer = service.client.post(f"{service.endpoint}/batch", content=body, headers=_KIND)
    assert (_statuses(answer), answer.content.count(b"DICM")) == (["HTTP/1.1 200 OK"] * 2, 2)


def test_a_body_is_received_once_and_then_what_the_client_does() -> None:
    async def gone() -> Any:
        return {"type": "http.disconnect"}

    async def three(receive: Any) -> list[Any]:
        return [await receive() for _ in range(3)]

    first, *others = asyncio.run(three(routes.received(b"x", gone)))
    assert (first["body"], first["more_body"]) == (b"x", False)
    assert others == [{"type": "http.disconnect"}] * 2


def test_a_part_that_breaks_leaves_the_answers_of_the_others() -> None:
    answer = _send(_body(*(f"GET /v1/{name} HTTP/1.1\r\n\r\n" for name in ("stream", "broken", "stream"))))
    assert [each.split()[1] for each in _statuses(answer)] == ["200", "500", "200"]
    assert answer.content.count(b"x" * 1000) == 2


def test_responses_that_are_too_large_together_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "ANSWERS_MAX", 1_500)
    answer = _send(_body(*["GET /v1/stream HTTP/1.1\r\n\r\n"] * 3))
    assert [each.split()[1] for each in _statuses(answer)] == ["200", "413", "413"]
    assert "send this request alone" in answer.text


@pytest.mark.parametrize(
    "address",
    [
        "http://other/v1/stream",
        "//other/v1/stream",
        "https://here:1/v1/stream",
        "ftp:/v1/stream",
        "///v1/stream",
    ],
)
def test_a_part_of_another_host_is_refused(address: str) -> None:
    answer = _send(_body(f"GET {address} HTTP/1.1\r\n\r\n"))
    assert (answer.status_code, "cannot be read: a part is" in answer.text) == (400, True)
    assert _statuses(_send(_body("GET http://HERE/v1/stream HTTP/1.1\r\n\r\n"))) == ["HTTP/1.1 200 OK"]


@pytest.mark.parametrize(
    ("length", "content", "body"),
    [
        ("", b'{"a": 1}\r\n\r\n', b'{"a": 1}'),
        ("5", b"text\n\r\n", b"text\n"),
        ("4", b"text\n\r\n", b"text"),
        ("6", "ät\n".encode() + b"\r\n", "ät\n".encode() + b"\r\n"),
        ("2", "ät".encode() + b"\r\n", "ät".encode()),  # some clients count characters
        ("99", b"text\n", b"text"),
        ("x", b"text\n", b"text"),
    ],
)
def test_line_ends_of_a_body_are_its_own_where_its_length_says_so(
    length: str, content: bytes, body: bytes
) -> None:
    head = f"POST /v1/x HTTP/1.1\r\nX-Odd: a\x85b\r\nContent-Length: {length}\r\n\r\n".encode("latin-1")
    call = batch.call_of({}, head + content, ("/v1",), "here")
    assert (call.body, call.headers["x-odd"]) == (body, "a\x85b")


@pytest.mark.parametrize(
    "name", ["access_token", "oauth_token", "access%5Ftoken", "$access_token", "%24oauth_token"]
)
def test_a_token_in_a_query_is_taken_out_however_it_is_written(name: str) -> None:
    assert without_tokens(f"a=1&{name}=s%2Ft&b".encode()) == (b"a=1&b", [b"s/t"])


@pytest.mark.service
def test_a_token_in_a_query_that_is_a_body_is_in_no_answer(service: Program) -> None:
    store = service.store("token-in-body")
    headers = {"X-HTTP-Method-Override": "GET", "Content-Type": "application/x-www-form-urlencoded"}
    answer = service.client.post(
        f"{store}/fhir/Patient", headers=headers, content="_count=1&access_token=hush"
    )
    assert (answer.status_code, "_count=1" in answer.text, "hush" in answer.text) == (200, True, False)
