"""Which tests run on one worker of xdist: those of a file, unless the file says otherwise.

``pytest.mark.xdist_group("name")`` joins files, ``pytest.mark.spread`` lets each test of a file go to any
worker. xdist's own ``loadgroup`` hands the groups on in the ids of the tests, which pytest 9.2 no longer
lets it change: every test then goes to any worker, and each worker makes every fixture of a module.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING

from places import ROOT
from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    import pytest

#: What takes long begins first, so that the end of a run is short tests: markers, then files.
_LONG_MARKERS = ("browser", "kernel", "spread")
LONG_FILES = (
    "tests/test_docs.py",
    "tests/results/test_growing.py",
    "tests/results/test_hl7v2_charsets.py",
    "tests/results/test_dicom_parts.py",
    "tests/local/test_life.py",
    "tests/views/test_agreement.py",
    "tests/views/test_primitive_extensions.py",
    "tests/results/test_parquet_damage.py",
    "tests/results/test_fetching.py",
    "tests/results/test_deep.py",
    "tests/results/test_drafts.py",
    "tests/local/dicom/test_dicom.py",
    "tests/local/sample/test_sample.py",
    "tests/test_forking_dask.py",
    "tests/results/test_export.py",
    "tests/results/test_limits.py",
    "tests/views/test_export.py",
    "tests/test_patterns.py",
    "tests/test_pytest_plugin.py",
    "tests/results/test_fetching_faults.py",
    "tests/results/test_dicom_heads.py",
)
_JOINED = re.compile(r"pytest\.mark\.xdist_group\(\"(\w+)\"\)")


def group_of(test: str) -> str:
    """Return the name of the group of a test, by its id: tests with one name run on one worker."""
    file = test.partition("::")[0]
    return _declared(file) or test


def turn_of(item: pytest.Item) -> int:
    """Return when a test begins, by what it is sorted: tests with one number keep their order."""
    marked = (turn for turn, marker in enumerate(_LONG_MARKERS) if item.get_closest_marker(marker))
    file = item.nodeid.partition("::")[0]
    listed = (turn for turn, each in enumerate(LONG_FILES, len(_LONG_MARKERS)) if each == file)
    return next(chain(marked, listed), len(_LONG_MARKERS) + len(LONG_FILES))


@cache
def _declared(file: str) -> str:
    source = (ROOT / file).read_text(encoding="utf-8")
    if "pytest.mark.spread" in source:
        return ""
    joined = _JOINED.search(source)
    return joined[1] if joined else file


class GroupScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Hands whole groups to the workers, in the order of the tests."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)
