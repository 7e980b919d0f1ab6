"""What a forked child has afresh, part by part, and what shares nothing to begin with."""

from __future__ import annotations

import ast
import os
import ssl
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from children import forks, in_child
from fakes import Renewable

import lro_notebook as lro
from lro_notebook.http import auth, forked_connections
from lro_notebook.jupyter import pump, terminal
from lro_notebook.operations.adapters.api_core import ApiCoreSource
from lro_notebook.operations.poller import OperationPoller
from lro_notebook.operations.snapshot import Snapshot
from lro_notebook.results.location import Location

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lro_notebook.healthcare.dataset import Dataset

pytestmark = [
    forks,
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]
ROOT = Path(lro.__file__).parent
#: What holds threads or locks for the length of a call only.
OF_A_CALL = {
    "results/remote/retried_calls.py",
    "results/remote/fetching.py",
    "results/export/drafts.py",
    "results/formats/dicom/reader.py",
    "results/prefetch.py",
    "results/sources/spool.py",
    "jupyter/pump.py",
    "jupyter/terminal.py",
    "operations/waiting.py",
    "forking.py",
}


@pytest.mark.parametrize(
    "path", sorted(path for path in ROOT.rglob("*.py") if ROOT / "local" not in path.parents), ids=str
)
def test_what_keeps_a_lock_or_a_thread_hears_of_forks(path: Path) -> None:
    if path.relative_to(ROOT).as_posix() in OF_A_CALL:
        return
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if any(map(keeps, ast.walk(node))):
            assert isinstance(node, ast.ClassDef), f"{path}: line {node.lineno}"
            methods = {each.name for each in node.body if isinstance(each, ast.FunctionDef)}
            assert "after_fork_in_child" in methods, f"{path}: {node.name}"


def keeps(node: ast.AST) -> bool:
    """Tell whether this makes a lock, an event, a queue, a thread or a pool of them."""
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Name):
        return node.func.id in ("ThreadPoolExecutor", "SimpleQueue")
    called = ast.unparse(node.func)
    return called.startswith(("threading.", "queue.")) and called.partition(".")[2][0].isupper()


@pytest.mark.service
def test_the_embedded_service_is_used_in_children_as_in_the_parent(dataset: Dataset) -> None:
    store = dataset.fhir_store("demo").create(exist_ok=True)
    op = store.import_from("gs://lro-sample/fhir/*.ndjson")

    def use() -> None:
        assert op.wait(60).state == "SUCCEEDED"
        assert dataset.operation(op.id).wait(60).name == op.name
        mine = store.export_to(f"gs://demo-out/child-{os.getpid()}")
        assert len(mine.load(lists="nested")["Patient"]) > 0
        assert lro.started().iloc[-1]["name"] == mine.name

    in_child(use)
    in_child(use)
    assert op.wait(60).state == "SUCCEEDED"


def test_application_default_credentials_are_looked_up_again_in_a_child(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import google.auth
    import httpx

    monkeypatch.setattr(google.auth, "default", lambda scopes: (Renewable(), None))  # noqa: ARG005 - as google-auth's
    signs = auth.for_endpoint(None, httpx.URL("https://healthcare.googleapis.com"))
    assert isinstance(signs, auth.ApplicationDefault)
    parents = signs.credentials
    signs._lock.acquire()  # as a thread that refreshes them holds it

    def ask() -> None:
        assert signs.credentials is not parents
        request = httpx.Request("GET", "https://healthcare.googleapis.com/v1/x")
        assert signs.sign(request)
        assert request.headers["Authorization"] == "Bearer t1"

    in_child(ask)
    signs._lock.release()
    assert signs.credentials is parents


class _Theirs:
    """As much of an operation of google-api-core as its source needs."""

    class operation:  # noqa: N801 - as it is called there
        name = "operations/theirs"

    def __init__(self) -> None:
        self.asked = 0

    def done(self) -> bool:
        self.asked += 1
        return False

    cancel = done


def test_an_operation_of_another_library_is_not_asked_over_its_parents_connections() -> None:
    theirs = _Theirs()
    source = ApiCoreSource(theirs)
    op = lro.Operation(OperationPoller(source, lro.OperationResource("operations/theirs")))

    def ask() -> None:
        with pytest.raises(lro.ConfigError, match=r"operations/theirs .* Make its client here"):
            op.result(10)
        with pytest.raises(lro.ConfigError, match="spawn"):
            op.cancel()
        assert theirs.asked == 0

    in_child(ask)


def test_a_follower_that_was_being_changed_is_whole_in_a_child() -> None:
    ended = lro.OperationResource.from_dict({"name": "operations/1", "done": True, "response": {}})
    poller = OperationPoller(_never(), lro.OperationResource("operations/1"))
    poller.snapshot = Snapshot.of(ended)  # as far as another thread has come, which holds the lock
    poller._lock.acquire()

    def ask() -> None:
        op = lro.Operation(poller)
        assert op.wait(5).done()
        assert list(op.samples) == []

    in_child(ask)
    poller._lock.release()


def _never() -> Any:
    return None


def test_a_bar_is_drawn_although_another_thread_was_drawing(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from tqdm import tqdm

    monkeypatch.setenv(terminal.SWITCH, "1")
    ended = lro.OperationResource.from_dict({"name": "operations/1", "done": True, "response": {}})
    op = lro.Operation(OperationPoller(_never(), ended))
    held, over = threading.Event(), threading.Event()

    def draw() -> None:
        with tqdm.get_lock():  # type: ignore[no-untyped-call]  # tqdm has few types
            held.set()
            over.wait(30)

    thread = threading.Thread(target=draw)
    thread.start()
    held.wait(10)

    def show() -> None:
        with terminal.watching([op]):
            pass

    in_child(show)
    over.set()
    thread.join()
    assert "succeeded" in capfd.readouterr().err


def test_a_file_system_with_an_event_loop_is_made_again_in_a_child() -> None:
    from fsspec.asyn import AsyncFileSystem

    class Far(AsyncFileSystem):  # type: ignore[misc]  # fsspec has no types
        async def _cat_file(self, path: str, **_: object) -> bytes:
            return f"{self.storage_options['greeting']} {path}".encode()

    location = Location(Far(greeting="hello", skip_instance_cache=True), "x", "far://x")
    assert location.fs is location.given
    assert location.fs.cat_file("x") == b"hello x"

    def read() -> None:
        with pytest.raises(RuntimeError, match="not fork-safe"):
            location.given.cat_file("x")
        assert location.fs.cat_file("x") == b"hello x"

    in_child(read)


def test_a_tls_connection_goes_on_in_the_parent_when_a_child_lets_go_of_it(tmp_path: Path) -> None:
    import httpx

    certificate = certified(tmp_path)
    accepted = list[object]()
    with tls_server(certificate, accepted) as port:
        trusting = ssl.create_default_context(cafile=str(certificate))
        with httpx.Client(verify=trusting) as http:
            assert http.get(f"https://localhost:{port}/1").text == "/1"

            def leave() -> None:
                assert forked_connections.leave(http)
                assert http.get(f"https://localhost:{port}/child").text == "/child"

            in_child(leave)
            assert http.get(f"https://localhost:{port}/2").text == "/2"
    assert len(accepted) == 2  # the parent's one, and the child's


def certified(folder: Path) -> Path:
    """Return a file with a key and a certificate of localhost."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path = folder / "localhost.pem"
    path.write_bytes(secret + signed.public_bytes(serialization.Encoding.PEM))
    return path


@contextmanager
def tls_server(certificate: Path, accepted: list[object]) -> Iterator[int]:
    """Serve TLS that keeps its connections, and answers with the path."""

    class Echo(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            accepted.append(self.client_address)
            super().setup()

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(self.path)))
            self.end_headers()
            self.wfile.write(self.path.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_a_child_of_a_kernel_does_not_read_its_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    import IPython
    from ipykernel.kernelbase import Kernel
    from jupyter_client.session import Session

    kernel: Any = Kernel()  # type: ignore[no-untyped-call]  # ipykernel has few types
    kernel.session = Session()
    shell = type("Shell", (), {"kernel": kernel})()
    monkeypatch.setattr(IPython, "get_ipython", lambda: shell)
    assert pump.running_kernel() is kernel

    def look() -> None:
        assert pump.running_kernel() is None

    in_child(look)
