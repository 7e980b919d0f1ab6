"""What is no view by the standard is refused when it is read, with the place of the fault."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from lro_notebook import View
from lro_notebook.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

VIEW: dict[str, Any] = {
    "resource": "Patient",
    "constant": [{"name": "use", "valueCode": "official"}],
    "where": [{"path": "active = true"}],
    "select": [
        {"column": [{"name": "id", "path": "id", "type": "id"}]},
        {
            "forEach": "name",
            "unionAll": [
                {"column": [{"name": "text", "path": "family", "type": "string"}]},
                {"column": [{"name": "text", "path": "given.first()", "type": "string"}]},
            ],
        },
    ],
}


def changed(path: str, value: object) -> dict[str, Any]:
    """Return the view with `value` at a path such as ``select.0.column``; without it if it is ``...``."""
    view = copy.deepcopy(VIEW)
    *steps, last = path.split(".")
    here: Any = view
    for step in steps:
        here = here[int(step) if step.isdigit() else step]
    key = int(last) if last.isdigit() else last
    if value is ...:
        del here[key]
    else:
        here[key] = value
    return view


def test_a_good_view_is_read_from_a_dict_text_or_file(tmp_path: Path) -> None:
    file = tmp_path / "patients.json"
    file.write_text(json.dumps(VIEW))
    for source in (VIEW, json.dumps(VIEW), file, str(file)):
        view = View(source)
        assert (view.resource, view.columns) == ("Patient", ["id", "text"])
        assert repr(view) == "<View of Patient: id, text>"
        assert view.to_dict() == VIEW


def test_what_the_standard_allows_besides_is_let_be() -> None:
    more = {"_name": {"id": "n"}, "url": "http://x.org/v", "title": "T", "extension": [], "name": "people"}
    view = View(
        {"resourceType": "https://sql-on-fhir.org/ig/StructureDefinition/ViewDefinition", **more, **VIEW}
    )
    assert view.definition.name == "people"


def test_a_view_does_not_change_with_the_dict_it_came_from() -> None:
    source = copy.deepcopy(VIEW)
    view = View(source)
    source["select"].clear()
    assert view.columns == ["id", "text"]
    assert view.to_dict() == VIEW


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("resource", ..., '"resource"'),
        ("resource", 7, '"resource"'),
        ("resource", "no resource", '"resource"'),
        ("resourceType", "Patient", "must be ViewDefinition"),
        ("name", "2 words", "^name must be letters"),
        ("select", ..., '"select"'),
        ("select", [], '"select"'),
        ("select", {"column": []}, "select must be a list"),
        ("select.0", [], r"select\[0\] must be a JSON object"),
        ("select.0", {}, r"select\[0\] selects nothing"),
        ("select.0", {"columns": []}, "did you mean 'column'"),
        ("select.1.foreach", "name", "did you mean 'forEach'"),
        ("select.1.where", [{"path": "true"}], "which only a view has"),
        ("select.1.forEachOrNull", "name", "forEach and forEachOrNull"),
        ("select.1.repeat", ["item"], "forEach and repeat"),
        ("select.1.forEach", 3, r"select\[1\].forEach must be a FHIRPath"),
        ("select.1.forEach", "@@", r"select\[1\].forEach.*at character 1"),
        ("select.0.column.0.path", ..., r"select\[0\].column\[0\] needs \"path\""),
        ("select.0.column.0.path", "", 'needs "path"'),
        ("select.0.column.0.path", "id.", "at character 4"),
        ("select.0.column.0.path", "id)", r"'\)' does not belong here"),
        ("select.0.column.0.path", "id.frist()", r"no function frist\(\)"),
        ("select.0.column.0.path", "id.first(1)", "takes 0 arguments, not 1"),
        ("select.0.column.0.path", "name.where()", "takes 1 arguments, not 0"),
        ("select.0.column.0.path", "%no", "%no is not defined"),
        ("select.0.column.0.path", "name.where(use = %no)", "%no is not defined"),
        ("select.0.column.0.path", "value.ofType(1)", "name of a type"),
        ("select.0.column.0.path", "'open", "is not FHIRPath"),
        ("select.0.column.0.name", ..., 'needs "name"'),
        ("select.0.column.0.name", "_id", "must be letters"),
        ("select.0.column.0.name", "an id", "must be letters"),
        ("select.0.column.0.name", "text", "two columns have the name 'text'"),
        ("select.0.column.0.collection", "yes", "collection must be true or false"),
        ("select.0.column.0.type", 5, "type must be the name"),
        ("select.0.select", [{"column": [{"name": "id", "path": "id"}]}], "two columns have the name 'id'"),
        ("select.1.unionAll.1.column.0.name", "other", "same columns in the same order"),
        ("select.1.unionAll.1.column.0.type", "integer", "different types in the parts"),
        ("where.0", "active", r"where\[0\] must be a JSON object"),
        ("where.0.path", ..., 'needs "path"'),
        ("where.0.path", "name.family.join(',')", "gives string, and a condition must be true or false"),
        ("where.0.path", "'x'", "gives string"),
        ("where.0.path", "1", "gives integer"),
        ("constant.0.valueCode", ..., "one value of a primitive type"),
        ("constant.0.valueString", "x", "one value of a primitive type"),
        ("constant.0.valueQuantity", {}, "one value of a primitive type"),
        ("constant.0.name", ..., 'needs "name"'),
        ("constant.0.name", "rowIndex", "defined already"),
        ("constant.0.name", "a-b", "must be letters"),
        ("constant.0.valueCode", 5, "no FHIR code"),
        ("constant", {}, "constant must be a list"),
    ],
)
def test_each_rule_of_the_standard_is_kept(path: str, value: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        View(changed(path, value))


@pytest.mark.parametrize("source", ["{", "[]", "null", 7, None, [], "no such view", "/no/such/file.json"])
def test_what_is_no_object_is_refused(source: Any) -> None:  # wrong on purpose
    with pytest.raises(ConfigError):
        View(source)


def test_a_misspelt_ready_view_is_hinted_at() -> None:
    with pytest.raises(ConfigError, match="did you mean 'Observation'"):
        View("Observations")


def test_reading_a_view_loads_neither_pandas_nor_pyarrow() -> None:
    program = f"import sys, lro_notebook; lro_notebook.View({VIEW!r}); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    assert {"pandas", "pyarrow", "numpy"}.isdisjoint(loaded)
