"""Messages of Google's libraries as the JSON that REST carries: protobuf, proto-plus, pydantic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lro_notebook import forking

if TYPE_CHECKING:
    from lro_notebook.operations.adapters.job_kinds import Json

_PROTO_PLUS, _PROTOBUF = "proto.message", "google.protobuf."
_LRO = "google.longrunning.Operation"


def is_message(candidate: object) -> bool:
    """Tell whether it is a message of one of the three kinds; imports nothing."""
    modules = [base.__module__ for base in type(candidate).__mro__]
    if any(module == _PROTO_PLUS or module.startswith((_PROTOBUF, "google._upb")) for module in modules):
        return True
    return callable(getattr(candidate, "model_dump", None)) and "pydantic.main" in modules


def json_of(message: Any) -> Json:
    """Return the JSON of a message; of anything else an empty object.

    An operation's metadata and response are unpacked where this process knows their types.
    """
    if isinstance(message, Mapping) and not is_message(message):  # a Struct is both
        return message
    if callable(getattr(message, "model_dump", None)):
        dumped: dict[str, Any] = message.model_dump(mode="json", by_alias=True, exclude_none=True)
        return dumped
    if any(base.__module__ == _PROTO_PLUS for base in type(message).__mro__):
        message = type(message).pb(message)
    descriptor = getattr(message, "DESCRIPTOR", None)
    if descriptor is None:
        return {}
    if descriptor.full_name == _LRO:
        from lro_notebook.operations.adapters.api_core import resource_of

        return resource_of(message).to_dict()
    with forking.undivided():
        from google.protobuf.json_format import MessageToDict

    data: Any = MessageToDict(message)
    return data if isinstance(data, dict) else {}  # a Timestamp is a text
