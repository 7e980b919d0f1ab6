"""What `import lro_notebook` costs beside `import pandas`: medians of interleaved fresh processes."""

from __future__ import annotations

import statistics
import subprocess
import sys

from measured import record

ROUNDS = 9
AIM = 0.5
PROGRAM = "import time; began = time.perf_counter(); import {module}; print(time.perf_counter() - began)"


def seconds(module: str) -> float:
    """Return how long a fresh interpreter takes to import `module`."""
    program = PROGRAM.format(module=module)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603
    return float(done.stdout)


def main() -> None:
    """Print the medians and their ratio."""
    modules = ("pandas", "lro_notebook")
    times = [[seconds(module) for module in modules] for _ in range(ROUNDS)][1:]
    pandas, ours = (statistics.median(column) for column in zip(*times, strict=True))
    print(f"import pandas        {pandas * 1000:6.0f} ms")
    print(f"import lro_notebook  {ours * 1000:6.0f} ms")
    print(f"ratio {ours / pandas:.2f} (aim: under {AIM})")
    record("import_cost", {"pandas_ms": pandas * 1000, "ms": ours * 1000, "of_pandas": ours / pandas})


if __name__ == "__main__":
    main()
