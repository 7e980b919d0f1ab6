"""A password or a signature in a URI: refused, or read, and shown in no message, traceback or frame."""

from __future__ import annotations

import threading
import traceback
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

from lro_notebook.errors import ConfigError, ResultError
from lro_notebook.results.load_place import read
from lro_notebook.results.location import bare, locate

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "SECRETPW"  # noqa: S105 - of the test
QUERY = f"?X-Goog-Signature={SECRET}"


class _Answers(BaseHTTPRequestHandler):
    """Gives lines, or the status that the path names."""

    def do_GET(self) -> None:
        status = int(self.path[1:4]) if self.path[1:4].isdigit() else 200
        body = b'{"id":"a"}\nx\n' if status == 200 else b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 - as http.server calls it

    def log_message(self, *given: object) -> None:
        """Say nothing."""


@pytest.fixture
def web() -> Iterator[str]:
    pytest.importorskip("aiohttp", reason="fsspec reads the web with aiohttp")
    server = HTTPServer(("127.0.0.1", 0), _Answers)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    "place",
    [
        f"https://user:{SECRET}@127.0.0.1:9/x.ndjson",
        f"https://{SECRET}@127.0.0.1:9/x.ndjson",
        f"sftp://u:{SECRET}@127.0.0.1:9/x.ndjson",
        f"ftp://u:{SECRET}@127.0.0.1:9/x.ndjson",
        f"zip://x::https://u:{SECRET}@127.0.0.1:9/x.zip",
    ],
)
def test_userinfo_is_refused(place: str) -> None:
    with pytest.raises(ConfigError, match="storage_options") as caught:
        read(place)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("path", ["403/x.ndjson", "404/x.ndjson", "500/x.ndjson", "403/manifest.json"])
def test_a_signature_is_in_no_error(web: str, path: str) -> None:
    with pytest.raises(ResultError) as caught:
        read(f"{web}/{path}{QUERY}")["x"]
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_signature_is_in_no_error_of_a_host_that_is_not_there() -> None:
    pytest.importorskip("aiohttp", reason="fsspec reads the web with aiohttp")
    with pytest.raises(ResultError) as caught:
        read(f"https://127.0.0.1:9/x.ndjson{QUERY}")["x"]
    assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.filterwarnings("ignore::lro_notebook.LroWarning")
def test_what_is_read_does_not_show_it(web: str) -> None:
    results = read(f"{web}/x.ndjson{QUERY}")
    frame = results["x"]
    assert frame["id"].tolist() == ["a"]
    assert frame.attrs["files"] == [f"{web}/x.ndjson"]
    assert results.bad_lines["file"].tolist() == [f"{web}/x.ndjson"]


def test_a_host_that_refuses_is_one_error() -> None:
    with pytest.raises(ResultError, match=r"ftp:.*9/x cannot be reached: ConnectionRefusedError"):
        read("ftp://127.0.0.1:9/x")


def test_names_of_objects_are_shown_whole() -> None:
    memory = locate("memory://b/a?b#c@d:e")
    assert memory.uri == "memory://b/a?b#c@d:e"
    assert bare(f"https://u:{SECRET}@h/x{QUERY}") == "https://h/x"
