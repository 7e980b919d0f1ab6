"""What three operations of the imitation leave in its buckets, as the documents of their APIs say. Synthetic.

Document AI writes a folder per document, which only the metadata name; Speech-to-Text writes a file per
recording, which the response names; Vertex AI writes predictions and errors into a folder that its job
names.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

BATCH = "1795628442293018794"  # the id of the operation that read the invoices
_RUN = f"gs://demo-out/invoices/{BATCH}"
#: Supplier, month and total of each invoice.
_INVOICES = (
    ("Alder Supplies", "2026-08", "410.00"),
    ("Alder Supplies", "2026-09", "385.50"),
    ("Alder Supplies", "2026-10", "512.25"),
    ("Birch Laboratory", "2026-08", "1240.00"),
    ("Birch Laboratory", "2026-09", "980.00"),
    ("Birch Laboratory", "2026-10", "1105.75"),
    ("Cedar Transport", "2026-09", "266.40"),
    ("Cedar Transport", "2026-10", "301.10"),
)
_BROKEN = {"code": 3, "message": "the file is no PDF"}
#: What was said in each recording, and how sure the recogniser is.
_TALKS = {
    "ward-a": (("good morning", 0.97), ("we begin with bed four", 0.91)),
    "ward-b": (("the results are here", 0.94), ("thank you", 0.98), ("see you tomorrow", 0.72)),
}
_NOT_FOUND = {"code": 5, "message": "gs://demo/ward-c.wav was not found"}
#: How many days a patient was in hospital, and how likely it is that they are back within a month.
_STAYS = ((2, 0.08), (4, 0.11), (5, 0.19), (7, 0.27), (10, 0.41), (11, 0.38))
_PREDICTIONS = "gs://demo-out/prediction-readmission-2026_11_02T08_00_00_000Z"


def write(buckets: Path) -> None:
    """Write the files of all into the folder of the buckets."""
    whole = {uri: json.dumps(each, indent=2) for uri, each in {**_documents(), **_transcripts()}.items()}
    lines = {uri: "".join(json.dumps(each) + "\n" for each in rows) for uri, rows in _predictions().items()}
    for uri, text in {**whole, **lines}.items():
        path = buckets / uri.removeprefix("gs://")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def statuses(part: float) -> list[dict[str, Any]]:
    """Return what Document AI says of its documents when that `part` of them is done."""
    done = [
        {
            "inputGcsSource": f"gs://demo/invoice-{number}.pdf",
            "status": {},
            "outputGcsDestination": f"{_RUN}/{number}",
        }
        for number in range(len(_INVOICES))
    ]
    done.append({"inputGcsSource": "gs://demo/invoice-8.pdf", "status": _BROKEN})
    return done[: int(part * len(done))]


def by_recording() -> dict[str, Any]:
    """Return what Speech-to-Text says of each recording at its end."""
    written = {
        f"gs://demo/{talk}.wav": {"cloudStorageResult": {"uri": _uri(talk)}, "uri": _uri(talk)}
        for talk in _TALKS
    }
    return {**written, "gs://demo/ward-c.wav": {"error": _NOT_FOUND}}


def predicted(part: float) -> dict[str, Any]:
    """Return what a job of Vertex AI says when that `part` of its instances is done."""
    done = int(part * len(_STAYS))
    counts = {"successfulCount": f"{done}", "incompleteCount": f"{len(_STAYS) - done}"}
    job = {"displayName": "readmission", "completionStats": {**counts, "failedCount": f"{int(part)}"}}
    written = {"outputInfo": {"gcsOutputDirectory": _PREDICTIONS}}
    return {**job, **(written if part >= 1 else {})}


def _predictions() -> dict[str, list[dict[str, Any]]]:
    rows = [
        {"instance": {"visit": f"v{number}", "days": days}, "prediction": {"readmitted": likely}}
        for number, (days, likely) in enumerate(_STAYS)
    ]
    missing = {"code": 3, "message": "a feature is missing: days"}
    return {
        f"{_PREDICTIONS}/prediction.results-00000-of-00001": rows,
        f"{_PREDICTIONS}/prediction.errors_stats-00000-of-00001": [
            {"instance": {"visit": "v6"}, "status": missing}
        ],
    }


def _documents() -> dict[str, Any]:
    return {
        f"{_RUN}/{number}/invoice-{number}-0.json": _document(number, *invoice)
        for number, invoice in enumerate(_INVOICES)
    }


def _document(number: int, supplier: str, month: str, total: str) -> dict[str, Any]:
    told = {
        "supplier_name": supplier,
        "invoice_date": f"{month}-15",
        "total_amount": total,
        "currency": "EUR",
    }
    return {
        "mimeType": "application/pdf",
        "text": "\n".join((f"Invoice {number}", *told.values())),
        "pages": [{"pageNumber": 1, "dimension": {"width": 1758, "height": 2275, "unit": "pixels"}}],
        "entities": [
            {"id": str(place), "type": kind, "mentionText": text, "confidence": 0.99 - place / 50}
            for place, (kind, text) in enumerate(told.items())
        ],
        "shardInfo": {"shardIndex": "0", "shardCount": "1"},
    }


def _transcripts() -> dict[str, Any]:
    return {
        _uri(talk): {
            "results": [
                {
                    "alternatives": [{"transcript": text, "confidence": sure}],
                    "resultEndOffset": f"{2.5 * number}s",
                    "languageCode": "en-us",
                }
                for number, (text, sure) in enumerate(said, 1)
            ],
            "metadata": {"totalBilledDuration": "10s"},
        }
        for talk, said in _TALKS.items()
    }


def _uri(talk: str) -> str:
    return f"gs://demo-out/talks/{talk}_transcript_6a2b3c4d-0000-2b1c-9a11-{len(talk):012x}.json"
