"""What notebook services have installed: one file of pins each, in scripts/images.

`install_plan` asks pip what it would do there to install this package. What is installed must stay as it is,
apart from what the file names in a line "# changes: PACKAGE - REASON".
"""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "images"
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Image:
    """The image of a notebook service.

    Attributes
    ----------
    key, title : str
        The name of its file, and its own.
    python : str
        The version of its Python, as in ``3.13``.
    pins : dict
        Package -> the version that it has.
    changes : dict
        Package -> why the install replaces it all the same.
    """

    key: str
    title: str
    python: str
    pins: dict[str, str]
    changes: dict[str, str]

    @property
    def requirements(self) -> list[str]:
        """The pins, as pip takes them."""
        return [f"{name}=={version}" for name, version in self.pins.items()]


def read(path: Path) -> Image:
    """Return the image that a file describes."""
    text = path.read_text(encoding="utf-8")
    told = dict(re.findall(r"^# (python): (\S+)$", text, re.MULTILINE))
    return Image(
        path.stem,
        text.partition("\n")[0].removeprefix("# "),
        told["python"],
        dict(re.findall(r"^([\w-]+)==(\S+)$", text, re.MULTILINE)),
        dict(re.findall(r"^# changes: (\S+) - (.+)$", text, re.MULTILINE)),
    )


def images() -> list[Image]:
    """Return all images, by name."""
    return [read(path) for path in sorted(FOLDER.glob("*.txt"))]


def install_plan(python: Path) -> dict[str, str]:
    """Return what pip would install for this package into an environment: package -> version."""
    asked = ["install", "--dry-run", "--quiet", "--ignore-requires-python", "--report", "-", str(ROOT)]
    done = subprocess.run([str(python), "-m", "pip", *asked], check=True, capture_output=True, text=True)
    found = [item["metadata"] for item in json.loads(done.stdout)["install"]]
    return {_normal(item["name"]): item["version"] for item in found}


def replaced(image: Image, plan: dict[str, str]) -> dict[str, str]:
    """Return what a plan would replace of an image: package -> the version that it would get."""
    pinned = {_normal(name) for name in image.pins}
    return {name: version for name, version in plan.items() if name in pinned}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
