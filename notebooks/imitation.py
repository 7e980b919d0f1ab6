"""A small server on this machine that imitates how two Google APIs report long-running operations.

It is an imitation: it copies the shapes of the metadata of Firestore exports and Speech recognition, and how
such operations are started, read, listed and cancelled. It exports no documents and recognises no speech.
"""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECONDS = 3.0  # that each operation takes
DOCUMENTS, BYTES = 48_000, 96_000_000


class _Operation:
    def __init__(self, name: str, kind: str) -> None:
        self.name, self.kind = name, kind
        self.began, self.cancelled = time.time(), False

    def as_json(self) -> dict[str, Any]:
        part = min(1.0, (time.time() - self.began) / SECONDS)
        at = datetime.fromtimestamp(self.began, UTC).isoformat().replace("+00:00", "Z")
        metadata = _firestore(part, at) if self.kind == "export" else _speech(part, at)
        answer: dict[str, Any] = {"name": self.name, "metadata": metadata}
        if self.cancelled:
            return {**answer, "done": True, "error": {"code": 1, "message": "cancelled by the caller"}}
        if part < 1:
            return answer
        results = [{"transcript": f"sentence {number}", "confidence": 0.9} for number in (1, 2, 3)]
        response = (
            {"outputUriPrefix": "gs://imitated/export"} if self.kind == "export" else {"results": results}
        )
        return {**answer, "done": True, "response": response}


def _firestore(part: float, at: str) -> dict[str, Any]:
    return {
        "@type": "type.googleapis.com/google.firestore.admin.v1.ExportDocumentsMetadata",
        "startTime": at,
        "operationState": "PROCESSING",
        "progressDocuments": {"completedWork": str(int(DOCUMENTS * part)), "estimatedWork": str(DOCUMENTS)},
        "progressBytes": {"completedWork": str(int(BYTES * part)), "estimatedWork": str(BYTES)},
    }


def _speech(part: float, at: str) -> dict[str, Any]:
    return {
        "@type": "type.googleapis.com/google.cloud.speech.v1.LongRunningRecognizeMetadata",
        "progressPercent": int(100 * part),
        "startTime": at,
        "lastUpdateTime": at,
    }


class _Handler(BaseHTTPRequestHandler):
    operations: dict[str, _Operation]

    def do_GET(self) -> None:
        path = self.path.partition("?")[0].removeprefix("/v1/")
        if path.endswith("operations"):
            found = [one.as_json() for name, one in self.operations.items() if name.startswith(path)]
            self._answer({"operations": found})
        elif path in self.operations:
            self._answer(self.operations[path].as_json())
        else:
            self._refuse()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.removeprefix("/v1/")
        name, _, verb = path.rpartition(":")
        if verb == "cancel" and name in self.operations:
            self.operations[name].cancelled = True
            self._answer({})
        elif verb in ("exportDocuments", "longrunningrecognize"):
            parent = f"{name}/" if verb == "exportDocuments" else ""
            kind = "export" if verb == "exportDocuments" else "speech"
            operation = _Operation(f"{parent}operations/{kind}-{len(self.operations) + 1}", kind)
            self.operations[operation.name] = operation
            self._answer(operation.as_json())
        else:
            self._refuse()

    def _refuse(self) -> None:
        message = "the imitation has no such resource or method"
        self._answer({"error": {"code": 404, "message": message, "status": "NOT_FOUND"}}, 404)

    def _answer(self, data: dict[str, Any], status: int = 200) -> None:
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


def start() -> str:
    """Start the server in a thread of this process, and return its address."""
    handler = type("Handler", (_Handler,), {"operations": {}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, name="imitation", daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}"
