"""HL7v2 stores over HTTP: messages one by one, import, export in every view, rollback, their lives."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.conftest import Program

pytestmark = pytest.mark.service

VIEWS = {
    "RAW_ONLY": {"data"},
    "PARSED_ONLY": {"parsedData"},
    "FULL": {"data", "parsedData"},
    "SCHEMATIZED_ONLY": set(),
}
COMMON = {"name", "sendFacility", "sendTime", "messageType", "createTime", "patientIds"}


def raw(number: int, *, kind: str = "ADT^A01", day: int = 1, facility: str = "NORTH") -> bytes:
    header = rf"MSH|^~\&|APP|{facility}|APP2|LAKE|202601{day:02}120000||{kind}|c{number}|T|2.5"
    return f"{header}\rPID|1||{number}^^^^MRN||Doe^Jane".encode()


def line(data: bytes, **labels: str) -> str:
    message: dict[str, Any] = {"data": base64.b64encode(data).decode()}
    return json.dumps({**message, "labels": labels} if labels else message)


def make(service: Program, name: str, **fields: Any) -> str:
    answer = service.client.post("hl7V2Stores", params={"hl7V2StoreId": name}, json=fields)
    assert answer.status_code == 200, answer.text
    return f"hl7V2Stores/{name}"


def take(service: Program, store: str, uri: str) -> dict[str, Any]:
    return service.ended(service.start(f"{store}:import", {"gcsSource": {"uri": uri}}))


def listed(service: Program, store: str, **query: Any) -> list[dict[str, Any]]:
    answer = service.client.get(f"{store}/messages", params=query).raise_for_status().json()
    found: list[dict[str, Any]] = answer.get("hl7V2Messages", [])
    return found


def written(service: Program, folder: str) -> list[dict[str, Any]]:
    """Return the messages that an export wrote, in their order."""
    (path,) = (service.buckets / "demo-out" / folder).iterdir()
    return [json.loads(text) for text in path.read_text().splitlines()]


def test_a_message_is_created_read_and_deleted(service: Program) -> None:
    store = make(service, "single", parserConfig={"version": "V2"})
    created = service.client.post(
        f"{store}/messages", json={"message": json.loads(line(raw(1), a="b"))}
    ).json()
    assert set(created) == {*COMMON, "data", "parsedData", "labels"}
    assert created["sendFacility"] == "NORTH"
    assert created["sendTime"] == "2026-01-01T12:00:00.000000Z"
    assert (created["messageType"], created["labels"]) == ("ADT", {"a": "b"})
    assert created["patientIds"] == [{"value": "1", "type": "MRN"}]
    assert created["parsedData"]["segments"][1]["fields"]["5.1"] == "Doe"
    path = created["name"].partition("datasets/demo/")[2]
    assert service.client.get(path).json() == created
    again = service.client.post(f"{store}/messages", json={"message": json.loads(line(raw(1)))}).json()
    assert again == created  # the same bytes are the same message
    labelled = service.client.patch(path, params={"updateMask": "labels"}, json={"labels": {"c": "d"}}).json()
    assert labelled["labels"] == {"a": "b", "c": "d"}
    assert service.client.delete(path).json() == {}
    gone = service.client.get(path)
    assert gone.status_code == 404
    assert "list them with" in gone.json()["error"]["message"]


def test_an_ingested_message_is_acknowledged(service: Program) -> None:
    store = make(service, "ingest")
    answer = service.client.post(
        f"{store}/messages:ingest", json={"message": json.loads(line(raw(7)))}
    ).json()
    header, acknowledged = base64.b64decode(answer["hl7Ack"]).decode().split("\r")[:2]
    assert header.split("|")[2:6] == ["APP2", "LAKE", "APP", "NORTH"]
    assert header.split("|")[8] == "ACK^ACK"
    assert acknowledged == "MSA|AA|c7"
    assert answer["message"]["messageType"] == "ADT"


def test_a_duplicate_is_acknowledged_as_before(service: Program) -> None:
    store = make(service, "again")
    body = {"message": json.loads(line(raw(7)))}
    first, second = (service.client.post(f"{store}/messages:ingest", json=body).json() for _ in range(2))
    assert first == second
    other = service.client.post(f"{store}/messages:ingest", json={"message": json.loads(line(raw(8)))}).json()
    assert other["hl7Ack"] != first["hl7Ack"]
    assert len(listed(service, store)) == 2


@pytest.mark.parametrize(
    ("data", "status", "segment"),
    [
        (raw(7), 409, "MSA|AR|c7|duplicate message"),
        (b"MSH|^", 400, "MSA|AE||the message cannot be read"),
        (b"Hello!", 400, "MSA|AE||the message cannot be read"),
    ],
)
def test_what_is_refused_gets_a_nack(service: Program, data: bytes, status: int, segment: str) -> None:
    store = make(service, f"nack-{len(data)}", rejectDuplicateMessage=True)
    body = {"message": json.loads(line(raw(7)))}
    service.client.post(f"{store}/messages:ingest", json=body).raise_for_status()
    refused = {"message": {"data": base64.b64encode(data).decode()}}
    answer = service.client.post(f"{store}/messages:ingest", json=refused)
    assert answer.status_code == status
    (detail,) = answer.json()["error"]["details"]
    assert detail["@type"].endswith("v1.hl7v2.IngestMessageErrorDetail")
    header, acknowledged = base64.b64decode(detail["hl7Nack"]).decode().split("\r")[:2]
    assert header.startswith("MSH|^~\\&|")
    assert acknowledged == segment
    created = service.client.post(f"{store}/messages", json=refused)
    assert "details" not in created.json()["error"]


def test_a_store_may_reject_duplicates(service: Program) -> None:
    store = make(service, "strict", rejectDuplicateMessage=True)
    body = {"message": json.loads(line(raw(1)))}
    service.client.post(f"{store}/messages", json=body).raise_for_status()
    assert service.client.post(f"{store}/messages", json=body).status_code == 409


@pytest.mark.parametrize(
    "message",
    [None, {}, {"data": "!"}, {"data": "SGVsbG8="}, {**json.loads(line(raw(1))), "labels": {"a": 1}}],
)
def test_what_is_no_message_is_refused(service: Program, message: object) -> None:
    service.client.post("hl7V2Stores", params={"hl7V2StoreId": "picky"}, json={})
    answer = service.client.post("hl7V2Stores/picky/messages", json={"message": message})
    assert answer.status_code == 400
    assert "message" in answer.json()["error"]["message"]
    assert "Hello" not in answer.text


@pytest.mark.parametrize(
    "config", [{"version": "V9"}, {"segmentTerminator": "?"}, {"schema": {"types": [{}]}}]
)
def test_a_parser_that_cannot_be_is_refused(service: Program, config: dict[str, Any]) -> None:
    answer = service.client.post(
        "hl7V2Stores", params={"hl7V2StoreId": "none"}, json={"parserConfig": config}
    )
    assert answer.status_code in (400, 501)
    assert re.search("parserConfig|parser_config", answer.json()["error"]["message"])
    assert service.client.get("hl7V2Stores/none").status_code == 404


def test_messages_are_listed_by_page_order_and_filter(service: Program) -> None:
    store = make(service, "listed")
    lines = [line(raw(n, day=20 - n, kind="ORU^R01" if n % 3 else "ADT^A01")) for n in range(1, 11)]
    assert take(service, store, service.put_lines("demo-out/listed.ndjson", lines))["metadata"][
        "counter"
    ] == {"success": "10"}
    assert all(set(message) == {"name"} for message in listed(service, store))
    names: list[str] = []
    query: dict[str, str | int] = {"orderBy": "send_time desc", "view": "RAW_ONLY", "pageSize": 4}
    while True:
        page = service.client.get(f"{store}/messages", params=query).json()
        names += [message["sendTime"] for message in page["hl7V2Messages"]]
        if "nextPageToken" not in page:
            break
        query["pageToken"] = page["nextPageToken"]
    assert len(names) == 10
    assert names == sorted(names, reverse=True)
    assert len(listed(service, store, filter='message_type = "ADT"')) == 3
    assert len(listed(service, store, filter='PatientId("4", "MRN")')) == 1
    for bad in ({"filter": "x"}, {"orderBy": "name"}, {"view": "ALL"}, {"pageToken": "?"}):
        assert service.client.get(f"{store}/messages", params=bad).status_code == 400


def test_an_import_counts_messages_and_says_what_it_could_not_read(service: Program) -> None:
    store = make(service, "mixed")
    uri = service.put_lines(
        "demo-out/mixed.ndjson",
        [line(raw(1)), "", "{", line(b"no message"), '{"data": 7}', line(raw(1), a="b"), line(raw(2))],
    )
    operation = service.start(f"{store}:import", {"gcsSource": {"uri": uri}})
    done = service.ended(operation)
    assert done["metadata"]["counter"] == {"success": "3", "failure": "3"}
    assert done["metadata"]["apiMethodName"] == "google.cloud.healthcare.v1.hl7v2.Hl7V2Service.ImportMessages"
    assert done["response"] == {
        "@type": "type.googleapis.com/google.cloud.healthcare.v1.hl7v2.ImportMessagesResponse"
    }
    failures = service.client.get(f"{operation}:failures").json()["failures"]
    assert [(item["source"], item["code"]) for item in failures] == [(f"{uri}:{n}", 3) for n in (3, 4, 5)]
    assert "does not begin with an MSH" in failures[1]["message"]
    assert "no message" not in failures[1]["message"]
    found = listed(service, store, view="FULL")
    assert len(found) == 2  # the same bytes are one message, with the labels that came last
    assert found[0]["labels"] == {"a": "b"}
    again = take(service, store, uri)
    assert again["metadata"]["counter"] == done["metadata"]["counter"]
    assert len(listed(service, store)) == 2


@pytest.mark.parametrize("view", VIEWS)
def test_an_export_writes_the_parts_that_its_view_names(service: Program, view: str) -> None:
    store = make(service, f"view-{view}")
    take(service, store, service.put_lines(f"demo-out/{view}.ndjson", [line(raw(2, day=5)), line(raw(1))]))
    body = {"gcsDestination": {"uriPrefix": f"gs://demo-out/view/{view}", "messageView": view}}
    done = service.ended(service.start(f"{store}:export", body))
    assert done["metadata"]["counter"] == {"success": "2"}
    assert done["response"]["@type"].endswith("v1.hl7v2.ExportMessagesResponse")
    messages = written(service, f"view/{view}")
    assert [set(message) for message in messages] == [COMMON | VIEWS[view]] * 2
    assert [message["sendTime"][:10] for message in messages] == ["2026-01-01", "2026-01-05"]
    names = [message["name"] for message in messages]
    assert [service.client.get(f"{service.endpoint}/v1/{name}").json()["name"] for name in names] == names


@pytest.mark.parametrize("hard", [False, True])
def test_a_store_with_a_schema_shows_messages_by_it(service: Program, *, hard: bool) -> None:
    members = [{"segment": {"type": kind, "minOccurs": 1, "maxOccurs": 1}} for kind in ("MSH", "PID")]
    schema = {
        "schemas": [{"messageSchemaConfigs": {"ADT_A01": {"name": "ADT_A01", "members": members}}}],
        "schematizedParsingType": "HARD_FAIL" if hard else "SOFT_FAIL",
    }
    store = make(service, f"schema-{hard}", parserConfig={"version": "V3", "schema": schema})
    lines = [line(raw(1)), line(raw(2, kind="ORU^R01"))]
    done = take(service, store, service.put_lines(f"demo-out/schema-{hard}.ndjson", lines))
    assert done["metadata"]["counter"] == ({"success": "1", "failure": "1"} if hard else {"success": "2"})
    destination = {"uriPrefix": f"gs://demo-out/by-schema-{hard}", "messageView": "SCHEMATIZED_ONLY"}
    service.ended(service.start(f"{store}:export", {"gcsDestination": destination}))
    first, *others = (message["schematizedData"] for message in written(service, f"by-schema-{hard}"))
    assert json.loads(first["data"])["ADT_A01"]["PID"]["5"] == {"1": "Doe", "2": "Jane"}
    assert others == ([] if hard else [{"error": "the store has no schema for the type of the message"}])


def test_an_export_of_names_of_a_time_and_of_a_filter(service: Program) -> None:
    store = make(service, "part")
    lines = [line(raw(n, day=n)) for n in range(1, 9)]
    lines.append(line(raw(9).replace(b"20260101120000", b"")))
    take(service, store, service.put_lines("demo-out/part.ndjson", lines))
    body: dict[str, Any] = {
        "gcsDestination": {"uriPrefix": "gs://demo-out/part", "messageView": "BASIC"},
        "startTime": "2026-01-03T12:00:00Z",
        "endTime": "2026-01-06T12:00:00Z",
    }
    assert service.ended(service.start(f"{store}:export", body))["metadata"]["counter"] == {"success": "3"}
    assert [set(message) for message in written(service, "part")] == [{"name"}] * 3
    body["filter"] = 'PatientId("4", "MRN")'
    assert service.ended(service.start(f"{store}:export", body))["metadata"]["counter"] == {"success": "1"}
    whole = {"gcsDestination": {"uriPrefix": "gs://demo-out/whole"}}
    assert service.ended(service.start(f"{store}:export", whole))["metadata"]["counter"] == {"success": "9"}
    assert "sendTime" not in written(service, "whole")[0]
    body["endTime"] = body["startTime"]
    assert service.client.post(f"{store}:export", json=body).status_code == 400
    assert service.client.post(f"{store}:export", json={"pubsubDestination": {}}).status_code == 501


def test_a_rollback_brings_messages_back_to_a_time(service: Program) -> None:
    store = make(service, "back")
    take(service, store, service.put_lines("demo-out/back1.ndjson", [line(raw(n), a="1") for n in range(4)]))
    before = sorted(listed(service, store, view="FULL"), key=lambda message: message["name"])
    moment = datetime.now(UTC).isoformat()
    lines = [line(raw(0), a="2"), line(raw(1), a="1"), line(raw(9)), line(raw(8))]
    later = service.start(
        f"{store}:import", {"gcsSource": {"uri": service.put_lines("demo-out/back2.ndjson", lines)}}
    )
    service.ended(later)
    names = {message["patientIds"][0]["value"]: message["name"] for message in before}
    service.client.delete(f"{service.endpoint}/v1/{names['3']}").raise_for_status()
    after = sorted(message["name"] for message in listed(service, store))
    body: dict[str, Any] = {"rollbackTime": moment, "resultGcsBucket": "demo-out"}
    dry = service.start(f"{store}:rollback", body)
    done = service.ended(dry)
    assert done["metadata"]["counter"] == {"success": "4"}
    assert done["response"]["hl7v2Store"].endswith(store)
    folder = service.buckets / "demo-out" / "rollback_resources" / dry.rpartition("/")[2]
    (path,) = folder.iterdir()
    assert len(path.read_text().splitlines()) == 4
    assert sorted(message["name"] for message in listed(service, store)) == after

    chosen = {**body, "force": True, "filteringFields": {"operationIds": [later.rpartition("/")[2]]}}
    created = service.ended(service.start(f"{store}:rollback", {**chosen, "changeType": "CREATE"}))
    assert created["metadata"]["counter"] == {"success": "2"}
    assert len(listed(service, store)) == 3
    whole = service.ended(service.start(f"{store}:rollback", {**body, "force": True}))
    assert whole["metadata"]["counter"] == {"success": "2"}
    assert sorted(listed(service, store, view="FULL"), key=lambda message: message["name"]) == before


def test_a_rollback_of_chosen_messages_and_without_earlier_rollbacks(service: Program) -> None:
    store = make(service, "chosen")
    moment = datetime.now(UTC).isoformat()
    take(service, store, service.put_lines("demo-out/chosen.ndjson", [line(raw(n)) for n in range(3)]))
    one = listed(service, store)[0]["name"].rpartition("/")[2]
    uri = service.put_lines("demo-out/ids.txt", [one])
    body = {"rollbackTime": moment, "resultGcsBucket": "demo-out/sub", "force": True}
    only = {**body, "inputGcsObject": uri}
    assert service.ended(service.start(f"{store}:rollback", only))["metadata"]["counter"] == {"success": "1"}
    undone = datetime.now(UTC).isoformat()
    assert len(listed(service, store)) == 2
    excluded = {**body, "rollbackTime": undone, "excludeRollbacks": True}
    assert service.ended(service.start(f"{store}:rollback", excluded))["metadata"]["counter"] == {}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"rollbackTime": "yesterday"}, "rollbackTime"),
        ({"changeType": "SOME"}, "change_type"),
        ({"resultGcsBucket": ""}, "result_gcs_bucket"),
        ({"resultGcsBucket": "demo-out/../x"}, "resultGcsBucket"),
        ({"force": "yes"}, "force"),
        ({"filteringFields": {"operationIds": ["x"]}}, "filtering_fields"),
        ({"filteringFields": ["x"]}, "filteringFields"),
    ],
)
def test_a_rollback_that_cannot_be_is_refused(service: Program, fields: dict[str, Any], said: str) -> None:
    service.client.post("hl7V2Stores", params={"hl7V2StoreId": "no-way"}, json={})
    body = {"rollbackTime": "2026-01-01T00:00:00Z", "resultGcsBucket": "demo-out", **fields}
    answer = service.client.post("hl7V2Stores/no-way:rollback", json=body)
    assert answer.status_code == 400
    assert said in answer.json()["error"]["message"]


def test_an_import_that_is_killed_has_counted_what_it_has_stored(launch: Callable[..., Program]) -> None:
    program = launch("--pace", "2000")
    store = make(program, "s")
    uri = program.put_lines("demo-out/in.ndjson", [line(raw(n)) for n in range(6000)])
    operation = program.start(f"{store}:import", {"gcsSource": {"uri": uri}})
    program.until(operation, lambda found: int(found["metadata"].get("counter", {}).get("success", 0)) > 500)
    program.kill()
    again = launch()
    aborted = again.operation(operation)
    assert aborted["error"]["code"] == 10
    body = {"gcsDestination": {"uriPrefix": "gs://demo-out/all", "messageView": "BASIC"}}
    done = again.ended(again.start(f"{store}:export", body))
    assert done["metadata"]["counter"] == aborted["metadata"]["counter"]
    assert take(again, store, uri)["metadata"]["counter"] == {"success": "6000"}


def test_a_rollback_that_is_cancelled_or_killed_has_undone_what_it_has_counted(
    launch: Callable[..., Program],
) -> None:
    program = launch()
    store = make(program, "s")
    moment = datetime.now(UTC).isoformat()
    take(program, store, program.put_lines("demo-out/in.ndjson", [line(raw(n)) for n in range(1500)]))
    program.pace(500)
    body = {"rollbackTime": moment, "resultGcsBucket": "demo-out", "force": True}
    left = 1500
    for stop in ("cancel", "kill"):
        operation = program.start(f"{store}:rollback", body)
        program.until(operation, lambda found: "success" in found["metadata"].get("counter", {}))
        if stop == "cancel":
            program.client.post(f"{operation}:cancel", json={}).raise_for_status()
            assert program.ended(operation)["error"]["code"] == 1
        else:
            program.kill()
            program = launch()
        left -= int(program.operation(operation)["metadata"]["counter"]["success"])
        whole = {"gcsDestination": {"uriPrefix": f"gs://demo-out/{stop}"}}
        exported = program.ended(program.start(f"{store}:export", whole))
        assert exported["metadata"]["counter"] == {"success": str(left)}
    assert left > 0


def test_an_export_that_is_killed_leaves_no_part_of_a_file(launch: Callable[..., Program]) -> None:
    program = launch()
    store = make(program, "s")
    take(program, store, program.put_lines("demo-out/in.ndjson", [line(raw(n)) for n in range(1500)]))
    program.pace(500)
    export = program.start(f"{store}:export", {"gcsDestination": {"uriPrefix": "gs://demo-out/out"}})
    program.until(export, lambda found: "success" in found["metadata"].get("counter", {}))
    program.kill()
    again = launch()
    assert again.operation(export)["error"]["code"] == 10
    assert not (again.buckets / "demo-out" / "out").exists()
    assert list((again.buckets / ".partial").iterdir()) == []


def test_an_export_is_split_like_any_other(launch: Callable[..., Program]) -> None:
    program = launch("--shard-bytes", "2000")
    store = make(program, "s")
    take(program, store, program.put_lines("demo-out/in.ndjson", [line(raw(n)) for n in range(10)]))
    export = program.start(f"{store}:export", {"gcsDestination": {"uriPrefix": "gs://demo-out/out"}})
    assert "error" not in program.ended(export)
    names = sorted(path.name for path in (program.buckets / "demo-out" / "out").iterdir())
    assert len(names) > 1
    assert names[0] == f"{export.rpartition('/')[2]}_messages-00000-of-{len(names):05}"
