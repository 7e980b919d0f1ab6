"""What happened, as one long table; and the course of one patient as a chart."""

from __future__ import annotations

import json
import pickle
import warnings
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from places import SHARED

from lro_notebook import View
from lro_notebook.errors import ConfigError, LroWarning
from lro_notebook.results.load_place import read
from lro_notebook.views.events import READY, SCHEMA, Events

if TYPE_CHECKING:
    from collections.abc import Callable

    from lro_notebook.results.results import Results

    Store = Callable[..., Results]

SYNTHEA = SHARED / "data" / "synthea-10"
SUBJECT = {"subject": {"reference": "Patient/p"}}


def coded(code: str, system: str = "http://loinc.org", **more: Any) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, **more}]}


DEATH, COUGH = "2024-05-01T10:00:00+02:00", {"text": "Cough"}
RESOURCES: list[dict[str, Any]] = [
    {
        "resourceType": "Patient",
        "id": "p",
        "birthDate": "1950",
        "deceasedDateTime": "2024-05-01T10:00:00+02:00",
    },
    {"resourceType": "Patient", "id": "q"},
    {
        "resourceType": "Condition",
        "id": "c",
        **SUBJECT,
        "code": {"text": "Cough"},
        "onsetDateTime": "2023-03",
    },
    {"resourceType": "Condition", "id": "undated", **SUBJECT, "code": {"text": "Pain"}},
    {
        "resourceType": "Observation",
        "id": "o",
        **SUBJECT,
        "code": coded("8302-2", display="Height"),
        "effectiveDateTime": "2024-01-02T03:04:05Z",
        "valueQuantity": {"value": 171.5, "unit": "cm"},
    },
    {
        "resourceType": "Observation",
        "id": "bp",
        **SUBJECT,
        "code": coded("85354-9"),
        "effectivePeriod": {"start": "2024-01-03"},
        "component": [
            {"code": coded("8480-6"), "valueQuantity": {"value": 120, "unit": "mmHg"}},
            {"code": coded("8462-4"), "valueQuantity": {"value": 80, "unit": "mmHg"}},
        ],
    },
    {
        "resourceType": "Observation",
        "id": "smoker",
        "subject": {"reference": "Patient/q"},
        "code": coded("72166-2"),
        "effectiveDateTime": "2022-01-01",
        "valueCodeableConcept": coded("1", display="Never"),
    },
    {
        "resourceType": "AllergyIntolerance",
        "id": "a",
        "patient": {"reference": "Patient/p"},
        "recordedDate": "2020-01-01",
        "reaction": [{"severity": "mild"}, {"severity": "severe"}],
    },
    {
        "resourceType": "CarePlan",
        "id": "plan",
        **SUBJECT,
        "category": [coded("assess-plan"), coded("734163000", display="Care plan")],
        "period": {"start": "2021-01-01"},
    },
    {
        "resourceType": "Specimen",
        "id": "s",
        **SUBJECT,
        "type": coded("122555007", display="Blood"),
        "collection": {"collectedDateTime": "2021-02-01", "quantity": {"value": 5, "unit": "mL"}},
    },
]


def row(frame: pd.DataFrame, of: str, number: int = 0) -> dict[str, Any]:
    found = frame[frame["id"] == of].iloc[number]
    return {str(name): None if pd.isna(value) else value for name, value in found.items()}


@pytest.fixture
def results(store: Store) -> Results:
    return store(RESOURCES)


def test_columns_and_types_are_the_same_whatever_is_there(results: Results, store: Store) -> None:
    for frame in (results.events(), store([{"resourceType": "Group", "id": "g"}]).events()):
        dtypes = {name: dtype.pyarrow_dtype for name, dtype in frame.dtypes.items()}
        assert dtypes == dict(zip(SCHEMA.names, SCHEMA.types, strict=True))


def test_each_dated_row_is_an_event_with_its_code_and_value(results: Results) -> None:
    frame = results.events()
    assert row(frame, "o") == {
        "time": pd.Timestamp("2024-01-02T03:04:05Z"),
        "patient": "p",
        "table": "Observation",
        "id": "o",
        "code": "8302-2",
        "system": "http://loinc.org",
        "text": "Height",
        "value": 171.5,
        "unit": "cm",
        "value_text": None,
    }
    assert [row(frame, "bp", number)["value"] for number in (0, 1)] == [120, 80]
    assert row(frame, "bp")["time"] == pd.Timestamp("2024-01-03T00:00:00Z")
    assert row(frame, "smoker")["value_text"] == "Never"
    assert row(frame, "c")["time"] == pd.Timestamp("2023-03-01T00:00:00Z")
    assert (row(frame, "p")["text"], row(frame, "p")["time"].hour) == ("Death", 8)
    assert (row(frame, "plan")["code"], row(frame, "s")["value"]) == ("734163000", 5)
    assert frame["id"].tolist().count("a") == 1
    assert frame.attrs["undated"] == {"Condition": 1}


@pytest.mark.parametrize("patient", ["p", "Patient/p", ["p"]])
def test_the_events_of_one_patient_are_in_order(results: Results, patient: str | list[str]) -> None:
    frame = results.events(patient)
    assert set(frame["patient"]) == {"p"}
    assert frame["time"].is_monotonic_increasing
    assert len(frame) == len(results.events()) - 1
    assert results.events([]).empty


def test_a_patient_who_is_nowhere_is_told_of(results: Results, store: Store) -> None:
    for asked in ("nobody", ["nobody", "nobody"], ["nobody", "else"]):
        with pytest.raises(KeyError, match="none of the patients asked for is in any table"):
            results.events(asked)
    with pytest.warns(LroWarning, match="1 of 2 patients asked for are in no table"):
        assert set(results.events(["p", "nobody"])["patient"]) == {"p"}
    only = store([one for one in RESOURCES if one["resourceType"] == "Observation"])
    with pytest.warns(LroWarning, match="1 of 1 patients asked for are in no table"):
        assert only.events("nobody").empty


def test_a_patient_without_events_is_there(results: Results, store: Store) -> None:
    assert results.events("p", tables=["Immunization"]).empty
    assert results.events(["q", "q"], tables=["Condition"]).empty
    undated = store([{"resourceType": "Condition", "id": "c", **SUBJECT}])
    assert undated.events("p").attrs["undated"] == {"Condition": 1}


def test_the_events_of_a_whole_cohort(store: Store) -> None:
    conditions = [
        {
            "resourceType": "Condition",
            "id": f"c{number}",
            "subject": {"reference": f"Patient/p{number}"},
            "onsetDateTime": "2020",
        }
        for number in range(1_200)
    ]
    cohort = [f"p{number}" for number in range(1_000)]
    assert sorted(store(conditions).events(cohort)["patient"]) == sorted(cohort)


def test_patients_are_known_by_the_urns_of_bundles(store: Store) -> None:
    uuid = "0a1b2c3d-0000-4000-8000-000000000001"
    about = {"reference": f"urn:uuid:{uuid}"}
    results = store(
        [
            {"resourceType": "Patient", "id": uuid},
            {"resourceType": "Condition", "id": "c", "subject": about, "onsetDateTime": "2020"},
            {"resourceType": "Condition", "id": "d", **SUBJECT, "onsetDateTime": "2021"},
            {"resourceType": "Immunization", "id": "i", "patient": about, "occurrenceDateTime": "2022"},
        ]
    )
    assert dict(results.events()[["id", "patient"]].to_numpy()) == {"c": uuid, "d": "p", "i": uuid}
    assert results.events(uuid)["id"].tolist() == ["c", "i"]
    assert results.events("p")["id"].tolist() == ["d"]
    assert results.view("Condition")["patient_id"].tolist() == [uuid, "p"]  # as a merge with patients needs


def test_only_some_tables_on_request(results: Results) -> None:
    assert set(results.events(tables=["Condition"])["table"]) == {"Condition"}
    with pytest.raises(ConfigError, match="those of AllergyIntolerance, CarePlan"):
        results.events(tables=["Device"])
    with pytest.raises(ConfigError, match="is the id of a patient"):
        results.events("p' or 'a' = 'a")


@pytest.mark.parametrize("name", READY)
def test_what_is_an_event_are_columns_of_its_view(name: str) -> None:
    ready, columns = READY[name], set(View(name).columns)
    assert {*ready.times, *ready.numbers, *ready.words, *filter(None, [ready.unit])} <= columns
    if ready.code is not None:
        assert f"{ready.code}code" in columns


def test_the_course_of_one_patient_is_drawn(results: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "Agg")
    pyplot = pytest.importorskip("matplotlib.pyplot")
    frame = results.events("p")
    twice = Events(pd.concat([frame, frame.assign(time=frame["time"] + pd.Timedelta(days=9))]))
    axes = twice.plot()
    assert axes[0].get_yticklabels()[0].get_text() == "AllergyIntolerance"
    assert [ax.get_title(loc="left") for ax in axes[1:]] == ["Height (cm)", "8480-6 (mmHg)", "8462-4 (mmHg)"]
    assert len(twice.plot(measurements=1)) == 2
    words = "Hemoglobin A1c/Hemoglobin.total in Blood"  # the label is as wide as the chart: it is not cut
    named = Events(twice.assign(text=twice["text"].where(twice["code"] != "8480-6", words)))
    assert f"{words} (mmHg)" in [ax.get_title(loc="left") for ax in named.plot()]
    pyplot.close("all")


def test_several_patients_are_not_drawn_as_one(results: Results) -> None:
    with pytest.raises(ConfigError, match="2 patients"):
        results.events().plot()


def test_a_frame_of_events_stays_one_and_draws_as_pandas_does(
    results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MPLBACKEND", "Agg")
    pyplot = pytest.importorskip("matplotlib.pyplot")
    frame = results.events("p")
    assert isinstance(frame[frame["table"] == "Observation"], Events)
    assert isinstance(pickle.loads(pickle.dumps(frame)), Events)  # noqa: S301 - our own
    axes = frame.plot(x="time", y="value", kind="scatter")
    assert axes.get_xlabel() == "time"
    assert frame[["value"]].plot().get_lines()
    pyplot.close("all")


@pytest.mark.skipif(not SYNTHEA.is_dir(), reason="../shared/data/synthea-10 is not here")
def test_real_data_has_every_dated_row() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results = read(SYNTHEA)
        frame = results.events()
    counts = frame["table"].value_counts().to_dict()
    for name in ("Observation", "Condition", "Encounter", "Procedure"):
        assert counts[name] == len(results.view(name))
    assert json.dumps(frame.attrs["undated"]) == "{}"
