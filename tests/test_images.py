"""What notebook services have installed stays as it is when this package is installed there.

``make test-matrix`` asks pip in an environment that has all of it; here pip is asked of environments in name,
which no network is needed for, and the minimums are held to the versions of each image.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement

from scripts.images import Image, images, replaced

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NEEDED = {requirement.name: requirement for requirement in map(Requirement, PROJECT["dependencies"])}


@pytest.mark.parametrize("image", images(), ids=lambda image: image.key)
def test_every_minimum_admits_what_an_image_has(image: Image) -> None:
    known = NEEDED.keys() & image.pins.keys()
    assert {"ipywidgets", "pandas", "pyarrow", "starlette"} <= known
    raised = {name for name in known if image.pins[name] not in NEEDED[name].specifier}
    assert raised == set(image.changes), "name what is replaced, and why, in the file of the image"
    assert all(len(why.split()) > 3 for why in image.changes.values())


#: Runs pip where nothing is installed but what the first folder says; the second has pip.
PIP = """
import runpy, sys
sys.path[:0] = sys.argv[1:3]
sys.argv[:] = ["pip", *sys.argv[3:]]
runpy.run_module("pip", run_name="__main__")
"""
NEWEST = "99999.0"


def described(name: str, version: str, needs: Iterable[str] = ()) -> str:
    """Return the metadata of a package."""
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", "Provides-Extra: requests"]
    return "\n".join([*lines, *(f"Requires-Dist: {need}" for need in needs), ""])


def wheel(folder: Path, name: str, version: str, needs: Iterable[str] = ()) -> None:
    """Write a wheel with nothing in it."""
    stem = f"{name.replace('-', '_')}-{version}"
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as file:
        file.writestr(f"{stem}.dist-info/METADATA", described(name, version, needs))
        file.writestr(
            f"{stem}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr(f"{stem}.dist-info/RECORD", "")


@pytest.mark.parametrize("image", images(), ids=lambda image: image.key)
def test_a_resolver_replaces_nothing_that_an_image_has(image: Image, tmp_path: Path) -> None:
    installed, index, home = (tmp_path / name for name in ("installed", "index", "home"))
    for folder in (installed, index, home):
        folder.mkdir()
    for name, version in image.pins.items():
        about = installed / f"{name.replace('-', '_')}-{version}.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(described(name, version), encoding="utf-8")
    for name in NEEDED:
        wheel(index, name, NEWEST)
    wheel(index, "lro-notebook", "1.0", PROJECT["dependencies"])
    pip = find_spec("pip")
    if pip is None or pip.origin is None:
        pytest.skip("pip is not here, as in environments of uv")
    (home / "pip").symlink_to(Path(pip.origin).parent, target_is_directory=True)
    asked = ["install", "--dry-run", "--quiet", "--no-index", "--isolated", "--no-cache-dir"]
    asked += ["--disable-pip-version-check", "--report=-", f"--find-links={index}", "lro-notebook"]
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", PIP, str(installed), str(home), *asked],
        check=True,
        capture_output=True,
        text=True,
    )
    found = [item["metadata"] for item in json.loads(done.stdout)["install"]]
    plan = {str(item["name"]): str(item["version"]) for item in found}
    assert plan.pop("lro-notebook") == "1.0"
    assert set(plan.values()) <= {NEWEST}
    assert set(replaced(image, plan)) == set(image.changes)
    here = [need for need in NEEDED.values() if need.marker is None or need.marker.evaluate()]
    assert set(plan) == {need.name for need in here} - image.pins.keys() | image.changes.keys()


def test_the_images_are_those_that_the_docs_speak_of() -> None:
    page = (ROOT / "docs" / "notebook-services.md").read_text(encoding="utf-8")
    assert {image.key for image in images()} == {"colab", "databricks", "kaggle", "sagemaker"}
    for image in images():
        assert image.title in page
        assert image.pins["ipywidgets"] in page


def test_the_workflow_has_the_pythons_of_the_images() -> None:
    """With another one, versions of an image may have no wheels."""
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    pythons = "\\n".join(sorted({image.python for image in images()}))
    assert f'{{ command: test-matrix, python: "{pythons}" }}' in workflow


def test_a_plan_replaces_what_is_pinned_and_not_what_is_new() -> None:
    image = Image("x", "X", "3.13", {"typing_extensions": "4.12.2", "pandas": "2.2.3"}, {})
    assert replaced(image, {"typing-extensions": "4.16.0", "orjson": "3.12.0"}) == {
        "typing-extensions": "4.16.0"
    }
