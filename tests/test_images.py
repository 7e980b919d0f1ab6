"""What notebook services have installed stays as it is when this package is installed there.

``make test-matrix`` asks pip itself; here the minimums are held to the versions of each image.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from scripts.images import Image, images, replaced

ROOT = Path(__file__).parents[1]
NEEDED = {
    requirement.name: requirement
    for requirement in map(
        Requirement,
        tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"],
    )
}


@pytest.mark.parametrize("image", images(), ids=lambda image: image.key)
def test_every_minimum_admits_what_an_image_has(image: Image) -> None:
    known = NEEDED.keys() & image.pins.keys()
    assert {"ipywidgets", "pandas", "pyarrow", "starlette"} <= known
    raised = {name for name in known if image.pins[name] not in NEEDED[name].specifier}
    assert raised == set(image.changes), "name what is replaced, and why, in the file of the image"
    assert all(len(why.split()) > 3 for why in image.changes.values())


def test_the_images_are_those_that_the_docs_speak_of() -> None:
    page = (ROOT / "docs" / "notebook-services.md").read_text(encoding="utf-8")
    assert {image.key for image in images()} == {"colab", "databricks", "kaggle", "sagemaker"}
    for image in images():
        assert image.title in page
        assert image.pins["ipywidgets"] in page


def test_a_plan_replaces_what_is_pinned_and_not_what_is_new() -> None:
    image = Image("x", "X", "3.13", {"typing_extensions": "4.12.2", "pandas": "2.2.3"}, {})
    assert replaced(image, {"typing-extensions": "4.16.0", "orjson": "3.12.0"}) == {
        "typing-extensions": "4.16.0"
    }
