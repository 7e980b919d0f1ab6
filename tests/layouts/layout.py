"""A layout: what a method of an API says of its operation and leaves in buckets, and what must be loaded."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

#: When the operations began and ended, and when they wrote.
BEGAN, ENDED = "2026-11-02T08:00:00Z", "2026-11-02T08:05:00Z"
DURING = datetime(2026, 11, 2, 8, 3, tzinfo=UTC)
#: When another run wrote to the same place.
BEFORE = datetime(2026, 11, 1, 8, 3, tzinfo=UTC)

Content = bytes | str


@dataclass(frozen=True)
class Table:
    """What a table of the results must be.

    Attributes
    ----------
    of : str
        What a row is, for the documentation.
    columns : mapping
        Some of its columns, with their values in all rows.
    """

    of: str
    columns: Mapping[str, list[Any]]

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(next(iter(self.columns.values())))


@dataclass(frozen=True)
class Layout:
    """A method, in one of the ways in which it leaves its results.

    Attributes
    ----------
    api, method : str
        As Google names them.
    way : str
        Which of its ways this is; empty where there is one.
    response, metadata : JSON object
        What the operation says at its end.
    tables : mapping
        Table name -> what it must be.
    name : str
        The name of the operation.
    job : JSON object or None
        The whole resource, where it is a job and no operation.
    start : pair of str and JSON object, or None
        The path and the body with which this machine started it; None where it only has its JSON.
    files : mapping
        URI -> what the operation wrote there.
    others : mapping
        URI -> what another run wrote there before.
    bigquery : mapping
        ``dataset.table`` -> its rows, of text.
    skipped : mapping
        Name of a file that is in no table -> words of the reason.
    failed : tuple of str
        The messages of the units that failed, as `op.failures()` has them.
    fails : str
        A pattern for the error, where nothing can be loaded.
    aside : str
        What is not loaded, for the documentation.
    """

    api: str
    method: str
    way: str = ""
    response: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    name: str = "projects/p/locations/us/operations/1234567890"
    job: Mapping[str, Any] | None = None
    start: tuple[str, Mapping[str, Any]] | None = None
    files: Mapping[str, Content] = field(default_factory=dict)
    others: Mapping[str, Content] = field(default_factory=dict)
    bigquery: Mapping[str, list[dict[str, str]]] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)
    failed: tuple[str, ...] = ()
    fails: str = ""
    aside: str = ""

    @property
    def id(self) -> str:
        """Return the words that name it in the list of tests."""
        return " ".join(filter(None, (self.api, self.method, self.way)))

    @property
    def resource(self) -> dict[str, Any]:
        """Return the JSON of the operation, or of the job."""
        if self.job is not None:
            return dict(self.job)
        return {"name": self.name, "done": True, "metadata": self.metadata, "response": self.response}


def of(kind: str, /, **fields: Any) -> dict[str, Any]:
    """Return a message as JSON, with its ``@type``."""
    return {"@type": f"type.googleapis.com/google.cloud.{kind}", **fields}


def pretty(value: Any) -> str:
    """Return a JSON document over many lines."""
    return json.dumps(value, indent=2)


def lines(*values: Any) -> str:
    """Return JSON Lines."""
    return "".join(f"{json.dumps(value)}\n" for value in values)


def status(code: int, message: str) -> dict[str, Any]:
    """Return a ``google.rpc.Status``."""
    return {"code": code, "message": message}
