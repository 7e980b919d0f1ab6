"""Run the tests several times on a busy machine, and tell what failed and how often.

Usage: python scripts/flaky.py [--runs 5] [--load 8] [--jobs 4] [-- what pytest takes, as tests/http]

The load is made by processes that do nothing but count. They end with this program, however it ends. Ends
with status 1 if anything failed in any run; the reports stay in ``build/flaky``.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).parents[1]
#: Counts until its starter has gone.
_BUSY = "import os\nstarter = os.getppid()\nwhile os.getppid() == starter:\n    sum(range(100_000))"
#: No test ran, which is no success here; and what pytest ends with where tests failed.
_FAILED = 1


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """Keep so many processors busy."""
    started = [subprocess.Popen([sys.executable, "-c", _BUSY]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def failures(report: Path) -> list[str]:
    """Return the tests that a report of pytest, in the format of JUnit, says have failed."""
    cases = ET.parse(report).iter("testcase")  # noqa: S314 - pytest has written it
    return [
        f"{case.get('classname')}::{case.get('name')}"
        for case in cases
        if case.find("failure") is not None or case.find("error") is not None
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; 0 when nothing failed in any run."""
    parser = argparse.ArgumentParser(description="Run the tests several times on a busy machine.")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--load", type=int, default=8, help="processes that keep the machine busy")
    parser.add_argument("--jobs", default="4", help="tests that run at once")
    parser.add_argument("pytest", nargs="*", help="what pytest takes, behind --")
    options = parser.parse_args(arguments)
    folder = ROOT / "build" / "flaky"
    folder.mkdir(parents=True, exist_ok=True)
    failed, broken = Counter[str](), 0
    with busy(options.load):
        for number in range(1, options.runs + 1):
            report = folder / f"run-{number}.xml"
            report.unlink(missing_ok=True)
            began = time.monotonic()
            command = [sys.executable, "-m", "pytest", "-q", "-n", options.jobs, "--dist", "loadgroup"]
            command += ["--no-loadscope-reorder", f"--junitxml={report}", *options.pytest]
            code = subprocess.run(command, cwd=ROOT, check=False).returncode
            found = failures(report) if report.exists() else []
            failed.update(found)
            broken += code not in (0, _FAILED) or (code == _FAILED and not found)
            load = os.getloadavg()[0]
            print(
                f"run {number}: status {code}, {len(found)} failed, {time.monotonic() - began:.0f} s, "
                f"load {load:.1f}",
                flush=True,
            )
    for name, times in failed.most_common():
        print(f"{times} of {options.runs}  {name}")
    print(f"{options.runs} runs: {len(failed)} tests failed, {broken} runs broke off")
    return int(bool(failed or broken))


if __name__ == "__main__":
    sys.exit(main())
