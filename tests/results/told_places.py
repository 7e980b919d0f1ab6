"""What operations of Google's APIs tell of where they wrote, and the places that are right."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

#: API method -> response, metadata, request, and the places that are right.
TOLD: dict[str, tuple[Json, Json, Json, list[str]]] = {
    "documentai batchProcess": (
        {},
        {
            "state": "SUCCEEDED",
            "individualProcessStatuses": [
                {"inputGcsSource": "gs://in/a.pdf", "status": {}, "outputGcsDestination": "gs://out/77/0"},
                {"inputGcsSource": "gs://in/b.pdf", "status": {}, "outputGcsDestination": "gs://out/77/1"},
            ],
        },
        {
            "inputDocuments": {"gcsPrefix": {"gcsUriPrefix": "gs://in/"}},
            "documentOutputConfig": {"gcsOutputConfig": {"gcsUri": "gs://out/"}},
        },
        ["gs://out/77/0", "gs://out/77/1"],
    ),
    "documentai batchProcess, before its end": (
        {},
        {"state": "RUNNING"},
        {
            "inputDocuments": {"gcsPrefix": {"gcsUriPrefix": "gs://in/"}},
            "documentOutputConfig": {"gcsOutputConfig": {"gcsUri": "gs://out/"}},
        },
        ["gs://out/"],
    ),
    "vision files.asyncBatchAnnotate": (
        {
            "responses": [
                {"outputConfig": {"gcsDestination": {"uri": "gs://out/x/"}, "batchSize": 2}},
                {"outputConfig": {"gcsDestination": {"uri": "gs://out/y/"}, "batchSize": 2}},
            ]
        },
        {"state": "DONE"},
        {"requests": [{"inputConfig": {"gcsSource": {"uri": "gs://in/a.pdf"}}}]},
        ["gs://out/x/", "gs://out/y/"],
    ),
    "speech v1 longrunningrecognize": (
        {
            "results": [{"alternatives": [{"transcript": "hello"}]}],
            "outputConfig": {"gcsUri": "gs://out/t.json"},
        },
        {"uri": "gs://in/a.wav", "progressPercent": 100},
        {"audio": {"uri": "gs://in/a.wav"}, "outputConfig": {"gcsUri": "gs://out/t.json"}},
        ["gs://out/t.json"],
    ),
    "speech v2 batchRecognize": (
        {
            "results": {
                "gs://in/a.wav": {
                    "cloudStorageResult": {"uri": "gs://out/a_1.json", "vttFormatUri": "gs://out/a_1.vtt"}
                },
                "gs://in/b.wav": {"error": {"code": 3, "message": "gs://in/b.wav is no audio"}},
            }
        },
        {"batchRecognizeRequest": {"recognitionOutputConfig": {"gcsOutputConfig": {"uri": "gs://out/"}}}},
        {},
        ["gs://out/a_1.json", "gs://out/a_1.vtt"],
    ),
    "videointelligence annotate": (
        {"annotationResults": [{"inputUri": "/in/v.mp4"}]},
        {"annotationProgress": [{"inputUri": "/in/v.mp4", "progressPercent": 100}]},
        {"inputUri": "gs://in/v.mp4", "outputUri": "gs://out/v.json"},
        ["gs://out/v.json"],
    ),
    "translate batchTranslateText": (
        {"totalCharacters": "12"},
        {"state": "SUCCEEDED"},
        {
            "inputConfigs": [{"gcsSource": {"inputUri": "gs://in/a.txt"}}],
            "outputConfig": {"gcsDestination": {"outputUriPrefix": "gs://out/t/"}},
            "glossaries": {"de": {"glossary": "projects/p/locations/l/glossaries/g"}},
        },
        ["gs://out/t/"],
    ),
    "aiplatform datasets.export": (
        {"exportedFiles": ["gs://out/export-data-d/data-00001-of-00001.jsonl"], "dataStats": {}},
        {"genericMetadata": {}, "gcsOutputDirectory": "gs://out/export-data-d"},
        {"exportConfig": {"gcsDestination": {"outputUriPrefix": "gs://out/"}}},
        ["gs://out/export-data-d/data-00001-of-00001.jsonl"],
    ),
    "aiplatform batchPredictionJobs": (
        {
            "inputConfig": {"instancesFormat": "jsonl", "gcsSource": {"uris": ["gs://in/i.jsonl"]}},
            "outputConfig": {
                "predictionsFormat": "jsonl",
                "gcsDestination": {"outputUriPrefix": "gs://out/"},
            },
            "outputInfo": {"gcsOutputDirectory": "gs://out/prediction-m-2026"},
            "unmanagedContainerModel": {"artifactUri": "gs://models/m"},
        },
        {},
        {},
        ["gs://out/prediction-m-2026"],
    ),
    "cloudasset exportAssets, one object": (
        {
            "readTime": "2026-01-01T00:00:00Z",
            "outputConfig": {"gcsDestination": {"uri": "gs://out/a.json"}},
            "outputResult": {"gcsResult": {"uris": ["gs://out/a.json"]}},
        },
        {"parent": "projects/p", "outputConfig": {"gcsDestination": {"uri": "gs://out/a.json"}}},
        {},
        ["gs://out/a.json"],
    ),
    "cloudasset exportAssets, a prefix": (
        {
            "outputConfig": {"gcsDestination": {"uriPrefix": "gs://out/a"}},
            "outputResult": {
                "gcsResult": {"uris": ["gs://out/a/compute.googleapis.com/Disk/0", "gs://out/a/b/0"]}
            },
        },
        {},
        {},
        ["gs://out/a/compute.googleapis.com/Disk/0", "gs://out/a/b/0"],
    ),
    "cloudasset exportAssets, BigQuery": (
        {"outputConfig": {"bigqueryDestination": {"dataset": "projects/p/datasets/d", "table": "assets"}}},
        {},
        {},
        ["bq://p.d.assets"],
    ),
    "cloudasset analyzeIamPolicyLongrunning": (
        {},
        {},
        {
            "analysisQuery": {"scope": "projects/p"},
            "outputConfig": {
                "bigqueryDestination": {"dataset": "projects/p/datasets/d", "tablePrefix": "iam"}
            },
        },
        ["bq://p.d.iam*"],
    ),
    "contactcenterinsights insightsdata.export": (
        {},
        {"request": {"bigQueryDestination": {"projectId": "q", "dataset": "d", "table": "t"}, "filter": ""}},
        {},
        ["bq://q.d.t"],
    ),
    "contactcenterinsights insightsdata.export, own project": (
        {},
        {"request": {"bigQueryDestination": {"dataset": "d", "table": "t"}}},
        {},
        ["bq://own.d.t"],
    ),
    "contactcenterinsights bulkDownloadFeedbackLabels": (
        {},
        {"request": {"gcsDestination": {"format": "CSV", "objectUri": "gs://out/labels"}}},
        {},
        ["gs://out/labels"],
    ),
    "logging entries.copy": (
        {},
        {"request": {"name": "projects/p/logs/l", "destination": "storage.googleapis.com/out"}, "state": "x"},
        {},
        ["gs://out"],
    ),
    "retail exportAnalyticsMetrics": (
        {
            "outputResult": {
                "gcsResult": [{"outputUri": "gs://out/foo.json"}],
                "bigqueryResult": [{"datasetId": "d", "tableId": "t"}],
            },
            "errorsConfig": {"gcsPrefix": "gs://out/err"},
        },
        {},
        {},
        ["gs://out/foo.json", "bq://own.d.t", "errors gs://out/err"],
    ),
    "retail products.import": (
        {"errorsConfig": {"gcsPrefix": "gs://out/err"}, "errorSamples": [{"message": "bad"}]},
        {"successCount": "1", "failureCount": "1"},
        {"inputConfig": {"gcsSource": {"inputUris": ["gs://in/p.json"], "dataSchema": "product"}}},
        ["errors gs://out/err"],
    ),
    "aiplatform ragFiles.import": (
        {"partialFailuresGcsPath": "gs://out/failed.ndjson", "importedRagFilesCount": "3"},
        {
            "importRagFilesConfig": {
                "gcsSource": {"uris": ["gs://in/"]},
                "importResultGcsSink": {"outputUriPrefix": "gs://out/r.ndjson"},
            }
        },
        {},
        ["gs://out/r.ndjson", "errors gs://out/failed.ndjson"],
    ),
    "automl batchPredict": (
        {},
        {
            "batchPredictDetails": {
                "inputConfig": {"gcsSource": {"inputUris": ["gs://in/a.csv"]}},
                "outputInfo": {"gcsOutputDirectory": "gs://out/prediction-m"},
            }
        },
        {},
        ["gs://out/prediction-m"],
    ),
    "automl batchPredict to BigQuery": (
        {},
        {"batchPredictDetails": {"outputInfo": {"bigqueryOutputDataset": "bq://p.d"}}},
        {},
        ["bq://p.d"],
    ),
    "earthengine table.export": (
        {},
        {
            "state": "SUCCEEDED",
            "destinationUris": ["https://console.cloud.google.com/storage/browser/out/t/"],
            "type": "EXPORT",
        },
        {
            "fileExportOptions": {
                "fileFormat": "CSV",
                "cloudStorageDestination": {"bucket": "out", "filenamePrefix": "t/x"},
            }
        },
        ["gs://out/t/"],
    ),
    "earthengine table.export, before its end": (
        {},
        {"state": "RUNNING"},
        {
            "fileExportOptions": {
                "fileFormat": "CSV",
                "cloudStorageDestination": {"bucket": "out", "filenamePrefix": "t/x"},
            }
        },
        ["gs://out/t/x"],
    ),
    "firestore exportDocuments": (
        {"outputUriPrefix": "gs://out/2026"},
        {"outputUriPrefix": "gs://out/2026", "progressDocuments": {}},
        {},
        ["gs://out/2026"],
    ),
    "sqladmin export": (
        {"kind": "sql#operation", "exportContext": {"uri": "gs://out/dump.csv", "fileType": "CSV"}},
        {},
        {},
        ["gs://out/dump.csv"],
    ),
    "bigquery extract job": (
        {
            "configuration": {
                "extract": {
                    "sourceTable": {"projectId": "p", "datasetId": "d", "tableId": "s"},
                    "destinationUris": ["gs://out/x-*.csv"],
                    "destinationFormat": "CSV",
                }
            }
        },
        {},
        {},
        ["gs://out/x-*.csv"],
    ),
    "bigquery query job": (
        {
            "configuration": {
                "query": {"destinationTable": {"projectId": "p", "datasetId": "d", "tableId": "t"}}
            }
        },
        {},
        {},
        ["bq://p.d.t"],
    ),
    "dlp inspect job": (
        {
            "inspectDetails": {
                "requestedOptions": {
                    "jobConfig": {
                        "storageConfig": {"cloudStorageOptions": {"fileSet": {"url": "gs://in/*"}}},
                        "actions": [
                            {
                                "saveFindings": {
                                    "outputConfig": {
                                        "table": {"projectId": "p", "datasetId": "d", "tableId": "t"}
                                    }
                                }
                            }
                        ],
                    }
                }
            }
        },
        {},
        {},
        ["bq://p.d.t"],
    ),
    "metastore exportMetadata": (
        {"destinationGcsUri": "gs://out/dump-1", "state": "SUCCEEDED"},
        {},
        {},
        ["gs://out/dump-1"],
    ),
    "contentwarehouse runPipeline": (
        {},
        {"exportToCdwPipelineMetadata": {"documents": ["d"], "outputPath": "gs://out/"}},
        {},
        ["gs://out/"],
    ),
    "healthcare queryAccessibleData": (
        {"gcsUris": ["gs://out/ids.txt"]},
        {},
        {"gcsDestination": {"uriPrefix": "gs://out/"}},
        ["gs://out/"],
    ),
    "dataproc job": (
        {
            "driverOutputResourceUri": "gs://staging/job/driveroutput",
            "driverControlFilesUri": "gs://staging/job/",
        },
        {},
        {"pysparkJob": {"mainPythonFileUri": "gs://code/a.py", "jarFileUris": ["gs://code/b.jar"]}},
        [],
    ),
    "aiplatform models.upload": (
        {"model": "projects/p/locations/l/models/1"},
        {"genericMetadata": {"createTime": "2026-01-01T00:00:00Z"}},
        {"model": {"artifactUri": "gs://models/m", "metadataSchemaUri": "gs://schema/s.yaml"}},
        [],
    ),
    "aiplatform datasets.import": (
        {},
        {},
        {
            "importConfigs": [
                {
                    "gcsSource": {"uris": ["gs://in/a.jsonl"]},
                    "importSchemaUri": "gs://google-cloud-aiplatform/schema/x.yaml",
                }
            ]
        },
        [],
    ),
    "composer environments.create": (
        {"config": {"dagGcsPrefix": "gs://c/dags", "airflowUri": "https://x"}},
        {},
        {},
        [],
    ),
    "storagetransfer run": (
        {},
        {"transferSpec": {"gcsDataSource": {"bucketName": "in", "path": "a/"}}, "status": "SUCCESS"},
        {},
        [],
    ),
}
