"""Conditions of a search as SQL: what they need of the index, and the resources that meet them. Pure.

A condition is SQL in two forms: the set of the resources that meet it, and a check of one resource ``c``.
"""

# ruff: noqa: D102, S608 - `Condition` documents the methods; the SQL is from here, values are bound
from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lro_notebook.local.fhir.search.index import Indexed, Keys

#: More alternatives than this are unions of unions, since SQLite limits the parts of one.
_UNION_MAX = 100


class Sql(NamedTuple):
    """SQL, and the values of its question marks."""

    text: str
    values: tuple[Any, ...] = ()


class Place(NamedTuple):
    """Where conditions are met: a store, the resource type that is searched, and the keys of the index."""

    store: int
    type: str
    keys: Keys


class Condition(Protocol):
    """What a resource must meet."""

    def needs(self) -> Iterator[Indexed]:
        """Yield the parameters that must be indexed."""

    def check(self, place: Place) -> Sql:
        """Return a test of the resource ``c (resource, updated)``."""

    def found(self, place: Place) -> Sql | None:
        """Return a query of ``resource, updated`` of those that meet it; None if all must be checked."""


@dataclass(frozen=True, slots=True)
class Match:
    """One of the alternatives is true of a value of a parameter; with `negated`, of none."""

    indexed: Indexed
    alternatives: Sequence[Sql]
    negated: bool = False

    def needs(self) -> Iterator[Indexed]:
        yield self.indexed

    def check(self, place: Place) -> Sql:
        any_of = _any_of(self.alternatives)
        table = table_of(self.indexed)
        return Sql(
            f"{'NOT ' * self.negated}EXISTS (SELECT 1 FROM {table} s INDEXED BY {table}_of "
            f"WHERE s.resource = c.resource AND s.parameter = ? AND {any_of.text})",
            (key_of(self.indexed, place), *any_of.values),
        )

    def found(self, place: Place) -> Sql | None:
        if self.negated:
            return None
        start = f"SELECT s.resource, s.updated FROM {table_of(self.indexed)} s WHERE s.parameter = ? AND "
        key = key_of(self.indexed, place)
        every = list(dict.fromkeys(self.alternatives))
        groups = [every[place : place + _UNION_MAX] for place in range(0, len(every), _UNION_MAX)]
        unions = [" UNION ".join(start + each.text for each in group) for group in groups]
        text = unions[0] if len(unions) == 1 else " UNION ".join(f"SELECT * FROM ({each})" for each in unions)
        return Sql(text, tuple(value for each in every for value in (key, *each.values)))


@dataclass(frozen=True, slots=True)
class Missing:
    """A parameter has no value, or has one."""

    indexed: Indexed
    missing: bool

    def needs(self) -> Iterator[Indexed]:
        yield self.indexed

    def check(self, place: Place) -> Sql:
        tables = ["search_texts", *(["search_ranges"] if self.indexed.parameter.ranged else [])]
        one = " OR ".join(
            f"EXISTS (SELECT 1 FROM {table} s INDEXED BY {table}_of "
            "WHERE s.resource = c.resource AND s.parameter = ?)"
            for table in tables
        )
        return Sql(f"{'NOT ' * self.missing}({one})", (key_of(self.indexed, place),) * len(tables))

    def found(self, place: Place) -> Sql | None:  # noqa: ARG002 - of the protocol
        return None


@dataclass(frozen=True, slots=True)
class Ids:
    """The resource has one of these ids."""

    ids: tuple[str, ...]

    def needs(self) -> Iterator[Indexed]:
        return iter(())

    def check(self, place: Place) -> Sql:  # noqa: ARG002 - of the protocol
        return Sql(
            "(SELECT r.id FROM resources r WHERE r.rowid = c.resource) IN (SELECT value FROM json_each(?))",
            (orjson.dumps(self.ids).decode(),),
        )

    def found(self, place: Place) -> Sql:
        return Sql(
            "SELECT r.rowid AS resource, r.updated FROM resources r WHERE r.store = ? AND r.type = ? "
            "AND r.id IN (SELECT value FROM json_each(?))",
            (place.store, place.type, orjson.dumps(self.ids).decode()),
        )


@dataclass(frozen=True, slots=True)
class Updated:
    """The time of the last change meets one of the alternatives, which are SQL about ``c.updated``."""

    alternatives: Sequence[Sql]

    def needs(self) -> Iterator[Indexed]:
        return iter(())

    def check(self, place: Place) -> Sql:  # noqa: ARG002 - of the protocol
        return _any_of(self.alternatives)

    def found(self, place: Place) -> Sql | None:  # noqa: ARG002 - of the protocol
        return None  # resources are met in this order where they must all be checked


@dataclass(frozen=True, slots=True)
class Chain:
    """A reference leads to a resource that meets another condition, which depends on its type."""

    indexed: Indexed
    targets: Sequence[tuple[str, Condition]]

    def needs(self) -> Iterator[Indexed]:
        yield self.indexed
        for _, condition in self.targets:
            yield from condition.needs()

    def _match(self, place: Place, text: str) -> Match:
        alternatives = []
        for type_, condition in self.targets:
            inner = resources_that_meet(condition, place._replace(type=type_))
            # Joined, not IN within IN: the parser of SQLite bounds how deep a query goes.
            ids = f"SELECT r.id FROM ({inner.text}) i CROSS JOIN resources r ON r.rowid = i.resource"
            alternatives.append(Sql(f"({text} IN ({ids}) AND s.extra = ?)", (*inner.values, type_)))
        return Match(self.indexed, alternatives)

    def check(self, place: Place) -> Sql:
        # The sign keeps SQLite from looking for each of the ids among the values of one resource.
        return self._match(place, "+s.text").check(place)

    def found(self, place: Place) -> Sql | None:
        return self._match(place, "s.text").found(place)


@dataclass(frozen=True, slots=True)
class Has:
    """A resource of another type that meets a condition refers to this one."""

    indexed: Indexed
    condition: Condition

    def needs(self) -> Iterator[Indexed]:
        yield self.indexed
        yield from self.condition.needs()

    def check(self, place: Place) -> Sql:
        found = self.found(place)
        return Sql(f"c.resource IN (SELECT resource FROM ({found.text}))", found.values)

    def found(self, place: Place) -> Sql:
        inner = resources_that_meet(self.condition, place._replace(type=self.indexed.type))
        return Sql(
            "SELECT r.rowid AS resource, r.updated FROM resources r WHERE r.store = ? AND r.type = ? "
            f"AND r.id IN (SELECT s.text FROM ({inner.text}) i CROSS JOIN search_texts s "
            "INDEXED BY search_texts_of ON s.resource = i.resource WHERE s.parameter = ? AND s.extra = ?)",
            (place.store, place.type, *inner.values, key_of(self.indexed, place), place.type),
        )


def resources_that_meet(condition: Condition, place: Place) -> Sql:
    """Return a query of ``resource, updated`` of the resources that meet a condition."""
    found = condition.found(place)
    if found is not None:
        return found
    every, check = all_of(place), condition.check(place)
    return Sql(
        f"SELECT c.resource, c.updated FROM ({every.text}) c WHERE {check.text}",
        (*every.values, *check.values),
    )


def all_of(place: Place) -> Sql:
    """Return a query of ``resource, updated`` of all resources of a type."""
    return Sql(
        "SELECT r.rowid AS resource, r.updated FROM resources r INDEXED BY resources_updated "
        "WHERE r.store = ? AND r.type = ?",
        (place.store, place.type),
    )


def table_of(indexed: Indexed) -> str:
    """Return the table that has the values of a parameter."""
    return "search_ranges" if indexed.parameter.ranged else "search_texts"


def key_of(indexed: Indexed, place: Place) -> int:
    """Return the key of a parameter in the index."""
    return place.keys[indexed.type, indexed.parameter.name]


def _any_of(alternatives: Sequence[Sql]) -> Sql:
    """Return SQL that one of the alternatives is true, halved again and again: SQLite limits its depth."""
    if not alternatives:
        return Sql("0")
    if len(alternatives) == 1:
        return alternatives[0]
    middle = len(alternatives) // 2
    left, right = _any_of(alternatives[:middle]), _any_of(alternatives[middle:])
    return Sql(f"({left.text} OR {right.text})", (*left.values, *right.values))
