"""Bodies as proto JSON: what is refused, in Google's words, and the one form of the rest."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lro_notebook.local.discovery import masks, parameters, request_bodies
from lro_notebook.local.discovery.document import document
from lro_notebook.local.discovery.violations import error_of

V1 = document("v1")
_TYPES = "type.googleapis.com/google.cloud.healthcare.v1"


def said(schema: str, body: dict[str, Any]) -> list[str]:
    return [violation.description for violation in request_bodies.read(V1, schema, body).violations]


@pytest.mark.parametrize(
    ("schema", "body", "description"),
    [
        (
            "FhirStore",
            {"enableUpdateCrate": True},
            (
                "Invalid JSON payload received. Unknown name \"enableUpdateCrate\" at 'fhir_store': Cannot "
                "find field."
            ),
        ),
        (
            "FhirStore",
            {"notificationConfigs": [{"x": 1}]},
            (
                "Invalid JSON payload received. Unknown name \"x\" at 'fhir_store.notification_configs[0]': "
                "Cannot find field."
            ),
        ),
        (
            "ImportResourcesRequest",
            {"gcs": {}},
            'Invalid JSON payload received. Unknown name "gcs": Cannot find field.',
        ),
        (
            "ImportResourcesRequest",
            {"gcsSource": {"uri": "gs://b/o"}, "gcs_source": {"uri": "gs://b/p"}},
            (
                'Invalid JSON payload received. Unknown name "gcs_source": The field is there twice, in two '
                "spellings."
            ),
        ),
        (
            "FhirStore",
            {"enableUpdateCreate": "yes"},
            "Invalid value at 'fhir_store.enable_update_create' (TYPE_BOOL), \"yes\"",
        ),
        (
            "FhirStore",
            {"version": "R9"},
            f"Invalid value at 'fhir_store.version' ({_TYPES}.FhirStore.Version), \"R9\"",
        ),
        (
            "FhirStore",
            {"version": ["R4"]},
            (
                "Invalid JSON payload received. Unknown name \"version\" at 'fhir_store': Proto field is not "
                "repeating, cannot start list."
            ),
        ),
        (
            "FhirStore",
            {"version": {}},
            "Invalid value at 'fhir_store' (version), Starting an object on a scalar field",
        ),
        (
            "FhirStore",
            {"consentConfig": 1},
            f"Invalid value at 'fhir_store.consent_config' ({_TYPES}.ConsentConfig)",
        ),
        ("Dataset", {"timeZone": 1}, "Invalid value at 'dataset.time_zone' (TYPE_STRING)"),
        ("FhirStore", {"labels": {"a": 1}}, "Invalid value at 'fhir_store.labels[0].value' (TYPE_STRING)"),
        ("FhirStore", {"labels": "a"}, "Invalid value at 'fhir_store.labels' (Map), Expected an object"),
        (
            "RollbackFhirResourcesRequest",
            {"rollbackTime": "yesterday"},
            (
                "Invalid value at 'rollback_time' (type.googleapis.com/google.protobuf.Timestamp), Field "
                "'rollbackTime', Illegal timestamp format; timestamps must end with 'Z' or have a valid "
                "timezone offset."
            ),
        ),
        (
            "Consent",
            {"ttl": "1h"},
            (
                "Invalid value at 'consent.ttl' (type.googleapis.com/google.protobuf.Duration), Field 'ttl', "
                "Illegal duration format; duration must end with 's'"
            ),
        ),
        (
            "CreateMessageRequest",
            {"message": {"data": "!"}},
            "Invalid value at 'message.data' (TYPE_BYTES), Base64 decoding failed",
        ),
        (
            "SchemaConfig",
            {"recursiveStructureDepth": "two"},
            "Invalid value at 'schema_config.recursive_structure_depth' (TYPE_INT64), \"two\"",
        ),
    ],
)
def test_a_wrong_body_is_refused_in_googles_words(
    schema: str, body: dict[str, Any], description: str
) -> None:
    assert said(schema, body) == [description]


@pytest.mark.parametrize(
    ("schema", "body", "form"),
    [
        ("FhirStore", {"enable_update_create": True}, {"enableUpdateCreate": True}),
        ("FhirStore", {"labels": None, "version": 3}, {"version": "R4"}),
        ("FhirStore", {"name": "n", "version": "R4"}, {"version": "R4"}),
        ("SchemaConfig", {"recursiveStructureDepth": 2}, {"recursiveStructureDepth": "2"}),
        ("SchemaConfig", {"recursive_structure_depth": "2"}, {"recursiveStructureDepth": "2"}),
        ("SchemaConfig", {"recursiveStructureDepth": 2.0}, {"recursiveStructureDepth": "2"}),
        ("Consent", {"ttl": "1.5s", "expireTime": "2026-01-01T00:00:00.5+01:00"}, None),
        ("CreateMessageRequest", {"message": {"data": "_-8"}}, {"message": {"data": "/+8="}}),
        ("ExportResourcesRequest", {"_type": "Patient"}, None),
        ("Consent", {"metadata": {"snake_case": "kept"}}, None),
        ("Hl7V2NotificationConfig", {}, None),
        ("AttributeDefinition", {"allowedValues": "one"}, {"allowedValues": ["one"]}),
    ],
)
def test_a_right_body_has_one_form(schema: str, body: dict[str, Any], form: dict[str, Any] | None) -> None:
    read = request_bodies.read(V1, schema, body)
    assert read.violations == []
    assert read.message == (body if form is None else form)


def test_required_fields_are_found_below_what_is_there() -> None:
    body = {"consentConfig": {}, "version": "VERSION_UNSPECIFIED"}
    read = request_bodies.read(V1, "FhirStore", body)
    assert sorted(read.missing) == ["fhir_store.consent_config.version", "fhir_store.version"]
    assert masks.within(read.missing, [("consentConfig",)], "fhir_store") == [
        "fhir_store.consent_config.version"
    ]
    assert masks.within(read.missing, [("consentConfig", "accessEnforced")], "fhir_store") == []


def test_an_error_lists_every_violation_up_to_fifty() -> None:
    body = dict.fromkeys((f"x{n}" for n in range(1000)), 1)
    error = error_of(request_bodies.read(V1, "FhirStore", body).violations)
    (details,) = error.details
    assert details["@type"] == "type.googleapis.com/google.rpc.BadRequest"
    assert len(details["fieldViolations"]) == 50
    assert error.message.count("\n") == 49
    assert details["fieldViolations"][0]["field"] == "fhir_store"


@pytest.mark.parametrize("value", ["SECRET", "SECRET" * 50, 5, 5.5, True])
def test_a_value_of_text_or_bytes_is_never_repeated(value: object) -> None:
    body = {"message": {"data": value, "labels": {"a": {"SECRET": 1}}, "name": ["SECRET"]}}
    assert "SECRET" not in "".join(said("CreateMessageRequest", body))


def test_masks_take_both_spellings_and_refuse_what_cannot_change() -> None:
    mask = masks.read(V1, "FhirStore", "enable_update_create,labels, consentConfig.access_enforced")
    assert mask.text == "enableUpdateCreate,labels,consentConfig.accessEnforced"
    assert masks.paths_of(mask.text) == mask.paths
    wrong = ["version", "name", "disableReferentialIntegrity", "nope", "", "labels.a", "version.x", "*"]
    for text in wrong:
        (violation,) = masks.read(V1, "FhirStore", text).violations
        assert violation.field == "update_mask"
        assert text in violation.description
    assert len(masks.read(V1, "FhirStore", ",".join(wrong)).violations) == len(wrong)
    assert "immutable" in masks.read(V1, "Hl7V2Store", "parserConfig.version").violations[0].description


_NAMES = st.sampled_from("abc")
_PATHS = st.lists(st.lists(_NAMES, min_size=1, max_size=3).map(tuple), max_size=3)
_VALUES = st.recursive(st.integers(), lambda inner: st.dictionaries(_NAMES, inner, max_size=3), max_leaves=8)
_OBJECTS = st.dictionaries(
    _NAMES, st.dictionaries(_NAMES, st.dictionaries(_NAMES, st.integers())), max_size=3
)


def at(value: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


@settings(max_examples=100, derandomize=True, database=None, deadline=None)
@given(_OBJECTS, _OBJECTS, st.lists(_NAMES, min_size=1, max_size=3).map(tuple))
def test_a_mask_changes_what_it_names_and_nothing_else(
    resource: dict[str, Any], body: dict[str, Any], path: tuple[str, ...]
) -> None:
    changed = masks.apply(resource, body, [path])
    assert at(changed, path) == at(body, path)
    for other in "abc":
        if other != path[0]:
            assert changed.get(other) == resource.get(other)
        for inner in "abc":
            if path[:2] != (other, inner)[: len(path)]:
                assert at(changed, (other, inner)) == at(resource, (other, inner))


def query(method: str, *pairs: tuple[str, str]) -> parameters.Read:
    return parameters.read(V1, V1.methods[f"locations.datasets.{method}"], pairs)


def test_queries_take_both_spellings_and_refuse_the_rest() -> None:
    read = query("fhirStores.create", ("fhir_store_id", "s"), ("$alt", "json"), ("fields", "name"))
    assert (read.pairs, read.system, read.violations) == (
        [("fhirStoreId", "s")],
        {"alt": "json", "fields": "name"},
        [],
    )
    (unknown,) = query("list", ("filter", "x")).violations
    assert unknown.description == (
        "Invalid JSON payload received. Unknown name \"filter\": Cannot bind query parameter. Field 'filter' "
        "could not be found in request message."
    )
    (number,) = query("list", ("page_size", "many")).violations
    assert number.description == "Invalid value at 'page_size' (TYPE_INT32), \"many\""
    assert len(query("hl7V2Stores.messages.get", ("view", "HALF")).violations) == 1
    assert len(query("operations.list", ("returnPartialSuccess", "yes")).violations) == 1
    assert query("operations.list", ("returnPartialSuccess", "true")).violations == []
    assert len(query("list", ("alt", "xml")).violations) == 1
    (absent,) = query("patch").violations
    assert "update_mask" in absent.description


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*V1.fields("FhirStore"), "x", "version", "labels"]), inner, max_size=4
        )
    ),
    max_leaves=10,
)


@settings(max_examples=100, derandomize=True, database=None, deadline=None)
@given(st.dictionaries(st.sampled_from([*V1.fields("FhirStore"), "x"]), _JSON, max_size=5))
def test_what_was_read_reads_as_itself(body: dict[str, Any]) -> None:
    read = request_bodies.read(V1, "FhirStore", body)
    if not read.violations:
        again = request_bodies.read(V1, "FhirStore", read.message)
        assert again == read


@given(st.binary(max_size=20))
@settings(max_examples=50, derandomize=True, database=None, deadline=None)
def test_bytes_are_kept_whatever_their_alphabet(data: bytes) -> None:
    standard = base64.b64encode(data).decode()
    for text in (standard, base64.urlsafe_b64encode(data).decode(), standard.rstrip("=")):
        read = request_bodies.read(V1, "CreateMessageRequest", {"message": {"data": text}})
        assert read.message["message"]["data"] == standard
