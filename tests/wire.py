"""What a public call that is given ids puts on the wire, and whether that is what it was asked for.

The calls are in `wire_table`; the tests of addresses and the attacks on them share both.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

import httpx
from fakes import Clock, ManualScheduler

import lro_notebook as lro
from lro_notebook import Client, ConsentStore, Dataset, DicomStore, FhirStore, Hl7v2Store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lro_notebook.operations.journal import Journal

#: What ids are where nobody attacks.
PLAIN: Mapping[str, str] = {
    "project": "p",
    "location": "l",
    "dataset": "d",
    "store": "s",
    "operation": "17",
    "message": "aGw3_-=",
    "group": "g-1",
    "study": "1.2",
    "series": "3.4",
    "instance": "5.6",
    "resource": "c1",
    "version": "7",
    "attribute": "site",
}
#: Ids that would lead a request astray, or that no API knows.
EVIL = (
    "",
    ".",
    "..",
    "...",
    "../..",
    "../d2",
    "..:x",
    "..;x",
    "s/..",
    "a/b",
    "/",
    "//",
    "\\..\\d2",
    "..\\..",
    "?",
    "d2?",
    "s?x=1",
    "d2#",
    "#",
    "%2e%2e",
    "%2E.",
    "%2f..",
    "s%00",
    "%",
    " ",
    "..\u00a0",
    " ..",
    ".. ",
    "a b",
    "a\nb",
    "a\tb",
    "a\r\nHost: x",
    "\x00",
    "\x7f",
    "a;b",
    "a&b",
    "\u2025",
    "\uff0e\uff0e",
    "\u2024\u2024",
    "a\u200bb",
    "\ud800",
    "a" * 1025,
    "https://evil.example",
    "@evil.example",
    "s|t",
    "s`t",
    '"s"',
    "<s>",
    "{s}",
    "s^t",
    "[s]",
)
_SET = "projects/{project}/locations/{location}/datasets/{dataset}"


class Recorder(httpx.MockTransport):
    """Notes what reaches the wire from the thread that calls, and answers as any method might."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.requests: list[httpx.Request] = []
        self.caller = threading.get_ident()

    @property
    def sent(self) -> list[str]:
        """Method and raw path, as they are on the wire, without the query."""
        return [f"{r.method} {r.url.raw_path.decode().partition('?')[0]}" for r in self.requests]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if threading.get_ident() == self.caller:  # else it is a look at an operation that was started before
            self.requests.append(request)
        status, headers = 200, {}
        if request.url.path.endswith("$export"):
            path = request.url.raw_path.decode()  # a header is ASCII, as the wire is
            store = path.partition("/fhir/")[0].removeprefix("/v1/")
            status, headers = 202, {"Content-Location": f"https://api.example.com/v1/{store}/operations/9"}
        # A look at an operation is answered with that one.
        asked = request.url.path.removeprefix("/v1beta1/").removeprefix("/v1/")
        body = {
            "name": asked if request.method == "GET" else f"{_SET.format(**PLAIN)}/operations/1",
            "done": True,
            "response": {},
            "bulkExportGcsDestination": {"uriPrefix": "gs://b/x"},
        }
        return httpx.Response(status, json=body, headers=headers)


class At:
    """Makes the objects that a call starts from, with the ids that it is tried with."""

    def __init__(self, journal: Journal | None = None) -> None:
        self.ids = PLAIN
        self.wire = Recorder()
        self.client = Client(
            "https://api.example.com",
            transport=self.wire,
            journal=journal,
            scheduler=ManualScheduler(Clock()),  # type: ignore[arg-type]  # one that runs nothing
        )

    def __getitem__(self, name: str) -> str:
        return self.ids[name]

    @property
    def name(self) -> str:
        return _SET.format(**self.ids)

    @property
    def dataset(self) -> Dataset:
        return Dataset(self.client, self.name)

    @property
    def fhir(self) -> FhirStore:
        return self.dataset.fhir_store(self["store"])

    @property
    def dicom(self) -> DicomStore:
        return self.dataset.dicom_store(self["store"])

    @property
    def hl7(self) -> Hl7v2Store:
        return self.dataset.hl7v2_store(self["store"])

    @property
    def consent(self) -> ConsentStore:
        return self.dataset.consent_store(self["store"])

    @property
    def operation(self) -> str:
        return f"{self.name}/operations/{self['operation']}"


class Row(NamedTuple):
    """A public call, and what it must send: ``METHOD path`` templates, in this order."""

    name: str
    call: Callable[[At], Any]
    wire: tuple[str, ...]

    @property
    def ids(self) -> list[str]:
        """The ids that its addresses are made of."""
        return [kind for kind in PLAIN if any(f"{{{kind}}}" in line for line in self.wire)]

    def expected(self, ids: Mapping[str, str]) -> list[str] | None:
        """Return what may be on the wire with these `ids`; None where no wire can carry them."""
        try:
            quoted = {kind: quote(value, safe="/~:@=+$()!*',") for kind, value in ids.items()}
        except UnicodeEncodeError:
            return None
        return [line.format(**quoted) for line in self.wire]


def row(name: str, call: Callable[[At], Any], *wire: str) -> Row:
    """Return a row whose paths begin with the version that is meant where none is given."""
    lines = [line.replace(" ", " /" if " v1" in line else " /v1/", 1) for line in wire]
    return Row(name, call, tuple(lines))


def attempt(at: At, row_: Row, ids: Mapping[str, str]) -> tuple[list[str], bool]:
    """Make the call with `ids`; return what reached the wire, and whether it was refused."""
    at.ids = ids
    at.wire.requests.clear()
    try:
        row_.call(at)
    except lro.ConfigError:
        return at.wire.sent, True
    return at.wire.sent, False


def went_astray(at: At, row_: Row, ids: Mapping[str, str]) -> str:
    """Return what went wrong with a call that was given `ids`; empty where nothing did."""
    sent, refused = attempt(at, row_, ids)
    if refused:
        return f"refused, but {sent} was sent" if sent else ""
    expected = row_.expected(ids)
    return "" if sent == expected else f"{sent} was sent, not {expected}"
