"""`Tables`: tables that are read when they are asked for, and what was wrong in them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import pandas as pd

from lro_notebook.errors import BadLinesWarning, UnknownKey, warn_caller
from lro_notebook.results import load_report, response_table
from lro_notebook.results.arrow.batch import Options
from lro_notebook.results.export import dask
from lro_notebook.results.formats.fhir.bulk_files import FAILURES, empty
from lro_notebook.results.load_table import Loaded, MainTable, load_table, report_on
from lro_notebook.results.memory_estimate import fits
from lro_notebook.results.progress_bar import byte_bar
from lro_notebook.results.response_table import RESPONSE
from lro_notebook.results.table_stream import Stream

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from lro_notebook.results.arrow.dates import Look
    from lro_notebook.results.load_report import Report
    from lro_notebook.results.shards import Shard, Skipped
    from lro_notebook.results.sources.source import Source


_SMALL = 32_000_000  # bytes of files


class Pair(NamedTuple):
    """The tables that are read with one main table, of two results.

    Attributes
    ----------
    main : str
        Its name.
    before, after : mapping of str to Stream
        Their rows; empty where the results have no such main table.
    is_cut : bool
        Whether they show lists by their first element.
    """

    main: str
    before: Mapping[str, Stream]
    after: Mapping[str, Stream]
    is_cut: bool


class Tables(Mapping[str, pd.DataFrame]):
    """A lazy mapping from the names of tables to DataFrames; what `Results` is made of."""

    def __init__(
        self,
        source: Source | None,
        shards: Sequence[Shard],
        options: Options | None = None,
        *,
        skipped: Sequence[Skipped] = (),
        more: Sequence[tuple[Source, Sequence[Shard], Options]] = (),
        beside: Tables | None = None,
        hint: str = "",
    ) -> None:
        self._options = options or Options()
        self._tables: dict[str, MainTable] = {}
        self._skipped, self._beside = list(skipped), beside
        of_source = [(source, shards, self._options)] if source is not None else []
        for where, listed, how in (*of_source, *more):
            self._add(where, listed, how)
        self._loaded: dict[str, Loaded] = {}
        self._reported: dict[str, Report] = {}
        self._frames: dict[str, pd.DataFrame] = {}
        self._plans: dict[str, dask.Plan] = {}
        self._warned = False
        self._response: Mapping[str, Any] = {}
        self._hint = hint
        self.partial = ""  # the state in which their operation ended, where it left a part

    @classmethod
    def from_response(
        cls,
        response: Mapping[str, Any],
        *,
        source: Source | None = None,
        shards: Sequence[Shard] = (),
        options: Options | None = None,
        hint: str = "",
    ) -> Self:
        """Return the response of an operation that wrote no files, as the table ``response``.

        One list on its top level gives a row per element, one map from URIs a row per entry, with the other
        fields in ``frame.attrs["response"]``; any other gives one row, an empty one none; without ``@type``.
        Beside `shards` of a store, an empty one gives no table. `hint` says what to do for one not there.
        """
        loaded, beside = response_table.read(response, options)
        results = cls(source, shards, options, hint=hint)
        results._response = beside
        if loaded.table.num_rows or not shards:
            results._loaded[RESPONSE] = loaded
            results._note(RESPONSE, loaded.report)
        return results

    def know(self, tables: Mapping[str, Loaded]) -> None:
        """Have these tables too, where there are none of their names."""
        self._loaded.update((name, each) for name, each in tables.items() if name not in self._main())

    def __getitem__(self, name: str) -> pd.DataFrame:
        frame = self._frames.get(name)
        if frame is None:
            table = self.arrow(name)
            frame = table.to_pandas(types_mapper=pd.ArrowDtype)
            frame.attrs = self.provenance(name)
            self._frames[name] = frame
        return frame

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())

    def __contains__(self, name: object) -> bool:
        return name in self._names()

    def _ipython_key_completions_(self) -> list[str]:
        """Return the names that are known without reading."""
        return [*self._main(), *(child for loaded in self._loaded.values() for child in loaded.children)]

    def arrow(self, name: str) -> pa.Table:
        """Return the table `name` as Arrow has it, without a copy.

        Raises
        ------
        KeyError
            There is no such table; the message names those that there are.
        ResultError
            It cannot be read, or would not fit in memory.
        """
        main = self._main_of(name)
        if main == name:
            return self._load(name).table
        if main is not None and name in self._load(main).children:
            return self._loaded[main].children[name]
        raise self._unknown(name)

    @property
    def summary(self) -> pd.DataFrame:
        """One row per table: ``table`` (string), ``files``, ``bytes`` as stored, ``rows`` if read (Int64)."""
        rows = {name: each.table.num_rows for name, each in self._loaded.items()}
        return load_report.summary(self._sizes(), rows)

    @property
    def bad_lines(self) -> pd.DataFrame:
        """One row per line that could not be read: ``file`` (string), ``line`` (Int64, from 1), ``reason``.

        Of each table the first ones, ``limits["bad_lines"]`` of them; ``.attrs["more"]`` is how many others
        there are.

        ``line`` is missing where a file as a whole could not be read; in a store, it counts what is
        listed. Reads the tables that are not read yet.
        """
        return load_report.bad_lines(self._reports())

    @property
    def failures(self) -> pd.DataFrame:
        """One row per failure in the error files that a manifest names: severity, code, message, …."""
        if self._beside is not None:
            return self._beside[FAILURES]
        frame: pd.DataFrame = empty(FAILURES).to_pandas(types_mapper=pd.ArrowDtype)
        return frame

    @property
    def truncated(self) -> pd.DataFrame:
        """One row per list that is shown by its first element: ``column`` (string), ``rows`` (Int64).

        ``rows`` counts the rows where the list had more elements. Reads the tables that are not read yet.
        """
        return load_report.counts_frame("rows", (report.truncated for report in self._reports()))

    @property
    def unparsed_dates(self) -> pd.DataFrame:
        """One row per column that stays text with ``parse_dates``: ``column`` (string), ``values`` (Int64).

        ``values`` counts those that are no dates or times. Reads the tables that are not read yet.
        """
        return load_report.counts_frame("values", (report.unparsed_dates for report in self._reports()))

    @property
    def skipped(self) -> pd.DataFrame:
        """One row per file at the place that is in no table: ``file``, ``reason`` (string). Reads nothing."""
        return load_report.skipped(self._skipped)

    def _add(self, source: Source, shards: Sequence[Shard], options: Options) -> None:
        parts: dict[str, list[Shard]] = {}
        for shard in shards:
            parts.setdefault(shard.table, []).append(shard)
        for name, files in parts.items():
            free = next(one for one in _numbered(name) if one not in self._tables)
            renamed = files if free == name else [replace(shard, table=free) for shard in files]
            self._tables[free] = MainTable(source, renamed, options)

    def _main(self) -> list[str]:
        """Return the tables that have files of their own."""
        return list(dict.fromkeys((*self._tables, *self._loaded)))

    def _main_of(self, name: object) -> str | None:
        """Return the table with which the table `name` is read, None if there is none."""
        if name in self._main():
            return str(name)
        if known := next((main for main, each in self._loaded.items() if name in each.children), None):
            return known
        inner = [main for main, unread in self._tables.items() if unread.has_inner_tables]
        prefixed = [main for main in inner if str(name).startswith(f"{main}.")]
        return next(iter((*prefixed, *inner)), None)

    def _names(self) -> list[str]:
        """Return the names of all tables; inner ones are known only after their main table is read."""
        names: list[str] = []
        for main in self._main():
            inner = main in self._loaded or self._tables[main].has_inner_tables
            names += [main, *(self._load(main).children if inner else ())]
        return names

    def _unknown(self, name: str, why: str = "") -> KeyError:
        more = "; ".join(filter(None, (why, self._hint)))
        return UnknownKey(load_report.no_table([name], self._ipython_key_completions_(), more=more))

    def _nothing(self) -> str:
        """Return what is said where there are no tables."""
        return f"no tables: {self._hint}" if self._hint else "no tables"

    def _with_inner(self, name: str) -> str:
        """Return the name of a main table with what is said of those that are read with it."""
        loaded = self._loaded.get(name)
        if loaded is None:
            return f"{name} and the tables in it" if self._is_folded(name) else name
        return f"{name}{load_report.inner(list(loaded.children))}"

    def _sizes(self) -> list[tuple[str, int, int]]:
        tables = [(name, self._tables.get(name)) for name in self._main()]
        return [(name, len(one.shards), one.size) if one else (name, 0, 0) for name, one in tables]

    def _overview(self) -> Iterator[tuple[str, ...]]:
        for name, files, size in self._sizes():
            loaded, report = self._loaded.get(name), self._report_of(name)
            unread = "not read yet" + (", with the tables in it" if self._is_folded(name) else "")
            rows = f"{loaded.table.num_rows:,}" if loaded else unread
            bad = "" if report is None else f"{len(report.bad) + report.unlisted:,}"
            yield name, f"{files:,}", f"{size:,}", rows, bad
            for child, table in loaded.children.items() if loaded else ():
                yield child, "", "", f"{table.num_rows:,}", ""

    def _is_folded(self, name: str) -> bool:
        """Tell whether there are tables in `name` that are known only once it is read."""
        return name not in self._loaded and self._tables[name].has_inner_tables

    def provenance(self, name: str) -> dict[str, Any]:
        """Return what the frame of a table has in ``attrs``: the operation and the files that it is from."""
        main = self._tables.get(self._main_of(name) or "")
        shards = main.shards if main else []
        operation = shards[0].operation if shards else None
        beside = {RESPONSE: self._response} if name == RESPONSE and self._response else {}
        loaded = self._loaded.get(main.name) if main else None
        notes = {"notes": loaded.report.noted()} if loaded and loaded.report.notes else {}
        part = {"partial": self.partial} if self.partial else {}
        return {"operation": operation, "files": [shard.uri for shard in shards], **part, **beside, **notes}

    def _load(self, name: str) -> Loaded:
        if name not in self._loaded:
            main = self._tables[name]
            with byte_bar(name, main.size, len(main.shards)) as advance:
                self._loaded[name] = load_table(main, advance)
            self._note(name, self._loaded[name].report)
        return self._loaded[name]

    def _mains_of(self, names: Sequence[str] | None) -> list[str]:
        """Return the main tables that `names` are read with; of all tables for None."""
        if names is None:
            return self._main()
        mains = {name: self._main_of(name) for name in names}
        if unknown := next((name for name, main in mains.items() if main is None), None):
            raise self._unknown(unknown)
        return list(dict.fromkeys(main for main in mains.values() if main is not None))

    def _plan(self, main: str, purpose: str) -> dask.Plan:
        """Read a main table to the folder for temporary files, and keep it there until the plan is gone."""
        if main in self._plans:
            return self._plans[main]
        table = self._tables[main]
        with byte_bar(f"{main} {purpose}", table.size, len(table.shards)) as advance:
            plan = dask.plan(table, advance)
        self._note(main, plan.export.report)
        return plan

    @contextmanager
    def _streams(
        self, main: str, purpose: str, names: Sequence[str] | None = None
    ) -> Iterator[dict[str, Stream]]:
        """Give the tables that are read with `main`, row by row, in little memory unless they are loaded.

        Only those of `names`; all by default.
        """
        loaded = self._loaded.get(main)
        if loaded is not None:
            plan, streams = None, {name: Stream.of(table) for name, table in loaded.tables(main).items()}
        else:
            plan = self._plan(main, purpose)  # is kept on the disk as long as this name
            streams = plan.streams()
        for name in names or ():
            if self._main_of(name) == main and name not in streams:
                raise self._unknown(name)
        yield {name: stream for name, stream in streams.items() if names is None or name in names}
        del plan

    def _keep(self, main: str, purpose: str) -> None:
        """Load a main table that is small, and keep it; of a large one, keep the rows on the disk."""
        unread = self._tables.get(main)
        if unread is not None and main not in self._loaded:
            if unread.size <= _SMALL and fits(unread.size):
                self._load(main)
            else:
                self._plans[main] = self._plan(main, purpose)

    @contextmanager
    def _together(self, main: str) -> Iterator[dict[str, Stream]]:
        """Give a main table and those that are read with it, in little memory; none where it is not there."""
        if main not in self._main():
            yield {}
            return
        self._keep(main, "to compare")
        with self._streams(main, "to compare") as streams:
            yield streams

    def _pairs(self, other: Tables) -> Iterator[Pair]:
        """Yield the tables that are read together, those of both results at a time, in little memory."""
        both = (self, other)
        for main in dict.fromkeys(name for each in both for name in each._main()):  # noqa: SLF001 - of the same class
            with ExitStack() as stack:
                before, after = [stack.enter_context(each._together(main)) for each in both]  # noqa: SLF001 - as above
                reports = [each._report_of(main) for each in both]  # noqa: SLF001 - as above
                yield Pair(main, before, after, any(one.truncated for one in reports if one is not None))

    @contextmanager
    def _stream(self, name: str, of: str = "") -> Iterator[tuple[Stream, Look | None]]:
        """Give one table, row by row, and how its dates are read; what is small is loaded, and kept.

        `of` says what the caller is for, where there is no such table.
        """
        main = self._main_of(name)
        if main is None:
            raise self._unknown(name, of)
        self._keep(main, "profile")
        unread = self._tables.get(main)
        reading = unread.shards[0].format if unread else None
        with self._streams(main, "profile", [name]) as streams:
            yield streams[name], partial(reading.times, name) if reading and reading.times else None

    def _report_of(self, name: str) -> Report | None:
        loaded = self._loaded.get(name)
        return loaded.report if loaded else self._reported.get(name)

    def _reports(self) -> Iterator[Report]:
        for name in self._main():
            report = self._report_of(name)
            if report is None:
                main = self._tables[name]
                if fits(main.size):
                    report = self._load(name).report
                else:  # read, but not kept
                    with byte_bar(name, main.size, len(main.shards)) as advance:
                        report = report_on(main, advance)
                    self._note(name, report)
            yield report
        if self._beside is not None:
            yield from self._beside._reports()  # noqa: SLF001 - of the same class

    def _note(self, name: str, report: Report) -> None:
        """Keep what is wrong in `name`, and warn of it once."""
        if name in self._reported:
            return
        self._reported[name] = report
        for message in report.messages(name):
            warn_caller(message, BadLinesWarning)
        if report.truncated and not self._warned:
            self._warned = True
            load_report.warn_of_lists(name)
        load_report.warn_of_dates(name, report.unparsed_dates, "; results.unparsed_dates lists them")


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}_{number}" for number in count(2))
