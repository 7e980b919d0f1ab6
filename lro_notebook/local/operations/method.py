"""A method of the API that starts operations (`Method`), and the `Job` and `Step` of its runner.

A runner knows nothing of threads, counters, cancellation or throttling; the worker does all that.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3
    import threading
    from collections.abc import Sequence

    from lro_notebook.local.core.buckets import Buckets
    from lro_notebook.local.core.database import Database
    from lro_notebook.local.operations.records import Failure


@dataclass(frozen=True, slots=True)
class Step:
    """A part of an operation that is committed as a whole.

    Attributes
    ----------
    write : callable or None
        Writes the rows, in the transaction that counts them.
    success : int
        Units done.
    failures : sequence of Failure
        Units that failed.
    secondary : int
        Secondary units done, for the methods that have a second counter.
    total : int or None
        How many units the operation has, once that is known.
    is_draft : bool
        What it has done is in files that are not in place yet, and does not count if they never are.
    places_drafts : bool
        The files of the drafts before it are in place now.
    """

    write: Callable[[sqlite3.Connection], object] | None = None
    success: int = 0
    failures: Sequence[Failure] = ()
    secondary: int = 0
    total: int | None = None
    is_draft: bool = False
    places_drafts: bool = False

    @property
    def units(self) -> int:
        """Units of both counters, done or failed."""
        return self.success + len(self.failures) + self.secondary


@dataclass(frozen=True, slots=True)
class Context:
    """What a start request is checked against: the buckets, and a snapshot of the data."""

    buckets: Buckets
    connection: sqlite3.Connection


@dataclass(frozen=True, slots=True)
class Job:
    """What a runner gets: its operation, and the parts of the service that it may use.

    Attributes
    ----------
    operation : int
        The operation's number.
    shard_bytes : int
        Size at which an output file is split.
    halted : threading.Event
        Set when the operation must stop; a runner needs it only where it waits.
    batch_size : callable
        Returns how many units the next step should hold.
    """

    operation: int
    database: Database
    buckets: Buckets
    shard_bytes: int
    halted: threading.Event
    batch_size: Callable[[], int]


#: What a runner returns when it is called: a generator of steps, whose return value is the response's fields.
Steps = Generator[Step, None, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Method:
    """A method of the API that starts an operation.

    Attributes
    ----------
    name : str
        Name below ``google.cloud.healthcare.{version}``, such as ``fhir.FhirService.ImportResources``.
    response : str
        Message type of the response, below the same prefix; or in full, such as ``google.protobuf.Empty``.
    parse : callable
        Checks a request before its operation starts: turns target and body into what `run` needs, or raises
        a `ServiceError`.
    run : callable
        The runner.
    log : str
        Type of its Cloud Logging entries, such as ``ImportFhirLogEntry``; empty if it has none.
    versions : tuple of str
        Versions of the API that have the method.
    """

    name: str
    response: str
    parse: Callable[[Context, Any, Mapping[str, Any]], Any]
    run: Callable[[Job, Any], Steps]
    log: str = ""
    versions: tuple[str, ...] = ("v1", "v1beta1")
