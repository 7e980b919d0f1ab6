"""One row of the bench: a method of one of Google's clients, and what must be seen of its operation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from imitation import Script

if TYPE_CHECKING:
    from collections.abc import Mapping

#: When the operations of the bench began, went on, and ended.
T0, T1, T2 = "2026-11-02T08:00:00Z", "2026-11-02T08:00:30Z", "2026-11-02T08:01:05Z"
EMPTY = {"@type": "type.googleapis.com/google.protobuf.Empty"}


def of(kind: str, /, **fields: Any) -> dict[str, Any]:
    """Return a message as JSON, with its ``@type``."""
    return {"@type": f"type.googleapis.com/{kind}", **fields}


class Step(NamedTuple):
    """What an operation says at one time, and what must be read from it.

    Attributes
    ----------
    metadata : JSON object
        With its ``@type``.
    fraction : float or None
        How far it is; None where this tells nothing of that.
    counts : pair of int or None
        Completed and total.
    """

    metadata: Mapping[str, Any]
    fraction: float | None = None
    counts: tuple[int | None, int | None] = (None, None)


@dataclass(frozen=True)
class Row:
    """A method of a client library.

    Attributes
    ----------
    package, module, client, call : str
        What is installed, the module and class of the client, and the method that starts.
    request : JSON object
        What it is called with.
    operation : str
        The name of the operation, as this API makes them.
    steps : tuple of Step
        What the operation says while it runs; the last one when it has ended.
    title, target : str
        What a card must say of it.
    created, ended : str or None
        When it began and ended, as its metadata say; None where only this machine saw it.
    failed : int
        How many of its units failed.
    response : JSON object
        With its ``@type``.
    over : tuple of str
        The transports that the library has.
    cancels : tuple of str
        Those over which it can ask for a cancellation.
    """

    package: str
    module: str
    client: str
    call: str
    request: Mapping[str, Any]
    operation: str
    steps: tuple[Step, ...]
    title: str
    target: str
    created: str | None = None
    ended: str | None = None
    failed: int = 0
    response: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    over: tuple[str, ...] = ("grpc", "grpc_asyncio", "rest")
    cancels: tuple[str, ...] = ("grpc", "grpc_asyncio", "rest")

    @property
    def id(self) -> str:
        """Return the words that name it in the list of tests and in the docs."""
        return f"{self.module.removeprefix('google.cloud.').partition('.services.')[0]}.{self.call}"

    @property
    def script(self) -> Script:
        """Return what the server says of its operation."""
        metadata = [step.metadata for step in self.steps]
        return Script(self.operation, metadata, {"response": self.response})
