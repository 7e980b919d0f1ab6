"""Objects of Google's libraries that know how to refresh themselves: jobs, tasks, extended operations.

Each is read as its own library reads it, with its credentials and transport. Nothing of theirs is called that
waits: no ``result()``, no retries.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from lro_notebook.operations.adapters import job_kinds, messages
from lro_notebook.operations.adapters.clients import follow
from lro_notebook.operations.adapters.function_source import AskedSource

if TYPE_CHECKING:
    from lro_notebook.operations.adapters.job_kinds import Json
    from lro_notebook.operations.operation import Operation

_TIMEOUT = 8.0  # seconds that a single request of another library may take
#: Methods that read an object anew and return at once, the public ones first.
_REFRESHES = ("reload", "refresh", "_sync_gca_resource")
_STATES = ("state", "status")


def watched(candidate: Any) -> Operation | None:
    """Return a handle of an object that can refresh itself; None where it is none of these."""
    if _is_extended(candidate):
        return _extended(candidate)
    if _module(candidate).startswith("ee.") and callable(getattr(candidate, "status", None)):
        return _earth_engine(candidate)
    refresh = next((each for name in _REFRESHES if callable(each := getattr(candidate, name, None))), None)
    if refresh is None or not any(
        hasattr(type(candidate), name) or name in _own(candidate) for name in _STATES
    ):
        return None
    return _refreshed(candidate, refresh)


def _module(candidate: object) -> str:
    return f"{type(candidate).__module__}."


def _own(candidate: object) -> Mapping[str, Any]:
    return getattr(candidate, "__dict__", {})


def _is_extended(candidate: object) -> bool:
    return any(base.__module__ == "google.api_core.extended_operation" for base in type(candidate).__mro__)


def _once(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method of theirs that makes a single request with a short timeout."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return function
    arguments: dict[str, Any] = {}
    takes_any = any(each.kind is each.VAR_KEYWORD for each in parameters.values())
    if "timeout" in parameters or takes_any:
        arguments["timeout"] = _TIMEOUT
    if "retry" in parameters or takes_any:
        arguments["retry"] = None
    return partial(function, **arguments)


def _lane(held: object) -> str:
    """Return whom an object asks, as far as it tells: its client, or itself."""
    client = next(
        (found for name in ("client", "_client", "api_client") if (found := _own(held).get(name))), None
    )
    return f"{type(held).__module__.partition('.')[0]} {id(client or held)}"


def _extended(operation: Any) -> Operation:
    """Follow an operation of Compute and its kind (`google.api_core.extended_operation`)."""
    refresh, cancel = _once(operation._refresh), operation._cancel  # noqa: SLF001 - its done() retries

    def read() -> Json:
        message = operation._extended_operation  # noqa: SLF001 - it has no public name
        if not message.done:
            message = operation._extended_operation = refresh()  # noqa: SLF001
            operation._handle_refreshed_operation()  # noqa: SLF001 - so that its result() knows, too
        return _extended_json(operation, message)

    first = _extended_json(operation, operation._extended_operation)  # noqa: SLF001
    name = job_kinds.kind_of(first).name(first) or str(operation.name)
    stop = cancel if not _is_noop(cancel) else None
    source = AskedSource(
        name,
        read,
        stop,
        lane=_lane(operation),
        what="an operation of Compute Engine",
        service="https://compute.googleapis.com" if first.get("selfLink") else "",
    )
    return follow(source, name, first)


def _extended_json(operation: Any, message: Any) -> Json:
    """Return the JSON of an extended operation, also of a type whose fields are called otherwise."""
    data = dict(messages.json_of(message)) if messages.is_message(message) else {}
    status = getattr(operation, "status", None)
    word = str(getattr(status, "name", status)).upper()
    data |= {"name": str(operation.name), "status": "DONE" if message.done is True else word}
    code, text = getattr(operation, "error_code", None), getattr(operation, "error_message", None)
    if (code or text) and "error" not in data:
        data["error"] = {"code": int(code or 0) or None, "message": str(text or "")}
    return data


def _is_noop(cancel: Any) -> bool:
    """Tell whether nothing is behind a cancel, as Google's clients for Compute have it."""
    return getattr(cancel, "__name__", "") == "<lambda>"


def _earth_engine(task: Any) -> Operation:
    """Follow a task of the Earth Engine library."""
    first = task.status()
    name = str(first.get("name") or f"operations/{task.id}")
    source = AskedSource(name, task.status, task.cancel, lane="earthengine", what="an Earth Engine task")
    return follow(source, name, first)


def _refreshed(held: Any, refresh: Callable[..., Any]) -> Operation:
    """Follow an object by its refresh and its words: a job of BigQuery or Vertex AI, and others like it."""
    once = _once(refresh)

    def read() -> Json:
        once()
        return _json_of(held)

    first = _json_of(held)
    kind = job_kinds.kind_of(first)
    name = kind.name(first) or _name_of(held)
    cancel = getattr(held, "cancel", None)
    source = AskedSource(
        name,
        read,
        _once(cancel) if callable(cancel) else None,
        lane=_lane(held),
        what=kind.title,
        types=(type(held).__name__,),
        service=f"https://{kind.host}.googleapis.com" if kind.host else "",
    )
    return follow(source, name, first or None)


def _name_of(held: Any) -> str:
    names = (getattr(held, key, None) for key in ("resource_name", "name", "id", "job_id"))
    return next((name for name in names if isinstance(name, str) and name), type(held).__name__)


def _json_of(held: Any) -> dict[str, Any]:
    """Return what an object holds: its JSON, its message, or its own words for state, error and times."""
    properties = _own(held).get("_properties")  # BigQuery's
    if isinstance(properties, Mapping) and "status" in properties:
        return dict(properties)
    message = _own(held).get("_gca_resource")  # Vertex AI's
    if messages.is_message(message) and (data := messages.json_of(message)).get("state"):
        return dict(data)
    if messages.is_message(held):
        return dict(messages.json_of(held))
    state = next((value for key in _STATES if (value := getattr(held, key, None)) is not None), "")
    state = state() if callable(state) else state
    if isinstance(state, Mapping):
        return dict(state)
    data = {
        **(dict(properties) if isinstance(properties, Mapping) else {}),
        "state": str(getattr(state, "name", state)).upper(),
    }
    error = getattr(held, "error_result", None) or getattr(held, "error", None)
    if isinstance(error, Mapping):
        data["error"] = dict(error)
    elif messages.is_message(error):
        data["error"] = dict(messages.json_of(error))
    elif error:
        data["error"] = {"message": str(error)}
    return data
