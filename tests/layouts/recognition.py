"""What the APIs leave that read documents, pictures, speech and films."""

from __future__ import annotations

from layouts.layout import BEGAN, ENDED, Layout, Table, of, pretty, status

_TIMES = {"createTime": BEGAN, "updateTime": ENDED}


def _document(text: str, shard: int, count: int, *entities: tuple[str, str]) -> str:
    return pretty(
        {
            "mimeType": "application/pdf",
            "text": text,
            "pages": [{"pageNumber": shard + 1, "dimension": {"width": 1758, "height": 2275}}],
            "entities": [
                {"type": kind, "mentionText": said, "confidence": 0.75, "id": str(number)}
                for number, (kind, said) in enumerate(entities)
            ],
            "shardInfo": {"shardIndex": str(shard), "shardCount": str(count)},
        }
    )


DOCUMENTS = Layout(
    "Document AI",
    "batchProcess",
    metadata=of(
        "documentai.v1.BatchProcessMetadata",
        state="SUCCEEDED",
        **_TIMES,
        individualProcessStatuses=[
            {
                "inputGcsSource": "gs://in/invoice.pdf",
                "status": {},
                "outputGcsDestination": "gs://out/run/1234567890/0",
            },
            {
                "inputGcsSource": "gs://in/letter.pdf",
                "status": {},
                "outputGcsDestination": "gs://out/run/1234567890/1",
            },
            {"inputGcsSource": "gs://in/broken.pdf", "status": status(3, "it is no PDF")},
        ],
    ),
    response=of("documentai.v1.BatchProcessResponse"),
    files={
        "gs://out/run/1234567890/0/invoice-0.json": _document("Invoice 7", 0, 2, ("invoice_id", "7")),
        "gs://out/run/1234567890/0/invoice-1.json": _document("Total 12", 1, 2, ("total", "12.50")),
        "gs://out/run/1234567890/1/letter-0.json": _document("Dear all", 0, 1),
        "gs://in/invoice.json": _document("an input", 0, 1),
    },
    others={"gs://out/run/1234567889/0/invoice-0.json": _document("of the run before", 0, 1)},
    tables={
        "documents": Table(
            "shard of a document",
            {
                "text": ["Invoice 7", "Total 12", "Dear all"],
                "entities.type": ["invoice_id", "total", None],
                "entities.mentionText": ["7", "12.50", None],
                "shardInfo.shardCount": ["2", "2", "1"],
                "pages.pageNumber": [1, 2, 1],
            },
        )
    },
    failed=("it is no PDF",),
    aside='pages and entities past the first: `lists="explode"`',
)

_VISION = {"@type": "type.googleapis.com/google.cloud.vision.v1.OperationMetadata", "state": "DONE", **_TIMES}


def _labels(*names: str) -> dict[str, object]:
    return {"labelAnnotations": [{"description": name, "score": 0.5} for name in names]}


PICTURES = Layout(
    "Vision",
    "images.asyncBatchAnnotate",
    metadata=_VISION,
    response=of(
        "vision.v1.AsyncBatchAnnotateImagesResponse",
        outputConfig={"gcsDestination": {"uri": "gs://out/labels/"}, "batchSize": 2},
    ),
    files={
        "gs://out/labels/output-1-to-2.json": pretty(
            {
                "responses": [
                    {**_labels("cat", "pet"), "context": {"uri": "gs://in/1.png"}},
                    {**_labels("dog"), "context": {"uri": "gs://in/2.png"}},
                ]
            }
        ),
        "gs://out/labels/output-3-to-3.json": pretty(
            {"responses": [{"error": status(3, "bad image"), "context": {"uri": "gs://in/3.png"}}]}
        ),
    },
    others={"gs://out/labels/output-4-to-5.json": pretty({"responses": [_labels("of the run before")]})},
    tables={
        "annotations": Table(
            "picture",
            {
                "context.uri": ["gs://in/1.png", "gs://in/2.png", "gs://in/3.png"],
                "labelAnnotations.description": ["cat", "dog", None],
                "error.message": [None, None, "bad image"],
            },
        )
    },
)


def _pages(source: str, *texts: str) -> str:
    return pretty(
        {
            "inputConfig": {"gcsSource": {"uri": source}, "mimeType": "application/pdf"},
            "responses": [
                {
                    "fullTextAnnotation": {"text": text},
                    "context": {"uri": source, "pageNumber": number},
                }
                for number, text in enumerate(texts, 1)
            ],
        }
    )


PAGES = Layout(
    "Vision",
    "files.asyncBatchAnnotate",
    metadata=_VISION,
    response=of(
        "vision.v1.AsyncBatchAnnotateFilesResponse",
        responses=[
            {"outputConfig": {"gcsDestination": {"uri": "gs://out/pages/a-"}, "batchSize": 2}},
            {"outputConfig": {"gcsDestination": {"uri": "gs://out/pages/b/"}, "batchSize": 2}},
        ],
    ),
    files={
        "gs://out/pages/a-output-1-to-2.json": _pages("gs://in/a.pdf", "one", "two"),
        "gs://out/pages/b/output-1-to-1.json": _pages("gs://in/b.pdf", "uno"),
    },
    others={"gs://out/pages/c-output-1-to-1.json": _pages("gs://in/c.pdf", "of another request")},
    tables={
        "annotations": Table(
            "page",
            {
                "inputConfig.gcsSource.uri": ["gs://in/a.pdf", "gs://in/a.pdf", "gs://in/b.pdf"],
                "context.pageNumber": [1, 2, 1],
                "fullTextAnnotation.text": ["one", "two", "uno"],
            },
        )
    },
)


def _heard(*sentences: str) -> list[dict[str, object]]:
    return [
        {"alternatives": [{"transcript": said, "confidence": 0.9}], "languageCode": "en-us"}
        for said in sentences
    ]


_SPEECH = of(
    "speech.v1.LongRunningRecognizeMetadata",
    progressPercent=100,
    startTime=BEGAN,
    lastUpdateTime=ENDED,
    uri="gs://in/talk.flac",
)
_ANSWER = "speech.v1.LongRunningRecognizeResponse"

SPEECH_INLINE = Layout(
    "Speech-to-Text v1",
    "longrunningrecognize",
    "inline",
    name="7612202767953098924",
    metadata=_SPEECH,
    response=of(_ANSWER, results=_heard("good morning", "and good night"), totalBilledTime="30s"),
    tables={
        "response": Table(
            "stretch of speech", {"alternatives.transcript": ["good morning", "and good night"]}
        )
    },
)
SPEECH_FILE = Layout(
    "Speech-to-Text v1",
    "longrunningrecognize",
    "into a file",
    name="7612202767953098924",
    metadata=_SPEECH,
    response=of(
        _ANSWER,
        outputConfig={"gcsUri": "gs://out/talk.json"},
        totalBilledTime="30s",
    ),
    files={
        "gs://out/talk.json": pretty(
            {"results": _heard("good morning", "and good night"), "totalBilledTime": "30s"}
        ),
        "gs://out/talk.json.old": pretty({"results": _heard("an older one")}),
    },
    tables={
        "transcripts": Table(
            "stretch of speech",
            {
                "alternatives.transcript": ["good morning", "and good night"],
                "totalBilledTime": ["30s", "30s"],
            },
        )
    },
)

_BATCH = of(
    "speech.v2.OperationMetadata",
    **_TIMES,
    method="google.cloud.speech.v2.Speech.BatchRecognize",
    batchRecognizeRequest={
        "files": [{"uri": "gs://in/a.wav"}, {"uri": "gs://in/b.wav"}, {"uri": "gs://in/c.wav"}],
        "recognitionOutputConfig": {"gcsOutputConfig": {"uri": "gs://out/speech"}},
    },
)
_LOST = {"error": status(5, "gs://in/c.wav was not found")}


def _offsets(*sentences: str) -> dict[str, object]:
    return {
        "results": [
            {**result, "resultEndOffset": f"{number}.500s"}
            for number, result in enumerate(_heard(*sentences), 1)
        ],
        "metadata": {"totalBilledDuration": "4s"},
    }


_A, _B = "gs://out/speech/a_transcript_66ec8a1c-0000-2b", "gs://out/speech/b_transcript_66ec8a1c-0000-2c"
BATCH_FILES = Layout(
    "Speech-to-Text v2",
    "batchRecognize",
    "into files",
    metadata=_BATCH,
    response=of(
        "speech.v2.BatchRecognizeResponse",
        results={
            "gs://in/a.wav": {
                "cloudStorageResult": {"uri": f"{_A}.json", "vttFormatUri": f"{_A}.vtt"},
                "uri": f"{_A}.json",
            },
            "gs://in/b.wav": {"cloudStorageResult": {"uri": f"{_B}.json"}, "uri": f"{_B}.json"},
            "gs://in/c.wav": _LOST,
        },
        totalBilledDuration="8s",
    ),
    files={
        f"{_A}.json": pretty(_offsets("good morning", "and good night")),
        f"{_A}.vtt": "WEBVTT\n\n00:00.000 --> 00:01.500\ngood morning\n",
        f"{_B}.json": pretty(_offsets("hello")),
    },
    others={"gs://out/speech/a_transcript_11aa8a1c-0000-2b.json": pretty(_offsets("of the run before"))},
    tables={
        "transcripts": Table(
            "stretch of speech",
            {
                "alternatives.transcript": ["good morning", "and good night", "hello"],
                "resultEndOffset": ["1.500s", "2.500s", "1.500s"],
                "metadata.totalBilledDuration": ["4s", "4s", "4s"],
            },
        )
    },
    skipped={"a_transcript_66ec8a1c-0000-2b.vtt": "subtitles"},
    failed=("gs://in/c.wav was not found",),
    aside="subtitles (VTT, SRT)",
)
BATCH_INLINE = Layout(
    "Speech-to-Text v2",
    "batchRecognize",
    "inline",
    metadata=of(
        "speech.v2.OperationMetadata",
        **_TIMES,
        method="google.cloud.speech.v2.Speech.BatchRecognize",
        batchRecognizeRequest={"recognitionOutputConfig": {"inlineResponseConfig": {}}},
    ),
    response=of(
        "speech.v2.BatchRecognizeResponse",
        results={
            "gs://in/a.wav": {
                "inlineResult": {"transcript": _offsets("good morning", "and good night")},
                "transcript": _offsets("good morning", "and good night"),
                "metadata": {"totalBilledDuration": "4s"},
            },
            "gs://in/b.wav": {
                "inlineResult": {"transcript": _offsets("hello")},
                "transcript": _offsets("hello"),
                "metadata": {"totalBilledDuration": "2s"},
            },
            "gs://in/c.wav": _LOST,
        },
        totalBilledDuration="6s",
    ),
    tables={
        "response": Table(
            "file of sound",
            {
                "input": ["gs://in/a.wav", "gs://in/b.wav", "gs://in/c.wav"],
                "transcript.results.alternatives.transcript": ["good morning", "hello", None],
                "metadata.totalBilledDuration": ["4s", "2s", None],
                "error.message": [None, None, "gs://in/c.wav was not found"],
            },
        )
    },
    failed=("gs://in/c.wav was not found",),
    aside='stretches of speech past the first: `lists="explode"`',
)

_SEEN = {
    "inputUri": "/in/film.mp4",
    "segmentLabelAnnotations": [
        {"entity": {"description": "cat"}, "segments": [{"confidence": 0.75}]},
        {"entity": {"description": "tree"}, "segments": [{"confidence": 0.5}]},
    ],
}
_SEEN_IN_FILE = {
    "input_uri": "/in/film.mp4",
    "segment_label_annotations": [
        {"entity": {"description": "cat"}, "segments": [{"confidence": 0.75}]},
        {"entity": {"description": "tree"}, "segments": [{"confidence": 0.5}]},
    ],
}
_FILMS = of(
    "videointelligence.v1.AnnotateVideoProgress",
    annotationProgress=[
        {"inputUri": "/in/film.mp4", "progressPercent": 100, "startTime": BEGAN, "updateTime": ENDED}
    ],
)
FILM_FILE = Layout(
    "Video Intelligence",
    "videos.annotate",
    "into a file",
    start=("v1/videos:annotate", {"inputUri": "gs://in/film.mp4", "outputUri": "gs://out/film.json"}),
    metadata=_FILMS,
    response=of("videointelligence.v1.AnnotateVideoResponse"),
    files={"gs://out/film.json": pretty({"annotation_results": [_SEEN_IN_FILE]})},
    tables={
        "annotations": Table(
            "segment of a film",
            {
                "input_uri": ["/in/film.mp4"],
                "segment_label_annotations.entity.description": ["cat"],
            },
        )
    },
)
FILM_INLINE = Layout(
    "Video Intelligence",
    "videos.annotate",
    "inline",
    metadata=_FILMS,
    response=of("videointelligence.v1.AnnotateVideoResponse", annotationResults=[_SEEN]),
    tables={
        "response": Table(
            "segment of a film",
            {"inputUri": ["/in/film.mp4"], "segmentLabelAnnotations.entity.description": ["cat"]},
        )
    },
    aside='labels past the first: `lists="explode"`',
)

LAYOUTS = (
    DOCUMENTS,
    PICTURES,
    PAGES,
    SPEECH_INLINE,
    SPEECH_FILE,
    BATCH_FILES,
    BATCH_INLINE,
    FILM_FILE,
    FILM_INLINE,
)
