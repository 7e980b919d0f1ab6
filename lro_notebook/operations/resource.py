"""The ``google.longrunning.Operation`` resource as JSON carries it, parsed into frozen dataclasses.

Pure data: no I/O, no clock. Both the client side and the embedded service build on this wire model.
References: google/longrunning/operations.proto, google/rpc/status.proto, https://google.aip.dev/151.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Literal

from lro_notebook.errors import Code, ConfigError

#: The states that an operation can be seen in; the last three are terminal.
State = Literal["PENDING", "RUNNING", "CANCELLING", "SUCCEEDED", "FAILED", "CANCELLED"]
#: A JSON object as `json.loads` gives it.
Json = Mapping[str, Any]

_TIMESTAMP = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+-]\d{2}:\d{2})", re.ASCII
)
_INT64 = re.compile(r"[+-]?\d{1,19}", re.ASCII)
_DIGITS = 19  # of the largest int64


def parse_int64(value: object) -> int | None:
    """Return a proto3 JSON int64 (a decimal string, or a whole number) as int; None for anything else."""
    if isinstance(value, str):
        if value.isdigit() and value.isascii() and len(value) < _DIGITS:  # as services write it
            return int(value)
        return int(value) if _INT64.fullmatch(value.strip()) else None
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return None


def parse_timestamp(value: object) -> datetime | None:
    """Return an RFC 3339 timestamp as a UTC-aware datetime; None for anything else.

    0 to 9 fraction digits and any offset are read; digits past the microsecond are dropped.
    """
    if not isinstance(value, str):
        return None
    text = value.strip().upper()  # `fromisoformat` reads no "z", and other formats than this one
    if _TIMESTAMP.fullmatch(text) is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def format_timestamp(moment: datetime) -> str:
    """Return an aware `moment` as an RFC 3339 UTC timestamp with microseconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(frozen=True, slots=True)
class Status:
    """A ``google.rpc.Status``: why an operation failed.

    Attributes
    ----------
    code : int
        google.rpc code; `name` gives its name.
    message : str
        The service's own words.
    details : tuple of dict
        Typed details, each with its ``@type``.
    unknown : dict
        Fields that the schema does not know, kept as they came.

    Examples
    --------
    >>> lro.Status.from_dict({"code": 5, "message": "no such bucket"}).name
    'NOT_FOUND'
    """

    code: int = 0
    message: str = ""
    details: tuple[Json, ...] = field(default=(), repr=False)
    unknown: Json = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """The google.rpc name of `code`, such as ``"NOT_FOUND"``."""
        return Code.of(self.code).name

    @classmethod
    def from_dict(cls, data: Json) -> Status:
        """Parse a JSON object; a field of the wrong type counts as absent and is kept in `unknown`."""
        code, message, details = data.get("code"), data.get("message"), data.get("details")
        number = parse_int64(code)
        known: set[str] = set()
        if number is not None:
            known.add("code")
        if isinstance(message, str):
            known.add("message")
        if isinstance(details, list) and all(isinstance(item, Mapping) for item in details):
            known.add("details")
        return cls(
            code=Code.UNKNOWN.value if number is None else number,
            message=message if isinstance(message, str) else "",
            details=tuple(details or ()) if "details" in known else (),
            unknown={key: value for key, value in data.items() if key not in known},
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object, unknown fields included."""
        data: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.details:
            data["details"] = [dict(item) for item in self.details]
        return {**data, **self.unknown}


@dataclass(frozen=True, slots=True)
class OperationResource:
    """One snapshot of an operation, as ``operations.get`` returns it.

    When `done` is True exactly one of `error` and `response` is set. proto3 JSON may leave an empty
    response out, so ``done: true`` with neither reads as success with ``{}``.

    Attributes
    ----------
    name : str
        Server-assigned resource name, such as ``projects/…/operations/123``.
    done : bool
        True once the operation has ended.
    metadata, response : dict or None
        ``google.protobuf.Any`` objects with their ``@type``.
    error : Status or None
        Why it failed or was cancelled.
    unknown : dict
        Fields that the schema does not know, kept as they came.

    Examples
    --------
    >>> lro.OperationResource.from_dict({"name": "operations/1", "done": True}).response
    {}
    """

    name: str
    done: bool = False
    metadata: Json | None = field(default=None, repr=False)
    error: Status | None = None
    response: Json | None = field(default=None, repr=False)
    unknown: Json = field(default_factory=dict, repr=False)

    @classmethod
    def from_dict(cls, data: Json) -> OperationResource:
        """Parse the JSON object of an operation.

        Raises
        ------
        ConfigError
            `data` is no object, has no name, has a field of the wrong type, or has both an error and
            a response.
        """
        if not isinstance(data, Mapping):
            raise ConfigError(f"an operation is a JSON object, not {type(data).__name__}")
        name, done = data.get("name"), data.get("done")
        if not isinstance(name, str) or not name:
            raise ConfigError(
                "an operation needs a name, such as 'projects/…/operations/123'; this object has none"
            )
        if done is not None and not isinstance(done, bool):
            raise ConfigError(f"operation {name}: 'done' is true or false, not {type(done).__name__}")
        for key in ("metadata", "error", "response"):
            if data.get(key) is not None and not isinstance(data[key], Mapping):
                raise ConfigError(
                    f"operation {name}: {key!r} is a JSON object, not {type(data[key]).__name__}"
                )
        error, response = data.get("error"), data.get("response")
        if error is not None and response is not None:
            raise ConfigError(f"operation {name} has both an error and a response; exactly one is allowed")
        if done and error is None and response is None:
            response = {}
        return cls(
            name=name,
            done=bool(done),
            metadata=data.get("metadata"),
            error=None if error is None else Status.from_dict(error),
            response=response,
            unknown={key: value for key, value in data.items() if key not in _FIELDS},
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object as the wire carries it: absent fields left out, unknown ones kept."""
        data: dict[str, Any] = {"name": self.name}
        if self.metadata is not None:
            data["metadata"] = dict(self.metadata)
        if self.done:
            data["done"] = True
        if self.error is not None:
            data["error"] = self.error.to_dict()
        if self.response is not None:
            data["response"] = dict(self.response)
        return {**data, **self.unknown}


_FIELDS = frozenset({"name", "done", "metadata", "error", "response"})


def operation_id(name: str) -> str:
    """Return the last segment of an operation name."""
    return name.rstrip("/").rpartition("/")[2]


def operation_path(name: str) -> str:
    """Return where an operation is read; Speech names them by a number alone."""
    return name if "/" in name else f"operations/{name}"


def operation_parent(name: str) -> str:
    """Return what precedes ``/operations/…`` in a name: the parent whose operations can be listed."""
    return name.rpartition("operations/")[0].rstrip("/")


def method_title(http_method: str, path: str) -> str:
    """Return what a start request does: its custom method, or the HTTP method and the collection."""
    path = path.partition("?")[0].rstrip("/")
    custom = path.rpartition("/")[2].partition(":")[2]
    return custom or f"{http_method.lower()} {path.rpartition('/')[2]}"


def target_of(path: str) -> str:
    """Return the resource that a start request goes to, without version, query and custom method."""
    path = path.partition("?")[0].strip("/")
    head, _, rest = path.partition("/")
    path = rest if head[:1] == "v" and head[1:2].isdigit() else path
    resource, _, last = path.rpartition("/")
    return f"{resource}/{last.partition(':')[0]}".strip("/")


def project_of(name: str) -> str | None:
    """Return the project that a resource name or a path, with or without a version, begins with."""
    parts = name.strip("/").split("/")
    return next((below for above, below in pairwise(parts[:3]) if above == "projects"), None)


def listing_parent(target: str) -> str:
    """Return where the operations of `target` are listed: its dataset, else the location or project."""
    parts = target.split("/")
    for collection in ("datasets", "locations", "projects"):
        if collection in parts[:-1]:
            return "/".join(parts[: parts.index(collection) + 2])
    return target
