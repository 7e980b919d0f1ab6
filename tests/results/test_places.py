"""Where operations of Google's APIs say that they wrote, in the fields of their discovery documents."""

from __future__ import annotations

import random
from itertools import islice
from typing import Any

import pytest
from results.told_places import TOLD, Json

from lro_notebook.results.places import _spots, places_of


@pytest.mark.parametrize("method", TOLD)
def test_the_places_of_an_operation_are_those_that_it_wrote_to(method: str) -> None:
    response, metadata, request, right = TOLD[method]
    found = places_of(response, metadata, request, project="own")
    assert [("errors " if each.role == "errors" else "") + each.uri for each in found] == right


def test_a_place_says_which_field_told_it_and_in_which_format() -> None:
    response = {
        "outputConfig": {"predictionsFormat": "jsonl", "gcsDestination": {"outputUriPrefix": "gs://o/"}}
    }
    (place,) = places_of(response)
    assert (place.field, place.told_by, place.format) == (
        "outputConfig.gcsDestination.outputUriPrefix",
        "response",
        "jsonl",
    )


def test_folders_whose_names_begin_alike_are_all_places() -> None:
    statuses = [{"outputGcsDestination": f"gs://out/77/{number}"} for number in range(12)]
    found = places_of({}, {"individualProcessStatuses": statuses})
    assert [place.uri for place in found] == [f"gs://out/77/{number}" for number in range(12)]


def test_a_dataset_is_told_with_the_table_beside_it_and_with_the_tables_that_are_made_per_type() -> None:
    told = {"outputInfo": {"bigqueryOutputDataset": "bq://p.d", "bigqueryOutputTable": "t_1"}}
    assert [place.uri for place in places_of(told)] == ["bq://p.d.t_1"]
    asked = {"dataset": "projects/p/datasets/d", "table": "t", "separateTablesPerAssetType": True}
    assert [place.uri for place in places_of({"outputConfig": {"bigqueryDestination": asked}})] == [
        "bq://p.d.t_*"
    ]


def test_keys_that_are_uris_are_no_names_of_fields() -> None:
    response = {"results": {"gs://in/errors/source.wav": {"uri": "gs://out/1.json"}}}
    (place,) = places_of(response)
    assert (place.role, place.field) == ("output", "results.{}.uri")


@pytest.mark.parametrize(
    "value", [None, {}, {1: {"uri": 2}}, {"output": [None, 1, {"uri": ["gs://", "gs:// b"]}]}]
)
def test_values_of_any_shape_are_looked_through(value: Any) -> None:
    assert places_of(value, value, value) == []


def test_a_very_deep_value_is_looked_through() -> None:
    value: Json = {"outputUri": "gs://o/x"}
    for _ in range(5_000):
        value = {"a": value}
    assert [place.uri for place in places_of(value)] == ["gs://o/x"]


def test_a_circle_is_left_where_no_json_is_as_deep() -> None:
    circle: dict[str, Any] = {}
    circle["a"] = circle
    assert len(list(islice(_spots(circle), 20_000))) == 10_001


def test_no_random_value_raises() -> None:
    rng = random.Random(7)  # noqa: S311 - repeatable

    def some(depth: int) -> Any:
        kind = rng.randrange(5 if depth else 3)
        if kind == 0:
            return rng.choice(
                ["gs://a/b", "bq://a.b.c", "projects/p/datasets/d", "", "x" * 5000, "gs://\ud800/x"]
            )
        if kind == 1:
            return rng.choice([None, True, 1.5, -1])
        if kind == 2:
            return "storage.googleapis.com/b"
        if kind == 3:
            return [some(depth - 1) for _ in range(rng.randrange(4))]
        keys = ["outputConfig", "dataset", "table", "errors", 7, None, "inputUri", "bucket", "path", "result"]
        return {rng.choice(keys): some(depth - 1) for _ in range(rng.randrange(5))}

    for _ in range(3_000):
        places_of(some(4), some(4), some(4))
