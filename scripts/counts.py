"""Count what the tests hold: tests, Google's operations, layouts, methods of the local service.

Usage: PYTHONPATH=tests:notebooks:benchmarks:. python scripts/counts.py   with LRO_FIGURES it writes, too
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from google_rows.table import ROWS
from layouts.table import LAYOUTS
from measured import record

from lro_notebook import View
from lro_notebook.local.discovery.fidelity import rows

ROOT = Path(__file__).parents[1]


def tests() -> int:
    """Return how many tests `make test` runs."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-n", "0", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found = re.search(r"^(\d+)(?:/\d+)? tests collected", done.stdout, re.MULTILINE)
    if found is None:
        sys.exit("pytest did not say how many tests it has collected")
    return int(found[1])


def main() -> None:
    """Count, print, and write the file of figures."""
    methods = rows()
    values = {
        "tests": tests(),
        "google_operations": len(ROWS),
        "google_libraries": len({row.package for row in ROWS}),
        "layouts": len(LAYOUTS),
        "layout_apis": len({each.api for each in LAYOUTS}),
        "methods": len(methods),
        "methods_served": sum(row.is_served for row in methods),
        "ready_views": len(View.names()),
    }
    for name, value in values.items():
        print(f"{name:20}{value:>8,}")
    record("counts", values)


if __name__ == "__main__":
    main()
