"""Runs searches: which condition to start from, the order, the page and the total."""

# ruff: noqa: S608 - the SQL is from here, values are bound
from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from lro_notebook.local.datasets import stores
from lro_notebook.local.fhir.search import index
from lro_notebook.local.fhir.search.conditions import (
    Place,
    Sql,
    all_of,
    key_of,
    table_of,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence

    from lro_notebook.local.core.database import Database
    from lro_notebook.local.datasets.stores import Store
    from lro_notebook.local.fhir.search.conditions import Condition
    from lro_notebook.local.fhir.search.index import Indexed
    from lro_notebook.local.fhir.search.query import Order, Search

#: More resources than this are not sorted, but met in the order of their change if that is asked for.
_SORTED_MAX = 10_000
#: Seconds between two transactions: whoever waits to write has the lock by then.
_PAUSE = 0.001
#: Of a text, this much counts for the order, so that the token of a page stays short.
_KEY_LENGTH = 100
#: A total is counted up to this.
COUNTED_MAX = 10_000


class Hit(NamedTuple):
    """A resource that a search found: its row, and the keys of its place in the order."""

    number: int
    keys: tuple[Any, ...]


class Page(NamedTuple):
    """A page of what a search found; `total` is None if nobody asked for it."""

    hits: list[Hit]
    more: bool
    total: int | None


def build(
    database: Database,
    store: Store,
    needed: Callable[[sqlite3.Connection], Sequence[Indexed]],
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Index what a search needs and nobody needed before, in short transactions with pauses for others.

    `needed` is asked each time: two searches that want one parameter in two ways would never end.
    """
    while True:
        with database.write() as connection:
            stores.require_store(connection, store)
            parameters = needed(connection)
            if index.keys(connection, store.key, parameters) is not None:
                return
            index.build(connection, store.key, parameters, limit=index.BUILD_STEP)
        sleep(_PAUSE)


def run(
    connection: sqlite3.Connection, search: Search, place: Place, *, after: Sequence[Any] | None = None
) -> Page:
    """Return a page of the resources that a search finds; `after` has the keys of the one before the page."""
    narrow, rest, large = _plan(connection, search.conditions, place)
    counting = search.summary == "count" or not search.count
    hits: list[Hit] = []
    if not counting:
        walks = large and not search.order
        driver, checks = (all_of(place), search.conditions) if walks else (narrow, rest)
        query = _page_query(search, place, driver, _joined(checks, place), after)
        rows = connection.execute(query.text, query.values).fetchall()
        hits = [Hit(number, tuple(keys)) for number, *keys in rows]
    more = len(hits) > search.count
    if not counting and search.total == "none":
        total: int | None = None
    elif not counting and after is None and not more:
        total = len(hits)
    else:
        limit = COUNTED_MAX if more and search.total == "estimate" else None
        total = _total(connection, narrow, _joined(rest, place), limit=limit)
    return Page(hits[: search.count], more, total)


def _plan(
    connection: sqlite3.Connection, conditions: Sequence[Condition], place: Place
) -> tuple[Sql, list[Condition], bool]:
    """Return the smallest set to start from, what else to check of it, and whether it is large still.

    The resources of a large set are not sorted for a page of them: all resources are met in the order of
    their last change, until the page is full.
    """
    best: tuple[int, Sql, Condition] | None = None
    for condition in conditions:
        found = condition.found(place)
        if found is None:
            continue
        limit = _SORTED_MAX if best is None else best[0]
        (number,) = connection.execute(
            f"SELECT count(*) FROM (SELECT 1 FROM ({found.text}) LIMIT ?)",
            (*found.values, limit),
        ).fetchone()
        if best is None or number < best[0]:
            best = (number, found, condition)
        if number <= 1:
            break
    if best is None:
        return all_of(place), list(conditions), True
    number, found, condition = best
    distinct = Sql(f"SELECT DISTINCT resource, updated FROM ({found.text})", found.values)
    return distinct, [each for each in conditions if each is not condition], number >= _SORTED_MAX


def _joined(conditions: Sequence[Condition], place: Place) -> Sql:
    checks = [condition.check(place) for condition in conditions]
    return Sql(
        " AND ".join(check.text for check in checks) or "1",
        tuple(value for check in checks for value in check.values),
    )


def _page_query(search: Search, place: Place, driver: Sql, where: Sql, after: Sequence[Any] | None) -> Sql:
    """Return the query of a page and one more; its rows are the resource and its keys."""
    keys = [_key(each, place) for each in search.order]
    named = [f"k{number}" for number in range(len(keys))]
    directions = [each.descending for each in search.order]
    columns = "".join(f", {key.text} AS {name}" for key, name in zip(keys, named, strict=True))
    values = tuple(value for key in keys for value in key.values)
    names, directions = [*named, "updated", "resource"], [*directions, True, True]
    rest = Sql("1") if after is None else _following(names, directions, after)
    order = ", ".join(
        f"{name} IS NULL, {name} {'DESC' if down else 'ASC'}" if name in named else f"{name} DESC"
        for name, down in zip(names, directions, strict=True)
    )
    return Sql(
        f"SELECT resource, {', '.join(names)} FROM (SELECT c.resource, c.updated{columns} "
        f"FROM ({driver.text}) c WHERE {where.text}) WHERE {rest.text} ORDER BY {order} LIMIT ?",
        (*values, *driver.values, *where.values, *rest.values, search.count + 1),
    )


def _key(order: Order, place: Place) -> Sql:
    """Return the key of an order, as SQL about ``c``: the lowest of several values, or the highest."""
    if order.name == "_lastUpdated":
        return Sql("c.updated")
    if order.indexed is None:
        return Sql("(SELECT r.id FROM resources r WHERE r.rowid = c.resource)")
    table, ranged = table_of(order.indexed), order.indexed.parameter.ranged
    column = ("s.high" if order.descending else "s.low") if ranged else f"substr(s.text, 1, {_KEY_LENGTH})"
    valued = "" if ranged else " AND s.text != ''"
    best = "max" if order.descending else "min"
    return Sql(
        f"(SELECT {best}({column}) FROM {table} s INDEXED BY {table}_of "
        f"WHERE s.resource = c.resource AND s.parameter = ?{valued})",
        (key_of(order.indexed, place),),
    )


def _following(names: Sequence[str], directions: Sequence[bool], after: Sequence[Any]) -> Sql:
    """Return SQL that is true of the rows after the one with the keys `after`; without a key come last."""
    if len(names) == 2:  # noqa: PLR2004 - the order of changes, which an index has
        return Sql("(updated, resource) < (?, ?)", tuple(after))
    cases, values = [], []
    for number, (name, down, key) in enumerate(zip(names, directions, after, strict=True)):
        if key is None:
            continue
        same = "".join(f"{each} IS ? AND " for each in names[:number])
        cases.append(f"({same}({name} {'<' if down else '>'} ? OR {name} IS NULL))")
        values += [*after[:number], key]
    return Sql(f"({' OR '.join(cases)})", tuple(values))


def _total(connection: sqlite3.Connection, driver: Sql, where: Sql, *, limit: int | None) -> int:
    (number,) = connection.execute(
        f"SELECT count(*) FROM (SELECT 1 FROM ({driver.text}) c WHERE {where.text} LIMIT ?)",
        (*driver.values, *where.values, -1 if limit is None else limit),
    ).fetchone()
    return int(number)
