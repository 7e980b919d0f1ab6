"""Prove Binder without docker, in a clone of the last commit under build/binder.

First what repo2docker would do with it: its Dockerfile is printed, not built, and read. Then the same by
hand: a clean environment of the Python that `binder/runtime.txt` names, `binder/requirements.txt`,
`binder/postBuild` with a home of its own, and every notebook, executed there; the first one also in
JupyterLab, in a browser if there is one.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "build" / "binder"
CLONE, HOME = FOLDER / "clone", FOLDER / "home"


def expected(version: str) -> dict[str, str]:
    """Return what repo2docker must say, in this order: what it means -> pattern."""
    return {
        f"an environment of Python {version}": rf"conda environment for python={re.escape(version)}$",
        "the whole clone copied before the installation": r"^COPY .*\bsrc/ \$\{REPO_DIR\}",
        "binder/requirements.txt installed": r'^RUN .*pip install .*-r "binder/requirements\.txt"$',
        "binder/postBuild run": r"^RUN \./binder/postBuild$",
    }


def missing(said: str, version: str) -> list[str]:
    """Return what is not in the output of repo2docker, or not in its order."""
    at, absent = 0, []
    for meaning, pattern in expected(version).items():
        found = re.compile(pattern, re.MULTILINE).search(said, at)
        if found is None:
            absent.append(meaning)
        else:
            at = found.end()
    return absent


def runtime(clone: Path) -> str:
    """Return the version of Python that Binder is told to take."""
    return (clone / "binder" / "runtime.txt").read_text(encoding="utf-8").strip().removeprefix("python-")


def run(*program: str | Path, cwd: Path = CLONE, env: dict[str, str] | None = None) -> str:
    """Run a program; return what it says on both channels, or end with its last words."""
    done = subprocess.run(
        program, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(map(str, program))} failed:\n{done.stdout[-3000:]}")
    return done.stdout


def repo2docker() -> Path:
    """Return the program, in an environment of its own that is kept."""
    folder = ROOT / "build" / "repo2docker"
    program = folder / "bin" / "jupyter-repo2docker"
    if not program.exists():
        venv.create(folder, with_pip=True, clear=True)
        run(folder / "bin" / "python", "-m", "pip", "install", "--quiet", "jupyter-repo2docker", cwd=ROOT)
    return program


def environment(version: str) -> dict[str, str]:
    """Install what Binder would install; return the variables of its programs."""
    python = shutil.which(f"python{version}")
    if python is None:
        sys.exit(f"binder/runtime.txt names Python {version}; install it, so that python{version} is found")
    run(python, "-m", "venv", FOLDER / "env")
    run(FOLDER / "env" / "bin" / "python", "-m", "pip", "install", "--quiet", "-r", "binder/requirements.txt")
    ours = ("LRO_", "XDG_", "PYTHON", "JUPYTER", "IPYTHON", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "HOME": str(HOME), "PATH": f"{FOLDER / 'env' / 'bin'}:{kept['PATH']}"}


def main() -> int:
    """Print a line for each step with its seconds; 0 when Binder would work."""
    from scripts import binder_lab  # needs what the tests need, and a browser

    began = time.monotonic()

    def say(what: str) -> None:
        nonlocal began
        print(f"{time.monotonic() - began:6.1f} s  {what}", flush=True)
        began = time.monotonic()

    shutil.rmtree(FOLDER, ignore_errors=True)
    HOME.mkdir(parents=True)
    run("git", "clone", "--quiet", ROOT, CLONE, cwd=ROOT)
    version = runtime(CLONE)
    say(f"a clone of {run('git', 'log', '-1', '--format=%h %s').strip()}")

    absent = missing(run(repo2docker(), "--no-build", "--debug", "."), version)
    if absent:
        sys.exit(f"repo2docker would not do this, or not in its order: {'; '.join(absent)}")
    say(f"repo2docker: {'; '.join(expected(version))}")

    env = environment(version)
    say(f"Python {version} with binder/requirements.txt")
    try:
        run("./binder/postBuild", env=env)
        say("binder/postBuild")
        notebooks = sorted(CLONE.glob("notebooks/*.ipynb"))
        say(binder_lab.run(notebooks[0], CLONE, env))
        for notebook in notebooks:
            run("python", "scripts/run_notebook.py", notebook, env=env)
            say(notebook.name)
    finally:
        run("python", "-c", "from lro_notebook import local; local.stop()", env=env)
    return 0


if __name__ == "__main__":
    sys.exit(main())
