"""What a card and a table say, as HTML and text."""

from __future__ import annotations

import html.parser
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from fakes import NAME, operation
from handles import NOW, counted, handle, running

from lro_notebook.jupyter import card_html, stylesheets, table_html
from lro_notebook.jupyter.card_model import (
    aged,
    card_of,
    clean,
    duration,
    headline,
    numbers,
    sparkline,
    title_of,
)
from lro_notebook.operations.eta import Sample

HOSTILE = (
    "<script>window.pwned=1</script><img src=x onerror=window.pwned=1>\u202egnp.exe\x1b[31mred\x1b[0m\x00"
    + "A" * 100_000
)


class Checker(html.parser.HTMLParser):
    """Collects tags, attributes and text; complains about tags that are not closed."""

    VOID = frozenset({"br", "img", "input", "wbr"})

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words = ""
        self._open: list[str] = []
        self.feed(source)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.extend(attrs)
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def test_one_glance_tells_state_progress_rate_and_time_left() -> None:
    card = running()
    assert (card.title, card.target, card.word) == ("Export", "fhirStores/demo → gs://out/run-1", "Running")
    assert numbers(card) == [
        "41,200 of 82,400",
        "50 %",
        "200 failed",
        "1,200/s",
        "3:10 elapsed",
        "about 0:34 left",
    ]


def test_without_a_total_there_is_no_percentage_and_no_time_left() -> None:
    card = card_of(handle(operation(metadata=counted(success=41_200))), NOW)
    assert numbers(card) == ["41,200 done", "3:10 elapsed"]
    assert "value=" not in card_html.bar(card)


def test_what_failed_is_not_called_done_while_it_runs_as_little_as_at_the_end() -> None:
    counts = counted(success=41_200, failure=12)
    running, ended = (card_of(handle(operation(metadata=counts, done=done)), NOW) for done in (False, True))
    assert numbers(running)[:2] == ["41,200 done", "12 failed"]
    assert ended.sentence.startswith("41,200 done, 12 failed")


def test_a_live_update_is_small() -> None:
    big = replace(running(), completed=9_999_999_999, total=9_999_999_999, elapsed=359_999.0, left=359_999.0)
    assert len(card_html.live_lines(big).encode()) <= 400


@pytest.mark.parametrize(
    ("fields", "record", "says", "next_line"),
    [
        ({"done": True}, {"destination": "gs://b/x"}, "8 done in 0:10.", "op.load()"),
        ({"done": True}, {"destination": "projects/p/fhirStores/s"}, "8 done in 0:10.", ""),
        ({"done": True, "response": {"@type": "Empty"}}, {}, "8 done in 0:10.", ""),
        ({"done": True, "response": {"pages": 3}}, {}, "8 done in 0:10.", "op.result()"),
        (
            {"done": True, "error": {"code": 1}},
            {"destination": "gs://b/x"},
            "Cancelled after 0:10 with 8 done; only finished files remain.",
            "op.load(partial=True)",
        ),
        (
            {"done": True, "error": {"code": 1}},
            {"destination": "projects/p/fhirStores/s"},
            "Cancelled after 0:10 with 8 done; that remains.",
            "",
        ),
        ({"done": True, "error": {"code": 5, "message": "no bucket"}}, {}, "NOT_FOUND (5): no bucket", ""),
    ],
)
def test_the_end_is_one_sentence_and_the_next_line_to_type(
    fields: dict[str, object], record: dict[str, object], says: str, next_line: str
) -> None:
    metadata = {**counted(success=8), "endTime": "2026-03-04T09:00:10Z"}
    card = card_of(handle({"name": NAME, "metadata": metadata, **fields}, **record), NOW)
    assert says in card.sentence
    assert card.next_line == next_line
    assert says in Checker(card_html.saved_card(card)).words
    assert says in card_html.card_text(card)


def test_a_success_with_failures_says_so() -> None:
    data = operation(done=True, metadata=counted(success=8, failure=2))
    card = card_of(handle(data), NOW)
    assert headline(card) == "Succeeded with 2 failed"
    assert card.next_line == "op.failures()"


def test_a_failure_says_what_to_do() -> None:
    data = operation(done=True, error={"code": 7, "message": "denied"})
    assert card_of(handle(data), NOW).advice.startswith("Grant")
    assert "PERMISSION_DENIED (7): denied. Grant" in card_html.card_text(card_of(handle(data), NOW))
    assert card_of(handle(operation(done=True, error={"code": 13})), NOW).advice.startswith("Start it again")


def test_what_the_poller_struggles_with_is_shown() -> None:
    card = replace(running(), trouble="no answer for 40 s, retrying")
    assert "no answer for 40 s, retrying" in Checker(card_html.live_lines(card)).words


def test_a_saved_card_of_a_running_operation_says_when_it_was_made_and_how_to_come_back() -> None:
    words = Checker(card_html.saved_card(running(), "k")).words
    assert "As of 2026-03-04 09:03:10 UTC" in words
    assert 'ds.operation("1")' in words


def test_times_are_utc_and_tell_the_local_time_of_the_kernel_on_hover(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        pages = [
            card_html.details(running()),
            card_html.saved_card(running()),
            table_html.saved_table([running()] * 2, NOW),
        ]
    finally:
        monkeypatch.undo()
        time.tzset()
    for page, (utc, here) in zip(
        pages, [("00:00", "00:00"), ("03:10", "03:10"), ("03:10", "03:10")], strict=True
    ):
        assert f">2026-03-04 09:{utc} UTC</time>" in page
        assert f'title="2026-03-04 10:{here} CET, the local time of the kernel"' in page
        assert f'datetime="2026-03-04T09:{utc}Z"' in page
    assert "began 2026-03-04 09:00:00 UTC" in card_html.card_text(running())


@pytest.mark.parametrize("created", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_a_time_at_the_edge_of_the_calendar_is_shown(created: str) -> None:
    card = card_of(handle(operation(metadata={"createTime": created})), NOW)
    assert f"{created[:10]} {created[11:19]} UTC" in Checker(card_html.details(card)).words


def test_hostile_text_runs_nothing_and_is_cut() -> None:
    data = {
        "name": f"operations/{HOSTILE}",
        "done": True,
        "metadata": {"apiMethodName": HOSTILE, "target": HOSTILE, "logsUrl": f"javascript:{HOSTILE}"},
        "error": {"code": 3, "message": HOSTILE},
    }
    cards = [card_of(handle(data), NOW), replace(running(), status=HOSTILE, trouble=clean(HOSTILE, 80))]
    pages = [
        card_html.saved_card(cards[0]),
        card_html.live_lines(cards[1]),
        card_html.header(cards[0]),
        card_html.details(cards[0]),
        table_html.saved_table(cards, NOW),
        table_html.live_table(cards, NOW),
    ]
    for page in pages:
        checked = Checker(page)
        assert {"script", "img", "a"}.isdisjoint(checked.tags)
        assert not [name for name, _ in checked.attributes if name.startswith("on")]
        assert len(page.replace(stylesheets.style("table"), "")) < 4_000
    for shown in (*pages, card_html.card_text(cards[0]), table_html.table_text(cards, NOW)):
        assert not {"\u202e", "\x1b", "\x00"} & set(shown)


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "http://x.example.com/",
        'https://x.example.com/"onclick="x',
        "https://" + "a" * 3000,
        7,
    ],
)
def test_only_plain_https_links_are_links(url: object) -> None:
    assert "<a" not in card_html.details(card_of(handle(operation(metadata={"logsUrl": url})), NOW))


def test_an_https_log_is_a_link() -> None:
    url = "https://console.cloud.google.com/logs/query/x?a=1&b=2"
    checked = Checker(card_html.details(card_of(handle(operation(metadata={"logsUrl": url})), NOW)))
    assert ("href", url) in checked.attributes
    assert ("rel", "noopener noreferrer") in checked.attributes


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (59.9, "0:59"), (3600, "1:00:00"), (11_109, "3:05:09")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("method", "title"),
    [
        ("fhirStores.import", "Import"),
        ("datasets.create", "Create dataset"),
        ("ImportResources", "Import resources"),
        ("dicomStores.deidentify", "De-identify"),
        ("DeidentifyDataset", "De-identify dataset"),
        ("", "Operation"),
    ],
)
def test_methods_read_as_plain_words(method: str, title: str) -> None:
    assert title_of(method) == title


def samples(*points: tuple[float, int | None]) -> list[Sample]:
    return [Sample(NOW + timedelta(seconds=at), "RUNNING", done, None, 0, None) for at, done in points]


@pytest.mark.parametrize(("points", "drawn"), [(2, False), (3, True), (500, True)])
def test_the_line_over_time_needs_three_samples_and_stays_small(points: int, drawn: bool) -> None:  # noqa: FBT001 - expectation
    line = sparkline(samples(*((step, step * step) for step in range(points))))
    assert bool(line) == drawn
    html = card_html.header(replace(running(), sparkline=line))
    assert ("<polyline" in html) == drawn
    assert len(html) < 1_800
    assert all(0.0 <= part <= 1.0 for part in line)


def test_the_line_of_what_was_joined_midway_uses_the_whole_height() -> None:
    line = sparkline(samples((0, 41_000), (1, 42_000), (2, 43_000)))
    assert (line[0], line[-1]) == (0.0, 1.0)


def test_a_line_that_has_not_moved_is_not_drawn() -> None:
    assert sparkline(samples((0, 5), (1, 5), (2, 5))) == ()


def test_the_time_left_ticks_between_the_looks() -> None:
    card = replace(running(), left=60.0)
    assert aged(card, card.as_of + timedelta(seconds=25)).left == 35.0
    assert aged(card, card.as_of + timedelta(seconds=90)).left == 0.0
