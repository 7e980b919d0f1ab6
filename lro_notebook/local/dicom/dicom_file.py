"""DICOM files (Part 10): UIDs and metadata, JSON patches of metadata, transfer syntaxes. Pure.

pydicom reads them; it comes with an extra, so it is imported on demand. Messages about a file that cannot be
read never hold its content; the warnings of pydicom do, and are turned off.
"""

from __future__ import annotations

import logging
import re
import warnings
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from lro_notebook import dicom_size
from lro_notebook.local.core import json_patch, nesting
from lro_notebook.local.core.service_errors import not_installed
from lro_notebook.local.dicom import inflate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from pydicom.dataset import Dataset, FileDataset

#: DICOM JSON: tag -> ``{"vr": …, "Value": […]}``.
Metadata = dict[str, Any]

STUDY, SERIES, INSTANCE = "0020000D", "0020000E", "00080018"

#: Value representations of binary data; metadata leaves such attributes out.
_BINARY = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
#: Maximum number of top-level attributes in a file.
_ATTRIBUTES = 50_000
#: Elements, items of sequences and values that a file may have, all together.
_PARTS = 500_000
#: The environment variable that sets that limit.
PARTS_VARIABLE = "LRO_NOTEBOOK_LOCAL_DICOM_PARTS"
_UID = re.compile(r"(?=.{1,64}\Z)\d+(?:\.\d+)*", re.ASCII)
#: Transfer syntaxes that differ only in the encoding of attributes, not of pixels.
UNCOMPRESSED = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99")
_DEFLATED = UNCOMPRESSED[2]


class ParseError(ValueError):
    """Why a file cannot be used."""


class Instance(NamedTuple):
    """A DICOM instance: its UIDs, its metadata as JSON, and its file."""

    study: str
    series: str
    id: str
    metadata: bytes
    data: bytes


@cache
def pydicom() -> ModuleType:
    """Return pydicom with its warnings off; raise if it is not installed."""
    try:
        import pydicom as module
        from pydicom import config
    except ImportError as error:
        raise not_installed("pydicom", "DICOM") from error
    # The warnings quote values.
    config.settings.reading_validation_mode = config.IGNORE
    config.settings.writing_validation_mode = config.IGNORE
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", module=r"pydicom\b")
    return module


def read(data: bytes) -> Instance:
    """Return the instance in a file.

    Raises
    ------
    ParseError
        It is not a DICOM file, or one of its UIDs is missing.
    """
    return instance_of(open_file(data), data)


def open_file(data: bytes) -> FileDataset:
    """Return the attributes of a file, read with pydicom.

    Raises
    ------
    ParseError
        It is not a DICOM file.
    """
    if not data:
        raise ParseError("empty DICOM instance found")
    module = pydicom()
    try:
        plain = inflate.inflated(data)
    except ValueError as error:
        raise ParseError(f"not a DICOM file that can be read: {error}") from error
    count = 0

    def too_many(*_: object) -> bool:
        nonlocal count
        count += 1
        return count > _ATTRIBUTES

    try:
        most = inflate.setting(PARTS_VARIABLE, _PARTS)
        budget = dicom_size.Budget(most)
        counted = dicom_size.Counted(BytesIO(plain or data), budget)
        with dicom_size.within(budget):
            file: FileDataset = module.filereader.read_partial(counted, too_many)
            dicom_size.check_parts(file, budget)
        if plain is not None:
            file.file_meta.TransferSyntaxUID = module.uid.UID(inflate.DEFLATED)
        file.get("PixelData")
    except dicom_size.TooManyPartsError as error:
        raise ParseError(
            f"the file has more than {most:,} elements and items of sequences; "
            f"{PARTS_VARIABLE} of the service sets the limit"
        ) from error
    except Exception as error:  # pydicom raises any kind of exception on broken files
        raise ParseError(f"not a DICOM file that can be read ({type(error).__name__})") from error
    if count > _ATTRIBUTES:
        raise ParseError(f"the file has more than {_ATTRIBUTES:,} attributes")
    return file


def instance_of(file: Dataset, data: bytes) -> Instance:
    """Return the instance of an opened file; `data` is the whole file."""
    shown = metadata_of(file)
    uids = []
    for tag, name in (
        (STUDY, "StudyInstanceUID"),
        (SERIES, "SeriesInstanceUID"),
        (INSTANCE, "SOPInstanceUID"),
    ):
        value = first(shown, tag)
        if not isinstance(value, str) or _UID.fullmatch(value) is None:
            raise ParseError(
                f"{name} is missing or not a UID (numbers separated by dots, at most 64 characters)"
            )
        uids.append(value)
    study, series, identifier = uids
    try:
        metadata = orjson.dumps(shown, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError as error:
        raise ParseError("its attributes cannot be written as JSON: sequences nest too deep") from error
    if nesting.is_too_deep(metadata):
        raise ParseError(f"as JSON {nesting.REASON}")
    return Instance(study, series, identifier, metadata, data)


def metadata_of(file: Dataset) -> Metadata:
    """Return the attributes of a file as DICOM JSON, without binary and unreadable ones."""
    shown: Metadata = {}
    for tag in file.keys():  # noqa: SIM118 - iterating a dataset reads every value, the broken ones too
        try:
            element = file[tag]
            if element.VR not in _BINARY and tag.group != 2:  # noqa: PLR2004 - the group of the file's header
                shown[f"{tag:08X}"] = _pruned(element.to_json_dict(lambda _: "", 1024))
        except Exception:  # noqa: BLE001, S112 - as above; a bad attribute is no reason to lose the others
            continue
    return shown


def first(metadata: Metadata, tag: str) -> object:
    """Return the first value of an attribute; None if it has none."""
    values = metadata.get(tag, {}).get("Value") or [None]
    return values[0]


def patched(data: bytes, patch: list[Mapping[str, Any]]) -> Instance:
    """Return the instance of a file after a JSON Patch (RFC 6902) of its metadata.

    Raises
    ------
    ParseError
        The patch does not fit the file, or changes a UID.
    """
    file = open_file(data)
    before = metadata_of(file)
    after = apply_patch(orjson.loads(orjson.dumps(before)), patch)
    for tag in before.keys() | after.keys():
        if before.get(tag) == after.get(tag):
            continue
        if tag in (STUDY, SERIES, INSTANCE, "00080016"):
            raise ParseError("the patch changes a UID that identifies the instance")
        _set(file, tag, after.get(tag))
    return read(written(file))


def apply_patch(document: Metadata, patch: list[Mapping[str, Any]]) -> Metadata:
    """Apply the operations of a JSON Patch to `document` in place, and return it."""
    try:
        patched: Metadata = json_patch.apply(document, patch)
    except json_patch.UnfitError as error:
        raise ParseError(f"operation {error.number} of the patch does not fit the metadata") from error
    return patched


def check_patch(patch: object) -> list[Mapping[str, Any]]:
    """Return `patch` if it has the form of a JSON Patch.

    Raises
    ------
    ParseError
        It does not.
    """
    if not isinstance(patch, list) or not patch:
        raise ParseError("expected a JSON Patch: a list of operations")
    for number, step in enumerate(patch):
        fits = isinstance(step, dict) and isinstance(step.get("path"), str) and step["path"].startswith("/")
        word = step.get("op") if fits else None
        if word not in ("add", "replace", "remove", "test") or (word != "remove" and "value" not in step):
            raise ParseError(
                f"operation {number}: expected an op of add, replace, remove or test, with a path such as "
                "/00100020/Value/0 and a value"
            )
    return patch


def written(file: FileDataset) -> bytes:
    """Return an opened file as bytes."""
    buffer = BytesIO()
    file.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def converted(data: bytes, syntax: str) -> bytes:
    """Return a file in another uncompressed transfer syntax.

    Raises
    ------
    ParseError
        Its pixels are compressed, or it is big-endian.
    """
    file = open_file(data)
    now = file.file_meta.get("TransferSyntaxUID")
    if now == syntax:
        return data
    if now not in UNCOMPRESSED:
        raise ParseError(
            "the instance is compressed or big-endian; the local service only re-encodes attributes"
        )
    file.file_meta.TransferSyntaxUID = pydicom().uid.UID(syntax)
    buffer = BytesIO()
    file.save_as(
        buffer,
        implicit_vr=syntax == UNCOMPRESSED[0],
        little_endian=True,
        enforce_file_format=True,
        overwrite=True,
    )
    return buffer.getvalue()


def _set(file: Dataset, tag: str, value: Mapping[str, Any] | None) -> None:
    """Set an attribute from DICOM JSON, or remove it."""
    try:
        number = int(tag, 16)
        if value is None:
            del file[number]
        else:
            file.add(pydicom().dataset.Dataset.from_json({tag: value})[number])
    except Exception as error:  # as above
        raise ParseError("the patch gives an attribute a tag or a value that it cannot have") from error


def _pruned(element: Metadata) -> Metadata:
    """Remove binary attributes from the items of a sequence."""
    if element.get("vr") == "SQ":
        element["Value"] = [
            {tag: _pruned(inner) for tag, inner in item.items() if inner.get("vr") not in _BINARY}
            for item in element.get("Value", ())
        ]
    return element
