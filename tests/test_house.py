"""The plan of the house: who may import whom, what is public, what an import costs."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import lro_notebook

ROOT = Path(lro_notebook.__file__).parent
REPOSITORY = Path(__file__).parents[1]
#: From the ground up. A module imports only from floors below its own, or from its own folder.
FLOORS = [
    ("errors",),
    ("resource", "addresses"),
    ("globs",),
    ("forking",),
    ("pools",),
    ("readers",),
    ("progress",),
    ("auth",),
    ("answers",),
    ("bounded",),
    ("paging",),
    ("rest",),
    ("forecast",),
    ("lanes",),
    ("policy",),
    ("polling",),
    ("journal",),
    ("following",),
    ("flock",),
    ("remote",),
    ("above",),
    ("waiting",),
    ("operation",),
    ("foreign",),
    ("client",),
    ("terminal",),
    ("jupyter",),
    ("frames",),
    ("healthcare",),
    ("api",),
    ("testing",),
    ("__init__",),
]
LEVEL = {name: level for level, floor in enumerate(FLOORS) for name in floor}
MODULES = sorted(ROOT.rglob("*.py"))


def floor_of(path: Path) -> str:
    first = path.relative_to(ROOT).parts[0]
    return first.removesuffix(".py")


def imported(path: Path) -> list[str]:
    """Return the floors that a module imports at run time; what only types need does not count."""
    found: list[str] = []

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return
        if isinstance(node, ast.Import):
            found.extend(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            names = [alias.name for alias in node.names] if node.module == "lro_notebook" else []
            found.extend(f"lro_notebook.{name}" for name in names) if names else found.append(
                node.module or ""
            )
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text(encoding="utf-8")))
    return [name.split(".")[1] for name in found if name.startswith("lro_notebook.")]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_down_only(path: Path) -> None:
    here = floor_of(path)
    for name in imported(path):
        if name == here:
            continue
        if here == "local":
            shared = ("errors", "globs", "resource", *(("bounded",) if path.name == "proven.py" else ()))
            assert name in shared, f"{path} imports {name}: the service shares the wire model only"
        elif name == "local":
            assert here in ("api", "testing", "__init__"), f"{path} imports the embedded service"
        else:
            assert LEVEL[name] < LEVEL[here], f"{path} imports {name}, which is not below {here}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_stays_small_enough_to_read(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def test_contributing_lists_every_command_and_names_only_what_exists() -> None:
    text = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    commands = next(line for line in makefile.splitlines() if line.startswith(".PHONY:")).split()[1:]
    missing = [name for name in commands if f"| `make {name}` |" not in text]
    assert missing == ["browser"]  # which only the others call
    named = re.findall(r"`((?:lro_notebook|tests|scripts|docs|benchmarks|\.github)/[\w./-]*\w)`", text)
    assert len(named) > 20
    assert [name for name in named if not (REPOSITORY / name).exists() and "test_x" not in name] == []


def test_all_names_are_there_and_all_public_names_are_listed() -> None:
    listed = set(lro_notebook.__all__)
    tree = ast.parse((ROOT / "__init__.py").read_text(encoding="utf-8"))
    bound = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lro_notebook")
        for alias in node.names
    }
    assert listed == bound | {"__version__"}
    assert all(hasattr(lro_notebook, name) for name in listed)
    assert listed <= set(dir(lro_notebook))
    assert not hasattr(lro_notebook, "Veiw")
    assert lro_notebook.__all__ == sorted(lro_notebook.__all__)


@pytest.mark.parametrize("name", [name for name in lro_notebook.__all__ if name[0] != "_"])
def test_every_public_name_says_what_it_is(name: str) -> None:
    assert (getattr(lro_notebook, name).__doc__ or "").strip()


def test_the_import_loads_nothing_heavy() -> None:
    program = "import sys, lro_notebook; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    heavy = {
        "httpx",
        "asyncio",
        "pandas",
        "pyarrow",
        "numpy",
        "ipywidgets",
        "IPython",
        "filelock",
        "lro_notebook.views",
        "google.auth",
        "starlette",
        "uvicorn",
        "fsspec",
        "tqdm",
    }
    assert heavy.isdisjoint(loaded)
