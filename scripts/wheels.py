"""Whether every package that ours needs has wheels for a platform that is not this one.

Usage: python scripts/wheels.py [EXTRA ...]   pip resolves them for each platform and Python; installs nothing
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple


class Platform(NamedTuple):
    """The tags of its wheels, and what only it needs: pip asks about the conditions of this machine."""

    tags: list[str]
    more: list[str]


PLATFORMS = {
    "Windows, 64 bit": Platform(["win_amd64"], ["colorama", "pywin32", "pywinpty", "tzdata"]),
    "macOS, Apple silicon": Platform([f"macosx_{version}_0_arm64" for version in range(11, 15)], ["appnope"]),
    "Linux, ARM": Platform([f"manylinux_2_{version}_aarch64" for version in (17, 26, 27, 28)], []),
}
PYTHONS = ("3.11", "3.12", "3.13", "3.14")


def missing(platform: Platform, python: str, wanted: str) -> str:
    """Return what pip says when it finds no wheels for all that is `wanted`; empty if it does."""
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--ignore-installed"]
    command += [
        "--only-binary=:all:",
        "--target=nowhere",
        "--implementation=cp",
        f"--python-version={python}",
    ]
    command += [f"--platform={tag}" for tag in platform.tags]
    done = subprocess.run([*command, wanted, *platform.more], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stderr.strip()


def main() -> int:
    """Ask for each platform and Python; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("extra", nargs="*", help="extras of pyproject.toml, such as demo")
    parser.add_argument("--python", action="append", help="a version of Python instead of all")
    given = parser.parse_args()
    root = Path(__file__).parents[1]
    wanted = f"{root}[{','.join(given.extra)}]" if given.extra else str(root)
    failed = False
    for name, platform in PLATFORMS.items():
        for python in given.python or PYTHONS:
            trouble = missing(platform, python, wanted)
            failed = failed or bool(trouble)
            print(f"{name}, Python {python}: {trouble or 'all have wheels'}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
