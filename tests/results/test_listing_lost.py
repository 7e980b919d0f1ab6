"""A fault while a remote place is listed is told with its name, never as if nothing were there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from slow_storage import SlowStorage

import lro_notebook as lro

if TYPE_CHECKING:
    from collections.abc import Callable

_LISTING = frozenset({"info", "list"})


def forbidden(path: str) -> Exception:
    return OSError(f"Forbidden: {path}")  # as gcsfs says it


@pytest.mark.parametrize("asynchronous", [True, False])
@pytest.mark.parametrize("error", [PermissionError, forbidden, ConnectionResetError])
@pytest.mark.parametrize(
    "place", ["out", "out/", "out/Pat", "out/*.ndjson", "out/Patient.000.ndjson", "out/manifest.json"]
)
def test_a_place_that_cannot_be_listed_is_not_said_to_be_empty(
    place: str, error: Callable[[str], Exception], *, asynchronous: bool
) -> None:
    with SlowStorage(latency=0, bandwidth=None, asynchronous=asynchronous) as storage:
        storage.put("out/Patient.000.ndjson", b'{"resourceType":"Patient","id":"a"}')
        storage.fail("*", error, on=_LISTING)
        with pytest.raises(lro.ResultError) as caught:
            lro.read_results(storage.uri(place))
        kind = type(error("")).__name__
        assert f"{storage.uri(place)} cannot be listed: {kind}" in str(caught.value)
        assert ("have permission given" in str(caught.value)) is (error is not ConnectionResetError)


@pytest.mark.parametrize("asynchronous", [True, False])
def test_a_fault_at_any_request_of_a_listing_is_told(*, asynchronous: bool) -> None:
    def asked(after: int) -> int:
        with SlowStorage(latency=0, bandwidth=None, asynchronous=asynchronous) as storage:
            storage.put("out/deep/x.txt", b"no result")
            storage.fail("*", PermissionError, after=after, on=_LISTING)
            with pytest.raises(lro.ResultError, match="cannot be listed" if after < 100 else "no results"):
                lro.read_results(storage.uri("out"))
            return storage.count("info") + storage.count("list")

    for after in range(asked(100)):
        asked(after)
