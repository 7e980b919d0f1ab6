"""Lists of a service come to an end, and what is odd in them costs only itself."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from fakes import NAME, operation

import lro_notebook as lro
from lro_notebook.errors import ApiError
from lro_notebook.healthcare.dataset import Dataset
from lro_notebook.http.paging import paginate
from lro_notebook.http.responses import UnusableAnswer, is_transient
from lro_notebook.http.session import Session
from lro_notebook.operations.rest_requests import ask_local
from lro_notebook.results.arrow.batch import Options
from lro_notebook.results.formats.fhir.ndjson import FHIR_NDJSON
from lro_notebook.results.shards import Shard
from lro_notebook.results.sources.store import FhirStore, Hl7v2Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PARENT = "projects/p/locations/l/datasets/d"
ENDPOINT = "http://127.0.0.1:1"


class Pages(httpx.MockTransport):
    """Answers each request with what a function makes of its number."""

    def __init__(self, page: Callable[[int], Any]) -> None:
        super().__init__(self.answer)
        self.page, self.requests = page, list[httpx.Request]()

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(200, content=json.dumps(self.page(len(self.requests))).encode())


#: Lists without an end, by what is wrong with them; `items` are those of a page.
ENDLESS: dict[str, Callable[[int, Any], dict[str, Any]]] = {
    "the same token": lambda _, items: {**items, "nextPageToken": "a"},
    "tokens in a circle": lambda number, items: {**items, "nextPageToken": f"t{number % 7}"},
    "empty pages": lambda number, _: {"nextPageToken": f"t{number}"},
    "a number for a token": lambda _, items: {**items, "nextPageToken": 5},
    "an object for a token": lambda _, items: {**items, "nextPageToken": {"a": 1}},
    "a huge token": lambda _, items: {**items, "nextPageToken": "t" * 100_000},
    "no list": lambda *_: dict.fromkeys(("operations", "fhirStores", "hl7V2Messages", "entries", "entry"), 5),
}


def lists(transport: httpx.MockTransport) -> dict[str, Callable[[], Iterable[object]]]:
    """Return everything that reads a list, each with a client that has this transport."""
    client = lro.Client(ENDPOINT, transport=transport)
    rest = Session(ENDPOINT, transport=transport)
    dataset = Dataset(client, PARENT)
    store = FhirStore(rest, f"{PARENT}/fhirStores/s")
    messages = Hl7v2Store(rest, f"{PARENT}/hl7V2Stores/s")
    return {
        "client.list": lambda: client.list(PARENT),
        "ds.operations": dataset.operations,
        "ds.stores": dataset.stores,
        "hl7v2.messages": lambda: dataset.hl7v2_store("s").messages(),
        "messages of a store": lambda: messages.batches(messages.shards(), Options(), lambda _: None),
        "patients of a store": lambda: store.batches([_patients()], Options(), lambda _: None),
    }


def _patients() -> Shard:
    return Shard(f"{PARENT}/fhirStores/s/fhir/Patient", "fhir/Patient", "Patient", 0, format=FHIR_NDJSON)


ITEMS: dict[str, dict[str, Any]] = {
    "client.list": {"operations": [operation()]},
    "ds.operations": {"operations": [operation()]},
    "ds.stores": {"fhirStores": [{"name": f"{PARENT}/fhirStores/s"}]},
    "hl7v2.messages": {"hl7V2Messages": [{"name": "m"}]},
    "messages of a store": {"hl7V2Messages": [{"name": "m"}]},
}


@pytest.mark.parametrize("wrong", ENDLESS)
@pytest.mark.parametrize("name", ITEMS)
def test_a_list_without_an_end_stops_with_an_error(name: str, wrong: str) -> None:
    transport = Pages(lambda number: ENDLESS[wrong](number, ITEMS[name]))
    with pytest.raises(ApiError) as caught:
        list(lists(transport)[name]())
    assert isinstance(caught.value, UnusableAnswer)
    assert not is_transient(caught.value)
    assert len(transport.requests) <= 100


@pytest.mark.parametrize(
    "links",
    [
        [{"relation": "next", "url": "http://elsewhere/fhir/Patient?_page_token=a"}],
        [5, {"relation": "self"}, {"relation": "next", "url": "?_page_token=a"}],
        [{"relation": "next", "url": "http://[?_page_token=a"}],
    ],
)
def test_a_search_whose_next_link_repeats_stops_with_an_error(links: list[Any]) -> None:
    transport = Pages(lambda _: {"entry": [{"resource": {"resourceType": "Patient"}}], "link": links})
    with pytest.raises(UnusableAnswer, match="came twice"):
        list(lists(transport)["patients of a store"]())
    assert [request.url.host for request in transport.requests] == ["127.0.0.1"] * 2


@pytest.mark.parametrize("links", [5, "x", [{"relation": "next"}], [{"relation": "next", "url": "?"}], {}])
def test_a_search_without_a_usable_next_link_is_over(links: Any) -> None:
    transport = Pages(lambda _: {"entry": [5, {"resource": 5}, {}], "link": links})
    assert list(lists(transport)["patients of a store"]()) == []
    assert len(transport.requests) == 1


def test_tokens_that_are_all_new_end_at_the_number_of_pages() -> None:
    numbers = itertools.count()
    pages = paginate(
        lambda _: {"a": [{}], "nextPageToken": str(next(numbers))}, "a", where="x", most_pages=50
    )
    got: list[object] = []
    with pytest.raises(UnusableAnswer, match="more than 50 pages"):
        got.extend(pages)
    assert len(got) == 50


def test_empty_pages_between_full_ones_are_read_over() -> None:
    pages: dict[str | None, dict[str, Any]] = {
        None: {"nextPageToken": "a"},
        "a": {"nextPageToken": "b", "a": None},
        "b": {"a": [{"b": 1}], "nextPageToken": ""},
    }
    assert list(paginate(pages.__getitem__, "a", where="x")) == [[], [], [{"b": 1}]]


def test_what_is_no_operation_in_a_list_is_left_out_with_a_word(caplog: pytest.LogCaptureFixture) -> None:
    good = operation(name=f"{PARENT}/operations/9")
    bad = [5, None, "x", [1], {}, {"name": 5}, {"name": "a", "done": "yes"}, {"name": "a", "metadata": 5}]
    transport = Pages(lambda _: {"operations": [*bad, good]})
    with lro.Client(ENDPOINT, transport=transport) as client:
        assert [each.name for each in client.list(PARENT)] == [good["name"]]
    assert "4 of 9 items are no objects and were left out" in caplog.text
    assert caplog.text.count("is no operation and was left out") == 4


def test_a_store_without_a_name_is_left_out_with_a_word(caplog: pytest.LogCaptureFixture) -> None:
    stores = [{}, {"name": 5}, {"name": "a/b c"}, {"name": f"{PARENT}/fhirStores/good"}, 7]
    transport = Pages(lambda number: {"fhirStores": stores} if number == 1 else {})
    with pytest.warns(lro.LroWarning, match="store 'a/b c' was left out"):
        found = list(lists(transport)["ds.stores"]())
    assert [store.id for store in found][-1] == "good"  # type: ignore[attr-defined]  # a Store
    assert "1 of 5 items are no objects and were left out" in caplog.text


@pytest.mark.parametrize(
    "metrics", [5, "x", [5], [{}], [{"resourceType": "../x", "count": 0}], [{"count": "x"}]]
)
def test_odd_metrics_of_a_store_name_no_tables(metrics: Any) -> None:
    transport = Pages(lambda _: {"metrics": metrics})
    assert FhirStore(Session(ENDPOINT, transport=transport), f"{PARENT}/fhirStores/s").shards() == []


@pytest.mark.parametrize(
    "answer",
    [{"name": f"{PARENT}/operations/other"}, {"kind": "x"}, {}, {"name": 5}, {"name": NAME, "done": "yes"}],
)
def test_an_answer_about_another_operation_or_none_is_no_answer(answer: dict[str, Any]) -> None:
    transport = Pages(lambda _: answer)
    with lro.Client(ENDPOINT, transport=transport) as client, pytest.raises(ApiError, match="the answer is"):
        client.get(NAME)


def test_the_number_of_a_project_may_stand_for_its_id() -> None:
    numbered = NAME.replace("projects/p/", "projects/123456/")
    with lro.Client(ENDPOINT, transport=Pages(lambda _: operation(name=numbered))) as client:
        assert client.get(NAME).name == numbered


@pytest.mark.parametrize("more", [{}, {"dataDir": 5, "buckets": "x"}, {"dataDir": "x"}])
def test_a_service_that_only_calls_itself_local_is_none(more: dict[str, Any]) -> None:
    transport = Pages(lambda _: {"service": "lro-notebook-local", **more})
    assert ask_local(Session(ENDPOINT, transport=transport)) is None


@pytest.mark.parametrize("answer", [[5, {"a": 1}, None], {"items": [{"a": 1}]}])
def test_a_dicomweb_answer_holds_objects_only(answer: Any) -> None:
    with lro.Client(ENDPOINT, transport=Pages(lambda _: answer)) as client:
        assert Dataset(client, PARENT).dicom_store("s").studies() == [{"a": 1}]


def test_a_dicomweb_answer_that_is_no_list_is_an_error() -> None:
    transport = Pages(lambda _: {"items": 5})
    with lro.Client(ENDPOINT, transport=transport) as client, pytest.raises(UnusableAnswer):
        Dataset(client, PARENT).dicom_store("s").studies()


@pytest.mark.parametrize("field", ["pageSize", "_count"])
def test_pages_that_are_too_large_are_asked_for_again_in_smaller_ones(field: str) -> None:
    sizes = []

    def answer(request: httpx.Request) -> httpx.Response:
        size = int(request.url.params[field])
        sizes.append(size)
        resource = {"resourceType": "Patient", "name": "m", "text": "x" * 1000}
        items = {"hl7V2Messages": [resource] * size, "entry": [{"resource": resource}] * size}
        return httpx.Response(200, content=json.dumps(items).encode())

    rest = Session(ENDPOINT, transport=httpx.MockTransport(answer), max_answer=500_000)
    messages = Hl7v2Store(rest, f"{PARENT}/hl7V2Stores/s")
    if field == "pageSize":
        batches = list(messages.batches(messages.shards(), Options(), lambda _: None))
    else:
        store = FhirStore(rest, f"{PARENT}/fhirStores/s")
        batches = list(store.batches([_patients()], Options(), lambda _: None))
    assert sizes == [1000, 100]
    assert len(batches) == 1
