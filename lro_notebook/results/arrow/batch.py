"""What every format and source gives: tables piece by piece, and what was wrong in each piece."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple, Self

from lro_notebook.errors import ResultError
from lro_notebook.results.arrow.line_blocks import Unlisted
from lro_notebook.results.limits import DEFAULT, Limits

if TYPE_CHECKING:
    import pyarrow as pa

    from lro_notebook.results.formats.json.envelopes import Envelope
    from lro_notebook.results.shards import Shard


class BadLine(NamedTuple):
    """A line that could not be read: its file, its number from 1, and why, in fixed words.

    The number is None where the file as a whole is meant.
    """

    file: str
    line: int | None
    reason: str


class Note(NamedTuple):
    """What was decided about a file that the user may want to know, in fixed words."""

    file: str
    text: str


class Miscounted(str):
    """Why a file as a whole is bad: it does not hold as many rows as a manifest says."""

    __slots__ = ()

    @classmethod
    def of(cls, counted: int, held: int) -> Self:
        """Return the reason for a file that holds so many resources."""
        return cls(f"the manifest counts {counted:,} resources, the file holds {held:,}")


@dataclass(frozen=True, slots=True)
class Options:
    """How to load; the words are those of `results.load_place.read`.

    Of those, `encoding` is empty where none is given. Beside them, `levels` says how many lists are around
    each path of the main table, and `envelope` what the rows of JSON documents are, where that was learnt.
    """

    columns: Sequence[str] | Mapping[str, Sequence[str]] | None = None
    decimals: str = "float"
    parse_dates: bool = False
    lists: str = "first"
    errors: str = "report"
    encoding: str = ""
    limits: Limits = DEFAULT
    source_file: bool = False
    levels: Mapping[str, int] = field(default_factory=dict)
    envelope: Envelope | None = None

    @property
    def explodes(self) -> bool:
        """Whether each list is a table of its own."""
        return self.lists == "explode"

    def dated(self, parse_dates: bool | None) -> Options:  # noqa: FBT001 - its value
        """Return these options with another `parse_dates`; None changes nothing."""
        return self if parse_dates is None else replace(self, parse_dates=parse_dates)

    def columns_of(self, table: str, main: str) -> list[str] | None:
        """Return the columns that are asked of `table`, read with the table `main`; None for all."""
        if isinstance(self.columns, Mapping):
            return list(dict.fromkeys(self.columns[table])) if table in self.columns else None
        return None if self.columns is None or table != main else list(dict.fromkeys(self.columns))


@dataclass(frozen=True, slots=True)
class Batch:
    """A piece of a main table, and of the tables that are read with it.

    Attributes
    ----------
    tables : dict
        Name of a table -> its rows in this piece, flat.
    bad : list of BadLine
        What could not be read.
    truncated : dict
        Column of a list that is shown by its first element -> rows where it had more.
    names : collection of str
        All columns of the main table, also those that were not asked for.
    shape : pyarrow.StructType or None
        The types of the main table before it was made flat, where each list is a table.
    files : sequence of (Shard, int)
        Whose rows of the main table follow each other, and how many; empty where the format does not tell.
    is_typed : bool
        Whether columns have types; else what they hold is judged over all pieces, and all could be text.
    notes : sequence of Note
        What was decided about the files.
    """

    tables: Mapping[str, pa.Table]
    bad: Sequence[BadLine] = ()
    truncated: Mapping[str, int] = field(default_factory=dict)
    names: Sequence[str] = ()
    shape: pa.DataType | None = None
    files: Sequence[tuple[Shard, int]] = ()
    is_typed: bool = True
    notes: Sequence[Note] = ()


#: Is told how many more bytes of the files were read.
Advance = Callable[[int], object]


def list_bad_lines(listed: list[BadLine], more: Sequence[BadLine], most: int) -> int:
    """Add bad lines to those `listed`, up to `most`; return how many others there are."""
    unlisted = sum(line.reason.lines for line in more if isinstance(line.reason, Unlisted))
    single = [line for line in more if not isinstance(line.reason, Unlisted)]
    files = [line for line in single if isinstance(line.reason, Miscounted)]  # there are only so many
    single = [line for line in single if not isinstance(line.reason, Miscounted)]
    kept = single[: max(most - len(listed), 0)]
    listed.extend([*kept, *files])
    return unlisted + len(single) - len(kept)


def raise_if_asked(bad: Sequence[BadLine], options: Options) -> None:
    """Raise `ResultError` for the first bad line where ``errors="raise"``."""
    if bad and options.errors == "raise":
        place = bad[0].file + (f" line {bad[0].line}" if bad[0].line is not None else "")
        raise ResultError(f'{place}: {bad[0].reason}; errors="report" loads the rest')
