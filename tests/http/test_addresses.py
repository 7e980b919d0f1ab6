"""What goes over the wire is what was asked for: for every helper, and ids of every kind."""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import httpx
import pytest
from fakes import Scripted, ok, operation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wire import EVIL, PLAIN, At, Row, attempt, went_astray
from wire_table import BESIDE, TABLE, WITHOUT

import lro_notebook as lro
from lro_notebook import Client, ConfigError
from lro_notebook.http import addresses
from lro_notebook.http.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "projects/p/locations/l/datasets/d"
#: What leads nowhere else in a full name, which may have more parts.
HARMLESS_IN_NAMES = ("a/b", "@evil.example")
BASED = Session("https://api.example.com/base/v2")
ROWS = pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)


@pytest.fixture
def at() -> Iterator[At]:
    at = At()
    yield at
    at.client.close()


def test_every_public_helper_has_a_row() -> None:
    kinds = (lro.Client, lro.Dataset, lro.FhirStore, lro.DicomStore, lro.Hl7v2Store, lro.ConsentStore)
    public = {
        f"{kind.__name__}.{name}"
        for kind in kinds
        for name, value in inspect.getmembers(kind)
        if name[0] != "_" and callable(value) and name not in WITHOUT.get(kind.__name__, ())
    }
    rows = {row.name.partition(" ")[0] for row in TABLE} - {"watch"}
    assert rows == public


@ROWS
def test_a_helper_asks_for_what_it_was_given(at: At, row: Row) -> None:
    sent, refused = attempt(at, row, PLAIN)
    assert not refused
    assert sent == row.expected(PLAIN)


@ROWS
def test_an_evil_id_is_refused_before_anything_is_sent(at: At, row: Row) -> None:
    takes_names = row.name.startswith(("Client.", "watch"))
    for kind in dict.fromkeys([*row.ids, *BESIDE.get(row.name, ())]):
        for evil in EVIL:
            ids = {**PLAIN, kind: evil}
            if takes_names and evil in HARMLESS_IN_NAMES:
                assert went_astray(at, row, ids) == "", (kind, evil)
            else:
                assert attempt(at, row, ids) == ([], True), (kind, evil)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(row=st.sampled_from(TABLE), data=st.data())
def test_any_text_as_an_id_goes_where_it_says_or_nowhere(at: At, row: Row, data: st.DataObject) -> None:
    odd = st.text(max_size=12) | st.text(alphabet="./\\?#%:;@ a2eEfF\u2025\uff0e\x00", max_size=6)
    ids = {**PLAIN, **data.draw(st.fixed_dictionaries({}, optional=dict.fromkeys(row.ids, odd)))}
    assert went_astray(at, row, ids) == ""


@settings(max_examples=300, deadline=None)
@given(path=st.text(max_size=30) | st.text(alphabet="./\\?#%:;@ v1ae2", max_size=12))
def test_any_path_becomes_that_address_or_none(path: str) -> None:
    try:
        url = BASED.url(path)
    except ConfigError:
        return
    bare = path.removeprefix("/")
    assert url.path in (f"/base/v2/{bare}", f"/base/{bare}")
    assert (url.host, url.query, url.fragment, url.userinfo) == ("api.example.com", b"", "", b"")


@pytest.mark.parametrize("evil", [path for path in EVIL if path not in ("@evil.example", "a" * 1025)])
def test_the_last_line_of_defence_sends_nothing_either(evil: str) -> None:
    transport = Scripted(ok({}))
    rest = Session("https://api.example.com", transport=transport)
    for path in (f"projects/p/{evil}", f"{evil}/projects/p", f"projects/{evil}/x"):
        if not set("/") >= set(evil) and path != "projects/p/a/b" and "a/b" not in path and "s?x" not in path:
            with pytest.raises(ConfigError):
                rest.call("DELETE", path, role="read")
    assert transport.requests == []


def test_what_the_http_library_folds_is_seen_even_if_the_grammar_let_it_pass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(addresses, "checked", lambda path, **_: path)
    rest = Session("https://api.example.com")
    for path in ("a/../b", "a/./b", "..", "a?b=c", "a#b", "a%2e%2e/b", "a%2Fb"):
        with pytest.raises(ConfigError, match="another address"):
            rest.url(path)
    assert rest.url("größe/b").raw_path == b"/v1/gr%C3%B6%C3%9Fe/b"


@pytest.mark.parametrize(
    ("path", "version", "sent"),
    [
        ("v0", "v1", "/v1/v0"),
        ("v2/a", "v2", "/v2/a"),
        ("compute/v1", "v1", "/v1/compute/v1"),
        ("compute/v2/a", "v2", "/compute/v2/a"),
    ],
)
def test_a_version_is_what_something_follows(path: str, version: str, sent: str) -> None:
    rest = Session("https://api.example.com")
    assert (rest.version_of(path), rest.url(path).path) == (version, sent)


@pytest.mark.parametrize(
    "name",
    [
        "operations/123",
        "7612202767953098924",
        "v1beta1/projects/p/locations/l/operations/1",
        "projects/p/instances/i/databases/d/operations/_auto_op_1",
        "projects/example.com:p/databases/(default)/operations/ASA1",
        "operations/build/my-project/NjQ2YTY4ZDA=",
        "operations/rollouts.echo.endpoints.p.cloud.goog:8c0b-1",
        "organizations/1/locations/global/operations/operation-1-2-3",
        "projects/p/locations/-/operations/x",
        "projects/-/serviceAccounts/a@p.iam.gserviceaccount.com/operations/1",
        "v1/models/größe/operations/1",
    ],
)
def test_names_of_all_apis_pass_as_they_are(name: str) -> None:
    transport = Scripted(ok(operation(done=True, name=name)))
    client = Client("https://api.example.com", transport=transport)
    assert client.get(name).name == name
    versioned = name.startswith("v1")
    assert transport.requests[0].url.path == (f"/{name}" if versioned else f"/v1/{name}")


@pytest.mark.parametrize(
    "name",
    [
        "projects/my-project/locations/us-central1/datasets/my-dataset",
        "projects/example.com:my-project/locations/us-central1/datasets/d.1",
        "projects/123456/locations/us/datasets/_größe-1",
        "projects/p/locations/l/datasets/" + "d" * 256,
    ],
)
def test_every_name_that_the_api_allows_is_a_dataset(name: str) -> None:
    assert lro.connect(name).name == name


@pytest.mark.parametrize("kind", list(addresses.GRAMMARS))
def test_ids_have_a_shortest_and_a_longest(kind: str) -> None:
    with pytest.raises(ConfigError, match=kind):
        addresses.segment("", kind)
    with pytest.raises(ConfigError, match="…"):
        addresses.segment("A" * 10_000, kind)
    with pytest.raises(ConfigError, match="int"):
        addresses.segment(7, kind)
    for dots in (".", "..", "....", "1..2" if kind == "study" else "/"):
        assert not addresses.GRAMMARS[kind].allows(dots)


def test_the_longest_ids_are_those_of_the_api() -> None:
    longest = {"store": 256, "dataset": 256, "group": 64, "study": 64, "attribute definition": 256}
    for kind, length in longest.items():
        fill = "1" if kind == "study" else "a"
        assert addresses.GRAMMARS[kind].allows(fill * length)
        assert not addresses.GRAMMARS[kind].allows(fill * (length + 1))


@pytest.mark.parametrize(
    "name",
    [f"{NAME}?", f"{NAME}#", f"{NAME}2?x=1", f"{NAME}/..", f"{NAME}/", f"{NAME}%2f", f" {NAME}", f"{NAME}\n"],
)
def test_connect_refuses_what_is_no_name_before_anything_starts(name: str, state_dir: Path) -> None:
    with pytest.raises(ConfigError, match="full name"):
        lro.connect(name)
    with pytest.raises(ConfigError, match="full name"):
        lro.connect(name.replace("projects/p/", "projects/local/"))
    assert not state_dir.exists()


def test_a_name_of_another_parent_is_not_taken_for_an_id(at: At) -> None:
    other = NAME.replace("datasets/d", "datasets/other")
    for call in (
        lambda: at.dataset.operation(f"{other}/operations/1"),
        lambda: at.dataset.operation("/1"),
        lambda: at.hl7.message(f"{other}/hl7V2Stores/s/messages/m"),
        lambda: at.fhir.bulk_export_operation(f"{other}/fhirStores/s/operations/1"),
        lambda: at.fhir.deidentify(f"{NAME}/dicomStores/s", config={}),
        lambda: at.fhir.deidentify(f"{NAME}/fhirStores/..", config={}),
        lambda: at.dataset.deidentify(f"{NAME}/../x", config={}),
        lambda: at.fhir.apply_admin_consents(["Consent/../_history/1"]),
        lambda: at.fhir.apply_admin_consents(["Consent/c"]),
        lambda: at.fhir.apply_admin_consents([f"{NAME}/../x/fhir/Consent/c/_history/1"]),
        lambda: at.dicom.instances(series="1.2"),
        lambda: at.dicom.metadata(study="1.2", instance="3"),
    ):
        with pytest.raises(ConfigError):
            call()
    assert at.wire.requests == []


def test_admin_consents_are_named_in_full(at: At) -> None:
    full = f"{NAME}/fhirStores/other/fhir/Consent/b/_history/2"
    at.fhir.apply_admin_consents(["Consent/a-1/_history/MTY", full])
    names = json.loads(at.wire.requests[0].content)["newConsentsList"]["names"]
    assert names == [f"{NAME}/fhirStores/s/fhir/Consent/a-1/_history/MTY", full]


@pytest.mark.parametrize(
    "name",
    [
        NAME,
        f"{NAME}/fhirStores/s",
        "projects/p",
        f"{NAME}/operations",
        "projects/p/locations/l/datasets/operations",
        "projects/p/locations/l/datasets/operations/fhirStores/s",
        "v1/projects/p/locations/l/datasets/operations/fhirStores/s",
        "projects/operations/locations/l/datasets/d",
        "v1/projects",
    ],
)
def test_only_records_of_operations_are_deleted_by_a_client(at: At, name: str) -> None:
    with pytest.raises(ConfigError, match="no operation"):
        at.client.delete(name)
    assert at.wire.requests == []


@pytest.mark.parametrize(
    "name",
    [
        f"{NAME}/operations/1",
        "v1/projects/p/operations/1",
        "operations/1",
        "operations/a/1",
        "v1/operations/a/1",
    ],
)
def test_records_of_operations_are_deleted(at: At, name: str) -> None:
    at.client.delete(name)
    assert [request.method for request in at.wire.requests] == ["DELETE"]


def test_a_simple_query_in_the_path_of_a_start_is_a_query_and_any_other_is_refused(at: At) -> None:
    at.client.start("POST", f"{NAME}/fhirStores?fhirStoreId=a.b&x=", {}, show=False)
    (request,) = at.wire.requests
    assert request.url.path == f"/v1/{NAME}/fhirStores"
    assert parse_qsl(request.url.query.decode(), keep_blank_values=True) == [
        ("fhirStoreId", "a.b"),
        ("x", ""),
    ]
    for query in (
        "?",
        "?a",
        "?a=b/c",
        "?/fhirStores/s:export",
        "?a=b#c",
        "?a=b%26c",
        "?a=b:export",
        "?=b",
        "?a=b c",
    ):
        with pytest.raises(ConfigError, match=r"params|asked for"):
            at.client.start("POST", f"{NAME}2{query}", {}, show=False)
    assert len(at.wire.requests) == 1


@given(name=st.text(max_size=20), value=st.text(max_size=20))
@settings(deadline=None)
def test_a_value_of_a_query_cannot_break_out(name: str, value: str) -> None:
    transport = Scripted(ok({}))
    try:
        Session("https://api.example.com", transport=transport).call(
            "GET", "x", role="read", params={name: value}
        )
    except UnicodeEncodeError:  # half a surrogate pair: no wire carries it
        assert transport.requests == []
        return
    url = transport.requests[0].url
    assert (url.host, url.path, url.fragment) == ("api.example.com", "/v1/x", "")
    assert parse_qsl(url.query.decode(), keep_blank_values=True) == [(name, value)]


EVIL_NAMES = [
    f"{NAME}/operations/..",
    "../x",
    f"{NAME}?/operations/1",
    f"{NAME}/operations/1#",
    "operations/%2e%2e",
    "https://evil.example/operations/1",
]


@pytest.mark.parametrize("name", EVIL_NAMES)
def test_a_name_that_a_service_gives_leads_nowhere_else(name: str) -> None:
    evil: dict[str, Any] = operation(name=name)
    transport = Scripted(ok(evil))
    client = Client("https://api.example.com", transport=transport)
    same_id = name.endswith(
        "/1"
    )  # else it is refused before that, as another operation than the one asked for
    refusal = (ConfigError, "would not be asked for") if same_id else (lro.ApiError, "another operation")
    for act in (client.get, client.cancel):
        with pytest.raises(refusal[0], match=refusal[1]):
            act("operations/1")
    assert {sent[:4] for sent in transport.sent} == {"GET "}
    with pytest.raises(lro.StartUnknown):
        client.start("POST", "x:go", {}, show=False)
    transport.requests.clear()
    with pytest.raises(ConfigError):
        lro.watch(evil, client=client)
    assert transport.requests == []


@pytest.mark.parametrize("name", EVIL_NAMES)
def test_one_evil_name_in_a_list_costs_itself_alone(name: str) -> None:
    good = operation(name="operations/1", done=True)
    transport = Scripted(ok({"operations": [operation(name=name), good]}))
    client = Client("https://api.example.com", transport=transport)
    evil, fine = client.list("")
    assert (evil.name, fine.state) == (name, "SUCCEEDED")
    for act in (evil.refresh, evil.cancel):
        with pytest.raises(ConfigError):
            act()
    assert transport.sent == ["GET /v1/operations"]
    with pytest.raises(ConfigError):
        evil.result(timeout=20)
    client.close()


def test_a_store_that_no_address_can_be_made_of_is_told_and_costs_itself_alone() -> None:
    stores = [{"name": f"{NAME}/dicomStores/{name}"} for name in ("a b", "fine", "..")]
    transport = Scripted(ok({}), ok({"dicomStores": stores}), ok({}))
    dataset = lro.Dataset(Client("https://api.example.com", transport=transport), NAME)
    with pytest.warns(lro.LroWarning, match="left out") as told:
        assert [store.id for store in dataset.stores()] == ["fine"]
    assert len(told) == 2


@pytest.mark.parametrize(
    "place", ["/operations/..", "/operations/9?x", "/operations/", "", "/operations/9/../8"]
)
def test_an_export_whose_address_is_none_counts_as_lost(place: str) -> None:
    store = f"{NAME}/fhirStores/s"
    transport = Scripted(
        ok({"bulkExportGcsDestination": {"uriPrefix": "gs://b/x"}}),
        httpx.Response(202, headers={"Content-Location": f"https://api.example.com/v1/{store}{place}"}),
    )
    dataset = lro.Dataset(Client("https://api.example.com", transport=transport), NAME)
    with pytest.raises(lro.StartUnknown, match="where to ask"):
        dataset.fhir_store("s").bulk_export(show=False)


@pytest.mark.parametrize("folder", ["file:///etc", "/etc", "http://internal/", "s3://b/x", "gs://"])
def test_a_folder_that_a_store_names_for_exports_is_in_cloud_storage(folder: str) -> None:
    transport = Scripted(ok({"bulkExportGcsDestination": {"uriPrefix": folder}}))
    dataset = lro.Dataset(Client("https://api.example.com", transport=transport), NAME)
    with pytest.raises(ConfigError, match="uriPrefix"):
        dataset.fhir_store("s").bulk_export(show=False)
    assert transport.sent == [f"GET /v1/{NAME}/fhirStores/s"]


@pytest.mark.parametrize("name", ["../d2", "x?y", "Patient/../../..", "a b", 7, None])
def test_a_type_that_a_store_names_and_is_none_costs_itself_alone(name: Any) -> None:
    from lro_notebook.results.sources.store import FhirStore

    metrics = [{"resourceType": each, "count": "1"} for each in (name, "Patient")]
    session = Session("https://api.example.com", transport=Scripted(ok({"metrics": metrics})))
    with pytest.warns(lro.LroWarning, match="left out"):
        shards = FhirStore(session, f"{NAME}/fhirStores/s").shards()
    assert [shard.path for shard in shards] == ["fhir/Patient"]
