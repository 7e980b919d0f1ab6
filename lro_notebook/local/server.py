"""The life of the service program: data directory, lock, token, listening, stopping."""

from __future__ import annotations

import gc
import json
import logging
import os
import signal
import socket
import sqlite3
import sys
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version as package_version
from typing import TYPE_CHECKING

import orjson
import uvicorn
from filelock import FileLock, Timeout

from lro_notebook import platforms
from lro_notebook.errors import ConfigError
from lro_notebook.local import registry
from lro_notebook.local.app import build_app
from lro_notebook.local.core import objects
from lro_notebook.local.core.buckets import SAMPLE_BUCKET, Buckets
from lro_notebook.local.core.database import Database
from lro_notebook.local.core.resource_names import DEMO_DATASET
from lro_notebook.local.core.throttle import Throttle
from lro_notebook.local.datasets import stores
from lro_notebook.local.http.service import NOTIFICATIONS_FILE, Service
from lro_notebook.local.identity import data_directory
from lro_notebook.local.identity.proof import Identity
from lro_notebook.local.notifications.sink import Notifications
from lro_notebook.local.operations import records
from lro_notebook.local.operations.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

logger = logging.getLogger(__name__)

#: Exit codes besides 0: the options cannot be used; another program holds the data directory.
EXIT_UNUSABLE = 2
EXIT_HELD = 3

#: Folders of the sample bucket.
_SAMPLES = ("fhir", "hl7v2", "dicom")
#: Seconds that open requests get when the service stops.
_GRACE = 3
#: Longer than clients wait between two polls, so that no connection closes just as it is reused.
_KEEP_ALIVE = 120
#: Seconds between two removals of expired operation records.
_EXPIRY_INTERVAL = 1.0
#: A day in microseconds.
_DAY = 86_400_000_000
#: Objects that come into being between two collections of garbage; Python's own default is 700.
_COLLECTED_AFTER = 10_000
#: Seconds until a thread yields to another; a status request waits for several such turns.
_SWITCH_INTERVAL = 0.0005


@dataclass(frozen=True, slots=True)
class Settings:
    """How to run the service.

    `idle_exit` 0 is never, `pace` None is full speed, `keep_operations` is in days.
    """

    port: int
    data_dir: Path
    pace: float | None = None
    max_operations: int = 200
    keep_operations: float = 30.0
    shard_bytes: int = 256 << 20
    idle_exit: float = 900.0
    sample_patients: int = 100


def run(settings: Settings) -> int:
    """Run the service until it is stopped; return the exit code of the program."""
    os.umask(0o077)
    sys.setswitchinterval(_SWITCH_INTERVAL)
    try:
        directory = data_directory.make_directory(settings.data_dir)
        lock = FileLock(directory / "service.lock", timeout=0, mode=0o600)
        with lock, _listen(settings.port) as listener:
            return _serve(settings, directory, listener)
    except Timeout:
        return _fail(
            f"another program serves {settings.data_dir}; stop it, or use another --data-dir", EXIT_HELD
        )
    except ConfigError as error:
        return _fail(str(error), EXIT_UNUSABLE)
    except (OSError, NotImplementedError) as error:  # the latter where a file system knows no locks
        return _fail(f"{settings.data_dir} cannot be used: {error}", EXIT_UNUSABLE)


def _serve(settings: Settings, directory: Path, listener: socket.socket) -> int:
    """Open the data and answer requests until the service is stopped."""
    identity = Identity.new(f"http://127.0.0.1:{listener.getsockname()[1]}")
    database = Database(directory / "service.sqlite3", registry.tables())
    database.watch(Notifications(directory / NOTIFICATIONS_FILE))
    folders = Buckets(directory / "buckets")
    throttle = Throttle(settings.pace)
    with database.write() as connection:
        records.abort_active(connection)
        if not stores.has_dataset(connection, DEMO_DATASET):
            stores.add_dataset(connection, DEMO_DATASET, {"timeZone": "UTC"})
    objects.clear(folders.partial)
    worker = Worker(
        database, folders, throttle, limit=settings.max_operations, shard_bytes=settings.shard_bytes
    )
    service = Service(
        data_dir=directory,
        database=database,
        buckets=folders,
        throttle=throttle,
        worker=worker,
        identity=identity,
    )
    server = _Server(service, settings.idle_exit)
    for number in platforms.STOPPING:
        # When uvicorn is done it raises the signal that stopped it again; this handler takes it.
        signal.signal(number, server.handle_exit)
    _start_sample(folders, settings.sample_patients)
    stopping = threading.Event()
    expiry = threading.Thread(
        target=_expire,
        args=(database, worker, settings.keep_operations, stopping),
        name="lro-expiry",
        daemon=True,
    )
    expiry.start()
    # A collection holds up every request: it need not look at what was imported, nor come with each batch.
    gc.freeze()
    gc.set_threshold(_COLLECTED_AFTER, 10, 10)
    try:
        server.run(sockets=[listener])
    finally:
        stopping.set()
        expiry.join()
        worker.stop()
        database.close()
        platforms.unlink(directory / "service.json")
    return 0


class _Server(uvicorn.Server):
    """A uvicorn server that announces itself, and stops when idle."""

    def __init__(self, service: Service, idle_exit: float) -> None:
        config = uvicorn.Config(
            build_app(service),
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE,
            timeout_graceful_shutdown=_GRACE,
        )
        super().__init__(config)
        self._service = service
        self._idle_exit = idle_exit

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then announce it on stdout and in ``service.json``."""
        await super().startup(sockets)
        service = self._service
        # The token comes first: a client may read it before service.json exists.
        _write_whole(service.data_dir / "token", service.token.encode())
        about = {
            "endpoint": service.endpoint,
            "secret": service.identity.secret,
            "pid": os.getpid(),
            "version": package_version("lro-notebook"),
        }
        _write_whole(service.data_dir / "service.json", orjson.dumps(about))
        announcement = {
            "endpoint": service.endpoint,
            "token_file": str(service.data_dir / "token"),
            "dataset": DEMO_DATASET,
        }
        sys.stdout.write(json.dumps(announcement) + "\n")  # in ASCII, whatever stdout can encode
        sys.stdout.flush()

    async def on_tick(self, counter: int) -> bool:
        """Return whether to stop; uvicorn calls this ten times a second."""
        return await super().on_tick(counter) or self._service.is_told_to_stop or self._is_idle()

    def _is_idle(self) -> bool:
        service = self._service
        if not self._idle_exit or service.open_requests or service.worker.busy:
            return False
        return time.monotonic() - service.last_request > self._idle_exit


@contextmanager
def _listen(port: int) -> Iterator[socket.socket]:
    """Listen on a port of the loopback interface; 0 takes a free one."""
    # The protocol is given because asyncio sets TCP_NODELAY only on such sockets; without it the second
    # part of a response waits 40 ms for the client to acknowledge the first.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    platforms.claim_port(listener)
    with listener:
        try:
            listener.bind(("127.0.0.1", port))
            listener.listen(128)
        except OSError as error:
            raise ConfigError(
                f"port {port} of 127.0.0.1 cannot be used: {error.strerror}; "
                "choose another --port, 0 takes a free one"
            ) from error
        yield listener


def _write_whole(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read; readers see it whole or not at all."""
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    with os.fdopen(number, "wb") as file:
        file.write(content)
    platforms.replace(name, path)


def _expire(database: Database, worker: Worker, days: float, stopping: threading.Event) -> None:
    """Remove records of operations that ended more than `days` ago, until the service stops."""
    while not stopping.wait(_EXPIRY_INTERVAL):
        worker.write_ends()
        try:
            with database.write() as connection:
                records.expire(connection, records.microseconds() - round(days * _DAY))
        except sqlite3.OperationalError as error:
            logger.warning("expired operation records cannot be removed now: %s", error)


def _start_sample(folders: Buckets, patients: int) -> None:
    """Fill the sample bucket in the background; imports from it wait until that is done."""
    missing = [name for name in _SAMPLES if not (folders.root / SAMPLE_BUCKET / name).exists()]
    if not missing or not patients:
        folders.sample_ready.set()
        return
    threading.Thread(
        target=_fill_sample, args=(folders, patients, missing), name="lro-sample", daemon=True
    ).start()


def _fill_sample(folders: Buckets, patients: int, missing: list[str]) -> None:
    """Write the `missing` folders of the sample bucket, each visible only when complete."""
    from lro_notebook.local import sample

    writers: dict[str, Callable[..., object]] = {
        "fhir": sample.write,
        "hl7v2": sample.write_messages,
        "dicom": sample.write_images,
    }
    try:
        for name in missing:
            draft = folders.partial / f"sample-{name}"
            with suppress(ImportError):  # images need pydicom
                writers[name](draft, patients=patients)
                objects.place_folder(draft, folders.root / SAMPLE_BUCKET / name)
    except Exception:  # the service is useful without its sample
        logger.exception("the sample data could not be written")
    finally:
        folders.sample_ready.set()


def _fail(sentence: str, code: int) -> int:
    sys.stderr.write(f"{sentence}\n")
    return code
