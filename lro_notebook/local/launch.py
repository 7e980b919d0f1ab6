"""Starting, finding and stopping the embedded service from a client program.

Cheap to import: it knows the service by its files and its HTTP address only.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import ConfigError, WaitTimeout

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

#: Exit code of a program that found the data directory taken (`lro_notebook.local.server`).
_EXIT_HELD = 3
_SERVICE_NAME = "lro-notebook-local"
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
    """

    endpoint: str
    token: str = field(repr=False)
    data_dir: Path
    buckets: Path
    dataset: str


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
        The program ended instead, or does not answer in time; the message says why.
    """
    directory = _directory(data_dir)
    running = _find(directory)
    if running is not None:
        return running
    from filelock import FileLock, Timeout  # noqa: PLC0415 - 40 ms that only who starts it pays

    deadline = time.monotonic() + timeout
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
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
    """
    from filelock import FileLock, Timeout  # noqa: PLC0415 - 40 ms that only who stops it pays

    directory = _directory(data_dir)
    running = _find(directory)
    about = None if running is None else _about(running.endpoint, running.token)
    if about is None:
        return False
    pid = int(about["pid"])
    with suppress(ProcessLookupError):  # it has just ended by itself
        os.kill(pid, signal.SIGTERM)
    try:
        # The service holds the lock for life. Its process may stay listed longer, until the program
        # that started it collects it.
        with FileLock(directory / "service.lock", timeout=timeout):
            pass
    except Timeout as error:
        raise WaitTimeout(f"the local service (process {pid}) was told to stop and still runs") from error
    if process := _started.pop(pid, None):
        process.wait(timeout)
    return True


def set_pace(resources_per_second: float | None, data_dir: Path | None = None) -> None:
    """Limit the speed of the operations of a running service; None is full speed.

    Calls `PATCH /.lro-local`.
    """
    directory = _directory(data_dir)
    running = _find(directory)
    answer = None
    if running is not None:
        answer = _ask(running.endpoint, running.token, "PATCH", json={"pace": resources_per_second})
    if answer is None:
        raise ConfigError(f"no local service runs for {directory}; start it with lro_notebook.local.ensure()")
    if answer.is_error:
        raise ConfigError("the pace is a positive number of resources per second, or None for full speed")


def _directory(data_dir: Path | None) -> Path:
    if data_dir is not None:
        return Path(data_dir).expanduser().resolve()
    if named := os.environ.get("LRO_NOTEBOOK_DATA_DIR"):
        return Path(named).expanduser().resolve()
    from platformdirs import user_data_path  # noqa: PLC0415 - only where nothing else says the place

    return (user_data_path("lro_notebook") / "local").resolve()


def _find(directory: Path) -> Running | None:
    """Return the service of a directory if it answers; its files may be left from one that was killed."""
    try:
        endpoint = json.loads((directory / "service.json").read_bytes())["endpoint"]
        token = (directory / "token").read_text("ascii").strip()
    except (OSError, ValueError, KeyError, TypeError):
        return None
    about = _about(str(endpoint), token)
    if about is None or Path(about["dataDir"]) != directory:
        return None
    return Running(
        endpoint=str(endpoint),
        token=token,
        data_dir=directory,
        buckets=Path(about["buckets"]),
        dataset=str(about["dataset"]),
    )


def _about(endpoint: str, token: str) -> dict[str, Any] | None:
    """Return what the service at `endpoint` says of itself, or None if it is not ours."""
    answer = _ask(endpoint, token)
    if answer is None or not answer.is_success:
        return None
    try:
        about: object = answer.json()
    except (ValueError, RecursionError):  # no JSON, or nested without an end
        return None
    if not isinstance(about, dict) or about.get("service") != _SERVICE_NAME:
        return None
    texts = all(isinstance(about.get(key), str) for key in ("dataDir", "buckets", "dataset"))
    return about if texts and isinstance(about.get("pid"), int) else None


def _ask(
    endpoint: str, token: str, method: str = "GET", json: Mapping[str, Any] | None = None
) -> httpx.Response | None:
    """Return the answer of the service at `endpoint`, or None if nothing answers or it is elsewhere."""
    if not endpoint.startswith("http://127.0.0.1:"):
        return None
    import httpx  # noqa: PLC0415 - as much as all else that importing this package loads

    from lro_notebook.bounded import CODINGS, BoundedTransport  # noqa: PLC0415 - it loads httpx

    headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": CODINGS}
    try:
        # Without the environment's proxies: the address is on this machine.
        carrier = BoundedTransport(
            httpx.HTTPTransport(trust_env=False), seconds=_REQUEST_TIMEOUT, most=_MOST_ABOUT
        )
        with httpx.Client(
            headers=headers, timeout=_REQUEST_TIMEOUT, transport=carrier, trust_env=False
        ) as client:
            return client.request(method, f"{endpoint}{_ABOUT_PATH}", json=json)
    except (httpx.HTTPError, httpx.InvalidURL):
        return None


def _spawn(directory: Path) -> tuple[_Program, int]:
    """Start the program in a session of its own; return it and where its words begin in the log.

    The session keeps it alive when the kernel's process group is interrupted or ended.
    """
    path = directory / "service.log"
    keep = path.exists() and path.stat().st_size <= _LOG_LIMIT
    with path.open("ab" if keep else "wb") as log:
        path.chmod(0o600)
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
