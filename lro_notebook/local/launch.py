"""Starting, finding and stopping the embedded service from a client program.

Cheap to import: it knows the service only by its files and its HTTP address. It sends nothing to a service
that has not proven itself, changes nothing in one of another data directory, and signals no process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from lro_notebook import platforms
from lro_notebook.errors import ConfigError, LroWarning, WaitTimeout, warn_caller
from lro_notebook.local.identity import data_directory, default_directory
from lro_notebook.local.identity.proof import Identity

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

#: Exit code of a program that found the data directory taken (`lro_notebook.local.server`).
_EXIT_HELD = 3
_ABOUT_PATH = "/.lro-local"
_LOG_LIMIT = 1 << 20
#: Seconds between two checks whether the service has started.
_CHECK_INTERVAL = 0.02
_REQUEST_TIMEOUT = 5.0


class _Program(subprocess.Popen[bytes]):
    """The process of a service. It outlives this program on purpose, so no warning that it still runs."""

    def __del__(self) -> None:
        """Do nothing; the base class would warn."""


#: Services that this process has started, so that `stop` can wait for them.
_started: dict[int, _Program] = {}


@dataclass(frozen=True, slots=True)
class Running:
    """A running service.

    Attributes
    ----------
    endpoint : str
        ``http://127.0.0.1:PORT``.
    token : str
        Bearer token of its requests.
    data_dir, buckets : Path
        Where its data and its ``gs://`` buckets live.
    dataset : str
        Resource name of the dataset that exists from the start.
    identity : Identity
        How it proves which service it is; for `lro_notebook.local.identity.transport.ProvenTransport`.
    """

    endpoint: str
    token: str = field(repr=False)
    data_dir: Path
    buckets: Path
    dataset: str
    identity: Identity = field(repr=False)


def ensure(data_dir: Path | None = None, *, timeout: float = 30.0) -> Running:
    """Return the service of a data directory; start it if it is not running.

    Parameters
    ----------
    data_dir : Path, optional
        Defaults to ``LRO_NOTEBOOK_DATA_DIR``, or else to a folder in the user's application data, or on a
        local disk where that is on a network file system.
    timeout : float
        Seconds to wait for it to start.

    Raises
    ------
    ConfigError
        It ended while starting or did not start in time, or other users could have written the data
        directory or its files; the message says which.
    """
    directory = data_directory.make_directory(_directory(data_dir))
    running = _find(directory)
    if running is not None:
        return running
    from filelock import FileLock, Timeout  # 40 ms that only who starts it pays

    deadline = time.monotonic() + timeout
    try:
        # Of several programs that need the service at once, one starts it and the others find it running.
        starting = FileLock(directory / "start.lock", mode=0o600).acquire(timeout)
    except Timeout:
        raise _no_answer(directory, timeout) from None
    except (OSError, NotImplementedError) as error:  # the latter on file systems without locks
        raise ConfigError(f"the data directory {directory} cannot be used: {error}") from error
    with starting:
        running = _start(directory, deadline)
    if running is None:
        raise _no_answer(directory, timeout)
    if remark := default_directory.remark(directory):
        warn_caller(remark, LroWarning)
    return running


def _no_answer(directory: Path, timeout: float) -> ConfigError:
    return ConfigError(
        f"the local service did not answer within {timeout:g} s; see {directory / 'service.log'}"
    )


def _start(directory: Path, deadline: float) -> Running | None:
    """Start the service of a directory and return it once it responds; None after the deadline."""
    process: _Program | None = None
    log_start = 0
    while True:
        running = _find(directory)
        if running is not None:
            return running
        code = None if process is None else process.poll()
        if code is not None and code != _EXIT_HELD:
            raise ConfigError(f"the local service did not start: {_last_log_line(directory, log_start)}")
        if process is None or code is not None:
            # No service has the directory, or one that does not respond yet, or that is stopping.
            process, log_start = _spawn(directory)
        if time.monotonic() > deadline:
            return None
        time.sleep(_CHECK_INTERVAL)


def stop(data_dir: Path | None = None, *, timeout: float = 10.0) -> bool:
    """Stop the service of a data directory cleanly; return False if none runs.

    Raises
    ------
    WaitTimeout
        It still runs `timeout` seconds after it was told to stop.
    ConfigError
        Other users could have written the data directory or its files.
    """
    from filelock import FileLock, Timeout  # 40 ms that only who stops it pays

    directory = _directory(data_dir)
    service = _find_service(directory, timeout=timeout)
    if service is None or _ask(service.identity, "POST", "/stop", timeout=timeout) is None:
        return False
    pid = service.about["pid"]
    try:
        # The service holds the lock while it runs. Its process may remain as a zombie until its parent
        # collects it.
        with FileLock(directory / "service.lock", timeout=timeout, mode=0o600):
            pass
    except Timeout as error:
        raise WaitTimeout(f"the local service (process {pid}) was told to stop and still runs") from error
    # The process id that it reports is only used to look up a child of this process.
    if process := _started.pop(pid, None):
        process.wait(timeout)
    return True


def set_pace(resources_per_second: float | None, data_dir: Path | None = None) -> None:
    """Limit the speed of the operations of a running service; None is full speed.

    Calls `PATCH /.lro-local`.
    """
    directory = _directory(data_dir)
    service = _find_service(directory)
    response = None
    if service is not None:
        response = _ask(service.identity, "PATCH", json={"pace": resources_per_second})
    if response is None:
        raise ConfigError(f"no local service runs for {directory}; start it with lro_notebook.local.ensure()")
    if response.is_error:
        raise ConfigError("the pace is a positive number of resources per second, or None for full speed")


def _directory(data_dir: Path | None) -> Path:
    if data_dir is not None:
        return data_directory.resolved(Path(data_dir))
    if named := os.environ.get("LRO_NOTEBOOK_DATA_DIR"):
        return data_directory.resolved(Path(named))
    return default_directory.find()


def _identity(directory: Path) -> Identity | None:
    """Return the identity in a directory's ``service.json``, which a killed service leaves behind."""
    if not directory.is_dir():
        return None
    data_directory.check_directory(directory)
    try:
        return Identity.of(json.loads(data_directory.read_private(directory / "service.json")))
    except (FileNotFoundError, ValueError):
        return None
    except OSError as error:
        raise ConfigError(f"{directory / 'service.json'} cannot be read: {error.strerror}") from error


class _Service(NamedTuple):
    """A service that responds, and what it says about itself."""

    identity: Identity
    about: dict[str, Any]


def _find_service(directory: Path, *, timeout: float = _REQUEST_TIMEOUT) -> _Service | None:
    """Return the service of a directory if it responds.

    A ``service.json`` that was copied from elsewhere leads to the service of another directory, which must
    not be told anything.
    """
    identity = _identity(directory)
    response = None if identity is None else _ask(identity, timeout=timeout)
    if identity is None or response is None or not response.is_success:
        return None
    about: dict[str, Any] = response.json()
    return _Service(identity, about) if platforms.is_same(about["dataDir"], directory) else None


def _find(directory: Path) -> Running | None:
    """Return the service of a directory if it responds."""
    service = _find_service(directory)
    if service is None:
        return None
    identity, about = service
    return Running(
        endpoint=identity.endpoint,
        token=identity.token,
        data_dir=Path(about["dataDir"]),  # however it was spelled, so that there is one client for it
        buckets=Path(about["buckets"]),
        dataset=str(about["dataset"]),
        identity=identity,
    )


def _ask(
    identity: Identity,
    http_method: str = "GET",
    path: str = "",
    *,
    json: Mapping[str, Any] | None = None,
    timeout: float = _REQUEST_TIMEOUT,
) -> httpx.Response | None:
    """Return the response of a service that has proven itself, or None."""
    import httpx  # as much as all else that importing this package loads

    from lro_notebook.local.identity.transport import ProvenTransport

    headers = {"Authorization": f"Bearer {identity.token}"}
    try:
        # Without the environment's proxies: the address is on this machine.
        with httpx.Client(
            headers=headers, timeout=timeout, trust_env=False, transport=ProvenTransport(identity)
        ) as client:
            return client.request(http_method, f"{identity.endpoint}{_ABOUT_PATH}{path}", json=json)
    except (httpx.HTTPError, httpx.InvalidURL):
        return None


def _spawn(directory: Path) -> tuple[_Program, int]:
    """Start the service apart from this program; return its process and the current end of the log.

    It survives when the kernel's process group is interrupted or killed.
    """
    path = directory / "service.log"
    number = data_directory.open_private(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    with os.fdopen(number, "ab") as log:
        if log.tell() > _LOG_LIMIT:
            log.truncate(0)
            log.seek(0)
        start = log.tell()
        process = _Program(
            [sys.executable, "-m", "lro_notebook.local", "--port", "0", "--data-dir", str(directory)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            env={**os.environ, "PYTHONUTF8": "1"},  # the log is read as UTF-8
            **platforms.apart(),
        )
    _started[process.pid] = process
    return process, start


def _last_log_line(directory: Path, start: int) -> str:
    """Return the last line that a process which ended has logged."""
    lines = (directory / "service.log").read_bytes()[start:].decode(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it ended without a word")
