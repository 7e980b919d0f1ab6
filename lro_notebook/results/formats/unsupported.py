"""Files that are not read here, and what reads them: by what they hold first, then by their names. Pure."""

from __future__ import annotations

import re

from lro_notebook.results.formats.dicom.sniff import MARK, PREAMBLE, is_directory

_TFRECORD = "a TFRecord file: tf.data.TFRecordDataset reads it"
_EXPORT = (
    "part of a Datastore or Firestore export: load it into BigQuery with bq load "
    "--source_format=DATASTORE_BACKUP, and give the place of that table (bq://project.dataset.table)"
)
_IMAGE = "an image: Pillow reads it"
_GEOTIFF = "a TIFF image, such as a GeoTIFF: rasterio reads it"
_ZIP = "a zip archive: unpack it, and give the folder"
_XLSX = "an Excel workbook: pandas.read_excel reads it"
_OFFICE = "an Office document: the program that its suffix names opens it"
_SHAPEFILE = "part of a shapefile: geopandas.read_file reads it"
_SQL = "an SQL dump: import it into a database, such as Cloud SQL"
_ORC = "an ORC file: pandas.read_orc reads it"
_RDB = "a Redis backup (RDB): import it into an instance of Memorystore for Redis"
_SUBTITLES = "subtitles: a player or a text editor shows them"
_KML = "places in KML: geopandas.read_file reads them"
_XML = "an XML document: pandas.read_xml reads it"
_HTML = "an HTML document: a browser shows it"
_PDF = "a PDF document: pypdf reads its text"
_ARROW = "an Arrow file: pyarrow.ipc.open_file reads it, pyarrow.feather too"
_STREAM = "packed data: unpack it, and give the folder"
_SQLITE = "an SQLite database: pandas.read_sql reads it"
_HDF5 = "an HDF5 file: pandas.read_hdf or h5py reads it"
_MEDIA = "sound or a film: a player plays it"
_DICOMDIR = "the directory of a medium with DICOM objects: those beside it are read"
_PICKLE = "a pickle: it may run any code that is in it, so load it only if you wrote it"

#: Where the words are, and which: what a file begins with.
_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"%PDF-", _PDF),
    (0, b"\x89PNG\r\n\x1a\n", _IMAGE),
    (0, b"\xff\xd8\xff", _IMAGE),
    (0, b"GIF87a", _IMAGE),
    (0, b"GIF89a", _IMAGE),
    (8, b"WEBP", _IMAGE),
    (0, b"II*\0", _GEOTIFF),
    (0, b"MM\0*", _GEOTIFF),
    (0, b"II+\0", _GEOTIFF),
    (0, b"MM\0+", _GEOTIFF),
    (0, b"PK\x03\x04", _ZIP),
    (0, b"PK\x05\x06", _ZIP),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", _OFFICE),
    (0, b"ORC", _ORC),
    (0, b"ARROW1\0\0", _ARROW),
    (0, b"SQLite format 3\0", _SQLITE),
    (0, b"\x89HDF\r\n\x1a\n", _HDF5),
    (0, b"BZh", _STREAM),
    (0, b"\xfd7zXZ\0", _STREAM),
    (0, b"\x28\xb5\x2f\xfd", _STREAM),
    (257, b"ustar", _STREAM),
    (0, b"\x00\x00\x27\x0a" + bytes(20), _SHAPEFILE),
    (0, b"fLaC", _MEDIA),
    (0, b"OggS", _MEDIA),
    (0, b"ID3", _MEDIA),
    (8, b"WAVE", _MEDIA),
    (4, b"ftyp", _MEDIA),
)
_NO_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1a\x80-\xff]")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a]")
_LOOKED_AT = 512  # bytes that tell whether a file is text
_SURE = 5  # letters that no other file begins with; "ORC" may be the first column of a CSV
_REDIS = re.compile(rb"REDIS\d{4}")
_BOM = b"\xef\xbb\xbf"
_VTT = re.compile(rb"WEBVTT(?:[ \t\r\n]|\Z)")
_SRT = re.compile(rb"\s*\d+\r?\n\d\d:\d\d:\d\d,\d{3} --> \d\d:\d\d:\d\d,\d{3}")
_DUMP = re.compile(
    rb"\s*(?:(?:--|#)[^\n]*\n\s*|/\*.*?\*/;?\s*)*+"
    rb"(?:--[^\n]*dump|(?:CREATE|INSERT INTO|DROP (?:TABLE|DATABASE)|SET|BEGIN|PRAGMA|ALTER TABLE"
    rb"|LOCK TABLES|USE)\s[^;]*;)",
    re.DOTALL | re.IGNORECASE,
)
_DUMP_HEAD = re.compile(rb"\s*+--[ \t\r]*+(?:\n--)?[^\n]*\bdump\b", re.IGNORECASE)
_MARKUP = re.compile(rb"\s*<(?:\?xml\b|!doctype\b|!--|[A-Za-z])", re.IGNORECASE)

#: Names of exports of Datastore and Firestore; ``output-0`` alone says nothing, what is in it does.
_EXPORT_NAME = re.compile(r".*\.(?:overall_)?export_metadata", re.DOTALL)
_EXPORT_PART = re.compile(r"output-\d+")
_BY_SUFFIX = {
    **dict.fromkeys(("tfrecord", "tfrecords"), _TFRECORD),
    "pdf": _PDF,
    **dict.fromkeys(("png", "jpg", "jpeg", "gif", "bmp", "webp"), _IMAGE),
    **dict.fromkeys(("tif", "tiff"), _GEOTIFF),
    **dict.fromkeys(("xlsx", "xlsm", "xls"), _XLSX),
    **dict.fromkeys(("docx", "pptx", "doc", "ppt", "odt"), _OFFICE),
    **dict.fromkeys(("shp", "shx", "dbf", "prj"), _SHAPEFILE),
    "sql": _SQL,
    "rdb": _RDB,
    "orc": _ORC,
    **dict.fromkeys(("vtt", "srt"), _SUBTITLES),
    **dict.fromkeys(("kml", "kmz"), _KML),
    **dict.fromkeys(("zip", "tar", "7z", "rar", "tgz"), _ZIP),
    **dict.fromkeys(("html", "htm"), _HTML),
    **dict.fromkeys(("mp3", "mp4", "wav", "flac", "ogg"), _MEDIA),
    **dict.fromkeys(("pkl", "pickle", "joblib"), _PICKLE),
}
#: What a zip archive is, as its suffix says.
_ZIPPED = {"xlsx": _XLSX, "xlsm": _XLSX, "docx": _OFFICE, "pptx": _OFFICE, "odt": _OFFICE, "kmz": _KML}
_LENGTH, _HEAD, _BLOCK = 8, 12, 32_768  # of a TFRecord, with its checksum; of a block of a log of leveldb
_ENOUGH = 4096  # bytes of a longer record that are taken for one
_MASK, _POLYNOMIAL = 0xA282EAD8, 0x82F63B78
_WORD = 0xFFFFFFFF


def why_unread(name: str, start: bytes) -> str | None:
    """Return what a file is that is not read here, and what reads it; None if it is none that is known.

    Parameters
    ----------
    name : str
        Its name; a folder before it helps with exports of Datastore.
    start : bytes
        Its first bytes, decompressed; as many as there are, up to some KB.
    """
    file = name.rpartition("/")[2].lower().removesuffix(".gz")
    suffix = file.rpartition(".")[2] if "." in file else ""
    if _EXPORT_NAME.fullmatch(file):
        return _EXPORT
    held = _held(start)
    if held is _ZIP:
        return _ZIPPED.get(suffix, _ZIP)
    if held is _OFFICE and suffix == "xls":
        return _XLSX
    if held is not None:
        return held
    if _is_leveldb(start) and _EXPORT_PART.fullmatch(file):
        return _EXPORT
    return _by_text(suffix, start.removeprefix(_BOM)) or _BY_SUFFIX.get(suffix)


def _held(start: bytes) -> str | None:
    is_text = not _NO_TEXT.search(start[:_LOOKED_AT])
    if start.startswith(MARK, PREAMBLE - len(MARK)) and not is_directory(start):
        return None  # whatever its preamble is: slides are TIFF and DICOM in one
    held = ((words, what) for place, words, what in _MAGIC if start.startswith(words, place))
    found = next(
        (what for words, what in held if not (is_text and words.isalnum() and len(words) < _SURE)), None
    )
    if found is None and _REDIS.match(start):
        return _RDB
    if found is None and is_directory(start):
        return _DICOMDIR
    return _TFRECORD if found is None and _is_tfrecord(start) else found


def _by_text(suffix: str, text: bytes) -> str | None:
    if _CONTROL.search(text[:_LOOKED_AT]):
        return None
    if _VTT.match(text) or _SRT.match(text):
        return _SUBTITLES
    if _DUMP_HEAD.match(text) or _DUMP.match(text):
        return _SQL
    if _MARKUP.match(text):
        head = text[:2048].lower()
        if b"<kml" in head:
            return _KML
        return _HTML if suffix in ("html", "htm") or b"<html" in head or b"<!doctype html" in head else _XML
    return None


def _is_tfrecord(start: bytes) -> bool:
    """Tell whether a file begins with a length, and the checksum of that: no guess of 32 bits in a row."""
    return len(start) >= _HEAD and _masked(start[:_LENGTH]) == int.from_bytes(start[_LENGTH:_HEAD], "little")


def _is_leveldb(start: bytes) -> bool:
    """Tell whether a file begins with a record of a log of leveldb, whose checksum is before it."""
    head = 7  # checksum, length and kind
    length, kind = int.from_bytes(start[4:6], "little"), start[6:7]
    if kind not in (b"\x01", b"\x02") or not 0 < length <= _BLOCK - head:
        return False
    body = start[6 : head + length]
    if len(body) <= length:  # the start ends inside it
        return len(start) >= _ENOUGH
    return _masked(body) == int.from_bytes(start[:4], "little")


def _masked(data: bytes) -> int:
    """Return the checksum of `data`, masked: CRC-32C, as TFRecord and leveldb keep it."""
    value = _WORD
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (_POLYNOMIAL if value & 1 else 0)
    value ^= _WORD
    return (((value >> 15) | (value << 17)) + _MASK) & _WORD
