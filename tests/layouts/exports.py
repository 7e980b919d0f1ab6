"""What exports and imports leave: of assets, conversations, log entries, catalogues, maps."""

from __future__ import annotations

import json

from layouts.layout import BEGAN, ENDED, Layout, Table, lines, of, pretty, status

_ASSETS = "projects/1/operations/ExportAssets/RESOURCE/77"
_DISK, _INSTANCE = "compute.googleapis.com/Disk", "compute.googleapis.com/Instance"


def _asset(kind: str, name: str) -> dict[str, object]:
    return {
        "name": f"//compute.googleapis.com/projects/p/zones/z/{name}",
        "asset_type": kind,
        "resource": {"version": "v1", "data": {"id": "7012345678901234567", "name": name}},
    }


def _exported(**output: object) -> dict[str, object]:
    return of(
        "asset.v1.ExportAssetsResponse",
        readTime="2026-11-02T08:00:00Z",
        **output,
    )


ASSETS = Layout(
    "Cloud Asset",
    "exportAssets",
    "one object",
    name=_ASSETS,
    metadata=of(
        "asset.v1.ExportAssetsRequest",
        parent="projects/p",
        outputConfig={"gcsDestination": {"uri": "gs://out/assets.json"}},
    ),
    response=_exported(
        outputConfig={"gcsDestination": {"uri": "gs://out/assets.json"}},
        outputResult={"gcsResult": {"uris": ["gs://out/assets.json"]}},
    ),
    files={"gs://out/assets.json": lines(_asset(_DISK, "d1"), _asset(_INSTANCE, "i1"))},
    others={"gs://out/assets-of-june.json": lines(_asset(_DISK, "d0"))},
    tables={
        "assets": Table(
            "asset",
            {
                "asset_type": [_DISK, _INSTANCE],
                "resource.data.id": ["7012345678901234567"] * 2,
                "resource.data.name": ["d1", "i1"],
            },
        )
    },
)
ASSET_TYPES = Layout(
    "Cloud Asset",
    "exportAssets",
    "a prefix",
    name=_ASSETS,
    metadata=of(
        "asset.v1.ExportAssetsRequest",
        parent="projects/p",
        outputConfig={"gcsDestination": {"uriPrefix": "gs://out/assets"}},
    ),
    response=_exported(
        outputConfig={"gcsDestination": {"uriPrefix": "gs://out/assets"}},
        outputResult={
            "gcsResult": {"uris": [f"gs://out/assets/{_DISK}/0", f"gs://out/assets/{_INSTANCE}/0"]}
        },
    ),
    files={
        f"gs://out/assets/{_DISK}/0": lines(_asset(_DISK, "d1")),
        f"gs://out/assets/{_INSTANCE}/0": lines(_asset(_INSTANCE, "i1"), _asset(_INSTANCE, "i2")),
    },
    others={"gs://out/assets/bigquery.googleapis.com/Table/0": lines(_asset("Table", "of another run"))},
    tables={
        "Disk": Table("asset", {"resource.data.name": ["d1"]}),
        "Instance": Table("asset", {"resource.data.name": ["i1", "i2"]}),
    },
)
_PER_TYPE = {
    "dataset": "projects/p/datasets/inventory",
    "table": "assets",
    "separateTablesPerAssetType": True,
}
ASSET_TABLES = Layout(
    "Cloud Asset",
    "exportAssets",
    "BigQuery, per type",
    name=_ASSETS,
    metadata=of("asset.v1.ExportAssetsRequest", outputConfig={"bigqueryDestination": _PER_TYPE}),
    response=_exported(outputConfig={"bigqueryDestination": _PER_TYPE}),
    bigquery={
        "inventory.assets_compute_googleapis_com_Disk": [{"name": "d1"}],
        "inventory.assets_compute_googleapis_com_Instance": [{"name": "i1"}, {"name": "i2"}],
        "inventory.prices": [{"name": "of another"}],
    },
    tables={
        "assets_compute_googleapis_com_Disk": Table("asset", {"name": ["d1"]}),
        "assets_compute_googleapis_com_Instance": Table("asset", {"name": ["i1", "i2"]}),
    },
)
_IAM = {"dataset": "projects/p/datasets/policies", "tablePrefix": "iam"}
POLICIES = Layout(
    "Cloud Asset",
    "analyzeIamPolicyLongrunning",
    "BigQuery",
    name="projects/1/operations/AnalyzeIamPolicyLongrunning/77",
    metadata=of("asset.v1.AnalyzeIamPolicyLongrunningMetadata", createTime=BEGAN),
    response=of("asset.v1.AnalyzeIamPolicyLongrunningResponse"),
    start=(
        "v1/projects/p:analyzeIamPolicyLongrunning",
        {"analysisQuery": {"scope": "projects/p"}, "outputConfig": {"bigqueryDestination": _IAM}},
    ),
    bigquery={
        "policies.iam_analysis": [{"scope": "projects/p"}],
        "policies.iam_analysis_result": [{"role": "roles/viewer"}, {"role": "roles/owner"}],
        "policies.other": [{"role": "of another"}],
    },
    tables={
        "iam_analysis": Table("analysis", {"scope": ["projects/p"]}),
        "iam_analysis_result": Table("binding", {"role": ["roles/viewer", "roles/owner"]}),
    },
)
CONVERSATIONS = Layout(
    "Contact Center Insights",
    "insightsdata.export",
    "BigQuery",
    metadata=of(
        "contactcenterinsights.v1.ExportInsightsDataMetadata",
        createTime=BEGAN,
        endTime=ENDED,
        request={
            "parent": "projects/p/locations/us",
            "bigQueryDestination": {"projectId": "p", "dataset": "insights", "table": "calls"},
        },
    ),
    response=of("contactcenterinsights.v1.ExportInsightsDataResponse"),
    bigquery={
        "insights.calls": [{"conversationName": "c1"}, {"conversationName": "c2"}],
        "insights.agents": [{"name": "a"}],
    },
    tables={"calls": Table("conversation", {"conversationName": ["c1", "c2"]})},
)
LABELS = Layout(
    "Contact Center Insights",
    "bulkDownloadFeedbackLabels",
    metadata=of(
        "contactcenterinsights.v1.BulkDownloadFeedbackLabelsMetadata",
        createTime=BEGAN,
        endTime=ENDED,
        request={
            "parent": "projects/p/locations/us",
            "gcsDestination": {"format": "CSV", "objectUri": "gs://out/labels"},
        },
        downloadStats={
            "processedObjectCount": 3,
            "successfulDownloadCount": 3,
            "fileNames": ["labels-0-of-2.csv", "labels-1-of-2.csv"],
        },
    ),
    response=of("contactcenterinsights.v1.BulkDownloadFeedbackLabelsResponse", downloadStats={}),
    files={
        "gs://out/labels-0-of-2.csv": "labelId,label,labeledResource\n1,yes,c/1\n2,no,c/2\n",
        "gs://out/labels-1-of-2.csv": "labelId,label,labeledResource\n3,yes,c/3\n",
    },
    others={"gs://out/labels-of-june.csv": "labelId,label,labeledResource\n9,yes,c/9\n"},
    tables={"labels": Table("label", {"labelId": [1, 2, 3], "label": ["yes", "no", "yes"]})},
)


def _entry(number: int) -> dict[str, object]:
    return {
        "insertId": str(number),
        "logName": "projects/p/logs/syslog",
        "severity": "INFO",
        "timestamp": f"2026-10-31T08:00:0{number}Z",
        "jsonPayload": {"message": f"m{number}"},
        "resource": {"type": "gce_instance", "labels": {"zone": "z"}},
    }


_COPY = {
    "name": "projects/p/locations/global/buckets/_Default",
    "destination": "storage.googleapis.com/logs",
}
LOGS = Layout(
    "Logging",
    "entries.copy",
    name="projects/p/locations/global/operations/77",
    metadata=of(
        "logging.v2.CopyLogEntriesMetadata",
        startTime=BEGAN,
        endTime=ENDED,
        state="OPERATION_STATE_SUCCEEDED",
        progress=100,
        request=_COPY,
        destination="storage.googleapis.com/logs",
    ),
    response=of("logging.v2.CopyLogEntriesResponse", logEntriesCopiedCount="3"),
    files={
        "gs://logs/syslog/2026/10/31/08:00:00_08:59:59_S0.json": lines(_entry(1), _entry(2)),
        "gs://logs/syslog/2026/10/31/09:00:00_09:59:59_S0.json": lines(_entry(3)),
    },
    others={"gs://logs/syslog/2026/10/30/08:00:00_08:59:59_S0.json": lines(_entry(9))},
    tables={
        "syslog": Table(
            "log entry",
            {"insertId": ["1", "2", "3"], "jsonPayload.message": ["m1", "m2", "m3"]},
        )
    },
)

_BAD = lines(
    {**status(3, "title is missing"), "details": [{"documentId": "d7"}]},
    {**status(3, "price is no number"), "details": [{"documentId": "d8"}]},
)
SEARCH_IMPORT = Layout(
    "Discovery Engine",
    "documents.import",
    name="projects/1/locations/global/collections/c/dataStores/s/branches/0/operations/import-documents-7",
    metadata=of(
        "discoveryengine.v1.ImportDocumentsMetadata",
        createTime=BEGAN,
        updateTime=ENDED,
        successCount="98",
        failureCount="2",
        totalCount="100",
    ),
    response=of(
        "discoveryengine.v1.ImportDocumentsResponse",
        errorSamples=[status(3, "title is missing")],
        errorConfig={"gcsPrefix": "gs://out/errors/7"},
    ),
    files={"gs://out/errors/7/errors-00000-of-00001.jsonl": _BAD},
    tables={"response": Table("sample of the errors", {"message": ["title is missing"]})},
    failed=("title is missing", "title is missing", "price is no number"),
    aside="the error files: `op.failures()`",
)
PRODUCT_IMPORT = Layout(
    "Retail",
    "products.import",
    name="projects/1/locations/global/catalogs/c/branches/0/operations/import-products-7",
    metadata=of(
        "retail.v2.ImportMetadata", createTime=BEGAN, updateTime=ENDED, successCount="98", failureCount="2"
    ),
    response=of("retail.v2.ImportProductsResponse", errorsConfig={"gcsPrefix": "gs://out/errors/8"}),
    files={"gs://out/errors/8/errors-00000-of-00001.jsonl": _BAD},
    tables={"response": Table("import", {"errorsConfig.gcsPrefix": ["gs://out/errors/8"]})},
    failed=("title is missing", "price is no number"),
    aside="the error files: `op.failures()`",
)
METRICS = Layout(
    "Retail",
    "catalogs.exportAnalyticsMetrics",
    name="projects/1/locations/global/catalogs/c/operations/export-7",
    metadata=of("retail.v2.ExportMetadata", createTime=BEGAN, updateTime=ENDED),
    response=of(
        "retail.v2.ExportAnalyticsMetricsResponse",
        outputResult={"gcsResult": [{"outputUri": "gs://out/metrics/search.json"}]},
        errorsConfig={"gcsPrefix": "gs://out/metrics/errors"},
    ),
    files={
        "gs://out/metrics/search.json": lines({"day": "2026-11-01", "searches": "12"}, {"day": "2026-11-02"}),
        "gs://out/metrics/errors/errors-00000-of-00001.jsonl": lines(status(3, "a day is missing")),
    },
    tables={"search": Table("day", {"day": ["2026-11-01", "2026-11-02"]})},
    failed=("a day is missing",),
)

_CONSOLE = "https://console.cloud.google.com/storage/browser/maps/exports/"


def _map_export(form: str) -> dict[str, object]:
    return {
        "@type": "type.googleapis.com/google.earthengine.v1alpha.OperationMetadata",
        "state": "SUCCEEDED",
        "type": "EXPORT_FEATURES",
        "description": form,
        "createTime": BEGAN,
        "startTime": BEGAN,
        "updateTime": ENDED,
        "endTime": ENDED,
        "destinationUris": [_CONSOLE],
    }


def _feature(number: int) -> dict[str, object]:
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [13.7, 51.0]},
        "id": f"0000{number}",
        "properties": {"ndvi": number / 2, "zip": "01069"},
    }


MAP_CSV = Layout(
    "Earth Engine",
    "table.export",
    "CSV",
    name="projects/p/operations/ABCDEFGHIJKLMNOPQRSTUVWX",
    metadata=_map_export("CSV"),
    files={
        "gs://maps/exports/ndvi.csv": (
            'system:index,ndvi,zip,.geo\n00001,0.5,01069,"{""type"":""Point"",""coordinates"":[13.7,51]}"\n'
            "00002,1.0,01099,\n"
        )
    },
    others={"gs://maps/exports/of_june.csv": "system:index,ndvi\n00009,0.5\n"},
    tables={
        "ndvi": Table(
            "feature",
            {"system:index": ["00001", "00002"], "ndvi": [0.5, 1.0], "zip": ["01069", "01099"]},
        )
    },
)
MAP_GEOJSON = Layout(
    "Earth Engine",
    "table.export",
    "GeoJSON",
    name="projects/p/operations/ABCDEFGHIJKLMNOPQRSTUVWY",
    metadata=_map_export("GEO_JSON"),
    files={
        "gs://maps/exports/ndvi.geojson": json.dumps(
            {"type": "FeatureCollection", "features": [_feature(1), _feature(2)]}
        )
    },
    others={"gs://maps/exports/of_june.geojson": pretty({"features": [_feature(9)]})},
    tables={
        "ndvi": Table(
            "feature",
            {
                "id": ["00001", "00002"],
                "properties.ndvi": [0.5, 1.0],
                "properties.zip": ["01069", "01069"],
                "geometry.type": ["Point", "Point"],
            },
        )
    },
    aside='lists of coordinates (`lists="nested"`); GeoTIFF, TFRecord, shapefiles, KML: told what reads them',
)

LAYOUTS = (
    ASSETS,
    ASSET_TYPES,
    ASSET_TABLES,
    POLICIES,
    CONVERSATIONS,
    LABELS,
    LOGS,
    SEARCH_IMPORT,
    PRODUCT_IMPORT,
    METRICS,
    MAP_CSV,
    MAP_GEOJSON,
)
