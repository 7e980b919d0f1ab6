"""A ViewDefinition as JSON to its parts, each path parsed and every rule of the standard checked. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import ConfigError
from lro_notebook.fhirpath.dialect import VIEWS
from lro_notebook.fhirpath.fhir_types import PRIMITIVES, short_name
from lro_notebook.fhirpath.parser import parse
from lro_notebook.fhirpath.result_types import type_of
from lro_notebook.views.definition_fields import check_name, constants_of, list_of, object_of, text_of, word
from lro_notebook.views.repeat_paths import descends

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lro_notebook.fhirpath.syntax import Expr, Literal

_RESOURCE = re.compile(r"[A-Z][A-Za-z]*", re.ASCII)
_VIEW_KEYS = frozenset({"constant", "name", "resource", "resourceType", "select", "where"})
_SELECT_KEYS = frozenset({"column", "forEach", "forEachOrNull", "repeat", "select", "unionAll"})
_COLUMN_KEYS = frozenset({"collection", "description", "name", "path", "type"})


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the view; `type` is the name of a FHIR type, None where it is not known."""

    name: str
    path: str
    expr: Expr
    type: str | None
    collection: bool


@dataclass(frozen=True, slots=True)
class Select:
    """A selection: what it goes over, and the columns and rows of each focus.

    Attributes
    ----------
    where : str
        Its place in the definition, for messages.
    each : tuple of Expr
        The expressions of `forEach`, `forEachOrNull` or `repeat`; empty for the focus itself.
    or_null, repeat : bool
        Which of them it is.
    columns, selects, unions : tuple
        The parts whose rows are multiplied with each other; the rows of `unions` follow one another.
    """

    where: str
    each: tuple[Expr, ...]
    or_null: bool
    repeat: bool
    columns: tuple[Column, ...]
    selects: tuple[Select, ...]
    unions: tuple[Select, ...]

    def all_columns(self) -> Iterator[Column]:
        """Yield the columns of its rows, in their order; those of a union once."""
        yield from self.columns
        for select in (*self.selects, *self.unions[:1]):
            yield from select.all_columns()


@dataclass(frozen=True, slots=True)
class Definition:
    """A view: its resource type, its conditions and its selections under one root."""

    name: str | None
    resource: str
    where: tuple[Condition, ...]
    root: Select

    @property
    def columns(self) -> list[Column]:
        """The columns of its table."""
        return list(self.root.all_columns())


@dataclass(frozen=True, slots=True)
class Condition:
    """What a resource has to meet to be in the view."""

    path: str
    expr: Expr


def read_definition(view: object) -> Definition:
    """Return the parts of a ViewDefinition.

    Raises
    ------
    ConfigError
        It breaks a rule of the standard; the message says which one, and where.
    """
    fields = object_of(view, "the view definition", _VIEW_KEYS)
    kind = fields.get("resourceType", "ViewDefinition")
    if not isinstance(kind, str) or short_name(kind) != "ViewDefinition":
        raise ConfigError("resourceType of the view definition must be ViewDefinition")
    resource = fields.get("resource")
    if not isinstance(resource, str) or not _RESOURCE.fullmatch(resource):
        raise ConfigError('the view definition needs "resource", the name of a FHIR resource type')
    name = fields.get("name")
    if name is not None:
        check_name(name, "name")
    reader = _Reader(resource, constants_of(fields))
    selects = reader.selects(fields, "select", "", at_root=True)
    if not selects:
        raise ConfigError('the view definition needs "select" with at least one element')
    where = tuple(reader.conditions(fields))
    definition = Definition(name, resource, where, Select("", (), False, False, (), selects, ()))  # noqa: FBT003
    _check_columns(definition.root)
    return definition


class _Reader:
    """Reads the paths of one view; `resource` and `constants` are what they can name."""

    def __init__(self, resource: str, constants: Mapping[str, Literal]) -> None:
        self._resource, self._constants = resource, constants

    def expr(self, text: object, where: str, *, at_root: bool) -> Expr:
        if not isinstance(text, str):
            raise ConfigError(f"{where} must be a FHIRPath expression, not {word(text)}")
        try:
            return parse(text, self._constants, self._resource if at_root else None, VIEWS)
        except ConfigError as error:
            raise ConfigError(f"{where}: {error}") from error

    def conditions(self, fields: Mapping[str, Any]) -> Iterator[Condition]:
        for number, element in enumerate(list_of(fields, "where", "")):
            where = f"where[{number}]"
            path = text_of(object_of(element, where, frozenset({"path", "description"})), "path", where)
            expr = self.expr(path, f"{where}.path", at_root=True)
            kind = type_of(expr)
            if kind not in (None, "boolean"):
                raise ConfigError(
                    f"{where}.path {path!r} gives {kind}, and a condition must be true or false"
                )
            yield Condition(path, expr)

    def selects(
        self, fields: Mapping[str, Any], key: str, where: str, *, at_root: bool
    ) -> tuple[Select, ...]:
        elements = enumerate(list_of(fields, key, where))
        return tuple(
            self._select(part, f"{where}{key}[{number}]", at_root=at_root) for number, part in elements
        )

    def _select(self, element: object, where: str, *, at_root: bool) -> Select:
        fields = object_of(element, where, _SELECT_KEYS)
        ways = [key for key in ("forEach", "forEachOrNull", "repeat") if fields.get(key) is not None]
        if "where" in fields:
            raise ConfigError(
                f"{where} has where, which only a view has; use where(…) in the path of forEach"
            )
        if len(ways) > 1:
            raise ConfigError(f"{where} has {' and '.join(ways)}; a select can have one of them")
        way = ways[0] if ways else ""
        paths = list_of(fields, "repeat", f"{where}.") if way == "repeat" else [fields[way]] if way else []
        if way == "repeat" and not paths:
            raise ConfigError(f"{where}.repeat must have at least one path")
        each = tuple(self.expr(path, f"{where}.{way}", at_root=at_root) for path in paths)
        if way == "repeat":
            _check_descent(zip(paths, each, strict=True), where)
        inside = at_root and not each
        columns = tuple(
            self._column(part, f"{where}.column[{number}]", at_root=inside)
            for number, part in enumerate(list_of(fields, "column", f"{where}."))
        )
        selects = self.selects(fields, "select", f"{where}.", at_root=inside)
        unions = self.selects(fields, "unionAll", f"{where}.", at_root=inside)
        if not (columns or selects or unions):
            raise ConfigError(f"{where} selects nothing; give it column, select or unionAll")
        return Select(
            f"{where}.{way}", each, way == "forEachOrNull", way == "repeat", columns, selects, unions
        )

    def _column(self, element: object, where: str, *, at_root: bool) -> Column:
        fields = object_of(element, where, _COLUMN_KEYS)
        name = check_name(text_of(fields, "name", where), f"{where}.name")
        path = text_of(fields, "path", where)
        collection, declared = fields.get("collection", False), fields.get("type")
        if not isinstance(collection, bool):
            raise ConfigError(f"{where}.collection must be true or false, not {word(collection)}")
        if declared is not None and (not isinstance(declared, str) or not declared):
            raise ConfigError(f"{where}.type must be the name of a FHIR type, not {word(declared)}")
        expr = self.expr(path, f"{where}.path", at_root=at_root)
        kind = short_name(declared) if declared else type_of(expr)
        return Column(name, path, expr, kind, collection)


def _check_descent(paths: Iterable[tuple[object, Expr]], where: str) -> None:
    for path, expr in paths:
        if not descends(expr):
            raise ConfigError(
                f"{where}.repeat: the path {path!r} does not lead from an element to those below it, so "
                "repeating it has no end; name what is below, such as item"
            )


def _check_columns(select: Select, before: Iterable[Column] = ()) -> list[Column]:
    """Return the columns after `select`; no two of them may share a name."""
    checked = list(before)

    def add(columns: Iterable[Column]) -> None:
        for column in columns:
            if any(other.name == column.name for other in checked):
                raise ConfigError(f"two columns have the name {column.name!r}; each needs its own")
            checked.append(column)

    add(select.columns)
    for part in select.selects:
        add(_check_columns(part, checked)[len(checked) :])
    branches = [_check_columns(part, checked)[len(checked) :] for part in select.unions]
    for branch in branches[1:]:
        _check_same(branches[0], branch)
    add(branches[0] if branches else ())
    return checked


def _check_same(first: list[Column], other: list[Column]) -> None:
    names, others = ([column.name for column in branch] for branch in (first, other))
    if names != others:
        raise ConfigError(
            f"the parts of a unionAll must have the same columns in the same order; one has "
            f"{', '.join(names)}, another {', '.join(others)}"
        )
    for one, two in zip(first, other, strict=True):
        kinds = [PRIMITIVES.get(column.type or "", column.type) for column in (one, two)]
        if one.collection != two.collection or (None not in kinds and kinds[0] != kinds[1]):
            raise ConfigError(f"column {one.name!r} is of different types in the parts of a unionAll")
