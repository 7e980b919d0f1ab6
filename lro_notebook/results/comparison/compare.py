"""Two results, or tables, column by column: what is kept, changed and removed. No value is shown.

Values are compared as salted hashes, some columns at a time, so that large tables need little memory.
"""

from __future__ import annotations

import html
import secrets
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from lro_notebook.errors import ConfigError
from lro_notebook.results.comparison.hashes import NOTHING, columns_of, words
from lro_notebook.results.comparison.inputs import tables_of
from lro_notebook.results.comparison.matching import Matched, Numbers, key_of, matched
from lro_notebook.suggestions import named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from lro_notebook.results.comparison.hashes import Hashes
    from lro_notebook.results.table_stream import Stream
    from lro_notebook.results.tables import Tables

_BYTES = 64_000_000  # of the hashes that are held at a time
_CUT = 'only the first elements of lists are compared; load both with lists="explode" to compare all of them'
_UNMATCHED = "seen_before counts the values of after that were there before, in whatever row"
_COUNTS = (
    "rows_before",
    "rows_after",
    "matched",
    "filled_before",
    "filled_after",
    "kept",
    "changed",
    "removed",
    "added",
    "distinct_before",
    "distinct_after",
    "seen_before",
)
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("table", "column", "matched_by")),
        *((name, pa.int64()) for name in _COUNTS),
    ]
)


class Comparison(pd.DataFrame):
    """A frame of what was compared, which says below its rows how that was done (``attrs["notes"]``)."""

    @property
    def _constructor(self) -> Callable[..., pd.DataFrame]:
        return pd.DataFrame  # what is made of it is any frame

    def __repr__(self) -> str:
        return "\n".join((super().__repr__(), *self.attrs.get("notes", ())))

    def _repr_html_(self) -> str | None:
        notes = "".join(f"<p>{html.escape(note, quote=False)}</p>" for note in self.attrs.get("notes", ()))
        shown = pd.DataFrame(self)._repr_html_()  # type: ignore[operator]
        return shown and f"{shown}{notes}"


class Sides(NamedTuple):
    """A table before and after; None where it is not there."""

    name: str
    before: Stream | None
    after: Stream | None


@named
def compare(before: Any, after: Any, *, on: str | Sequence[str] | None = None) -> Comparison:
    """Report what a de-identification has kept, changed and removed, column by column; no value is shown.

    Rows are matched by the id of the resource, message or instance where it is the same before and after;
    HL7v2 messages, which get another id when their text changes, by their control id (MSH-10). Where ids
    were replaced, columns are compared as a whole.

    Parameters
    ----------
    before, after : Results, Operation, str, path, DataFrame, or mapping of str to DataFrame
        Results; what `read_results` takes; or tables. Best loaded with the same options.
    on : str or sequence of str, optional
        The columns by which to match rows, in the tables that have them.

    Returns
    -------
    DataFrame
        A row per column: ``table``, ``column``, ``matched_by`` (string; missing where rows are not matched),
        ``rows_before``, ``rows_after``, ``matched`` (rows that are in both), ``filled_before``,
        ``filled_after``, of the matched rows ``kept``, ``changed``, ``removed``, ``added``, then
        ``distinct_before``, ``distinct_after`` and ``seen_before``, which counts the values of after that
        were there before, in whatever row (all Int64 of Arrow). ``attrs["notes"]`` says what to know of it.

    Raises
    ------
    ConfigError
        There is no table of one name in both, or none has the columns of `on`.
    ResultError
        One of them cannot be read.

    Examples
    --------
    >>> report = lro.compare(op.load(), op.load())
    >>> int(report["changed"].sum())
    0
    """
    key = [on] if isinstance(on, str) else list(on or ())
    return compared(tables_of(before), tables_of(after), key)


def compared(before: Tables, after: Tables, key: Sequence[str]) -> Comparison:
    """Return `compare` of tables, by the columns of `key` where there are any."""
    salt = secrets.token_hex(8)
    rows: list[dict[str, Any]] = []
    notes: list[str] = []
    there: list[Sides] = []
    cut: list[str] = []
    for pair in before._pairs(after):  # noqa: SLF001 - of this room
        numbers = Numbers.of(pair.before, salt), Numbers.of(pair.after, salt)
        for name in dict.fromkeys((*pair.before, *pair.after)):
            sides = Sides(name, pair.before.get(name), pair.after.get(name))
            own, found = _key(key, sides), None
            if sides.before is not None and sides.after is not None:
                found = matched(sides.before, sides.after, own, numbers, salt)
            columns = list(_compared(sides, found, salt))
            rows += columns
            notes += _notes(sides, found, own, _rows(columns))
            there.append(sides)
        cut += [pair.main] if pair.is_cut else []
    _check(there, key)
    frame = Comparison(pa.Table.from_pylist(rows, schema=SCHEMA).to_pandas(types_mapper=pd.ArrowDtype))
    frame.attrs["notes"] = [*notes, f"{', '.join(cut)}: {_CUT}"] if cut else notes
    return frame


def _key(key: Sequence[str], sides: Sides) -> Sequence[str]:
    """Return the key that was asked for, where both sides have it."""
    there = [set(side.schema.names) if side else set() for side in (sides.before, sides.after)]
    return key if all(set(key) <= names for names in there) else []


def _check(there: Sequence[Sides], key: Sequence[str]) -> None:
    shared = [sides for sides in there if sides.before is not None and sides.after is not None]
    if not shared:
        was = ", ".join(sides.name for sides in there if sides.before is not None)
        now = ", ".join(sides.name for sides in there if sides.after is not None)
        raise ConfigError(
            f"no table is there before ({was or 'none'}) and after ({now or 'none'}); those of other names "
            'are compared one by one: lro.compare(before["…"], after["…"])'
        )
    if key and not any(_key(key, sides) for sides in shared):
        raise ConfigError(f"on={key!r}: no table has that both before and after")


def _compared(sides: Sides, found: Matched | None, salt: str) -> Iterator[dict[str, Any]]:
    """Yield a row for each column of a table."""
    types: list[dict[str, pa.DataType]] = [
        dict(zip(side.schema.names, side.schema.types, strict=True)) if side else {}
        for side in (sides.before, sides.after)
    ]
    counts = [_count(side) for side in (sides.before, sides.after)]
    names = list(dict.fromkeys((*types[0], *types[1])))
    step = max(1, _BYTES // (np.uint64(0).nbytes * max(sum(counts), 1)))
    for start in range(0, len(names), step):
        some = names[start : start + step]
        values = [
            _values(side, some, own, other, salt)
            for side, own, other in ((sides.before, types[0], types[1]), (sides.after, types[1], types[0]))
        ]
        for name in some:
            pair = [
                side.get(name, np.full(count, NOTHING)) for side, count in zip(values, counts, strict=True)
            ]
            yield {"table": sides.name, "column": name, **_row(pair[0], pair[1], found)}


def _count(side: Stream | None) -> int:
    if side is None:
        return 0
    names = side.schema.names[:1]
    return sum(piece.num_rows for piece in (side.only(names) if names else side).pieces())


def _values(
    side: Stream | None,
    names: Sequence[str],
    own: Mapping[str, pa.DataType],
    other: Mapping[str, pa.DataType],
    salt: str,
) -> dict[str, Hashes]:
    """Return the hashes of those of the columns that a side has."""
    there = [name for name in names if name in own]
    if side is None or not there:
        return {}
    told = [words(own[name], other.get(name)) for name in there]
    return dict(zip(there, columns_of(side, there, told, salt), strict=True))


def _row(before: Hashes, after: Hashes, found: Matched | None) -> dict[str, Any]:
    """Return what is said of a column."""
    filled = before[before != NOTHING], after[after != NOTHING]
    known = np.unique(filled[0])
    row: dict[str, Any] = {
        "rows_before": len(before),
        "rows_after": len(after),
        "filled_before": len(filled[0]),
        "filled_after": len(filled[1]),
        "distinct_before": len(known),
        "distinct_after": len(np.unique(filled[1])),
        "seen_before": int(np.isin(filled[1], known).sum()),
    }
    if found is None:
        return row
    was, now = before[found.before], after[found.after]
    is_there = (was != NOTHING) & (now != NOTHING)
    kept = int((is_there & (was == now)).sum())
    return {
        **row,
        "matched_by": ", ".join(found.by),
        "matched": len(was),
        "kept": kept,
        "changed": int(is_there.sum()) - kept,
        "removed": int(((was != NOTHING) & (now == NOTHING)).sum()),
        "added": int(((was == NOTHING) & (now != NOTHING)).sum()),
    }


def _rows(columns: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    return (columns[0]["rows_before"], columns[0]["rows_after"]) if columns else (0, 0)


def _notes(sides: Sides, found: Matched | None, own: Sequence[str], rows: tuple[int, int]) -> Iterator[str]:
    """Yield what to know of how a table was compared."""
    if sides.before is None or sides.after is None:
        yield f"{sides.name}: there is none {'before' if sides.before is None else 'after'}"
        return
    if found is None and all(rows):
        names = own or key_of(sides.before.schema.names, sides.after.schema.names)
        why = f"no value of {', '.join(names)} is in both" if names else "no column identifies a row"
        yield f"{sides.name}: {why}, so rows are not matched; {_UNMATCHED}"
    if found is None:
        return
    if not set(found.by) <= set(sides.before.schema.names):
        yield f"{sides.name}: ids have changed, so rows are matched by {', '.join(found.by)}"
    if len(found.before) < max(rows):
        yield (
            f"{sides.name}: {len(found.before):,} rows are in both, of {rows[0]:,} before and {rows[1]:,} "
            "after; kept, changed, removed and added are counted in these"
        )
