"""`Snapshot`: one response about an operation, parsed once for everybody who looks at it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from lro_notebook.operations.progress import Progress, state_of

if TYPE_CHECKING:
    from datetime import datetime

    from lro_notebook.operations.resource import OperationResource, State


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An operation as a service told it last.

    Attributes
    ----------
    resource : OperationResource
        What the service said.
    progress : Progress
        How far it is by that.
    state : State
        One word for where it is.
    """

    resource: OperationResource
    progress: Progress
    state: State

    @classmethod
    def of(cls, resource: OperationResource) -> Self:
        """Return the snapshot that `resource` makes."""
        progress = Progress.from_resource(resource)
        return cls(resource, progress, state_of(resource, progress))

    def timed(self, requested: datetime | None, seen: datetime, ended: datetime | None) -> Snapshot:
        """Return it with the times that the service does not tell; see `Progress.timed`."""
        progress = self.progress.timed(requested, seen, ended)
        return self if progress is self.progress else replace(self, progress=progress)

    def asked_to_stop(self) -> Snapshot:
        """Return it as of an operation whose cancellation was asked for, unless it has ended."""
        if self.resource.done or self.state == "CANCELLING":
            return self
        return replace(self, progress=replace(self.progress, cancel_requested=True), state="CANCELLING")

    def is_behind(self, other: Snapshot) -> bool:
        """Tell whether it shows less than `other` does, so that it is older."""
        if self.resource.done or self.resource.metadata == other.resource.metadata:
            return False
        mine, theirs = self.progress, other.progress
        pairs = (mine.completed, theirs.completed), (mine.fraction, theirs.fraction)
        return any((less or 0) < (more or 0) for less, more in pairs)
