"""Check what `python -m build` has made in ``dist/``: contents, size and version; then install and use it.

Wheel and sdist are each installed into a new environment, away from the repository, and the first lines
of README run there as they stand. ``--figures`` writes sizes and numbers of dependencies into
``figures/dist.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import time
import venv
import zipfile
from email.parser import Parser
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from packaging.requirements import Requirement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from email.message import Message

ROOT = Path(__file__).parents[1]
# Bytes: a reader for each of a dozen formats, and a server that searches and validates FHIR.
LARGEST_WHEEL = 1_250_000
IN_THE_WHEEL = ("lro_notebook/", "_lro_notebook_pytest.py", "lro_notebook-")
NEEDED = (
    "lro_notebook/__init__.py",
    "lro_notebook/py.typed",
    "lro_notebook/jupyter/card.css",
    "lro_notebook/local/sample/generate.py",
)
_HEADING = re.compile(r"^## \[(?P<version>[^]]+)\](?: - \d{4}-\d\d-\d\d)?$", re.MULTILINE)
#: Runs the lines of README that are its argument, on a local service of its own.
FIRST_USE = """
import sys, lro_notebook
names = {}
try:
    exec(sys.argv[1], names)
finally:
    lro_notebook.local.stop()
assert len(names["patients"]) == 100, len(names["patients"])
print(lro_notebook.__version__, lro_notebook.__file__)
"""


class Used(NamedTuple):
    """What the first use in a new environment printed, and what is installed there."""

    said: str
    packages: int
    megabytes: float


def wheel_problems(path: Path) -> Iterator[str]:
    """Yield what is wrong with a wheel."""
    if path.stat().st_size >= LARGEST_WHEEL:
        yield f"{path.name} has {path.stat().st_size:,} bytes; less than {LARGEST_WHEEL:,} are wanted"
    with zipfile.ZipFile(path) as wheel:
        names = wheel.namelist()
        points = [wheel.read(name).decode() for name in names if name.endswith("/entry_points.txt")]
    yield from (f"{name} is in the wheel" for name in names if not name.startswith(IN_THE_WHEEL))
    yield from (f"{name} is not in the wheel" for name in NEEDED if name not in names)
    if not any("[pytest11]" in text for text in points):
        yield "the pytest plugin is not registered"


def metadata_of(path: Path) -> Message:
    """Return what a wheel says of itself."""
    with zipfile.ZipFile(path) as wheel:
        (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        return Parser().parsestr(wheel.read(name).decode())


def metadata_problems(metadata: Message, *, release: bool) -> Iterator[str]:
    """Yield what is wrong with the metadata: without an address, README's links lead nowhere on PyPI."""
    if release and "Project-URL" not in metadata:
        yield "the project has no URL: set address in pyproject.toml ([tool.hatch.metadata.hooks.custom])"


def changelog_problems(text: str, version: str, *, release: bool) -> Iterator[str]:
    """Yield what is wrong with the changelog of a version: to be released, it has a section with a date."""
    headings = list(_HEADING.finditer(text))
    sections = {
        found["version"]: text[found.end() : next_.start() if next_ else None].strip()
        for found, next_ in zip(headings, [*headings[1:], None], strict=True)
    }
    released = [name for name in sections if name != "Unreleased"]
    if released and version in released[1:]:
        yield f"CHANGELOG.md has a later version than {version}: {released[0]}"
    if version in released and not sections[version]:
        yield f"CHANGELOG.md says nothing of {version}"
    if version not in released and (release or not sections.get("Unreleased")):
        yield f"CHANGELOG.md has no section '## [{version}] - YYYY-MM-DD'"


def sdist_problems(path: Path, tracked: Iterable[str]) -> Iterator[str]:
    """Yield what is missing from a source distribution, and what nobody has committed."""
    with tarfile.open(path) as sdist:
        held = {member.name.partition("/")[2] for member in sdist if member.isfile()} - {"PKG-INFO"}
    wanted = set(tracked)
    yield from (f"{name} is not in the sdist" for name in sorted(wanted - held))
    yield from (
        f"{name} is in the sdist and not in the repository: commit or remove it"
        for name in sorted(held - wanted)
    )


def tracked_files() -> list[str]:
    """Return the files of the repository."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]


def first_lines(readme: str) -> str:
    """Return the first Python of README."""
    found = re.search(r"^```python\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    return found[1] if found else sys.exit("README.md has no Python")


def direct(metadata: Message) -> list[str]:
    """Return what a wheel needs on this Python, without extras."""
    needed = map(Requirement, metadata.get_all("Requires-Dist", []))
    return [each.name for each in needed if each.marker is None or each.marker.evaluate({"extra": ""})]


def use(package: Path, lines: str) -> Used:
    """Install a distribution into a new environment, and run `lines` there."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(Path(folder, "venv"), with_pip=True)
        python = Path(folder, "venv", "bin", "python")
        before = _packages(folder, python)
        _run(folder, python, "-m", "pip", "install", "--quiet", "--no-compile", package)
        added = _packages(folder, python) - before
        site = Path(_run(folder, python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"))
        size = sum(path.stat().st_size for path in site.rglob("*") if path.is_file())
        said = _run(folder, python, "-W", "ignore", "-c", FIRST_USE, lines)
        return Used(said, len(added) - 1, size / 1e6)


def _packages(folder: str, python: Path) -> set[str]:
    listed = json.loads(_run(folder, python, "-m", "pip", "list", "--format=json"))
    return {each["name"] for each in listed}


def _run(folder: str, *command: str | Path) -> str:
    places = {"LRO_NOTEBOOK_DATA_DIR": f"{folder}/data", "LRO_NOTEBOOK_STATE_DIR": f"{folder}/state"}
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | places
    ended = subprocess.run(command, cwd=folder, env=environ, stdout=subprocess.PIPE, text=True, check=False)
    if ended.returncode:
        sys.exit(f"{command[2]} failed in the new environment")
    return ended.stdout.strip()


def main() -> int:
    """Check what is in ``dist/``; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--release", action="store_true", help="the changelog must have a section with a date"
    )
    parser.add_argument("--figures", action="store_true", help="write figures/dist.json")
    given = parser.parse_args()
    release = given.release
    (wheel,), (sdist,) = ((ROOT / "dist").glob(f"*.{ending}") for ending in ("whl", "tar.gz"))
    metadata = metadata_of(wheel)
    version = str(metadata["Version"])
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    problems = [
        *wheel_problems(wheel),
        *metadata_problems(metadata, release=release),
        *changelog_problems(changelog, version, release=release),
        *sdist_problems(sdist, tracked_files()),
    ]
    if problems:
        print(*problems, sep="\n", file=sys.stderr)
        return 1
    print(f"{wheel.name}: {wheel.stat().st_size:,} bytes; {sdist.name}: {sdist.stat().st_size:,} bytes")
    lines = first_lines((ROOT / "README.md").read_text(encoding="utf-8"))
    for package in (sdist, wheel):
        began = time.monotonic()
        used = use(package, lines)
        print(f"installed from {package.name}, README used: {used.said} ({time.monotonic() - began:.0f} s)")
    needed = len(direct(metadata))
    print(f"{needed} direct dependencies, {used.packages} packages in all, {used.megabytes:.0f} MB")
    if given.figures:
        sizes = {"wheel_kb": wheel.stat().st_size / 1000, "sdist_kb": sdist.stat().st_size / 1000}
        counts = {"direct": needed, "installed": used.packages, "installed_mb": used.megabytes}
        _record(sizes | counts)
    return 0


def _record(values: dict[str, float]) -> None:
    from measured import record  # of benchmarks/, which only this needs

    record("dist", values, folder=ROOT / "figures")


if __name__ == "__main__":
    sys.exit(main())
