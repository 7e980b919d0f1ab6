"""What an operation does, and to what, by the names that it carries. Pure, and never raises.

A method is told by a field of the metadata, else by the types of metadata, response and request: most are
named after it (``BatchProcessMetadata``, ``ExportAssetsRequest``). A target is told by a field that holds the
name of a resource, else by the operation's own name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lro_notebook.operations.resource import operation_parent
from lro_notebook.operations.states import is_enum, is_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lro_notebook.operations.resource import OperationResource

_LONGEST_METHOD, _LONGEST_NAME = 80, 1000  # characters
_FIELDS = 64  # of metadata that are looked at
_COMMON = ("genericMetadata", "commonMetadata", "common")
_METHODS = ("apiMethodName", "method", "verb", "operationType", "apiMethod", "methodName", "type")
_HTTP = frozenset({"GET", "POST", "PUT"})  # these are no methods of an API
#: Parts of a type's name: what stands before the method, a version after it, and its other endings.
_BEFORE = re.compile(r"Google[A-Za-z]*?[Vv]\d[a-z0-9]*_{0,2}(?=[A-Z])")
_VERSION = re.compile(r"(?<=a)V\d\w{0,9}$")
_AFTER = ("Metadata", "Details", "Progress", "Request", "Response", "Result", "Reply")
#: Types that are named after no method.
_GENERAL = frozenset(
    {"", "Operation", "Empty", "Struct", "Any", "Value", "Location", "Common", "Generic", "Response", "Op"}
)
#: Fields that hold the name of what an operation works on, the best first, and fields that hold other names.
_TARGETS = (
    "target",
    "targetResourceName",
    "targetResource",
    "targetLink",
    "resource",
    "resourceName",
    "resourceNames",
)
_NAMES = ("database", "instance", "table", "backup", "name", "parent")
_NO_TARGET = re.compile(
    r"(?i)@type|\w*(account|kms|network|topic|template|ur[il]|stream|user|operation|notification|email|type|method)\w*"
    r"|(source|build|destination|original)\w*|\w*(version|config)id"
)
_RESOURCE = re.compile(r"(//[\w.-]+/)?[a-z][A-Za-z]*s/[^/\s]+(/[a-z][A-Za-z]*/[^/\s]+)*/?")
_ID = re.compile(r"[\w.~-]{1,200}")
_URI = re.compile(r"(gs|bq|https)://\S+")
_URIS = ("uri", "inputUri", "gcsUri", "inputUrl", "outputUri", "outputUriPrefix", "outputUrlPrefix")


def method_of(resource: OperationResource, types: Sequence[str] = ()) -> str:
    """Return what an operation does, such as ``ImportResources`` or ``create``; empty where nothing tells.

    Parameters
    ----------
    resource : OperationResource
        The operation.
    types : sequence of str
        Names of its types, where who started it knows them: of its metadata, of its response.
    """
    told, enum = next(filter(all, map(_word, _fields(resource.metadata or {}))), ("", ""))
    if told and told != enum:
        return told
    names = list(filter(None, map(_method_in, _types(resource, types))))
    if told:  # an enum of one word, beside a type that says of what: CREATE, and CreateCluster or Cluster
        noun = names[0] if names and names[0] != told else ""
        return noun if noun.startswith(told) else f"{told}{noun}"
    first = names[0] if names else ""
    return max((name for name in names if name.startswith(first)), key=len, default=first)


def _fields(metadata: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """Yield the fields that may hold the name of the method, the best first."""
    blocks = [metadata, *(block for key in _COMMON if isinstance(block := metadata.get(key), Mapping))]
    for key in _METHODS:
        for block in blocks:
            if key in block:
                yield key, block[key]


def _word(field: tuple[str, object]) -> tuple[str, str]:
    """Return the method in a field, and the same again where it is an enum of one word, else a blank.

    The method is the last word of a name, or an enum in the manner of a method's name.
    """
    key, value = field
    word = value.rpartition("/")[2].rpartition(".")[2] if isinstance(value, str) else ""
    word = word.rpartition("_TYPE_")[2]
    if not 0 < len(word) <= _LONGEST_METHOD or not word.isprintable() or word in _HTTP:
        return "", ""
    if not is_enum(word):
        return (word, " ") if key != "type" else ("", "")
    parts = word.split("_")
    if "UNSPECIFIED" in parts or (key == "type" and len(parts) == 1):
        return "", ""
    method = "".join(map(str.capitalize, parts))
    return method, method if len(parts) == 1 else " "


def _types(resource: OperationResource, types: Sequence[str]) -> Iterator[str]:
    """Yield the names of types that may be named after the method, the best first."""
    metadata, response = resource.metadata or {}, resource.response or {}
    nouns: list[str] = []
    yield _text(metadata.get("@type"))
    yield from types[:1]
    fields = [(key, value) for key, value in list(metadata.items())[:_FIELDS] if is_name(key)]
    for key, value in fields:
        if key in _COMMON or not isinstance(value, Mapping):
            continue
        if key in ("request", "originalRequest"):
            yield _text(value.get("@type"))
        elif key.endswith(("Request", "Details")):
            yield key[:1].upper() + key[1:]
        elif key.endswith("Metadata"):
            nouns.append(key[:1].upper() + key[1:])
    for name in (*types[1:], _text(response.get("@type"))):
        if name.endswith(("Response", "Result", "Reply")):
            yield name
    yield from nouns


def _method_in(name: str) -> str:
    """Return the method that a type is named after; empty where it is named after none."""
    word = re.split(r"[./]", name[-_LONGEST_NAME:])[-1]
    if not word.isidentifier() or len(word) > 2 * _LONGEST_METHOD:
        return ""
    before = _BEFORE.match(word)
    method = _VERSION.sub("", word[before.end() if before else 0 :])
    end = next((end for end in _AFTER if method.endswith(end)), "")
    method = method.removesuffix(end)
    if end == "Metadata":
        method = method.removesuffix("Response")
    method = method.removesuffix("Operation") or "Operation"
    return "" if method in _GENERAL or len(method) > _LONGEST_METHOD else method


def target_in(resource: OperationResource) -> str:
    """Return what an operation works on, by its metadata, else by its own name; empty where nothing tells."""
    items = list((resource.metadata or {}).items())[:_FIELDS]
    metadata = {key: value for key, value in items if is_name(key)}
    blocks = [metadata, *(block for key in _COMMON if isinstance(block := metadata.get(key), Mapping))]
    for key in _TARGETS:
        for block in blocks:
            value = block.get(key)
            value = value[0] if isinstance(value, list) and value else value
            if _is_text(value):
                return _unlinked(str(value))
    parent = parent_of(resource.name)
    if metadata.get("name") == resource.name:  # a job, whose name is no target
        del metadata["name"]
    response = resource.response or {}
    if response.get("name") == resource.name:
        response = {}
    own = _named(metadata) or _within(metadata) or _with_id(metadata, parent) or parent
    return own or _placed(metadata) or _placed(response)


def _unlinked(target: str) -> str:
    """Return the name of a resource in a link to it, as Compute has them; anything else as it is."""
    _, found, name = target.partition("/projects/")
    return f"projects/{name}" if found and target.startswith("https://") else target


def parent_of(name: str) -> str:
    """Return what an operation or a job belongs to by its name: what precedes ``/operations/…``."""
    parent = operation_parent(name)
    if not parent and "operations/" not in name.lower():
        parent = name.rpartition("/")[0].rpartition("/")[0]
    if name.startswith("operations/"):  # Bigtable's, which begin with it, and end with where it runs
        parent = re.sub(r"(?<=/)([^/]+/[^/]+)/locations/[^/]+$", r"\1", parent.removeprefix("operations/"))
    return parent if _is_resource(parent) else ""


def _named(block: Mapping[str, Any]) -> str:
    """Return the name of a resource in a field of a block."""
    for key in _NAMES:
        if _is_resource(block.get(key)):
            return str(block[key])
    return next(
        (value for key, value in block.items() if _is_resource(value) and not _NO_TARGET.fullmatch(key)), ""
    )


def _within(metadata: Mapping[str, Any]) -> str:
    """Return the name of a resource that metadata holds as an object, or asked for."""
    for key, value in metadata.items():
        if not isinstance(value, Mapping) or key in _COMMON:
            continue
        if _is_resource(value.get("name")):
            return str(value["name"])
        if key.lower().endswith("request"):
            place = next((value[name] for name in ("parent", *_NAMES) if _is_resource(value.get(name))), "")
            made = [(name, one) for name, one in list(value.items())[:_FIELDS] if _text(name).endswith("Id")]
            for name, one in made[:1] if place else ():
                if isinstance(one, str) and _ID.fullmatch(one):
                    return f"{place}/{name[:-2]}s/{one}"
            if place:
                return str(place)
    return ""


def _with_id(metadata: Mapping[str, Any], parent: str) -> str:
    """Return what a field such as ``clusterName`` names within the parent."""
    for key, value in metadata.items():
        noun = key.removesuffix("Name")
        named = noun != key and noun.isalpha() and noun != "display"
        if named and isinstance(value, str) and _ID.fullmatch(value) and not _NO_TARGET.fullmatch(key):
            return f"{parent}/{noun}s/{value}".lstrip("/")
    return ""


def _placed(block: Mapping[str, Any]) -> str:
    """Return the first URI that a block names, or the name of what it is."""
    if _is_resource(block.get("name")):
        return str(block["name"])
    for key in _URIS:
        value = block.get(key)
        if isinstance(value, str) and len(value) <= _LONGEST_NAME and _URI.fullmatch(value):
            return value
    return ""


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _is_text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_NAME and value.isprintable()


def _is_resource(value: object) -> bool:
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_NAME:
        return False
    return _RESOURCE.fullmatch(value) is not None and "operations/" not in value.lower()
