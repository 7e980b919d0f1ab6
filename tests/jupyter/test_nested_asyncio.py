from __future__ import annotations

import importlib
import subprocess
import sys
from types import SimpleNamespace

import pytest

from lro_notebook import ConfigError
from lro_notebook.jupyter import nested_asyncio

BOTH = {"nest_asyncio", "nest_asyncio2"}
OLD = {"nest_asyncio"}


@pytest.mark.parametrize(
    ("installed", "python", "ipykernel", "patch"),
    [
        (BOTH, (3, 11), (7, 4), "nest_asyncio2"),
        (BOTH, (3, 14), (7, 4), "nest_asyncio2"),
        (BOTH, (3, 11), None, "nest_asyncio2"),
        (OLD, (3, 11), (6, 29), "nest_asyncio"),
        (OLD, (3, 13), (7, 0), "nest_asyncio"),
        (OLD, (3, 13), None, "nest_asyncio"),
    ],
)
def test_the_patch_that_works_here_is_chosen(
    installed: set[str], python: tuple[int, int], ipykernel: tuple[int, int] | None, patch: str
) -> None:
    assert nested_asyncio.choose(installed=installed, python=python, ipykernel=ipykernel) == patch


@pytest.mark.parametrize(
    ("installed", "python", "ipykernel", "patched_by", "says"),
    [
        (OLD, (3, 11), (7, 1), None, "loses queued cells on ipykernel 7.1"),
        (OLD, (3, 13), (7, 4), None, "loses queued cells"),
        (OLD, (3, 14), (6, 30), None, "breaks Python 3.14"),
        (OLD, (3, 14), None, None, "breaks Python 3.14"),
        (BOTH, (3, 11), (7, 4), "nest_asyncio", "has patched asyncio in this kernel"),
        (set(), (3, 11), (6, 29), None, "neither"),
    ],
)
def test_what_would_break_is_refused_with_what_to_install(
    installed: set[str],
    python: tuple[int, int],
    ipykernel: tuple[int, int] | None,
    patched_by: str | None,
    says: str,
) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        nested_asyncio.choose(installed=installed, python=python, ipykernel=ipykernel, patched_by=patched_by)
    assert "pip install nest-asyncio2" in str(caught.value)


def test_a_loop_that_cannot_be_patched_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def apply() -> None:
        raise ValueError("Can't patch loop of type <class 'uvloop.Loop'>")

    monkeypatch.setattr(nested_asyncio, "choose", lambda **_: "nest_asyncio2")
    monkeypatch.setattr(importlib, "import_module", lambda _: SimpleNamespace(apply=apply))
    with pytest.raises(ConfigError, match="uvloop"):
        nested_asyncio.enable_nested_asyncio()


def test_nested_runs_work_after_it_and_a_second_call_does_nothing() -> None:
    program = (
        "import asyncio, lro_notebook as lro\n"
        "async def inner(): return 7\n"
        "async def outer():\n"
        "    lro.enable_nested_asyncio(); lro.enable_nested_asyncio()\n"
        "    return asyncio.run(inner())\n"
        "print(asyncio.run(outer()))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "7\n"


def test_the_import_patches_nothing() -> None:
    program = "import lro_notebook, asyncio; print(hasattr(asyncio, '_nest_patched'))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
