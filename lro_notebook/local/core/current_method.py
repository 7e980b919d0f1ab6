"""What makes a change: the HTTP method of a request, or the method of an operation.

Whoever begins either says so here; who tells others of changes reads it.
"""

from __future__ import annotations

from contextvars import ContextVar

#: Such as ``PATCH`` in a request, or ``ImportDicomData`` in an operation.
CAUSE: ContextVar[str] = ContextVar("cause", default="")
