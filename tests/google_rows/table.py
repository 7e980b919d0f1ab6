"""All rows of the bench."""

from __future__ import annotations

from google_rows import data, storage, work

ROWS = (*data.ROWS, *storage.ROWS, *work.ROWS)
