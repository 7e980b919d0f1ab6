"""From anything that `lro.watch` takes to the handle that follows it: the one place that decides.

Told from the outside in: objects that refresh themselves, then messages and JSON, then names. Google's
libraries are imported only where an object comes from them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import ConfigError
from lro_notebook.operations.adapters import api_core, job_kinds, jobs, messages
from lro_notebook.operations.operation import Operation
from lro_notebook.operations.poller import OperationPoller
from lro_notebook.operations.resource import OperationResource
from lro_notebook.operations.states import ENDED

if TYPE_CHECKING:
    from lro_notebook.operations.adapters.clients import Asker

_NAME = re.compile(r"(.+/)?\w*[oO]perations/.+")
_NUMBER = re.compile(r"\d{6,25}")  # how Speech names its operations
_LONGEST_NAME = 300  # characters of a name that a message shows
_LRO = frozenset({"done", "metadata", "response", "error"})
_FUTURE = ("done", "result", "reload", "refresh", "status", "state")


def is_many(candidate: object) -> bool:
    """Tell whether it is several: an iterable that is no operation, job, message or JSON object itself.

    Jobs of BigQuery are iterables: to iterate over one waits for its result.
    """
    if not isinstance(candidate, Iterable) or isinstance(candidate, (str, bytes, Mapping)):
        return False
    if isinstance(candidate, (list, tuple, set, frozenset)):
        return True
    return not messages.is_message(candidate) and not any(hasattr(type(candidate), name) for name in _FUTURE)


def followed(candidate: object, client: object) -> Operation:
    """Return a handle of one operation or job; see `lro_notebook.watch`.

    Parameters
    ----------
    candidate : object
        An operation, a job, a message, JSON, or a name.
    client : object or None
        What asks, where `candidate` does not itself.

    Raises
    ------
    ConfigError
        It is no operation, or nobody can be asked.
    """
    if isinstance(candidate, Operation):
        return candidate
    if isinstance(candidate, str):
        return _of_name(candidate, client)
    if isinstance(candidate, Mapping) and not messages.is_message(candidate):
        return _of_json(candidate, client)
    return _of_object(candidate, client)


def _of_object(candidate: object, client: object) -> Operation:
    """Return a handle of an object of another library."""
    if (operation := api_core.watched(candidate)) is not None:
        return operation
    if (resource := api_core.message_of(candidate)) is not None:
        return _of_resource(resource, client)
    if type(candidate).__module__.startswith("google.genai.") and hasattr(candidate, "name"):
        return _of_genai(candidate, client)
    from lro_notebook.operations.adapters import refreshable_objects

    if (operation := refreshable_objects.watched(candidate)) is not None:
        return operation
    if messages.is_message(candidate):
        return _of_json(messages.json_of(candidate), client, what=type(candidate).__name__)
    raise _no_operation(candidate)


def _no_operation(candidate: object) -> ConfigError:
    if type(candidate).__module__.startswith("googleapiclient."):
        return ConfigError(
            f"{type(candidate).__name__} is no operation: a request of google-api-python-client is sent by "
            "its execute(); watch what that returns, with client= the service"
        )
    shown = _shown(candidate) if isinstance(candidate, str) else type(candidate).__name__
    return ConfigError(
        f"{shown} is no operation: give an Operation, a full name such as projects/…/operations/123, its "
        "JSON object, an operation of google-api-core, or a job of Google's libraries"
    )


def _shown(text: str) -> str:
    """Return a text that may be a name; of any other, which may hold anybody's data, only what it is."""
    if _is_json(text):
        return f"this text of {len(text):,} characters looks like JSON (json.loads reads it), and as text it"
    return repr(text) if len(text) <= _LONGEST_NAME else f"this text of {len(text):,} characters"


def _is_json(text: str) -> bool:
    return text.lstrip("\ufeff \t\r\n")[:1] in ("{", "[")


def _asker(client: object, what: str, kind: job_kinds.Kind | None = None) -> Asker:
    from lro_notebook.operations.adapters.clients import asker_of, how_to_follow
    from lro_notebook.operations.adapters.journaling import client_for

    asking = client_for(what.partition(", ")[0]) if client is None else client
    if asking is not None:
        return asker_of(asking)
    next_step = f". {how_to_follow(kind)}" if kind else ""
    what = what if len(what) <= 2 * _LONGEST_NAME else f"{what[:_LONGEST_NAME]}… ({len(what):,} characters)"
    raise ConfigError(
        f"cannot read {what}: pass client=ds.client, say, since not exactly one client is open{next_step}"
    )


def _is_operation(name: str) -> bool:
    return (_NAME.fullmatch(name) or _NUMBER.fullmatch(name)) is not None


def _of_name(name: str, client: object) -> Operation:
    if _is_json(name):  # which may hold the name of an operation, and anybody's data
        raise _no_operation(name)
    if _is_operation(name):
        return _asker(client, name, job_kinds.kind_named(name)).operation(name, None)
    kind = job_kinds.kind_named(name)
    if kind is None:
        from lro_notebook.operations.adapters import journaling

        if not jobs.names_work(name) and not journaling.is_noted(name):
            raise _no_operation(name)
        kind = job_kinds.OTHER
    return _asker(client, f"{name}, {kind.title}", kind).job(kind, name, None)


def _of_resource(resource: OperationResource, client: object) -> Operation:
    from lro_notebook.operations.client import Client

    if resource.done and client is None and Client.only_open() is None:
        return Operation(OperationPoller(api_core.Ended(), resource))
    return _asker(client, resource.name).operation(resource.name, resource)


def _of_json(data: Mapping[str, Any], client: object, what: str = "a JSON object") -> Operation:
    """Return a handle of JSON: a google.longrunning operation, or a job."""
    if not jobs.is_job(data):
        resource = OperationResource.from_dict(data)
        if not _is_operation(resource.name) and _LRO.isdisjoint(data):
            raise ConfigError(
                f"{what} is no operation: it has a name, but no done, metadata, response, error, state or "
                "status. Give the JSON of an operation or a job, or what its service's get answers"
            )
        return _of_resource(resource, client)
    if jobs.is_standing(data):
        raise ConfigError(
            f"{what} is a resource in a state that lasts, and no work that ends: watch the operation or the "
            "job that works on it"
        )
    kind = job_kinds.kind_of(data)
    name = kind.name(data)
    if not name and client is not None:
        from lro_notebook.operations.adapters.clients import place_of

        name = kind.name({**data, "region": place_of(client)})
    outcome = jobs.outcome_in(data)
    if outcome in ENDED:
        ended = api_core.Ended((job_kinds.noun_of(kind, name),) if name else ())
        return Operation(OperationPoller(ended, jobs.resource_of(data, name or kind.title)))
    if not name:
        raise ConfigError(
            f"{what} is {kind.title} that has not ended, and does not say its full name, so no "
            "service can be asked how it goes. Watch it by its name: lro.watch('projects/…', client=…)"
        )
    if kind is job_kinds.OTHER and name.startswith("transferOperations/"):
        # A transfer run by itself is what an operation has as metadata.
        metadata = {"@type": "google.storagetransfer.v1.TransferOperation", **data}
        return _asker(client, name).operation(name, jobs.resource_of(metadata, name))
    return _asker(client, f"{name}, {kind.title}", kind).job(kind, name, data)


def _of_genai(held: Any, client: object) -> Operation:
    """Return a handle of an operation or a batch job of google-genai, which do not know their client."""
    data = messages.json_of(held)
    if data.get("done") or jobs.is_job(data):
        return _of_json(data, client, what=type(held).__name__)
    from lro_notebook.operations.adapters.clients import GenaiAsker

    if not type(client).__module__.startswith("google.genai."):
        raise ConfigError(
            f"{held.name} is an operation of google-genai, which does not know its client: "
            "lro.watch(operation, client=genai_client)"
        )
    return GenaiAsker(client).follow(held)
