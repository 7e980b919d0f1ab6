"""Attacks on who the local service is: forged proofs, and data directories that others could write to."""

from __future__ import annotations

import json
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import httpcore

from lro_notebook.errors import ConfigError
from lro_notebook.local.identity import data_directory
from lro_notebook.local.identity.proof import Identity
from lro_notebook.local.identity.transport import prove

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

_PROOFS = 4000
_FOLDERS = 400
_STRANGER = 65534


class _Other(httpcore.NetworkStream):
    """The other end of a connection: answers a challenge as somebody does who lacks the secret."""

    def __init__(self, draw: random.Random, identity: Identity, seen: list[str]) -> None:
        self._draw, self._identity, self._seen = draw, identity, seen
        self._answer = b""
        self.sent = b""

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 - httpcore's signature
        self.sent += buffer
        if buffer.endswith(b"\r\n\r\n") and not self._answer:
            nonce = self.sent.partition(b"nonce=")[2][:64].decode()
            self._answer = self._forged(nonce)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - likewise
        size = self._draw.randint(1, max_bytes)
        content, self._answer = self._answer[:size], self._answer[size:]
        return content

    def close(self) -> None:
        """Nothing is open."""

    def _forged(self, nonce: str) -> bytes:
        """Return an answer that is wrong in some way; true answers to other challenges are known to it."""
        draw, true = self._draw, self._identity.proof(nonce)
        place = draw.randrange(64)
        port = draw.randint(1, 65535)
        elsewhere = Identity(f"http://127.0.0.1:{port}", self._identity.secret)
        proof = draw.choice(
            [
                draw.choice(self._seen),  # an answer from before, played again
                nonce,
                self._identity.token,
                true[:place] + draw.choice("0123456789abcdef".replace(true[place], "")) + true[place + 1 :],
                true[:place],
                true.upper() + " ",
                # What the service answers elsewhere, passed on.
                elsewhere.proof(nonce) if elsewhere != self._identity else "",
                Identity.new(self._identity.endpoint).proof(nonce),
                draw.randbytes(32).hex(),
            ]
        )
        body = json.dumps(draw.choice([{"proof": proof}, {"proof": [true]}, {"proofs": true}, [true], true]))
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n"
        whole = f"{head}\r\n{body}"
        wrong = [
            whole,
            whole,
            whole,
            f"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{' ' * 9000}",
            f"{true}\r\n\r\n",
            "",
        ]
        return draw.choice([*(text.encode() for text in wrong), draw.randbytes(draw.randint(0, 6000))])


def forged_proofs(draw: random.Random) -> tuple[int, int]:
    """Answer challenges wrongly: the connection must fail, and carry nothing but the challenge."""
    identity = Identity.new("http://127.0.0.1:4000")
    seen = [identity.proof(draw.randbytes(32).hex()) for _ in range(50)]
    held = 0
    for _ in range(_PROOFS):
        other = _Other(draw, identity, seen)
        try:
            prove(other, identity, 5.0)
        except httpcore.ConnectError:
            held += other.sent.count(b"\r\n") == 3 and identity.token.encode() not in other.sent  # noqa: PLR2004
    return _PROOFS, held


def shared_folders(draw: random.Random) -> tuple[int, int]:
    """Build folders of random owners and modes: another user must be unable to change what is accepted.

    It is tried with the rights of that other user, which only root can take on.
    """
    if os.name != "posix" or os.getuid() != 0:
        return 0, 0
    top = Path(tempfile.mkdtemp(dir="/tmp"))
    top.chmod(0o755)
    tried = held = 0
    try:
        for number in range(_FOLDERS):
            data = _tree(draw, top / str(number))
            try:
                data_directory.check_directory(data)
            except ConfigError:
                continue
            tried += 1
            held += not _as_stranger(lambda data=data: _changes(data, top))  # type: ignore[misc]
    finally:
        shutil.rmtree(top)
    return tried, held


def _tree(draw: random.Random, root: Path) -> Path:
    """Make three folders, one in the other, and files in the last, which is returned."""
    data = root / "a" / "data"
    data.mkdir(parents=True)
    for name in data_directory.FILES:
        if draw.random() < 0.2:  # noqa: PLR2004 - few, so that some folders are accepted
            (data / name).write_bytes(b"{}")
            (data / name).chmod(draw.choice([0o600, 0o600, 0o600, 0o644, 0o640, 0o666, 0o620]))
            os.chown(data / name, *draw.choice([(0, 0), (0, 0), (0, 0), (0, 0), (_STRANGER, 0)]))
    for folder in (data, data.parent, root):
        owner = draw.choice([0, 0, 0, 0, _STRANGER])
        os.chown(folder, owner, draw.choice([0, 0, _STRANGER]))
        folder.chmod(draw.choice([0o700, 0o755, 0o755, 0o755, 0o775, 0o777, 0o1777, 0o2775, 0o701, 0o733]))
    return data


def _as_stranger(act: Callable[[], bool]) -> bool:
    """Return what `act` returns in a process of another user."""
    child = os.fork()
    if child == 0:
        code = 2
        try:
            os.setgroups([])
            os.setgid(_STRANGER)
            os.setuid(_STRANGER)
            code = int(act())
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) != 0


def _changes(data: Path, top: Path) -> bool:
    """Try to change a data directory; tell whether anything worked."""

    def opened(path: Path) -> None:
        if stat.S_ISREG(path.lstat().st_mode):
            path.open("ab").close()

    attempts: list[Callable[[], object]] = [
        lambda: (data / "service.json").write_text("{}"),
        (data / "planted").touch,
        (data / "token").unlink,
        lambda: data.chmod(0o777),
        lambda: data.parent.chmod(0o777),
    ]
    attempts += [lambda name=name: opened(data / name) for name in data_directory.FILES]  # type: ignore[misc]
    for folder in (data, data.parent, data.parent.parent):
        if folder != top:
            attempts.append(lambda folder=folder: folder.rename(folder.with_name("moved")))  # type: ignore[misc]
    for attempt in attempts:
        try:
            attempt()
        except OSError:
            continue
        return True
    return False


ATTACKS: list[tuple[str, Callable[[random.Random], tuple[int, int]]]] = [
    ("forged, replayed and passed-on proofs of the local service", forged_proofs),
    ("data directories of random owners and modes, changed by another user", shared_folders),
]
