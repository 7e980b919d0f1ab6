"""How long the tests in a real kernel or browser wait for what should come at once."""

from __future__ import annotations

#: Seconds; 0.1 to 0.3 on a quiet machine. What is told apart is "now" from "after the wait".
SOON = 2.0
