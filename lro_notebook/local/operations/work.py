"""The words of operations: a kind of operation, its runner's job, and the steps that a runner yields.

A runner knows nothing of threads, counters, cancelling or pace: those belong to the worker.
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
    """A piece of work that is committed as a whole.

    Attributes
    ----------
    write : callable or None
        Writes the piece's rows, inside the transaction that counts them.
    success : int
        Units done.
    failures : sequence of Failure
        Units that failed.
    secondary : int
        Secondary units done, where the operation counts two kinds of units.
    sized : int or None
        How many units the operation has in all, once that is known.
    """

    write: Callable[[sqlite3.Connection], object] | None = None
    success: int = 0
    failures: Sequence[Failure] = ()
    secondary: int = 0
    sized: int | None = None

    @property
    def units(self) -> int:
        """Units of both kinds, done or failed."""
        return self.success + len(self.failures) + self.secondary


@dataclass(frozen=True, slots=True)
class Context:
    """What a start request is checked against: the buckets, and one state of the data."""

    buckets: Buckets
    connection: sqlite3.Connection


@dataclass(frozen=True, slots=True)
class Job:
    """What a runner sees of its operation and of the service.

    Attributes
    ----------
    operation : int
        The operation's number.
    shard_bytes : int
        Size from which on an output file is split.
    halted : threading.Event
        Set when the operation shall stop; a runner looks at it only where it waits.
    batch : callable
        Returns how many units the next step should hold.
    """

    operation: int
    database: Database
    buckets: Buckets
    shard_bytes: int
    halted: threading.Event
    batch: Callable[[], int]


#: A running runner: yields steps, returns the fields of the response.
Steps = Generator[Step, None, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of operation.

    Attributes
    ----------
    method : str
        Name below ``google.cloud.healthcare.{version}``, such as ``fhir.FhirService.ImportResources``.
    response : str
        Message type of the response, below the same prefix; or in full, such as ``google.protobuf.Empty``.
    parse : callable
        Turns the target and the request body into what `run` needs, or refuses them, before the
        operation starts.
    run : callable
        The runner.
    log : str
        Type of its entries in Cloud Logging, such as ``ImportFhirLogEntry``; empty where there is none.
    versions : tuple of str
        Versions of the API that have the method.
    """

    method: str
    response: str
    parse: Callable[[Context, Any, Mapping[str, Any]], Any]
    run: Callable[[Job, Any], Steps]
    log: str = ""
    versions: tuple[str, ...] = ("v1", "v1beta1")
