"""Starting, finding and stopping the embedded service from a client program.

Cheap to import: it knows the service by its files and its HTTP address only. Nothing is asked of a service
that has not proven to be the one of the data directory, and no process is signalled.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import ConfigError, WaitTimeout
from lro_notebook.local.identity import data_directory
from lro_notebook.local.identity.proof import Identity

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

#: Exit code of a program that found the data directory taken (`lro_notebook.local.server`).
_EXIT_HELD = 3
_ABOUT_PATH = "/.lro-local"
_LOG_LIMIT = 1 << 20
#: Seconds between two looks at whether the service is up or gone.
_LOOK_AGAIN = 0.02
_REQUEST_TIMEOUT = 5.0
_MOST_ABOUT = 1 << 16  # bytes of what a service says of itself


class _Program(subprocess.Popen[bytes]):
    """The program of a service. It outlives its starter on purpose, so nothing warns that it still runs."""

    def __del__(self) -> None:
        """Do nothing: the warning of the base class is what this leaves out."""


#: Programs that this process has started; kept so that `stop` can collect them.
_started: dict[int, _Program] = {}


@dataclass(frozen=True, slots=True)
class Running:
    """A service that answers.

    Attributes
    ----------
    endpoint : str
        ``http://127.0.0.1:PORT``.
    token : str
        Bearer token of its requests.
    data_dir, buckets : Path
        Where its data and its ``gs://`` buckets live.
    dataset : str
        Resource name of the dataset that is there from the start.
    identity : Identity
        What it proves itself by; for `lro_notebook.local.identity.transport.ProvenTransport`.
    """

    endpoint: str
    token: str = field(repr=False)
    data_dir: Path
    buckets: Path
    dataset: str
    identity: Identity = field(repr=False)


def ensure(data_dir: Path | None = None, *, timeout: float = 30.0) -> Running:
    """Return the service of a data directory; start it where it does not run.

    Parameters
    ----------
    data_dir : Path, optional
        By default ``LRO_NOTEBOOK_DATA_DIR``, else a folder among the user's application data.
    timeout : float
        Seconds to wait until it answers.

    Raises
    ------
    ConfigError
        The program ended instead, or does not answer in time, or others could have made the data directory
        or its files; the message says why.
    """
    directory = data_directory.make_directory(_directory(data_dir))
    running = _find(directory)
    if running is not None:
        return running
    from filelock import FileLock, Timeout  # noqa: PLC0415 - 40 ms that only who starts it pays

    deadline = time.monotonic() + timeout
    try:
        # Of programs that need the service at the same time, one starts it and the others find it running.
        starting = FileLock(directory / "start.lock").acquire(timeout)
    except Timeout:
        raise _no_answer(directory, timeout) from None
    except (OSError, NotImplementedError) as error:  # the latter where a file system knows no locks
        raise ConfigError(f"the data directory {directory} cannot be used: {error}") from error
    with starting:
        running = _start(directory, deadline)
    if running is None:
        raise _no_answer(directory, timeout)
    return running


def _no_answer(directory: Path, timeout: float) -> ConfigError:
    return ConfigError(
        f"the local service did not answer within {timeout:g} s; see {directory / 'service.log'}"
    )


def _start(directory: Path, deadline: float) -> Running | None:
    """Start the service of a directory and return it once it answers; None when the deadline has passed."""
    process: _Program | None = None
    log_start = 0
    while True:
        running = _find(directory)
        if running is not None:
            return running
        code = None if process is None else process.poll()
        if code is not None and code != _EXIT_HELD:
            raise ConfigError(f"the local service did not start: {_last_words(directory, log_start)}")
        if process is None or code is not None:
            # Nobody serves the directory, or one does that answers nobody yet, or not any more.
            process, log_start = _spawn(directory)
        if time.monotonic() > deadline:
            return None
        time.sleep(_LOOK_AGAIN)


def stop(data_dir: Path | None = None, *, timeout: float = 10.0) -> bool:
    """Stop the service of a data directory cleanly; return False where none runs.

    Raises
    ------
    WaitTimeout
        It was told to stop and still runs after `timeout` seconds.
    ConfigError
        Others could have made the data directory or its files.
    """
    from filelock import FileLock, Timeout  # noqa: PLC0415 - 40 ms that only who stops it pays

    directory = _directory(data_dir)
    identity = _identity(directory)
    about = None if identity is None else _about(_ask(identity, "POST", "/stop", timeout=timeout), directory)
    if about is None:
        return False
    pid = about["pid"]
    try:
        # The service holds the lock for life. Its process may stay listed longer, until the program
        # that started it collects it.
        with FileLock(directory / "service.lock", timeout=timeout):
            pass
    except Timeout as error:
        raise WaitTimeout(f"the local service (process {pid}) was told to stop and still runs") from error
    # Its own word for its number only picks out a program that this process has started.
    if process := _started.pop(pid, None):
        process.wait(timeout)
    return True


def set_pace(resources_per_second: float | None, data_dir: Path | None = None) -> None:
    """Limit the speed of the operations of a running service; None is full speed.

    Calls `PATCH /.lro-local`.
    """
    directory = _directory(data_dir)
    identity = _identity(directory)
    answer = None
    if identity is not None:
        answer = _ask(identity, "PATCH", json={"pace": resources_per_second})
    if answer is None:
        raise ConfigError(f"no local service runs for {directory}; start it with lro_notebook.local.ensure()")
    if answer.is_error:
        raise ConfigError("the pace is a positive number of resources per second, or None for full speed")


def _directory(data_dir: Path | None) -> Path:
    if data_dir is not None:
        return data_directory.resolved(Path(data_dir))
    if named := os.environ.get("LRO_NOTEBOOK_DATA_DIR"):
        return data_directory.resolved(Path(named))
    from platformdirs import user_data_path  # noqa: PLC0415 - only where nothing else says the place

    return data_directory.resolved(user_data_path("lro_notebook") / "local")


def _identity(directory: Path) -> Identity | None:
    """Return what the service of a directory proves itself by; the file of a killed one stays behind."""
    if not directory.is_dir():
        return None
    data_directory.check_directory(directory)
    try:
        return Identity.of(json.loads(data_directory.read_private(directory / "service.json")))
    except (FileNotFoundError, ValueError):
        return None
    except OSError as error:
        raise ConfigError(f"{directory / 'service.json'} cannot be read: {error.strerror}") from error


def _find(directory: Path) -> Running | None:
    """Return the service of a directory if it answers."""
    identity = _identity(directory)
    about = None if identity is None else _about(_ask(identity), directory)
    if identity is None or about is None:
        return None
    return Running(
        endpoint=identity.endpoint,
        token=identity.token,
        data_dir=directory,
        buckets=Path(about["buckets"]),
        dataset=str(about["dataset"]),
        identity=identity,
    )


def _about(answer: httpx.Response | None, directory: Path) -> dict[str, Any] | None:
    """Return what the service of a directory says of itself in an answer, None if it is not that one."""
    if answer is None or not answer.is_success:
        return None
    about: dict[str, Any] = answer.json()
    return about if Path(about["dataDir"]) == directory else None


def _ask(
    identity: Identity,
    method: str = "GET",
    path: str = "",
    *,
    json: Mapping[str, Any] | None = None,
    timeout: float = _REQUEST_TIMEOUT,
) -> httpx.Response | None:
    """Return the answer of a service that has proven itself, or None if none does."""
    import httpx  # noqa: PLC0415 - as much as all else that importing this package loads

    from lro_notebook.local.identity.transport import ProvenTransport  # noqa: PLC0415 - likewise

    headers = {"Authorization": f"Bearer {identity.token}"}
    try:
        # Without the environment's proxies: the address is on this machine.
        with httpx.Client(
            headers=headers, timeout=timeout, trust_env=False, transport=ProvenTransport(identity)
        ) as client:
            return client.request(method, f"{identity.endpoint}{_ABOUT_PATH}{path}", json=json)
    except (httpx.HTTPError, httpx.InvalidURL):
        return None


def _spawn(directory: Path) -> tuple[_Program, int]:
    """Start the program in a session of its own; return it and where its words begin in the log.

    The session keeps it alive when the kernel's process group is interrupted or ended.
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
            start_new_session=True,
        )
    _started[process.pid] = process
    return process, start


def _last_words(directory: Path, start: int) -> str:
    """Return the last line that a program which ended has written to the log."""
    lines = (directory / "service.log").read_bytes()[start:].decode(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it ended without a word")
