"""How an operation ended, as the error that waiting for it raises."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lro_notebook.errors import OperationCancelled, OperationError, OperationFailed, shortened

if TYPE_CHECKING:
    from lro_notebook.operations.operation import Operation


def failure_of(operation: Operation) -> OperationError | None:
    """Return why an operation that has ended has no response; None where it has one."""
    status = operation.resource.error
    if status is None:
        return None
    what = f"{operation.method} operation {operation.id}".strip()
    if status.name == "CANCELLED":
        text = f"{what} was cancelled; what it had done until then remains"
        more = f"{text} (op.load(partial=True))" if operation.destination else text
        return OperationCancelled(more, operation)
    return OperationFailed(
        f"{what} failed: {status.name} ({status.code}): {shortened(status.message)}", operation
    )
