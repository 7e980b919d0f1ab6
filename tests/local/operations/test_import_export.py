"""Import and export through the service: the whole path, bad input, cancel, pace."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import orjson
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from local.conftest import Program

pytestmark = pytest.mark.service

_STAMP = re.compile(rb'"versionId":"\d+","lastUpdated":"[^"]+",?')
_NO_META = re.compile(rb'"meta":\{\},?')


def _unstamped(line: bytes) -> bytes:
    return _NO_META.sub(b"", _STAMP.sub(b"", line, count=1), count=1)


def _failures(program: Program, operation: str) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = program.client.get(f"{operation}:failures").json().get("failures", [])
    return rows


def test_real_data_goes_in_and_comes_out_byte_for_byte(service: Program, data: Path) -> None:
    store = service.store("synthea")
    lines: dict[str, list[bytes]] = {}
    for path in sorted((data / "synthea-10").glob("*.ndjson")):
        service.put_lines(f"synthea-in/{path.name}", path.read_bytes().splitlines())
        lines[path.name.partition(".")[0]] = path.read_bytes().splitlines()
    done = service.imported(store, "gs://synthea-in/*.ndjson")
    assert done["metadata"]["counter"] == {"success": "8662"}
    export = service.start_export(store, "gs://demo-out/synthea/")
    done = service.ended(export)
    assert done["metadata"]["counter"] == {"success": "8662"}
    assert len(lines) == 14
    number = export.rpartition("/")[2]
    files = {path.name: path for path in (service.buckets / "demo-out" / "synthea").iterdir()}
    assert set(files) == {f"{number}_{type_}" for type_ in lines}
    for type_, expected in lines.items():
        exported = files[f"{number}_{type_}"].read_bytes().splitlines()
        assert all(orjson.loads(line)["meta"]["versionId"] == "1" for line in exported)
        assert sorted(_unstamped(line) for line in exported) == sorted(expected)


def test_an_operation_reads_as_the_reference_shows_it(
    service: Program, patients: Callable[..., list[str]]
) -> None:
    store = service.store("shape")
    path = service.start_import(store, service.put_lines("demo-out/shape.ndjson", patients(3)))
    operation = service.ended(path)
    metadata = operation["metadata"]
    prefix = "type.googleapis.com/google.cloud.healthcare.v1"
    assert operation["name"] == f"projects/local/locations/local/datasets/demo/{path}"
    assert operation["done"] is True
    assert operation["response"] == {"@type": f"{prefix}.fhir.rest.ImportResourcesResponse"}
    assert set(metadata) == {"@type", "apiMethodName", "createTime", "endTime", "logsUrl", "counter"}
    assert metadata["@type"] == f"{prefix}.OperationMetadata"
    assert metadata["apiMethodName"] == "google.cloud.healthcare.v1.fhir.FhirService.ImportResources"
    assert metadata["createTime"] < metadata["endTime"]
    assert metadata["counter"] == {"success": "3"}
    assert re.fullmatch(r"operations/\d{19}", path)


def test_bad_lines_are_counted_and_logged_and_the_rest_goes_on(service: Program) -> None:
    store = service.store("bad-lines")
    secret = "Miller-Secret"  # noqa: S105 - stands for patient data
    lines: list[bytes | str] = [
        b'\xef\xbb\xbf{"resourceType":"Patient","id":"first"}\r',
        "",
        f'{{"resourceType":"Patient","id":"cut","name":"{secret}',
        f'["{secret}"]',
        f'{{"resourceType":"Patient","name":"{secret}"}}',
        f'{{"resourceType":"Patient","id":"{secret}_","a":1}}',
        f'{{"id":"x","resourceType":"{secret} 1"}}',
        '{"resourceType":"Patient","id":"meta","meta":null}',
        b'{"resourceType":"Patient","id":"x","n":"\xff\xfe"}',
        "   ",
        '  {"resourceType": "Patient", "id": "last", "v": 1.00}  ',
    ]
    uri = service.put_lines("demo-out/bad.ndjson", lines)
    path = service.buckets / "demo-out" / "bad.ndjson"
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    operation = service.start_import(store, uri)
    done = service.ended(operation)
    assert "error" not in done
    assert done["metadata"]["counter"] == {"success": "2", "failure": "7"}
    failures = _failures(service, operation)
    assert [row["source"] for row in failures] == [f"{uri}:{number}" for number in (3, 4, 5, 6, 7, 8, 9)]
    assert {row["code"] for row in failures} == {3}
    assert failures[5]["resource"] == "Patient/meta"
    assert secret not in json.dumps(failures)
    assert b'"id": "last", "v": 1.00' in service.client.get(f"{store}/fhir/Patient/last").content
    assert service.total(store, "Patient") == 2
    page = service.client.get(f"{operation}:failures?pageSize=4").json()
    rest = service.client.get(f"{operation}:failures", params={"pageToken": page["nextPageToken"]}).json()
    assert page["failures"] + rest["failures"] == failures


def test_bundles_give_one_unit_for_each_entry(service: Program) -> None:
    store = service.store("bundles")
    entries = [
        '{"fullUrl":"urn:1","resource":{"resourceType":"Patient","id":"a","v":1.00,"meta":{"tag":[]}}}',
        '{"request":{"method":"DELETE"}}',
        '{"resource":{"resourceType":"Observation","id":"b"}}',
    ]
    bundle = f'{{"resourceType":"Bundle","type":"batch","entry":[{",".join(entries)}]}}'
    empty = '{"resourceType":"Bundle","type":"batch"}'
    uri = service.put_lines(
        "demo-out/bundles.ndjson", [bundle, empty, '{"resourceType":"Patient","id":"c"}', "{"]
    )
    operation = service.start(f"{store}:import", {"gcsSource": {"uri": uri}})
    assert service.ended(operation)["metadata"]["counter"] == {"success": "2", "failure": "3"}
    sources = [row["source"] for row in _failures(service, operation)]
    assert sources == [f"{uri}:1 entry[1]", f"{uri}:3", f"{uri}:4"]
    assert b'"v":1.00' in service.client.get(f"{store}/fhir/Patient/a").content
    assert service.total(store, "Observation") == 1


def test_pretty_files_are_read_whole_and_kept_on_one_line(service: Program) -> None:
    store = service.store("pretty")
    resource = {"resourceType": "Patient", "id": "pretty", "text": "two\nlines", "x": [1, {"y": None}]}
    bundle = {
        "resourceType": "Bundle",
        "entry": [{"resource": {**resource, "id": f"in-bundle-{n}"}} for n in (1, 2)],
    }
    one = service.put_lines("demo-out/pretty/one.json", [json.dumps(resource, indent=4)])
    many = service.put_lines("demo-out/pretty/many.json", [json.dumps(bundle, indent=4)])
    assert service.imported(store, one, "RESOURCE_PRETTY")["metadata"]["counter"] == {"success": "1"}
    assert service.imported(store, many, "BUNDLE_PRETTY")["metadata"]["counter"] == {"success": "2"}
    export = service.start_export(store, "gs://demo-out/pretty-out")
    service.ended(export)
    (file,) = (service.buckets / "demo-out" / "pretty-out").iterdir()
    found = [json.loads(line) for line in file.read_text().splitlines()]
    assert [item["id"] for item in found] == ["in-bundle-1", "in-bundle-2", "pretty"]
    assert all(item["text"] == "two\nlines" for item in found)


def test_an_existing_resource_is_replaced_and_keeps_no_version_of_it(service: Program) -> None:
    store = service.store("again")
    line = '{"resourceType":"Patient","id":"same","n":%d}'
    uri = service.put_lines(
        "demo-out/again.ndjson", [line % 1, line % 2, '{"resourceType":"Patient","id":"other"}']
    )
    assert service.imported(store, uri)["metadata"]["counter"] == {"success": "3"}
    other = service.client.get(f"{store}/fhir/Patient/other").content
    assert service.imported(store, uri)["metadata"]["counter"] == {"success": "3"}
    assert service.client.get(f"{store}/fhir/Patient/same").json()["n"] == 2
    history = service.client.get(f"{store}/fhir/Patient/same/_history").json()
    assert [entry["resource"]["n"] for entry in history["entry"]] == [2]
    assert service.client.get(f"{store}/fhir/Patient/other").content == other
    assert service.total(store, "Patient") == 2


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        (":import", {"gcsSource": {"uri": "gs://demo-out/none-*.ndjson"}}, "gs://demo-out/none-*.ndjson"),
        (":import", {"gcsSource": {"uri": "gs://no-such-bucket/a"}}, "no-such-bucket"),
        (":export", {"gcsDestination": {"uriPrefix": "gs://no-such-bucket/a"}}, "no-such-bucket"),
    ],
)
def test_what_does_not_exist_ends_the_operation(
    service: Program, path: str, body: dict[str, object], named: str
) -> None:
    service.client.post("fhirStores?fhirStoreId=missing", json={"version": "R4"})
    done = service.ended(service.start(f"fhirStores/missing{path}", body))
    assert done["error"]["code"] == 5
    assert named in done["error"]["message"]
    assert "counter" not in done["metadata"]
    assert not (service.buckets / "no-such-bucket").exists()


def test_an_export_takes_types_and_a_time(service: Program, patients: Callable[..., list[str]]) -> None:
    store = service.store("filters")
    service.imported(
        store, service.put_lines("demo-out/f1.ndjson", [*patients(3), '{"resourceType":"Group","id":"g"}'])
    )
    seen = service.client.get(f"{store}/fhir/Patient/p2").json()["meta"]["lastUpdated"]
    later = ['{"resourceType":"Patient","id":"p2","active":true}', *patients(1, start=3)]
    service.imported(store, service.put_lines("demo-out/f2.ndjson", later))

    def exported(name: str, **more: str) -> dict[str, list[str]]:
        service.ended(service.start_export(store, f"gs://demo-out/{name}", **more))
        folder = service.buckets / "demo-out" / name
        files = sorted(folder.iterdir()) if folder.exists() else []
        return {
            path.name.partition("_")[2]: [json.loads(line)["id"] for line in path.read_text().splitlines()]
            for path in files
        }

    assert exported("f-all") == {"Group": ["g"], "Patient": ["p0", "p1", "p2", "p3"]}
    assert exported("f-type", _type="Group,Observation") == {"Group": ["g"]}
    assert exported("f-since", _since=seen) == {"Patient": ["p2", "p3"]}
    assert exported("f-future", _since="2999-01-01T00:00:00Z") == {}


def test_a_large_export_is_split_into_numbered_files(
    launch: Callable[..., Program], patients: Callable[..., list[str]]
) -> None:
    program = launch("--shard-bytes", "1000")
    store = program.store("s")
    program.imported(store, program.put_lines("demo-out/in/a.ndjson", patients(25)))
    export = program.start_export(store, "gs://demo-out/out")
    program.ended(export)
    files = sorted((program.buckets / "demo-out" / "out").iterdir())
    number = export.rpartition("/")[2]
    assert [path.name for path in files] == [
        f"{number}_Patient-{i:05d}-of-{len(files):05d}" for i in range(len(files))
    ]
    assert len(files) > 2
    assert all(path.stat().st_size <= 1000 for path in files)
    found = [json.loads(line)["id"] for path in files for line in path.read_text().splitlines()]
    assert sorted(found) == sorted(f"p{n}" for n in range(25))


def test_progress_moves_and_equals_the_rows_when_an_import_is_cancelled(
    launch: Callable[..., Program], patients: Callable[..., list[str]]
) -> None:
    program = launch("--pace", "400")
    store = program.store("s")
    operation = program.start_import(store, program.put_lines("demo-out/in.ndjson", patients(5000)))
    seen = program.until(operation, lambda found: "success" in found["metadata"].get("counter", {}))
    counter = {key: int(value) for key, value in seen["metadata"]["counter"].items()}
    assert counter["success"] + counter["pending"] == 5000
    assert "done" not in seen
    assert program.client.post(f"{operation}:cancel", json={}).json() == {}
    done = program.ended(operation)
    assert done["error"] == {"code": 1, "message": "Operation was cancelled"}
    assert done["metadata"]["cancelRequested"] is True
    rows = program.total(store, "Patient")
    assert done["metadata"]["counter"] == {"success": str(rows)}
    assert 0 < rows < 5000
    assert program.client.post(f"{operation}:cancel", json={}).json() == {}
    assert program.operation(operation) == done


def test_a_queued_operation_is_cancelled_at_once(
    launch: Callable[..., Program], patients: Callable[..., list[str]]
) -> None:
    program = launch("--pace", "50")
    store = program.store("s")
    uri = program.put_lines("demo-out/in.ndjson", patients(2000))
    started = [program.start_import(store, uri) for _ in range(7)]
    program.client.post(f"{started[-1]}:cancel", json={})
    last = program.operation(started[-1])
    assert last["error"]["code"] == 1
    assert "counter" not in last["metadata"]


def test_a_cancelled_export_leaves_no_unfinished_file(
    launch: Callable[..., Program], patients: Callable[..., list[str]]
) -> None:
    program = launch()
    store = program.store("s")
    program.imported(
        store, program.put_lines("demo-out/in.ndjson", ['{"resourceType":"Group","id":"g"}', *patients(500)])
    )
    program.pace(100)
    export = program.start_export(store, "gs://demo-out/out")
    program.until(export, lambda found: int(found["metadata"].get("counter", {}).get("success", 0)) > 10)
    program.client.post(f"{export}:cancel", json={})
    ended = program.ended(export)
    assert ended["error"]["code"] == 1
    assert ended["metadata"]["counter"] == {"success": "1"}  # the patients are in no file
    names = [path.name.partition("_")[2] for path in (program.buckets / "demo-out" / "out").iterdir()]
    assert names == ["Group"]
    assert list((program.buckets / ".partial").iterdir()) == []


def test_an_export_shows_one_state_while_others_write(
    launch: Callable[..., Program], patients: Callable[..., list[str]]
) -> None:
    program = launch()
    store = program.store("s")
    program.imported(store, program.put_lines("demo-out/in.ndjson", patients(100)))
    program.pace(200)
    export = program.start_export(store, "gs://demo-out/out")
    program.until(export, lambda found: found["metadata"].get("counter"))
    program.client.delete(f"{store}/fhir/Patient/p99")
    program.client.put(f"{store}/fhir/Patient/p9x", content=b'{"resourceType":"Patient","id":"p9x"}')
    assert program.ended(export)["metadata"]["counter"] == {"success": "100"}
    (file,) = (program.buckets / "demo-out" / "out").iterdir()
    found = {json.loads(line)["id"] for line in file.read_text().splitlines()}
    assert found == {f"p{n}" for n in range(100)}


def test_operations_end_when_what_they_work_on_is_deleted(
    launch: Callable[..., Program], patients: Callable[..., list[str]]
) -> None:
    program = launch("--pace", "100")
    store = program.store("s")
    uri = program.put_lines("demo-out/in.ndjson", patients(1000))
    operation = program.start_import(store, uri)
    program.until(operation, lambda found: found["metadata"].get("counter"))
    program.client.delete(store)
    done = program.ended(operation)
    assert done["error"]["code"] == 5
    assert "deleted" in done["error"]["message"]
    program.store("s")
    operation = program.start_import(store, uri)
    program.until(operation, lambda found: found["metadata"].get("counter"))
    assert (
        program.client.delete(f"{program.endpoint}/v1/projects/local/locations/local/datasets/demo").json()
        == {}
    )
    assert program.client.get(operation).status_code == 404
    code, errors = program.end()
    assert (code, errors) == (0, "")
