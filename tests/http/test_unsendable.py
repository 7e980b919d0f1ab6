"""What cannot be sent as it is asked for is refused in a sentence, before anything is sent."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest
from fakes import Scripted, ok

import lro_notebook as lro
from lro_notebook.http.paging import paginate
from lro_notebook.http.responses import UnusableAnswer
from lro_notebook.http.session import Session
from lro_notebook.operations.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ENDPOINT = "http://127.0.0.1:1"


def circle() -> dict[str, Any]:
    inner: dict[str, Any] = {}
    inner["it"] = inner
    return inner


def deep() -> list[Any]:
    inner: list[Any] = []
    for _ in range(100_000):
        inner = [inner]
    return inner


@pytest.mark.parametrize(
    "token", ["é" * 30_000, "%" * 40_000, "x" * 65_536, "\ud800" * 30_000], ids=lambda token: repr(token[:1])
)
def test_a_page_token_that_fits_into_no_address_ends_the_list(token: str) -> None:
    asked: list[str | None] = []

    def fetch(token_: str | None) -> dict[str, Any]:
        asked.append(token_)
        return {"operations": [], "nextPageToken": token}

    with pytest.raises(UnusableAnswer, match=r"the page token has .* characters"):
        list(paginate(fetch, "operations", where="here"))
    assert asked == [None]


def test_a_list_with_such_a_token_is_an_error_of_ours() -> None:
    transport = Scripted(ok({"operations": [], "nextPageToken": "é" * 30_000}))
    with lro.Client(ENDPOINT, transport=transport) as client, pytest.raises(lro.ApiError, match="page token"):
        list(client.list("projects/p"))


def test_the_longest_token_that_is_taken_can_be_sent() -> None:
    transport = Scripted(ok({"operations": [], "nextPageToken": "é" * 9_000}), ok({"operations": []}))
    with lro.Client(ENDPOINT, transport=transport) as client:
        assert list(client.list("projects/p", filter="x" * 2_000, page_size=3)) == []
    assert transport.requests[1].url.params["pageToken"] == "é" * 9_000


@pytest.mark.parametrize("text", ["a%20b", "%41", "100%", "a+b c&d=é/#?"])
def test_a_value_in_an_address_arrives_as_it_is(text: str) -> None:
    transport = Scripted(ok({"operations": [], "nextPageToken": text}), ok({"operations": []}))
    with lro.Client(ENDPOINT, transport=transport) as client:
        assert list(client.list("projects/p", filter=text)) == []
    first, second = (
        parse_qs(request.url.query.decode("ascii"), strict_parsing=True) for request in transport.requests
    )
    assert first["filter"] == [text]
    assert second["pageToken"] == [text]


@pytest.mark.parametrize("text", ["x" * 100_000, "%" * 40_000, "é" * 20_000], ids=lambda text: text[:1])
def test_an_argument_that_fits_into_no_address_is_refused(text: str) -> None:
    transport = Scripted(ok({}))
    with lro.Client(ENDPOINT, transport=transport) as client:
        with pytest.raises(lro.ConfigError, match=r"too long for an address.*shorten") as caught:
            list(client.list("projects/p", filter=text))
        assert len(str(caught.value)) < 300
        with pytest.raises(lro.ConfigError, match="too long for an address"):
            client.start("POST", "projects/p:export", params={"datasetId": text})
        assert client.journal.all() == []
    assert transport.requests == []


@pytest.mark.parametrize(
    "made",
    [
        lambda: {"x": "\ud800"},
        lambda: {"x": {1, 2}},
        lambda: {"x": math.nan},
        lambda: {"x": b"1"},
        circle,
        deep,
    ],
    ids=["lone surrogate", "set", "NaN", "bytes", "circle", "deep"],
)
def test_a_body_that_is_no_json_starts_nothing_and_leaves_no_trace(made: Callable[[], object]) -> None:
    transport = Scripted(ok({"name": "operations/1"}))
    with lro.Client(ENDPOINT, transport=transport) as client:
        with pytest.raises(lro.ConfigError, match=r"nothing was sent") as caught:
            client.start("POST", "projects/p:export", made())
        assert "ud800" not in str(caught.value)
        assert client.journal.all() == []
    assert transport.requests == []


def test_a_query_that_is_no_text_is_refused() -> None:
    transport = Scripted(ok({}))
    with lro.Client(ENDPOINT, transport=transport) as client, pytest.raises(lro.ConfigError, match="nothing"):
        list(client.list("projects/p", filter="\ud800"))
    assert transport.requests == []


def test_an_endpoint_that_is_too_long_is_refused() -> None:
    with pytest.raises(lro.ConfigError, match="is no http"):
        Session("http://" + "a" * 70_000)


def test_a_start_whose_words_the_journal_cannot_hold_is_noted_with_other_ones(tmp_path: Path) -> None:
    transport = Scripted(ok({"name": "operations/1"}))
    with lro.Client(ENDPOINT, transport=transport, journal=Journal(tmp_path / "j.sqlite3")) as client:
        operation = client.start("POST", "projects/p:import", {}, source="gs://b/a\udc80", title="\ud800é")
        assert operation.source == "gs://b/a\udc80"
        (record,) = client.journal.all()
        assert (record.source, record.method, record.name) == (
            r"gs://b/a\udc80",
            r"\ud800é",
            "operations/1",
        )
