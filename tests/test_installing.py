"""What people are told to install exists, and README reads well where the package index shows it."""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hatchling.metadata.core import ProjectMetadata
from hatchling.plugin.manager import PluginManager
from markdown_it import MarkdownIt
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
ADDRESS: str = PYPROJECT["tool"]["hatch"]["metadata"]["hooks"]["custom"]["address"]
#: Packages that only some people need, so that neither the package nor an extra of it asks for them.
FOR_SOME = {"httpx", "nest-asyncio2", "pillow", "requests", "truststore"}
PLACES = ("README.md", "_lro_notebook_pytest.py", "docs/**/*.md", "lro_notebook/**/*.py", "notebooks/*.*")
READ = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for place in PLACES
    for path in sorted(ROOT.glob(place))
    if path.suffix in {".md", ".py", ".ipynb"}
}
INSTALL = re.compile(r"""pip\s+install\s+(?:-\S+\s+)*(?P<what>"[^"]+"|'[^']+'|[^\s`;,)"']+)""")
#: The local service names what it lacks by a function.
NAMED = re.compile(r'not_installed\("([\w-]+)"')


def told() -> Iterator[tuple[str, str]]:
    """Yield each page or module, and the first thing that it says to install."""
    for path, text in READ.items():
        for found in INSTALL.finditer(text.replace('\\"', '"')):  # as a notebook has it
            if found["what"] != "{package}":
                yield path, found["what"].strip("\"'")
        for package in NAMED.findall(text):
            yield path, package


def test_only_packages_are_named_that_an_index_has_and_this_package_uses() -> None:
    project = PYPROJECT["project"]
    extras = project["optional-dependencies"]
    declared = [*project["dependencies"], *(item for items in extras.values() for item in items)]
    known = {canonicalize_name(Requirement(item).name) for item in declared} - {"lro-notebook"} | FOR_SOME
    said = list(told())
    assert len(said) > 15
    for where, what in said:
        if what.startswith("."):  # in a clone
            assert set(re.findall(r"[\w-]+", what)) <= set(extras), (where, what)
        elif ".whl" in what or (ADDRESS and f"@ git+{ADDRESS}" in what):
            continue  # built from a clone, or from its address
        elif "…" not in what:
            assert canonicalize_name(Requirement(what).name) in known, (where, what)


def test_no_name_is_given_that_is_not_ours_on_the_index() -> None:
    assert [
        path
        for path, text in READ.items()
        if "lro-notebook[" in text.replace("lro-notebook[demo] @ git+", "")
    ] == []


def test_the_readme_installs_from_a_clone_and_from_the_address_once_there_is_one() -> None:
    readme = READ["README.md"]
    assert 'pip install ".[demo]"' in readme
    assert (f'pip install "lro-notebook[demo] @ git+{ADDRESS}"' in readme) == bool(ADDRESS)


class Links(HTMLParser):
    """Collects what a page links to and shows."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del tag
        self.found += [value or "" for name, value in attrs if name in {"href", "src", "srcset"}]


def metadata(folder: Path, address: str) -> ProjectMetadata[PluginManager]:
    """Return what is built of this repository, with another address."""
    for name in ("README.md", "LICENSE", "hatch_build.py", "lro_notebook/__init__.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    setting = f"address = {json.dumps(address)}"
    text, count = re.subn(r'^address = ".*"$', setting, text, flags=re.MULTILINE)
    assert count == 1
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    return ProjectMetadata(str(folder), PluginManager())


@pytest.mark.parametrize("address", ["https://github.com/owner/lro-notebook", "https://example.org/a/b/"])
def test_the_index_shows_no_relative_link_once_there_is_an_address(tmp_path: Path, address: str) -> None:
    built = metadata(tmp_path, address)
    links = Links()
    links.feed(MarkdownIt("commonmark").enable("table").render(built.core.readme))
    base = f"{address.rstrip('/')}/"
    ours = {link.removeprefix(base) for link in links.found if link.startswith(base)}
    tag = f"v{built.version}"
    assert [link for link in links.found if not link.startswith("https://")] == []
    assert {f"raw/{tag}/docs/images/card-dark.png", f"blob/{tag}/docs/front-ends.md"} <= ours
    assert len(ours) > 20
    for link in ours:  # each is a file of the repository
        assert (
            ROOT / link.removeprefix(f"raw/{tag}/").removeprefix(f"blob/{tag}/").partition("#")[0]
        ).exists()
    assert built.core.urls["Changelog"] == f"{base}blob/{tag}/CHANGELOG.md"
    assert built.core.urls["Source"] == base.rstrip("/")


def test_without_an_address_the_description_is_the_readme_as_it_is(tmp_path: Path) -> None:
    built = metadata(tmp_path, "")
    assert built.core.readme == READ["README.md"]
    assert built.core.readme_content_type == "text/markdown"
    assert built.core.urls == {}
