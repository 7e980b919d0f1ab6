"""Attacks on the local service by what a disk holds, and by requests that no client of Google sends."""

from __future__ import annotations

import base64
import os
import shutil
import tempfile
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from lro_notebook import local

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator

DATASET = "projects/local/locations/local/datasets/demo"
_FOLDERS = 40
_REQUESTS = 1500
_SECONDS = 15.0
_INTERNAL = 13


class _Service:
    """A local service on a folder of its own, and what it is asked."""

    def __init__(self, folder: Path) -> None:
        running = local.ensure(folder)
        self.buckets = running.buckets
        self.client = httpx.Client(
            base_url=f"{running.endpoint}/v1/{DATASET}/",
            headers={"Authorization": f"Bearer {running.token}"},
            timeout=20,
            trust_env=False,
        )
        for kind in ("fhirStores", "hl7V2Stores", "consentStores", "dicomStores"):
            query = {f"{kind[:-1]}Id": "s"}
            self.client.post(kind, params=query, json={"version": "R4"} if kind == "fhirStores" else {})

    def ended(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Start an operation and return it at its end; empty where it was refused with a sentence."""
        answer = self.client.post(path, json=body)
        if answer.is_error:
            return {} if is_sentence(answer) else {"error": {"code": _INTERNAL}}
        name = answer.json()["name"].removeprefix(f"{DATASET}/")
        deadline = time.monotonic() + _SECONDS
        while time.monotonic() < deadline:
            operation: dict[str, Any] = self.client.get(name).json()
            if operation.get("done"):
                return operation
            time.sleep(0.005)
        return {"error": {"code": _INTERNAL}}


@contextmanager
def _service() -> Iterator[_Service]:
    folder = Path(tempfile.mkdtemp(prefix="lro-attack-"))
    try:
        service = _Service(folder / "data")
        with closing(service.client):
            yield service
    finally:
        local.stop(folder / "data")
        shutil.rmtree(folder, ignore_errors=True)


def is_sentence(answer: httpx.Response) -> bool:
    """Return whether an answer is no mistake, and says what is wrong where something is."""
    if answer.status_code == 501:  # noqa: PLR2004 - not built, and says so
        return True
    if not answer.is_error:
        return True
    return answer.status_code < 500 and bool(answer.content)  # noqa: PLR2004 - the server's mistakes


def _drop(draw: random.Random, folder: Path, number: int) -> None:
    """Put one thing into a folder that a disk may hold."""
    name = os.fsencode(draw.choice(["a", "b.ndjson", "c d", "é", ".hidden", "x*y", "q\\r", "z" * 200]))
    name += str(number).encode()
    if draw.random() < 0.2:  # noqa: PLR2004 - some names are no text
        name += bytes([draw.randrange(0x80, 0x100)])
    place = Path(os.fsdecode(os.path.join(os.fsencode(folder), name)))  # noqa: PTH118 - bytes
    targets = ["nothing", place.name, ".", "..", "/dev/zero", "/dev/stdin", "/etc", "/", "b.ndjson0"]
    match draw.randrange(6):
        case 0:
            os.mkfifo(place)
        case 1:
            place.symlink_to(draw.choice(targets))
        case 2:
            place.mkdir()
        case 3:
            place.write_bytes(draw.randbytes(draw.randrange(2000)))
        case 4:
            with place.open("wb") as file:
                file.truncate(draw.choice([0, 1, 1 << 16]))
        case _:
            place.write_bytes(b'{"resourceType":"Patient","id":"p%d"}\n' % number * draw.randrange(1, 9))


def odd_folders(draw: random.Random) -> tuple[int, int]:
    """Import folders of pipes, links in a circle, names that are no text and the like; then export."""
    tried = held = 0
    begun = time.monotonic()
    with _service() as service:
        for round_ in range(_FOLDERS):
            if time.monotonic() - begun > _SECONDS:
                break
            folder = service.buckets / "demo-out" / f"in{round_}"
            folder.mkdir()
            for number in range(draw.randrange(1, 12)):
                _drop(draw, folder, number)
            pattern = draw.choice(["*", "**", "?*", "*.ndjson*", "a*", "*0"])
            uri = {"gcsSource": {"uri": f"gs://demo-out/in{round_}/{pattern}"}}
            structure = draw.choice(["RESOURCE", "BUNDLE", "RESOURCE_PRETTY", "BUNDLE_PRETTY"])
            out = {"gcsDestination": {"uriPrefix": f"gs://demo-out/in{round_}/a0"}}
            choices: list[tuple[str, dict[str, Any]]] = [
                ("fhirStores/s:import", {**uri, "contentStructure": structure}),
                ("hl7V2Stores/s:import", uri),
                ("fhirStores/s:bulkDelete", uri),
                ("fhirStores/s:export", out),
            ]
            path, body = draw.choice(choices)
            ended = service.ended(path, body)
            tried += 1
            held += ended.get("error", {}).get("code") != _INTERNAL
    return tried, held


def _token(draw: random.Random) -> str:
    text = draw.choice(["1", str(2**63), "-1", "x:y", "00000000:1", "9" * 999, "\0", "é"])
    return draw.choice([base64.urlsafe_b64encode(text.encode()).decode(), text, "=" * draw.randrange(9)])


def _nested(draw: random.Random) -> str:
    depth = draw.choice([10, 150, 200, 254, 300, 1000, 1024, 5000, 100_000])
    open_, close = draw.choice([('{"a":', "}"), ("[", "]"), ('[{"a":', "}]")])
    value = draw.choice(["1", '"\\ud800"', "1e999", "9" * 400, str(2**64), '"\\u0000"', "null", "tru"])
    return open_ * depth + value + close * draw.choice([depth, depth, depth - 1])


def _expression(draw: random.Random) -> str:
    piece = draw.choice(
        ["NOT ", "(", "[", "a.", "severity=ERROR AND ", "x == 'y' && ", "-", '"', "\\", "\0", " "]
    )
    return piece * draw.choice([1, 33, 101, 1000, 5000]) + draw.choice(
        ["", 'message_type = "ADT"', "a == 'b'", ")"]
    )


def _request(draw: random.Random) -> tuple[str, str, dict[str, str], str | None]:
    """Return method, path, query and body of a request that has one thing too much."""
    lists = ["operations", "fhirStores", "hl7V2Stores/s/messages", "fhirStores/s/fhir/Patient"]
    lists += [
        "consentStores/s/consents",
        "consentStores/s/userDataMappings",
        "dicomStores/s/dicomWeb/studies",
    ]
    long = draw.choice(["a" * 256, "a/" * 600, "%00", "..", "%ED%A0%80", "é" * 200, "*", " "])
    expression, nested = _expression(draw), _nested(draw)
    rule = {"userId": "u", "policies": [{"authorizationRule": {"expression": expression}}]}
    quoted = httpx.Response(200, json=rule).text
    where = draw.choice(["fhirStores?fhirStoreId=x", "fhirStores/s/fhir/Patient", "hl7V2Stores/s/messages"])
    choices: list[tuple[str, str, dict[str, str], str | None]] = [
        ("GET", draw.choice(lists), {draw.choice(["pageToken", "_page_token"]): _token(draw)}, None),
        ("GET", draw.choice(lists), {draw.choice(["pageSize", "_count", "limit"]): str(2**63) * 2}, None),
        ("GET", draw.choice(lists), {"filter": expression}, None),
        ("GET", f"fhirStores/s/fhir/Patient/{long}", {}, None),
        ("GET", f"http:/storage/v1/b/demo-out/o/{long}", {"alt": "media"}, None),
        ("POST", "consentStores/s/consents", {}, quoted),
        ("POST", where, {}, f'{{"resourceType":"Patient","labels":{nested}}}'),
        ("PUT", "fhirStores/s/fhir/Patient/p", {}, f'{{"resourceType":"Patient","id":"p","x":{nested}}}'),
        ("PATCH", "fhirStores/s", {"updateMask": "labels"}, f'{{"labels":{nested}}}'),
        ("POST", "fhirStores/s:import", {}, f'{{"gcsSource":{{"uri":"gs://demo-out/{long}"}}}}'),
        ("POST", "fhirStores/s:export", {}, f'{{"gcsDestination":{{"uriPrefix":"gs://demo-out/{long}"}}}}'),
    ]
    return draw.choice(choices)


def odd_requests(draw: random.Random) -> tuple[int, int]:
    """Send page tokens, filters, names, numbers and nested bodies that have one thing too much."""
    tried = held = 0
    begun = time.monotonic()
    with _service() as service:
        for _ in range(_REQUESTS):
            if time.monotonic() - begun > _SECONDS:
                break
            method, path, query, body = _request(draw)
            url = path.replace("http:/", str(service.client.base_url).partition("/v1/")[0] + "/")
            tried += 1
            try:
                answer = service.client.request(method, url, params=query or None, content=body)
            except (httpx.InvalidURL, UnicodeEncodeError):
                held += 1  # the client sends no such thing
                continue
            except httpx.TransportError:
                continue
            held += is_sentence(answer)
        running = service.client.get("operations", params={"filter": "done=false", "pageSize": "1000"}).json()
        deadline = time.monotonic() + _SECONDS
        while running and time.monotonic() < deadline:
            time.sleep(0.02)
            running = service.client.get("operations", params={"filter": "done=false"}).json()
        tried += 1
        held += running == {}
    return tried, held


ATTACKS: list[tuple[str, Callable[[random.Random], tuple[int, int]]]] = [
    ("folders of pipes, links in a circle and names that are no text", odd_folders),
    ("page tokens, filters, names, numbers and nested bodies without measure", odd_requests),
]
