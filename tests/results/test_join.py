"""Tables side by side: by the reference between them, whatever way it is written."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pytest
from places import SHARED

from lro_notebook.errors import ConfigError, LroWarning
from lro_notebook.results.joins.references import References
from lro_notebook.results.load_place import read

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lro_notebook.results.results import Results

SYNTHEA = SHARED / "data" / "synthea-10"
PATIENTS = [
    {"resourceType": "Patient", "id": "1", "birthDate": "1970-01-02"},
    {"resourceType": "Patient", "id": "2", "birthDate": "1980-03-04"},
    {"resourceType": "Patient", "id": "3", "birthDate": "1990-05-06"},
]


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Results]:
    def made(*, lists: str = "first", **tables: list[dict[str, Any]]) -> Results:
        for name, rows in tables.items():
            lines = (json.dumps({"resourceType": name, **row}) for row in rows)
            (tmp_path / f"{name}.ndjson").write_text("".join(f"{line}\n" for line in lines))
        return read(tmp_path, lists=lists)

    return made


def conditions(*references: str | None, name: str = "subject") -> list[dict[str, Any]]:
    return [
        {"id": f"c{number}", **({name: {"reference": reference}} if reference else {})}
        for number, reference in enumerate(references)
    ]


def test_every_way_to_write_a_reference_to_a_table_has_its_key() -> None:
    written = {
        "Patient/1": ("1", "Patient"),
        "Patient/1/_history/2": ("1", "Patient"),
        "https://a.example/fhir/Patient/1": ("1", "Patient"),
        "https://a.example/fhir/Patient/1/_history/3": ("1", "Patient"),
        "urn:uuid:0a-1": ("0a-1", None),
        "#p1": (None, None),
        "Patient?identifier=s|1": (None, None),
        "nothing": (None, None),
        "": (None, None),
    }
    references = References.of(pa.chunked_array([[*written, None]]))
    expected = [*written.values(), (None, None)]
    assert list(zip(references.key.to_pylist(), references.type.to_pylist(), strict=True)) == expected
    assert references.bases == ("https://a.example/fhir",)


def test_absolute_references_to_two_servers_are_followed_only_where_one_is_named() -> None:
    column = pa.chunked_array([["https://a.example/fhir/Patient/1", "https://b.example/fhir/Patient/1"]])
    assert References.of(column).key.to_pylist() == [None, None]
    assert References.of(column, "https://b.example/fhir/").key.to_pylist() == [None, "1"]


def test_references_that_search_find_the_one_with_that_identifier(make: Callable[..., Results]) -> None:
    practitioners = [
        {"id": "a", "identifier": [{"system": "npi", "value": "1"}]},
        {"id": "b", "identifier": [{"system": "npi", "value": "2"}]},
        {"id": "c", "identifier": [{"system": "npi", "value": "2"}]},
    ]
    written = [
        *(
            "Practitioner?identifier=npi|1",
            "Practitioner?identifier=npi%7C1",
            "Practitioner?identifier=npi|2",
        ),
        *("Organization?identifier=npi|1", "Practitioner/c"),
    ]
    results = make(Condition=conditions(*written, name="asserter"), Practitioner=practitioners)
    frame = results.join("Condition", "Practitioner")
    assert frame["Practitioner.id"].fillna("-").tolist() == ["a", "a", "-", "-", "c"]


def test_a_left_join_keeps_every_row_in_its_order(make: Callable[..., Results]) -> None:
    written = ["Patient/2", "Patient/1/_history/4", None, "Patient/9", "#x", "urn:uuid:3", "Patient/2"]
    frame = make(Condition=conditions(*written), Patient=PATIENTS).join("Condition", "Patient")
    assert frame["id"].tolist() == [f"c{number}" for number in range(7)]
    born = frame["Patient.birthDate"].fillna("-").tolist()
    assert born == ["1980-03-04", "1970-01-02", "-", "-", "-", "1990-05-06", "1980-03-04"]
    assert frame["subject.key"].fillna("-").tolist() == ["2", "1", "-", "9", "-", "3", "2"]
    assert list(frame.columns).index("subject.key") == list(frame.columns).index("subject.reference") + 1
    joined = {"on": "Condition.subject", "matched": 4, "unmatched": 1, "without_key": 2, "servers": []}
    assert frame.attrs["join"] == joined
    assert all(isinstance(dtype, pd.ArrowDtype) for dtype in frame.dtypes)


@pytest.mark.parametrize(
    ("how", "ids", "patients"),
    [
        ("inner", ["c0", "c2"], ["2", "1"]),
        ("left", ["c0", "c1", "c2"], ["2", "-", "1"]),
        ("right", ["c2", "c0", "-"], ["1", "2", "3"]),
        ("outer", ["c0", "c1", "c2", "-"], ["2", "-", "1", "3"]),
    ],
)
def test_how_says_which_rows_stay(
    make: Callable[..., Results], how: str, ids: list[str], patients: list[str]
) -> None:
    results = make(Condition=conditions("Patient/2", None, "Patient/1"), Patient=PATIENTS)
    frame = results.join("Condition", "Patient", how=how)
    assert frame["id"].fillna("-").tolist() == ids
    assert frame["Patient.id"].fillna("-").tolist() == patients


@pytest.mark.parametrize(
    ("references", "why"),
    [
        (["Patient/8", "Patient/9"], "none of their keys is among the 3 of Patient"),
        (["#p", None], "none of them has such a key"),
        (
            ["https://a/Patient/1", "https://b/Patient/1"],
            ".* base= says which is meant: https://a, https://b",
        ),
    ],
)
@pytest.mark.parametrize("how", ["left", "inner"])
def test_where_nothing_matches_a_warning_says_why(
    make: Callable[..., Results], references: list[Any], why: str, how: str
) -> None:
    results = make(Condition=conditions(*references), Patient=PATIENTS)
    words = f"0 of 2 rows of Condition found a row of Patient by Condition.subject: {why}.*; frame.attrs"
    with pytest.warns(LroWarning, match=words) as seen:
        results.join("Condition", "Patient", "subject", how=how)
    assert seen[0].filename == __file__


def test_the_table_that_is_referred_to_may_come_first(make: Callable[..., Results]) -> None:
    results = make(Condition=conditions("Patient/2", "Patient/1", "Patient/2"), Patient=PATIENTS)
    frame = results.join("Patient", "Condition")
    assert frame["id"].tolist() == ["1", "2", "2", "3"]
    assert frame["Condition.id"].fillna("-").tolist() == ["c1", "c0", "c2", "-"]


def test_of_several_references_one_is_to_be_named(make: Callable[..., Results]) -> None:
    rows = [
        {"id": "c", "subject": {"reference": "Patient/1"}, "asserter": {"reference": "Patient/2"}},
        {"id": "d", "subject": {"reference": "Patient/3"}, "recorder": {"reference": "Practitioner/1"}},
    ]
    results = make(Condition=rows, Patient=PATIENTS, Practitioner=[{"id": "1"}])
    with pytest.raises(ConfigError, match="joined by subject, asserter; say which, as on='subject'"):
        results.join("Condition", "Patient")
    for on in ("asserter", "asserter.reference", "asserter.key"):
        assert results.join("Condition", "Patient", on)["Patient.id"].fillna("-").tolist() == ["2", "-"]
    assert results.join("Condition", "Practitioner")["Practitioner.id"].fillna("-").tolist() == ["-", "1"]


def test_what_cannot_be_joined_names_the_references_there_are(make: Callable[..., Results]) -> None:
    results = make(Condition=conditions("Patient/1"), Patient=PATIENTS, Device=[{"id": "1"}])
    with pytest.raises(ConfigError, match=r"Condition has the references subject -> Patient"):
        results.join("Condition", "Device")
    with pytest.raises(ConfigError, match="on 'subject'; Condition has the references subject -> P"):
        results.join("Condition", "Device", on="subject")
    with pytest.raises(ConfigError, match="did you mean 'subject'"):
        results.join("Condition", "Patient", on="subjekt")
    with pytest.raises(ConfigError, match="left, inner, right, outer"):
        results.join("Condition", "Patient", how="cross")
    with pytest.raises(KeyError, match="there are"):
        results.join("Condition", "Nope")


def test_of_several_versions_the_newest_counts(make: Callable[..., Results]) -> None:
    versions = [
        {"id": "1", "gender": "female", "meta": {"lastUpdated": "2024-03-01T00:00:00Z"}},
        {"id": "1", "gender": "male", "meta": {"lastUpdated": "2024-01-01T10:00:00.5Z"}},
    ]
    frame = make(Condition=conditions("Patient/1"), Patient=versions).join("Condition", "Patient")
    assert frame["Patient.gender"].tolist() == ["female"]


def test_a_joined_frame_is_joined_on(make: Callable[..., Results]) -> None:
    rows = [
        {"id": "c", "subject": {"reference": "Patient/1"}, "encounter": {"reference": "Encounter/e"}},
    ]
    results = make(Condition=rows, Patient=PATIENTS, Encounter=[{"id": "e", "status": "finished"}])
    once = results.join("Condition", "Patient")
    twice = results.join(once, "Encounter")
    assert twice["Encounter.status"].tolist() == ["finished"]
    assert twice["Patient.id"].tolist() == ["1"]
    assert len(twice.attrs["files"]) == 3
    with pytest.raises(ConfigError, match="was joined before"):
        results.join(twice, "Encounter")


def test_lists_of_their_own_join_what_they_are_of_and_what_they_refer_to(
    make: Callable[..., Results],
) -> None:
    encounter = {
        "id": "e",
        "participant": [
            {"individual": {"reference": "Practitioner/a"}},
            {"individual": {"reference": "Practitioner/b"}},
        ],
    }
    results = make(
        lists="explode", Encounter=[encounter], Practitioner=[{"id": "b", "active": True}, {"id": "a"}]
    )
    frame = results.join("Encounter.participant", "Practitioner")
    assert frame["Practitioner.active"].fillna(value=False).tolist() == [False, True]
    assert len(results.join("Encounter", "Encounter.participant")) == 2


def test_lists_of_documents_without_ids_join_what_they_are_of(tmp_path: Path) -> None:
    for number in (0, 1):
        entities = [{"id": number + place, "type": f"{number}{place}"} for place in (0, 1)]
        document = {"text": f"Invoice {number}", "id": 1 - number, "pages": [{}], "entities": entities}
        (tmp_path / f"documents-{number}.json").write_text(json.dumps(document))
    results = read(tmp_path, lists="explode")
    frame = results.join("documents.entities", "documents")
    assert frame["type"].tolist() == ["00", "01", "10", "11"]
    assert frame["documents.text"].tolist() == ["Invoice 0", "Invoice 0", "Invoice 1", "Invoice 1"]
    turned = results.join("documents", "documents.entities")
    assert turned[["text", "documents.entities.type"]].to_numpy().tolist()[2:] == [
        ["Invoice 1", "10"],
        ["Invoice 1", "11"],
    ]


def test_tables_without_references_join_on_a_column_of_both(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("order,customer\n1,7\n2,8\n3,7\n")
    (tmp_path / "customers.csv").write_text("customer,town\n7,Ulm\n")
    frame = read(tmp_path).join("orders", "customers", "customer")
    assert frame["customers.town"].fillna("-").tolist() == ["Ulm", "-", "Ulm"]


def test_a_table_has_key_columns_on_request(make: Callable[..., Results]) -> None:
    frame = make(Condition=conditions("Patient/1", "#x")).keyed("Condition")
    assert frame["subject.key"].fillna("-").tolist() == ["1", "-"]


@pytest.mark.skipif(not SYNTHEA.is_dir(), reason="../shared/data/synthea-10 is not here")
def test_every_condition_of_real_data_has_its_patient_and_encounter() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = read(SYNTHEA)
        for target in ("Patient", "Encounter"):
            frame = results.join("Condition", target)
            assert len(frame) == len(results["Condition"])
            assert frame[f"{target}.id"].notna().all()
        doctors = results.join("Encounter", "Practitioner", "participant.individual")
        assert doctors["Practitioner.id"].notna().all()
