"""Where an operation of any Google API wrote, as its own JSON says. Pure.

No field for that is common to all APIs (AIP-151 leaves response and metadata to each), but their names are
alike: ``outputConfig.gcsDestination.uri``, ``outputInfo.gcsOutputDirectory``, ``exportedFiles``,
``errorsConfig.gcsPrefix``. So the words in the names of the fields decide, the nearest to the value first.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, TypeGuard

from lro_notebook.operations.field_names import words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

Role = Literal["output", "errors"]
Teller = Literal["response", "metadata", "request"]

_OUTPUT = frozenset(
    {
        "output",
        "outputs",
        "destination",
        "destinations",
        "dest",
        "export",
        "exports",
        "exported",
        "sink",
        "sinks",
        "result",
        "results",
    }
)
_ERRORS = frozenset({"error", "errors", "failure", "failures", "failed"})
#: What lies there was there before, or is of no use to who asked for the results.
_OTHER = frozenset(
    {
        "source",
        "sources",
        "src",
        "input",
        "inputs",
        "schema",
        "template",
        "templates",
        "staging",
        "temp",
        "temporary",
        "driver",
        "log",
        "logs",
        "logging",
        "script",
        "jar",
        "package",
        "model",
        "key",
        "kms",
    }
)
_URI = re.compile(r"(?:gs|bq)://[^\s\x00-\x1f\x7f]+")
_CONSOLE = re.compile(r"https://console\.(?:cloud|developers)\.google\.com/storage/browser/([^\s?#;]+)")
_BARE = re.compile(r"storage\.googleapis\.com/([^\s?#]+)")
_DATASET = re.compile(r"projects/([^/\s]+)/datasets/([A-Za-z0-9_]+)(?:/tables/([A-Za-z0-9_$-]+))?")
_NAME = re.compile(r"[A-Za-z0-9_$-]+")
_SPLIT = ("separate", "tables")
_MOST = 100_000  # values that are looked at: a response may hold the results themselves
_DEEPEST = 10_000  # levels; parsers of JSON stop long before
_LONGEST = 2048
_NEAR = 2  # how many objects above a place may say its format


@dataclass(frozen=True, slots=True)
class Place:
    """A place that an operation wrote to, or was asked to.

    Attributes
    ----------
    uri : str
        ``gs://bucket/object``, a folder or a name prefix of such; ``bq://project.dataset`` or
        ``bq://project.dataset.table``, a name prefix of tables with ``*`` behind it.
    role : {"output", "errors"}
        What lies there.
    field : str
        Which field says so, as a dotted path; ``[]`` for the elements of a list, ``{}`` for those of a map.
    told_by : {"response", "metadata", "request"}
        In what.
    format : str or None
        The format that is told beside it, in the words of the API.
    """

    uri: str
    role: Role
    field: str
    told_by: Teller
    format: str | None = None


@dataclass(frozen=True, slots=True)
class _Spot:
    """A value in the JSON, with the keys that lead to it, the nearest last, and the objects around it."""

    value: Any
    keys: tuple[str, ...] = ()
    around: tuple[Mapping[Any, Any], ...] = ()


def is_role(word: str) -> TypeGuard[Role]:
    """Tell whether a word says what lies at a place."""
    return word in {"output", "errors"}


def places_of(
    response: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    request: Mapping[str, Any] | None = None,
    *,
    project: str | None = None,
) -> list[Place]:
    """Return where an operation wrote: as its response says, else its metadata, else its start request.

    For the places of errors each of them is asked too. A folder is left out where files in it are listed.

    Parameters
    ----------
    response, metadata, request : mapping, optional
        As JSON.
    project : str, optional
        The project that is meant where a table in BigQuery is named without one.

    Examples
    --------
    >>> places_of({"outputConfig": {"gcsDestination": {"uri": "gs://b/x/"}, "batchSize": 2}})[0].uri
    'gs://b/x/'
    """
    told: list[tuple[Teller, Mapping[str, Any] | None]] = [
        ("response", response),
        ("metadata", metadata),
        ("request", request),
    ]
    by_role: dict[Role, list[Place]] = {}
    for teller, value in told:
        fresh = list(found_in(value, teller, project=project))
        for role in ("output", "errors"):
            if role not in by_role and (those := [place for place in fresh if place.role == role]):
                by_role[role] = _listed_only(those)
    return [*by_role.get("output", ()), *by_role.get("errors", ())]


def found_in(value: object, told_by: Teller, *, project: str | None = None) -> Iterator[Place]:
    """Yield the places that are named in a JSON value, each once."""
    seen: set[tuple[str, Role]] = set()
    for spot in islice(_spots(value), _MOST):
        for uri in _uris(spot, project):
            role = _role(spot.keys)
            if role is not None and (uri, role) not in seen:
                seen.add((uri, role))
                yield Place(uri, role, _path(spot.keys), told_by, _format(spot))


def _spots(value: object) -> Iterator[_Spot]:
    """Yield what is in `value`, in its order: no recursion, since its depth comes from outside."""
    stack = [_Spot(value)]
    while stack:
        spot = stack.pop()
        yield spot
        if len(spot.keys) == _DEEPEST:
            continue  # a circle, or lists in lists: each level would make longer paths
        if isinstance(spot.value, dict):
            around = (*spot.around[-_NEAR:], spot.value)
            stack += [
                _Spot(each, (*spot.keys, str(key)), around) for key, each in reversed(spot.value.items())
            ]
        elif isinstance(spot.value, list):
            stack += [replace(spot, value=each, keys=(*spot.keys, "[]")) for each in reversed(spot.value)]


def _uris(spot: _Spot, project: str | None) -> Iterator[str]:
    value = spot.value
    if isinstance(value, dict):
        yield from _composed(value, spot.keys, project)
    elif isinstance(value, str) and len(value) <= _LONGEST:
        if _URI.fullmatch(value):
            yield _with_table(value, spot)
        elif match := _CONSOLE.match(value) or _BARE.fullmatch(value):
            yield f"gs://{match[1]}"
        elif (match := _DATASET.fullmatch(value)) and not _has_table(spot):
            yield _table(match[1], match[2], match[3])


def _composed(value: Mapping[Any, Any], keys: tuple[str, ...], project: str | None) -> Iterator[str]:
    """Yield the places that an object tells in parts: bucket and name, or project, dataset and table."""
    bucket, name = (
        _text(value, "bucket", "bucketName"),
        _text(value, "filenamePrefix", "objectPrefix", "object", "path"),
    )
    if bucket and name and "://" not in bucket:
        yield f"gs://{bucket.strip('/')}/{name.lstrip('/')}"
    dataset = _text(value, "datasetId", "dataset", "dataset_id")
    if dataset is None or _role(keys) is None:
        return
    table = _text(value, "tableId", "table", "table_id")
    prefix = _text(value, "tablePrefix", "tableIdPrefix", "table_prefix")
    if table and any(_is_split(str(key), each) for key, each in value.items()):
        table, prefix = None, f"{table}_"
    full = _DATASET.fullmatch(dataset)
    owner = full[1] if full else _text(value, "projectId", "project", "project_id") or project
    name = full[2] if full else dataset
    if owner and _NAME.fullmatch(name) and (full or table or prefix or "bigquery" in "".join(keys).lower()):
        yield _table(owner, name, table or (f"{prefix}*" if prefix else None))


def _is_split(key: str, value: object) -> bool:
    """Tell whether a setting has a table of its own made for each kind of rows, which its name begins."""
    return value is True and words_of(key)[:2] == _SPLIT


def _table(project: str, dataset: str, table: str | None) -> str:
    return f"bq://{project}.{dataset}" + (f".{table}" if table else "")


def _with_table(uri: str, spot: _Spot) -> str:
    """Return a place; a dataset with the table that is told beside it, as in ``bigqueryOutputTable``."""
    beside = spot.keys[-1].removesuffix("Dataset") + "Table" if spot.keys else ""
    table = spot.around[-1].get(beside) if spot.around else None
    if not uri.startswith("bq://") or uri.count(".") != 1 or not isinstance(table, str):
        return uri
    return f"{uri}.{table}" if _NAME.fullmatch(table) else uri


def _has_table(spot: _Spot) -> bool:
    """Tell whether the object around a dataset names the table too: it is told as a whole."""
    return (
        bool(spot.around) and isinstance(spot.around[-1].get("dataset"), str) and spot.keys[-1] == "dataset"
    )


def _role(keys: tuple[str, ...]) -> Role | None:
    """Return what the names of the fields say of a place; None where it is no output."""
    for key in reversed(keys):
        words = words_of(key)
        if not _OTHER.isdisjoint(words):
            return None
        if not (_OUTPUT | _ERRORS).isdisjoint(words):
            break
    else:
        return None
    return "errors" if any(not _ERRORS.isdisjoint(words_of(key)) for key in keys) else "output"


def _path(keys: Iterable[str]) -> str:
    return ".".join("{}" if "://" in key else key for key in keys).replace(".[]", "[]")


def _format(spot: _Spot) -> str | None:
    """Return the format that the nearest object around a place tells: its own, or one or two further up."""
    around = (*spot.around, spot.value) if isinstance(spot.value, dict) else spot.around
    for fields in reversed(around[-_NEAR - 1 :]):
        for key, value in fields.items():
            if isinstance(key, str) and isinstance(value, str) and value and _tells_format(key):
                return value[:_LONGEST]
    return None


def _tells_format(key: str) -> bool:
    return key.lower().endswith(("format", "mimetype", "filetype")) and _OTHER.isdisjoint(words_of(key))


def _text(fields: Mapping[Any, Any], *names: str) -> str | None:
    return next((value for name in names if isinstance(value := fields.get(name), str) and value), None)


def _listed_only(places: list[Place]) -> list[Place]:
    """Return `places` without the folders and prefixes in which others are that another field lists."""
    by_field: dict[str, list[str]] = {}
    for place in places:
        by_field.setdefault(place.field, []).append(place.uri)
    listed = {field: sorted(uris) for field, uris in by_field.items()}
    return [
        place
        for place in places
        if not any(_has_below(place.uri, uris) for field, uris in listed.items() if field != place.field)
    ]


def _has_below(uri: str, uris: Sequence[str]) -> bool:
    """Tell whether one of the sorted `uris` is longer than `uri`, and begins with it."""
    place = bisect_right(uris, uri)
    return place < len(uris) and uris[place].startswith(uri)
