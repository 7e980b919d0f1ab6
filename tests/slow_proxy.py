"""A proxy on loopback that makes a server slow: it waits before each answer, and sends each stream slowly.

For clients whose file system is real, such as gcsfs on the local service. Plain HTTP, one request after the
other on a connection, as clients without pipelining send them.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from types import TracebackType

_PIECE = 1 << 18


class SlowProxy:
    """Passes connections on to a server, late.

    Parameters
    ----------
    endpoint : str
        The address of the server, ``http://127.0.0.1:1234``.
    latency : float
        Seconds that a request waits.
    bandwidth : float or None
        Bytes a second of each connection; None: no limit.

    Attributes
    ----------
    endpoint : str
        The address to use instead.
    requests, sent : int
        What passed so far: requests, and bytes of answers.
    """

    def __init__(self, endpoint: str, *, latency: float, bandwidth: float | None = None) -> None:
        self.latency, self.bandwidth = latency, bandwidth
        self.requests = self.sent = 0
        server = urlsplit(endpoint)
        self._host, self._port = server.hostname or "", server.port or 80
        self._ready, self._loop = threading.Event(), asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))
        self.endpoint = ""

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()
        self._loop.close()

    async def _serve(self) -> None:
        connections: set[asyncio.Task[None]] = set()

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            connections.add(task)
            task.add_done_callback(connections.discard)
            with suppress(OSError, asyncio.CancelledError):  # either side may leave
                await self._connected(reader, writer)

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        self.endpoint = "http://{}:{}".format(*server.sockets[0].getsockname()[:2])
        self._ready.set()
        await self._over.wait()
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, to_there = await asyncio.open_connection(self._host, self._port)
        tasks = (
            asyncio.create_task(self._requests(reader, to_there)),
            asyncio.create_task(self._answers(there, writer)),
        )
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for each in (writer, to_there):
                each.close()
                with suppress(OSError):
                    await each.wait_closed()

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_PIECE):
            self.requests += 1
            await asyncio.sleep(self.latency)
            writer.write(data)
            await writer.drain()

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_PIECE):
            self.sent += len(data)
            if self.bandwidth:
                await asyncio.sleep(len(data) / self.bandwidth)
            writer.write(data)
            await writer.drain()
