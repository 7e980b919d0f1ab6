"""The Pub/Sub messages that changes of a store lead to, as its notification configs say. Pure.

The forms are those of Google's pages on Pub/Sub notifications of FHIR and DICOM stores and of the discovery
document. What they do not say is our guess: the attributes of HL7v2 messages, and ``lastUpdatedTime`` and
``versionId`` of DICOM instances.
"""

from __future__ import annotations

import base64
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from lro_notebook.local.operations.records import timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

#: A larger resource is told by its name alone: the limit of a Pub/Sub message.
FULL_RESOURCE_LIMIT = 10_000_000

#: The tag of Modality in DICOM JSON.
_MODALITY = "00080060"


class Change(NamedTuple):
    """Something that happened in a store.

    Attributes
    ----------
    store : str
        Full name of the store.
    config : mapping
        The store's settings.
    cause : str
        The HTTP method, or the method of the operation.
    kind : str
        What changed: ``CreateResource``, ``UpdateResource``, ``DeleteResource``, ``instance`` or ``message``.
    path : str
        Below the store: ``fhir/Patient/1``, ``dicomWeb/studies/…``, ``messages/…``.
    updated : int
        In microseconds since 1970.
    version : str
        Version of the resource.
    body : bytes
        The resource as it is, or as it was before it was deleted; the metadata of an instance.
    type : str
        Type of an HL7v2 message; storage class of an instance.
    """

    store: str
    config: Mapping[str, Any]
    cause: str
    kind: str
    path: str
    updated: int
    version: str
    body: bytes = b""
    type: str = ""


class Message(NamedTuple):
    """A message for a topic, before it is published."""

    topic: str
    data: bytes
    attributes: Mapping[str, str] | None = None


def messages_of(change: Change, matches: Callable[[str], bool]) -> list[Message]:
    """Return the messages for a change; `matches` says whether the filter of an HL7v2 config lets it pass."""
    if change.kind == "instance":
        return list(_of_instance(change))
    if change.kind == "message":
        return list(_of_message(change, matches))
    return list(_of_resource(change))


def line(message: Message, *, identifier: int, moment: int) -> bytes:
    """Return a published message as a line of JSON, without the end of the line."""
    attributes = {} if message.attributes is None else {"attributes": message.attributes}
    published = {
        **attributes,
        "data": base64.b64encode(message.data).decode(),
        "messageId": str(identifier),
        "publishTime": timestamp(moment),
    }
    return orjson.dumps({"topic": message.topic, "message": published})


def _of_resource(change: Change) -> Iterable[Message]:
    is_deletion = change.kind == "DeleteResource"
    wanted = "sendPreviousResourceOnDelete" if is_deletion else "sendFullResource"
    action = "PatchResource" if change.cause == "PATCH" and not is_deletion else change.kind
    for config in _configs(change, legacy=True):
        is_full = bool(config.get(wanted)) and 0 < len(change.body) <= FULL_RESOURCE_LIMIT
        attributes = {
            "action": action,
            "lastUpdatedTime": _http_date(change.updated),
            "payloadType": "FullResource" if is_full else "NameOnly",
            "resourceType": change.path.split("/")[1],
            "storeName": change.store,
            "versionId": change.version,
        }
        name = f"{change.store}/{change.path}".encode()
        yield Message(config["pubsubTopic"], change.body if is_full else name, attributes)


def _of_instance(change: Change) -> Iterable[Message]:
    name = f"{change.store}/{change.path}".encode()
    action = "StoreInstances" if change.cause.isupper() else change.cause  # a request, or an operation
    _, study, _, series, _, instance = change.path.removeprefix("dicomWeb/").split("/")
    modality = orjson.loads(change.body).get(_MODALITY, {}).get("Value") or [""]
    attributes = {
        "action": action,
        "lastUpdatedTime": _http_date(change.updated),
        "storeName": change.store,
        "studyInstanceUID": study,
        "seriesInstanceUID": series,
        "sopInstanceUID": instance,
        "versionId": change.version,
        "modality": str(modality[0] or ""),
        "storageClass": change.type,
    }
    for config in _configs(change, legacy=False):
        yield Message(config["pubsubTopic"], name, attributes)
    # The older form has no attributes, and tells of imports only where it is told to.
    older = change.config.get("notificationConfig", {})
    if older.get("pubsubTopic") and (action == "StoreInstances" or older.get("sendForBulkImport")):
        yield Message(older["pubsubTopic"], name)


def _of_message(change: Change, matches: Callable[[str], bool]) -> Iterable[Message]:
    name = f"{change.store}/{change.path}".encode()
    for config in _configs(change, legacy=True):
        if matches(config.get("filter", "")):
            yield Message(config["pubsubTopic"], name, {"msgType": change.type})


def _configs(change: Change, *, legacy: bool) -> Iterable[Mapping[str, Any]]:
    """Yield the configs that have a topic; with `legacy` also the one of ``notificationConfig``."""
    configs = list(change.config.get("notificationConfigs", ()))
    if legacy and "notificationConfig" in change.config:
        configs.append(change.config["notificationConfig"])
    return (config for config in configs if config.get("pubsubTopic"))


def _http_date(moment: int) -> str:
    return formatdate(moment / 1_000_000, usegmt=True).replace("GMT", "UTC")
