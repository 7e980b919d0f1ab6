"""Names and arguments that are not there: the built-in error, which says what may be meant."""

from __future__ import annotations

import copy
import traceback
from pathlib import Path
from typing import Any

import pytest

import lro_notebook
from lro_notebook import ConfigError, FhirStore, Results, View, warning_types
from lro_notebook.errors import UnknownArgument, UnknownKey
from lro_notebook.results.load_report import no_table
from lro_notebook.suggestions import named, nearest


@named
def greet(name: str, *, loud: bool = False) -> str:
    if loud:
        len(1)  # type: ignore[arg-type]
    return name


@pytest.mark.parametrize(("word", "meant"), [("PATIENT", "Patient"), ("Patients", "Patient"), ("xyz", None)])
def test_the_nearest_name_is_found_whatever_the_case(word: str, meant: str | None) -> None:
    assert nearest(word, ["Observation", "Patient"]) == meant


def test_a_call_that_does_not_fit_shows_no_line_of_the_function() -> None:
    with pytest.raises(TypeError, match=r"missing 1 required positional argument: 'name'") as seen:
        greet()  # type: ignore[call-arg]
    assert isinstance(seen.value, UnknownArgument)
    assert seen.value.__suppress_context__
    with pytest.raises(UnknownArgument, match=r"unexpected keyword argument 'lout'; did you mean 'loud'\?"):
        greet("a", lout=True)  # type: ignore[call-arg]


def test_a_keyword_that_is_a_part_of_the_word_comes_first() -> None:
    with pytest.raises(UnknownArgument, match=r"'resource_types'; did you mean 'types'\?"):
        FhirStore.export_to(None, "gs://b/x", resource_types="Patient")  # type: ignore[arg-type, call-arg]


def test_a_name_that_is_hardly_like_another_is_not_taken_for_it() -> None:
    assert no_table(["Immunization"], ["Organization"]) == "no table 'Immunization'; there are Organization"
    with pytest.raises(ConfigError, match=r"no ready view 'Account'; there are .*; lro.View\(definition\)"):
        View("Account")


def test_methods_of_results_name_the_nearest_option_too() -> None:
    cases: list[tuple[Any, str, str]] = [
        (Results.view, "parse_date", "parse_dates"),
        (Results.studies, "nam", "name"),
    ]
    for method, word, meant in cases:
        with pytest.raises(UnknownArgument, match=f"did you mean '{meant}'"):
            method(None, **{word: 1})


def test_a_type_error_within_the_function_stays_what_it_is() -> None:
    with pytest.raises(TypeError) as seen:
        greet("a", loud=True)
    assert type(seen.value) is TypeError
    assert "len(1)" in "".join(traceback.format_exception(seen.value))


def test_a_key_that_is_not_there_reads_as_a_sentence_and_can_be_copied() -> None:
    error = UnknownKey("no table 'Patients'")
    assert str(error) == "no table 'Patients'"
    again = copy.copy(error)
    assert (type(again), str(again)) == (UnknownKey, str(error))


def test_a_name_that_the_package_has_not_is_told_with_the_nearest() -> None:
    with pytest.raises(
        AttributeError, match=r"'lro_notebook' has no attribute 'conect'; did you mean 'connect'\?"
    ):
        lro_notebook.conect  # type: ignore[attr-defined]  # noqa: B018
    for cls in (lro_notebook.Dataset, lro_notebook.FhirStore, Results):
        assert not hasattr(cls, "__getattr__")  # with one, IPython completes nothing without jedi


def test_a_warning_in_a_with_block_shows_the_line_of_the_user(
    recwarn: pytest.WarningsRecorder,
) -> None:
    package = Path(warning_types.__file__).parent / "as_if_there.py"
    code = """
from contextlib import contextmanager
from lro_notebook.warning_types import LroWarning, warn_caller

@contextmanager
def within():
    warn_caller("told", LroWarning)
    yield

def enter():
    with within():
        pass
"""
    names: dict[str, Any] = {}
    exec(compile(code, package, "exec"), names)  # noqa: S102 - a module of the package, as far as can be seen
    names["enter"]()
    assert [Path(each.filename).name for each in recwarn] == ["test_mistakes.py"]
