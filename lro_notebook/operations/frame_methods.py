"""What an operation gives as data: its output, its failures, its progress over time.

All of it is made in rooms above; their modules are imported where they are called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

from lro_notebook.errors import OperationError
from lro_notebook.suggestions import named

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping

    import pandas as pd

    from lro_notebook.operations.operation import Operation
    from lro_notebook.results.results import Results


def wrote_nothing(operation: Operation) -> bool:
    """Tell whether an operation says itself that it was an export, has succeeded and has written nothing.

    The Healthcare API leaves out what is zero, and with it the whole counter: there the metadata of the end
    without a count says it. Others have to count.
    """
    snapshot = operation.snapshot
    progress, method = snapshot.progress, operation.method
    if snapshot.state != "SUCCEEDED" or progress.failed or "export" not in method.lower():
        return False
    if progress.completed is None:
        named = str((snapshot.resource.metadata or {}).get("apiMethodName", ""))
        return "healthcare" in named and progress.ended_from == "service"
    return progress.completed == 0


class OperationData:
    """The part of a handle that makes DataFrames."""

    @named
    def load(
        self,
        source: str | os.PathLike[str] | None = None,
        *,
        partial: bool = False,
        tables: Iterable[str] | None = None,
        columns: Iterable[str] | Mapping[str, Iterable[str]] | None = None,
        decimals: Literal["float", "exact", "text"] = "float",
        parse_dates: bool = False,
        lists: Literal["first", "nested", "explode"] = "first",
        errors: Literal["report", "raise"] = "report",
        source_file: bool = False,
        encoding: str | None = None,
        limits: Mapping[str, int] | None = None,
        streams: int | None = None,
        storage_options: Mapping[str, Any] | None = None,
    ) -> Results:
        """Wait, and return the output of this operation as DataFrames.

        Parameters
        ----------
        source : str or path, optional
            Where the output is; needed only if this machine does not know it (see `lro.started`).
        partial : bool
            Load what exists of an operation that failed or was cancelled.
        tables, columns, decimals, parse_dates, lists, errors, encoding, limits, streams, storage_options
            As in `lro_notebook.read_results`.
        source_file : bool
            Whether each row says its file, in a column ``source_file``.

        Raises
        ------
        OperationFailed, OperationCancelled
            It ended without a result and `partial` is False.
        ConfigError
            Where the output is, is not known.
        ResultError
            There is no output, or it cannot be read.
        """
        error = self._handle._outcome(None)  # noqa: SLF001 - of this object
        if error is not None and not (partial and isinstance(error, OperationError)):
            raise error
        from lro_notebook.results.load_operation import load

        return load(
            self._handle,
            source,
            partial=partial,
            tables=tables,
            columns=columns,
            decimals=decimals,
            parse_dates=parse_dates,
            lists=lists,
            errors=errors,
            source_file=source_file,
            encoding=encoding,
            limits=limits,
            streams=streams,
            storage_options=storage_options,
        )

    @property
    def outputs(self) -> pd.DataFrame:
        """Where it wrote: ``what``, ``where`` (URI), ``role`` (output or errors), ``format``, who tells it.

        As its response says, else its metadata, else the body that `Client.start` sent. Local, as `metadata`.
        """
        from lro_notebook.reports.outputs import outputs

        return outputs(self._handle)

    def failures(self) -> pd.DataFrame:
        """Return what failed inside this operation, a row per unit.

        Its response, metadata and error are asked first, under any names that an API has for a
        ``google.rpc.Status`` of a unit; where they say nothing, Cloud Logging.

        Returns
        -------
        DataFrame
            ``time``, ``source``, ``resource``, ``code`` (google.rpc name), ``message``. Its ``attrs`` say
            whether it has all that the operation counts (``complete``), and who told (``joined_by``).
        """
        from lro_notebook.reports.failures import failures

        return failures(self._handle)

    @property
    def history(self) -> pd.DataFrame:
        """The progress over time, a row per look: time, state, completed, total, failed, fraction."""
        from lro_notebook.reports.frames import history_frame

        return history_frame(self._handle)

    @property
    def _handle(self) -> Operation:
        return cast("Operation", self)
