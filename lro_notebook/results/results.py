"""`Results`: the tables of an operation's output, read when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

import pandas as pd

from lro_notebook.errors import BadLinesWarning, warn_caller
from lro_notebook.results import response_table, told
from lro_notebook.results.arrow.batch import Options
from lro_notebook.results.export import parquet, partitions
from lro_notebook.results.formats.fhir.bulk_files import FAILURES, empty
from lro_notebook.results.main_table import Loaded, MainTable, load_table, report_on
from lro_notebook.results.memory import fits
from lro_notebook.results.progress_bar import byte_bar
from lro_notebook.results.response_table import RESPONSE

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    import dask.dataframe as dd
    import pyarrow as pa

    from lro_notebook.results.shards import Shard, Skipped
    from lro_notebook.results.sources.source import Source
    from lro_notebook.results.told import Report
    from lro_notebook.views.scan import Scan
    from lro_notebook.views.view import View


class Results(Mapping[str, pd.DataFrame]):
    """The tables of an operation's output: a lazy mapping from name to DataFrame.

    Making one reads nothing. A table is parsed when it is first asked for, and kept. Frames hold Arrow
    types throughout; ``frame.attrs`` names the operation and the files that they come from.

    Parameters
    ----------
    source : Source or None
        Where the shards are; None where there are none.
    shards : sequence of Shard
        The parts of the tables, in the order in which they are to be read.
    options : Options
        How to load.
    skipped : sequence of Skipped
        The files beside them that are in no table.
    more : sequence of (Source, sequence of Shard, Options)
        Other sources, and how to load them; of tables with one name, the later get a number.
    beside : Results, optional
        What is told of failures, as the table ``failures``.

    Examples
    --------
    >>> results = op.load()
    >>> list(results)[:2]
    ['Condition', 'Encounter']
    >>> results["Patient"]["birthDate"].dtype
    string[pyarrow]
    >>> results.bad_lines.empty
    True
    >>> results.truncated.columns.tolist()
    ['column', 'rows']
    """

    def __init__(
        self,
        source: Source | None,
        shards: Sequence[Shard],
        options: Options | None = None,
        *,
        skipped: Sequence[Skipped] = (),
        more: Sequence[tuple[Source, Sequence[Shard], Options]] = (),
        beside: Results | None = None,
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
        self._plans: dict[str, partitions.Plan] = {}
        self._warned = False
        self._response: Mapping[str, Any] = {}
        self._hint = ""

    @classmethod
    def from_response(
        cls,
        response: Mapping[str, Any],
        *,
        source: Source | None = None,
        shards: Sequence[Shard] = (),
        options: Options | None = None,
        hint: str = "",
    ) -> Results:
        """Return the response of an operation that wrote no files, as the table ``response``.

        One list on its top level gives a row per element, one map from URIs a row per entry, with the other
        fields in ``frame.attrs["response"]``; any other gives one row, an empty one none; without ``@type``.
        Beside it there may be tables of a store; `hint` says what to do for one that is not there.
        """
        loaded, beside = response_table.read(response, options)
        results = cls(source, shards, options)
        results._hint = hint
        results._loaded[RESPONSE] = loaded
        results._warn(RESPONSE, loaded.report)
        results._response = beside
        return results

    def __getitem__(self, name: str) -> pd.DataFrame:
        frame = self._frames.get(name)
        if frame is None:
            table = self.arrow(name)
            frame = table.to_pandas(types_mapper=pd.ArrowDtype)
            frame.attrs = self._provenance(name)
            self._frames[name] = frame
        return frame

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())

    def __contains__(self, name: object) -> bool:
        return name in self._names()

    def __repr__(self) -> str:
        files = len({shard.uri for main in self._tables.values() for shard in main.shards})
        return f"<Results of {files} files: {', '.join(self._main()) or 'no tables'}>"

    def _repr_html_(self) -> str:
        return told.table_html(self._overview())

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

    def to_parquet(self, folder: str | os.PathLike[str], *, compression: str = "zstd") -> pd.DataFrame:
        """Write every table as Parquet, shard by shard; no table has to fit in memory.

        Each file is read once; those that were written before all columns and types were known are written
        anew from themselves. Files of an earlier call in the same place are replaced, each table's at its
        end.

        Parameters
        ----------
        folder : str or path
            A plain path or any fsspec URL; gets ``{table}/part-00000.parquet`` and so on.
        compression : str
            As in pyarrow.

        Returns
        -------
        DataFrame
            One row per file: ``table``, ``file`` (string), ``rows``, ``bytes`` (Int64).

        Raises
        ------
        ResultError
            The folder cannot be written to, or its disk is full; no part of a table is left there.
        """
        near = next((main.source for main in self._tables.values()), None)
        target = parquet.Target.at(folder, compression, near)
        alone = [each.tables(main) for main, each in self._loaded.items() if main not in self._tables]
        rows = [target.write_whole(name, one) for tables in alone for name, one in tables.items()]
        for name, main in self._tables.items():
            with byte_bar(f"{name} to Parquet", main.size, len(main.shards)) as advance:
                written = target.write(main, advance)
            rows.extend(written.files)
            self._note(name, written.report)
        return parquet.frame_of(rows)

    def dask(self, name: str) -> dd.DataFrame:
        """Return the table `name` as a Dask DataFrame with one partition per file.

        The files are read once now, for the columns and types that all partitions share. What was read is
        kept as Parquet in the folder for temporary files, until these results and the frame are gone:
        workers on this machine compute from it, those on others read the files themselves. Needs the extra
        ``lro-notebook[dask]``.

        Raises
        ------
        KeyError
            There is no such table.
        ConfigError
            Dask is not installed.
        ResultError
            There is no room for temporary files.
        """
        main = self._main_of(name)
        if main not in self._tables:
            raise self._unknown(name)
        if main not in self._plans:
            table = self._tables[main]
            with byte_bar(f"{main} for Dask", table.size, len(table.shards)) as advance:
                self._plans[main] = partitions.plan(table, advance)
            self._note(main, self._plans[main].export.report)
        frame = partitions.frame(self._plans[main], name)
        if frame is None:
            raise self._unknown(name)
        return frame

    def view(
        self, definition: View | Mapping[str, Any] | str, *, parse_dates: bool | None = None
    ) -> pd.DataFrame:
        """Return the rows of a view by the standard SQL on FHIR v2, as a DataFrame with Arrow types.

        Parameters
        ----------
        definition : View, dict or str
            A ViewDefinition: as `View` takes it, or the name of a ready one, such as ``"Patient"``.
        parse_dates : bool, optional
            Whether dates become UTC timestamps, by the types of columns; by default as of the results.

        Raises
        ------
        ConfigError
            The definition breaks a rule of the standard.
        ResultError
            The data does not fit it: several values in a column that is not a collection, or another type.
        """
        return self.scan(definition, parse_dates=parse_dates).to_pandas()

    def scan(self, definition: View | Mapping[str, Any] | str, *, parse_dates: bool | None = None) -> Scan:
        """Return the rows of a `view` unread: ``.to_parquet(path)`` and ``.dask()`` need little memory."""
        from lro_notebook.views.scan import scan as scan_view

        return scan_view(definition, self._tables, self._options.dated(parse_dates))

    @property
    def summary(self) -> pd.DataFrame:
        """One row per table: ``table`` (string), ``files``, ``bytes`` as stored (Int64). Reads nothing."""
        return told.summary(self._sizes())

    @property
    def bad_lines(self) -> pd.DataFrame:
        """One row per line that could not be read: ``file`` (string), ``line`` (Int64, from 1), ``reason``.

        Of each table the first ones, ``limits["bad_lines"]`` of them; ``.attrs["more"]`` is how many others
        there are.

        ``line`` is missing where a file as a whole could not be read; in a store, it counts what is
        listed. Reads the tables that are not read yet.
        """
        return told.bad_lines(self._reports())

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
        return told.counts_frame("rows", (report.truncated for report in self._reports()))

    @property
    def unparsed_dates(self) -> pd.DataFrame:
        """One row per column that stays text with ``parse_dates``: ``column`` (string), ``values`` (Int64).

        ``values`` counts those that are no dates or times. Reads the tables that are not read yet.
        """
        return told.counts_frame("values", (report.unparsed_dates for report in self._reports()))

    @property
    def skipped(self) -> pd.DataFrame:
        """One row per file at the place that is in no table: ``file``, ``reason`` (string). Reads nothing."""
        return told.skipped(self._skipped)

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

    def _unknown(self, name: str) -> KeyError:
        inner = [child for loaded in self._loaded.values() for child in loaded.children]
        there = ", ".join((*self._main(), *inner)) or "none"
        return KeyError(f"no table {name!r}; there are {there}" + (f"; {self._hint}" if self._hint else ""))

    def _sizes(self) -> list[tuple[str, int, int]]:
        tables = [(name, self._tables.get(name)) for name in self._main()]
        return [(name, len(one.shards), one.size) if one else (name, 0, 0) for name, one in tables]

    def _overview(self) -> Iterator[tuple[str, ...]]:
        for name, files, size in self._sizes():
            loaded, report = self._loaded.get(name), self._report_of(name)
            rows = f"{loaded.table.num_rows:,}" if loaded else "not read yet"
            bad = "" if report is None else f"{len(report.bad) + report.unlisted:,}"
            yield name, f"{files:,}", f"{size:,}", rows, bad
            for child, table in loaded.children.items() if loaded else ():
                yield child, "", "", f"{table.num_rows:,}", ""

    def _provenance(self, name: str) -> dict[str, Any]:
        main = self._tables.get(self._main_of(name) or "")
        shards = main.shards if main else []
        operation = shards[0].operation if shards else None
        beside = {RESPONSE: self._response} if name == RESPONSE and self._response else {}
        loaded = self._loaded.get(main.name) if main else None
        notes = {"notes": loaded.report.noted()} if loaded and loaded.report.notes else {}
        return {"operation": operation, "files": [shard.uri for shard in shards], **beside, **notes}

    def _load(self, name: str) -> Loaded:
        if name not in self._loaded:
            main = self._tables[name]
            with byte_bar(name, main.size, len(main.shards)) as advance:
                self._loaded[name] = load_table(main, advance)
            self._note(name, self._loaded[name].report)
        return self._loaded[name]

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
        if name not in self._reported:
            self._reported[name] = report
            self._warn(name, report)

    def _warn(self, name: str, report: Report) -> None:
        for message in report.messages(name):
            warn_caller(message, BadLinesWarning)
        if report.truncated and not self._warned:
            self._warned = True
            told.warn_of_lists(name)
        told.warn_of_dates(name, report.unparsed_dates, "; results.unparsed_dates lists them")


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}_{number}" for number in count(2))
