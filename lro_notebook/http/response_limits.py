"""An httpx transport that bounds every response: its bytes, decoded, and the whole time of its request.

httpx waits so many seconds for each piece, for as long as pieces come, and decodes a piece to whatever size
it becomes. Here a request has one deadline that connecting, status, headers and body share, and a response is
read whole: what comes back from this transport needs no more of the network. Knows nothing of JSON or Google.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401 - the first connection would import it, and a fork meanwhile stop its child
import threading
import time
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpcore
import httpx

from lro_notebook.http import certificates
from lro_notebook.http.unsolicited_responses import drop_spoiled

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Iterator

    from lro_notebook.http.proxies import Proxy

CODINGS = "gzip"  # what is asked for, since it can be decoded in bounded steps
_HEADERS = 1 << 20  # bytes until status and headers are complete, with all 1xx responses before them
_EARNED = 1e-5  # seconds that a byte is worth: what comes or goes at 100 kB a second may take its time
_PIECE = 1 << 14  # bytes that are sent at once
_PIECES, _CRUMB = 100_000, 16  # after so many pieces they hold so many bytes each: a piece costs 10 µs
_MARGIN = 0.01  # seconds that a timeout may end early


class TooLarge(httpx.RequestError):
    """A response is larger than it may be."""


class TooSlow(httpx.TimeoutException):
    """A request was not over in its whole time, although something came now and then."""


class _Bound:
    """What one request may still take: seconds, and bytes on the wire."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._clock, self._deadline = clock, clock() + seconds
        self.wire = _HEADERS

    @property
    def left(self) -> float:
        """Seconds until it has to be over."""
        return self._deadline - self._clock()

    def at_most(self, timeout: float | None) -> float:
        """Return `timeout`, or what is left of the whole time."""
        left = max(0.001, self.left)
        return left if timeout is None else min(timeout, left)

    def took(self, count: int) -> None:
        """Count bytes that came."""
        self.wire -= count
        self._deadline += count * _EARNED

    def gave(self, count: int) -> None:
        """Hear that so many bytes were taken by the other end, or are on their way."""
        self._deadline += count * _EARNED


class _Here(threading.local):
    """The request that this thread sends; httpcore reads in the thread that asks."""

    bound: _Bound | None = None


_here = _Here()


@contextmanager
def _bound_by(bound: _Bound) -> Iterator[None]:
    before, _here.bound = _here.bound, bound
    try:
        yield
    finally:
        _here.bound = before


class OpenStreams:
    """The connections of a transport, which end with it.

    httpcore's pool closes those that it has at that time. One that another thread is just opening would stay
    open for ever. May be used from any thread, and after a fork: it needs no lock.
    """

    def __init__(self) -> None:
        self._streams: set[TimedStream] = set()
        self._closed = False

    def add(self, stream: TimedStream) -> None:
        """Take a new connection.

        Raises
        ------
        httpcore.ConnectError
            The transport is closed; so is the connection then.
        """
        self._streams.add(stream)
        if self._closed:
            stream.close()
            raise httpcore.ConnectError("the transport was closed meanwhile")

    def discard(self, stream: TimedStream) -> None:
        """Forget a connection that is closed, or that another one stands for."""
        self._streams.discard(stream)

    def close(self) -> None:
        """Close them all, and those that are still to come."""
        self._closed = True
        for stream in list(self._streams):
            stream.close()


class TimedStream(httpcore.NetworkStream):
    """A connection whose reads and writes end with the time of the request that they are for.

    Parameters
    ----------
    inner : httpcore.NetworkStream
        The connection itself.
    streams : OpenStreams
        The connections of the transport that opened it; it becomes one of them.
    """

    def __init__(self, inner: httpcore.NetworkStream, streams: OpenStreams) -> None:
        self._inner, self._streams = inner, streams
        streams.add(self)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return what comes next."""
        bound = _here.bound
        if bound is None:
            return self._inner.read(max_bytes, timeout)
        if bound.left <= 0.0:
            raise httpcore.ReadTimeout
        data = self._inner.read(max_bytes, bound.at_most(timeout))
        bound.took(len(data))
        if bound.wire < 0:
            raise httpcore.ReadError
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send `buffer`."""
        bound = _here.bound
        if bound is None:
            self._inner.write(buffer, timeout)
            return
        for start in range(0, len(buffer), _PIECE):
            if bound.left <= 0.0:
                raise httpcore.WriteTimeout
            piece = buffer[start : start + _PIECE]
            self._inner.write(piece, bound.at_most(timeout))
            bound.gave(len(piece))

    def close(self) -> None:
        """Close the connection."""
        self._streams.discard(self)
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Return the same connection, encrypted."""
        encrypted = self._inner.start_tls(ssl_context, server_hostname, _at_most(timeout))
        self._streams.discard(self)
        return TimedStream(encrypted, self._streams)

    def get_extra_info(self, info: str) -> Any:
        """Return what the connection itself knows."""
        return self._inner.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    """Opens connections as another backend does, and keeps the time on them."""

    def __init__(self, inner: httpcore.NetworkBackend) -> None:
        self._inner, self.streams = inner, OpenStreams()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect."""
        stream = self._inner.connect_tcp(host, port, _at_most(timeout), local_address, socket_options)
        return TimedStream(stream, self.streams)

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.NetworkStream:
        """Connect."""
        stream = self._inner.connect_unix_socket(path, _at_most(timeout), socket_options)
        return TimedStream(stream, self.streams)

    def sleep(self, seconds: float) -> None:
        """Sleep."""
        self._inner.sleep(seconds)


def _at_most(timeout: float | None) -> float | None:
    return timeout if _here.bound is None else _here.bound.at_most(timeout)


class BoundedTransport(httpx.BaseTransport):
    """Carries requests through another transport, and returns their whole responses, decoded.

    May be used from any thread.

    Parameters
    ----------
    inner : httpx.BaseTransport
        What carries the requests. The sockets of an `httpx.HTTPTransport` keep the time from here on, and so
        do those of a transport that has ``timed = True`` and connects by `TimedStream`; with any other the
        time is looked at whenever a piece has come.
    seconds : float
        The whole time of a request. A second more is given for every 100 kB that come or are sent.
    most : int
        Bytes that a response may have, decoded.
    clock : callable
        Seconds that only grow.
    """

    def __init__(
        self,
        inner: httpx.BaseTransport,
        *,
        seconds: float,
        most: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._inner, self._seconds, self._most, self._clock = inner, seconds, most, clock
        self._timed = isinstance(inner, httpx.HTTPTransport) or getattr(inner, "timed", False)
        self._streams: OpenStreams | None = None
        if isinstance(inner, httpx.HTTPTransport):
            # Neither library has a public way to give a backend to a transport with proxies and certificates.
            pool = inner._pool  # noqa: SLF001
            if not isinstance(pool._network_backend, _Backend):  # noqa: SLF001
                pool._network_backend = _Backend(pool._network_backend)  # noqa: SLF001
            self._streams = pool._network_backend.streams  # noqa: SLF001

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and read its response to the end.

        Raises
        ------
        TooLarge, TooSlow
            The response is over a bound.
        httpx.TransportError
            As the inner transport.
        """
        bound = _Bound(self._seconds, self._clock)
        with _bound_by(bound):
            try:
                response = self._inner.handle_request(request)
                try:
                    answer = self._whole(response, bound)
                    drop_spoiled(response)
                    return answer
                finally:
                    response.close()
            except (httpx.ReadTimeout, httpx.WriteTimeout) as error:
                if bound.left > _MARGIN:
                    raise
                raise self._too_slow() from error
            except httpx.ReadError as error:
                if bound.wire >= 0:
                    raise
                raise self._too_large() from error

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()
        if self._streams is not None:
            self._streams.close()

    def _whole(self, response: httpx.Response, bound: _Bound) -> httpx.Response:
        bound.wire = 2 * self._most + _HEADERS  # the frames of chunks count too
        coding = response.headers.get("Content-Encoding", "").strip().lower()
        if coding in ("", "identity"):
            pieces = self._pieces(response, bound)
        elif coding in ("gzip", "x-gzip"):
            pieces = _gunzipped(self._pieces(response, bound), self._most)
        else:
            raise httpx.DecodingError("the response has a content coding that was not asked for")
        body = bytearray()
        for piece in pieces:
            body += piece
            if len(body) > self._most:
                raise self._too_large()
            if bound.left <= 0.0:
                raise self._too_slow()
        headers = response.headers.copy()
        headers.pop("Content-Encoding", None)
        return httpx.Response(
            response.status_code,
            headers=headers,
            stream=httpx.ByteStream(bytes(body)),
            extensions=response.extensions,
        )

    def _pieces(self, response: httpx.Response, bound: _Bound) -> Iterator[bytes]:
        stream = response.stream
        if not isinstance(stream, httpx.SyncByteStream):
            raise TypeError("a transport for synchronous clients gives synchronous responses")
        pieces = length = 0
        for piece in stream:
            if not self._timed:
                bound.took(len(piece))
            if bound.left <= 0.0:
                raise self._too_slow()
            pieces, length = pieces + 1, length + len(piece)
            if pieces > _PIECES and length < pieces * _CRUMB:
                raise httpx.DecodingError("the response comes in too many pieces")
            yield piece

    def _too_large(self) -> TooLarge:
        return TooLarge(f"the response is larger than {self._most:,} bytes")

    def _too_slow(self) -> TooSlow:
        return TooSlow(f"the response was not there after {self._seconds:g} s")


def _gunzipped(pieces: Iterable[bytes], step: int) -> Iterator[bytes]:
    """Yield what `pieces` of gzip become, at most `step` bytes at once."""
    unzip, began = zlib.decompressobj(zlib.MAX_WBITS | 16), False
    for piece in pieces:
        data = piece
        while data:
            if unzip.eof:  # of one member; another may follow
                unzip, began = zlib.decompressobj(zlib.MAX_WBITS | 16), False
            try:
                yield unzip.decompress(data, step)
            except zlib.error as error:
                raise httpx.DecodingError("the response is no gzip") from error
            data, began = unzip.unused_data if unzip.eof else unzip.unconsumed_tail, True
    if began and not unzip.eof:
        raise httpx.DecodingError("the gzip of the response was cut short")


def carrier(endpoint: httpx.URL, proxy: Proxy | None) -> httpx.HTTPTransport:
    """Return what carries requests to `endpoint`, through `proxy`, and trusts whom the environment says.

    Raises
    ------
    ConfigError
        A variable of the environment names no certificates.
    """
    encrypted = endpoint.scheme == "https" or (proxy is not None and proxy.is_encrypted)
    trusting = certificates.context() if encrypted else certificates.nobody()
    through = None
    if proxy is not None:
        through = httpx.Proxy(proxy.url, ssl_context=trusting if proxy.is_encrypted else None)
    return httpx.HTTPTransport(verify=trusting, trust_env=False, proxy=through)
