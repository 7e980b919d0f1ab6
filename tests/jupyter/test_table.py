"""The table of many operations: its rows, its controls and what they cancel; with real widgets, no kernel."""

from __future__ import annotations

import html.parser
import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from fakes import operation
from handles import NOW, running
from page import VIEW, Page, Seen, counter, end

from lro_notebook import OperationResource
from lro_notebook.jupyter import auto_display, stylesheets, table_html
from lro_notebook.jupyter.card_widget import SPENT
from lro_notebook.jupyter.cell_output import REFRESH
from lro_notebook.jupyter.operation_list import Operations
from lro_notebook.jupyter.table_html import KEPT
from lro_notebook.jupyter.table_model import (
    FEW,
    PAGE,
    SORTS,
    TableOptions,
    fraction,
    pace,
    page_of,
    totals,
)

if TYPE_CHECKING:
    from datetime import datetime

    from lro_notebook import Operation
    from lro_notebook.jupyter.card_model import Card
    from lro_notebook.operations.resource import State


@pytest.fixture
def page() -> Page:
    return Page()


def card(state: State = "RUNNING", **fields: Any) -> Card:
    return replace(running(), state=state, word=state.capitalize(), **fields)


def shown(source: str) -> list[list[str]]:
    """Return the texts of the cells of a table, row after row."""

    class Cells(html.parser.HTMLParser):
        found: list[list[str]] = []  # noqa: RUF012 - one use

        def handle_starttag(self, tag: str, _: object) -> None:
            if tag == "tr":
                self.found.append([])
            elif tag in ("td", "th"):
                self.found[-1].append("")

        def handle_data(self, data: str) -> None:
            if self.found and self.found[-1]:
                self.found[-1][-1] += data

    parser = Cells()
    parser.found = []
    parser.feed(source)
    return parser.found


def test_a_row_tells_state_method_target_progress_rate_elapsed_and_failures() -> None:
    head, row = shown(table_html.live_table([running()], NOW))
    assert head == ["State", "Method", "Target", "Progress", "Rate", "Elapsed", "Failed"]
    target = "fhirStores/demo → gs://out/run-1"
    assert row == [
        "● Running",
        "Export",
        f"{target}{running().operation_id}",
        "41,200 of 82,400",
        "1,200/s",
        "3:10",
        "200",
    ]


def test_why_an_operation_failed_stands_in_a_line_below_it() -> None:
    failed = card("FAILED", sentence="NOT_FOUND (5): no such bucket")
    assert shown(table_html.live_table([failed], NOW))[-1] == ["", "NOT_FOUND (5): no such bucket"]
    assert "no such bucket" in table_html.saved_table([failed, running()], NOW)
    long = card("FAILED", sentence=f"PERMISSION_DENIED (7): {'a' * 120}: storage.objects.list is missing")
    for table in (table_html.live_table([long], NOW), table_html.saved_table([long], NOW)):
        assert shown(table)[-1] == ["", long.sentence]
        assert 'class="lro-trouble"' not in table
    retrying = card(trouble="HTTP 503 for 5 s, retrying")
    for table in (table_html.live_table([retrying], NOW), table_html.saved_table([retrying], NOW)):
        assert f'class="lro-trouble">{retrying.trouble}' in table


def test_a_long_id_is_whole_on_hover_and_a_short_one_is_said_once() -> None:
    assert 'title="' not in table_html.live_table([running()], NOW)
    assert f'title="{"9" * 60}"' in table_html.live_table([card(operation_id="9" * 60)], NOW)


def test_the_line_over_all_breaks_between_a_count_and_the_next_and_not_within_one() -> None:
    cards = [card(completed=5, total=10), card("FAILED", completed=None, total=None)]
    whole = re.findall(r'<span class="lro-part">([^<]+)</span>', table_html.overall(cards, "", NOW))
    assert whole[:2] == ["2 operations: 1 running", "1 failed"]
    assert ".lro-part { white-space: nowrap; }" in stylesheets.read("table")


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("as started", [0, 1, 2, 3]),
        ("state", [2, 1, 0, 3]),
        ("method", [3, 0, 2, 1]),
        ("progress", [1, 0, 3, 2]),
        ("elapsed", [2, 0, 1, 3]),
        ("failures", [3, 0, 1, 2]),
    ],
)
def test_rows_are_sorted_by_what_matters_first(sort: str, order: list[int]) -> None:
    cards = [
        card("PENDING", title="B", fraction=0.5, elapsed=20.0, failed=1),
        card("RUNNING", title="D", fraction=0.2, elapsed=10.0, failed=0),
        card("FAILED", title="C", fraction=None, elapsed=30.0, failed=0),
        card("SUCCEEDED", title="A", fraction=1.0, elapsed=None, failed=9),
    ]
    assert sort in SORTS
    assert page_of(cards, TableOptions(sort=sort), NOW).places == order


def test_a_filter_and_a_page_tell_which_rows_are_seen() -> None:
    cards = [card("RUNNING" if place % 2 else "FAILED") for place in range(4 * PAGE + 2)]
    first = page_of(cards, TableOptions(state="RUNNING"), NOW)
    assert first.places == list(range(1, 2 * PAGE, 2))
    assert str(first) == f"1-{PAGE} of {2 * PAGE + 1}"
    last = page_of(cards, TableOptions(state="RUNNING", page=99), NOW)
    assert last.places == [4 * PAGE + 1]
    assert (last.number, last.count) == (2, 3)
    assert str(page_of(cards, TableOptions(state="PENDING"), NOW)) == "none"


def test_the_totals_count_states_units_and_failures_and_leave_out_a_total_that_is_not_known() -> None:
    cards = [card(completed=1_000, total=4_000, failed=1), card("FAILED", completed=5, total=5, failed=0)]
    assert totals(cards) == "2 operations: 1 running · 1 failed · 1,005 of 4,005 done · 1 failure"
    unknown = card(completed=10, total=None, failed=0)
    assert totals([*cards, unknown]).endswith("1,014 done · 1 failure")
    assert totals([card(completed=3, total=None, failed=3)]).endswith(" · 0 done · 3 failures")
    assert totals([card("PENDING", completed=None, failed=0)]) == "1 operation: 1 pending"


def test_a_page_of_rows_stays_small_whatever_the_service_says() -> None:
    long = [card("FAILED", target="x" * 120, sentence="y" * 600)] * 500
    assert len(table_html.saved_table(long, NOW)) < 500 * 800
    assert len(table_html.saved_table(long * 20, NOW)) < KEPT * 800
    busy = [card(target="gs://hospital-inbox/2026-03/*.ndjson → fhirStores/ward-17")] * PAGE
    assert len(table_html.live_table(busy, NOW).encode()) < 20_000


def test_a_saved_table_of_many_keeps_those_that_need_attention_and_says_how_many_are_left_out() -> None:
    cards = [card("SUCCEEDED", operation_id=f"s{n}") for n in range(200)]
    cards.insert(150, card("FAILED", operation_id="bad", failed=3, sentence="no"))
    text = table_html.table_text(cards, NOW).splitlines()
    assert text[0].endswith("bad")
    assert text[-2].startswith("201 operations: 200 succeeded · 1 failed")
    assert text[-1] == "151 more rows are not kept here; lro.to_frame(...) has them all."
    cards += [card("SUCCEEDED")] * KEPT
    saved = table_html.saved_table(cards, NOW)
    assert saved.count("<tr") == 1 + KEPT + 1  # head, rows, why
    assert shown(saved)[1][2].endswith("bad")
    assert "201 more rows are not kept here" in saved


def test_a_saved_table_of_many_that_have_ended_has_each_row_in_a_box_of_one_height() -> None:
    cards = [card("SUCCEEDED", operation_id=f"s{n}") for n in range(177)]
    saved = table_html.saved_table(cards, NOW)
    assert len(shown(saved)) == 1 + 177
    assert table_html.BOX in saved
    assert "177 operations: 177 succeeded" in saved
    assert "not kept here" not in saved
    assert table_html.BOX not in table_html.saved_table(cards[:FEW], NOW)


def test_the_line_over_all_tells_rate_and_time_left_of_those_that_run() -> None:
    cards = [
        card(rate=1_000.0, left=60.0, completed=1, total=4),
        card(rate=200.0, left=90.0, completed=1, total=4),
        card("SUCCEEDED", rate=7.0, left=None, completed=2, total=2),
    ]
    assert pace(cards, NOW) == "1,200/s · about 1:30 left"
    assert pace(cards, NOW + timedelta(seconds=30)) == "1,200/s · about 1:00 left"
    assert fraction(cards) == 0.4
    assert 'aria-label="Progress of all" value="0.400"' in table_html.overall(cards, "", NOW)
    unknown = [*cards, card("PENDING", rate=None, left=None, completed=None, total=None)]
    assert pace(unknown, NOW) == "1,200/s"  # nothing tells when the last one ends
    assert fraction(unknown) is None
    assert "<progress" not in table_html.overall(unknown, "", NOW)
    assert pace(cards[2:], NOW) == ""


def test_controls_come_with_many_rows_and_lead_through_the_pages(page: Page) -> None:
    cell_output = page.show(*(page.handle(number)[0] for number in range(FEW)))
    seen = Seen(cell_output)
    assert not seen.is_visible(seen.of("Dropdown", "Sort"))
    cell_output.add(*(page.handle(number)[0] for number in range(FEW, PAGE + 5)))
    assert seen.is_visible(seen.of("Dropdown", "Sort"))
    back, on = seen.of("Button", "‹"), seen.of("Button", "›")  # noqa: RUF001 - the buttons' signs
    on.click()
    assert len(shown(seen.html)) == 1 + 5
    assert f"{PAGE + 1}-{PAGE + 5} of {PAGE + 5}" in seen.text
    on.click()
    assert f"1-{PAGE} of {PAGE + 5}" in seen.text
    back.click()
    back.click()
    assert len(shown(seen.html)) == 1 + PAGE
    assert not back.disabled  # or it would lose the focus
    assert not on.disabled


def test_a_filter_and_a_sort_act_at_once(page: Page) -> None:
    handles = [page.handle(number)[0] for number in range(20)]
    seen = Seen(page.show(*handles))
    end(handles[7])
    page.scheduler.tick()
    seen.of("Dropdown", "State").value = "succeeded"
    assert [row[0] for row in shown(seen.html)] == ["State", "✓ Succeeded"]
    seen.of("Dropdown", "State").value = "all"
    seen.of("Dropdown", "Sort").value = "progress"
    assert shown(seen.html)[-1][0] == "✓ Succeeded"


def test_only_the_chosen_are_cancelled_also_from_other_pages_than_the_one_that_is_seen(page: Page) -> None:
    handles = [page.handle(number) for number in range(2 * PAGE)]
    seen = Seen(page.show(*(op for op, _ in handles)))
    end(handles[0][0])
    page.scheduler.tick()
    offer = seen.of("SelectMultiple")
    seen.of("ToggleButton", "Choose…").value = True
    assert len(offer.options) == 2 * PAGE - 1
    assert seen.cancel.disabled
    offer.index = (0, 2 * PAGE - 2)
    assert seen.cancel.description == "Cancel 2 chosen"
    seen.cancel.click()
    for _ in range(2):
        page.scheduler.step()
    assert [number for number, (_, source) in enumerate(handles) if source.cancelled] == [1, 2 * PAGE - 1]
    assert seen.cancel.description == "Cancel all"
    assert offer.options == ()


def test_the_list_of_those_to_choose_keeps_its_positions_while_operations_end_and_the_order_changes(
    page: Page,
) -> None:
    handles = [page.handle(number) for number in range(20)]
    seen = Seen(page.show(*(op for op, _ in handles)))
    offer = seen.of("SelectMultiple")
    seen.of("ToggleButton", "Choose…").value = True
    offered = offer.options
    offer.index = (5,)
    end(handles[3][0])
    seen.of("Dropdown", "Sort").value = "state"
    page.scheduler.tick()
    assert offer.options == offered
    seen.cancel.click()
    page.scheduler.step()
    assert [number for number, (_, source) in enumerate(handles) if source.cancelled] == [5]


def test_the_list_to_choose_from_gives_way_to_the_table_when_all_have_ended(page: Page) -> None:
    handles = [page.handle(number)[0] for number in range(3)]
    seen = Seen(page.show(*handles))
    seen.of("ToggleButton", "Choose…").value = True
    assert SPENT not in seen.cancel._dom_classes
    for op in handles:
        end(op)
    page.scheduler.tick()
    assert not seen.of("ToggleButton", "Choose…").value
    assert not seen.is_visible(seen.of("SelectMultiple"))
    assert (seen.cancel.description, SPENT in seen.cancel._dom_classes) == ("Ended", True)


def test_all_that_people_click_gets_through_while_a_cell_waits(page: Page) -> None:
    cell_output = page.show(*(page.handle(number)[0] for number in range(3)))
    controls = [one for one in Seen(cell_output).widgets() if hasattr(one, "disabled")]
    assert set(cell_output.comm_ids) == {widget.model_id for widget in controls}
    assert len(cell_output.comm_ids) == 7


def test_a_table_of_many_is_saved_every_few_seconds_however_often_states_change(page: Page) -> None:
    handles = [page.handle(number)[0] for number in range(FEW + 1)]
    page.show(*handles)
    published = page.published
    end(handles[0])
    page.scheduler.tick()
    assert page.published == published
    page.clock.now += REFRESH
    page.scheduler.tick()
    assert page.published == published + 1
    assert "1 succeeded" in page.saved["text/plain"]


def test_only_what_has_changed_is_looked_at_again(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    handles = [page.handle(number)[0] for number in range(30)]
    page.show(*handles)
    made: list[str] = []
    from lro_notebook.jupyter import card_model as module

    original = module.card_of

    def noted(op: Operation, now: datetime, *, with_sparkline: bool) -> Card:
        made.append(op.id)
        return original(op, now, with_sparkline=with_sparkline)

    monkeypatch.setattr(module, "card_of", noted)
    moved = OperationResource.from_dict(operation(name=handles[4].name, metadata=counter(5, 5)))
    handles[4].poller.update(moved)
    page.scheduler.tick()
    assert made == ["4"]


def test_at_the_end_of_many_the_saved_table_is_whole_and_the_pages_live_on(page: Page) -> None:
    handles = [page.handle(number)[0] for number in range(60)]
    cell_output = page.show(*handles)
    seen = Seen(cell_output)
    assert cell_output.follows
    for op in handles[:-1]:
        end(op)
    end(handles[-1], error={"code": 5, "message": "no such bucket"})
    page.scheduler.tick()
    assert not cell_output.follows
    assert len(shown(page.saved["text/html"])) == 1 + 60 + 1
    published = page.published
    seen.of("Button", "›").click()  # noqa: RUF001 - the button's sign
    assert "51-60 of 60" in seen.text
    seen.of("Dropdown", "State").value = "failed"
    assert shown(seen.html)[-1] == ["", "NOT_FOUND (5): no such bucket"]
    assert not seen.is_visible(seen.of("ToggleButton"))
    cell_output.finish()
    page.clock.now += 2 * REFRESH
    page.scheduler.tick()
    assert page.published == published
    assert VIEW in page.live
    cell_output.close()
    assert VIEW not in page.live


def test_at_the_end_of_many_nothing_live_stays_where_nobody_looks_on(page: Page) -> None:
    page.leafed_through = False
    handles = [page.handle(number)[0] for number in range(60)]
    cell_output = page.show(*handles)
    for op in handles:
        end(op)
    page.scheduler.tick()
    assert VIEW not in page.live
    assert len(shown(page.saved["text/html"])) == 1 + 60
    cell_output.close()
    page.outputs.clear()
    page.show(*handles)
    assert [bundle for bundle in page.outputs.values() if VIEW in bundle] == []


def test_many_that_have_ended_before_have_pages_too_and_more_may_be_added(page: Page) -> None:
    handles = [page.handle(number)[0] for number in range(60)]
    for op in handles[:-1]:
        end(op)
    cell_output = page.show(*handles[:-1])
    assert not cell_output.follows
    assert VIEW in page.live
    assert "1-50 of 59" in Seen(cell_output).text
    cell_output.add(handles[-1])
    assert cell_output.follows
    end(handles[-1])
    page.scheduler.tick()
    assert not cell_output.follows
    assert "60 operations: 60 succeeded" in page.saved["text/plain"]


def test_at_the_end_of_a_few_the_table_is_final(page: Page) -> None:
    handles = [page.handle(number)[0] for number in range(FEW)]
    cell_output = page.show(*handles)
    for op in handles:
        end(op)
    page.scheduler.tick()
    assert VIEW not in page.live
    assert "10 operations: 10 succeeded · 100 of 100 done" in page.saved["text/plain"]
    assert "10 operations: 10 succeeded" in page.saved["text/html"]
    assert cell_output.comm_ids == []
    cell_output.close()


def test_a_list_of_operations_is_html_where_no_kernel_runs(page: Page) -> None:
    handles = Operations(page.handle(number)[0] for number in range(3))
    assert len(handles) == 3
    assert shown(handles._repr_html_())[1][1] == "Import resources"
    assert "no operations" in Operations()._repr_html_()
    assert not auto_display.show_table(handles)
    with pytest.raises(NotImplementedError):
        handles._ipython_display_()
