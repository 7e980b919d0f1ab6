"""What a format is: how its files look, and how their bytes become tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import re

    from lro_notebook.results.arrow.batch import Advance, Batch, Options
    from lro_notebook.results.arrow.dates import Parse
    from lro_notebook.results.discover import Shard
    from lro_notebook.results.sources.source import Streams

#: A pattern for where a line begins, past a byte order mark and the frame of a message.
LINE_START = rb"(?:^|\n)[ \t\r\x0b]*(?:\xef\xbb\xbf)?\x0b?"
#: Reads the shards of one main table, which a source opens, piece by piece.
Read = Callable[["Streams", "Sequence[Shard]", "Options", "Advance"], "Iterator[Batch]"]


@dataclass(frozen=True, slots=True)
class Format:
    """A format of files.

    Attributes
    ----------
    name : str
        What it is called.
    read : callable
        ``read(source, shards, options, advance)`` yields a `Batch` for each piece of the shards, in pieces
        that fit in memory. It opens nothing by itself: ``source.open(shard)`` does.
    table : str
        The table that its files make; empty where their names say it.
    of_name : callable, optional
        Returns what the name of a file of this format says, as fields of `Shard`; None for any other name.
    own_suffixes : frozenset of str
        Suffixes that are enough to know its files by.
    suffixes : frozenset of str
        Suffixes that its files may have beside others; "" for none. The first bytes decide.
    start : compiled pattern, optional
        Is searched for in the first bytes, decompressed, of a file with such a suffix.
    looks : callable, optional
        ``looks(name, start)``: whether a file of this name, without its folder, whose first bytes are
        `start`, decompressed, is of this format, whatever its suffix.
    times : callable, optional
        ``times(table, column)``: how the values of a column are read as times, where its name says that they
        are: see `dates.Look`. By the names of FHIR's elements where a format does not say it.
    inner_tables : compiled pattern, optional
        The names of the tables that are read with the main one whatever the options are.
    holds_resources : bool
        Whether each line is a FHIR resource, so that views can read it.
    in_folders : bool
        Whether its files lie in folders of folders, and their names do not say which operation wrote them.
    written_by : str
        The collection of stores whose operations write it, where these write nothing else.
    files_at_once : int
        How many files are one part of a table; many where they are small.
    tells_files : bool
        Whether batches tell which of their rows are of which file.
    head : int
        Bytes at the start of a file that are probably enough; 0 where all are read.
    """

    name: str
    read: Read
    table: str = ""
    of_name: Callable[[str], Mapping[str, Any] | None] | None = None
    own_suffixes: frozenset[str] = frozenset()
    suffixes: frozenset[str] = frozenset()
    start: re.Pattern[bytes] | None = None
    looks: Callable[[str, bytes], bool] | None = None
    times: Callable[[str, str], Parse | None] | None = None
    inner_tables: re.Pattern[str] | None = None
    holds_resources: bool = False
    in_folders: bool = False
    written_by: str = ""
    files_at_once: int = 1
    tells_files: bool = False
    head: int = 0

    def __repr__(self) -> str:
        return f"<Format {self.name}>"
