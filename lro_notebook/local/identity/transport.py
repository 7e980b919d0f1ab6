"""An httpx transport that sends requests only to the embedded service.

Each new connection starts with a challenge (`lro_notebook.local.identity.proof`). A request, with its token
and body, is sent only after the other end has answered it; a program that took over the port of a stopped
service gets the challenge and nothing else.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import httpcore
import httpx

from lro_notebook.http.response_limits import OpenStreams, TimedStream
from lro_notebook.local.identity.proof import PROOF_PATH, Identity, new_nonce

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    _SocketOptions = Iterable[httpcore.SOCKET_OPTION] | None

#: Limits of a proof, in seconds and in bytes.
_PROOF_SECONDS = 10.0
_PROOF_BYTES = 4096
#: The defaults of httpx.
_MAX_CONNECTIONS, _MAX_IDLE, _IDLE_SECONDS = 100, 20, 5.0


class ProvenTransport(httpx.BaseTransport):
    """Connects to one service only, and sends nothing before it has proven itself.

    A connection without a proof fails like one to a closed port, with `httpx.ConnectError`.

    Attributes
    ----------
    identity : Identity
        The service to talk to; set it after a restart of the service.
    """

    timed = True  # its sockets keep the deadlines of `BoundedTransport`

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self._open()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request over a proven connection."""
        if os.getpid() != self._process:
            # In a forked child: the connections carry responses for the parent.
            self._of_parent = self._pool
            self._open()
        url = request.url
        with _as_httpx():
            answer = self._pool.handle_request(
                httpcore.Request(
                    method=request.method,
                    url=httpcore.URL(
                        scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                    ),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        return httpx.Response(
            answer.status, headers=answer.headers, stream=_Body(answer), extensions=answer.extensions
        )

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()
        self._streams.close()

    def _open(self) -> None:
        self._streams = OpenStreams()
        self._pool = httpcore.ConnectionPool(
            max_connections=_MAX_CONNECTIONS,
            max_keepalive_connections=_MAX_IDLE,
            keepalive_expiry=_IDLE_SECONDS,
            network_backend=_ProvenBackend(lambda: self.identity, self._streams),
        )
        self._process = os.getpid()


class _Body(httpx.SyncByteStream):
    """The body of a response as an httpx stream."""

    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx():
            yield from self._answer.iter_stream()

    def close(self) -> None:
        with _as_httpx():
            self._answer.close()


class _ProvenBackend(httpcore.NetworkBackend):
    """Opens connections to the service only, and returns each after its proof."""

    def __init__(self, identity: Callable[[], Identity], streams: OpenStreams) -> None:
        self._identity, self._streams = identity, streams
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: _SocketOptions = None,
    ) -> httpcore.NetworkStream:
        identity = self._identity()
        if f"http://{host}:{port}" != identity.endpoint:
            raise httpcore.ConnectError(f"{host}:{port} is not the address of the local service")
        stream = self._sockets.connect_tcp(
            host, port, timeout=timeout, local_address=local_address, socket_options=socket_options
        )
        try:
            prove(stream, identity, _PROOF_SECONDS if timeout is None else min(timeout, _PROOF_SECONDS))
        except BaseException:
            stream.close()
            raise
        return TimedStream(stream, self._streams)


def prove(
    stream: httpcore.NetworkStream,
    identity: Identity,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Make the other end of a new connection prove that it is the service.

    Calls ``GET /.lro-local/proof``, without a token.

    Raises
    ------
    httpcore.ConnectError
        It does not, or not within `seconds`.
    """
    nonce = new_nonce()
    url = httpcore.URL(f"{identity.endpoint}{PROOF_PATH}?nonce={nonce}")
    connection = httpcore.HTTP11Connection(url.origin, _Bounded(stream, clock() + seconds, clock))
    try:
        answer = connection.handle_request(
            httpcore.Request("GET", url, headers={"Host": identity.endpoint.partition("//")[2]})
        )
        with closing(answer):
            content: object = json.loads(answer.read())
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, ValueError) as error:
        raise _unproven(identity) from error
    proof = content.get("proof") if isinstance(content, dict) else None
    # If the service is about to close the connection, a request on it might or might not arrive.
    if not (identity.is_proven(nonce, proof) and connection.is_idle()):
        raise _unproven(identity)


def _unproven(identity: Identity) -> httpcore.ConnectError:
    return httpcore.ConnectError(
        f"what listens at {identity.endpoint} does not prove to be the local service"
    )


class _Bounded(httpcore.NetworkStream):
    """A connection that reads a limited number of bytes, until a deadline."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float, clock: Callable[[], float]) -> None:
        self._stream, self._deadline, self._clock = stream, deadline, clock
        self._left = _PROOF_BYTES

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - the deadline replaces it
        if self._left <= 0:
            raise httpcore.ReadError("the proof is too long")
        content = self._stream.read(min(max_bytes, self._left), timeout=self._seconds_left())
        self._left -= len(content)
        return content

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 - the deadline replaces it
        self._stream.write(buffer, timeout=self._seconds_left())

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def _seconds_left(self) -> float:
        rest = self._deadline - self._clock()
        if rest <= 0:
            raise httpcore.ReadTimeout("no proof in time")
        return rest


@contextmanager
def _as_httpx() -> Iterator[None]:
    """Raise errors of httpcore as the errors of httpx with the same names."""
    try:
        yield
    except (
        httpcore.NetworkError,
        httpcore.TimeoutException,
        httpcore.ProtocolError,
        httpcore.UnsupportedProtocol,
    ) as error:
        raised: type[httpx.TransportError] = getattr(httpx, type(error).__name__, httpx.TransportError)
        raise raised(str(error)) from error
