"""What results show of themselves: what is cut, what is in a table that is not read yet."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from lro_notebook.errors import TruncatedListsWarning
from lro_notebook.jupyter import auto_display
from lro_notebook.results.load_place import read

if TYPE_CHECKING:
    from pathlib import Path

PATIENT = '{"id":"1","name":[{"family":"A"},{"family":"B"}]}\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "Patient.ndjson").write_text(PATIENT)
    (tmp_path / "Claim.ndjson").write_text('{"id":"c"}\n')
    return tmp_path


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this be a notebook."""
    monkeypatch.setattr(auto_display, "kernel", object)


def note(html: str) -> str:
    """Return what stands below the table."""
    return re.sub("<[^>]+>", "", html.partition("</table>")[2])


@pytest.mark.usefixtures("kernel")
def test_in_a_notebook_cut_lists_are_a_note_and_no_warning(folder: Path) -> None:
    results = read(folder)
    assert repr(results) == "<Results of 2 files: Claim, Patient>"
    assert note(results._repr_html_()) == ""
    results["Patient"], results["Claim"]  # warnings are errors here
    assert repr(results) == (
        "<Results of 2 files: Claim, Patient; first elements of lists in Patient, see .truncated>"
    )
    assert note(results._repr_html_()).startswith("lists in Patient are shown by their first element;")
    assert results.truncated.to_dict("records") == [{"column": "Patient.name", "rows": 1}]


def test_a_script_is_warned_because_it_shows_no_repr(folder: Path) -> None:
    with pytest.warns(TruncatedListsWarning, match="lists in Patient are shown by their first element"):
        read(folder)["Patient"]


@pytest.mark.parametrize("lists", ["nested", "explode"])
def test_nothing_is_said_where_nothing_is_cut(folder: Path, lists: str) -> None:
    results = read(folder, lists=lists)
    dict(results)
    assert "first" not in repr(results) + results._repr_html_()


def test_tables_in_a_table_are_told_of_before_it_is_read(folder: Path) -> None:
    results = read(folder, lists="explode")
    assert repr(results) == "<Results of 2 files: Claim and the tables in it, Patient and the tables in it>"
    assert results._repr_html_().count("not read yet, with the tables in it") == 2
    assert list(results) == ["Claim", "Patient", "Patient.name"]
    assert repr(results) == "<Results of 2 files: Claim, Patient (with Patient.name)>"
    shown = results._repr_html_()
    assert '<tr style="text-align:right"><td style="text-align:left">Patient.name</td><td>' in shown
    assert shown.count("text-align:left") == 1 + 3  # the heading and the name of each table


def test_completion_of_names_reads_nothing(folder: Path) -> None:
    results = read(folder, lists="explode")
    for path in folder.iterdir():
        path.unlink()
    assert results._ipython_key_completions_() == ["Claim", "Patient"]
    (folder / "Patient.ndjson").write_text(PATIENT)
    results = read(folder, lists="explode")
    results["Patient"]
    assert results._ipython_key_completions_() == ["Patient", "Patient.name"]
