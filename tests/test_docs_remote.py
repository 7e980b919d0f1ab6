"""What the page on results says of remote places is what the code does and says."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from places import ROOT
from slow_storage import SlowStorage

import lro_notebook as lro
from lro_notebook.results import load_place
from lro_notebook.results.formats.registry import FORMATS
from lro_notebook.results.limits import Limits
from lro_notebook.results.remote.fetching import LARGEST, SMALLEST
from lro_notebook.results.remote.retried_calls import Fetch

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## From a remote place\n")[2].partition("\n## ")[0]
SAID = re.findall(r"^\| `([^`]+)` \| ", SECTION, re.MULTILINE)

CAUSES: dict[str, Callable[[SlowStorage], object]] = {
    "changed while it was being read": lambda storage: storage.change("out/T.1.ndjson", b"{}", after=0),
    "it was deleted, or access to it was taken away": lambda storage: storage.fail(
        "out/T.1.ndjson", FileNotFoundError
    ),
    "permission to read it is missing": lambda storage: storage.fail("out/T.1.ndjson", PermissionError),
    "there was no answer within": lambda storage: storage.stall("out/T.1.ndjson"),
    "the answer ended too early": lambda storage: storage.truncate("out/T.1.ndjson"),
}


def test_every_message_on_the_page_has_a_cause_here() -> None:
    assert sorted(SAID) == sorted(CAUSES)


@pytest.mark.parametrize("said", CAUSES)
def test_what_the_page_says_of_a_failure_is_what_is_said(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = load_place.fetch_of

    def quick(*given: Any) -> Fetch:
        return replace(
            real(*given), backoff=lambda _: 0.0, tries=2, timeout=0.2 if "answer w" in said else 60
        )

    monkeypatch.setattr(load_place, "fetch_of", quick)
    with SlowStorage(latency=0, bandwidth=None) as storage:
        for name in ("out/S.1.ndjson", "out/T.1.ndjson"):
            storage.put(name, b'{"id":"a"}\n')
        results = lro.read_results(storage.uri("out"))
        assert len(results["S"]) == 1
        CAUSES[said](storage)
        with pytest.raises(lro.ResultError, match=re.escape(said)) as caught:
            results["T"]
        assert storage.uri("out/T.1.ndjson") in str(caught.value)
        assert len(results["S"]) == 1


def test_the_numbers_on_the_page_are_those_of_the_code() -> None:
    fetch, head = Fetch(), max(each.head for each in FORMATS)
    for words in (
        f"{fetch.streams} requests at once",
        f"ranges of {SMALLEST // 10**6} to {LARGEST // 10**6} MB",
        f"the first {head // 1024} kB",
        f"more than {Limits().fetched // 10**6} MB wait",
        f"for {fetch.timeout:.0f} seconds is made again, up to {fetch.tries} times",
    ):
        assert words in " ".join(SECTION.split()), words
