"""Folders as other programs write them: HL7v2, DICOM, CSV, Parquet and Avro, read as they lie there."""

from __future__ import annotations

import gzip
import io
import json
import struct
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from results.avros import record, written
from results.dicoms import element, made
from results.header import MSH
from results.whole import bad, loaded

import lro_notebook as lro
from lro_notebook.errors import LeftOutWarning, LroWarning
from lro_notebook.results.formats.delimited.charset import READ_AS
from lro_notebook.results.formats.hl7v2.reader import LOG_LINES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lro_notebook.results.results import Results

SPARK = "part-0000{}-1f2e3d4c-5b6a-7980-a1b2-c3d4e5f60718-c000"
DIRECTORY = b"1.2.840.10008.1.3.10"


def message(number: int, end: str = "\r") -> str:
    return (MSH.replace("|1|P", f"|{number}|P") + f"PID|1||{number}\rOBX|1|ST|A||x{number}\r").replace(
        "\r", end
    )


def parquet(**columns: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def read(folder: Path, files: Mapping[str, bytes | str], **options: Any) -> Results:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return loaded(folder, **options)


def only(results: Results) -> pd.DataFrame:
    (name,) = results
    return results[name]


def left_out(results: Results) -> dict[str, str]:
    return {
        file.rpartition("/")[2]: reason
        for file, reason in zip(results.skipped["file"], results.skipped["reason"], strict=True)
    }


def test_files_of_an_interface_engine_one_message_each_or_batches(tmp_path: Path) -> None:
    batch = "FHS|^~\\&|A\rBHS|^~\\&|A\r" + message(3) + message(4) + "BTS|2\rFTS|1\r"
    results = read(
        tmp_path,
        {
            "ADT_20240105.101500": message(1),
            "6f9d7d5e-1c2b-4a39-8e70-5b6a7980a1b2.oru": message(2, "\r\n"),
            "batch.hl7.gz": gzip.compress(batch.encode()),
            "backup/ADT_20240104.000001": message(9),
        },
    )
    assert sorted(results["PID"]["PID.3"]) == ["1", "2", "3", "4"]
    assert results["OBX"]["OBX.5"].tolist() == [f"x{number}" for number in results["PID"]["PID.3"]]
    assert results.bad_lines.empty
    assert list(left_out(results)) == ["backup"]


@pytest.mark.parametrize("end", ["\x1c\r", "\x1c\r\n", "\x1c"])
def test_a_recorded_mllp_stream(end: str, tmp_path: Path) -> None:
    ack = MSH.replace("ADT^A01", "ACK") + "MSA|AA|1\r"
    stream = "".join(f"\x0b{message(number)}{end}\x0b{ack}{end}" for number in range(3))
    results = read(tmp_path, {"mllp.log": stream})
    assert (len(results["messages"]), results["PID"]["PID.3"].tolist()) == (6, ["0", "1", "2"])
    assert results["MSA"]["MSA.1"].tolist() == ["AA"] * 3
    assert results.bad_lines.empty


@pytest.mark.parametrize(
    "stamp",
    [
        "2024-01-05 10:15:00,123 INFO [thread-1] received: ",
        "[2024-01-05T10:15:00Z] >> ",
        "01/05/2024 10:15:00 Received\n",
        "Jan  5 10:15:00 host app: ",
    ],
)
@pytest.mark.parametrize("end", ["\r", "\n"])
def test_a_log_in_which_messages_stand(stamp: str, end: str, tmp_path: Path) -> None:
    lines = "".join(stamp + message(number, end) + "\n" for number in range(3))
    last = stamp.replace("received: ", "closed").replace("Received", "closed").rstrip() + "\n"
    results = read(tmp_path, {"interface.log": lines + last})
    assert results["PID"]["PID.3"].tolist() == ["0", "1", "2"]
    assert results["OBX"]["OBX.5"].tolist() == ["x0", "x1", "x2"]
    assert (1, LOG_LINES) in bad(results)


def test_a_medium_of_a_pacs(tmp_path: Path) -> None:
    meta = element(2, 2, "UI", DIRECTORY) + element(2, 0x10, "UI", b"1.2.840.10008.1.2.1\0")
    directory = bytes(128) + b"DICM" + element(2, 0, "UL", struct.pack("<I", len(meta))) + meta
    results = read(
        tmp_path,
        {
            "DICOMDIR": directory + element(4, 0x1130, "CS", b"CD"),
            "DICOM/PA000001/ST000001/SE000001/IM000001": made(),
            "DICOM/PA000001/ST000001/SE000001/IM000002": made(),
            "HEAD.MR.0001.0001.2024.01.05.10.15.30.IMA": made(),
            "AUTORUN.INF": "[autorun]\nopen=viewer.exe\n",
            "VIEWER.EXE": b"MZ\x90\0\3\0\0\0",
        },
    )
    assert len(results["instances"]) == 3
    assert set(left_out(results)) == {"DICOMDIR", "AUTORUN.INF", "VIEWER.EXE"}
    assert left_out(results)["DICOMDIR"].startswith("the directory of a medium")


def test_dicom_json_as_dcm4che_and_web_servers_write_it(tmp_path: Path) -> None:
    def instance(uid: str, **more: Any) -> dict[str, Any]:
        return {"00080018": {"vr": "UI", "Value": [uid]}, **more}

    pretty = json.dumps([instance("1.1"), instance("1.2")], indent=4)
    empty = instance(
        "1.3", **{"00100030": {"vr": "DA", "Value": [""]}, "00101030": {"vr": "DS", "Value": [""]}}
    )
    lower = {"0008103e": {"vr": "LO", "Value": ["x", None]}, "00100010": {"vr": "PN", "Value": ["A^B"]}}
    bulk = {"7FE00010": {"vr": "OW", "BulkDataURI": "https://h/1"}, "00082111": {"vr": "ST"}}
    results = read(
        tmp_path,
        {
            "study.json": pretty,
            "1/metadata": json.dumps([empty, instance("1.4", **lower)]),
            "2/metadata.gz": gzip.compress(json.dumps([instance("1.5", **bulk)]).encode()),
        },
        parse_dates=True,
    )
    rows = results["instances"].set_index("SOPInstanceUID")
    assert sorted(rows.index) == ["1.1", "1.2", "1.3", "1.4", "1.5"]
    assert (rows["SeriesDescription"]["1.4"], rows["PatientName"]["1.4"]) == ("x", "A^B")
    assert not {"PatientBirthDate", "PatientWeight"} & set(rows.columns)
    assert results.bad_lines.empty


def test_an_extract_of_a_warehouse_in_gzipped_shards(tmp_path: Path) -> None:
    shards = {f"{n:012d}.csv.gz": gzip.compress(f"id,code\n{n},0{n}\n".encode()) for n in range(3)}
    rows = only(read(tmp_path, shards))
    assert (rows["id"].tolist(), rows["code"].tolist()) == ([0, 1, 2], ["00", "01", "02"])


TABLE = "Name;Ort;Betrag\r\nMüller;Köln;1,50\r\nJörg;;2,50\r\n"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (TABLE.encode("cp1252"), [(2, READ_AS.format("cp1252"))]),
        (TABLE.encode("utf-8-sig"), []),
        (("sep=;\r\n" + TABLE).encode("utf-8-sig"), []),
        (TABLE.replace(";", "\t").encode("utf-16"), []),
        (TABLE.replace(";", "\t").encode("utf-16-le"), []),
    ],
    ids=["windows", "mark", "sep", "unicode", "unicode without a mark"],
)
def test_a_table_that_a_spreadsheet_exported(data: bytes, told: list[Any], tmp_path: Path) -> None:
    results = read(tmp_path, {"export.csv": data})
    rows = only(results)
    assert rows.columns.tolist() == ["Name", "Ort", "Betrag"]
    assert rows["Name"].tolist() == ["Müller", "Jörg"]
    assert rows["Betrag"].tolist() == ["1,50", "2,50"]
    assert rows["Ort"].isna().tolist() == [False, True]
    assert bad(results) == told


def test_spark_parquet_in_folders_of_keys(tmp_path: Path) -> None:
    results = read(
        tmp_path,
        {
            "_SUCCESS": "",
            f"day=2024-01-05/city=K%C3%B6ln/{SPARK.format(0)}.snappy.parquet": parquet(v=[1, 2]),
            f"day=2024-01-06/city=__HIVE_DEFAULT_PARTITION__/{SPARK.format(1)}.snappy.parquet": parquet(
                v=[3]
            ),
            f"day=2024-01-06/city=Bonn/.{SPARK.format(2)}.snappy.parquet.crc": b"crc\0",
        },
        parse_dates=True,
    )
    rows = only(results)
    assert rows["v"].tolist() == [1, 2, 3]
    assert [str(day)[:10] for day in rows["day"]] == ["2024-01-05"] * 2 + ["2024-01-06"]
    assert rows["city"].fillna("").tolist() == ["Köln", "Köln", ""]
    (name,) = results
    parts = tmp_path / "out"
    results.to_parquet(parts)
    assert lro.read_results(parts / name)[name]["city"].fillna("").tolist() == ["Köln", "Köln", ""]


def test_only_the_columns_of_keys_that_are_asked_for(tmp_path: Path) -> None:
    files = {f"year={year}/site=N/p.parquet": parquet(v=[1], w=[2]) for year in (2023, 2024)}
    rows = only(read(tmp_path, files, columns=["year"]))
    assert (rows.columns.tolist(), rows["year"].tolist()) == (["year"], ["2023", "2024"])
    assert only(read(tmp_path, files, columns=["w"])).columns.tolist() == ["w"]


def test_a_column_of_the_file_goes_before_a_key_of_that_name(tmp_path: Path) -> None:
    assert only(read(tmp_path, {"year=2024/a.csv": "year,b\n1999,2\n"}))["year"].tolist() == [1999]


def test_keys_of_messages_objects_and_json(tmp_path: Path) -> None:
    for site in ("N", "S"):
        read(tmp_path / "hl7", {f"site={site}/a.hl7": message(1)})
        read(tmp_path / "dicom", {f"site={site}/a.dcm": made()})
        read(tmp_path / "json", {f"site={site}/p.jsonl": '{"a":[1,2]}\n'}, lists="explode")
    assert loaded(tmp_path / "hl7")["messages"]["site"].tolist() == ["N", "S"]
    assert loaded(tmp_path / "dicom")["instances"]["site"].tolist() == ["N", "S"]
    assert loaded(tmp_path / "json", lists="explode")["p"]["site"].tolist() == ["N", "S"]


@pytest.mark.parametrize(
    ("folder", "kind"), [("_delta_log", "Delta"), ("metadata", "Iceberg"), (".hoodie", "Hudi")]
)
def test_files_of_a_table_with_versions_are_told(folder: str, kind: str, tmp_path: Path) -> None:
    place = "data/a.parquet" if kind == "Iceberg" else "a.parquet"
    for name, data in ((place, parquet(v=[1])), (f"{folder}/0.json", b'{"add":{"path":"a.parquet"}}\n')):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    with pytest.warns(LroWarning, match=f"looks like an? {kind} table: .* older versions"):
        lro.read_results(tmp_path)


def test_a_folder_beside_files_is_told(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old/b.csv").write_text("a,b\n3,4\n")
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    with pytest.warns(LeftOutWarning, match=r"^1 folder at .* left out: old \(a folder beside files"):
        results = lro.read_results(tmp_path)
    assert only(results)["a"].tolist() == [1]
    (tmp_path / "notes.pdf").write_bytes(b"%PDF-1.7 ")
    with pytest.warns(LeftOutWarning, match=r"^1 file and 1 folder at .* left out: "):
        lro.read_results(tmp_path)


def test_what_pandas_writes_with_its_index(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": [1, 2], "y": ["a", "b,c"]}, index=["r", "s"])
    out = io.BytesIO()
    frame.to_parquet(out)
    results = read(tmp_path, {"a.csv": frame.to_csv(), "b.parquet": out.getvalue()})
    assert results["a"].iloc[:, 0].tolist() == ["r", "s"]
    assert (results["a"]["x"].tolist(), results["a"]["y"].tolist()) == ([1, 2], ["a", "b,c"])
    assert "r" in results["b"].to_numpy()


def test_avro_of_an_event_hub_in_folders_of_days(tmp_path: Path) -> None:
    schema = record(SequenceNumber="long", Body=["null", "bytes"])
    results = read(
        tmp_path,
        {
            "hub/0/2024/01/05/10/15/00.avro": written(schema, [{"SequenceNumber": 1, "Body": b"x"}]),
            "hub/0/2024/01/05/10/20/00.avro": written(schema, []),
        },
    )
    assert only(results)["SequenceNumber"].tolist() == [1]


def test_links_to_files_are_files(tmp_path: Path) -> None:
    (tmp_path / "annex").mkdir()
    (tmp_path / "set/sub").mkdir(parents=True)
    for name in ("a.dcm", "sub/b.dcm"):
        (tmp_path / "annex" / name.replace("/", "-")).write_bytes(made())
        (tmp_path / "set" / name).symlink_to(tmp_path / "annex" / name.replace("/", "-"))
    (tmp_path / "set/gone.dcm").symlink_to(tmp_path / "annex/gone.dcm")
    assert len(loaded(tmp_path / "set")["instances"]) == 2
    assert len(loaded(tmp_path / "set/a.dcm")["instances"]) == 1


def test_a_slide_that_is_tiff_and_dicom_in_one(tmp_path: Path) -> None:
    results = read(
        tmp_path, {"slide": b"II*\0" + made()[4:], "packed.gz": gzip.compress(b"II*\0" + made()[4:])}
    )
    assert len(results["instances"]) == 2
