"""Reading of a folder in little memory, and without the warnings that say what is wrong in it."""

from __future__ import annotations

import atexit
import json
import subprocess
import sys
import warnings
from functools import cache
from typing import TYPE_CHECKING, Any

from warm import CAN_FORK, Program, Warm

from lro_notebook.errors import LroWarning
from lro_notebook.results.load_place import read

if TYPE_CHECKING:
    from pathlib import Path

    from lro_notebook.results.results import Results

#: A program that reads a folder with no more than so much memory, and says what it found.
LIMITED = """
import json, resource, sys, warnings
import pyarrow.json, pandas, pydicom.filereader
from lro_notebook.results.load_place import read
warnings.simplefilter("ignore")
now = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + int(sys.argv[2]),) * 2)
results = read(sys.argv[1], **json.loads(sys.argv[3]))
name = next(iter(results))
print(results.arrow(name).num_rows, *(f"{line}: {reason}" for line, reason in
      zip(results.bad_lines["line"], results.bad_lines["reason"])), sep="|")
"""


def loaded(folder: Path, **options: Any) -> Results:
    """Return what is in a folder, read, without its warnings."""
    results = read(folder, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LroWarning)
        assert results.bad_lines is not None
    return results


@cache
def _readers() -> Warm:
    """Return a Python in which programs that read find what they import."""
    readers = Warm(
        "pyarrow.json",
        "pandas",
        "pydicom.filereader",
        "lro_notebook.local.dicom.dicom_file",
        "lro_notebook.results.load_place",
        filters="ignore",
    )
    atexit.register(readers.close)
    return readers


def run(program: str, *arguments: str) -> str:
    """Return what a program has printed."""
    if CAN_FORK:
        done = _readers().run(Program("-c", program, list(arguments)))
    else:
        command = [sys.executable, "-W", "ignore", "-c", program, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


def read_in_little_memory(folder: Path, size: int, **options: Any) -> list[str]:
    """Return how many rows a folder has, and its bad lines, read with `size` more bytes than at the start."""
    return run(LIMITED, str(folder), str(size), json.dumps(options)).split("|")


def bad(results: Results) -> list[tuple[int, str]]:
    frame = results.bad_lines
    return list(zip(frame["line"], frame["reason"], strict=True))
