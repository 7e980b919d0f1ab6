"""The error files of an operation of any API: a ``google.rpc.Status``, or what holds one, in each row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lro_notebook.errors import Code, ConfigError, LroWarning, ResultError, warn_caller
from lro_notebook.operations.failed_units import FailedUnit
from lro_notebook.operations.resource import parse_int64
from lro_notebook.results.load import read_all_at
from lro_notebook.results.places import places_of

if TYPE_CHECKING:
    import pandas as pd

    from lro_notebook.operations.operation import Operation

_MESSAGES = ("message", "errorMessage", "description")
_SOURCES = ("inputUri", "sourceUri", "gcsUri", "uri", "source")
_RESOURCES = ("resourceName", "name", "documentId", "id", "field")


def units_in_files(operation: Operation) -> list[FailedUnit]:
    """Return the failed units in the files that ``errorsConfig.gcsPrefix`` and its like name.

    They are read as the operation's client may. A place that cannot be read is named in a warning.
    """
    resource = operation.resource
    places = [place for place in places_of(resource.response, resource.metadata) if place.role == "errors"]
    units: list[FailedUnit] = []
    for uri in dict.fromkeys(place.uri for place in places if place.uri.startswith("gs://")):
        try:
            results = read_all_at(operation.client, uri)
            units += [unit for table in results for unit in _units(results[table])]
        except (ConfigError, ResultError) as error:
            warn_caller(
                f"the error files of {operation.id} at {uri} are not listed here: {error}", LroWarning
            )
    return units


def _units(frame: pd.DataFrame) -> list[FailedUnit]:
    codes = _column(frame, ("code",))
    columns = [_column(frame, names) for names in (_SOURCES, _RESOURCES, _MESSAGES)]
    return [
        FailedUnit(source, resource, _code(code), message)
        for code, (source, resource, message) in zip(codes, zip(*columns, strict=True), strict=True)
    ]


def _column(frame: pd.DataFrame, names: tuple[str, ...]) -> list[str | None]:
    """Return the values of the first of the columns that is called so, by the last part of its path."""
    for name in names:
        for column in sorted(frame.columns, key=len):
            if column.rpartition(".")[2] == name:
                return [
                    None if value is None else str(value) for value in frame[column].array.to_numpy(object)
                ]
    return [None] * len(frame)


def _code(text: str | None) -> str | None:
    """Return the name of a code, which files give as a number or as a word."""
    number = parse_int64(text)
    return text if number is None else Code.of(number).name
