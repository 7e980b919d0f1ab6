"""Run the kernel tests on older versions of ipykernel, each in a cached environment under build/matrix."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

VERSIONS = ("6.29.5", "7.2.0")
ROOT = Path(__file__).parents[1]


def environment(version: str) -> Path:
    """Return the python of an environment with that ipykernel; made where it is missing."""
    folder = ROOT / "build" / "matrix" / f"ipykernel-{version}"
    python = folder / "bin" / "python"
    ready = folder / ".ready"
    if not ready.exists():
        venv.create(folder, with_pip=True, clear=True)
        install = [
            str(python),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--editable",
            str(ROOT),
            f"ipykernel=={version}",
        ]
        subprocess.run(install, check=True)  # noqa: S603 - our own environment
        ready.touch()
    return python


def main() -> int:
    """Print a line per version; 0 when all passed."""
    failed = []
    for version in VERSIONS:
        env = {**os.environ, "LRO_TEST_KERNEL_PYTHON": str(environment(version))}
        print(f"== ipykernel {version}", flush=True)
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "tests/kernel"], cwd=ROOT, env=env, check=False
        )
        if done.returncode:
            failed.append(version)
    print("failed on: " + ", ".join(failed) if failed else f"passed on ipykernel {', '.join(VERSIONS)}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
