"""What can be given as ``client=``, and how operations and jobs are asked for with it.

A `Client`; a service of google-api-python-client, whose own credentials and connections are used; a client of
Google's generated libraries; a client of google-genai. Each becomes an `Asker`.
"""

from __future__ import annotations

import inspect
import re
import typing
import weakref
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import httpx

from lro_notebook.errors import ConfigError
from lro_notebook.http import addresses, auth
from lro_notebook.operations.adapters import job_kinds, messages, rest_cancel
from lro_notebook.operations.adapters.function_source import AskedSource, interpreted
from lro_notebook.operations.adapters.service_transport import ServiceTransport
from lro_notebook.operations.client import Client
from lro_notebook.operations.operation import Operation
from lro_notebook.operations.poller import OperationPoller
from lro_notebook.operations.resource import operation_path

if TYPE_CHECKING:
    from lro_notebook.operations.adapters.job_kinds import Json, Kind
    from lro_notebook.operations.resource import OperationResource

_TIMEOUT = 8.0  # seconds that a single request of another library may take
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class Asker(Protocol):
    """Asks for operations and jobs."""

    def operation(self, name: str, resource: OperationResource | None) -> Operation:
        """Return a handle of operation `name`, which may be known already."""

    def job(self, kind: Kind, name: str, data: Json | None) -> Operation:
        """Return a handle of a job, whose JSON may be known already."""


def asker_of(client: object) -> Asker:
    """Return what asks with `client`.

    Raises
    ------
    ConfigError
        Nothing can be asked with it.
    """
    if isinstance(client, Client):
        return OwnAsker(client)
    if isinstance(client, type):
        raise ConfigError(
            f"client= is the class {client.__name__}: make a client of it, {client.__name__}(…)"
        )
    if hasattr(client, "_baseUrl") and hasattr(client, "_http"):  # a Resource of googleapiclient
        return OwnAsker(_borrowed(client))
    if f"{type(client).__module__}.".startswith("google.genai."):
        return GenaiAsker(client)
    if type(client).__name__.endswith("AsyncClient"):
        raise ConfigError(
            f"{type(client).__name__} is asynchronous: give the client of the same name without 'Async', or "
            "watch the operation that it returned"
        )
    if hasattr(client, "transport") or hasattr(client, "get_operation"):
        return GapicAsker(client)
    raise ConfigError(
        f"client= is of type {type(client).__name__}, which cannot be asked for operations: give an "
        "lro.Client, a service of google-api-python-client, or a client of one of Google's libraries"
    )


def follow(
    source: AskedSource, name: str, data: Json | OperationResource | None, client: Any = None
) -> Operation:
    """Return a handle that is followed with `source`; it is asked once where nothing is known yet."""
    known = interpreted(data, name) if isinstance(data, Mapping) else data
    return Operation(OperationPoller(source, source.get() if known is None else known), client=client)


class OwnAsker:
    """Asks with a `Client`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def operation(self, name: str, resource: OperationResource | None) -> Operation:
        """Return its handle; a name alone is asked for."""
        kind = job_kinds.kind_named(name)
        if resource is None and kind is not None and kind.host in self._client.endpoint:
            return self.job(kind, name, None)
        return self._client.get(operation_path(name)) if resource is None else self._client.attach(resource)

    def job(self, kind: Kind, name: str, data: Json | None) -> Operation:
        """Return its handle."""
        client, session = self._client, self._client.session
        self._check(kind, name)
        path = self._path(job_kinds.path_of(kind, name, data or {}))
        params = job_kinds.query_of(data or {})
        method, _, place = kind.cancel.partition(" ")
        stop = partial(
            session.call, method, place.format(path), role="read", json=job_kinds.body_of(kind), params=params
        )
        source = AskedSource(
            name,
            partial(session.call, "GET", path, role="poll", params=params),
            stop if kind.cancel else None,
            lane=session.endpoint,
            what=kind.title,
            types=(job_kinds.noun_of(kind, name),),
        )
        return follow(source, name, data, client)

    def _path(self, path: str) -> str:
        """Return `path` below what the endpoint's own address has of it already."""
        base = httpx.URL(self._client.endpoint).path.strip("/")
        path = path.removeprefix(f"{base}/") if base else path
        version = self._client.session.version
        return re.sub(r"^v\d\w*(?=/)", version, path) if self._client.borrowed else path

    def _check(self, kind: Kind, name: str) -> None:
        """Refuse to ask one service of Google for a job of another."""
        addresses.checked(name, what="name")
        host = httpx.URL(self._client.endpoint).host
        word = host.partition(".")[0]
        if kind.host and self._client.is_local:
            raise ConfigError(
                f"{name} is {kind.title}, and the open client is of the local service. {how_to_follow(kind)}"
            )
        if kind.host and host.endswith(".googleapis.com") and word != "www" and kind.host not in word:
            raise ConfigError(f"{name} is {kind.title}, and this client asks {host}. {how_to_follow(kind)}")


def place_of(client: Any) -> str:
    """Return the region in the address of a client: one of Dataproc's has one, which its jobs do not name."""
    transport = getattr(client, "transport", None)
    address = (
        getattr(client, "endpoint", "") or getattr(client, "_baseUrl", "") or getattr(transport, "host", "")
    )
    match = re.search(r"\b([a-z]+-[a-z]+\d+)-\w+\.", str(address))
    return match[1] if match else ""


def how_to_follow(kind: Kind) -> str:
    """Return the next step for a job that nobody can be asked about."""
    host = f"https://{kind.host}.googleapis.com" if kind.host else "https://….googleapis.com"
    return (
        f'Follow it with lro.watch(…, client=lro.Client("{host}")), or with client= the service of '
        "google-api-python-client or the client of Google's library that it came from"
    )


class _Borrowed(Client):
    """A `Client` that stands for a service of google-api-python-client."""

    borrowed: ClassVar[bool] = True


_clients: weakref.WeakKeyDictionary[Any, Client] = weakref.WeakKeyDictionary()


def _borrowed(service: Any) -> Client:
    """Return the client that sends over the connections, and with the credentials, of `service`.

    Raises
    ------
    ConfigError
        The credentials may not go where the service is.
    """
    known = _clients.get(service)
    if known is not None and not known.closed:
        return known
    address = str(service._baseUrl).rstrip("/")  # noqa: SLF001 - it has no public name
    description = getattr(service, "_rootDesc", None) or {}
    version = str(description.get("version") or "v1")
    if addresses.VERSION.fullmatch(address.rpartition("/")[2]) is None and addresses.VERSION.fullmatch(
        version
    ):
        address = f"{address}/{version}"
    http = service._http  # noqa: SLF001 - as above
    credentials = getattr(http, "credentials", None)
    if credentials is not None and not auth.may_go(credentials, httpx.URL(address)):
        raise ConfigError(f"the credentials of this service may not go to {address}; they are Google's")
    from google.auth.credentials import AnonymousCredentials

    client = _Borrowed(address, credentials=AnonymousCredentials(), transport=ServiceTransport(http))
    _clients[service] = client
    return client


class GapicAsker:
    """Asks with a client of Google's generated libraries, such as ``SpeechClient``."""

    def __init__(self, client: Any) -> None:
        self._client = client
        transport = getattr(client, "transport", None)
        self._lane = f"google-api-core {id(transport or client)}"
        host = str(getattr(transport, "host", "") or "").removesuffix(":443")
        self._service = f"https://{host}" if host and "://" not in host else host

    def operation(self, name: str, resource: OperationResource | None) -> Operation:
        """Return its handle."""
        getter, canceller = self._operations(name)
        stop = None if canceller is None else partial(self._cancel, canceller, name)
        source = AskedSource(
            name, partial(self._read, getter, name), stop, lane=self._lane, service=self._service
        )
        return follow(source, name, resource)

    def job(self, kind: Kind, name: str, data: Json | None) -> Operation:
        """Return its handle."""
        collection = name.split("/")[-2] if "/" in name else ""
        noun = _CAMEL.sub("_", collection).lower()
        noun = noun.removesuffix("es") if noun.endswith("ches") else noun.removesuffix("s")
        getter = getattr(self._client, f"get_{noun}", None) or getattr(self._client, "get", None)
        if getter is None:
            raise ConfigError(
                f"{name} is {kind.title}, and a {type(self._client).__name__} does not read these. "
                f"{how_to_follow(kind)}"
            )
        canceller = getattr(self._client, f"cancel_{noun}", None)
        stop = None if canceller is None else partial(self._call, canceller, name)
        source = AskedSource(
            name,
            partial(self._read, getter, name),
            stop,
            lane=self._lane,
            what=kind.title,
            types=(job_kinds.noun_of(kind, name),),
            service=self._service,
        )
        return follow(source, name, data)

    def _operations(self, name: str) -> tuple[Callable[..., Any], Callable[..., Any] | None]:
        """Return what reads operations, and what cancels them."""
        transport = getattr(self._client, "transport", None)
        for holder in (getattr(transport, "operations_client", None), self._client):
            getter = getattr(holder, "get_operation", None)
            if callable(getter):
                return getter, getattr(holder, "cancel_operation", None)
        if callable(getter := getattr(self._client, "get", None)):  # Compute's
            return getter, None
        raise ConfigError(
            f"{name} cannot be read with a {type(self._client).__name__}, which has no get_operation: give "
            "the client that started it, or an lro.Client of its service"
        )

    def _read(self, getter: Callable[..., Any], name: str) -> Json:
        return messages.json_of(self._call(getter, name))

    def _cancel(self, canceller: Callable[..., Any], name: str) -> None:
        with rest_cancel.possible(canceller, name):
            self._call(canceller, name)

    def _call(self, method: Callable[..., Any], name: str) -> Any:
        """Call a method of the client for `name`, as a whole or in the parts that it takes."""
        parameters = inspect.signature(method).parameters
        arguments: dict[str, Any] = {"timeout": _TIMEOUT} if "timeout" in parameters else {}
        if "retry" in parameters:
            arguments["retry"] = None
        taken = [key for key in parameters if key not in ("request", "retry", "timeout", "metadata", "self")]
        place = name.replace("/zones/", "/locations/") if "zone" in taken else name  # GKE's names
        in_parts = any(key == "id" or key.endswith("_id") for key in taken)
        if "name" in taken and ("/locations/" in place or not in_parts):
            return method(name=place, **arguments)
        if not taken and "request" in parameters:
            fields = _fields(parameters["request"].annotation)
            return method(
                _parts(name, fields) if fields and "name" not in fields else {"name": name}, **arguments
            )
        return method(**_parts(name, taken), **arguments)


def _fields(annotation: Any) -> list[str]:
    """Return the fields of the request that a method takes, by its annotation."""
    metas = (getattr(each, "meta", None) for each in typing.get_args(annotation))
    return [field for meta in metas if meta is not None for field in meta.fields]


def _parts(name: str, taken: list[str]) -> dict[str, str]:
    """Return the ids in a full name by the parameters that a method takes: ``project``, ``job_id``."""
    segments = name.split("/")
    found = {
        collection.removesuffix("s"): value
        for collection, value in zip(segments[::2], segments[1::2], strict=False)
    }
    parts: dict[str, str] = {}
    for key in taken:
        noun = key.removesuffix("_id")
        value = (
            segments[-1]
            if key == "id"
            else found.get(noun) or found.get({"location": "region", "region": "location"}.get(noun, ""))
        )
        if value is not None:
            parts[key] = value
    return parts


#: What a client of google-genai has to read jobs with, by their collection.
_GENAI = {"batches": "batches", "batchPredictionJobs": "batches", "tuningJobs": "tunings", "files": "files"}


class GenaiAsker:
    """Asks with a ``google.genai.Client``."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def operation(self, name: str, resource: OperationResource | None) -> Operation:
        """Return its handle."""
        from google.genai import types

        return self.follow(types.GenerateVideosOperation(name=name), resource)

    def follow(self, held: Any, resource: OperationResource | None = None) -> Operation:
        """Return a handle of an operation of google-genai, which is read with its client."""
        name = str(held.name)
        source = AskedSource(
            name, lambda: messages.json_of(self._client.operations.get(held)), None, lane=self._lane
        )
        return follow(source, name, resource or messages.json_of(held))

    def job(self, kind: Kind, name: str, data: Json | None) -> Operation:
        """Return its handle."""
        holder = getattr(self._client, _GENAI.get(f"/{name}".split("/")[-2], ""), None)
        if holder is None:
            raise ConfigError(f"{name} is {kind.title}, and a client of google-genai does not read these")
        stop = getattr(holder, "cancel", None)
        source = AskedSource(
            name,
            lambda: messages.json_of(holder.get(name=name)),
            None if stop is None else partial(stop, name=name),
            lane=self._lane,
            what=kind.title,
            types=(job_kinds.noun_of(kind, name),),
        )
        return follow(source, name, data)

    @property
    def _lane(self) -> str:
        return f"google-genai {id(self._client)}"
