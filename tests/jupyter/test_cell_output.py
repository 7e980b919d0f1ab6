"""What a cell publishes of its operations, from the start to the end; with real widgets, without a kernel."""

from __future__ import annotations

import pytest
from fakes import operation
from page import VIEW, Page, Seen, counter, end

from lro_notebook import OperationResource
from lro_notebook.jupyter.card_widget import CANCELLING, ENDED
from lro_notebook.jupyter.cell_output import LINGER, REFRESH


@pytest.fixture
def page() -> Page:
    return Page()


def test_a_running_operation_has_a_saved_and_a_live_part(page: Page) -> None:
    op, _ = page.handle(1)
    cell_output = page.show(op)
    assert "Import resources: Running." in page.saved["text/plain"]
    assert VIEW in page.live
    assert len(cell_output.comm_ids) == 1


def test_the_live_part_moves_without_new_outputs_and_the_saved_part_follows_slowly(page: Page) -> None:
    op, _ = page.handle(1)
    cell_output = page.show(op)
    published = page.published
    op.poller.update(OperationResource.from_dict(operation(name=op.name, metadata=counter(5, 5))))
    page.scheduler.tick()
    assert "5 of 10" in Seen(cell_output).text
    assert page.published == published
    page.clock.now += REFRESH
    page.scheduler.tick()
    assert "5 of 10" in page.saved["text/plain"]
    assert page.published == published + 1


def test_a_new_state_is_saved_at_once(page: Page) -> None:
    op, _ = page.handle(1)
    page.show(op)
    cancelling = {**counter(1, 9), "cancelRequested": True}
    op.poller.update(OperationResource.from_dict(operation(name=op.name, metadata=cancelling)))
    page.scheduler.tick()
    assert "Cancelling" in page.saved["text/plain"]


def test_at_the_end_nothing_live_is_left(page: Page) -> None:
    op, _ = page.handle(1)
    cell_output = page.show(op)
    end(op)
    page.scheduler.tick()
    assert page.live == {"text/html": "", "text/plain": ""}
    assert "Import resources: Succeeded." in page.saved["text/plain"]
    assert "display:none" not in page.saved["text/html"]
    assert cell_output.comm_ids == []
    assert page.scheduler.tickers == []
    published = page.published
    cell_output.finish()
    assert page.published == published


def test_what_was_clicked_on_stays_a_while_so_that_the_focus_is_not_lost(page: Page) -> None:
    op, _ = page.handle(1)
    cell_output = page.show(op)
    parts, button = cell_output.root.children, Seen(cell_output).cancel
    button.click()
    end(op, error={"code": 1, "message": "cancelled"})
    page.scheduler.tick()
    assert cell_output.root.children == parts
    assert (button.description, button.disabled) == (ENDED, False)
    assert "Cancelled after" in Seen(cell_output).text
    assert "<progress" not in Seen(cell_output).html
    assert "Import resources: Cancelled." in page.saved["text/plain"]
    published = page.published
    page.clock.now += LINGER - 1
    page.scheduler.tick()
    assert page.published == published
    page.clock.now += 1
    page.scheduler.tick()
    assert page.live == {"text/html": "", "text/plain": ""}
    assert "display:none" not in page.saved["text/html"]
    assert page.scheduler.tickers == []


def test_an_operation_that_is_added_while_the_end_lingers_lives(page: Page) -> None:
    (first, _), (second, _) = page.handle(1), page.handle(2)
    cell_output = page.show(first)
    Seen(cell_output).cancel.click()
    end(first)
    page.scheduler.tick()
    cell_output.add(second)
    page.clock.now += LINGER
    page.scheduler.tick()
    assert VIEW in page.live
    Seen(cell_output).cancel.click()
    end(second)
    page.scheduler.tick()
    assert Seen(cell_output).cancel.description == ENDED
    page.clock.now += LINGER
    page.scheduler.tick()
    assert VIEW not in page.live


def test_what_has_ended_is_shown_without_anything_live(page: Page) -> None:
    op, _ = page.handle(1)
    end(op)
    page.show(op)
    assert page.live == {}
    assert page.scheduler.tickers == []


def test_a_second_operation_turns_the_card_into_one_table(page: Page) -> None:
    (first, _), (second, _) = page.handle(1), page.handle(2)
    cell_output = page.show(first)
    cell_output.add(second)
    assert len(page.outputs) == 2
    assert page.saved["text/html"].count("<tr") == 3
    assert Seen(cell_output).cancel.description == "Cancel all"
    end(first)
    page.scheduler.tick()
    assert VIEW in page.live
    end(second)
    page.scheduler.tick()
    assert VIEW not in page.live


def test_an_operation_may_be_added_after_the_others_have_ended(page: Page) -> None:
    (first, _), (second, _) = page.handle(1), page.handle(2)
    cell_output = page.show(first)
    end(first)
    page.scheduler.tick()
    cell_output.add(second)
    assert VIEW in page.live
    end(second)
    page.scheduler.tick()
    assert VIEW not in page.live


def test_a_click_is_answered_at_once_and_sent_by_a_request_thread(page: Page) -> None:
    (running, source), (over, untouched) = page.handle(1), page.handle(2)
    cell_output = page.show(running, over)
    end(over)
    page.scheduler.tick()
    button = Seen(cell_output).cancel
    button.click()
    button.click()
    assert button.description == CANCELLING
    assert source.cancelled == 0
    page.scheduler.step()
    assert source.cancelled == 1
    assert untouched.cancelled == 0


def test_a_cancellation_that_fails_is_told(page: Page) -> None:
    op, source = page.handle(1)
    cell_output = page.show(op)

    def refuse() -> None:
        raise PermissionError

    source.cancel = refuse  # type: ignore[method-assign]  # the point
    Seen(cell_output).cancel.click()
    _, job = page.scheduler.jobs.pop()
    with pytest.raises(PermissionError):
        job.run()
    job.on_crash(PermissionError())
    page.scheduler.tick()
    assert "cannot be cancelled: PermissionError" in Seen(cell_output).text
    assert Seen(cell_output).cancel.description == "Cancel"


def test_a_page_that_shows_nothing_from_threads_is_moved_by_its_cells_alone(page: Page) -> None:
    page.moves = False
    (one, _), (two, _) = page.handle(1), page.handle(2)
    cell_output = page.show(one)
    assert page.scheduler.tickers == []
    assert "moves while a cell waits: op.wait()" in Seen(cell_output).text
    assert "lro-still" in cell_output.root._dom_classes  # nothing tells of a minute's silence
    cell_output.note("")  # a cell waits
    cell_output.tick()
    assert "moves while" not in Seen(cell_output).text
    cell_output.note(None)
    cell_output.add(two)
    assert page.scheduler.tickers == []
    assert "moves while a cell waits: lro.wait([…])" in Seen(cell_output).text
    end(one)
    end(two)
    cell_output.tick()
    assert "moves while" not in page.saved["text/html"]
    assert page.live == {"text/html": "", "text/plain": ""}
