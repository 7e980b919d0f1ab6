"""The house is as the plan in `rooms` says; what is public, what an import costs."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from rooms import ROOMS, SEAMS

import lro_notebook

ROOT = Path(lro_notebook.__file__).parent
REPOSITORY = Path(__file__).parents[1]
#: Of the operations' room, the service knows the wire model alone.
WIRE_MODEL = "lro_notebook.operations.resource"
MODULES = sorted(ROOT.rglob("*.py"))
TESTS = sorted(Path(__file__).parent.rglob("*.py"))
#: The statements that import, as far as their names go; several lines of them where they are in brackets.
IMPORTS = re.compile(r"^[ \t]*(?:from|import)\b(?:[^\n(#]*\([^)]*\)|[^\n#]*)", re.MULTILINE)


def module_of(path: Path) -> str:
    """Return the name of a module within the package; `__init__` is that of the package itself."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


NAMES = {module_of(path) for path in MODULES}


def room_of(module: str) -> str:
    """Return the room that a module stands in."""
    return max((room for room in ROOMS if f"{module}.".startswith(f"{room}.")), key=len)


class Import(NamedTuple):
    """One import at run time: the module, and whether it stands inside a function."""

    module: str
    lazy: bool


@cache
def imported(path: Path) -> list[Import]:
    """Return what a module imports of the package at run time; what only types need does not count."""
    found: list[Import] = []

    def visit(node: ast.AST, *, lazy: bool) -> None:
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return
        if isinstance(node, ast.Import):
            found.extend(
                Import(alias.name.removeprefix("lro_notebook."), lazy)
                for alias in node.names
                if alias.name.startswith("lro_notebook.")
            )
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            if node.module == "lro_notebook" or (node.module or "").startswith("lro_notebook."):
                base = (node.module or "").removeprefix("lro_notebook").lstrip(".")
                for alias in node.names:
                    inner = f"{base}.{alias.name}".lstrip(".")
                    found.append(Import(inner if inner in NAMES else base, lazy))
        lazy = lazy or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for child in ast.iter_child_nodes(node):
            visit(child, lazy=lazy)

    visit(ast.parse(path.read_text(encoding="utf-8")), lazy=False)
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_room_imports_only_what_the_plan_lets_it(path: Path) -> None:
    here = module_of(path)
    room = room_of(here)
    seams = {seam.imports for seam in SEAMS if seam.module == here}
    for there, lazy in imported(path):
        if room_of(there) in {room, *ROOMS[room]}:
            assert (
                not (room.startswith("local.") or room == "local")
                or room_of(there) != "operations"
                or (f"lro_notebook.{there}" == WIRE_MODEL)
            ), f"{here} imports {there}: the service shares the wire model only"
            continue
        assert there in seams, f"{here} imports {there}, which the plan of {room} does not let it"
        assert lazy, f"{here} imports {there}, a seam that goes up, outside a function"


def test_every_seam_of_the_plan_is_one() -> None:
    used = {(module_of(path), each.module) for path in MODULES for each in imported(path)}
    assert [seam for seam in SEAMS if (seam.module, seam.imports) not in used] == []


def test_the_plan_goes_up_only() -> None:
    order = list(ROOMS)
    assert [(room, below) for room in order for below in ROOMS[room] if below not in order] == []
    client = [room for room in order if not room.startswith("local")]
    assert [
        (room, below)
        for number, room in enumerate(client)
        for below in ROOMS[room]
        if below in client[number:]
    ] == []


def test_a_folder_is_small_enough_to_look_through() -> None:
    crowded = {
        str(folder.relative_to(ROOT)): len(list(folder.glob("*.py")))
        for folder in {path.parent for path in MODULES}
        if len(list(folder.glob("*.py"))) > 24
    }
    assert crowded == {}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_stays_small_enough_to_read(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def test_a_file_of_tests_stays_small_enough_to_read() -> None:
    long = {str(path): count for path in TESTS if (count := len(path.read_bytes().splitlines())) > 400}
    assert long == {}


def test_tests_take_nothing_from_other_tests() -> None:
    taken = [
        f"{path}: {statement}"
        for path in TESTS
        for statement in IMPORTS.findall(path.read_text(encoding="utf-8"))
        if re.search(r"\btest_", statement)
    ]
    assert taken == [], "what tests share stands in a plain module beside them, or in conftest.py"


def test_the_picture_and_the_table_of_the_rooms_name_every_room_in_its_place() -> None:
    docs = REPOSITORY / "docs"
    rooms = [room for room in ROOMS if not room.startswith("local")]
    picture = (docs / "assets" / "rooms.svg").read_text(encoding="utf-8")
    bands = enumerate(re.findall(r'weight="600">(.*?)<', picture))
    level = {name: number for number, band in bands for name in re.findall(r"(\w+)(?:\.py|/)", band)}
    drawn = [level[name] for name in rooms]
    assert drawn == sorted(drawn, reverse=True)
    table = (docs / "architecture.md").read_text(encoding="utf-8").partition("## From the start")[0]
    assert [room for room in rooms if f"`{room}" not in table] == []
    inner = {room.partition(".")[2] for room in ROOMS if room.startswith("local.")} - {"launch", "own_files"}
    assert [room for room in inner if f"{room}/" not in picture] == []


def test_contributing_lists_every_command_and_names_only_what_exists() -> None:
    text = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    commands = next(line for line in makefile.splitlines() if line.startswith(".PHONY:")).split()[1:]
    missing = [name for name in commands if f"| `make {name}` |" not in text]
    assert missing == ["browser", "firefox"]  # which only the others call
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
