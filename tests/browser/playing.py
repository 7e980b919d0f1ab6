"""An operations API that tests and pictures script: it says what they want it to say."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import unquote


class OperationsApi:
    """Serves operations from memory on loopback; a context manager.

    Attributes
    ----------
    operations : dict
        JSON object by name, or by the path that starts it; put and change what is there while it serves.
    unavailable : set of str
        Names that are answered with 503.
    """

    def __init__(self) -> None:
        self.operations: dict[str, dict[str, Any]] = {}
        self.unavailable: set[str] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def put(self, name: str, **fields: Any) -> str:
        """Set an operation, and return its name."""
        self.operations[name] = {"name": name, **fields}
        return name

    def _answer(self, verb: str, path: str) -> tuple[int, dict[str, Any]]:
        path = unquote(path)
        name = path.removeprefix("/v1/").removesuffix(":cancel")
        if name in self.unavailable:
            return 503, {"error": {"code": 503, "status": "UNAVAILABLE", "message": "busy"}}
        operation = self.operations.get(name)
        if operation is None:
            return 404, {"error": {"code": 404, "status": "NOT_FOUND", "message": "no such operation"}}
        if verb == "POST" and path.endswith(":cancel"):
            operation.setdefault("metadata", {})["cancelRequested"] = True
            return 200, {}
        return 200, operation

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            def _reply(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, data = api._answer(self.command, self.path)
                body = json.dumps(data).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = _reply  # noqa: N815 - names that http.server looks for

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as inherited
                """Keep quiet."""

        return Handler
