"""The runner of ``fhirStores.executeCohort``: the resources that an expression matches -> files in a bucket.

A subset of FHIRPath: ``Patient``, ``Patient.where(…)`` or ``Patient.…`` with tests joined by ``and``, each
a path compared (``=``, ``!=``, ``<``, ``<=``, ``>``, ``>=``) with a literal, or ``path.exists()``. A
comparison is true if it is for one of the values at the path. All else is refused.
"""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from lro_notebook.errors import Code
from lro_notebook.local import arguments, resources, stores
from lro_notebook.local.names import is_resource_type
from lro_notebook.local.refusal import Refusal, invalid
from lro_notebook.local.shards import Shards, workspace
from lro_notebook.local.work import Kind, Step

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
    from pathlib import Path

    from lro_notebook.local.buckets import Location
    from lro_notebook.local.stores import Store
    from lro_notebook.local.work import Context, Job, Steps

_PATH = r"[A-Za-z]\w*(?:\.[A-Za-z]\w*)*"
_LITERAL = r"'(?:[^'\\])*'|@[\dT:.Z+-]+|-?\d+(?:\.\d+)?|true|false"
_COMPARISON = re.compile(rf"({_PATH})\s*(=|!=|<=|>=|<|>)\s*({_LITERAL})", re.ASCII)
_EXISTS = re.compile(rf"({_PATH})\.exists\(\)", re.ASCII)
_WHERE = re.compile(r"where\((.*)\)", re.DOTALL)
_AND = re.compile(r"(?<!\s)\s+and\s+")  # begins once in a run of spaces
_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_MOST = 100  # expressions of a cohort


class Condition(NamedTuple):
    """A path, and what is asked of the values there; without a comparison, that there is one."""

    path: tuple[str, ...]
    compare: Callable[[Any, Any], bool] | None = None
    literal: object = None

    def holds(self, resource: Mapping[str, Any]) -> bool:
        """Tell whether a resource passes."""
        values = list(_values(resource, self.path))
        if self.compare is None:
            return bool(values)
        return any(
            type(value) is type(self.literal) and self.compare(value, self.literal) for value in values
        )


class Expression(NamedTuple):
    """A compiled expression, and the folder of its results."""

    type: str
    conditions: tuple[Condition, ...]
    label: str


@dataclass(frozen=True, slots=True)
class CohortRequest:
    """A checked cohort; `moment` None is now."""

    store: Store
    expressions: tuple[Expression, ...]
    destination: Location
    moment: int | None
    dry_run: bool


def parse(context: Context, store: Store, body: Mapping[str, Any]) -> CohortRequest:
    """Check the body of ``fhirStores.executeCohort``."""
    listed = arguments.message(body, "fhirpathQuery").get("expressions")
    if not isinstance(listed, list) or not listed or not all(isinstance(item, dict) for item in listed):
        raise invalid(
            'fhirpathQuery.expressions: expected a list such as [{"fhirpathExpression": "Patient"}]'
        )
    if len(listed) > _MOST:
        raise invalid(f"fhirpathQuery.expressions: the local service takes {_MOST} of them at most")
    destination = arguments.destination(context.buckets, body)
    expressions = []
    for item in listed:
        label = item.get("label") or ""
        arguments.folder(context.buckets, f"{destination.uri.rstrip('/')}/{label}", "label")
        expressions.append(compile_expression(item.get("fhirpathExpression"), str(label)))
    moment = arguments.moment(body, "_at")
    return CohortRequest(store, tuple(expressions), destination, moment, arguments.flag(body, "validateOnly"))


def compile_expression(text: object, label: str = "") -> Expression:
    """Return a compiled expression; refuse one outside the subset."""
    text = arguments.expression(text, "fhirpathExpression", "Patient.where(gender = 'female')")
    type_, _, rest = text.strip().partition(".")
    if not is_resource_type(type_):
        raise invalid("fhirpathExpression: start with a resource type, such as Patient")
    where = _WHERE.fullmatch(rest.strip())
    text = (where.group(1) if where else rest).strip()
    return Expression(type_, tuple(map(_condition, _AND.split(text))) if text else (), label)


def run(job: Job, request: CohortRequest) -> Steps:
    """Write what each expression matches, and yield a step per batch."""
    if request.dry_run:
        return {"fhirStore": request.store.name}
    folder = job.buckets.folder(request.destination.bucket) / request.destination.path
    with job.database.read() as connection, workspace(job) as drafts:
        stores.require_store(connection, request.store)
        for number, expression in enumerate(request.expressions):
            place = drafts / str(number)
            place.mkdir()
            yield from _write(job, request, expression, connection, places=(place, folder / expression.label))
    return {"fhirStore": request.store.name}


def _write(
    job: Job,
    request: CohortRequest,
    expression: Expression,
    connection: sqlite3.Connection,
    *,
    places: tuple[Path, Path],
) -> Generator[Step, None, None]:
    """Write the resources that an expression matches to a draft, and publish them."""
    draft, folder = places
    found: list[bytes] = []
    with Shards(draft, f"{job.operation}_{expression.type}", job.shard_bytes) as shards:
        for number, body in enumerate(_bodies(connection, request, expression.type)):
            document = orjson.loads(body)
            if all(condition.holds(document) for condition in expression.conditions):
                found.append(body)
            if number % job.batch() == 0:
                shards.write(found)
                yield Step(success=len(found))
                found = []
        shards.write(found)
        yield Step(success=len(found))
    shards.publish(folder)


def _bodies(connection: sqlite3.Connection, request: CohortRequest, type_: str) -> Iterator[bytes]:
    """Yield the resources of a type, as they were at the time that is asked for."""
    key = request.store.key
    if request.moment is None:
        for _, body in resources.bodies(connection, key, type_, since=None):
            yield body
        return
    for name, identifier in resources.with_versions(connection, key):
        if name == type_:
            stored = resources.as_of(connection, key, type_, identifier, moment=request.moment)
            if stored is not None and stored.body is not None:
                yield stored.body


def _condition(text: str) -> Condition:
    if match := _EXISTS.fullmatch(text.strip()):
        return Condition(tuple(match.group(1).split(".")))
    match = _COMPARISON.fullmatch(text.strip())
    if match is None:
        raise Refusal(
            Code.UNIMPLEMENTED,
            "fhirpathExpression: the local service reads Type.where(path = 'value' and path.exists()) and "
            "the like; it has no whole FHIRPath engine",
        )
    path, sign, literal = match.groups()
    return Condition(tuple(path.split(".")), _OPERATORS[sign], _literal(literal))


def _literal(text: str) -> object:
    if text[0] in "'@":
        return text[1:-1] if text[0] == "'" else text[1:]  # dates are text in JSON, and sort as such
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise invalid(f"fhirpathExpression: {text[:80]} is no number that is read here") from error


def _values(value: object, path: Sequence[str]) -> Iterator[object]:
    """Yield the values at a path, through lists."""
    if isinstance(value, list):
        for item in value:
            yield from _values(item, path)
    elif not path:
        yield value
    elif isinstance(value, dict) and path[0] in value:
        yield from _values(value[path[0]], path[1:])


KIND = Kind(
    "fhir.FhirStoreService.ExecuteCohort",
    "fhir.ExecuteCohortResponse",
    parse,
    run,
    versions=("v1beta1",),
)
