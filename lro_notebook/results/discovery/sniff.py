"""In which format a file is: by its name where a service gives such names, else by its first bytes."""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from lro_notebook.results.formats.json.google_documents import is_manifest
from lro_notebook.results.formats.registry import FORMATS, OTHER
from lro_notebook.results.formats.unsupported import why_unread

if TYPE_CHECKING:
    from lro_notebook.results.formats.format import Format

#: Bytes of a file that tell its format.
START = 8192
#: As many of one whose first bytes leave it open.
LONGER = 8 * START
UNKNOWN = "in no format that is read here"
MANIFEST = "a manifest: given that file itself, lro.read_results reads what a bulk export names in it"
TEXT = "text without columns: an editor or pathlib.Path.read_text reads it"
_TEXTS = (".txt", ".txt.gz", ".md")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a]")
_GZIP = b"\x1f\x8b"
#: Words of resources, which few others have.
_LIKE_FHIR = re.compile(rb'"(?:resourceType|lastUpdated|coding|contentType|reference|fullUrl)"[ \t\r\n]*:')


class Judged(NamedTuple):
    """What a file holds.

    Attributes
    ----------
    format : Format or None
        How it is read; None if in no format that is known.
    table : str or None
        What its content says of the table that it belongs to.
    reason : str
        What it is that is not read, and what reads it; empty where it is read. With a format, it is read
        only where it is asked for by its own name.
    """

    format: Format | None
    table: str | None = None
    reason: str = ""


def parse_name(name: str) -> dict[str, Any] | None:
    """Return what the name of a file says about it, as fields of `Shard`; None if no format knows it."""
    for each in FORMATS:
        fields = each.of_name(name) if each.of_name else None
        if fields is not None:
            return {**fields, "format": each}
    return None


def needs_look(name: str) -> bool:
    """Tell whether only its first bytes can say in which format a file is."""
    return _of_suffix(name) is None


def judge(path: str, start: bytes, size: int = START) -> Judged:
    """Return what a file holds that begins so, as up to `size` bytes tell."""
    name = path.rpartition("/")[2]
    of_suffix = _of_suffix(name)
    if of_suffix is not None:
        return Judged(of_suffix, of_suffix.table)
    text = _inflated(start, size)
    if (reason := why_unread(path, text)) is not None:
        return Judged(None, reason=reason)
    for each in FORMATS:
        if (each.looks and each.looks(name, text)) or (each.start and each.start.search(text)):
            reason = MANIFEST if each is OTHER.general and is_manifest(name, text) else ""
            return Judged(each, each.table or (each.table_in(text) if each.table_in else None), reason)
    promised = _of_suffix(name, "suffixes")
    if promised:
        return Judged(promised)
    is_text = name.lower().endswith(_TEXTS) and not _CONTROL.search(text)
    return Judged(None, reason=TEXT if is_text else UNKNOWN)


def _of_suffix(name: str, which: Literal["own_suffixes", "suffixes"] = "own_suffixes") -> Format | None:
    suffix = name.lower().removesuffix(".gz").rpartition(".")[2]
    return next((each for each in FORMATS if suffix in getattr(each, which)), None)


def leaves_open(judged: Judged, start: bytes) -> bool:
    """Tell whether JSON that begins so may be a resource that says its type further on."""
    if judged.format not in {OTHER, OTHER.general} or judged.table or judged.reason:
        return False
    text = _inflated(start, START)
    return len(text) == START and _LIKE_FHIR.search(text) is not None


def _inflated(start: bytes, size: int) -> bytes:
    if not start.startswith(_GZIP):
        return start
    try:
        return zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(start, size)
    except zlib.error:
        return start
