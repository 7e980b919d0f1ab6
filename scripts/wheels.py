"""Whether every package that ours needs has wheels for a platform that is not this one.

Usage: python scripts/wheels.py [EXTRA ...]   pip resolves and downloads them, for each platform and Python
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

PLATFORMS = {
    "Windows, 64 bit": ["win_amd64"],
    "macOS, Apple silicon": [f"macosx_{version}_0_arm64" for version in (11, 12, 13, 14)],
    "Linux, ARM": [f"manylinux_2_{version}_aarch64" for version in (17, 26, 27, 28)]
    + ["manylinux2014_aarch64"],
}
PYTHONS = ("3.11", "3.12", "3.13", "3.14")


def download(tags: list[str], python: str, wanted: str) -> str:
    """Return what pip says when it cannot download all that is `wanted`; empty if it can."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--only-binary=:all:",
            "--dest",
            folder,
        ]
        command += ["--python-version", python, "--implementation", "cp"]
        command += [f"--platform={tag}" for tag in tags]
        done = subprocess.run([*command, wanted], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stderr.strip()


def main() -> int:
    """Ask for each platform and Python; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("extra", nargs="*", help="extras of pyproject.toml, such as demo")
    parser.add_argument("--python", action="append", help="a version of Python instead of all")
    given = parser.parse_args()
    root = Path(__file__).parents[1]
    wanted = f"{root}[{','.join(given.extra)}]" if given.extra else str(root)
    failed = 0
    for name, tags in PLATFORMS.items():
        for python in given.python or PYTHONS:
            trouble = download(tags, python, wanted)
            failed += bool(trouble)
            print(f"{name}, Python {python}: {trouble or 'all have wheels'}", flush=True)
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
