"""What JSON has beside primitive elements (`_birthDate`, `_given`) in tables: nothing lost, all aligned."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lro_notebook.errors import TruncatedListsWarning
from lro_notebook.results.arrow.flatten import flatten
from lro_notebook.results.arrow.json_fallback import table_of
from lro_notebook.results.load_place import read

if TYPE_CHECKING:
    from pathlib import Path

MASKED = {"extension": [{"url": "absent", "valueCode": "masked"}, {"url": "more"}]}
PATIENTS: list[dict[str, Any]] = [
    {
        "id": "a",
        "name": [{"given": [None, "Ada"], "_given": [MASKED, None, {"id": "g"}]}],
        "_birthDate": MASKED,
    },
    {"id": "b", "birthDate": "1980", "name": [{"_given": [None, MASKED]}, {"given": ["B"]}]},
    {"id": "c", "name": [{"given": ["C", None], "_given": [None, MASKED]}], "_nick": [None, {"id": "n"}]},
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lines = [json.dumps({"resourceType": "Patient", **patient}) for patient in PATIENTS]
    (tmp_path / "Patient.ndjson").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


def test_the_first_value_and_what_is_beside_it_are_of_the_same_element(folder: Path) -> None:
    results = read(folder, lists="first")
    with pytest.warns(TruncatedListsWarning):
        patients = results["Patient"].set_index("id")
    shown = patients[
        ["birthDate", "_birthDate.extension.url", "name.given", "name._given.extension.valueCode"]
    ]
    assert shown.astype(object).where(shown.notna(), None).to_numpy().tolist() == [
        [None, "absent", None, "masked"],
        ["1980", None, None, None],
        [None, None, "C", None],
    ]
    cut = results.truncated.set_index("column")["rows"]
    assert cut["Patient.name.given"] == cut["Patient.name._given"] - 1 == 2


def test_nested_lists_keep_their_nulls(folder: Path) -> None:
    names = read(folder, lists="nested").arrow("Patient")["name"].to_pylist()
    assert [(name["given"], [part and part["id"] for part in name["_given"] or []]) for name in names[0]] == [
        ([None, "Ada"], [None, None, "g"])
    ]
    assert [len(name["_given"] or []) for row in names for name in row] == [3, 2, 0, 2]


TEXT = st.sampled_from(["x", "y"])
BESIDE = st.one_of(st.none(), st.builds(lambda word: {"id": word}, TEXT))
NAME = st.fixed_dictionaries(
    {},
    optional={
        "given": st.lists(st.one_of(TEXT, st.none()), max_size=3),
        "_given": st.lists(BESIDE, max_size=3),
    },
)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(NAME, max_size=2), min_size=1, max_size=4))
def test_each_element_keeps_its_position(rows: list[list[dict[str, Any]]]) -> None:
    resources = [{"id": str(number), "name": names} for number, names in enumerate(rows)]
    tables = flatten(table_of(resources), lists="explode").children
    for key, column in (("given", "value"), ("_given", "id_")):
        wanted = {
            (str(number), at, place): value if key == "given" else value["id"]
            for number, names in enumerate(rows)
            for at, name in enumerate(names)
            for place, value in enumerate(name.get(key, []))
            if value is not None
        }
        table = tables.get(f"name.{key}")
        found = [] if table is None or column not in table.column_names else table.to_pylist()
        places = [(row["id"], row["name.index"], row["index"]) for row in found]
        values = dict(zip(places, [row[column] for row in found], strict=True))
        assert {place: value for place, value in values.items() if value is not None} == wanted
        assert len(places) == len(set(places))


def test_one_list_joins_the_other_by_its_index(folder: Path) -> None:
    results = read(folder, lists="explode")
    keys = ["id", "name.index", "index"]
    both = results["Patient.name.given"].merge(results["Patient.name._given"], on=keys, how="outer")
    both = both[both["id"] == "a"].sort_values("index")
    shown = both[["value", "extension.valueCode", "id_"]].astype(object)
    assert shown.where(shown.notna(), None).to_numpy().tolist() == [
        [None, "masked", None],
        ["Ada", None, None],
        [None, None, "g"],
    ]
