"""The local service as a test drives it: the object of the pytest fixture ``lro_service``.

It scripts faults over the service's own routes. They happen on the service's side, over real HTTP, to any
client.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Self

import httpx

from lro_notebook import api, forking, local
from lro_notebook.errors import Code, ConfigError
from lro_notebook.healthcare.dataset import Dataset
from lro_notebook.http import forked_connections
from lro_notebook.local.identity.transport import ProvenTransport
from lro_notebook.operations.client import Client
from lro_notebook.operations.polling_policy import PollPolicy
from lro_notebook.operations.rest_requests import LocalService

if TYPE_CHECKING:
    from pathlib import Path

    from google.oauth2.credentials import Credentials

#: Operations in tests end soon, and their requests cost nothing.
_EAGER = PollPolicy(floor=0.02, first=0.02, spread=0.02, failure_floor=0.1)
_TIMEOUT = 30.0
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]")


class LroService:
    """A running local service, empty at first; a context manager.

    Parameters
    ----------
    data_dir : Path
        Its folder. **Everything in it is deleted**, except the sample bucket.

    Attributes
    ----------
    endpoint : str
        ``http://127.0.0.1:PORT``.
    token : str
        The bearer token that its requests need.
    dataset : str
        Full name of the dataset that exists, without stores.
    buckets : Path
        The folder whose sub-folders are the ``gs://`` buckets: ``lro-sample``, and an empty ``demo-out``.
    """

    def __init__(self, data_dir: Path) -> None:
        running = local.ensure(data_dir)
        self.endpoint, self.token = running.endpoint, running.token
        self.dataset, self.buckets = running.dataset, running.buckets
        self._data_dir, self._identity = running.data_dir, running.identity
        self._clients: list[Client] = []
        # Without the environment's proxies: the address is on this machine.
        self._control = httpx.Client(
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=_TIMEOUT,
            trust_env=False,
            transport=ProvenTransport(running.identity),
        )
        forking.bind(self)
        self.reset()

    def after_fork_in_child(self) -> None:
        """Leave the connection to the parent."""
        forked_connections.leave(self._control)

    def __repr__(self) -> str:
        return f"<LroService {self.endpoint}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients:
            client.close()
        # The client that `lro.connect()` shares in this process: a scripted 429 still slows it down.
        api.connect(data_dir=self._data_dir).client.close()
        self._control.close()

    def reset(self) -> None:
        """End all operations and delete everything; the fixture does so before each test."""
        self._call("POST", "/reset", {})

    def connect(self, dataset: str | None = None, *, api_version: str = "v1") -> Dataset:
        """Return a dataset whose operations are polled often; its client is closed after the test.

        Parameters
        ----------
        dataset : str, optional
            Full name; by default the dataset that exists.
        api_version : str
            As for `lro_notebook.connect`.
        """
        client = Client(
            self.endpoint,
            credentials=self.token,
            transport=ProvenTransport(self._identity),
            local=LocalService(self._data_dir, self.buckets),
            policy=_EAGER,
        )
        self._clients.append(client)
        return Dataset(client, dataset or self.dataset, api_version=api_version)

    @property
    def credentials(self) -> Credentials:
        """google-auth credentials for Google's own clients."""
        from google.oauth2.credentials import Credentials

        return Credentials(self.token)

    @property
    def client_options(self) -> dict[str, str]:
        """``client_options`` that point Google's own clients to this service."""
        return {"api_endpoint": self.endpoint}

    def bucket(self, name: str) -> Path:
        """Return the folder of the bucket ``gs://{name}``; create it if it is missing."""
        if not _BUCKET.fullmatch(name):
            raise ConfigError(
                f"{name!r} is not a bucket name: 3 to 63 lowercase letters, digits, '.', '_' or '-'"
            )
        folder = self.buckets / name
        folder.mkdir(exist_ok=True)
        return folder

    def pace(self, resources_per_second: float | None) -> None:
        """Limit the speed of all operations, in resources a second; None for full speed."""
        self._call("PATCH", "", {"pace": resources_per_second})

    def fail_answer(self, method: str, status: int = 503, *, retry_after: int = 0, times: int = 1) -> None:
        """Answer the next calls of a method with an HTTP error; nothing of them is carried out.

        Parameters
        ----------
        method : str
            As in Google's reference: ``fhirStores.import``, ``operations.get``, ``operations.*``, ``*``.
        status : int
            HTTP status, from 400 to 599.
        retry_after : int
            Seconds for the header ``Retry-After``; 0 for no such header.
        times : int
            How many calls.
        """
        self._script(method, "status", status=status, retry_after=retry_after, times=times)

    def lose_answer(self, method: str, *, times: int = 1) -> None:
        """Carry out the next calls of a method, and drop the connection before the answer arrives."""
        self._script(method, "lost", times=times)

    def fail_operation(
        self,
        method: str,
        code: str | int = "UNAVAILABLE",
        message: str | None = None,
        *,
        after: int = 0,
        times: int = 1,
    ) -> None:
        """Let the next operations that a method starts end with an error.

        Parameters
        ----------
        method : str
            ``fhirStores.import``, ``datasets.deidentify``, ``*Stores.export``, ….
        code : str or int
            Of google.rpc: ``"PERMISSION_DENIED"`` or 7.
        message : str, optional
            What the error says.
        after : int
            How many units are done and committed before.
        times : int
            How many operations.
        """
        self._script(method, "error", code=_number(code), message=message, after=after, times=times)

    def hang_operation(self, method: str, *, after: int = 0, times: int = 1) -> None:
        """Let the next operations that a method starts run on until somebody cancels them.

        `after` is the number of units that are done before.
        """
        self._script(method, "hang", after=after, times=times)

    def fail_units(
        self,
        method: str,
        units: int,
        code: str | int = "INVALID_ARGUMENT",
        message: str | None = None,
        *,
        times: int = 1,
    ) -> None:
        """Let the next operations that a method starts succeed, with so many units that count as failed.

        They are in ``metadata.counter.failure`` and in the failure log. The data are complete all the same:
        an import whose input is really broken needs a broken line in its file.
        """
        self._script(method, "failures", units=units, code=_number(code), message=message, times=times)

    @property
    def to_come(self) -> list[dict[str, Any]]:
        """What was scripted and has not happened yet: ``assert not lro_service.to_come``."""
        faults: list[dict[str, Any]] = self._call("GET", "/faults")["faults"]
        return faults

    @property
    def calls(self) -> Counter[str]:
        """How often each method was called in this test: ``lro_service.calls["fhirStores.import"]``."""
        return Counter(self._call("GET", "/faults")["calls"])

    @property
    def notifications(self) -> list[dict[str, Any]]:
        """The Pub/Sub messages that stores would have sent in this test, oldest first.

        Each has ``topic`` and ``message``, a PubsubMessage with ``data`` in base64, as in
        ``notifications.ndjson`` in the data directory.
        """
        sent: list[dict[str, Any]] = self._call("GET", "/notifications")["notifications"]
        return sent

    def _script(self, method: str, what: str, **fields: object) -> None:
        given = {name: value for name, value in fields.items() if value is not None}
        self._call("POST", "/faults", {"method": method, "what": what, **given})

    def _call(self, http_method: str, path: str, body: object = None) -> dict[str, Any]:
        answer = self._control.request(http_method, f"{self.endpoint}/.lro-local{path}", json=body)
        if answer.is_error:
            raise ConfigError(answer.json()["error"]["message"])
        data: dict[str, Any] = answer.json()
        return data


def _number(code: str | int) -> int:
    """Return the number of a google.rpc code."""
    if isinstance(code, int):
        return code
    try:
        return Code[code].value
    except KeyError as error:
        raise ConfigError(
            f"{code!r} is no google.rpc code, such as UNAVAILABLE or PERMISSION_DENIED"
        ) from error
