"""What is at a place: the parts of tables, and what is in none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from lro_notebook.results.formats.format import Format
    from lro_notebook.results.remote.versions import Version


@dataclass(frozen=True, slots=True)
class Shard:
    """One part of a table: a file, or what stands for one where tables are in no files.

    Attributes
    ----------
    uri, path : str
        Its name for the user, and in the file system.
    table : str
        The resource type; ``{type}_history`` for a history export.
    size : int
        Bytes, as stored.
    operation : str or None
        The id of the operation that wrote it, where the name says.
    index, total : int or None
        Its place among the shards of its table.
    history : bool
        Whether its lines are history Bundles.
    format : Format or None
        How its bytes are read; None where its source gives columns, not bytes: BigQuery.
    written : datetime or None
        When, where the storage says.
    row : int
        Rows of its table in the files before it, where that was counted.
    version : Version or None
        The state that was listed, where that is known; no other one is read.
    counted : int or None
        How many rows a manifest says that it has.
    keys : tuple of (str, str or None)
        Columns whose value the folders around it say, as in ``year=2024/month=02``; in no file of theirs.
    in_lines : bool
        Whether it has an object on each line, in a table whose `format` also reads files that have not.
    """

    uri: str
    path: str
    table: str
    size: int
    operation: str | None = None
    index: int | None = None
    total: int | None = None
    history: bool = False
    format: Format | None = None
    written: datetime | None = field(default=None, repr=False, compare=False)
    row: int = field(default=0, repr=False, compare=False)
    version: Version | None = field(default=None, repr=False, compare=False)
    counted: int | None = field(default=None, repr=False, compare=False)
    keys: tuple[tuple[str, str | None], ...] = field(default=(), repr=False, compare=False)
    in_lines: bool = field(default=False, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file at a place that is in no table, or a folder beside files.

    Attributes
    ----------
    uri, path : str
        Its name for the user, and in the file system.
    reason : str
        Why, in fixed words.
    operation, written
        As those of `Shard`.
    quiet : bool
        Whether nobody would look for it in a table, as an empty file or ``_SUCCESS``.
    is_folder : bool
        Whether it is a folder.
    """

    uri: str
    path: str
    reason: str
    operation: str | None = None
    written: datetime | None = field(default=None, repr=False, compare=False)
    quiet: bool = False
    is_folder: bool = False


class Found(NamedTuple):
    """What is at a place.

    Attributes
    ----------
    shards : list of Shard
        The result files, sorted by table and index.
    skipped : list of Skipped
        The other files.
    note : str
        What is not sure of them, for people; empty for nothing.
    """

    shards: list[Shard]
    skipped: list[Skipped]
    note: str = ""
