"""JSON documents in remote places: what is read twice is fetched once."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

import pytest
from results.far import BUCKETS, Bucket, register
from results.json_files import quietly

from lro_notebook.results.formats.json import large_envelopes as json_streamed
from lro_notebook.results.formats.json.documents import JSON_DOCUMENTS
from lro_notebook.results.load_place import options_of
from lro_notebook.results.load_table import MainTable, report_on
from lro_notebook.results.location import locate
from lro_notebook.results.results import Results
from lro_notebook.results.shards import Shard
from lro_notebook.results.sources.files import Files

if TYPE_CHECKING:
    from collections.abc import Iterator

register()
ENVELOPES = [{"items": [{"n": 10 * number + n} for n in range(3)], "of": number} for number in range(4)]


class Far:
    """A bucket with one table of JSON documents."""

    def __init__(self) -> None:
        self.name = uuid.uuid4().hex
        self.bucket = BUCKETS[self.name] = Bucket()
        self.shards: list[Shard] = []

    def put(self, *texts: str) -> None:
        for number, text in enumerate(texts):
            path = f"b/{number}.json"
            self.bucket.put(path, text.encode())
            self.shards.append(Shard(f"loop://{path}", path, "T", len(text), format=JSON_DOCUMENTS))

    @property
    def source(self) -> Files:
        return Files(locate("loop://b", storage_options={"bucket": self.name}))


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch) -> Iterator[Far]:
    monkeypatch.setattr(json_streamed, "HOLD", 20)
    place = Far()
    yield place
    del BUCKETS[place.name]


@pytest.mark.parametrize("lists", ["first", "explode"])
def test_envelopes_are_fetched_once(far: Far, lists: str) -> None:
    far.put(*(json.dumps(each, indent=1) for each in ENVELOPES))
    results = quietly(Results(far.source, far.shards, options_of(lists=lists)))
    expected = [{"of": each["of"], **item} for each in ENVELOPES for item in each["items"]]  # type: ignore[attr-defined]
    assert results.arrow("T").to_pylist() == expected
    assert len(far.bucket.of("cat_file")) == len(ENVELOPES)


def test_they_are_read_without_a_whole_load_too(far: Far) -> None:
    far.put(*(json.dumps(each) for each in ENVELOPES), "no")
    report = report_on(MainTable(far.source, far.shards, options_of()))
    assert [(line.file, line.line) for line in report.bad] == [("loop://b/4.json", 1)]


def test_lists_are_fetched_once(far: Far) -> None:
    far.put(json.dumps([{"a": 1}] * 3), json.dumps([{"a": 2}]))
    results = quietly(Results(far.source, far.shards, options_of()))
    assert [row["a"] for row in results.arrow("T").to_pylist()] == [1, 1, 1, 2]
    assert len(far.bucket.of("cat_file")) == len(far.shards)
