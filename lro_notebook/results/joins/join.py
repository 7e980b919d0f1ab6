"""Two tables as one, by the reference between them or by a column that both have.

What is joined is found out on the keys alone; then each column is taken once. No row is dropped or doubled
without a cause: rows without a key match nothing, and of a resource that is there in several versions the
newest one counts.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lro_notebook.errors import ConfigError, LroWarning, warn_caller
from lro_notebook.results.arrow.flatten import INDEX, ROW
from lro_notebook.results.joins.references import (
    KEY,
    REFERENCE,
    References,
    keyed,
    reference_columns,
    searched,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The column that identifies a resource.
ID = "id"
HOWS = ("left", "inner", "right", "outer")
_UPDATED = "meta.lastUpdated"
_IDENTIFIER = ("identifier.system", "identifier.value")
_SHOWN = 12  # references that a message names


class _Tables(Protocol):
    def arrow(self, name: str) -> pa.Table: ...
    def provenance(self, name: str) -> dict[str, Any]: ...


class Side(NamedTuple):
    """A table to join: its name, and its rows."""

    name: str
    table: pa.Table

    @property
    def type(self) -> str:
        """The resource type of its rows, as they say it, else by its name: ``Patient_2`` holds patients."""
        said = self.table["resourceType"].unique().to_pylist() if "resourceType" in self.columns else []
        if len(said) == 1 and isinstance(said[0], str):
            return said[0]
        return self.name.partition(".")[0].partition("_")[0]

    @property
    def columns(self) -> list[str]:
        """The names of its columns."""
        names: list[str] = self.table.column_names
        return names


class Keys(NamedTuple):
    """What two tables are joined by: a key for each row of both, and the words for it."""

    left: pa.Array
    right: pa.Array
    on: str
    bases: tuple[str, ...] = ()


def joined(tables: _Tables, left: str | pd.DataFrame, right: str, **how: Any) -> pd.DataFrame:
    """Return `join` of two tables of results as a frame, which says what it was made of."""
    if isinstance(left, pd.DataFrame):
        first = Side("the left table", pa.Table.from_pandas(left, preserve_index=False))
        attrs: dict[Any, Any] = dict(left.attrs)
    else:
        first = Side(left, tables.arrow(left))
        attrs = dict(tables.provenance(left))
    table, keys = join(first, Side(right, tables.arrow(right)), **how)
    frame: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype)
    frame.attrs = _attrs(keys, attrs, tables.provenance(right))
    if len(keys.left) and not frame.attrs["join"]["matched"]:
        warn_caller(_nothing_matched(first.name, right, keys), LroWarning)
    return frame


def _nothing_matched(left: str, right: str, keys: Keys) -> str:
    """Return a warning that no row has a partner, and why that may be."""
    if keys.left.null_count < len(keys.left):
        why = f"none of their keys is among the {len(keys.right):,} of {right} (are both of one export?)"
    elif len(keys.bases) > 1:
        why = f"they refer to several servers, and base= says which is meant: {', '.join(keys.bases)}"
    else:
        why = "none of them has such a key"
    return (
        f"0 of {len(keys.left):,} rows of {left} found a row of {right} by {keys.on}: {why}; "
        'frame.attrs["join"] has the counts'
    )


def join(left: Side, right: Side, on: str | None, how: str, base: str | None) -> tuple[pa.Table, Keys]:
    """Return the rows of both tables side by side; those of the columns of `right` have its name in front.

    Raises
    ------
    ConfigError
        There is nothing to join them by, or several things; the message names them.
    """
    if how not in HOWS:
        raise ConfigError(f"how={how!r} is no way to join; there are {', '.join(HOWS)}")
    keys = _keys(left, right, on, base)
    rows = pairs(keys.left, keys.right, how)
    table = keyed(left.table, base) if reference_columns(left.table.schema) else left.table
    sides = [*_taken(table, rows[0]), *_taken(right.table, rows[1])]
    names = [*table.column_names, *(f"{right.name}.{name}" for name in right.columns)]
    if len(set(names)) < len(names):
        raise ConfigError(f"columns of {right.name} are in the left table already: it was joined before")
    return pa.Table.from_arrays(sides, names=names), keys


def pairs(left: pa.Array, right: pa.Array, how: str) -> tuple[pa.Array, pa.Array]:
    """Return which rows stand side by side, null where there is none; those without a key match nothing."""
    frames = [
        pd.DataFrame({"key": pd.Series(keys.to_pandas(), dtype=object), side: np.arange(len(keys))})
        for side, keys in (("left", left), ("right", right))
    ]
    known = [frame[frame["key"].notna()] for frame in frames]
    matched = known[0].merge(known[1], on="key", how="inner", sort=False).drop(columns="key")
    if how in ("left", "outer"):
        rest = frames[0].loc[~frames[0]["left"].isin(matched["left"]), ["left"]]
        matched = pd.concat([matched, rest])
    matched = matched.sort_values(["left", "right"], kind="stable")
    if how in ("right", "outer"):
        rest = frames[1].loc[~frames[1]["right"].isin(matched["right"]), ["right"]]
        matched = pd.concat([matched, rest])
    if how == "right":
        matched = matched.sort_values(["right", "left"], kind="stable")
    first, second = (pa.array(matched[side], pa.int64(), from_pandas=True) for side in ("left", "right"))
    return first, second


def _taken(table: pa.Table, rows: pa.Array) -> list[pa.ChunkedArray]:
    return [column.take(rows) for column in table.columns]


def _keys(left: Side, right: Side, on: str | None, base: str | None) -> Keys:
    if on is not None:
        return _named(left, right, on.removesuffix(REFERENCE).removesuffix(KEY), base)
    found = _references(left, right, base)
    if not found:
        found = {name: _turned(keys) for name, keys in _references(right, left, base).items()}
    if not found:
        found = _shared(left, right)
    if len(found) == 1:
        return next(iter(found.values()))
    if found:
        near = next(iter(found))
        raise ConfigError(
            f"{left.name} and {right.name} can be joined by {', '.join(found)}; say which, as on={near!r}"
        )
    raise ConfigError(
        f"nothing in {left.name} refers to {right.name}, or the other way round; {_there(left)}"
    )


def _named(left: Side, right: Side, on: str, base: str | None) -> Keys:
    """Return the keys by the reference or column `on`."""
    for one, other in ((left, right), (right, left)):
        if on in reference_columns(one.table.schema) and ID in other.columns:
            references = References.of(one.table[f"{on}{REFERENCE}"], base)
            if references.targets() and other.type not in references.targets():
                continue
            keys = _to(one, on, references, other)
            return keys if one is left else _turned(keys)
    if on in left.columns and on in right.columns:
        return _by_columns(left, right, on, on)
    raise ConfigError(
        f"{left.name} and {right.name} cannot be joined on {on!r}{_near(left, right, on)}; {_there(left)}"
    )


def _references(one: Side, other: Side, base: str | None) -> dict[str, Keys]:
    """Return the references of one table of which some are to the other."""
    if ID not in other.columns:
        return {}
    found = {}
    for name in reference_columns(one.table.schema):
        references = References.of(one.table[f"{name}{REFERENCE}"], base)
        keys = _to(one, name, references, other)
        if other.type in references.targets() or pc.any(pc.is_in(keys.left.drop_null(), keys.right)).as_py():
            found[name] = keys
    return found


def _to(one: Side, name: str, references: References, other: Side) -> Keys:
    """Return the keys by a column of references; those to be searched for by an identifier are."""
    keys, ids = references.to(other.type), _ids(other)
    wanted = searched(one.table[f"{name}{REFERENCE}"], other.type)
    if wanted.null_count < len(wanted) and set(_IDENTIFIER) <= set(other.columns):
        parts = [other.table[part].cast(pa.string()).combine_chunks() for part in _IDENTIFIER]
        known = pa.table({"id": ids, "text": pc.binary_join_element_wise(*parts, "|")})
        known = known.filter(pc.and_(known["id"].is_valid(), known["text"].is_valid()))
        counts = known.group_by("text").aggregate([("id", "count"), ("id", "min")])
        single = counts.filter(pc.equal(counts["id_count"], 1))
        places = pc.index_in(wanted, single["text"].combine_chunks())
        keys = pc.coalesce(keys, single["id_min"].combine_chunks().take(places))
    return Keys(keys, ids, f"{one.name}.{name}", references.bases)


def _shared(left: Side, right: Side) -> dict[str, Keys]:
    """Return what tables of one resource or message have in common: the key of the one that they are of."""
    first, second = left.name, right.name
    if first.startswith(f"{second}.") or second.startswith(f"{first}."):
        if ROW in (left.columns[0], right.columns[0]):
            return _by_row(left, right) or {on: _turned(keys) for on, keys in _by_row(right, left).items()}
        return {ID: _by_columns(left, right, ID, ID)} if ID in left.columns and ID in right.columns else {}
    if all("message" in side.columns or side.name == "messages" for side in (left, right)):
        return {"message": _by_columns(left, right, "message", "message")}
    return {}


def _by_row(left: Side, right: Side) -> dict[str, Keys]:
    """Return the keys of a list whose rows say, where there are no ids, of which row they are."""
    is_list_in_list = right.columns[:2] == [ROW, INDEX]
    if is_list_in_list or left.columns[:1] != [ROW] or not left.name.startswith(f"{right.name}."):
        return {}
    rows = left.table[ROW].cast(pa.int64()).combine_chunks()
    return {ROW: Keys(rows, pa.array(np.arange(right.table.num_rows)), ROW)}


def _by_columns(left: Side, right: Side, first: str, second: str) -> Keys:
    types = [left.table[first].type, right.table[second].type]
    columns = [left.table[first], right.table[second]]
    if types[0] != types[1]:
        columns = [column.cast(pa.string()) for column in columns]
    ours, theirs = (pa.chunked_array(column.chunks, column.type).combine_chunks() for column in columns)
    return Keys(ours, theirs, first)


def _ids(side: Side) -> pa.Array:
    """Return the id of each row; null for all but the newest version of a resource."""
    ids = side.table[ID].cast(pa.string()).combine_chunks()
    if "." in side.name or pc.count_distinct(ids).as_py() == len(ids):  # of a list, each element counts
        return ids
    frame = pd.DataFrame({"id": ids.to_pandas(), "row": np.arange(len(ids)), "time": pd.NaT})
    if _UPDATED in side.columns:
        text = side.table[_UPDATED].to_pandas()
        frame["time"] = pd.to_datetime(text, utc=True, errors="coerce", format="ISO8601")
    newest = (
        frame.sort_values(["time", "row"], na_position="first", kind="stable").groupby("id")["row"].last()
    )
    is_newest = np.isin(frame["row"].to_numpy(), newest.to_numpy())
    return pc.if_else(pa.array(is_newest), ids, pa.scalar(None, pa.string()))


def _turned(keys: Keys) -> Keys:
    return keys._replace(left=keys.right, right=keys.left)


def _near(left: Side, right: Side, on: str) -> str:
    known = [*reference_columns(left.table.schema), *reference_columns(right.table.schema)]
    near = [] if on in known else difflib.get_close_matches(on, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _there(side: Side) -> str:
    """Say which references a table has, and to what."""
    names = reference_columns(side.table.schema)
    if not names:
        return f"{side.name} has no references"
    told: list[str] = []
    for name in names[:_SHOWN]:
        targets = References.of(side.table[f"{name}{REFERENCE}"]).targets()
        told.append(f"{name} -> {'|'.join(targets)}" if targets else name)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{side.name} has the references {', '.join(told)}{more}"


def _attrs(keys: Keys, left: Mapping[Any, Any], right: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return where the rows are from, by what they were joined, and how many of the left ones match."""
    matched = pc.sum(pc.is_in(keys.left.drop_null(), keys.right.drop_null())).as_py() or 0
    without = keys.left.null_count
    return {
        "operation": left.get("operation") or right.get("operation"),
        "files": list(dict.fromkeys((*left.get("files", ()), *right.get("files", ())))),
        "join": {
            "on": keys.on,
            "matched": matched,
            "unmatched": len(keys.left) - without - matched,
            "without_key": without,
            "servers": list(keys.bases),
        },
    }
