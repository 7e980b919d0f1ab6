"""What a format is: how its files look, and how their bytes become tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    import re

    from lro_notebook.results.arrow.batch import Advance, Batch, Options
    from lro_notebook.results.arrow.dates import Parse
    from lro_notebook.results.arrow.line_blocks import Block
    from lro_notebook.results.limits import Limits
    from lro_notebook.results.shards import Shard
    from lro_notebook.results.sources.source import Streams

#: A pattern for where a line begins, past a byte order mark and the frame of a message.
LINE_START = rb"(?:^|\n)[ \t\r\x0b]*(?:\xef\xbb\xbf)?\x0b?"
#: Reads the shards of one main table, which a source opens, piece by piece.
Read = Callable[["Streams", "Sequence[Shard]", "Options", "Advance"], "Iterator[Batch]"]
#: Looks at all shards of a main table before parts of it are read.
Decide = Callable[["Streams", "Sequence[Shard]", "Options"], "Options"]


#: Cuts a file into blocks of one object a line.
Cut = Callable[["BinaryIO", "Limits"], "Iterator[Block]"]


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
        Suffixes that promise it: a file with one is read so where its first bytes tell no other format.
    start : compiled pattern, optional
        Is searched for in the first bytes, decompressed, of a file whose suffix says nothing.
    looks : callable, optional
        ``looks(name, start)``: whether a file of this name, without its folder, whose first bytes are
        `start`, decompressed, is of this format, whatever its suffix.
    table_in : callable, optional
        Returns the table that the first bytes of a file tell, decompressed; None where its name and place
        are to say it.
    decide : callable, optional
        ``decide(source, shards, options)`` returns the options with what holds for a table as a whole, so
        that parts of it can be read apart; it is given all `shards`. ``read`` does it by itself otherwise.
    times : callable, optional
        ``times(table, column)``: how the values of a column are read as times, where its name says that they
        are: see `dates.Look`. By the names of FHIR's elements where a format does not say it.
    inner_tables : compiled pattern, optional
        The names of the tables that are read with the main one whatever the options are.
    resources : callable, optional
        ``resources(type)`` returns what cuts a file into blocks of FHIR resources of that type, one a line,
        so that views can read it.
    tables_in : callable, optional
        ``tables_in(file, limits)`` returns the tables of which a file holds rows, where these may be several.
    general : Format, optional
        The format that reads its files too, and others: for a table that has both.
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
    table_in: Callable[[bytes], str | None] | None = None
    decide: Decide | None = None
    times: Callable[[str, str], Parse | None] | None = None
    inner_tables: re.Pattern[str] | None = None
    resources: Callable[[str], Cut] | None = None
    tables_in: Callable[[BinaryIO, Limits], Iterable[str]] | None = None
    general: Format | None = None
    in_folders: bool = False
    written_by: str = ""
    files_at_once: int = 1
    tells_files: bool = False
    head: int = 0

    def __repr__(self) -> str:
        return f"<Format {self.name}>"
