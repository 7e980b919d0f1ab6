"""What the discovery documents of the Healthcare API say: methods, their parameters, and schemas.

``healthcare.json`` is their small form, written by ``scripts/discovery_schema.py``; a field is a line of
words in it, such as ``required immutable enum VERSION_UNSPECIFIED DSTU2 STU3 R4 R5``.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The one schema whose body is not proto JSON: whatever the method takes and gives.
HTTP_BODY = "HttpBody"

_FLAGS = ("required", "immutable", "output")
_CAPITAL = re.compile(r"(?<=.)([A-Z])")


class Field(NamedTuple):
    """A field of a message, or a query parameter.

    Attributes
    ----------
    name : str
        Its name in JSON, such as ``timeZone``.
    type : str
        A scalar type such as ``int64``, ``time`` or ``enum``, or the name of a schema, with a capital.
    many : str
        ``repeated``, ``map`` or empty.
    values : tuple of str
        Of an enum, in the order of their numbers.
    is_required, is_immutable, is_output : bool
        Must be set; cannot be changed later; is set by the service alone.
    """

    name: str
    type: str
    many: str = ""
    values: tuple[str, ...] = ()
    is_required: bool = False
    is_immutable: bool = False
    is_output: bool = False

    @property
    def is_message(self) -> bool:
        """Whether its values are messages."""
        return self.type[0].isupper()


class Method(NamedTuple):
    """A method of the API.

    Attributes
    ----------
    id : str
        Below ``healthcare.projects``, such as ``locations.datasets.get``.
    http_method, path : str
        Such as ``GET``, and a path below the version with parameters in braces.
    query : mapping
        Name of a query parameter -> its `Field`; those that every method has are not there.
    request, response : str
        Names of schemas; empty without a body.
    """

    id: str
    http_method: str
    path: str
    query: Mapping[str, Field]
    request: str
    response: str

    @property
    def is_proto(self) -> bool:
        """Whether its bodies are proto JSON; those of FHIR and DICOMweb are not."""
        return HTTP_BODY not in (self.request, self.response) and ".fhirStores.fhir." not in self.id


class Document:
    """The discovery document of one version.

    Attributes
    ----------
    version, revision : str
        Such as ``v1``, and the date of the document it was made from.
    parameters : mapping
        Query parameters of every method.
    methods : mapping
        Id -> `Method`.
    """

    def __init__(self, version: str, form: Mapping[str, Any]) -> None:
        self.version = version
        self.revision: str = form["revision"]
        self.parameters = _fields(form["parameters"])
        self.methods = {
            identifier: Method(identifier, verb, path, _fields(query), request, response)
            for part in ("all", version)
            for identifier, (verb, path, query, request, response) in form["methods"][part].items()
        }
        self._schemas = {**form["schemas"]["all"], **form["schemas"][version]}
        self._messages: dict[str, dict[str, Field]] = {}

    def fields(self, schema: str) -> dict[str, Field]:
        """Return the fields of a message, both under their JSON names and in snake_case."""
        known = self._messages.get(schema)
        if known is None:
            fields = _fields(self._schemas[schema])
            known = self._messages[schema] = {
                **{snake(name): field for name, field in fields.items()},
                **fields,
            }
        return known


def snake(name: str) -> str:
    """Return a JSON name in snake_case, as the proto has it: ``hl7V2Store`` -> ``hl7_v2_store``."""
    return _CAPITAL.sub(r"_\1", name).lower()


@cache
def document(version: str) -> Document:
    """Return the discovery document of ``v1`` or ``v1beta1``."""
    return Document(version, _form())


@cache
def _form() -> Mapping[str, Any]:
    text = resources.files(__package__).joinpath("healthcare.json").read_bytes()
    return cast("Mapping[str, Any]", orjson.loads(text))


def _fields(specs: Mapping[str, str]) -> dict[str, Field]:
    return {name: _field(name, words.split(" ")) for name, words in specs.items()}


def _field(name: str, words: list[str]) -> Field:
    flags = set(words[: next(n for n, word in enumerate(words) if word not in _FLAGS)])
    rest = words[len(flags) :]
    many = rest.pop(0) if rest[0] in ("repeated", "map") else ""
    return Field(
        name,
        rest[0],
        many,
        tuple(rest[1:]),
        "required" in flags,
        "immutable" in flags,
        "output" in flags,
    )
