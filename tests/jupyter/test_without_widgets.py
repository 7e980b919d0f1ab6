"""A kernel in which ipywidgets is missing says so: a start is no failure there, without a traceback."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

import pytest

import lro_notebook as lro
from lro_notebook.jupyter import auto_display, cells

if TYPE_CHECKING:
    from collections.abc import Callable


class Followed:
    """An operation, as far as the notebook asks it."""

    class poller:  # noqa: N801 - an attribute
        @staticmethod
        def follow() -> None:
            """Follow nothing."""


@pytest.mark.parametrize("show", [auto_display.show_all, auto_display.show_table])
def test_what_is_missing_is_named(
    show: Callable[[Any], object], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    monkeypatch.setattr(auto_display, "kernel", object)
    monkeypatch.setattr(cells, "here", lambda: None)
    monkeypatch.setattr(cells, "not_in", lambda _, operations: operations)
    monkeypatch.setattr(cells, "show_new", lambda _: importlib.import_module("ipywidgets"))
    with pytest.warns(
        lro.LroWarning, match="ipywidgets is not installed there: pip install ipywidgets"
    ) as told:
        assert not show([Followed()])
    assert [warning.filename for warning in told] == [__file__]
    assert caplog.records == []
