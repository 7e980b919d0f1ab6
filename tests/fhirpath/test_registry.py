"""The registry of functions: what a row says is what parser, interpreter and views do."""

from __future__ import annotations

import subprocess
import sys

import pytest
from places import ROOT

from lro_notebook.errors import ConfigError
from lro_notebook.fhirpath.dialect import FHIRPATH, VIEWS
from lro_notebook.fhirpath.parser import parse
from lro_notebook.fhirpath.registry import FUNCTIONS
from lro_notebook.fhirpath.syntax import Call, Path, PathError, Root, This
from lro_notebook.views.functions import CALLS

#: What the standard for views, and its shareable and tabular profiles, let views call, and what was added.
OF_VIEWS = """
    all as contains count distinct empty endsWith exists extension first getReferenceKey
    getResourceKey hasValue highBoundary iif is join last length lowBoundary lower matches not
    ofType replace replaceMatches select single skip startsWith substring tail take toDecimal
    toInteger toString trim upper where
"""


def test_views_call_what_they_always_could() -> None:
    assert VIEWS.functions == set(OF_VIEWS.split())


def test_what_is_compiled_for_arrow_has_a_row_that_views_can_call() -> None:
    assert CALLS.keys() <= VIEWS.functions


def test_the_keys_of_views_are_no_fhirpath() -> None:
    assert FUNCTIONS.keys() - FHIRPATH.functions == {"getReferenceKey", "getResourceKey"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_row_stands_under_its_own_name_once_and_counts_its_arguments(name: str) -> None:
    row = FUNCTIONS[name]
    assert row.name == name
    least = len(row.arguments) if row.min_arguments is None else row.min_arguments
    assert [row.takes(count) for count in range(5)] == [
        least <= count <= len(row.arguments) for count in range(5)
    ]


@pytest.mark.parametrize("name", sorted(FHIRPATH.functions - VIEWS.functions))
def test_views_refuse_what_the_standard_does_not_give_them(name: str) -> None:
    text = f"a.{name}({', '.join('b' for _ in FUNCTIONS[name].arguments)})"
    assert isinstance(parse(text), Call)
    with pytest.raises(ConfigError, match=rf"there is no function {name}\(\)"):
        parse(text, dialect=VIEWS)


@pytest.mark.parametrize("text", ["5 'mg'", "4 days", "$index", "a.where($index = 1)", "%loinc"])
def test_views_have_no_quantities_no_index_and_no_constants_of_fhir(text: str) -> None:
    with pytest.raises(PathError):
        parse(text, dialect=VIEWS)


def test_a_type_in_front_of_a_path_is_one_in_fhirpath_only() -> None:
    assert parse("Patient.name") == Path(Root("Patient"), "name")
    assert parse("Patient.name", resource="Patient", dialect=VIEWS) == Path(This(), "name")
    assert parse("Group.name", resource="Patient", dialect=VIEWS) == Path(Path(This(), "Group"), "name")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.b(", "at character 3: there is no function b"),
        ("a.wher(b)", r"did you mean where\(\)"),
        ("a.where()", r"where\(\) takes 1 arguments, not 0"),
        ("a.exists(b, c)", r"exists\(\) takes 0 to 1 arguments, not 2"),
        ("a.ofType(1)", "at character 10: the name of a type is missing here"),
        ("a is", "the name of a type is missing here"),
        ("FHIR.", "the name of a type is missing here"),
        ("$index", r"\$index is not known here"),
        ("a.where($that)", r"\$that is not known here; there are \$this, \$index, \$total"),
        ("%nothing", "the constant %nothing is not defined"),
        ("a # b", "'#' is not FHIRPath"),
        ("(" * 500 + "a" + ")" * 500, "nested too deep"),
        ("a" + ".b" * 500, "nested too deep"),
        ("a = " + "1" * 5000, "at character 5: a number of more than 100 digits"),
        ("a or " * 6000 + "a", "longer than 20000 characters"),
    ],
)
def test_what_is_no_fhirpath_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(PathError, match=message) as caught:
        parse(text)
    assert len(str(caught.value)) < 600


def test_the_documents_list_every_function() -> None:
    text = (ROOT / "docs" / "fidelity.md").read_text(encoding="utf-8")
    section = text.partition("## FHIRPath of executeCohort")[2].partition("\n## ")[0]
    assert [name for name in sorted(FHIRPATH.functions) if f"`{name}`" not in section] == []


def test_the_engine_loads_neither_arrow_nor_pandas_nor_views() -> None:
    program = (
        "import sys, lro_notebook.fhirpath.interpreter, lro_notebook.fhirpath.parser, "
        "lro_notebook.local.fhir.execute_cohort; print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    heavy = {"pyarrow", "pandas", "numpy", "lro_notebook.views"}
    assert heavy.isdisjoint(loaded.stdout.split())
