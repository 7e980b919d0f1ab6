"""What the APIs leave that translate, learn and predict."""

from __future__ import annotations

from layouts.layout import BEGAN, ENDED, Layout, Table, lines, of, status

_SUBMITTED = {"submitTime": BEGAN, "endTime": ENDED}
_INTO = {"gcsDestination": {"outputUriPrefix": "gs://out/t/"}}
_TEXT = "projects/p/locations/us-central1:batchTranslateText"
_INDEX = (
    "gs://in/a.tsv,de,gs://out/t/in_a_de_translations.tsv,gs://out/t/in_a_de_errors.tsv,,\n"
    "gs://in/b.txt,de,gs://out/t/in_b_de_translations.txt,,,\n"
)
TEXTS = Layout(
    "Translation",
    "batchTranslateText",
    start=(
        f"v3/{_TEXT}",
        {
            "sourceLanguageCode": "en",
            "targetLanguageCodes": ["de"],
            "inputConfigs": [{"gcsSource": {"inputUri": "gs://in/*"}}],
            "outputConfig": _INTO,
        },
    ),
    name="projects/p/locations/us-central1/operations/20261102-08001-66ec",
    metadata=of(
        "translation.v3.BatchTranslateMetadata", state="SUCCEEDED", totalCharacters="50", submitTime=BEGAN
    ),
    response=of(
        "translation.v3.BatchTranslateResponse",
        totalCharacters="50",
        translatedCharacters="40",
        failedCharacters="10",
        **_SUBMITTED,
    ),
    files={
        "gs://out/t/index.csv": _INDEX,
        "gs://out/t/in_a_de_translations.tsv": "0\tgood morning\tGuten Morgen\n1\tgood night\tGute Nacht\n",
        "gs://out/t/in_a_de_errors.tsv": "2\tgood what\tthe text is too long\n",
        "gs://out/t/in_b_de_translations.txt": "Hallo, Welt.\nWie geht es dir?\n",
        "gs://in/a.tsv": "0\tgood morning\n",
    },
    tables={
        "index": Table(
            "file and language",
            {
                "input_file": ["gs://in/a.tsv", "gs://in/b.txt"],
                "target_language_code": ["de", "de"],
                "translations_file": [
                    "gs://out/t/in_a_de_translations.tsv",
                    "gs://out/t/in_b_de_translations.txt",
                ],
                "errors_file": ["gs://out/t/in_a_de_errors.tsv", None],
            },
        ),
        "translations": Table(
            "text",
            {
                "id": [0, 1],
                "source": ["good morning", "good night"],
                "translation": ["Guten Morgen", "Gute Nacht"],
            },
        ),
        "errors": Table("text", {"id": [2], "source": ["good what"], "error": ["the text is too long"]}),
    },
    skipped={"in_b_de_translations.txt": "text"},
    aside="translations of `.txt` and `.html`: they are text, and `index` names them",
)
_DOCUMENTS = "projects/p/locations/us-central1:batchTranslateDocument"
TRANSLATED = Layout(
    "Translation",
    "batchTranslateDocument",
    start=(
        f"v3/{_DOCUMENTS}",
        {
            "sourceLanguageCode": "en",
            "targetLanguageCodes": ["de"],
            "inputConfigs": [{"gcsSource": {"inputUri": "gs://in/*"}}],
            "outputConfig": _INTO,
        },
    ),
    name="projects/p/locations/us-central1/operations/20261102-08002-66ec",
    metadata=of(
        "translation.v3.BatchTranslateDocumentMetadata", state="SUCCEEDED", totalPages="3", submitTime=BEGAN
    ),
    response=of("translation.v3.BatchTranslateDocumentResponse", totalPages="3", **_SUBMITTED),
    files={
        "gs://out/t/index.csv": "gs://in/a.pdf,de,gs://out/t/in_a_de_translation.pdf,,,\n",
        "gs://out/t/in_a_de_translation.pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    },
    tables={
        "index": Table(
            "document and language",
            {
                "input_document": ["gs://in/a.pdf"],
                "target_language_code": ["de"],
                "translation_output": ["gs://out/t/in_a_de_translation.pdf"],
            },
        )
    },
    skipped={"in_a_de_translation.pdf": "PDF"},
    aside="the documents themselves: `index` names them",
)

_JOB = {
    "name": "projects/1/locations/us-central1/batchPredictionJobs/55",
    "displayName": "churn",
    "state": "JOB_STATE_SUCCEEDED",
    "createTime": BEGAN,
    "startTime": BEGAN,
    "endTime": ENDED,
    "inputConfig": {"instancesFormat": "jsonl", "gcsSource": {"uris": ["gs://in/people.jsonl"]}},
}
_FOLDER = "gs://out/prediction-churn-2026_11_02T08_00_00_000Z"
_PEOPLE = [{"instance": {"id": str(number)}, "prediction": {"score": number / 4}} for number in range(3)]
_REFUSED = {"instance": {"id": "9"}, "status": status(3, "a feature is missing")}
PREDICTIONS = Layout(
    "Vertex AI",
    "batchPredictionJobs",
    "JSON Lines, by a pipeline",
    job={
        **_JOB,
        "outputConfig": {"predictionsFormat": "jsonl", "gcsDestination": {"outputUriPrefix": "gs://out/"}},
        "outputInfo": {"gcsOutputDirectory": _FOLDER},
    },
    files={
        f"{_FOLDER}/prediction.results-00000-of-00002": lines(*_PEOPLE[:2]),
        f"{_FOLDER}/prediction.results-00001-of-00002": lines(*_PEOPLE[2:]),
        f"{_FOLDER}/prediction.errors_stats-00000-of-00001": lines(_REFUSED),
        "gs://in/people.jsonl": lines({"id": "1"}),
    },
    others={
        "gs://out/prediction-churn-2026_11_01T08_00_00_000Z/prediction.results-00000-of-00001": lines(
            *_PEOPLE
        )
    },
    tables={
        "predictions": Table(
            "instance", {"instance.id": ["0", "1", "2"], "prediction.score": [0.0, 0.25, 0.5]}
        ),
        "errors": Table("instance", {"instance.id": ["9"], "status.message": ["a feature is missing"]}),
    },
)
NUMBERED = Layout(
    "Vertex AI",
    "batchPredictionJobs",
    "JSON Lines, by AutoML",
    job={
        **_JOB,
        "outputConfig": {"predictionsFormat": "jsonl", "gcsDestination": {"outputUriPrefix": "gs://out/"}},
        "outputInfo": {"gcsOutputDirectory": _FOLDER},
    },
    files={
        f"{_FOLDER}/predictions_0001.jsonl": lines(*_PEOPLE[:2]),
        f"{_FOLDER}/predictions_0002.jsonl": lines(*_PEOPLE[2:]),
        f"{_FOLDER}/errors_0001.jsonl": lines(_REFUSED),
    },
    tables={
        "predictions": Table(
            "instance", {"instance.id": ["0", "1", "2"], "prediction.score": [0.0, 0.25, 0.5]}
        ),
        "errors": Table("instance", {"instance.id": ["9"], "status.message": ["a feature is missing"]}),
    },
)
PREDICTED_CSV = Layout(
    "Vertex AI",
    "batchPredictionJobs",
    "CSV",
    job={
        **_JOB,
        "outputConfig": {"predictionsFormat": "csv", "gcsDestination": {"outputUriPrefix": "gs://out/"}},
        "outputInfo": {"gcsOutputDirectory": _FOLDER},
    },
    files={
        f"{_FOLDER}/predictions_1.csv": "id,zip,churn_yes_scores\n0,01069,0.25\n1,20095,0.5\n",
        f"{_FOLDER}/predictions_2.csv": "id,zip,churn_yes_scores\n2,04109,0.75\n",
        f"{_FOLDER}/errors_1.csv": 'id,zip,errors\n9,,"{""code"":3,""message"":""no zip""}"\n',
    },
    tables={
        "predictions": Table(
            "instance",
            {
                "id": [0, 1, 2],
                "zip": ["01069", "20095", "04109"],
                "churn_yes_scores": [0.25, 0.5, 0.75],
            },
        ),
        "errors": Table("instance", {"id": [9], "errors": ['{"code":3,"message":"no zip"}']}),
    },
)
PREDICTED_BIGQUERY = Layout(
    "Vertex AI",
    "batchPredictionJobs",
    "BigQuery",
    job={
        **_JOB,
        "outputConfig": {
            "predictionsFormat": "bigquery",
            "bigqueryDestination": {"outputUri": "bq://p.shared"},
        },
        "outputInfo": {
            "bigqueryOutputDataset": "bq://p.shared",
            "bigqueryOutputTable": "predictions_2026_11_02T08_00_00_000Z",
        },
    },
    bigquery={
        "shared.predictions_2026_11_02T08_00_00_000Z": [{"id": "0"}, {"id": "1"}],
        "shared.salaries": [{"id": "x"}],
    },
    tables={"predictions_2026_11_02T08_00_00_000Z": Table("instance", {"id": ["0", "1"]})},
)

_DATA = "gs://out/export-data-flowers-2026-11-02T08:00:00.000000Z"
_EXPORT = of(
    "aiplatform.v1.ExportDataOperationMetadata",
    genericMetadata={"createTime": BEGAN, "updateTime": ENDED},
    gcsOutputDirectory=_DATA,
)


def _items(*names: str) -> str:
    return lines(
        *(
            {"imageGcsUri": f"gs://in/{name}.png", "classificationAnnotation": {"displayName": name}}
            for name in names
        )
    )


DATASET = Layout(
    "Vertex AI",
    "datasets.export",
    name="projects/1/locations/us-central1/datasets/9/operations/66",
    metadata=_EXPORT,
    response=of(
        "aiplatform.v1.ExportDataResponse",
        exportedFiles=[
            f"{_DATA}/image_classification-data-00001-of-00002.jsonl",
            f"{_DATA}/image_classification-data-00002-of-00002.jsonl",
        ],
    ),
    files={
        f"{_DATA}/image_classification-data-00001-of-00002.jsonl": _items("rose", "lily"),
        f"{_DATA}/image_classification-data-00002-of-00002.jsonl": _items("tulip"),
    },
    tables={
        "image_classification-data": Table(
            "item", {"classificationAnnotation.displayName": ["rose", "lily", "tulip"]}
        )
    },
)
SPLITS = Layout(
    "Vertex AI",
    "datasets.export",
    "for training",
    name="projects/1/locations/us-central1/datasets/9/operations/66",
    metadata=_EXPORT,
    response=of(
        "aiplatform.v1.ExportDataResponse",
        exportedFiles=[f"{_DATA}/{split}-*" for split in ("training", "validation", "test")],
    ),
    files={
        f"{_DATA}/training-00000-of-00002.jsonl": _items("rose"),
        f"{_DATA}/training-00001-of-00002.jsonl": _items("lily"),
        f"{_DATA}/validation-00000-of-00001.jsonl": _items("tulip"),
        f"{_DATA}/test-00000-of-00001.jsonl": _items("daisy", "iris"),
    },
    tables={
        "training": Table("item", {"classificationAnnotation.displayName": ["rose", "lily"]}),
        "validation": Table("item", {"classificationAnnotation.displayName": ["tulip"]}),
        "test": Table("item", {"classificationAnnotation.displayName": ["daisy", "iris"]}),
    },
)

_AUTOML = "projects/1/locations/us-central1/operations/TCN77"
_BATCH = "automl.v1.OperationMetadata"
_PREDICTED = "gs://out/prediction-tickets-2026-11-02T08:00:00.000Z"
NATURAL = Layout(
    "AutoML (Natural Language)",
    "models.batchPredict",
    "text",
    name=_AUTOML,
    metadata=of(
        _BATCH,
        createTime=BEGAN,
        updateTime=ENDED,
        progressPercent=100,
        batchPredictDetails={
            "inputConfig": {"gcsSource": {"inputUris": ["gs://in/tickets.csv"]}},
            "outputInfo": {"gcsOutputDirectory": _PREDICTED},
        },
    ),
    response=of("automl.v1.BatchPredictResult"),
    files={
        f"{_PREDICTED}/text_classification_1.jsonl": lines(
            {
                "textSnippet": {"contentUri": "gs://in/1.txt"},
                "annotations": [{"displayName": "refund", "classification": {"score": 0.75}}],
            },
            {"textSnippet": {"contentUri": "gs://in/2.txt"}, "annotations": []},
        ),
        f"{_PREDICTED}/errors_1.jsonl": lines(
            {"textSnippet": {"contentUri": "gs://in/3.txt"}, "error": status(3, "it is empty")}
        ),
    },
    tables={
        "text_classification": Table(
            "text",
            {
                "textSnippet.contentUri": ["gs://in/1.txt", "gs://in/2.txt"],
                "annotations.displayName": ["refund", None],
            },
        ),
        "errors": Table(
            "text", {"textSnippet.contentUri": ["gs://in/3.txt"], "error.message": ["it is empty"]}
        ),
    },
)
TABLES = Layout(
    "AutoML (Natural Language)",
    "models.batchPredict",
    "tables",
    name=_AUTOML,
    metadata=of(
        _BATCH,
        createTime=BEGAN,
        updateTime=ENDED,
        batchPredictDetails={"outputInfo": {"gcsOutputDirectory": _PREDICTED}},
    ),
    response=of("automl.v1.BatchPredictResult"),
    files={
        f"{_PREDICTED}/tables_1.csv": "age,job,y_yes_score\n30,teacher,0.25\n",
        f"{_PREDICTED}/tables_2.csv": "age,job,y_yes_score\n41,nurse,0.5\n52,cook,0.75\n",
        f"{_PREDICTED}/errors_1.csv": "age,job,error\nold,cook,age is no number\n",
    },
    tables={
        "tables": Table("row of the input", {"age": [30, 41, 52], "y_yes_score": [0.25, 0.5, 0.75]}),
        "errors": Table("row of the input", {"age": ["old"], "error": ["age is no number"]}),
    },
)
_EXPORTED = "gs://out/export_data-tickets-2026-11-02T08:00:00.000Z"
AUTOML_EXPORT = Layout(
    "AutoML (Natural Language)",
    "datasets.exportData",
    name=_AUTOML,
    metadata=of(
        _BATCH,
        createTime=BEGAN,
        updateTime=ENDED,
        exportDataDetails={"outputInfo": {"gcsOutputDirectory": _EXPORTED}},
    ),
    response=of("protobuf.Empty"),
    files={
        f"{_EXPORTED}/text_classification.csv": (
            "TRAIN,gs://out/a/1.txt,refund\nTEST,gs://out/a/2.txt,praise\nTRAIN,gs://out/a/3.txt,refund\n"
        )
    },
    tables={
        "text_classification": Table(
            "item", {"column_1": ["TRAIN", "TEST", "TRAIN"], "column_3": ["refund", "praise", "refund"]}
        )
    },
)

LAYOUTS = (
    TEXTS,
    TRANSLATED,
    PREDICTIONS,
    NUMBERED,
    PREDICTED_CSV,
    PREDICTED_BIGQUERY,
    DATASET,
    SPLITS,
    NATURAL,
    TABLES,
    AUTOML_EXPORT,
)
