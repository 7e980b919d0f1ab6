"""The fixtures of `viewing`."""

from __future__ import annotations

from viewing import rows, store, values

__all__ = ["rows", "store", "values"]
