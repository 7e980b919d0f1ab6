"""The documentation is true: its code and examples run, its quotations and tables are those of the code.

One local service serves all pages, and every page goes on from the five-minute start.
"""

from __future__ import annotations

import ast
import doctest
import inspect
import re
import subprocess
import sys
import warnings
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cookbook_world
import pytest
from docs_pages import DOCS, PAGES, fenced, read, run
from places import ROOT

import lro_notebook as lro
from lro_notebook.healthcare.store import Store
from lro_notebook.local.__main__ import _parser
from lro_notebook.results.limits import Limits
from lro_notebook.views.export import Scan

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Is run beside a server in Google's place.
COOKBOOK = DOCS / "cookbook.md"
#: Public names without an example that a test could run, and why.
NO_EXAMPLE = {
    "__version__": "a string",
    "enable_nested_asyncio": "patches asyncio for the whole process",
    "load_ipython_extension": "is called by IPython",
}
PUBLIC = [getattr(lro, name) for name in lro.__all__ if name not in NO_EXAMPLE]
#: What a method belongs to in the table of permissions.
OWNERS: dict[str, type] = {
    "ds": lro.Dataset,
    "store": Store,
    "fhir": lro.FhirStore,
    "dicom": lro.DicomStore,
    "hl7v2": lro.Hl7v2Store,
    "consent": lro.ConsentStore,
}

pytestmark = pytest.mark.service


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the one service that all pages share; its sample is small, to be quick."""
    folder = tmp_path_factory.mktemp("docs")
    command = [sys.executable, "-m", "lro_notebook.local", "--port", "0", "--data-dir", str(folder)]
    with subprocess.Popen([*command, "--sample-patients", "20"], stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        program.stdout.readline()  # it says where it is, and serves from then on
        yield folder
        program.terminate()


@pytest.fixture
def user(home: Path, state_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - set first
    """Somebody with that service, in an empty folder."""
    monkeypatch.setenv("LRO_NOTEBOOK_DATA_DIR", str(home))
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.chdir(tmp_path)


@cache
def _started() -> dict[str, Any]:
    return run(DOCS / "start.md", {"__name__": "docs"})


@pytest.fixture
def names(user: None) -> dict[str, Any]:  # noqa: ARG001 - where it runs
    """What the five-minute start leaves behind."""
    return dict(_started())


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if fenced(page, "python") and page != COOKBOOK],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_the_code_of_a_page_runs_and_runs_again(page: Path, names: dict[str, Any]) -> None:
    """A second time in the kernel and the service of the first, as who runs all cells again does."""
    if page.name == "README.md":  # begins by itself, on a machine where there is nothing yet
        names["store"].delete()
        names = {"__name__": "docs"}
    run(page, names)
    run(page, names)


def test_the_recipes_of_the_cookbook_run_and_run_again(names: dict[str, Any]) -> None:
    cookbook_world.lay_out(Path.cwd())
    with cookbook_world.vertex() as address:
        for _ in range(2):
            run(COOKBOOK, names, {cookbook_world.VERTEX: address})
            assert cookbook_world.untrue(names) == []


@pytest.mark.parametrize("thing", [*PUBLIC, Scan], ids=lambda thing: thing.__name__)
def test_the_examples_of_a_public_name_run(thing: Any, names: dict[str, Any]) -> None:
    if inspect.ismodule(thing):
        source = thing.__doc__ or ""
        tests = [doctest.DocTestParser().get_doctest(source, names, thing.__name__, None, None)]
    else:
        tests = doctest.DocTestFinder(recurse=inspect.isclass(thing)).find(thing, globs=names)
    examples = [test for test in tests if test.examples]
    assert examples, f"{thing.__name__} has no example"
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", lro.LroWarning)
        for test in examples:
            said: list[str] = []
            runner.run(test, out=said.append)
            assert not runner.failures, "".join(said)


def permissions() -> Iterator[str]:
    """Yield the rows of the table of permissions, as the docstrings have them."""
    for owner, kind in OWNERS.items():
        told = set() if kind is Store else set(vars(Store))
        for name, member in ((name, member) for cls in kind.__mro__ for name, member in vars(cls).items()):
            doc = " ".join((member.__doc__ or "").split()) if inspect.isfunction(member) else ""
            needed = re.findall(r"``(healthcare\.[\w{}.]+)``", doc)
            if not needed or (name in told and member is getattr(Store, name, None)):
                continue
            mark = "\\*" if "our guess" in doc else ""
            permissions = ", ".join(f"`{permission}`{mark}" for permission in needed)
            yield f"| `{owner}.{name}` | {permissions} |"


def test_the_table_of_permissions_is_that_of_the_docstrings() -> None:
    page = read(DOCS / "google-cloud.md")
    wanted = list(permissions())
    assert [row for row in page.splitlines() if row.startswith("| `") and "`healthcare." in row] == wanted


def letters(text: str) -> int:
    return sum(map(str.isalpha, text))


def messages() -> Iterator[str]:
    """Yield every line of text in the source, with ``…`` for what is put in at run time."""
    for path in (ROOT / "lro_notebook").rglob("*.py"):
        for node in ast.walk(ast.parse(read(path))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield from node.value.split("\n")
            elif isinstance(node, ast.JoinedStr):
                parts = (part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
                yield from "".join(map(str, parts)).split("\n")


def reads(message: str, quoted: str) -> bool:
    """Tell whether `quoted` can be `message`, and not for its gaps alone."""
    fixed = message.split("…")
    if not all(part in quoted for part in fixed) or 2 * letters(message) < letters(quoted):
        return False
    return re.fullmatch(".*".join(map(re.escape, fixed)), quoted) is not None


def test_every_quoted_message_is_one_of_the_code() -> None:
    lines = [line for quoted in fenced(DOCS / "troubleshooting.md", "text") for line in quoted.splitlines()]
    assert len(lines) > 30
    told = set(messages())
    assert [line for line in lines if not any(reads(message, line) for message in told)] == []


def test_the_help_of_the_service_is_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    page = fenced(DOCS / "reference" / "programs.md", "text")[0]
    assert page.split() == _parser().format_help().split()


def columns(heading: str) -> dict[str, str]:
    """Return the columns and dtypes that the page of tables lists under a heading."""
    section = read(DOCS / "tables.md").partition(f"## `{heading}")[2].partition("\n## ")[0]
    rows = (row.split("|")[1:3] for row in section.splitlines() if row.startswith("| `"))
    return {name: dtype.strip() for names, dtype in rows for name in re.findall(r"`(\w+)`", names)}


def test_the_columns_of_the_tables_are_those_of_the_frames(names: dict[str, Any]) -> None:
    op: lro.Operation = names["op"]
    for heading, frame in {
        "lro.to_frame": lro.to_frame([]),
        "lro.started": lro.started(),
        "op.history": op.history,
        "op.failures": op.failures(),
    }.items():
        assert columns(heading) == {name: str(dtype) for name, dtype in frame.dtypes.items()}


def test_the_limits_of_files_are_those_of_the_code() -> None:
    section = read(DOCS / "results.md").partition("## What a file may cost")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| ([\d,]+) \|", section, re.MULTILINE)
    assert {name: int(default.replace(",", "")) for name, default in rows} == asdict(Limits())


def test_every_public_name_is_in_the_reference() -> None:
    reference = "\n".join(map(read, (DOCS / "reference").glob("*.md")))
    shown = set(re.findall(r"^::: lro_notebook\.(\w+)$", reference, re.MULTILINE))
    assert set(lro.__all__) - shown == {"__version__"}
