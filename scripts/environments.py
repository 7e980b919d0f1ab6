"""Run the tests on other Pythons, or on the lowest or newest versions of what the package needs.

Usage: python scripts/environments.py {pythons,lowest,newest} [--python 3.12] [-- what pytest takes]
       PYTHONPATH=. python scripts/environments.py table

``table`` writes what the last whole run of each gave into docs/platforms.md.

``pythons`` takes what is installed of 3.11 to 3.14, or one of them, and says what it left out.
``lowest`` takes the oldest versions that pyproject.toml admits of what users install, and the newest of
what only the tests need. ``newest`` takes pre-releases too. uv installs each set in an environment of its
own, in build/environments. The browser tests stay out: what they show depends on none of this. Ends with
status 1 if anything failed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from packaging.requirements import Requirement

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "build" / "environments"
PAGE = ROOT / "docs" / "platforms.md"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
#: What no user installs; their minimums are those of this project's own tools.
OWN_EXTRAS = {
    "bench",
    "dist",
    "docs",
    "environments",
    "test",
    "test-clients",
    "test-google",
    "test-platforms",
}


@dataclass(frozen=True)
class Outcome:
    """What came of the tests in one environment.

    Attributes
    ----------
    name : str
        Of the environment.
    passed, failed, skipped : int
        How many tests; errors count as failed.
    seconds : float
        How long they took.
    failures : tuple of str
        The tests that failed.
    left_out : str
        Why nothing was run; empty where it was.
    """

    name: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    failures: tuple[str, ...] = ()
    left_out: str = ""


def uv(*arguments: str | Path) -> str:
    """Run uv; return what it printed."""
    program = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if program is None:
        raise SystemExit("uv is not here: pip install uv")
    command = [program, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def find(version: str) -> str | None:
    """Return the Python of `version` on the path or of pyenv; None where there is none that runs."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    on_path = shutil.which(f"python{version}")
    places = [*filter(None, [on_path]), *sorted(map(str, pyenv.glob(f"{version}*/bin/python")), reverse=True)]
    asks = "import sys; print(*sys.version_info[:2], sep='.')"
    for place in places:  # what is on the path may be a shim of pyenv for nothing
        asked = subprocess.run([place, "-c", asks], capture_output=True, text=True, check=False)
        if asked.stdout.strip() == version:
            return place
    return None


def names_for_users(project: dict[str, Any]) -> set[str]:
    """Return the packages that the ``[project]`` table of pyproject.toml names for users."""
    extras = project["optional-dependencies"].items()
    named = [item for extra, items in extras if extra not in OWN_EXTRAS for item in items]
    return {Requirement(item).name for item in [*project["dependencies"], *named]} - {project["name"]}


def pins_of(resolved: str, names: Iterable[str]) -> list[str]:
    """Return the lines ``package==version`` of what uv has resolved for the packages of `names`."""
    wanted = set(names)
    return [line for line in resolved.splitlines() if line.partition("==")[0] in wanted]


def lowest(python: str) -> list[str]:
    """Return the oldest versions that pyproject.toml admits of what users install, as pins."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [f"--extra={extra}" for extra in project["optional-dependencies"] if extra not in OWN_EXTRAS]
    how = ["--quiet", "--no-annotate", "--no-header", "--python", python, *extras]
    resolved = uv("pip", "compile", "--resolution=lowest-direct", *how, "pyproject.toml")
    return pins_of(resolved, names_for_users(project))


def environment(name: str, python: str, *how: str) -> Path:
    """Return the python of a new environment with this package and what its tests need."""
    folder = FOLDER / name
    uv("venv", "--quiet", "--clear", "--python", python, folder)
    program = folder / "bin" / "python"
    uv("pip", "install", "--quiet", "--python", program, "--editable", ".[test]", *how)
    return program


def outcome(name: str, report: Path, seconds: float) -> Outcome:
    """Return what a report of pytest, in the format of JUnit, says."""
    if not report.exists():
        return Outcome(name, failed=1, seconds=seconds, failures=("pytest ended without a report",))
    cases = list(ET.parse(report).iter("testcase"))  # noqa: S314 - pytest has written it
    bad = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    skipped = sum(case.find("skipped") is not None for case in cases)
    # One that fails and then cannot be cleaned up is there twice.
    failures = tuple(dict.fromkeys(f"{case.get('classname')}::{case.get('name')}" for case in bad))
    return Outcome(name, len(cases) - len(bad) - skipped, len(failures), skipped, seconds, failures)


def tested(name: str, program: Path, arguments: Sequence[str]) -> Outcome:
    """Run the tests in an environment; only the report of all of them is in the table of the docs."""
    part = any(argument.startswith(("tests", "-k")) for argument in arguments)
    report = FOLDER / (f"{name}-part.xml" if part else f"{name}.xml")
    report.unlink(missing_ok=True)
    began = time.monotonic()
    command = [str(program), "-m", "pytest", "-q", "--ignore=tests/browser", f"--junitxml={report}"]
    subprocess.run([*command, *arguments], cwd=ROOT, check=False)
    return outcome(name, report, time.monotonic() - began)


def table(outcomes: Sequence[Outcome]) -> str:
    """Return the table that is printed at the end."""
    lines = [f"{'environment':16}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}"]
    for each in outcomes:
        counts = f"{each.passed:8}{each.failed:8}{each.skipped:9}{each.seconds:9.0f}"
        lines.append(f"{each.name:16}" + (f"  left out: {each.left_out}" if each.left_out else counts))
        lines += [f"    {failure}" for failure in each.failures]
    return "\n".join(lines)


def rows(folder: Path) -> str:
    """Return the table of the docs: what the reports of `folder` say of whole runs."""
    lines = [
        "| Python | versions of what is needed | day | passed | failed | skipped |",
        "|---|---|---|---|---|---|",
    ]
    sets = {"lowest": "the lowest", "newest": "the newest, and pre-releases"}
    for report in sorted(folder.glob("*.xml")):
        configured = report.with_suffix("") / "pyvenv.cfg"
        if report.stem.endswith("-part") or not configured.exists():
            continue
        settings = dict(line.split(" = ", 1) for line in configured.read_text(encoding="utf-8").splitlines())
        suite = next(ET.parse(report).iter("testsuite"))  # noqa: S314 - pytest has written it
        each = outcome(report.stem, report, 0)
        told = settings["version_info"], sets.get(report.stem, "the newest"), suite.attrib["timestamp"][:10]
        counts = f"{each.passed:,}", f"{each.failed:,}", f"{each.skipped:,}"
        lines.append(f"| {' | '.join((*told, *counts))} |")
    return "\n".join(lines)


def on_pythons(only: str | None, arguments: Sequence[str]) -> list[Outcome]:
    """Run the tests on one Python, or on each that is installed."""
    outcomes = []
    for version in [only] if only else PYTHONS:
        name, python = f"python-{version}", find(version)
        if python is None:
            outcomes.append(Outcome(name, left_out=f"no Python {version} is installed"))
        else:
            print(f"== {python}", flush=True)
            outcomes.append(tested(name, environment(name, python), arguments))
    return outcomes


def on_versions(kind: str, version: str | None, arguments: Sequence[str]) -> list[Outcome]:
    """Run the tests on the lowest or the newest versions of what the package needs."""
    order = [version] if version else PYTHONS if kind == "lowest" else PYTHONS[::-1]
    python = next(filter(None, map(find, order)), None)
    if python is None:
        return [Outcome(kind, left_out=f"no Python {' or '.join(order)} is installed")]
    if kind == "lowest":
        pins = lowest(python)
        constraints = FOLDER / "lowest.txt"
        FOLDER.mkdir(parents=True, exist_ok=True)
        constraints.write_text("\n".join(pins) + "\n", encoding="utf-8")
        print(f"== {python}: {', '.join(pins)}", flush=True)
        how = [f"--constraints={constraints}"]
    else:
        print(f"== {python}, with pre-releases", flush=True)
        how = ["--prerelease=allow", "--upgrade"]
    return [tested(kind, environment(kind, python, *how), arguments)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; 0 when tests ran and none failed."""
    parser = argparse.ArgumentParser(
        description="Run the tests on other Pythons, or on other versions.",
        epilog="What stands behind -- is for pytest, as in: environments.py lowest -- tests/http",
    )
    parser.add_argument("kind", choices=("pythons", "lowest", "newest", "table"))
    parser.add_argument("--python", help="one Python, as 3.12")
    given = [*(sys.argv[1:] if arguments is None else arguments), "--"]
    end = given.index("--")
    options, for_pytest = parser.parse_args(given[:end]), given[end + 1 : -1]
    if options.kind == "table":
        from scripts.marked import replaced

        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(replaced(page, "environments", rows(FOLDER)), encoding="utf-8")
        return 0
    if options.kind == "pythons":
        outcomes = on_pythons(options.python, for_pytest)
    else:
        outcomes = on_versions(options.kind, options.python, for_pytest)
    print(table(outcomes))
    return int(any(each.failed for each in outcomes) or not any(each.passed for each in outcomes))


if __name__ == "__main__":
    sys.exit(main())
