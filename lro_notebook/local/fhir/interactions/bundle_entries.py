"""The entries of a Bundle to execute, read and checked; and references between them. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from lro_notebook.local.core import nesting, rawjson, resource_names
from lro_notebook.local.core.service_errors import ServiceError, invalid_argument

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: The order in which the methods of a transaction are executed, as FHIR says.
ORDER = ("DELETE", "POST", "PUT", "PATCH", "GET")
_NO_SEARCH = "a Bundle executes every interaction but searches"
_REFERENCE = re.compile(rb'("reference"\s*:\s*)("[^"\\]*(?:\\.[^"\\]*)*")')
_PATCH_TYPE = "application/json-patch+json"

Resolve = Callable[[str], "str | None"]


class Entry(NamedTuple):
    """What an entry asks for.

    Attributes
    ----------
    number : int
        Its place in the Bundle.
    method, type, id : str
        The HTTP method and the resource; `id` is empty where the service assigns or finds it.
    rest : str
        What follows the id in the address: ``_history`` or ``_history/2``.
    criteria : str or None
        The conditions that find the resource, of the address or of ``ifNoneExist``.
    full_url : str
        What other entries call the resource.
    text : bytes
        The resource, or the JSON Patch.
    headers : mapping
        ``ifMatch``, ``ifNoneMatch`` and others.
    """

    number: int
    method: str
    type: str
    id: str
    rest: str
    criteria: str | None
    full_url: str
    text: bytes
    headers: Mapping[str, Any]


def read(body: bytes, base: str) -> tuple[str, list[Entry]]:
    """Return type and entries of a Bundle; addresses in it may begin with that of the store, `base`."""
    text = body.removeprefix(b"\xef\xbb\xbf").strip()
    try:
        bundle = nesting.loads(text)
    except nesting.Unreadable as error:
        raise invalid_argument(f"the Bundle cannot be read: {error}") from error
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        raise invalid_argument("expected a Bundle, of the type transaction or batch")
    type_ = bundle.get("type")
    if type_ not in ("transaction", "batch", "history"):
        raise invalid_argument("type: a Bundle of the type transaction or batch is executed")
    listed = bundle.get("entry", [])
    if not isinstance(listed, list):
        raise invalid_argument("entry: expected a list")
    member = rawjson.member(text, "entry")
    raws = list(rawjson.elements(text, member.start)) if member is not None else []
    return str(type_), [
        _entry(number, entry, raw, base) for number, (entry, raw) in enumerate(zip(listed, raws, strict=True))
    ]


def _entry(number: int, entry: Any, raw: bytes, base: str) -> Entry:
    try:
        request = entry.get("request") if isinstance(entry, dict) else None
        if not isinstance(request, dict):
            raise invalid_argument("the entry has no request")
        method, url = request.get("method"), request.get("url")
        if method == "POST" and url is None and isinstance(entry.get("resource"), dict):
            url = entry["resource"].get("resourceType")  # a sample of Google's has no address
        if method not in ORDER or not isinstance(url, str):
            raise invalid_argument(f"request.method: expected one of {', '.join(ORDER)}, and a request.url")
        type_, identifier, rest, criteria = _address(method, url.removeprefix(base).lstrip("/"))
        if method == "POST":
            criteria = _text(request, "ifNoneExist")
        resource = rawjson.member(raw, "resource")
        if method in ("POST", "PUT", "PATCH") and not isinstance(entry.get("resource"), dict):
            raise invalid_argument("the entry has no resource")
        text = raw[resource.start : resource.end] if resource is not None else b""
        text = _patch(entry["resource"]) if method == "PATCH" else text
    except ServiceError as error:
        raise placed(error, number) from error
    full_url = _text(entry, "fullUrl") or ""
    return Entry(number, method, type_, identifier, rest, criteria, full_url, text, request)


def placed(error: ServiceError, number: int) -> ServiceError:
    """Return an error that says which entry it is about."""
    return ServiceError(error.code, f"entry[{number}]: {error.message}", status=error.status)


def _address(method: str, url: str) -> tuple[str, str, str, str | None]:
    """Return type, id, rest and criteria of an address such as ``Patient/1/_history``."""
    path, mark, query = url.partition("?")
    type_, _, below = path.strip("/").partition("/")
    identifier, _, rest = below.partition("/")
    resource_names.resource_type(type_)
    if identifier:
        resource_names.fhir_id(identifier)
    by_type = not identifier and not rest
    fits = {
        "POST": by_type and not mark,
        "GET": bool(identifier) and not mark and (not rest or rest.startswith("_history")),
    }.get(method, not rest and (bool(identifier) != bool(mark)))
    if not fits:
        reason = (
            _NO_SEARCH if method == "GET" else "expected Type, Type/id or Type?criteria, as the method needs"
        )
        raise invalid_argument(f"request.url: {reason}")
    return type_, identifier, rest, query if mark else None


def _text(fields: Mapping[str, Any], name: str) -> str | None:
    value = fields.get(name)
    if value is not None and not isinstance(value, str):
        raise invalid_argument(f"{name}: expected a text")
    return value


def _patch(resource: Any) -> bytes:
    """Return the JSON Patch in a Binary, which is how a Bundle has it."""
    kind = resource.get("contentType") if isinstance(resource, dict) else None
    data = resource.get("data") if isinstance(resource, dict) else None
    if kind != _PATCH_TYPE or not isinstance(data, str):
        raise invalid_argument(f"expected a Binary of the contentType {_PATCH_TYPE} with the patch in data")
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid_argument("the patch in data is not in base64") from error


def rewritten(text: bytes, resolve: Resolve) -> bytes:
    """Return a resource with its references resolved; one for which `resolve` has None stays as it is."""

    def one(match: re.Match[bytes]) -> bytes:
        found = resolve(orjson.loads(match[2]))
        return match[0] if found is None else match[1] + orjson.dumps(found)

    return _REFERENCE.sub(one, text)


def absolute(reference: str, full_url: str) -> Iterator[str]:
    """Yield what a reference may name: what is written, and that below the entry's own address."""
    yield reference
    if full_url.startswith("http") and ":" not in reference:
        yield f"{full_url.rstrip('/').rsplit('/', 2)[0]}/{reference}"
