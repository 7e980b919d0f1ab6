"""What ``%lro`` does in IPython without a notebook."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from fakes import Scripted, ok, operation
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import lro_notebook as lro
from lro_notebook.jupyter import magics

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "projects/p/locations/l/datasets/d/operations/41"


@pytest.fixture(scope="module")
def shell() -> InteractiveShell:
    settings = Config()
    settings.HistoryManager.enabled = False
    instance = InteractiveShell(config=settings)
    lro.load_ipython_extension(instance)
    return instance


@pytest.fixture
def client(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[lro.Client]:
    monkeypatch.setenv("LRO_NOTEBOOK_STATE_DIR", str(tmp_path))
    monkeypatch.setattr(lro.Client, "_open", set())
    transport = Scripted(ok(operation(name=NAME, metadata={"apiMethodName": "x.ImportResources"})))
    with lro.Client("http://127.0.0.1:1", transport=transport) as opened:
        yield opened


def complete(line: str) -> list[str]:
    return magics.complete(None, SimpleNamespace(line=line))


def test_alone_it_lists_what_the_open_clients_hold(shell: InteractiveShell, client: lro.Client) -> None:
    op = client.get(NAME)
    frame = shell.run_line_magic("lro", "")
    assert isinstance(frame, pd.DataFrame)
    assert list(frame["name"]) == [op.name]
    client.close()
    assert len(shell.run_line_magic("lro", "")) == 0


def test_watch_takes_a_known_id_and_any_full_name(shell: InteractiveShell, client: lro.Client) -> None:
    op = shell.run_line_magic("lro", f"watch {NAME}")
    assert op is client.get(NAME)
    assert shell.run_line_magic("lro", "watch 41") is op


def test_cancel_says_what_happened(shell: InteractiveShell, client: lro.Client) -> None:
    op = client.get(NAME)
    assert shell.run_line_magic("lro", "cancel 41") == "operation 41 was asked to stop"
    op.poller.update(lro.OperationResource.from_dict(operation(name=NAME, done=True)))
    assert shell.run_line_magic("lro", "cancel 41") == "operation 41 had ended before"


def test_started_is_the_journal(shell: InteractiveShell, client: lro.Client) -> None:
    assert not client.closed
    assert list(shell.run_line_magic("lro", "started").columns) == list(lro.started().columns)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("dance", "%lro dance is not understood; use %lro, %lro watch NAME"),
        ("watch", "%lro watch is not understood"),
        ("watch a b", "%lro watch a b is not understood"),
        ("watch 77", "no operation 77 is known here; give its full name"),
    ],
)
def test_a_wrong_use_is_one_sentence(
    shell: InteractiveShell, client: lro.Client, line: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not client.closed
    with pytest.raises(UsageError, match=re.escape(says)):
        shell.run_line_magic("lro", line)
    shell.run_cell(f"%lro {line}")
    shown = capsys.readouterr()
    assert "Traceback" not in shown.out + shown.err
    assert f"UsageError: {says}" in shown.out + shown.err


def test_a_full_name_without_a_client_to_ask_is_one_sentence(
    shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lro.Client, "_open", set())
    with pytest.raises(UsageError, match="no client or several are open"):
        shell.run_line_magic("lro", f"watch {NAME}")


def test_commands_and_operations_are_completed(client: lro.Client) -> None:
    op = client.get(NAME)
    assert complete("%lro ") == complete("%lro wa") == ["watch", "cancel", "started"]
    assert complete("%lro watch ") == complete("%lro cancel 4") == ["41"]
    assert complete("%lro started ") == complete("%lro watch 41 ") == []
    op.poller.update(lro.OperationResource.from_dict(operation(name=NAME, done=True)))
    assert complete("%lro cancel ") == []
