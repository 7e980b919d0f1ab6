"""How long tests wait: for what should come at once, and until they give up."""

from __future__ import annotations

#: Seconds; 0.1 to 0.3 on a quiet machine. What is told apart is "now" from "after the wait".
SOON = 2.0
#: Seconds after which a test gives up on what has to come, on a machine that is busy with other things.
GIVE_UP = 120.0
