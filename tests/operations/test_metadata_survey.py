"""The readers on every operation metadata of Google's published API descriptions."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import googleapiclient

from lro_notebook import OperationResource, Progress
from lro_notebook.operations.verb_and_target import method_of, target_in

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENTS = Path(googleapiclient.__file__).parent / "discovery_cache" / "documents"
NAME, RESOURCE, TIME = "projects/p/locations/l/operations/1", "projects/p/things/t", "2026-03-04T09:00:00Z"
_ABOUT_THE_OPERATION = re.compile(
    r"(?i).*(request was received|"
    r"(operation|request|job|rollout|work|export|artifact).*(creat|start|submitted|began|begin))"
)


class Kind(NamedTuple):
    """The metadata of one method in one version of an API."""

    api: str
    name: str
    schema: dict[str, Any]
    schemas: dict[str, Any]


@cache
def kinds() -> list[Kind]:
    return list(_kinds())


def _kinds() -> Iterator[Kind]:
    for path in sorted(DOCUMENTS.glob("*.json")):
        text = path.read_text(encoding="utf-8")
        if '"done"' not in text:
            continue
        document = json.loads(text)
        schemas = document.get("schemas", {})
        if not any(
            {"name", "done", "metadata"} <= set(each.get("properties", {})) for each in schemas.values()
        ):
            continue
        used = set(re.findall(r'"\$ref": "(\w+)"', text))
        for name, schema in schemas.items():
            if "Metadata" in name and name not in used and "Location" not in name:
                yield Kind(path.stem, name, schema, schemas)


def filled(kind: Kind, schema: dict[str, Any] | None = None, depth: int = 0) -> dict[str, Any]:
    """Return a body with every field of a schema."""
    fields = (kind.schema if schema is None else schema).get("properties", {})
    return {key: _value(kind, field, depth) for key, field in fields.items()}


def _value(kind: Kind, field: dict[str, Any], depth: int) -> Any:
    if "$ref" in field:
        return filled(kind, kind.schemas.get(field["$ref"], {}), depth + 1) if depth < 3 else {}
    if field.get("format") == "google-datetime":
        return TIME
    if "enum" in field:
        return field["enum"][-1]
    values: dict[str, Any] = {
        "integer": 7,
        "number": 7.0,
        "boolean": False,
        "string": "7" if "format" in field else RESOURCE,
    }
    if field.get("type") == "array":
        return [_value(kind, field.get("items", {}), depth + 1)] if depth < 3 else []
    return values.get(str(field.get("type")), {})


def test_there_is_something_to_survey() -> None:
    assert len(kinds()) > 1_500
    assert len({kind.api.partition(".")[0] for kind in kinds()}) > 100


def test_a_time_that_is_told_is_found() -> None:
    """Whatever the description says to be when the operation was requested, or its work began."""
    told = found = 0
    missed: list[str] = []
    for kind in kinds():
        own = {
            key
            for key, field in kind.schema.get("properties", {}).items()
            if field.get("format") == "google-datetime"
            and "update" not in key.lower()
            and not re.search(r"(?i)(end|complete|done|finish|cancel|snapshot)", key)
            and _ABOUT_THE_OPERATION.match(field.get("description", ""))
        }
        inner = {"genericMetadata", "commonMetadata", "common", "progress"} & set(
            kind.schema.get("properties", {})
        )
        if not own and not any(
            "Time" in str(kind.schemas.get(kind.schema["properties"][key].get("$ref"))) for key in inner
        ):
            continue
        told += 1
        progress = Progress.from_metadata(filled(kind))
        if progress.created or progress.began:
            found += 1
        else:
            missed.append(f"{kind.api}:{kind.name} {own}")
    assert told > 1_000
    assert found == told, missed


def test_every_kind_has_a_title_a_target_and_no_false_percentage() -> None:
    untitled = untargeted = 0
    for kind in kinds():
        body = {"@type": f"type.googleapis.com/google.x.v1.{kind.name}", **filled(kind)}
        resource = OperationResource(name=NAME, metadata=body)
        progress = Progress.from_metadata(body)
        assert progress.fraction is None or 0.0 <= progress.fraction <= 1.0
        untitled += not method_of(resource)
        untargeted += not target_in(resource)
    assert untargeted == 0  # at the least the parent in its name
    assert untitled / len(kinds()) < 0.02  # those that tell no method at all


def test_how_far_and_since_when_is_told_as_often_as_the_descriptions_do() -> None:
    told = [Progress.from_metadata(filled(kind)) for kind in kinds()]
    assert sum(progress.fraction is not None for progress in told) >= 120
    assert sum(progress.ended is not None for progress in told) >= 450
    assert sum(bool(progress.created or progress.began) for progress in told) >= 1_150
