"""Which tests run on one worker of xdist: those of a file, unless the file says otherwise.

``pytest.mark.xdist_group("name")`` joins files, ``pytest.mark.spread`` lets each test of a file go to any
worker. xdist's own ``loadgroup`` hands the groups on in the ids of the tests, which pytest 9.2 no longer
lets it change: every test then goes to any worker, and each worker makes every fixture of a module.
"""

from __future__ import annotations

import re
from functools import cache

from places import ROOT
from xdist.scheduler import LoadScopeScheduling

_JOINED = re.compile(r"pytest\.mark\.xdist_group\(\"(\w+)\"\)")


def group_of(test: str) -> str:
    """Return the name of the group of a test, by its id: tests with one name run on one worker."""
    file = test.partition("::")[0]
    return _declared(file) or test


@cache
def _declared(file: str) -> str:
    source = (ROOT / file).read_text(encoding="utf-8")
    if "pytest.mark.spread" in source:
        return ""
    joined = _JOINED.search(source)
    return joined[1] if joined else file


class GroupScheduling(LoadScopeScheduling):
    """Hands whole groups to the workers, in the order of the tests."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)
