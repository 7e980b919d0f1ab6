"""Which ranges of remote files come next and how large they are, and how versions of a file differ."""

from __future__ import annotations

from results.far_places import MB

from lro_notebook.results.remote.fetching import Plan, end_of, next_size
from lro_notebook.results.remote.versions import Version


def test_sizes_of_ranges_follow_the_network() -> None:
    assert next_size(MB, 100, 1.0) == MB
    assert next_size(MB, MB, 0.1) == 5 * MB
    assert next_size(8 * MB, 8 * MB, 4.0) == 4 * MB  # a busy processor is no slow network
    assert next_size(4 * MB, 4 * MB, 20.0) == 2 * MB
    assert next_size(8 * MB, 8 * MB, 100.0) == MB
    assert next_size(MB, MB, 0.0) == 8 * MB
    assert end_of(0, 10, 8) == 10
    assert end_of(0, 11, 8) == 8


def test_heads_are_planned_first_and_more_of_a_file_when_it_is_read() -> None:
    plan = Plan([1_000_000, 10, 5_000_000], head=1000)
    due = []
    while (next_one := plan.next()) is not None:
        plan.issue(*next_one)
        due.append(next_one)
    assert due == [(0, 0, 1000), (1, 0, 10), (2, 0, 1000)]
    assert plan.at(2, 1000) == (2, 1000, 2000)
    plan.issue(2, 1000, 8000)
    plan.read(2, 8000)
    ahead = []
    while (next_one := plan.next()) is not None:
        plan.issue(*next_one)
        ahead.append(next_one)
    assert ahead[0] == (2, 8000, 10_000)
    assert 16_000 <= ahead[-1][2] < 20_000
    plan.leave(2)
    assert plan.next() is None


def test_versions_differ_by_the_surest_of_what_both_tell() -> None:
    listed = Version.of({"size": 3, "ETag": '"a"', "mtime": 5.0})
    assert not listed.differs(Version.of({"size": 3, "etag": "a", "mtime": 6.0}))
    assert listed.differs(Version.of({"size": 3, "ETag": "b", "mtime": 5.0}))
    assert listed.differs(Version.of({"size": 3, "mtime": 6.0}))
    assert listed.differs(Version.of({"size": 4}))
    assert not listed.differs(Version.of({}))
    assert Version.of({"generation": 5}).differs(Version.of({"generation": "6", "size": 3}))
    assert Version.of({"Last-Modified": "Sat, 29 Oct 1994 19:43:31 GMT"}).written is not None
    assert Version.of({"Last-Modified": "yesterday"}).written is None
