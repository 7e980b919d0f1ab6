"""`Results`: the tables of an operation's output, read when they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from lro_notebook.results import join, response_table, told
from lro_notebook.results.export import parquet, partitions
from lro_notebook.results.formats.fhir.bulk_files import FAILURES, empty
from lro_notebook.results.progress_bar import byte_bar
from lro_notebook.results.references import keyed
from lro_notebook.results.response_table import RESPONSE
from lro_notebook.results.tables import Tables

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping, Sequence

    import dask.dataframe as dd

    from lro_notebook.results.arrow.batch import Options
    from lro_notebook.results.shards import Shard
    from lro_notebook.results.sources.source import Source
    from lro_notebook.views.scan import Scan
    from lro_notebook.views.view import View


class Results(Tables):
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

        A response that has exactly one list on its top level gives a row per element, and its other fields
        in ``frame.attrs["response"]``; any other gives one row, and an empty one none. ``@type`` is left out.
        Beside it there may be tables of a store; `hint` says what to do for one that is not there.
        """
        loaded, beside = response_table.read(response)
        results = cls(source, shards, options)
        results._hint = hint
        results._loaded[RESPONSE] = loaded
        results._warn(RESPONSE, loaded.report)
        results._response = beside
        return results

    def __repr__(self) -> str:
        files = sum(len(main.shards) for main in self._tables.values())
        return f"<Results of {files} files: {', '.join(self._main()) or 'no tables'}>"

    def _repr_html_(self) -> str:
        return told.table_html(self._overview())

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
        whole = {name: loaded.table for name, loaded in self._loaded.items() if name not in self._tables}
        rows = [target.write_whole(name, table) for name, table in whole.items()]
        for name, main in self._tables.items():
            with byte_bar(f"{name} to Parquet", main.size) as advance:
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
        partitions.check_dask()
        self._plans[main] = self._plan(main, "for Dask")
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

    def join(
        self,
        left: str | pd.DataFrame,
        right: str,
        on: str | None = None,
        *,
        how: str = "left",
        base: str | None = None,
    ) -> pd.DataFrame:
        """Return two tables side by side, by the reference between them: conditions with their patients.

        The columns of `left` keep their names, and beside each reference is its key, without the type in
        front: ``subject.reference`` is ``Patient/1``, ``subject.key`` is ``1``. Those of `right` have its name
        in front: ``Patient.birthDate``. References to what is inside a resource (``#p1``) or is to be searched
        for have no key.

        Parameters
        ----------
        left : str or DataFrame
            A table; or a frame that was joined before, to join one more to it.
        right : str
            The other table. Of a resource that it has in several versions, the newest one counts.
        on : str, optional
            The reference, where there are several (``"subject"``), or a column that both have.
        how : {"left", "inner", "right", "outer"}
            Which rows are kept that match nothing; by default those of `left`.
        base : str, optional
            The server whose absolute references (``https://…/fhir/Patient/1``) are meant. By default they
            are followed where all of a column name one server.

        Returns
        -------
        DataFrame
            ``attrs["join"]`` tells by what it was joined, and how many rows of `left` matched, did not, and
            had no key.

        Raises
        ------
        KeyError
            There is no such table.
        ConfigError
            There is no reference between them, or there are several; the message names them.

        Examples
        --------
        >>> joined = results.join("Condition", "Patient")
        >>> len(joined) == len(results["Condition"])
        True
        >>> joined.attrs["join"]["on"]
        'Condition.subject'
        """
        return join.joined(self, left, right, on=on, how=how, base=base)

    def keyed(self, name: str, *, base: str | None = None) -> pd.DataFrame:
        """Return the table `name` with a key beside each reference: ``subject.key`` is ``1``; see `join`."""
        frame: pd.DataFrame = keyed(self.arrow(name), base).to_pandas(types_mapper=pd.ArrowDtype)
        frame.attrs = self.provenance(name)
        return frame

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
