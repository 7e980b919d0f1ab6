"""Rows of the APIs that recognise, translate and learn."""

from __future__ import annotations

from google_rows.row import T0, T1, T2, Row, Step, of

_DOCUMENT = {"inputGcsSource": "gs://in/1.pdf", "outputGcsDestination": "gs://out/1", "status": {}}
_BATCH = "google.cloud.documentai.v1.BatchProcessMetadata"
_IMPORT = "google.cloud.documentai.v1beta3.ImportDocumentsMetadata"
_COMMON = {"state": "RUNNING", "createTime": T0, "resource": "projects/p/locations/us/processors/x/dataset"}
_VIDEO = {"inputUri": "gs://in/a.mp4", "startTime": T0, "updateTime": T1}
_VIDEOS = "google.cloud.videointelligence.v1.AnnotateVideoProgress"
_TRANSLATE = {
    "@type": "type.googleapis.com/google.cloud.translation.v3.BatchTranslateMetadata",
    "submitTime": T0,
}
_INSIGHTS = {
    "@type": "type.googleapis.com/google.cloud.contactcenterinsights.v1.BulkAnalyzeConversationsMetadata",
    "createTime": T0,
    "request": {"parent": "projects/p/locations/us-central1", "filter": "", "analysisPercentage": 100},
    "totalRequestedAnalysesCount": 20,
}
_RECOGNIZE = {
    "@type": "type.googleapis.com/google.cloud.speech.v2.OperationMetadata",
    "createTime": T0,
    "resource": "projects/p/locations/global/recognizers/r",
    "method": "google.cloud.speech.v2.Speech.BatchRecognize",
    "batchRecognizeRequest": {"recognizer": "projects/p/locations/global/recognizers/r"},
}

ROWS = (
    Row(
        "google-cloud-documentai",
        "google.cloud.documentai_v1",
        "DocumentProcessorServiceClient",
        "batch_process_documents",
        {"name": "projects/p/locations/us/processors/x"},
        "projects/p/locations/us/operations/1234567890",
        (
            Step(of(_BATCH, state="WAITING", createTime=T0)),
            Step(
                of(_BATCH, state="RUNNING", createTime=T0, individualProcessStatuses=[_DOCUMENT]),
                None,
                (1, None),
            ),
            Step(
                of(
                    _BATCH,
                    state="SUCCEEDED",
                    createTime=T0,
                    updateTime=T2,
                    individualProcessStatuses=[_DOCUMENT] * 2,
                ),
                None,
                (2, None),
            ),
        ),
        "Batch process",
        "projects/p/locations/us",
        created=T0,
        ended=T2,
        response=of("google.cloud.documentai.v1.BatchProcessResponse"),
    ),
    Row(
        "google-cloud-documentai",
        "google.cloud.documentai_v1beta3",
        "DocumentServiceClient",
        "import_documents",
        {"dataset": "projects/p/locations/us/processors/x/dataset"},
        "projects/p/locations/us/operations/2234567890",
        (
            Step(of(_IMPORT, commonMetadata=_COMMON, totalDocumentCount=4)),
            *(
                Step(
                    of(
                        _IMPORT,
                        commonMetadata=_COMMON,
                        totalDocumentCount=4,
                        individualImportStatuses=[{"inputGcsSource": "gs://in/1.pdf", "status": {}}] * done,
                    ),
                    done / 4,
                    (done, 4),
                )
                for done in (3, 4)
            ),
        ),
        "Import documents",
        "projects/p/locations/us/processors/x/dataset",
        created=T0,
        response=of("google.cloud.documentai.v1beta3.ImportDocumentsResponse"),
    ),
    Row(
        "google-cloud-speech",
        "google.cloud.speech_v1",
        "SpeechClient",
        "long_running_recognize",
        {"config": {"language_code": "en-GB"}, "audio": {"uri": "gs://in/talk.flac"}},
        "6780123456789012345",
        tuple(
            Step(
                of(
                    "google.cloud.speech.v1.LongRunningRecognizeMetadata",
                    startTime=T0,
                    lastUpdateTime=T2 if percent == 100 else T1,
                    uri="gs://in/talk.flac",
                    **({"progressPercent": percent} if percent else {}),  # proto3 leaves zero out
                ),
                percent / 100 if percent else None,
            )
            for percent in (0, 40, 100)
        ),
        "Long running recognize",
        "gs://in/talk.flac",
        created=T0,
        ended=T2,
        response=of("google.cloud.speech.v1.LongRunningRecognizeResponse"),
        cancels=("grpc", "grpc_asyncio"),
    ),
    Row(
        "google-cloud-speech",
        "google.cloud.speech_v2",
        "SpeechClient",
        "batch_recognize",
        {"recognizer": "projects/p/locations/global/recognizers/r"},
        "projects/p/locations/global/operations/3234567890",
        (
            Step(_RECOGNIZE),
            Step(
                {
                    **_RECOGNIZE,
                    "batchRecognizeMetadata": {
                        "transcriptionMetadata": {
                            "gs://in/a.wav": {"progressPercent": 60},
                            "gs://in/b.wav": {"progressPercent": 20},
                        }
                    },
                },
                0.4,
            ),
            Step({**_RECOGNIZE, "progressPercent": 100}, 1.0),
        ),
        "Batch recognize",
        "projects/p/locations/global/recognizers/r",
        created=T0,
        response=of("google.cloud.speech.v2.BatchRecognizeResponse"),
    ),
    Row(
        "google-cloud-texttospeech",
        "google.cloud.texttospeech_v1",
        "TextToSpeechLongAudioSynthesizeClient",
        "synthesize_long_audio",
        {"parent": "projects/p/locations/us", "output_gcs_uri": "gs://out/a.wav"},
        "projects/p/locations/us/operations/4234567890",
        tuple(
            Step(
                of(
                    "google.cloud.texttospeech.v1.SynthesizeLongAudioMetadata",
                    startTime=T0,
                    lastUpdateTime=T2 if percent == 100 else T1,
                    progressPercentage=percent,
                ),
                percent / 100,
            )
            for percent in (12.5, 62.5, 100)
        ),
        "Synthesize long audio",
        "projects/p/locations/us",
        created=T0,
        ended=T2,
        response=of("google.cloud.texttospeech.v1.SynthesizeLongAudioResponse"),
    ),
    Row(
        "google-cloud-vision",
        "google.cloud.vision_v1",
        "ImageAnnotatorClient",
        "async_batch_annotate_files",
        {"requests": []},
        "projects/p/operations/1efec2285bd442df",
        (
            Step(of("google.cloud.vision.v1.OperationMetadata", state="CREATED", createTime=T0)),
            Step(
                of("google.cloud.vision.v1.OperationMetadata", state="RUNNING", createTime=T0, updateTime=T1)
            ),
            Step(of("google.cloud.vision.v1.OperationMetadata", state="DONE", createTime=T0, updateTime=T2)),
        ),
        "Async batch annotate files",
        "projects/p",
        created=T0,
        ended=T2,
        response=of("google.cloud.vision.v1.AsyncBatchAnnotateFilesResponse"),
    ),
    Row(
        "google-cloud-videointelligence",
        "google.cloud.videointelligence_v1",
        "VideoIntelligenceServiceClient",
        "annotate_video",
        {"input_uri": "gs://in/a.mp4", "features": ["LABEL_DETECTION", "SHOT_CHANGE_DETECTION"]},
        "projects/p/locations/us-west1/operations/5234567890",
        (
            Step(of(_VIDEOS, annotationProgress=[_VIDEO, _VIDEO])),
            Step(of(_VIDEOS, annotationProgress=[{**_VIDEO, "progressPercent": 50}, _VIDEO]), 0.25),
            Step(of(_VIDEOS, annotationProgress=[{**_VIDEO, "progressPercent": 100}] * 2), 1.0),
        ),
        "Annotate video",
        "projects/p/locations/us-west1",
        created=T0,
        response=of("google.cloud.videointelligence.v1.AnnotateVideoResponse"),
    ),
    Row(
        "google-cloud-translate",
        "google.cloud.translate_v3",
        "TranslationServiceClient",
        "batch_translate_text",
        {"parent": "projects/p/locations/us-central1", "source_language_code": "en"},
        "projects/p/locations/us-central1/operations/20261102-08001604288015-5dd",
        (
            Step({**_TRANSLATE, "state": "RUNNING"}),
            Step(
                {
                    **_TRANSLATE,
                    "state": "RUNNING",
                    "translatedCharacters": "390",
                    "failedCharacters": "10",
                    "totalCharacters": "1000",
                },
                0.4,
                (400, 1000),
            ),
            Step(
                {
                    **_TRANSLATE,
                    "state": "SUCCEEDED",
                    "translatedCharacters": "990",
                    "failedCharacters": "10",
                    "totalCharacters": "1000",
                },
                1.0,
                (1000, 1000),
            ),
        ),
        "Batch translate",
        "projects/p/locations/us-central1",
        created=T0,
        failed=10,
        response=of("google.cloud.translation.v3.BatchTranslateResponse", totalCharacters="1000"),
    ),
    Row(
        "google-cloud-automl",
        "google.cloud.automl_v1",
        "AutoMlClient",
        "import_data",
        {"name": "projects/p/locations/us-central1/datasets/TCN1"},
        "projects/p/locations/us-central1/operations/TCN6234567890",
        (
            Step(of("google.cloud.automl.v1.OperationMetadata", createTime=T0, importDataDetails={})),
            Step(
                of(
                    "google.cloud.automl.v1.OperationMetadata",
                    createTime=T0,
                    importDataDetails={},
                    progressPercent=30,
                ),
                0.3,
            ),
        ),
        "Import data",
        "projects/p/locations/us-central1",
        created=T0,
    ),
    Row(
        "google-cloud-contact-center-insights",
        "google.cloud.contact_center_insights_v1",
        "ContactCenterInsightsClient",
        "bulk_analyze_conversations",
        {"parent": "projects/p/locations/us-central1", "analysis_percentage": 100},
        "projects/p/locations/us-central1/operations/7234567890",
        (
            Step({**_INSIGHTS, "completedAnalysesCount": 4, "failedAnalysesCount": 1}, 0.25, (5, 20)),
            Step(
                {**_INSIGHTS, "completedAnalysesCount": 18, "failedAnalysesCount": 2, "endTime": T2},
                1.0,
                (20, 20),
            ),
        ),
        "Bulk analyze conversations",
        "projects/p/locations/us-central1",
        created=T0,
        ended=T2,
        failed=2,
        response=of(
            "google.cloud.contactcenterinsights.v1.BulkAnalyzeConversationsResponse",
            successfulAnalysisCount=18,
        ),
    ),
    Row(
        "google-cloud-aiplatform",
        "google.cloud.aiplatform_v1",
        "DatasetServiceClient",
        "import_data",
        {"name": "projects/1/locations/us-central1/datasets/9"},
        "projects/1/locations/us-central1/datasets/9/operations/8234567890",
        (
            *(
                Step(
                    of(
                        "google.cloud.aiplatform.v1.ImportDataOperationMetadata",
                        genericMetadata={"createTime": T0, "updateTime": updated},
                    )
                )
                for updated in (T0, T2)
            ),
        ),
        "Import data",
        "projects/1/locations/us-central1/datasets/9",
        created=T0,
        ended=T2,
        response=of("google.cloud.aiplatform.v1.ImportDataResponse"),
    ),
    Row(
        "google-cloud-talent",
        "google.cloud.talent_v4",
        "JobServiceClient",
        "batch_create_jobs",
        {"parent": "projects/p/tenants/t"},
        "projects/p/operations/9234567890",
        (
            Step(
                of(
                    "google.cloud.talent.v4.BatchOperationMetadata",
                    state="PROCESSING",
                    createTime=T0,
                    successCount=10,
                    failureCount=2,
                    totalCount=48,
                ),
                0.25,
                (12, 48),
            ),
            Step(
                of(
                    "google.cloud.talent.v4.BatchOperationMetadata",
                    state="SUCCEEDED",
                    createTime=T0,
                    endTime=T2,
                    successCount=46,
                    failureCount=2,
                    totalCount=48,
                ),
                1.0,
                (48, 48),
            ),
        ),
        "Batch create jobs",
        "projects/p",
        created=T0,
        ended=T2,
        failed=2,
        response=of("google.cloud.talent.v4.BatchCreateJobsResponse"),
    ),
)
