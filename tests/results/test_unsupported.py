"""What files are that are not read, and that nothing which is read is taken for one of them."""

from __future__ import annotations

import gzip
import random
import struct

import pytest

from lro_notebook.results.formats.unsupported import why_unread


def crc32c(data: bytes) -> int:
    """Return a CRC-32C, from a table, as another hand would make it."""
    table = []
    for number in range(256):
        value = number
        for _ in range(8):
            value = (value >> 1) ^ 0x82F63B78 if value & 1 else value >> 1
        table.append(value)
    value = 0xFFFFFFFF
    for byte in data:
        value = table[(value ^ byte) & 255] ^ (value >> 8)
    return value ^ 0xFFFFFFFF


def masked(data: bytes) -> bytes:
    value = crc32c(data)
    return struct.pack("<I", ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def tfrecord(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return length + masked(length) + data + masked(data)


def leveldb(data: bytes, kind: int = 1) -> bytes:
    body = bytes([kind]) + data
    return masked(body) + struct.pack("<H", len(data)) + body


def test_the_checksum_is_the_one_of_the_standard() -> None:
    assert crc32c(b"123456789") == 0xE3069283


HELD = {
    "TFRecord": [("predictions-00000-of-00002", tfrecord(b"\x0a\x05hello")), ("x.json", tfrecord(b""))],
    "Datastore or Firestore export": [
        ("all_namespaces/kind_Task/output-0", leveldb(b"entity")),
        ("output-12", leveldb(bytes(30_000), 2)[:8192]),
        ("2026.overall_export_metadata", b""),
        ("all_namespaces_kind_Task.export_metadata", leveldb(b"x")),
    ],
    "PDF": [("000000", b"%PDF-1.7\n"), ("a.json", b"%PDF-1.4")],
    "an image": [
        ("x", b"\x89PNG\r\n\x1a\n...."),
        ("x.jpg", b"\xff\xd8\xff\xe0"),
        ("x", b"RIFF\x24\0\0\0WEBPVP8 "),
    ],
    "GeoTIFF": [("elevation", b"II*\0\x08\0\0\0"), ("big.tif", b"MM\0+")],
    "zip archive": [("x.zip", b"PK\x03\x04"), ("part-0", b"PK\x03\x04")],
    "Excel": [("t.xlsx", b"PK\x03\x04"), ("t.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")],
    "shapefile": [("t.shp", b"\0\0'\n" + bytes(96)), ("t", b"\0\0'\n" + bytes(96)), ("t.dbf", b"\x03")],
    "SQL dump": [
        ("dump", b"-- MySQL dump 10.13  Distrib 8.0\n--\n"),
        ("dump.gz", b"--\n-- PostgreSQL database dump\n--\n\nSET x = 0;"),
        ("x.txt", b"/*!40101 SET NAMES utf8 */;\nCREATE TABLE t (a int);\n"),
        ("x.sql", b""),
    ],
    "Redis": [("backup", b"REDIS0011\xfa"), ("x.rdb", b"")],
    "ORC": [("part-00000", b"ORC\x0a\x03")],
    "subtitles": [
        ("t", b"WEBVTT\n\n00:00"),
        ("t", b"\xef\xbb\xbfWEBVTT - x\n"),
        ("t.json", b"1\r\n00:00:00,000 --> 00:00:01,200\r\nHello"),
    ],
    "KML": [("t", b'<?xml version="1.0"?>\n<kml xmlns="x">'), ("t.kmz", b"PK\x03\x04")],
    "XML": [("t", b'<?xml version="1.0"?><a/>')],
    "HTML": [("t", b"<!DOCTYPE html><p>"), ("t.html", b"<p>hello")],
    "Arrow": [("t.feather", b"ARROW1\0\0")],
}


@pytest.mark.parametrize(
    ("what", "name", "start"), [(what, *file) for what, files in HELD.items() for file in files]
)
def test_a_file_that_is_not_read_is_named_with_what_reads_it(what: str, name: str, start: bytes) -> None:
    reason = why_unread(name, start)
    assert reason is not None
    assert what in reason
    assert ": " in reason
    assert reason.isprintable()
    assert len(reason) < 220


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("Patient.ndjson", b'{"resourceType": "Patient"}\n'),
        ("x.json", b'[\n {"a": "-- dump"}]'),
        ("output-0", b'{"a": 1}\n'),
        ("output-1-to-2.json", b'{"responses": []}'),
        ("t.csv", b"set,create,use\n1,2,3\n"),
        ("t.csv", b"\xef\xbb\xbfid,name\n1,2\n"),
        ("t.tsv", b"1\t00:00:00\n"),
        ("t.csv", b"ORCID,name\n1,2\n"),
        ("t.csv", b"ID3,OggS\n"),
        ("t.tsv", b"BZh\t1\n"),
        ("t.txt", b"MSH|^~\\&|a\r"),
        ("t.parquet", b"PAR1\x15\x04"),
        ("t.avro", b"Obj\x01\x04\x16"),
        ("t.dcm", bytes(128) + b"DICM"),
        ("ids", b"Patient/1\nPatient/2\n"),
        ("", b""),
    ],
)
def test_what_is_read_or_not_known_is_not_named(name: str, start: bytes) -> None:
    assert why_unread(name, start) is None


def test_no_random_bytes_are_taken_for_records() -> None:
    draw = random.Random(18)  # noqa: S311 - no secret
    named = [why_unread("output-0", draw.randbytes(draw.randint(0, 60))) for _ in range(2000)]
    assert sum(reason is not None for reason in named) == 0


def test_sound_is_named() -> None:
    assert "sound" in str(why_unread("t", b"ID3\x04\0\0"))


def test_zero_bytes_are_no_record() -> None:
    assert why_unread("x", bytes(8192)) is None


def test_a_long_comment_takes_no_long_time() -> None:
    for start in (
        b"-- x\n" * 2000,
        b"/* x */ " * 1000,
        b"/*" * 4096,
        b"-" * 8192,
        b" " * 8192,
        b"CREATE " * 1000,
    ):
        why_unread("x", start)


def test_gzip_is_looked_into_by_who_asks() -> None:
    assert why_unread("x.sql.gz", gzip.compress(b"")[:0]) == why_unread("x.sql", b"")
