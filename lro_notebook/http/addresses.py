"""Addresses: the path of every request is put together here, from segments that were checked.

HTTP libraries and servers fold ``.`` and ``..``, cut at ``?`` and ``#``, and decode ``%``: an id with one of
these would make the request another one, such as the deletion of what lies above. So each id is held against
the grammar that the API gives for its kind, and each path, whoever made it, against the one of all names.
Pure: nothing here sends anything.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl

from lro_notebook.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    Params = Mapping[str, str | int]


class Grammar(NamedTuple):
    """What an id of one kind may be."""

    pattern: re.Pattern[str]
    says: str

    def allows(self, value: object) -> bool:
        """Tell whether `value` may be such an id; one of dots alone never is."""
        return isinstance(value, str) and value.strip(".") != "" and self.pattern.fullmatch(value) is not None


_PLACE = Grammar(
    re.compile(r"[A-Za-z0-9][A-Za-z0-9:._-]{0,127}"),
    "is not 1 to 128 letters, digits, '-', '.', '_' or ':', with a letter or digit first",
)
#: ``[\p{L}\p{N}_\-\.]{1,256}`` in the discovery document; letters and digits of any script.
_NAMED = Grammar(re.compile(r"[\w.-]{1,256}"), "is not 1 to 256 letters, digits, '_', '-' or '.'")
_GIVEN = Grammar(
    re.compile(r"[A-Za-z0-9_.=+~-]{1,256}"), "is not 1 to 256 letters, digits, '_', '-', '.', '=', '+' or '~'"
)
_FHIR_ID = Grammar(re.compile(r"[A-Za-z0-9.-]{1,64}"), "is not 1 to 64 letters, digits, '-' or '.'")
_UID = Grammar(
    re.compile(r"(?=.{1,64}\Z)[0-9]+(?:\.[0-9]+)*"),
    "is no UID: numbers with dots between them, up to 64 characters",
)

#: Kind of id -> its grammar.
GRAMMARS: Mapping[str, Grammar] = {
    "project": _PLACE,
    "location": _PLACE,
    "dataset": _NAMED,
    "store": _NAMED,
    "attribute definition": Grammar(
        re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,255}"),
        "is not 1 to 256 letters, digits or '_', with no digit first",
    ),
    "operation": _GIVEN,
    "export": _GIVEN,
    "message": _GIVEN,
    "group": _FHIR_ID,
    "resource": _FHIR_ID,
    "version": _FHIR_ID,
    "resource type": Grammar(re.compile(r"[A-Z][A-Za-z]{0,63}"), "is no word such as Patient"),
    "study": _UID,
    "series": _UID,
    "instance": _UID,
}

#: A segment of any Google API's names: ``example.com:project``, ``(default)``, ``$export``, ``123:cancel``.
_SEGMENT = re.compile(r"[\w.~:@=+$()!*',-]{1,1024}")
_DOTS = re.compile(r"\.*(:.*)?")  # with what may be a custom method behind
_LONGEST = 4096
#: What a path may start with: ``v1``, ``v1beta1``, ``v1p1beta1``.
VERSION = re.compile(r"v\d+((alpha|beta|b|p\d+beta|p\d+alpha)\d*)?(eap)?(main)?")
_DATASET = re.compile(r"projects/([^/]*)/locations/([^/]*)/datasets/([^/]*)")
_QUERY = re.compile(r"[A-Za-z_$][\w.$-]*=[^&/?#\\%:\s]*", re.ASCII)
_ENDPOINT = re.compile(
    r"https?://(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?(/[^?#]*)?", re.ASCII | re.IGNORECASE
)
_PORTS = 65535
_SHOWN = 80


def shown(value: object) -> str:
    """Return `value` as a message may show it: quoted, and cut where it is long."""
    text = value if isinstance(value, str) else type(value).__name__
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")


def endpoint(text: object) -> str:
    """Return the address of a service, without a slash at its end.

    Raises
    ------
    ConfigError
        It is none, or holds more than scheme, host, port and path. What may be a password or a key is not
        repeated.
    """
    address = text.rstrip("/") if isinstance(text, str) else ""
    if "@" in address:
        raise ConfigError(
            "the endpoint holds an '@', as addresses with a user and a password do; leave these out and give "
            "a token or credentials as credentials="
        )
    if "?" in address or "#" in address:
        raise ConfigError(
            f"endpoint {shown(re.split('[?#]', address)[0])} goes on with a query or a fragment, which is "
            "not shown here; give the address alone"
        )
    match = _ENDPOINT.fullmatch(address)
    if match is None or len(address) > _LONGEST or int(match[1] or 0) > _PORTS:
        raise ConfigError(
            f"endpoint {shown(text)} is no http(s) address, such as https://healthcare.googleapis.com"
        )
    if match[2]:
        checked(match[2], what="path of the endpoint")
    return address


def segment(value: object, kind: str, *, what: str | None = None) -> str:
    """Return `value` if it can be an id of this `kind`; see `GRAMMARS`.

    Parameters
    ----------
    value : str
        What the caller or a service gave.
    kind : str
        A kind of `GRAMMARS`.
    what : str, optional
        What the message calls it; `kind` by default.

    Raises
    ------
    ConfigError
        It cannot be; the message says what can.
    """
    grammar = GRAMMARS[kind]
    if not grammar.allows(value):
        raise ConfigError(f"{what or kind} id {shown(value)} {grammar.says}; give it as the service names it")
    return str(value)


def join(*parts: object, verb: str = "") -> str:
    """Return the path of `parts`, names and ids that were checked, followed by a custom method.

    Raises
    ------
    ConfigError
        The whole is not a path, see `checked`.
    """
    if not all(isinstance(part, str) for part in parts):
        return checked(next(part for part in parts if not isinstance(part, str)))
    return checked("/".join(map(str, parts)) + (f":{verb}" if verb else ""))


def child(parent: str, collection: str, value: object, kind: str) -> str:
    """Return the full name of what `value` names under `parent`: by its id, or by that full name.

    Raises
    ------
    ConfigError
        It cannot be an id, or it is a name under another parent.
    """
    head = f"{parent}/{collection}/"
    identifier = value.removeprefix(head) if isinstance(value, str) else value
    if isinstance(identifier, str) and "/" in identifier:
        raise ConfigError(
            f"{shown(value)} is no {kind} of {parent}; give its id, or connect to its own dataset"
        )
    return head + segment(identifier, kind)


def dataset(name: object) -> tuple[str, str]:
    """Return the parent and the id of a dataset by its full name.

    Raises
    ------
    ConfigError
        `name` is no full name of a dataset.
    """
    match = _DATASET.fullmatch(name) if isinstance(name, str) else None
    if match is None:
        raise ConfigError(
            f"dataset {shown(name)} is no full name, such as "
            "projects/my-project/locations/us-central1/datasets/my-dataset"
        )
    for kind, value in zip(("project", "location", "dataset"), match.groups(), strict=True):
        if not GRAMMARS[kind].allows(value):
            raise ConfigError(
                f"dataset {shown(name)} is no full name of a dataset: its {kind} id {shown(value)} "
                f"{GRAMMARS[kind].says}"
            )
    project, location, identifier = match.groups()
    return f"projects/{project}/locations/{location}", identifier


def store(name: str, collection: str) -> str:
    """Return `name` if it is the full name of a store in a `collection`, such as ``fhirStores``.

    Raises
    ------
    ConfigError
        It is not.
    """
    place, _, identifier = name.rpartition(f"/{collection}/")
    if not place:
        raise ConfigError(f"{shown(name)} is no full name of a store: projects/…/datasets/d/{collection}/s")
    dataset(place)
    segment(identifier, "store")
    return name


def fhir_version(name: object, store: str) -> str:
    """Return the full name of a version of a resource, ``{type}/{id}/_history/{version}``, in a FHIR store.

    Raises
    ------
    ConfigError
        `name` is neither that nor such a full name of another store.
    """
    text = name if isinstance(name, str) else ""
    head, fhir, tail = text.rpartition("/fhir/")
    parts = tail.split("/")
    kinds = ("resource type", "resource", None, "version")
    if len(parts) != len(kinds) or parts[2] != "_history":
        raise ConfigError(
            f"{shown(name)} is no version of a resource, such as Consent/{{id}}/_history/{{version}}"
        )
    for value, kind in zip(parts, kinds, strict=True):
        if kind is not None:
            segment(value, kind)
    return join(head if fhir else store, "fhir", tail)


def operation(name: object) -> str:
    """Return `name` if it can be the name of an operation, of any Google API, with or without a version.

    Raises
    ------
    ConfigError
        It cannot be.
    """
    return checked(name, what="operation")


def operations(parent: str) -> str:
    """Return the path where the operations under `parent` are listed; empty for APIs that have no parents."""
    return "operations" if parent == "" else join(checked(parent, what="parent"), "operations")


def record(name: object) -> str:
    """Return `name` if it is that of an operation and of nothing else, so that its record may be deleted.

    Raises
    ------
    ConfigError
        It names something else, or nothing.
    """
    path = operation(name)
    *parents, _ = path.split("/")
    if parents and VERSION.fullmatch(parents[0]):
        del parents[0]
    # Right before the id, or at the head: anywhere else it may be the id of something else.
    if "/" in path and "operations" not in (*parents[:1], *parents[-1:]):
        raise ConfigError(
            f"{shown(name)} is no operation, such as projects/…/operations/123, so it is not deleted here; "
            "store.delete() and ds.delete() delete stores and datasets"
        )
    return path


def request(path: object, params: Params | None = None) -> tuple[str, Params]:
    """Return the path and the query of a request whose `path` may carry a simple query, as ``…?a=b&c=d``.

    Raises
    ------
    ConfigError
        The path is not valid, or what follows its ``?`` is not names with plain values.
    """
    if not isinstance(path, str) or "?" not in path:
        return checked(path), params or {}
    head, _, query = path.partition("?")
    if not all(map(_QUERY.fullmatch, query.split("&"))):
        raise ConfigError(
            f"path {shown(path)} holds a '?', which starts a query, but what follows is none of plain "
            "name=value; give the query as params={'name': value}"
        )
    return checked(head), {**dict(parse_qsl(query, keep_blank_values=True)), **(params or {})}


def checked(path: object, *, what: str = "path") -> str:
    """Return `path`, without a slash in front, if a request to it goes there and nowhere else.

    Raises
    ------
    ConfigError
        It is empty or too long, or one of its segments is: nothing, ``.`` or ``..``, or has characters that
        names of Google APIs do not have.
    """
    text = path.removeprefix("/") if isinstance(path, str) else ""
    if not text or len(text) > _LONGEST:
        raise ConfigError(
            f"{what} {shown(path)} is no name of at most {_LONGEST} characters, such as operations/123"
        )
    for part in text.split("/"):
        if _SEGMENT.fullmatch(part) is None or _DOTS.fullmatch(part):
            raise ConfigError(
                f"{what} {shown(path)} would not be asked for as it is written: its part {shown(part)} is "
                "empty, dots alone, too long, or has characters that no name has (such as ? # % \\ and "
                "spaces); give the name as the service gives it"
            )
    return text
