"""Places that several runs share, or that are several themselves, and results that are in no file."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from layouts.layout import BEFORE, DURING, pretty
from layouts.learning import PREDICTIONS, TEXTS
from layouts.recognition import BATCH_INLINE, DOCUMENTS, PICTURES
from layouts.world import ended, put

from lro_notebook.errors import LroWarning, ResultError, TruncatedListsWarning

if TYPE_CHECKING:
    from pathlib import Path

PAGE = pretty({"responses": [{"fullTextAnnotation": {"text": "x"}}]})
INLINE = "response.transcript.results"


@pytest.fixture(autouse=True)
def quiet() -> None:
    warnings.simplefilter("ignore", LroWarning)


def test_runs_that_share_a_prefix_are_told_apart_by_their_times(tmp_path: Path) -> None:
    with ended(PICTURES, tmp_path) as operation:
        assert len(operation.load()["annotations"]) == 3


def test_an_operation_id_in_a_name_wins_over_the_time(tmp_path: Path) -> None:
    shared = replace(PICTURES, files={}, others={})
    with ended(shared, tmp_path) as operation:
        put(tmp_path, {f"gs://out/labels/{operation.id}/output-1-to-1.json": PAGE}, BEFORE)
        put(
            tmp_path,
            {"gs://out/labels/output-1-to-1.json": PICTURES.files[next(iter(PICTURES.files))]},
            DURING,
        )
        assert operation.load()["annotations"]["fullTextAnnotation.text"].tolist() == ["x"]


def test_where_nothing_tells_whose_files_they_are_all_are_loaded_with_a_word(tmp_path: Path) -> None:
    with ended(replace(PICTURES, files={}), tmp_path) as operation:
        with pytest.warns(LroWarning, match="the file at gs://out/labels/ is of operation 1234567890 cannot"):
            results = operation.load()
        assert len(results["annotations"]) == 1


def test_a_place_that_is_gone_is_told_and_the_others_are_loaded(tmp_path: Path) -> None:
    files = {uri: data for uri, data in DOCUMENTS.files.items() if "/1/" not in uri}
    with ended(replace(DOCUMENTS, files=files), tmp_path) as operation:
        assert len(operation.load()["documents"]) == 2


@pytest.mark.parametrize("count", [3, 12])
def test_folders_that_are_listed_take_no_files_of_others_whose_names_begin_alike(
    tmp_path: Path, count: int
) -> None:
    run = "gs://out/run"
    files = {
        f"{run}/{number}/a-0.json": pretty({"text": str(number), "mimeType": "text/plain"})
        for number in range(count)
    }
    told = [
        {"inputGcsSource": "gs://in/a.pdf", "outputGcsDestination": uri.rpartition("/")[0]} for uri in files
    ]
    others = {f"{run}/1{count}/a-0.json": files[f"{run}/0/a-0.json"], f"{run}/1-old.json": "{}"}
    metadata = {**DOCUMENTS.metadata, "individualProcessStatuses": told}
    with ended(replace(DOCUMENTS, metadata=metadata, files=files, others=others), tmp_path) as operation:
        texts = operation.load()["documents"]["text"].tolist()
    assert sorted(texts, key=int) == [str(number) for number in range(count)]


@pytest.mark.parametrize("count", [2, 10])
def test_files_and_patterns_may_be_listed_together(tmp_path: Path, count: int) -> None:
    listed = [f"gs://out/d/part{number}-*" for number in range(count)]
    files = {f"gs://out/d/part{number}-00000-of-00001.jsonl": '{"n":1}\n' for number in range(count)}
    layout = replace(
        DOCUMENTS,
        metadata={},
        response={"exportedFiles": [*listed, "gs://out/d/last.jsonl"]},
        files={**files, "gs://out/d/last.jsonl": '{"n":2}\n'},
        others={"gs://out/d/last.jsonl.bak": '{"n":3}\n'},
    )
    with ended(layout, tmp_path) as operation:
        results = operation.load()
        assert results["last"]["n"].tolist() == [2]
        assert len(results) > 1


def test_an_empty_place_is_an_error_and_no_table_of_counts(tmp_path: Path) -> None:
    with (
        ended(replace(TEXTS, files={}), tmp_path) as operation,
        pytest.raises(ResultError, match="gs://out/t/"),
    ):
        operation.load()


def test_a_table_that_is_not_there_is_an_error_and_no_response(tmp_path: Path) -> None:
    with ended(PREDICTIONS, tmp_path) as operation, pytest.raises(ResultError, match="no table nope"):
        operation.load(tables="nope")


def test_the_index_of_translations_tells_the_language_of_each(tmp_path: Path) -> None:
    with ended(TEXTS, tmp_path) as operation:
        results = operation.load(source_file=True)
    told = results["translations"].merge(
        results["index"], left_on="source_file", right_on="translations_file"
    )
    assert told["target_language_code"].tolist() == ["de", "de"]


def test_lists_inside_of_a_response_are_tables_where_they_are_asked_for(tmp_path: Path) -> None:
    with ended(BATCH_INLINE, tmp_path) as operation:
        results = operation.load(lists="explode")
        assert next(iter(results)) == "response"
        inner = results[f"{INLINE}.alternatives"]
        assert inner["transcript"].tolist() == ["good morning", "and good night", "hello"]
        assert results.truncated.empty
        assert operation.load(columns=["input"])["response"].columns.tolist() == ["input"]
        with pytest.warns(TruncatedListsWarning):
            truncated = operation.load().truncated
        assert "response.transcript.results" in truncated["column"].tolist()
        written = results.to_parquet(tmp_path / "parquet")
        assert f"{INLINE}.alternatives" in written["table"].tolist()


def test_the_fields_beside_a_map_of_results_are_kept(tmp_path: Path) -> None:
    with ended(BATCH_INLINE, tmp_path) as operation:
        frame = operation.load()["response"]
    assert frame.attrs["response"] == {"totalBilledDuration": "6s"}
