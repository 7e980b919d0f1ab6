"""`since=` as people write it, `"last"` by the journal, and exports that start while an import runs."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

import lro_notebook as lro
from lro_notebook import local
from lro_notebook.healthcare.since_last_export import last_success, since_text
from lro_notebook.operations.resource import parse_timestamp

if TYPE_CHECKING:
    from pathlib import Path

    from lro_notebook.testing import LroService

NOW = datetime(2026, 11, 29, 8, 0, tzinfo=UTC)


def nothing() -> None:
    raise AssertionError


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (None, None),
        ("2026-11-01T06:00:00.5+02:00", "2026-11-01T06:00:00.5+02:00"),
        ("2026-11-01", "2026-11-01T00:00:00Z"),
        (date(2026, 11, 1), "2026-11-01T00:00:00Z"),
        (datetime(2026, 11, 1, 6, tzinfo=timezone(timedelta(hours=2))), "2026-11-01T04:00:00Z"),
        (timedelta(days=1), "2026-11-28T08:00:00Z"),
        (timedelta(minutes=1, microseconds=1), "2026-11-29T07:58:59.999999Z"),
    ],
)
def test_what_since_takes(given: Any, sent: str | None) -> None:
    text = since_text(given, nothing, now=NOW)
    assert (text and parse_timestamp(text)) == (sent and parse_timestamp(sent))
    assert text is None or "T" in text


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("yesterday", "'last'"),
        ("2026-13-01", "no date"),
        ("2026-11-01T06:00:00", "RFC 3339"),
        (datetime(2026, 11, 1), "no time zone"),  # noqa: DTZ001 - that is what is refused
        (timedelta(0), "positive"),
        (timedelta(days=-1), "positive"),
        (timedelta(days=999_999), "no time"),
        (1_700_000_000, "int is no time"),
    ],
)
def test_what_since_does_not_take_is_refused(given: Any, told: str) -> None:
    with pytest.raises(lro.ConfigError, match=told):
        since_text(given, nothing, now=NOW)


pytestmark = pytest.mark.service


def put(folder: Path, name: str, *resources: dict[str, Any]) -> str:
    path = local.ensure(folder).buckets / "demo-out" / name
    path.write_text("".join(json.dumps(each) + "\n" for each in resources))
    return f"gs://demo-out/{name}"


def resource(kind: str, identifier: str) -> dict[str, Any]:
    return {"resourceType": kind, "id": identifier}


def store_with(dataset: lro.Dataset, folder: Path, name: str) -> lro.FhirStore:
    store = dataset.fhir_store(name).create()
    first = put(folder, f"{name}.ndjson", resource("Patient", "p1"), resource("Observation", "o1"))
    store.import_from(first).result(60)
    return store


def test_the_first_export_since_the_last_has_everything_and_says_so(
    dataset: lro.Dataset, service: Path
) -> None:
    store = store_with(dataset, service, "since-first")
    with pytest.warns(lro.LroWarning, match="no export of .*since-first yet that went well"):
        op = store.export_to("gs://demo-out/since-first", since="last")
    assert len(op.load().arrow("Patient")) == 1
    assert op.record is not None
    assert op.record.since is None


def test_since_the_last_is_since_the_service_took_it(dataset: lro.Dataset, service: Path) -> None:
    store = store_with(dataset, service, "since-last")
    before = store.export_to("gs://demo-out/since-last").wait(60)
    store.import_from(put(service, "more.ndjson", resource("Patient", "p2"))).result(60)
    op = store.export_to("gs://demo-out/since-last", since="last")
    assert op.record is not None
    assert parse_timestamp(op.record.since) == before.progress.created
    assert op.load().arrow("Patient")["id"].to_pylist() == ["p2"]


def test_a_last_export_that_failed_or_had_other_types_does_not_count(
    dataset: lro.Dataset, service: Path
) -> None:
    store = store_with(dataset, service, "since-types")
    whole = store.export_to("gs://demo-out/since-types").wait(60)
    patients = store.export_to("gs://demo-out/since-types", types="Patient").wait(60)
    assert store.export_to("gs://no-such-bucket/x").exception(60) is not None
    created = {"Patient": patients.progress.created, None: whole.progress.created}
    for types, moment in created.items():
        op = store.export_to("gs://demo-out/since-types", types=types, since="last").wait(60)
        assert op.record is not None
        assert parse_timestamp(op.record.since) == moment
    assert created["Patient"] > created[None]  # type: ignore[operator]


def test_an_export_whose_record_is_gone_counts_by_this_machines_clock(
    dataset: lro.Dataset, service: Path
) -> None:
    store = store_with(dataset, service, "since-gone")
    before = store.export_to("gs://demo-out/since-gone").wait(60)
    assert before.record is not None

    def gone(name: str) -> lro.Operation:
        raise lro.ApiError("gone", status=404, code=lro.Code.NOT_FOUND, url=name)

    moment = last_success(dataset.client, store.name, "fhirStores.export", (), gone)
    assert moment is not None
    assert abs(before.record.requested - timedelta(minutes=10) - moment) < timedelta(milliseconds=1)


def test_an_export_in_which_resources_failed_does_not_count(lro_service: LroService) -> None:
    store = lro_service.connect().fhir_store("since-partly").create()
    lro_service.bucket("input").joinpath("p.ndjson").write_text(
        "".join(json.dumps(resource("Patient", f"p{number}")) + "\n" for number in range(5))
    )
    store.import_from("gs://input/p.ndjson").result(60)
    whole = store.export_to("gs://demo-out/x").wait(60)
    lro_service.fail_units("fhirStores.export", 2, "INTERNAL", "no")
    with pytest.warns(lro.PartialFailureWarning):
        store.export_to("gs://demo-out/x").wait(60)
    op = store.export_to("gs://demo-out/x", since="last").wait(60)
    assert op.record is not None
    assert parse_timestamp(op.record.since) == whole.progress.created


def test_a_bulk_export_since_the_last(dataset: lro.Dataset, service: Path) -> None:
    store = dataset.fhir_store("since-bulk").create(bulk_export_uri="gs://demo-out/since-bulk")
    store.import_from(put(service, "bulk.ndjson", resource("Patient", "p1"))).result(60)
    before = store.bulk_export().result(60)
    op = store.bulk_export(since="last")
    assert op.record is not None
    assert parse_timestamp(op.record.since) == parse_timestamp(before["transactionTime"])
    op.wait(60)


def test_an_export_that_starts_while_an_import_runs_is_warned_of(dataset: lro.Dataset, service: Path) -> None:
    store = dataset.fhir_store("since-running").create()
    local.set_pace(20, service)
    try:
        running = store.import_from("gs://lro-sample/fhir/*.ndjson")
        identifier = running.id
        with pytest.warns(lro.LroWarning, match=f"import {identifier} into .*since-running still runs"):
            early = store.export_to("gs://demo-out/since-running")
        early.cancel()
        running.cancel()
    finally:
        local.set_pace(None, service)
    running.wait(60)
    store.export_to("gs://demo-out/since-running").wait(60)


def test_the_import_of_another_store_is_none_of_an_exports(dataset: lro.Dataset, service: Path) -> None:
    one, other = store_with(dataset, service, "since-one"), dataset.fhir_store("since-other").create()
    local.set_pace(20, service)
    try:
        running = other.import_from("gs://lro-sample/fhir/*.ndjson")
        one.export_to("gs://demo-out/since-one")
        running.cancel()
    finally:
        local.set_pace(None, service)
    running.wait(60)
