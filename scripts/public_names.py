"""Say which public names, arguments and columns of an earlier commit are gone, for docs/migration.md.

Usage: python scripts/public_names.py COMMIT   prints a line for each that is in COMMIT and not in this tree
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: Runs in the tree that it lists; needs nothing of this one.
LISTING = """
import inspect, json, sys
import lro_notebook as lro

def arguments(thing):
    try:
        return list(inspect.signature(thing).parameters)
    except (TypeError, ValueError):
        return []

names = set()
def add(path, thing):
    names.add(path)
    if callable(thing):
        names.update(f"{path}({name})" for name in arguments(thing) if name not in {"self", "cls"})

for name in lro.__all__:
    thing = getattr(lro, name)
    add(name, thing)
    if inspect.isclass(thing) or inspect.ismodule(thing):
        exported = getattr(thing, "__all__", None) if inspect.ismodule(thing) else None
        for member in exported or dir(thing):
            if not member.startswith("_"):
                add(f"{name}.{member}", inspect.getattr_static(thing, member, None))
                found = getattr(thing, member, None)
                if callable(found):
                    add(f"{name}.{member}", found)
for called, frame in {"to_frame": lro.to_frame([]), "started": lro.started()}.items():
    names.update(f"{called}()[{column}]" for column in frame.columns)
sys.stdout.write(json.dumps(sorted(names)))
"""


def listed(tree: Path) -> set[str]:
    """Return the public names of the package in a tree."""
    with tempfile.TemporaryDirectory() as state:
        environ = {"PYTHONPATH": str(tree), "LRO_NOTEBOOK_STATE_DIR": state, "PATH": ""}
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", LISTING],
            cwd=state,
            env=environ,
            capture_output=True,
            text=True,
            check=True,
        )
    return set(json.loads(done.stdout))


def main() -> None:
    """Print what is gone."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("commit", help="a tag or a commit to compare with")
    commit = parser.parse_args().commit
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder, "tree.tar")
        command = ["git", "-C", str(ROOT), "archive", "-o", str(archive), commit, "lro_notebook"]
        subprocess.run(command, check=True)
        with tarfile.open(archive) as packed:
            packed.extractall(folder, filter="data")
        before = listed(Path(folder))
    now = listed(ROOT)
    print(*sorted(before - now), sep="\n")
    print(f"{len(before - now)} of {len(before)} are gone, {len(now - before)} are new", file=sys.stderr)


if __name__ == "__main__":
    main()
