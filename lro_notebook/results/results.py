"""`Results`: the tables of an operation's output, read when they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from lro_notebook.results import load_report
from lro_notebook.results.databases import duckdb, sqlite
from lro_notebook.results.databases.write import named, write_all
from lro_notebook.results.export import dask, parquet
from lro_notebook.results.formats.dicom.studies import series, studies
from lro_notebook.results.formats.hl7v2.admissions import MESSAGES, SEGMENTS, admissions
from lro_notebook.results.joins import join
from lro_notebook.results.joins.references import keyed
from lro_notebook.results.profile import profile
from lro_notebook.results.progress_bar import byte_bar
from lro_notebook.results.tables import Tables
from lro_notebook.suggestions import named_in

if TYPE_CHECKING:
    import os
    import sqlite3
    from collections.abc import Mapping, Sequence

    import dask.dataframe as dd

    from lro_notebook.results.databases.write import Database, Views
    from lro_notebook.views.events import Events
    from lro_notebook.views.export import Scan
    from lro_notebook.views.view import View


@named_in
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
    hint : str
        What to know, or to do, where a table is not there.

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

    def __repr__(self) -> str:
        files = len({shard.uri for main in self._tables.values() for shard in main.shards})
        names = ", ".join(map(self._with_inner, self._main())) or self._nothing()
        count = ("1 file" if files == 1 else f"{files:,} files") + load_report.part(self.partial)
        return f"<Results of {count}: {names}{load_report.cut(self._reported)}>"

    def _repr_html_(self) -> str:
        return load_report.table_html(self._overview(), self._reported, self._nothing(), self.partial)

    def profile(self, name: str) -> pd.DataFrame:
        """Return a data dictionary of the table `name`: a row for each column, in little memory.

        Returns
        -------
        DataFrame
            ``column``, ``dtype``, ``filled`` (the share of rows that have a value), ``distinct``
            (``estimated`` beyond some 4,000), ``top`` (the most frequent values, codes with their texts, and
            how many there are), ``first`` and ``last`` (of dates), ``min`` and ``max`` (of numbers), and
            ``values``, what is in ``top`` as lists. ``attrs["rows"]`` counts the rows.

        Raises
        ------
        KeyError
            There is no such table.

        Examples
        --------
        >>> known = results.profile("Condition").set_index("column")
        >>> float(known["filled"]["id"])
        1.0
        """
        with self._stream(name) as (stream, look):
            frame = profile(stream, look)
        frame.attrs.update(self.provenance(name))
        return frame

    def admissions(self) -> pd.DataFrame:
        """Return the visits that HL7v2 messages (ADT) tell of, a row for each, as they stand at the end.

        Returns
        -------
        DataFrame
            ``patient`` (PID-3), ``visit`` (PV1-19), ``status`` (planned, in-progress, finished, cancelled,
            unknown), ``admitted``, ``discharged`` (UTC timestamps; of PV1, else of the event), ``class``,
            ``ward``, ``room``, ``bed``, ``facility``, ``doctor_id``, ``doctor_family``, ``doctor_given``,
            ``service``, ``source``, ``disposition``, ``events`` (``A01 A02 A03``), ``messages`` and
            ``last_message``.

        Raises
        ------
        KeyError
            There are no messages.
        """
        there = self._names()
        segments = {name: self.arrow(name) for name in SEGMENTS if name in there}
        if not segments and MESSAGES not in there:
            raise self._unknown(MESSAGES, "admissions() is of HL7v2 messages")
        return admissions(segments)

    def studies(self, name: str = "instances") -> pd.DataFrame:
        """Return the DICOM studies of a table of instances, a row for each.

        The columns have the names of DICOM's queries: ``StudyInstanceUID``, ``PatientID``, ``StudyDate``,
        ``ModalitiesInStudy`` (a list), ``NumberOfStudyRelatedSeries``, ``NumberOfStudyRelatedInstances``, ….
        """
        with self._stream(name, "studies() is of DICOM instances") as (stream, _):
            return studies(stream)

    def series(self, name: str = "instances") -> pd.DataFrame:
        """Return the DICOM series of a table of instances, a row for each.

        ``StudyInstanceUID``, ``SeriesInstanceUID``, ``Modality``, ``NumberOfSeriesRelatedInstances``, ….
        """
        with self._stream(name, "series() is of DICOM instances") as (stream, _):
            return series(stream)

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

    def to_sqlite(
        self,
        database: str | os.PathLike[str] | sqlite3.Connection,
        *,
        tables: Sequence[str] | None = None,
        views: Views = (),
    ) -> pd.DataFrame:
        """Write every table to SQLite, piece by piece; no table has to fit in memory.

        All or nothing: after an error the database is as it was. Tables of the same names are replaced.
        Whole numbers, fractions, text and bytes are what they are; instants and dates are text in ISO 8601,
        decimals text with all digits, lists and objects JSON.

        Parameters
        ----------
        database : path or sqlite3.Connection
            Within a transaction of yours it is a part of that; you commit.
        tables : sequence of str, optional
            Only these.
        views : sequence or mapping
            Views to write too, as `view` takes them: ``["Patient"]`` becomes the table ``Patient_view``,
            ``{"patients": "Patient"}`` names it.

        Returns
        -------
        DataFrame
            One row per table: ``table``, its name there (string), and ``rows`` (Int64). Where two names
            differ only in case, the later one gets a number; so do columns.

        Raises
        ------
        ResultError
            It cannot be written to, or a file cannot be read.

        Examples
        --------
        >>> written = results.to_sqlite("export.db", views=["Patient"])
        >>> int(written.set_index("table")["rows"]["Patient_view"]) == len(results["Patient"])
        True
        """
        with sqlite.opened(database) as target:
            return self._to_database(target, tables, views, "to SQLite")

    def to_duckdb(
        self, database: Any, *, tables: Sequence[str] | None = None, views: Views = ()
    ) -> pd.DataFrame:
        """Write every table to DuckDB, as `to_sqlite` does; types stay what they are, lists and objects too.

        `database` is a path, or a connection that is in no transaction. Decimals of more than 38 digits are
        text. Needs ``pip install duckdb``.

        Raises
        ------
        ConfigError
            DuckDB is not installed, or the connection is in a transaction.
        ResultError
            It cannot be written to, or a file cannot be read.
        """
        with duckdb.opened(database) as target:
            return self._to_database(target, tables, views, "to DuckDB")

    def dask(self, name: str) -> dd.DataFrame:
        """Return the table `name` as a Dask DataFrame with one partition per file.

        The files are read once now, for the columns and types that all partitions share. What was read is
        kept as Parquet in the folder for temporary files, until these results and the frame are gone:
        workers on this machine compute from it, those on others read the files themselves. Needs ``pip
        install "dask[dataframe]"``.

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
            return dask.whole(self[name])
        dask.check_dask()
        self._plans[main] = self._plan(main, "for Dask")
        frame = dask.frame(self._plans[main], name)
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
        from lro_notebook.views.export import scan as scan_view

        return scan_view(definition, self._tables, self._options.dated(parse_dates))

    def events(
        self, patient: str | Sequence[str] | None = None, *, tables: Sequence[str] | None = None
    ) -> Events:
        """Return what happened as one long table: a row for each dated row of the ready views.

        Parameters
        ----------
        patient : str or sequence of str, optional
            Ids of patients; all by default.
        tables : sequence of str, optional
            Ready views, such as ``["Observation", "Condition"]``; by default all that have dates.

        Returns
        -------
        Events
            A DataFrame by patient and time: ``time`` (a UTC timestamp; the start of ``1970-03`` is its first
            day), ``patient``, ``table``, ``id``, ``code``, ``system``, ``text``, ``value`` (a number),
            ``unit``, ``value_text`` (values that are no numbers). ``attrs["undated"]`` counts what has no
            date and is left out. ``.plot()`` draws the course of one patient; it needs matplotlib
            (``pip install matplotlib``).

        Raises
        ------
        KeyError
            There is a table of patients, and none of those asked for is in any table; of some, a warning
            tells how many.

        Examples
        --------
        >>> course = results.events(results["Patient"]["id"][0])
        >>> bool(course["time"].is_monotonic_increasing)
        True
        """
        from lro_notebook.views.events import events

        return events(self._tables, self._options, patient, tables)

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
        front: ``subject.reference`` is ``Patient/1``, ``subject.key`` is ``1``. Those of `right` have its
        name in front: ``Patient.birthDate``. References to what is inside a resource (``#p1``) have
        no key. Those that search (``Practitioner?identifier=system|value``) find what has that as its first
        identifier.

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
        frame.attrs.update(self.provenance(name))
        return frame

    def _to_database(
        self, database: Database, tables: Sequence[str] | None, views: Views, purpose: str
    ) -> pd.DataFrame:
        scans = {name: self.scan(view) for name, view in named(views).items()}
        streams = (self._streams(main, purpose, tables) for main in self._mains_of(tables))
        return write_all(database, streams, scans)
