"""Where the repository is, and the data beside it that a test may use where it is there."""

from __future__ import annotations

from pathlib import Path

TESTS = Path(__file__).parent
ROOT = TESTS.parent
#: Modules that stand before slow ones that no test needs.
QUICK = TESTS / "quick"
SHARED = ROOT.parent / "shared"
