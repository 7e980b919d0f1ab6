"""The world of a layout: buckets with files, a service that knows the operation, BigQuery with tables."""

from __future__ import annotations

import json
import os
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import httpx
from layouts.layout import BEFORE, DURING

from lro_notebook import api
from lro_notebook.operations.client import Client

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from layouts.layout import Content, Layout

    from lro_notebook.operations.operation import Operation


def put(buckets: Path, files: Mapping[str, Content], when: datetime) -> None:
    """Write objects into the buckets, as if it were `when`."""
    for uri, content in files.items():
        path = buckets / uri.removeprefix("gs://")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        os.utime(path, (when.timestamp(), when.timestamp()))


@contextmanager
def ended(layout: Layout, buckets: Path) -> Iterator[Operation]:
    """Give the operation of a layout, at its end, with its files in `buckets`."""
    put(buckets, layout.others, BEFORE)
    put(buckets, layout.files, DURING)

    def answer(request: httpx.Request) -> httpx.Response:
        body: Any = layout.resource
        if request.url.path == "/.lro-local":
            body = {"service": "lro-notebook-local", "dataDir": str(buckets), "buckets": str(buckets)}
        elif request.url.path.endswith("entries:list"):
            body = {}
        return httpx.Response(200, json=body)

    with Client("http://127.0.0.1:9", transport=httpx.MockTransport(answer)) as client:
        if layout.start is None:
            yield api.watch(layout.resource, client=client)
        else:
            path, body = layout.start
            yield client.start("POST", path, dict(body), show=False)


@contextmanager
def bigquery(tables: Mapping[str, list[dict[str, str]]]) -> Iterator[str]:
    """Run a server that answers for ``dataset.table`` as BigQuery's REST does, and give its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = self.path.partition("?")[0].strip("/").split("/")[2:]  # behind bigquery/v2
            dataset, table = parts[3], parts[5] if len(parts) > 5 else None
            name = f"{dataset}.{table}"
            if table is None:
                there = [each.partition(".")[2] for each in tables if each.startswith(f"{dataset}.")]
                listed = [{"kind": "bigquery#table", **_reference(dataset, each)} for each in there]
                self._answer({"kind": "bigquery#tableList", "tables": listed, "totalItems": len(listed)})
            elif name not in tables:
                self._answer({"error": {"code": 404, "message": f"Not found: {name}"}}, 404)
            elif parts[-1] == "data":
                rows = [{"f": [{"v": value} for value in row.values()]} for row in tables[name]]
                self._answer({"kind": "bigquery#tableDataList", "totalRows": str(len(rows)), "rows": rows})
            else:
                self._answer(_described(dataset, table, tables[name]))

        def _answer(self, body: dict[str, Any], status: int = 200) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def _reference(dataset: str, table: str) -> dict[str, Any]:
    reference = {"projectId": "p", "datasetId": dataset, "tableId": table}
    return {"id": f"p:{dataset}.{table}", "tableReference": reference}


def _described(dataset: str, table: str, rows: list[dict[str, str]]) -> dict[str, Any]:
    fields = [{"name": name, "type": "STRING", "mode": "NULLABLE"} for name in rows[0]]
    return {
        "kind": "bigquery#table",
        **_reference(dataset, table),
        "schema": {"fields": fields},
        "numRows": str(len(rows)),
        "numBytes": "321",
        "type": "TABLE",
    }
