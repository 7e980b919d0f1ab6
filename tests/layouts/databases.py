"""What exports of databases leave: tables where they can be read, else what reads them."""

from __future__ import annotations

import gzip
import io
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
from layouts.layout import BEGAN, ENDED, Layout, Table, lines, of

_LEVELDB = bytes.fromhex("0bb95758050001") + b"hello"  # a record of a log of leveldb
_NAME = "2026-11-02T08:00:00_77"
_EXPORT = f"gs://out/{_NAME}"
_DOCUMENTS = {
    f"{_EXPORT}/{_NAME}.overall_export_metadata": _LEVELDB,
    f"{_EXPORT}/all_namespaces/kind_users/all_namespaces_kind_users.export_metadata": _LEVELDB,
    f"{_EXPORT}/all_namespaces/kind_users/output-0": _LEVELDB,
}
_TIMES: dict[str, Any] = {"startTime": BEGAN, "endTime": ENDED}
FIRESTORE = Layout(
    "Firestore",
    "exportDocuments",
    name="projects/p/databases/(default)/operations/ASA1",
    metadata=of(
        "firestore.admin.v1.ExportDocumentsMetadata",
        **_TIMES,
        operationState="SUCCESSFUL",
        outputUriPrefix=_EXPORT,
    ),
    response=of("firestore.admin.v1.ExportDocumentsResponse", outputUriPrefix=_EXPORT),
    files=_DOCUMENTS,
    fails="DATASTORE_BACKUP",
    aside="the export: load it into BigQuery, as the error says",
)
DATASTORE = Layout(
    "Datastore",
    "projects.export",
    name="projects/p/operations/ASA2",
    metadata=of(
        "datastore.admin.v1.ExportEntitiesMetadata",
        common={**_TIMES, "operationType": "EXPORT_ENTITIES", "state": "SUCCESSFUL"},
        outputUrlPrefix="gs://out",
    ),
    response=of(
        "datastore.admin.v1.ExportEntitiesResponse",
        outputUrl=f"{_EXPORT}/{_NAME}.overall_export_metadata",
    ),
    files=_DOCUMENTS,
    fails="DATASTORE_BACKUP",
    aside="the export: load it into BigQuery, as the error says",
)

_ROWS = [{"id": 1, "zip": "01069", "price": 1.5}, {"id": 2, "zip": "20095", "price": 2.25}]
_VALUES: dict[str, list[Any]] = {"id": [1, 2], "zip": ["01069", "20095"], "price": [1.5, 2.25]}
_CSV = "id,zip,price\n1,01069,1.5\n2,20095,2.25\n"


def _parquet() -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(_ROWS), file)
    return file.getvalue()


def _avro(name: str = "Root") -> bytes:
    file = io.BytesIO()
    types = {"id": "long", "zip": "string", "price": "double"}
    fields = [{"name": field, "type": ["null", kind]} for field, kind in types.items()]
    fastavro.writer(file, {"type": "record", "name": name, "fields": fields}, _ROWS)
    return file.getvalue()


_FORMATS = {"CSV": "CSV", "NEWLINE_DELIMITED_JSON": "JSON Lines", "PARQUET": "Parquet", "AVRO": "Avro"}


def _extract(form: str, suffix: str, data: bytes | str, **settings: str) -> Layout:
    return Layout(
        "BigQuery",
        "extract job",
        f"{_FORMATS[form]}{', gzip' if settings else ''}",
        job={
            "kind": "bigquery#job",
            "id": "p:US.job_7",
            "jobReference": {"projectId": "p", "jobId": "job_7", "location": "US"},
            "status": {"state": "DONE"},
            "statistics": {
                "creationTime": "1793606400000",
                "startTime": "1793606401000",
                "endTime": "1793606700000",
            },
            "configuration": {
                "jobType": "EXTRACT",
                "extract": {
                    "sourceTable": {"projectId": "p", "datasetId": "d", "tableId": "sales"},
                    "destinationUris": [f"gs://out/sales/*{suffix}"],
                    "destinationFormat": form,
                    **settings,
                },
            },
        },
        files={
            f"gs://out/sales/000000000000{suffix}": data,
            f"gs://out/sales/000000000001{suffix}": data,
        },
        others={f"gs://out/salesmen/000000000000{suffix}": data},
        tables={"sales": Table("row of the table", {name: values * 2 for name, values in _VALUES.items()})},
    )


_SQL_JOB = {
    "kind": "sql#operation",
    "name": "0d5a1f2e-0000-4000-8000-000000000032",
    "operationType": "EXPORT",
    "status": "DONE",
    "targetProject": "p",
    "targetId": "shop",
    "insertTime": BEGAN,
    "startTime": BEGAN,
    "endTime": ENDED,
}
_HEADLESS = "1,01069,1.5\n2,20095,2.25\n"
SQL_CSV = Layout(
    "Cloud SQL",
    "instances.export",
    "CSV",
    job={
        **_SQL_JOB,
        "exportContext": {
            "kind": "sql#exportContext",
            "uri": "gs://out/sales.csv",
            "fileType": "CSV",
            "csvExportOptions": {"selectQuery": "SELECT id, zip, price FROM sales"},
        },
    },
    files={"gs://out/sales.csv": _HEADLESS},
    tables={
        "sales": Table(
            "row of the query",
            {"column_1": [1, 2], "column_2": ["01069", "20095"], "column_3": [1.5, 2.25]},
        )
    },
)
_DUMP = "--\n-- PostgreSQL database dump\n--\n\nCREATE TABLE sales (id integer);\n"
SQL_DUMP = Layout(
    "Cloud SQL",
    "instances.export",
    "SQL",
    job={
        **_SQL_JOB,
        "exportContext": {"kind": "sql#exportContext", "uri": "gs://out/dump.sql.gz", "fileType": "SQL"},
    },
    files={"gs://out/dump.sql.gz": gzip.compress(_DUMP.encode())},
    fails="an SQL dump",
    aside="the dump: import it into a database",
)
ALLOY = Layout(
    "AlloyDB",
    "clusters.export",
    "CSV",
    metadata=of("alloydb.v1.OperationMetadata", createTime=BEGAN, endTime=ENDED, verb="export"),
    response=of("alloydb.v1.ExportClusterResponse", gcsDestination={"uri": "gs://out/alloy/sales.csv"}),
    files={"gs://out/alloy/sales.csv": _HEADLESS},
    others={"gs://out/alloy/sales.csv.bak": _HEADLESS},
    tables={
        "sales": Table(
            "row of the query",
            {"column_1": [1, 2], "column_2": ["01069", "20095"], "column_3": [1.5, 2.25]},
        )
    },
)
_METASTORE = "gs://out/hive/meta-2026-11-02T08:00:00Z-66ec8a1c"
METASTORE = Layout(
    "Dataproc Metastore",
    "services.exportMetadata",
    "Avro",
    metadata=of("metastore.v1.OperationMetadata", createTime=BEGAN, endTime=ENDED, verb="export"),
    response=of(
        "metastore.v1.MetadataExport",
        startTime=BEGAN,
        endTime=ENDED,
        state="SUCCEEDED",
        databaseDumpType="AVRO",
        destinationGcsUri=_METASTORE,
    ),
    files={f"{_METASTORE}/DBS.avro": _avro("DBS"), f"{_METASTORE}/TBLS.avro": _avro("TBLS")},
    others={"gs://out/hive/meta-2026-11-01T08:00:00Z-11ec8a1c/DBS.avro": _avro("DBS")},
    tables={
        "DBS": Table("row of the tables of the metastore", _VALUES),
        "TBLS": Table("row of the tables of the metastore", _VALUES),
    },
)

LAYOUTS = (
    FIRESTORE,
    DATASTORE,
    _extract("CSV", ".csv", _CSV),
    _extract("CSV", ".csv.gz", gzip.compress(_CSV.encode()), compression="GZIP"),
    _extract("NEWLINE_DELIMITED_JSON", ".json", lines(*_ROWS)),
    _extract("PARQUET", ".parquet", _parquet()),
    _extract("AVRO", ".avro", _avro()),
    SQL_CSV,
    SQL_DUMP,
    ALLOY,
    METASTORE,
)
