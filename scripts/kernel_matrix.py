"""Run the kernel tests on what notebook services have installed, and on older versions of ipykernel.

Each has an environment of its own under build/matrix, which is kept. Where it is what a notebook service
has, pip is asked first what it would replace there to install this package: nothing, apart from what
scripts/images names with its reason. Names of environments as arguments run those alone.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from scripts import images

#: Packages of the environments that are no image of a service.
IPYKERNELS = {
    "ipykernel-6.29.5": ["ipykernel==6.29.5"],
    "ipykernel-7.2.0": ["ipykernel==7.2.0"],
}
ROOT = Path(__file__).parents[1]
MATRIX = ROOT / "build" / "matrix"


def interpreter(version: str) -> str:
    """Return a Python of that version, or the one that runs this where there is none."""
    found = shutil.which(f"python{version}") or ""
    works = found and subprocess.run([found, "-V"], capture_output=True, check=False).returncode == 0
    return found if works else sys.executable


def environment(name: str, python: str, packages: list[str]) -> Path:
    """Return the python of an environment with `packages`; made where it is missing."""
    folder = MATRIX / name
    made, ready = folder / "bin" / "python", folder / ".ready"
    if not ready.exists() or ready.read_text() != "\n".join(packages):
        subprocess.run([python, "-m", "venv", "--clear", str(folder)], check=True)
        subprocess.run([str(made), "-m", "pip", "install", "--quiet", *packages], check=True)
        ready.write_text("\n".join(packages))
    return made


def check_install(image: images.Image, python: Path) -> str:
    """Print what pip would do in an image; return what is wrong with that, empty if nothing."""
    # As it was before the run before this one.
    subprocess.run([str(python), "-m", "pip", "uninstall", "--quiet", "--yes", "lro-notebook"], check=True)
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", *image.requirements], check=True)
    plan = images.install_plan(python)
    replaced = images.replaced(image, plan)
    new = [f"{name} {version}" for name, version in sorted(plan.items()) if name not in replaced]
    print(f"   pip would add {', '.join(new)}")
    for name, version in sorted(replaced.items()):
        print(
            f"   pip would replace {name} {image.pins[name]} with {version}: {image.changes.get(name, '?')}"
        )
    if set(replaced) == set(image.changes):
        return ""
    return (
        f"pip would replace {', '.join(sorted(replaced)) or 'nothing'}; see {image.key}.txt in scripts/images"
    )


def passes(python: Path) -> bool:
    """Run the kernel tests in an environment; return whether they passed."""
    install = ["install", "--quiet", "--editable", str(ROOT), "ipykernel"]
    subprocess.run([str(python), "-m", "pip", *install], check=True)
    env = {**os.environ, "LRO_TEST_KERNEL_PYTHON": str(python)}
    tests = [sys.executable, "-m", "pytest", "-q", "tests/kernel"]
    return subprocess.run(tests, cwd=ROOT, env=env, check=False).returncode == 0


def main(wanted: list[str]) -> int:
    """Print what passed, a paragraph per environment; 0 when all did."""
    known = {image.key: image for image in images.images()}
    passed: list[str] = []
    failed: list[str] = []
    for name in wanted or [*known, *IPYKERNELS]:
        image, began = known.get(name), time.monotonic()
        packages = image.requirements if image else IPYKERNELS[name]
        python = environment(name, interpreter(image.python) if image else sys.executable, packages)
        version = subprocess.check_output([str(python), "-V"], text=True).strip()
        print(f"== {image.title if image else name} on {version}", flush=True)
        wrong = check_install(image, python) if image else ""
        if wrong:
            print(f"   {wrong}")
        print(f"   {', '.join(packages)}", flush=True)
        (passed if passes(python) and not wrong else failed).append(name)
        print(f"   took {time.monotonic() - began:.0f} s", flush=True)
    print(f"passed in {', '.join(passed) or 'none'}; failed in {', '.join(failed) or 'none'}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
