"""Check what `python -m build` has made in ``dist/``: contents, size and version; then install and use it.

The sdist is installed into a new environment, away from the repository, and the local service is asked for an
import, an export and a DataFrame there.
"""

from __future__ import annotations

import argparse
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
from typing import TYPE_CHECKING

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
#: What a new user does first, without the repository at hand.
FIRST_USE = """
import sys, lro_notebook as lro
ds = lro.connect(data_dir=sys.argv[1])
try:
    store = ds.fhir_store("first").create()
    store.import_from("gs://lro-sample/fhir/*.ndjson").result(120)
    patients = store.export_to("gs://demo-out/first").load()["Patient"]
finally:
    lro.local.stop(sys.argv[1])
assert len(patients) == 100, len(patients)
print(lro.__version__, lro.__file__)
"""


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


def use(sdist: Path) -> str:
    """Install a source distribution into a new environment and use it there; return what that printed."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(Path(folder, "venv"), with_pip=True)
        python = Path(folder, "venv", "bin", "python")
        _run(folder, python, "-m", "pip", "install", "--quiet", "--no-compile", sdist)
        return _run(folder, python, "-W", "ignore", "-c", FIRST_USE, Path(folder, "data"))


def _run(folder: str, *command: str | Path) -> str:
    ended = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=False)
    if ended.returncode:
        sys.exit(f"{command[2]} failed in the new environment")
    return ended.stdout.strip()


def main() -> int:
    """Check what is in ``dist/``; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--release", action="store_true", help="the changelog must have a section with a date"
    )
    release = parser.parse_args().release
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
    began = time.monotonic()
    print(f"installed from the sdist and used: {use(sdist)} ({time.monotonic() - began:.0f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
