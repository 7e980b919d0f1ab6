"""What a service says is parsed once, whoever looks at it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from fakes import NAME, operation

import lro_notebook as lro
from lro_notebook.jupyter import terminal
from lro_notebook.jupyter.card_model import CardCache
from lro_notebook.operations.poller import OperationPoller
from lro_notebook.operations.resource import OperationResource
from lro_notebook.operations.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest


def resource(success: int, *, done: bool = False) -> OperationResource:
    counter = {"success": str(success), "pending": str(10 - success)}
    return OperationResource.from_dict(operation(metadata={"counter": counter}, done=done))


class Reading:
    """A source whose operation goes on by one unit a look."""

    def __init__(self) -> None:
        self.success = 0

    def poll(self) -> OperationResource:
        self.success += 1
        return resource(self.success)

    get = poll

    def cancel(self) -> None:
        raise NotImplementedError


def test_a_snapshot_tells_progress_and_state_of_its_resource() -> None:
    snapshot = Snapshot.of(resource(4))
    assert snapshot.progress.fraction == 0.4
    assert snapshot.state == "RUNNING"
    assert Snapshot.of(resource(10, done=True)).state == "SUCCEEDED"


def test_a_snapshot_that_shows_less_is_behind() -> None:
    assert Snapshot.of(resource(3)).is_behind(Snapshot.of(resource(4)))
    assert not Snapshot.of(resource(4)).is_behind(Snapshot.of(resource(3)))
    assert not Snapshot.of(resource(0, done=True)).is_behind(Snapshot.of(resource(4)))


def test_each_response_is_parsed_once_however_many_look_at_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    parsed: list[Mapping[str, Any] | None] = []
    plain = lro.Progress.from_metadata

    def counted(metadata: Mapping[str, Any] | None) -> lro.Progress:
        parsed.append(metadata)
        return plain(metadata)

    monkeypatch.setattr(lro.Progress, "from_metadata", counted)
    monkeypatch.setenv(terminal.SWITCH, "1")
    op = lro.Operation(OperationPoller(Reading(), OperationResource(NAME)))
    before = len(parsed)
    latest, now = CardCache(), datetime.now(UTC)
    for look in range(1, 4):
        op.poller.run()
        assert latest.cards([op], now)[0].completed == look
        assert lro.to_frame(op)["completed"].tolist() == [look]
        assert op.snapshot.progress.completed == look
        assert f"{look} of 10" in repr(op)
        with terminal.watching([op]):
            pass
    assert f"{look}/10" in capsys.readouterr().err
    assert len(parsed) - before == 3
    op.poller.lose(lro.LroError("the test is over"))


def test_a_handle_tells_one_snapshot() -> None:
    op = lro.Operation(OperationPoller(Reading(), resource(10, done=True)))
    assert op.resource is op.snapshot.resource
    assert op.progress is op.snapshot.progress
    assert op.state == op.snapshot.state == "SUCCEEDED"
