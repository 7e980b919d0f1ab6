"""Run the kernel tests on older versions of ipykernel, each in a cached environment under build/matrix."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

#: Name and packages of each environment; the first is what Colab has.
ENVIRONMENTS = {
    "ipykernel-6.17.1": ("ipykernel==6.17.1", "ipython==7.34.0"),
    "ipykernel-6.29.5": ("ipykernel==6.29.5",),
    "ipykernel-7.2.0": ("ipykernel==7.2.0",),
}
ROOT = Path(__file__).parents[1]


def environment(name: str) -> Path:
    """Return the python of an environment; made where it is missing."""
    folder = ROOT / "build" / "matrix" / name
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
            *ENVIRONMENTS[name],
        ]
        subprocess.run(install, check=True)
        ready.touch()
    return python


def main() -> int:
    """Print a line per environment; 0 when all passed."""
    failed = []
    for name, packages in ENVIRONMENTS.items():
        env = {**os.environ, "LRO_TEST_KERNEL_PYTHON": str(environment(name))}
        print(f"== {', '.join(packages)}", flush=True)
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "tests/kernel"], cwd=ROOT, env=env, check=False
        )
        if done.returncode:
            failed.append(name)
    print(f"failed in: {', '.join(failed)}" if failed else f"passed in {', '.join(ENVIRONMENTS)}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
