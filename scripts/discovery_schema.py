"""Write the small form of Google's discovery documents that the local service checks requests by.

``python scripts/discovery_schema.py`` reads the documents in google-api-python-client and writes
``lro_notebook/local/discovery/healthcare.json``; with ``--check`` it only says whether that is up to date.
A field is one line of words: ``required immutable enum VERSION_UNSPECIFIED DSTU2 …``.
"""

from __future__ import annotations

import json
import sys
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TARGET = Path(__file__).parent.parent / "lro_notebook" / "local" / "discovery" / "healthcare.json"
VERSIONS = ("v1", "v1beta1")
_PREFIX = "healthcare.projects."
_TYPES = {
    ("string", "byte"): "bytes",
    ("string", "google-datetime"): "time",
    ("string", "google-duration"): "duration",
    ("string", "google-fieldmask"): "mask",
    ("string", "int64"): "int64",
    ("string", "uint64"): "uint64",
    ("integer", "int32"): "int32",
    ("number", "double"): "double",
}
#: What the documents do not say of a field in a form that a program can read.
_FLAGS: Mapping[str, tuple[str, ...]] = {
    # Its unspecified value is "Treated as ACTIVE only at the time of resource creation".
    "Consent.state": (),
    "AttributeDefinition.category": ("required", "immutable"),
    # https://cloud.google.com/healthcare-api/docs/cmek: the key of a dataset cannot be changed.
    "Dataset.encryptionSpec": ("immutable",),
    "UserDataMapping.name": ("output",),
}


def small_form(documents: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the small form of the documents of several versions; what they share is there once."""
    schemas = {version: _schemas(document) for version, document in documents.items()}
    methods = {version: dict(_methods(document)) for version, document in documents.items()}
    first = documents[VERSIONS[0]]
    return {
        "revision": first["revision"],
        "parameters": {name: _words(spec) for name, spec in sorted(first["parameters"].items())},
        **_split("methods", methods),
        **_split("schemas", schemas),
    }


def _split(what: str, by_version: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the entries that all versions have in the same form, and those of each version."""
    one, *others = by_version.values()
    shared = {name: entry for name, entry in one.items() if all(other.get(name) == entry for other in others)}
    own = {
        version: {name: entry for name, entry in sorted(entries.items()) if name not in shared}
        for version, entries in by_version.items()
    }
    return {what: {"all": dict(sorted(shared.items())), **own}}


def _methods(resource: Mapping[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    """Yield the id of each method with its HTTP method, path, query, request and response."""
    for method in resource.get("methods", {}).values():
        query = {
            name: _words(spec)
            for name, spec in sorted(method["parameters"].items())
            if spec["location"] == "query"
        }
        yield (
            method["id"].removeprefix(_PREFIX),
            [
                method["httpMethod"],
                method["flatPath"].partition("/")[2],
                query,
                method.get("request", {}).get("$ref", ""),
                method["response"]["$ref"],
            ],
        )
    for part in resource.get("resources", {}).values():
        yield from _methods(part)


def _schemas(document: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    return {
        name: {
            field: _words(spec, f"{name}.{field}")
            for field, spec in sorted(schema.get("properties", {}).items())
        }
        for name, schema in document["schemas"].items()
    }


def _words(spec: Mapping[str, Any], name: str = "") -> str:
    flags = _FLAGS[name] if name in _FLAGS else tuple(_flags(spec))
    many = ["repeated"] if spec.get("type") == "array" or spec.get("repeated") else []
    one = spec["items"] if spec.get("type") == "array" else spec
    if "additionalProperties" in spec:
        many, one = ["map"], spec["additionalProperties"]
    return " ".join([*flags, *many, *_type(one)])


def _type(spec: Mapping[str, Any]) -> list[str]:
    if "$ref" in spec:
        return [spec["$ref"]]
    if "enum" in spec:
        return ["enum", *spec["enum"]]
    if "additionalProperties" in spec:  # a list of objects of any kind
        return ["any"]
    return [_TYPES.get((spec["type"], spec.get("format", "")), spec["type"])]


def _flags(spec: Mapping[str, Any]) -> Iterator[str]:
    said = spec.get("description", "")
    if said.startswith("Required."):
        yield "required"
    if "Immutable." in said[:40]:
        yield "immutable"
    if spec.get("readOnly") or said.startswith(("Output only.", "Identifier.")):
        yield "output"


def installed() -> dict[str, dict[str, Any]]:
    """Return the documents in the installed google-api-python-client, by version."""
    folder = resources.files("googleapiclient.discovery_cache") / "documents"
    return {version: json.loads((folder / f"healthcare.{version}.json").read_text()) for version in VERSIONS}


def text_of(form: Mapping[str, Any]) -> str:
    """Return the text of the file: an entry a line, so that a new revision shows what it changed."""
    lines = [f'"revision":{json.dumps(form["revision"])}', f'"parameters":{_line(form["parameters"])}']
    for what in ("methods", "schemas"):
        parts = [
            f'"{where}":{{\n'
            + ",\n".join(f"{json.dumps(name)}:{_line(entry)}" for name, entry in entries.items())
            + "}"
            for where, entries in form[what].items()
        ]
        lines.append(f'"{what}":{{' + ",\n".join(parts) + "}")
    return "{" + ",\n".join(lines) + "}\n"


def _line(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def main(arguments: list[str]) -> int:
    """Write or check the file; return the exit code."""
    text = text_of(small_form(installed()))
    if "--check" in arguments:
        is_same = TARGET.is_file() and TARGET.read_text() == text
        print("up to date" if is_same else f"{TARGET} differs; run this script without --check")
        return 0 if is_same else 1
    TARGET.write_text(text)
    print(f"{TARGET}: {len(text)} characters")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
