"""How the tests are handed to the workers of xdist."""

from __future__ import annotations

import pytest
from groups import LONG_FILES, group_of
from places import ROOT

CAME_BY: list[str] = []


@pytest.mark.parametrize("number", range(8))
def test_the_tests_of_a_file_run_in_one_process_in_their_order(number: int) -> None:
    assert len(CAME_BY) == number
    CAME_BY.append(__name__)


def test_a_file_is_a_group_unless_it_says_otherwise() -> None:
    assert group_of("tests/test_groups.py::test_a[x::y]") == "tests/test_groups.py"
    assert group_of("tests/browser/test_odd.py::test_a") == group_of("tests/browser/test_live.py::test_b")
    assert group_of("tests/test_crashes.py::test_a") != group_of("tests/test_crashes.py::test_b")


def test_the_files_that_begin_first_are_there() -> None:
    assert [file for file in LONG_FILES if not (ROOT / file).is_file()] == []
