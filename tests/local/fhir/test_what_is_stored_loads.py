"""What nests too deep is not stored: whatever the service takes, its own export can be loaded."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

import pytest
from local.conftest import DATASET

from lro_notebook.local.core.nesting import MAX_DEPTH, is_too_deep
from lro_notebook.results.limits import MAX_NESTING
from lro_notebook.results.load_place import read

if TYPE_CHECKING:
    from local.conftest import Program


def resource(depth: int, name: str) -> str:
    """Return a Patient that nests exactly `depth` levels deep."""
    inner = '{"a":' * (depth - 1) + "1" + "}" * (depth - 1)
    return f'{{"resourceType":"Patient","id":"{name}","x":{inner}}}'


def levels(value: object) -> int:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if parts is None else 1 + max(map(levels, parts), default=0)


def test_depth_is_that_of_the_parsed_value() -> None:
    dice = random.Random(3)  # noqa: S311 - no secret

    def value(depth: int) -> object:
        if depth == 0:
            return dice.choice([1, '[{"\\', "]}", None])
        if dice.random() < 0.5:
            return {"k[": value(depth - 1), "z": dice.choice([[], {}, 1])}
        return [dice.choice([1, [], "{"]), value(depth - 1)]

    for depth in list(range(1, 10)) * 20:
        example = value(depth)
        text = json.dumps(example).encode()
        assert [is_too_deep(text, most) for most in range(1, 12)] == [
            levels(example) > most for most in range(1, 12)
        ]
    assert is_too_deep(b"[" * 1_000_000)
    assert MAX_DEPTH < MAX_NESTING


@pytest.mark.service
@pytest.mark.parametrize("depth", [MAX_DEPTH, MAX_DEPTH + 1, 254, 300, 500, 1023, 2000])
def test_a_resource_is_refused_or_can_be_loaded(service: Program, depth: int) -> None:
    store = service.store(f"deep-{depth}")
    fits = depth <= MAX_DEPTH
    body, headers = resource(depth, "deep"), {"Content-Type": "application/fhir+json"}
    updated = service.client.put(f"{store}/fhir/Patient/deep", content=body, headers=headers)
    created = service.client.post(f"{store}/fhir/Patient", content=body, headers=headers)
    assert (updated.status_code, created.status_code) == ((201, 201) if fits else (400, 400))
    lines = [resource(2, "a"), resource(depth, "imported"), resource(2, "b")]
    done = service.imported(store, service.put_lines(f"deep-in/{depth}.ndjson", lines))
    counter = {key: int(count) for key, count in done["metadata"]["counter"].items()}
    assert counter == ({"success": 3} if fits else {"success": 2, "failure": 1})
    assert "error" not in service.ended(service.start_export(store, f"gs://demo-out/deep/{depth}/"))
    results = read(service.buckets / "demo-out" / "deep" / str(depth))
    assert len(results["Patient"]) == (5 if fits else 2)
    assert results.bad_lines.empty
    address = f"{service.endpoint}/v1beta1/{DATASET}/{store}:exportHistory"
    target = {"gcsDestination": {"uriPrefix": f"gs://demo-out/deep/history-{depth}"}}
    started = service.client.post(address, json=target)
    started.raise_for_status()
    assert "error" not in service.ended(started.json()["name"].rpartition(f"{DATASET}/")[2])
    versions = read(service.buckets / "demo-out" / "deep" / f"history-{depth}")
    assert len(versions["Patient_history"]) == (5 if fits else 2)
    assert versions.bad_lines.empty
