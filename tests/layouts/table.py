"""All layouts."""

from __future__ import annotations

from layouts import databases, exports, learning, recognition

LAYOUTS = (*recognition.LAYOUTS, *learning.LAYOUTS, *exports.LAYOUTS, *databases.LAYOUTS)
