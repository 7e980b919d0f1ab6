"""TLS on loopback with an authority of our own: servers whose certificates it signs, a proxy before them."""

from __future__ import annotations

import json
import socket
import socketserver
import ssl
import threading
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NAMES = ("localhost", "127.0.0.1", "healthcare.example.org")
_PATIENCE = 30.0
Server = TypeVar("Server", bound=socketserver.BaseServer)


class Authority:
    """Signs certificates; `pem` is the file with its own."""

    def __init__(self, folder: Path, name: str = "A company") -> None:
        self._folder, self._key = folder, ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        own = self._begun(self._name, self._key, 3650).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        usage = dict.fromkeys(
            (
                "digital_signature",
                "content_commitment",
                "key_encipherment",
                "data_encipherment",
                "key_agreement",
                "encipher_only",
                "decipher_only",
            ),
            False,
        )
        usage |= {"key_cert_sign": True, "crl_sign": True}
        own = own.add_extension(x509.KeyUsage(**usage), critical=True)
        self.pem = folder / f"{name}.pem"
        certificate = own.sign(self._key, hashes.SHA256())
        self.pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, names: tuple[str, ...] = _NAMES, *, days: float = 30.0) -> Path:
        """Return a file with a certificate for `names` and its key; with days below 0 it has expired."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        alternatives = [
            x509.IPAddress(ip_address(name)) if name[0].isdigit() else x509.DNSName(name) for name in names
        ]
        certificate = (
            self._begun(subject, key, days)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        file = self._folder / f"{names[0]}-{days:g}.pem"
        file.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return file

    def _begun(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, days: float
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=60))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
        )


class TlsServer(ThreadingHTTPServer):
    """Answers each request with the same JSON; counts connections, and requests by their paths."""

    daemon_threads = True

    def __init__(self, answer: dict[str, Any], certificate: Path | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer, self.connections = answer, 0
        self._open: list[socket.socket] = []
        self.paths: list[str] = []
        self._context: ssl.SSLContext | None = None
        if certificate is not None:
            self.take(certificate)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def endpoint(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def take(self, certificate: Path) -> None:
        """Show another certificate from now on."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self._context = context

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        connection.settimeout(_PATIENCE)
        self.connections += 1
        if self._context is not None:  # the handshake is for the thread of the connection
            connection = self._context.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        self._open.append(connection)
        return connection, address

    def close_connections(self) -> None:
        """Close what is open, so that clients connect anew."""
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients are meant to turn away."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, TlsServer)
        server.paths.append(self.path)
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = json.dumps(server.answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - as http.server calls it

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


class ConnectProxy(socketserver.ThreadingTCPServer):
    """A proxy that takes every ``CONNECT`` to one port of this machine, or refuses it with `status`."""

    daemon_threads = True

    def __init__(self, port: int, *, status: int = 200) -> None:
        super().__init__(("127.0.0.1", 0), _Tunnel)
        self.port, self.status = port, status
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients are meant to turn away."""


class _Tunnel(socketserver.StreamRequestHandler):
    timeout = _PATIENCE

    def handle(self) -> None:
        server = self.server
        assert isinstance(server, ConnectProxy)
        server.asked.append(self.rfile.readline().decode().split()[1])
        while self.rfile.readline().strip():
            pass
        self.wfile.write(f"HTTP/1.1 {server.status} as told\r\nContent-Length: 0\r\n\r\n".encode())
        if server.status != 200:
            return
        with socket.create_connection(("127.0.0.1", server.port), _PATIENCE) as far:
            back = threading.Thread(target=_pass_on, args=(far, self.connection), daemon=True)
            back.start()
            _pass_on(self.connection, far)
            back.join(_PATIENCE)


def _pass_on(from_: socket.socket, to: socket.socket) -> None:
    with suppress(OSError):
        while data := from_.recv(1 << 16):
            to.sendall(data)
    with suppress(OSError):
        to.shutdown(socket.SHUT_WR)


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    """Serve in a thread for as long as the body runs."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join(_PATIENCE)
        server.server_close()
