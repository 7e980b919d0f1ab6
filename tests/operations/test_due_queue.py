from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lro_notebook.operations.due_queue import DueQueue


def test_what_is_due_comes_out_the_earliest_first() -> None:
    queue = DueQueue[str]()
    for item, due in {"c": 3.0, "a": 1.0, "b": 2.0}.items():
        queue.put(item, due)
    assert queue.take(2.0) == [(1.0, "a"), (2.0, "b")]
    assert queue.first_due == 3.0
    assert list(queue) == ["c"]


def test_what_is_put_in_again_is_due_at_its_new_moment_alone() -> None:
    queue = DueQueue[str]()
    queue.put("a", 1.0)
    queue.put("a", 5.0)
    assert queue.take(4.0) == []
    assert queue.first_due == 5.0
    assert queue.take(9.0) == [(5.0, "a")]
    assert queue.take(9.0) == []


def test_what_is_due_at_once_keeps_the_order_in_which_it_came() -> None:
    queue = DueQueue[str]()
    for item in "badc":
        queue.put(item, 1.0)
    assert "".join(item for _, item in queue.take(1.0)) == "badc"


def test_what_is_discarded_is_never_due() -> None:
    queue = DueQueue[str]()
    queue.put("a", 1.0)
    queue.discard("a")
    queue.discard("never there")
    assert queue.first_due is None
    assert queue.take(9.0) == []


Step = tuple[str, int, float]


@given(
    st.lists(
        st.tuples(st.sampled_from(["put", "discard", "take"]), st.integers(0, 5), st.floats(0.0, 10.0)),
        max_size=60,
    )
)
def test_it_does_what_a_plain_mapping_would(steps: list[Step]) -> None:
    queue, plain = DueQueue[int](), dict[int, float]()
    for what, item, moment in steps:
        if what == "put":
            queue.put(item, moment)
            plain[item] = moment
        elif what == "discard":
            queue.discard(item)
            plain.pop(item, None)
        else:
            taken = {each: due for each, due in plain.items() if due <= moment}
            assert {each: due for due, each in queue.take(moment)} == taken
            plain = {each: due for each, due in plain.items() if each not in taken}
        assert queue.first_due == min(plain.values(), default=None)
        assert set(queue) == set(plain)
        assert len(queue) == len(plain)
        assert set(queue.due_by(5.0)) == {each for each, due in plain.items() if due <= 5.0}


def test_an_item_that_is_moved_again_and_again_takes_no_more_room() -> None:
    queue = DueQueue[str]()
    queue.put("late", 1e6)
    for number in range(10_000):
        queue.put("a", 1e6 - number)
    assert len(queue._heap) < 200
    assert queue.take(1e6) == [(990_001.0, "a"), (1e6, "late")]
