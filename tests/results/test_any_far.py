"""Files of any format in a place far away: read as here, and told where one is refused, gone or changed."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import pytest
from results.any_files import CSV, FILES, ROWS, columns, quiet
from slow_storage import SlowStorage

import lro_notebook as lro

if TYPE_CHECKING:
    from collections.abc import Iterator

TWICE = {name: values * 2 for name, values in ROWS.items()}


@pytest.fixture(params=[True, False], ids=["coroutines", "threads"])
def far(request: pytest.FixtureRequest) -> Iterator[SlowStorage]:
    with SlowStorage(latency=0, bandwidth=None, asynchronous=request.param) as storage:
        yield storage


def put(far: SlowStorage, suffix: str, *names: str) -> None:
    for name in names:
        far.put(f"out/{name}.{suffix}", FILES[suffix])


@pytest.mark.parametrize("suffix", FILES)
def test_each_format_is_read_as_from_a_disk(far: SlowStorage, suffix: str) -> None:
    put(far, suffix, "rows_1", "rows_2")
    far.put(f"out/packed/more.{suffix}", gzip.compress(FILES[suffix]))
    for lists in ("first", "nested", "explode"):
        assert columns(quiet(far.uri("out"), lists=lists)) == {"rows": TWICE}
        assert columns(quiet(far.uri(f"out/**/*.{suffix}"), lists=lists)) == {"more": ROWS, "rows": TWICE}
    assert columns(quiet(far.uri("out/rows_"))) == {"rows": TWICE}
    assert columns(quiet(far.uri(f"out/packed/more.{suffix}"))) == {"more": ROWS}


@pytest.mark.parametrize("suffix", FILES)
def test_a_file_that_is_refused_is_named(far: SlowStorage, suffix: str) -> None:
    put(far, suffix, "rows_1", "rows_2")
    results = quiet_listing(far)
    far.fail("out/rows_2*", PermissionError, on=frozenset({"read"}))
    with pytest.raises(lro.ResultError, match=r"rows_2\.\w+ cannot be read: .*permission"):
        results["rows"]


@pytest.mark.parametrize("suffix", FILES)
def test_a_file_that_changed_or_went_since_it_was_listed_is_no_half_table(
    far: SlowStorage, suffix: str
) -> None:
    put(far, suffix, "rows_1", "rows_2")
    results = quiet_listing(far)
    far.put(f"out/rows_2.{suffix}", FILES[suffix] + FILES[suffix])
    with pytest.raises(lro.ResultError, match=r"rows_2\.\w+ changed while it was being read; load again"):
        results["rows"]
    assert len(quiet_listing(far).summary) == 1


def quiet_listing(far: SlowStorage) -> Any:
    return lro.read_results(far.uri("out"))


def test_six_formats_under_one_prefix(far: SlowStorage) -> None:
    for number, content in enumerate(FILES.values()):
        far.put(f"out/part-{number:05d}", content)
    results = quiet(far.uri("out"), source_file=True)
    assert sum(len(results[name]) for name in results) == 2 * len(FILES)
    assert {uri for name in results for uri in results[name]["source_file"]} == {
        far.uri(f"out/part-{number:05d}") for number in range(len(FILES))
    }


def test_of_ten_thousand_names_of_one_kind_two_hundred_are_looked_at(far: SlowStorage) -> None:
    for number in range(10_000):
        far.put(f"out/part-{number:05d}", CSV.encode())
    results = quiet_listing(far)
    assert results.summary[["table", "files"]].to_numpy().tolist() == [["out", 10_000]]
    assert far.count("read") <= 200
