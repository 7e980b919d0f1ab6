"""The error files of an operation of any API: a ``google.rpc.Status``, or what holds one, in each row.

Those that the manifest of a FHIR bulk export names hold OperationOutcomes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lro_notebook.errors import Code, ConfigError, LroError, LroWarning, ResultError, warn_caller
from lro_notebook.operations.failed_units import FailedUnit
from lro_notebook.operations.resource import parse_int64
from lro_notebook.results.formats.fhir.bulk_files import FAILURE_FILES, FAILURES
from lro_notebook.results.load_operation import read_all_at, read_listed
from lro_notebook.results.location import bare
from lro_notebook.results.manifest import Listing, listing_of
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
    named, units = _in_manifest(operation)
    places = [place for place in places_of(resource.response, resource.metadata) if place.role == "errors"]
    uris = dict.fromkeys(place.uri for place in places if place.uri.startswith("gs://"))
    for uri in (each for each in uris if each not in named):
        try:
            results = read_all_at(operation.client, uri)
            units += [unit for table in results for unit in _units(results[table])]
        except (ConfigError, ResultError) as error:
            _warn_unread(operation, uri, error)
    return units


def _in_manifest(operation: Operation) -> tuple[set[str], list[FailedUnit]]:
    """Return the files of OperationOutcomes that a manifest names, and what they tell."""
    try:
        listing = listing_of(operation.resource.response or {})
    except ResultError:  # loading tells what is wrong with it
        return set(), []
    named = {uri for uri, _ in listing.failures} if listing is not None else set()
    if listing is None or not named:
        return set(), []
    files = Listing(listing.failures)
    try:
        frame = read_listed(operation.client, files, FAILURE_FILES, destination=operation.destination)[
            FAILURES
        ]
    except (ConfigError, ResultError) as error:
        _warn_unread(operation, listing.failures[0][0], error)
        return named, []
    values = (frame[name].array.to_numpy(object, na_value=None) for name in ("resource", "code", "message"))
    return named, [FailedUnit(None, *each) for each in zip(*values, strict=True)]


def _warn_unread(operation: Operation, uri: str, error: LroError) -> None:
    warn_caller(f"the error files of {operation.id} at {bare(uri)} are not listed here: {error}", LroWarning)


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
